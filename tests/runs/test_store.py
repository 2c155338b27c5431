"""A stored run is the run that was trained, or it is not taken for one."""

import errno
import math
import os
import re
import resource
import signal
import subprocess
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from sdd.data import Dataset, DataSettings, sample, stream
from sdd.runs import store, upkeep
from sdd.runs.store import (
    StoreError,
    checkpoint_path,
    load,
    load_checkpoint,
    locked,
    path,
    run_name,
    save_checkpoint,
    save_run,
)
from sdd.training import Progress, disk, evaluate, files, train
from sdd.training.config import TrainConfig

CONFIG = TrainConfig(steps=20, lr=1e-2, eps=1e-8)


@pytest.fixture(scope="module")
def run():
    """A small run with all that a run can hold."""
    made = train(sample(5, 30, 0.8), replace(CONFIG, restarts=2), snapshots=(3, 20))
    return evaluate(made, sample(50, 30, 0.8, split="test"))


def name_of(run):
    snapshots = tuple(int(step) for step in run.snapshots.get("step", ()))
    return run_name(run.data, run.config, snapshots, run.start, run.model, run.test)


def assert_same(one, other):
    assert one.W.tobytes() == other.W.tobytes()
    assert one.W.dtype == other.W.dtype
    assert one.b.tobytes() == other.b.tobytes()
    for field in ("config", "data", "start", "train_loss"):
        assert getattr(one, field) == getattr(other, field), field
    for field in ("test_loss", "test_error"):
        np.testing.assert_equal(getattr(one, field), getattr(other, field))
    for field in ("history", "snapshots"):
        ours, theirs = getattr(one, field), getattr(other, field)
        assert set(ours) == set(theirs)
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key])
    np.testing.assert_array_equal(one.restart_losses, other.restart_losses)


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def left_behind(folder):
    return sorted(p.name for p in folder.iterdir() if p.name not in (".locks", ".journal"))


# --- There and back -----------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was(run, tmp_path):
    file = save_run(run, tmp_path)
    assert file == path(name_of(run), tmp_path)
    assert left_behind(tmp_path) == [file.name]
    back = load(name_of(run), tmp_path)
    assert_same(back, run)
    assert set(back.snapshots) == {"step", "W", "b", "vW", "vb"}


def test_runs_of_every_kind_come_back(tmp_path):
    own = Dataset.from_dense(np.eye(4))
    init = np.full((2, 30), 0.1), np.full(30, -0.1)
    kinds = [
        train(stream(3, 30, 0.8), CONFIG),  # T = ∞
        train(own, CONFIG),  # data of one's own
        train(sample(5, 30, 0.8), replace(CONFIG, dtype="float64")),
        train(sample(5, 30, 0.8), CONFIG, init=init),  # warm start; test loss NaN
    ]
    for made in kinds:
        save_run(made, tmp_path)
        assert_same(load(name_of(made), tmp_path), made)
    assert len(left_behind(tmp_path)) == 4
    assert load(name_of(kinds[0]), tmp_path).T == math.inf
    assert load(name_of(kinds[1]), tmp_path).data == own


def test_what_is_not_stored_is_none(tmp_path):
    assert load("0" * 16, tmp_path) is None
    assert load("0" * 16, tmp_path / "no such folder") is None


def test_the_folder_is_that_of_the_environment(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SDD_STORE", str(tmp_path / "a" / "b"))
    assert store.default_folder() == tmp_path / "a" / "b"
    save_run(run)
    assert_same(load(name_of(run)), run)
    monkeypatch.delenv("SDD_STORE")
    assert store.default_folder().name == "runs"


@pytest.mark.parametrize("given", ["some/runs", "./some/runs", "~/some/runs"])
def test_a_relative_folder_is_the_same_for_all_that_follows(given, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SDD_STORE", given)
    monkeypatch.chdir(tmp_path)
    assert store.default_folder() == tmp_path / "some" / "runs"
    monkeypatch.chdir("/")
    assert store.default_folder() == tmp_path / "some" / "runs"
    program = "from sdd.runs import store; print(store.default_folder())"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert child.stdout.strip() == str(tmp_path / "some" / "runs"), child.stderr


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_in_any_process(run, tmp_path):
    first = save_run(run, tmp_path / "one").read_bytes()
    assert save_run(run, tmp_path / "two").read_bytes() == first
    assert save_run(load(name_of(run), tmp_path / "one"), tmp_path / "three").read_bytes() == first
    program = (
        "import sys; from pathlib import Path\n"
        "from sdd.data import sample; from sdd.runs.store import save_run\n"
        "from sdd.training.config import TrainConfig\n"
        "from sdd.training import evaluate, train\n"
        "made = train(sample(5, 30, 0.8), TrainConfig(steps=20, lr=1e-2, eps=1e-8, restarts=2),\n"
        "             snapshots=(20, 3))\n"
        "save_run(evaluate(made, sample(50, 30, 0.8, split='test')), Path(sys.argv[1]))\n"
    )
    elsewhere = tmp_path / "four"
    env = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", program, elsewhere], check=True, env=env, timeout=120)
    assert path(name_of(run), elsewhere).read_bytes() == first


# --- Names --------------------------------------------------------------------------------------


def test_names_are_those_of_the_first_stored_runs(monkeypatch):
    # Whoever changes one of these orphans runs that took hours. If bits did change, raise
    # store.NUMERICS instead: these are the names at 1.
    monkeypatch.setattr(store, "NUMERICS", 1)
    few, many = DataSettings(T=10), DataSettings(T=200, n=1_000, sparsity=0.99, seed=3)
    fresh = DataSettings(T=math.inf, batch=3_000)
    other = TrainConfig(m=4, steps=1_000, seed=2, restarts=4, lr=0.01, warmup=10, eps=1e-6)
    assert run_name(few, TrainConfig()) == "1527110ae611c894"
    assert run_name(many, TrainConfig(eps=1e-6, seed=300)) == "e53a3112e87ce688"
    assert run_name(fresh, TrainConfig()) == "5ae7d2530d947882"
    assert run_name(few, other) == "d8a7bae2b45d2485"
    assert run_name(few, TrainConfig(reduction="sum"), (0, 10)) == "60361d315261f022"
    own = Dataset.from_dense(np.eye(4))
    assert run_name(own, TrainConfig(eps=1e-8), start="fedcba9876543210") == "2a54fffecb0999ed"


def test_a_new_setting_with_a_default_renames_no_run():
    @dataclass(frozen=True)
    class NextYearsConfig(TrainConfig):
        momentum: float = 0.9

    data = DataSettings(T=10)
    assert run_name(data, NextYearsConfig(m=3)) == run_name(data, TrainConfig(m=3))
    assert run_name(data, NextYearsConfig(m=3, momentum=0.8)) != run_name(data, TrainConfig(m=3))


def test_whatever_changes_a_run_changes_its_name(monkeypatch):
    data = DataSettings(T=10)
    names = [run_name(data, TrainConfig())]
    for change in (
        *({"m": 3}, {"steps": 40_000}, {"seed": 1}, {"restarts": 2}, {"lr": 2e-3}),
        *({"warmup": 2_500}, {"weight_decay": 0.0}, {"eps": 1e-6}, {"reduction": "sum"}),
        *({"gain": 2.0}, {"dtype": "float64"}),
    ):
        names.append(run_name(data, TrainConfig(**change)))
    for change in ({"T": 11}, {"n": 1_000}, {"sparsity": 0.99}, {"seed": 1}, {"split": "test"}):
        names.append(run_name(replace(data, **change), TrainConfig()))
    names.append(run_name(DataSettings(T=math.inf, batch=100), TrainConfig()))
    names.append(run_name(DataSettings(T=math.inf, batch=200), TrainConfig()))
    names.append(run_name(Dataset.from_dense(np.eye(4)), TrainConfig()))
    names.append(run_name(data, TrainConfig(), model="Untied-0123456789ab"))
    names.append(run_name(data, TrainConfig(), test="0123456789abcdef"))
    names.append(run_name(data, TrainConfig(), snapshots=(5,)))
    names.append(run_name(data, TrainConfig(), start="abc"))
    monkeypatch.setattr(store, "NUMERICS", store.NUMERICS + 1)
    names.append(run_name(data, TrainConfig()))
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)


def test_equal_settings_have_one_name_however_they_are_written():
    one = run_name(DataSettings(T=10, n=1_000, sparsity=0), TrainConfig(lr=1))
    assert one == run_name(
        DataSettings(T=10.0, n=np.int32(1_000), sparsity=0.0), TrainConfig(lr=1.0)
    )
    half = run_name(DataSettings(T=10, sparsity=np.float32(0.5)), TrainConfig())
    assert half == run_name(DataSettings(T=10, sparsity=0.5), TrainConfig())


# --- Damaged and foreign files ------------------------------------------------------------------


def assert_not_stored(file, name, reason=""):
    """Reading says what is wrong in one sentence, and changes nothing."""
    before = file.read_bytes() if file.is_file() else None
    with pytest.warns(UserWarning, match="is not a sound run file") as caught:
        assert load(name, file.parent) is None
    message = str(caught[0].message)
    assert reason in message
    assert str(file) in message
    assert "its run counts as not stored" in message
    assert "\n" not in message
    assert os.path.lexists(file)
    assert before is None or file.read_bytes() == before
    assert not file.with_suffix(".damaged").exists()


def test_files_of_others_are_not_taken_for_a_run(run, tmp_path):
    name = name_of(run)
    file = path(name, tmp_path)
    save_file({"W": run.W, "b": run.b}, file)
    assert_not_stored(file, name, "it was not written by sdd")
    save_file({"W": run.W}, file, metadata={"sdd": '{"format": "another"}'})
    assert_not_stored(file, name, "it was not written by sdd")
    save_file({"W": run.W}, file, metadata={"sdd": "not json"})
    assert_not_stored(file, name)
    file.write_text("a text\n")
    assert_not_stored(file, name)


def test_a_run_under_another_name_is_not_taken_for_it(run, tmp_path):
    file = save_run(run, tmp_path)
    other = run_name(run.data, replace(run.config, seed=1), (3, 20))
    file.rename(path(other, tmp_path))
    assert_not_stored(path(other, tmp_path), other, "it holds the run of other settings")


@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "pipe"])
def test_an_odd_entry_under_a_runs_name_is_no_run_and_holds_nobody_up(kind, run, tmp_path):
    name = name_of(run)
    file = path(name, tmp_path)
    elsewhere = save_run(run, tmp_path / "elsewhere")
    make = {
        "folder": file.mkdir,
        "link": lambda: file.symlink_to(elsewhere),
        "dangling link": lambda: file.symlink_to(tmp_path / "nowhere"),
        "pipe": lambda: os.mkfifo(file),
    }
    make[kind]()
    assert_not_stored(file, name, "it is no regular file")
    with pytest.warns(UserWarning, match="was set aside as"):
        store.set_aside(name, tmp_path)
    assert os.path.lexists(file.with_suffix(".damaged"))
    save_run(run, tmp_path)
    assert_same(load(name, tmp_path), run)
    assert elsewhere.exists()


@pytest.mark.parametrize("code", [errno.ENXIO, errno.EOPNOTSUPP, errno.ENOTSUP])
def test_a_socket_under_a_runs_name_is_no_run_on_any_system(code, run, tmp_path, monkeypatch):
    file = save_run(run, tmp_path)

    def refused(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(disk.os, "open", refused)
    with pytest.raises(ValueError, match="it is no regular file"):
        disk.opened(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_not_stored(run, tmp_path):
    file = save_run(run, tmp_path)
    file.chmod(0)
    with pytest.warns(UserWarning, match="Permission denied"):
        assert load(name_of(run), tmp_path) is None


def rewritten(file, change):
    """Write a run's file again with its hash right, after a change of its arrays and metadata."""
    tensors, meta = files.read(file)
    change(tensors, meta)
    files.write(file, tensors, meta)


def test_with_a_right_hash_weights_are_still_checked(run, tmp_path):
    good = save_run(run, tmp_path).read_bytes()
    name, file = name_of(run), path(name_of(run), tmp_path)
    for change, reason in (
        (lambda t, m: t["W"].__setitem__((0, 0), np.nan), "not all finite"),
        (lambda t, m: t["b"].__setitem__(3, np.inf), "not all finite"),
        (lambda t, m: t.update(W=t["W"][:, :7]), "its W is (2, 7)"),
        (lambda t, m: t.update(b=t["b"].astype(float)), "of float32"),
        (lambda t, m: t.pop("b"), ""),
        (lambda t, m: m.update(config=[]), ""),
        (lambda t, m: m["config"].update(lr="fast"), "lr must be a finite number"),
    ):
        file.write_bytes(good)
        rewritten(file, change)
        assert_not_stored(file, name, reason)


def test_a_newer_versions_run_is_read_as_its_further_settings_are_at_their_defaults(run, tmp_path):
    file = save_run(run, tmp_path)
    rewritten(file, lambda tensors, meta: meta["config"].update(momentum=0.9))
    rewritten(file, lambda tensors, meta: meta["data"].update(law="uniform"))
    assert_same(load(name_of(run), tmp_path), run)


def test_what_is_set_aside_is_kept_and_nothing_else_is_touched(run, tmp_path):
    file, name = path(name_of(run), tmp_path), name_of(run)
    store.set_aside(name, tmp_path)  # nothing is there
    file.write_bytes(b"someone's")
    with pytest.warns(UserWarning, match="was set aside as"):
        store.set_aside(name, tmp_path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"someone's"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(name, tmp_path) is None


def test_a_half_written_file_is_never_read(run, tmp_path):
    # As a process killed in the middle of writing leaves it.
    blob = save_run(run, tmp_path / "whole").read_bytes()
    (tmp_path / ".writing-abc").write_bytes(blob[: len(blob) // 2])
    assert load(name_of(run), tmp_path) is None
    save_run(run, tmp_path)
    assert_same(load(name_of(run), tmp_path), run)


# --- Checkpoints --------------------------------------------------------------------------------


def half_way(folder, config, stop=30, **options):
    """Keep a checkpoint of a training at one of its stops; returns its name and the whole run."""
    data, stops = sample(5, 30, 0.8), []
    name = run_name(data.settings, config, tuple(options.get("snapshots", ())))

    def checkpoint(progress):
        stops.append(progress.steps)
        if len(stops) == stop:
            save_checkpoint(progress, name, folder)

    return name, train(data, config, checkpoint=checkpoint, **options)


RESTARTS = replace(CONFIG, restarts=3)


def test_a_checkpoint_is_enough_to_continue_from(tmp_path):
    name, whole = half_way(tmp_path, RESTARTS, snapshots=(3, 20))
    assert left_behind(tmp_path) == [".checkpoints"]
    assert left_behind(tmp_path / ".checkpoints") == [f"{name}.safetensors"]
    progress = load_checkpoint(name, RESTARTS, tmp_path)
    assert 20 < progress.steps < 60
    again = train(sample(5, 30, 0.8), RESTARTS, snapshots=(3, 20), resume=progress)
    assert_same(again, whole)
    assert save_run(whole, tmp_path / "a").read_bytes() == (
        save_run(again, tmp_path / "b").read_bytes()
    )


def test_a_checkpoint_is_deleted_when_its_run_is_stored(tmp_path):
    name, whole = half_way(tmp_path, CONFIG, 10)
    other, _ = half_way(tmp_path, RESTARTS)
    save_run(whole, tmp_path)
    assert not checkpoint_path(name, tmp_path).exists()
    assert load_checkpoint(name, CONFIG, tmp_path) is None
    assert checkpoint_path(other, tmp_path).exists()


def test_a_later_checkpoint_takes_the_place_of_an_earlier_one(tmp_path):
    for stop in (5, 12, 15):
        name, _ = half_way(tmp_path, CONFIG, stop)
        assert load_checkpoint(name, CONFIG, tmp_path).steps == stop - 1
    assert left_behind(tmp_path / ".checkpoints") == [f"{name}.safetensors"]


def assert_left_out(name, config, folder, reason=""):
    with pytest.warns(UserWarning, match="is not a sound checkpoint") as caught:
        assert load_checkpoint(name, config, folder) is None
    (message,) = [str(w.message) for w in caught]
    assert reason in message
    assert "its run is trained from the start" in message
    assert "\n" not in message


def test_a_checkpoint_of_something_else_is_ignored(run, tmp_path, monkeypatch):
    name, _ = half_way(tmp_path, RESTARTS)
    file = checkpoint_path(name, tmp_path)
    good = file.read_bytes()
    assert_left_out(name, CONFIG, tmp_path, "another number of restarts")
    other = "0" * 16
    file.rename(checkpoint_path(other, tmp_path))
    assert_left_out(other, RESTARTS, tmp_path, "other settings or numerics")
    file.write_bytes(save_run(run, tmp_path).read_bytes())  # a sound file, but a run's
    assert_left_out(name, RESTARTS, tmp_path, "it was not written by sdd")
    file.write_bytes(good)
    monkeypatch.setattr(store, "NUMERICS", store.NUMERICS + 1)
    assert_left_out(name, RESTARTS, tmp_path, "other settings or numerics")


def test_a_checkpoint_is_never_taken_for_a_run(tmp_path):
    name, _ = half_way(tmp_path, CONFIG, 10)
    assert load(name, tmp_path) is None
    path(name, tmp_path).write_bytes(checkpoint_path(name, tmp_path).read_bytes())
    assert_not_stored(path(name, tmp_path), name, "it was not written by sdd")


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    name, _ = half_way(tmp_path, CONFIG, 10)
    before = checkpoint_path(name, tmp_path).read_bytes()
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(StoreError, match="No space left on device"):
        half_way(tmp_path, CONFIG, 15)
    assert left_behind(tmp_path / ".checkpoints") == [f"{name}.safetensors"]
    assert checkpoint_path(name, tmp_path).read_bytes() == before


# --- Folders that cannot be used ----------------------------------------------------------------


def assert_one_sentence(error, folder):
    message = str(error.value)
    assert str(folder) in message
    assert "cannot be stored" in message
    assert "SDD_STORE" in message  # says what can be done
    assert "\n" not in message


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError) as error:
            save_run(run, folder)
        assert_one_sentence(error, folder)
        with pytest.raises(StoreError) as error, locked("a", folder):
            pass
        assert_one_sentence(error, folder)
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(run, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError) as error:
            save_run(run, tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert_one_sentence(error, tmp_path)


@contextmanager
def files_of_at_most(size):
    """The operating system refuses to write more into a file, in the middle of writing it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_write_that_stops_half_way_leaves_nothing_behind(run, tmp_path):
    with pytest.raises(StoreError) as error, files_of_at_most(1_000):
        save_run(run, tmp_path)
    assert_one_sentence(error, tmp_path)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_named_and_leaves_the_store_as_it_was(step, run, tmp_path, monkeypatch):
    save_run(run, tmp_path)
    other = replace(run, config=replace(run.config, seed=9))
    with monkeypatch.context() as patch:
        patch.setattr(os, step, full_disk)
        with pytest.raises(StoreError, match="No space left on device") as error:
            save_run(other, tmp_path)
    assert_one_sentence(error, tmp_path)
    assert left_behind(tmp_path) == [f"{name_of(run)}.safetensors"]
    assert_same(load(name_of(run), tmp_path), run)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("EACCES", "ask its owner to give you the right, or name"),
        ("ENOSPC", "free some space there, or name"),
        ("EROFS", "have the disk mounted for writing, or name"),
        ("ENOLCK", "this kind of disk lends no locks: take a local one, or name"),
        ("EOPNOTSUPP", "this kind of disk lends no locks: take a local one, or name"),
        ("EIO", "have the disk checked, or name"),
        ("ECHILD", "No child processes; name"),
    ],
)
def test_what_the_operating_system_refuses_has_a_remedy_that_fits(
    code, remedy, run, tmp_path, monkeypatch
):
    def refused(*_, **__):
        raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

    monkeypatch.setattr(os, "replace", refused)
    monkeypatch.setattr(store.FileLock, "acquire", refused)
    for use in (
        lambda: save_run(run, tmp_path),
        lambda: save_checkpoint(Progress(CONFIG), name_of(run), tmp_path),
        lambda: locked(name_of(run), tmp_path).__enter__(),
    ):
        with pytest.raises(StoreError) as error:
            use()
        assert_one_sentence(error, tmp_path)
        assert f"{remedy} another folder" in str(error.value)


def test_an_interrupt_while_writing_leaves_nothing_behind(run, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_run(run, tmp_path)
    assert left_behind(tmp_path) == []


# --- Locks --------------------------------------------------------------------------------------


@contextmanager
def another_holding(name, folder):
    """A process that holds the lock until it is killed."""
    program = (
        "import sys, time; from pathlib import Path; from sdd.runs.store import locked\n"
        "with locked(sys.argv[1], Path(sys.argv[2])) as ours:\n"
        "    print(ours, flush=True); time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, name, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline().strip() == "True"
            yield holder
        finally:
            holder.kill()


@pytest.mark.slow
def test_a_lock_keeps_others_out_and_dies_with_its_process(tmp_path):
    with another_holding("a", tmp_path) as holder:
        with locked("a", tmp_path, wait=False) as ours:
            assert not ours
        with locked("b", tmp_path, wait=False) as ours:  # another run's lock is free
            assert ours
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(timeout=10)
        with locked("a", tmp_path, wait=False) as ours:  # free, though nobody released it
            assert ours


def test_a_lock_is_free_again_after_its_block_even_if_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), locked("a", tmp_path):
        1 / 0  # noqa: B018
    with locked("a", tmp_path, wait=False) as ours:
        assert ours


def fail_in_the_block(folder, expected):
    with locked("a", folder, wait=False) as ours:
        assert ours == expected
        raise FileNotFoundError("of the block")


def test_errors_of_the_block_are_not_taken_for_errors_of_the_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="of the block"):
        fail_in_the_block(tmp_path, expected=True)
    with (
        another_holding("a", tmp_path),
        pytest.raises(FileNotFoundError, match="of the block"),
    ):
        fail_in_the_block(tmp_path, expected=False)


# --- Deletion -----------------------------------------------------------------------------------


def test_only_what_the_store_itself_makes_is_deleted(run, tmp_path):
    theirs = ["model.safetensors", "notes.md", ".writing-abc", "0123456789abcdef.safetensors.bak",
              ".measures.txt", ".locks/readme", "0123456789abcdeg.safetensors"]  # fmt: skip
    name = save_run(run, tmp_path).stem
    half_way(tmp_path, RESTARTS)
    with locked(name, tmp_path):
        pass
    (tmp_path / f".writing-{name}-123").write_bytes(b"half")
    (tmp_path / f"{name}.damaged").write_bytes(b"old")
    (tmp_path / ".measures" / "0123").mkdir(parents=True)
    (tmp_path / ".measures" / "0123" / "values").write_text("1")
    for other in theirs:
        (tmp_path / other).write_text("someone's")
    (tmp_path / "fedcba9876543210.safetensors").mkdir()
    (tmp_path / "fedcba9876543210.safetensors" / "model").write_text("someone's")
    upkeep.delete(upkeep.own_files(tmp_path), tmp_path)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if not p.is_dir()}
    assert left == {*theirs, "fedcba9876543210.safetensors/model"}


def test_a_store_of_which_nothing_is_left_is_gone(run, tmp_path):
    save_run(run, tmp_path / "store")
    upkeep.delete(upkeep.own_files(tmp_path / "store"), tmp_path / "store")
    assert not (tmp_path / "store").exists()
    assert upkeep.own_files(tmp_path / "store") == []


def test_a_link_to_another_store_is_deleted_and_not_followed(run, tmp_path):
    kept = save_run(run, tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / kept.name).symlink_to(kept)
    (tmp_path / "ours" / ".measures").symlink_to(tmp_path / "theirs")
    upkeep.delete(upkeep.own_files(tmp_path / "ours"), tmp_path / "ours")
    assert kept.exists()
    assert [p.name for p in (tmp_path / "ours").iterdir()] == [".measures"]
