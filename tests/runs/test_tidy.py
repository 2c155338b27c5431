"""The next sweep clears what dead processes have left, and nothing of living ones."""

import errno
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from sweeps import spec

from sdd.runs import make_run, store, train_missing, upkeep
from sdd.runs.progress import heartbeat_path

SPEC, OTHER = spec(50), spec(50, seed=1)


def left_behind(name, folder):
    """What a process leaves that is killed in the middle of a write."""
    store.checkpoint_path(name, folder).parent.mkdir(parents=True, exist_ok=True)
    (folder / ".locks").mkdir(exist_ok=True)
    found = [
        folder / f".writing-{name}-0123456789abcdef",
        folder / f".writing-{name}-4711",  # as earlier versions named them
        folder / ".checkpoints" / f".writing-{name}-fedcba9876543210",
        heartbeat_path(name, folder),
    ]
    for file in found:
        file.write_bytes(b"half")
    return found


def checkpoint(name, folder):
    file = store.checkpoint_path(name, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a checkpoint")
    return file


def here(files):
    return [file for file in files if os.path.lexists(file)]


@contextmanager
def another_training(name, folder):
    """A process that holds the run's lock."""
    program = (
        "import sys; from pathlib import Path; from sdd.runs.store import locked\n"
        "with locked(sys.argv[1], Path(sys.argv[2])):\n"
        "    print('locked', flush=True); sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", program, name, folder], **pipes) as process:
        try:
            assert process.stdout.readline() == "locked\n"
            yield
        finally:
            process.kill()


def test_what_dead_processes_left_is_cleared_by_the_next_sweep(tmp_path):
    left = left_behind(SPEC.name, tmp_path) + left_behind("0123456789abcdef", tmp_path)
    train_missing([SPEC], tmp_path, jobs=1, quiet=True)
    assert here(left) == []
    left = left_behind(SPEC.name, tmp_path)
    assert train_missing([SPEC], tmp_path, jobs=1, quiet=True) == 0  # stored, and tidied
    assert here(left) == []


def test_a_checkpoint_stays_until_its_run_is_stored(tmp_path):
    made, unfinished = make_run(SPEC), checkpoint(OTHER.name, tmp_path)
    store.save_run(made, tmp_path)
    finished = checkpoint(SPEC.name, tmp_path)  # as of a process killed just after storing
    upkeep.tidy(tmp_path)
    assert here([finished, unfinished]) == [unfinished]


def test_a_checkpoint_stays_where_its_runs_file_is_damaged(tmp_path):
    kept = checkpoint(SPEC.name, tmp_path)
    store.path(SPEC.name, tmp_path).write_bytes(b"damaged")
    upkeep.tidy(tmp_path)
    assert here([kept]) == [kept]


@pytest.mark.slow
def test_nothing_of_a_living_process_is_touched(tmp_path):
    store.save_run(make_run(SPEC), tmp_path)
    with another_training(SPEC.name, tmp_path):
        left = [*left_behind(SPEC.name, tmp_path), checkpoint(SPEC.name, tmp_path)]
        upkeep.tidy(tmp_path)
        upkeep.delete(upkeep.own_files(tmp_path), tmp_path)
        assert here(left) == left
    upkeep.tidy(tmp_path)
    assert here(left) == []


@pytest.mark.slow
def test_a_run_that_is_trained_again_since_its_files_were_listed_is_not_deleted(tmp_path):
    for of in (SPEC, OTHER):
        store.save_run(make_run(of), tmp_path)
        with store.locked(of.name, tmp_path):
            pass
    left_behind(SPEC.name, tmp_path)
    checkpoint(SPEC.name, tmp_path)
    listed = upkeep.own_files(tmp_path)  # (a question is asked here)
    with another_training(SPEC.name, tmp_path):
        upkeep.delete(listed, tmp_path)
        assert here(listed) == [file for file in listed if SPEC.name in file.name]
    upkeep.delete(listed, tmp_path)
    assert here(listed) == []


def test_what_others_have_put_there_stays(tmp_path):
    theirs = [".writing-abc", ".writing-notes-123", f".writing-{SPEC.name}-draft", "a.lock"]
    for name in theirs:
        (tmp_path / name).write_text("someone's")
    upkeep.tidy(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(theirs)


def test_reading_tidies_nothing(tmp_path):
    left = left_behind(SPEC.name, tmp_path)
    store.save_run(make_run(SPEC), tmp_path)
    store.load(SPEC.name, tmp_path)
    list(store.load_all(tmp_path))
    assert here(left) == left


@pytest.mark.parametrize(("code", "listed"), [(errno.EROFS, True), (errno.EACCES, False)])
def test_where_a_lock_cannot_be_taken_a_run_may_be_in_training(code, listed, tmp_path, monkeypatch):
    with store.locked(SPEC.name, tmp_path):
        file = store.save_run(make_run(SPEC), tmp_path)

    def refused(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(store.FileLock, "acquire", refused)
    assert (file in upkeep.own_files(tmp_path)) == listed
