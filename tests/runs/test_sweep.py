"""A sweep trains what is missing, once, whoever else is at it and whatever stops it."""

import itertools
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sweeps import DATA, contents, files, spec, wait_until

from sdd import data as sdd_data
from sdd import engine
from sdd.data import DataSettings
from sdd.runs import on_the_spot, pool, store, sweep, waiting, worker
from sdd.runs import spec as runspec
from sdd.runs.progress import heartbeat_path
from sdd.runs.spec import RunSpec
from sdd.runs.sweep import MissingRuns, fetch, missing, train_missing
from sdd.training import TrainingDiverged, evaluate, train
from sdd.training.config import TrainConfig

# --- What is trained ----------------------------------------------------------------------------


def test_only_missing_runs_are_trained_and_stored_ones_stay_as_they_are(tmp_path, trained):
    specs = [spec(50), spec(60), spec(50, seed=1)]
    assert missing(specs, tmp_path) == specs
    assert train_missing(specs[:2], tmp_path, jobs=1, quiet=True) == 2
    before = files(tmp_path)
    assert len(before) == 2
    assert missing(specs, tmp_path) == specs[2:]
    trained.clear()
    assert train_missing([*specs, *specs], tmp_path, jobs=1, quiet=True) == 1  # each once
    assert trained == [(50, 1)]
    after = files(tmp_path)
    assert len(after) == 3
    assert {name: after[name] for name in before} == before
    assert train_missing(specs, tmp_path, jobs=1, quiet=True) == 0
    assert files(tmp_path) == after


def test_a_stored_run_is_the_one_that_train_and_evaluate_give(tmp_path):
    wanted = RunSpec(DATA, TrainConfig(steps=50, restarts=2, seed=7), snapshots=(20, 5, 5))
    train_missing([wanted], tmp_path, jobs=1, quiet=True)
    assert wanted == replace(wanted, snapshots=(5, 20))
    stored = store.load(wanted.name, tmp_path)
    made = train(wanted.data.make(), wanted.config, snapshots=(5, 20))
    made = evaluate(made, sdd_data.test_set(200, 0.95))
    assert stored.W.tobytes() == made.W.tobytes()
    assert stored.snapshots["step"].tolist() == [5, 20]
    assert (stored.test_loss, stored.test_error) == (made.test_loss, made.test_error)


def test_the_longest_runs_come_first(tmp_path, trained):
    specs = [spec(90), spec(80, T=4_000), spec(20), spec(70, restarts=4)]
    train_missing(specs, tmp_path, jobs=1, quiet=True)
    assert [steps for steps, _ in trained] == [80, 70, 90, 20]


def test_a_damaged_file_is_set_aside_and_its_run_trained_again(tmp_path, trained):
    specs = [spec(50), spec(60)]
    train_missing(specs, tmp_path, jobs=1, quiet=True)
    good = contents(tmp_path)
    bad = store.path(specs[0].name, tmp_path)
    bad.write_bytes(bad.read_bytes()[:-40])
    trained.clear()
    with pytest.warns(UserWarning, match="set aside"):
        assert train_missing(specs, tmp_path, jobs=1, quiet=True) == 1
    assert trained == [(50, 0)]
    assert contents(tmp_path) == good
    assert bad.with_suffix(".damaged").exists()
    bad.write_bytes(b"foreign")
    with pytest.warns(UserWarning, match="set aside"):
        runs = fetch(specs, tmp_path)
    assert [r.config.steps for r in runs] == [50, 60]
    assert contents(tmp_path) == good


def test_side_by_side_gives_the_same_files_and_says_nothing_when_quiet(tmp_path, capfd):
    specs = [
        *(spec(200, seed=k) for k in range(3)),
        RunSpec(DataSettings(math.inf, 200, 0.95, batch=20), TrainConfig(steps=30)),
        RunSpec(DataSettings(300, 300, 0.97), TrainConfig(steps=300)),
    ]
    train_missing(specs, tmp_path / "one", jobs=1, quiet=True)
    train_missing(specs, tmp_path / "two", jobs=2, quiet=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 5
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_diverging_run_is_named_and_those_that_finished_are_stored(jobs, tmp_path):
    good, bad = spec(3_000), spec(60, lr=1e30)
    train_missing([good], tmp_path, jobs=1, quiet=True)
    before = files(tmp_path)
    longer = spec(70, seed=1)
    with pytest.raises(TrainingDiverged, match=r"steps=60.*lr=1e\+30"):
        train_missing([bad, good, longer], tmp_path, jobs=jobs, quiet=True)
    assert before.items() <= files(tmp_path).items()
    assert bad in missing([good, bad], tmp_path)
    if jobs == 1:  # then the order is known
        assert missing([longer], tmp_path) == []


def test_an_unusable_folder_is_named_before_anything_is_trained(tmp_path, trained):
    (tmp_path / "file").write_text("")
    with pytest.raises(store.StoreError, match="cannot be stored"):
        train_missing([spec()], tmp_path / "file", jobs=1, quiet=True)
    assert trained == []


# --- Several processes --------------------------------------------------------------------------


def start(call, **options):
    """A Python process that calls a function of this module."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from pathlib import Path, PosixPath, WindowsPath; import test_sweep\ntest_sweep.{call}\n"
    )
    # (What a shell starts in the background ignores Ctrl-C; these shall heed it all the same.)
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen([sys.executable, "-c", program], text=True, preexec_fn=heed, **options)


def descendants(pid):
    """All processes below a process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it has ended
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found, below = [], {pid}
    while below:
        below = {p for p, parent in parents.items() if parent in below}
        found += below
    return found


# --- Checkpoints --------------------------------------------------------------------------------


LONG = spec(150_000, T=40, restarts=2)


def train_with_checkpoints(folder):
    """What the process does that the next test kills."""
    worker.CHECKPOINT_EVERY_S = 0.1
    train_missing([LONG], folder, jobs=1, quiet=True)


@pytest.fixture
def resumed(monkeypatch):
    """How many steps were already done in the trainings of this process."""
    found = []

    def watched(data, config, **options):
        found.append(options["resume"].steps if options["resume"] else 0)
        return train(data, config, **options)

    monkeypatch.setattr(runspec, "train", watched)
    return found


@pytest.mark.slow
def test_a_killed_run_continues_from_its_checkpoint_to_the_same_bytes(tmp_path, resumed):
    killed = start(f"train_with_checkpoints({tmp_path!r})", stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: store.checkpoint_path(LONG.name, tmp_path).exists(), 120)
    finally:
        killed.kill()
        killed.wait()
    assert files(tmp_path) == {}, "stopped too late: nothing was left to do"
    train_missing([LONG], tmp_path, jobs=1, quiet=True)
    assert 0 < resumed[0] < LONG.steps
    assert not store.checkpoint_path(LONG.name, tmp_path).exists()
    train_missing([LONG], tmp_path / "undisturbed", jobs=1, quiet=True)
    assert resumed[1] == 0
    assert contents(tmp_path) == contents(tmp_path / "undisturbed")


ENDLESS = spec(10**8, T=40)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system does not say who has it")
@pytest.mark.slow
def test_a_run_that_a_stopped_process_holds_is_waited_for_with_a_word(tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "TELL_AFTER_S", 0.1)
    holder = start(
        f"train_missing([test_sweep.ENDLESS], {tmp_path!r}, jobs=1, quiet=True)",
        stderr=subprocess.DEVNULL,
    )
    call = partial(train_missing, [ENDLESS], tmp_path, jobs=1, quiet=True)
    told = f"waiting for the run {ENDLESS.name}, which process {holder.pid} is training"
    engine.warm_up()  # what takes no second any more
    try:
        wait_until(lambda: heartbeat_path(ENDLESS.name, tmp_path).exists(), 120)
        with pytest.raises(worker.TimeIsUp), pytest.warns(UserWarning, match=f"{told}$") as caught:
            call(until=time.time() + 2)
        assert len(caught) == 1
        holder.send_signal(signal.SIGSTOP)
        stopped = rf"{told}, but is stopped: continue it \(kill -CONT {holder.pid}\) or end it$"
        with pytest.raises(worker.TimeIsUp), pytest.warns(UserWarning, match=stopped):
            call(until=time.time() + 2)
    finally:
        holder.kill()
        holder.wait()
    assert files(tmp_path) == {}


def test_who_has_a_file_of_that_number_on_another_disk_is_not_named(tmp_path, monkeypatch):
    lock = tmp_path / "a.lock"
    lock.touch()
    at = lock.stat()
    read, disks = Path.read_text, [os.major(at.st_dev) + 1, os.major(at.st_dev)]

    def told(file, *words, **settings):
        if str(file) != "/proc/locks":
            return read(file, *words, **settings)
        where = f"{disks[0]:02x}:{os.minor(at.st_dev):02x}:{at.st_ino}"
        return f"1: FLOCK  ADVISORY  WRITE {os.getpid()} {where} 0 EOF\n"

    monkeypatch.setattr(Path, "read_text", told)
    assert "another process" in waiting._holder(lock)
    disks.pop(0)
    if Path("/proc/self/stat").exists():
        assert f"process {os.getpid()} is training" in waiting._holder(lock)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The exit codes of the workers are {SIGKILL(-9), SIGKILL(-9)}", "killed (out of memory?"),
        ("The exit codes of the workers are {SIGSEGV(-11)}", "crashed, with SIGSEGV(-11)"),
        ("The exit codes of the workers are {EXIT(1)}", "crashed, with EXIT(1)"),
        ("A process was terminated.", "a training process crashed"),
    ],
)
def test_memory_is_suspected_only_where_a_process_was_killed(said, told):
    assert told in pool._why_died(said)
    assert ("memory" in pool._why_died(said)) == ("SIGKILL" in said)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
@pytest.mark.slow
def test_a_worker_that_is_killed_is_told(tmp_path):
    specs = [spec(10**8, seed=k, T=40) for k in range(2)]

    def kill_one():
        wait_until(lambda: all(heartbeat_path(s.name, tmp_path).exists() for s in specs), 60)
        workers = [p for p in descendants(os.getpid()) if "LokyProcess" in command_of(p)]
        os.kill(workers[0], signal.SIGKILL)

    with ThreadPoolExecutor(1) as other:
        killed = other.submit(kill_one)
        with pytest.raises(pool.WorkerDied, match="a training process was killed"):
            train_missing(specs, tmp_path, jobs=2, quiet=True)
        killed.result()


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.fixture
def kept(monkeypatch):
    """The checkpoints kept, as the steps done by then; one after every stop."""
    found, save = [], store.save_checkpoint
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", -1)

    def watched(progress, *where):
        found.append(progress.steps)
        save(progress, *where)

    monkeypatch.setattr(store, "save_checkpoint", watched)
    return found


def test_checkpoints_are_kept_every_few_minutes_and_go_with_the_run(tmp_path, monkeypatch, kept):
    wanted = RunSpec(DATA, TrainConfig(steps=12, restarts=2), snapshots=(4,))
    train_missing([wanted], tmp_path / "often", jobs=1, quiet=True)
    assert kept == [*range(13), *range(12, 25)]
    assert list((tmp_path / "often" / ".checkpoints").iterdir()) == []
    kept.clear()
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", 120)
    train_missing([wanted], tmp_path / "seldom", jobs=1, quiet=True)
    assert kept == []
    assert contents(tmp_path / "often") == contents(tmp_path / "seldom")


def test_a_damaged_checkpoint_is_told_and_its_run_trained_from_the_start(tmp_path, resumed):
    file = store.checkpoint_path(spec().name, tmp_path)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="is trained from the start") as caught:
        train_missing([spec()], tmp_path, jobs=1, quiet=True)
    assert len(caught) == 1
    assert resumed == [0]
    assert not file.exists()
    train_missing([spec()], tmp_path / "undisturbed", jobs=1, quiet=True)
    assert contents(tmp_path) == contents(tmp_path / "undisturbed")


def test_a_run_continues_where_no_checkpoint_can_be_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", -1)
    (tmp_path / ".checkpoints").write_text("in the way")
    with pytest.warns(UserWarning, match="no checkpoint was kept: .*cannot be stored in"):
        train_missing([spec()], tmp_path, jobs=1, quiet=True)
    assert len(files(tmp_path)) == 1


# --- Cores --------------------------------------------------------------------------------------


def test_the_last_runs_share_the_idle_cores_the_longest_first(tmp_path):
    remaining_file = tmp_path / "remaining"
    names, shares = list("abcdef"), []
    while names:
        worker.write_remaining(remaining_file, 4, names)
        shares.append([worker.threads_of(name, remaining_file) for name in names])
        names.pop()
    assert shares == [[1] * 6, [1] * 5, [1] * 4, [2, 1, 1], [2, 2], [4]]
    assert worker.threads_of("a", tmp_path / "none") == 1


@pytest.mark.parametrize(("jobs", "expected"), [(1, {1}), (3, {3})])
def test_a_single_run_is_trained_here_on_all_cores_it_may_have(
    jobs, expected, tmp_path, monkeypatch
):
    asked = set()

    def watched(data, config, **options):
        threads = options.pop("threads")
        return train(data, config, threads=lambda: asked.add(threads()) or threads(), **options)

    monkeypatch.setattr(runspec, "train", watched)
    train_missing([spec(restarts=4)], tmp_path / str(jobs), jobs=jobs, quiet=True)
    assert asked == expected
    train_missing([spec(restarts=4)], tmp_path / "plain", jobs=1, quiet=True)
    assert contents(tmp_path / str(jobs)) == contents(tmp_path / "plain")


# --- Fetching -----------------------------------------------------------------------------------


def test_fetch_returns_the_runs_in_the_order_of_the_specs(tmp_path):
    specs = [spec(60), spec(50, seed=1), spec(60)]
    train_missing(specs, tmp_path, jobs=1, quiet=True)
    runs = fetch(iter(specs), tmp_path)
    assert [(r.config.steps, r.data.seed) for r in runs] == [(60, 0), (50, 1), (60, 0)]
    assert fetch([], tmp_path) == []


def test_quick_runs_are_trained_on_the_spot_and_told(tmp_path, capfd):
    (run,) = fetch([spec(50)], tmp_path)
    assert run.config.steps == 50
    assert run.test_loss > 0
    out, err = capfd.readouterr()
    assert err == ""
    told, done = out.splitlines()
    assert told == "training 1 run not stored yet: about 00:00"
    assert done == "trained 1 run in 00:00"
    assert missing([spec(50)], tmp_path) == []
    fetch([spec(50)], tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_long_runs_are_not_trained_on_the_spot_but_their_command_is_told(tmp_path, monkeypatch):
    long = spec(10**7, T=400)
    train_missing([spec(50)], tmp_path, jobs=1, quiet=True)
    monkeypatch.setattr(sweep, "train_missing", lambda *_, **__: pytest.fail("it is training"))
    with pytest.raises(MissingRuns, match="1 of 2 runs are not stored, and would take about") as e:
        fetch([spec(50), long], tmp_path)
    (line,) = str(e.value).splitlines()[1:]
    assert line.split(maxsplit=1) == [sys.executable, long.command().removeprefix("python ")]


def test_how_long_may_be_trained_on_the_spot_is_a_setting(tmp_path, monkeypatch, trained):
    monkeypatch.setenv("SDD_ON_THE_SPOT", "0")
    with pytest.raises(MissingRuns, match=r"(?s)2 of 2 runs .* set SDD_ON_THE_SPOT to the seconds"):
        fetch([spec(5_000), spec(6_000)], tmp_path)
    monkeypatch.setenv("SDD_ON_THE_SPOT", "soon")
    with pytest.raises(ValueError, match=r"SDD_ON_THE_SPOT must be a number .*, not 'soon'"):
        fetch([spec(5_000)], tmp_path)
    assert missing([spec(5_000), spec(6_000)], tmp_path) == [spec(5_000), spec(6_000)]


@pytest.mark.parametrize("answer", ["y", "", None])
def test_what_takes_longer_is_trained_where_the_reader_agrees(answer, tmp_path, monkeypatch):
    def asked(question):
        assert "Train 1 run not stored yet? It takes about " in question
        if answer is None:
            raise NotImplementedError("this notebook is run without a reader")
        return answer

    monkeypatch.setenv("SDD_ON_THE_SPOT", "0")
    monkeypatch.setattr(on_the_spot, "in_notebook", lambda: True)
    monkeypatch.setattr("builtins.input", asked)
    if answer == "y":
        assert len(fetch([spec(50)], tmp_path)) == 1
    else:
        with pytest.raises(MissingRuns):
            fetch([spec(50)], tmp_path)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_training_on_the_spot_that_takes_too_long_is_stopped_and_continued(
    jobs, tmp_path, monkeypatch
):
    specs = [spec(4_000_000 + k, T=40, seed=k) for k in range(jobs)]
    monkeypatch.setattr(sweep, "expected_seconds", lambda _: 0.0)
    monkeypatch.setattr(sweep, "PATIENCE", 1)
    monkeypatch.setattr(sweep.joblib, "cpu_count", lambda: jobs)
    monkeypatch.setenv("SDD_ON_THE_SPOT", "1.5")
    if jobs == 1:  # a tenth of a second from stop to stop, whatever the machine does
        clock = SimpleNamespace(
            time=partial(next, itertools.count(time.time(), 0.1)),
            monotonic=time.monotonic,
            process_time=time.process_time,
        )
        monkeypatch.setattr(worker, "time", clock)
    with pytest.raises(MissingRuns, match=r"slower than expected, .* stopped after 00:01; what is"):
        fetch(specs, tmp_path)
    assert files(tmp_path) == {}
    kept = store.load_checkpoint(specs[0].name, specs[0].config, tmp_path)
    if jobs == 1:  # here the other process may be ended first
        assert 0 < kept.steps < specs[0].steps


def test_a_run_that_begins_too_late_is_not_said_to_be_trained_by_another(tmp_path):
    def over(why="too late"):
        return TimeoutError(why)

    with pytest.raises(TimeoutError, match="too late"), waiting.held("a-run", tmp_path, over):
        pytest.fail("it has begun")
    with (
        waiting.held("a-run", tmp_path),
        pytest.raises(TimeoutError, match="another process is training the same"),
        waiting.held("a-run", tmp_path, over),
    ):
        pytest.fail("it has begun")


def test_a_book_build_never_trains(tmp_path, monkeypatch, trained):
    monkeypatch.setenv("SDD_BUILD", "1")
    specs = [spec(50 + k) for k in range(7)]
    with pytest.raises(MissingRuns, match=r"^7 of 7 runs are not stored\nTrain them with "):
        fetch(specs, tmp_path)
    with pytest.raises(MissingRuns, match=r"^1 of 1 run is not stored; train them with\n"):
        fetch(specs[:1], tmp_path)
    assert trained == []
    monkeypatch.delenv("SDD_BUILD")
    train_missing(specs, tmp_path, jobs=1, quiet=True)
    monkeypatch.setenv("SDD_BUILD", "1")
    assert len(fetch(specs, tmp_path)) == 7  # what is stored may be read
