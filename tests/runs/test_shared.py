"""Users who share a folder share its runs, and a private one stays private; links lead nowhere."""

import multiprocessing
import os
import shutil
import stat
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sweeps import many, spec, store_many

from sdd.runs import make_run, memory, store, upkeep
from sdd.runs.journal import JOURNAL, Entry, entries, note
from sdd.runs.progress import write_heartbeat
from sdd.training import Progress, files

SPEC = spec(50)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="users and modes are POSIX's")


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def fill(folder):
    """Store a run, a checkpoint of another, and what lies beside them."""
    (one,) = store_many(folder, 1)
    store.save_checkpoint(Progress(SPEC.config), SPEC.name, folder)
    with store.locked(one.name, folder):
        pass
    return one.name


def modes(folder):
    found = {p.relative_to(folder).as_posix(): p.stat().st_mode for p in folder.rglob("*")}
    return {"folders": {stat.S_IMODE(m) & 0o777 for m in found.values() if stat.S_ISDIR(m)},
            "files": {stat.S_IMODE(m) for m in found.values() if stat.S_ISREG(m)}}  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "mask", "folders", "written"),
    [
        (0o2770, 0o077, {0o770}, {0o660}),
        (0o770, 0o077, {0o770}, {0o660}),
        (0o777, 0o077, {0o777}, {0o666}),
        (0o1777, 0o077, {0o770}, {0o660}),  # as /tmp: there, each has files of their own
        (0o700, 0o022, {0o755}, {0o644}),
        (0o755, 0o077, {0o700}, {0o600}),
    ],
)
def test_what_a_store_holds_is_as_open_as_its_folder(folder, mask, folders, written, tmp_path):
    place = tmp_path / "store"
    place.mkdir()
    place.chmod(folder)
    with umask(mask):
        name = fill(place)
    assert {JOURNAL, f"{name}.safetensors"} < {p.name for p in place.iterdir()}
    assert modes(place) == {"folders": folders, "files": written}


def test_a_run_saved_by_hand_is_as_private_as_its_user_wants(tmp_path):
    tmp_path.chmod(0o777)
    with umask(0o077):
        make_run(SPEC).save(tmp_path / "run")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o600


@contextmanager
def shared_folder(group):
    folder = Path(tempfile.mkdtemp())
    try:
        os.chown(folder, -1, group)
        folder.chmod(0o2770)
        yield folder
    finally:
        shutil.rmtree(folder)


def as_user(user, group, call, *arguments):
    """Call it in a process of that user, of umask 077; raise where it raises."""

    def child():
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        os.umask(0o077)
        call(*arguments)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0


def use(folder, name):
    """What the other user does with the first one's files."""
    assert store.load(name, folder) is not None
    assert store.load_checkpoint(SPEC.name, SPEC.config, folder) is not None
    with store.locked(name, folder, wait=False) as mine:
        assert mine
        store.save_checkpoint(Progress(SPEC.config), name, folder)
    store.save_checkpoint(Progress(SPEC.config), SPEC.name, folder)
    note([Entry(name, machine="theirs")], folder)
    upkeep.tidy(folder)
    assert not store.checkpoint_path(name, folder).exists()


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="root alone may become other users"
)
def test_two_users_of_a_group_share_a_store_whatever_their_umasks():
    with shared_folder(64_000) as folder:
        (name,) = (s.name for s in many(1))
        as_user(64_001, 64_000, fill, folder)
        as_user(64_002, 64_000, use, folder, name)
        assert entries(folder)[name].machine == "theirs"
        as_user(64_001, 64_000, use, folder, name)  # and back
        with pytest.raises(AssertionError):
            as_user(64_003, 64_003, use, folder, name)  # a stranger


def test_the_names_of_temporary_files_cannot_be_guessed(tmp_path, monkeypatch):
    seen, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(a.name), replace(a, b)))
    for _ in range(2):
        store_many(tmp_path, 1)
    (name,) = (s.name for s in many(1))
    assert len(set(seen)) == 2
    assert all(len(found) == len(f".writing-{name}-") + 16 for found in seen)


def test_a_temporary_file_that_is_there_already_is_not_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(files.secrets, "token_hex", lambda n: "00" * n)
    (name,) = (s.name for s in many(1))
    (tmp_path / "theirs").write_text("someone's")
    (tmp_path / f".writing-{name}-{'00' * 8}").symlink_to(tmp_path / "theirs")
    with pytest.raises(store.StoreError, match="File exists"):
        store_many(tmp_path, 1)
    assert (tmp_path / "theirs").read_text() == "someone's"


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_lock_that_is_no_file_is_one_sentence(kind, tmp_path):
    (tmp_path / "theirs").write_text("someone's")
    (tmp_path / ".locks").mkdir()
    file = tmp_path / ".locks" / f"{SPEC.name}.lock"
    if kind == "link":
        file.symlink_to(tmp_path / "theirs")
    else:
        file.mkdir()
    with (
        pytest.raises(store.StoreError, match=r"remove the link|move away the folder") as error,
        store.locked(SPEC.name, tmp_path),
    ):
        pass
    assert "\n" not in str(error.value)
    assert (tmp_path / "theirs").read_text() == "someone's"


@pytest.mark.parametrize("room", [".locks", ".checkpoints"])
def test_a_link_in_place_of_a_stores_own_folder_is_not_followed(room, tmp_path):
    (tmp_path / "theirs").mkdir()
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / room).symlink_to(tmp_path / "theirs")
    with pytest.raises(store.StoreError, match="remove the link"):
        fill(folder)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_heartbeat_follows_no_link(tmp_path):
    (tmp_path / "theirs").write_text("someone's")
    (tmp_path / ".locks").mkdir()
    (tmp_path / ".locks" / f"{SPEC.name}.steps").symlink_to(tmp_path / "theirs")
    write_heartbeat(SPEC.name, tmp_path, 1, 0)
    assert (tmp_path / "theirs").read_text() == "someone's"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may give files away")
def test_kept_measures_are_ones_own(tmp_path):
    place = Path(memory(tmp_path).location)
    assert os.path.isdir(place)
    os.chown(place, 64_001, -1)
    assert memory(tmp_path).location is None
    os.chown(place, 0, -1)
    place.chmod(0o775)
    assert memory(tmp_path).location is None


def test_a_copy_of_data_in_another_process_is_read_only():
    data = SPEC.data.make()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        copy = pool.apply(np.copy, (data.values,))
        back = pool.apply(type(data).take, (data, range(3)))
    assert copy.flags.writeable
    assert not any(a.flags.writeable for a in (back.indptr, back.indices, back.values))
