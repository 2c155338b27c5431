"""Whether runs are stored is told by the journal where it knows, and by their files elsewhere."""

import os

import pytest
from sweeps import contents, spec, store_many

from sdd.runs import fetch, missing, require, store, sweep, train_missing
from sdd.runs.journal import JOURNAL, entries


@pytest.fixture
def read(monkeypatch):
    """The names of the runs whose files were read."""
    found, of_file = [], store.files.read

    def watched(file, *options, **further):
        found.append(file.stem)
        return of_file(file, *options, **further)

    monkeypatch.setattr(store.files, "read", watched)
    return found


def look(folder):
    """Everything in a folder, with its bytes and times."""
    return {
        file.relative_to(folder): (file.read_bytes() if file.is_file() else None, file.lstat())
        for file in [folder, *folder.rglob("*")]
    }


def test_what_the_journal_vouches_for_is_not_read(tmp_path, read):
    specs = store_many(tmp_path, 5)
    assert missing([*specs, spec(50)], tmp_path) == [spec(50)]
    require(specs, tmp_path)
    assert read == [spec(50).name]  # (it is not there)
    assert train_missing(specs, tmp_path) == 0


def test_what_has_changed_is_read_and_noted_by_the_next_sweep_alone(tmp_path, read):
    specs = store_many(tmp_path, 5)
    dates = {name: entry.date for name, entry in entries(tmp_path).items()}
    os.utime(store.path(specs[2].name, tmp_path))
    before = look(tmp_path)
    for _ in range(2):
        assert missing(specs, tmp_path) == []
        assert len(fetch(specs[2], tmp_path)) == 1
    assert look(tmp_path) == before
    assert read == [specs[2].name] * 4
    read.clear()
    train_missing(specs, tmp_path)
    assert sorted(read) == sorted(s.name for s in specs)
    read.clear()
    assert missing(specs, tmp_path) == []
    assert read == []
    journal = (tmp_path / JOURNAL).read_bytes()
    train_missing(specs, tmp_path)
    assert (tmp_path / JOURNAL).read_bytes() == journal
    assert {name: entry.date for name, entry in entries(tmp_path).items()} == dates


def rot(file):
    """Change a bit of a file behind the back of its size and times, as a failing disk does."""
    looks = file.stat()
    with file.open("r+b") as opened:
        opened.seek(-1, os.SEEK_END)
        opened.write(b"\xff")
    os.utime(file, ns=(looks.st_atime_ns, looks.st_mtime_ns))


@pytest.mark.filterwarnings("ignore:.*not a sound run file", "ignore:.*was set aside")
def test_what_a_disk_has_damaged_in_silence_is_trained_again_by_a_sweep(tmp_path):
    one = spec(5)
    train_missing(one, tmp_path, jobs=1, quiet=True)
    before = contents(tmp_path)
    rot(store.path(one.name, tmp_path))
    assert missing(one, tmp_path) == []  # the journal knows no better
    assert train_missing(one, tmp_path, jobs=1, quiet=True) == 1
    assert contents(tmp_path)[f"{one.name}.safetensors"] == before[f"{one.name}.safetensors"]


def test_without_a_journal_every_file_is_read_once(tmp_path, read):
    specs = store_many(tmp_path, 5)
    (tmp_path / JOURNAL).unlink()
    assert missing(specs, tmp_path) == []
    assert sorted(read) == sorted(s.name for s in specs)
    assert not (tmp_path / JOURNAL).exists()


def test_fetch_reads_each_file_once(tmp_path, read):
    specs = store_many(tmp_path, 5)
    assert len(fetch([*specs, *specs], tmp_path)) == 10
    assert sorted(read) == sorted(s.name for s in specs)


def test_a_change_right_after_storing_is_noticed(tmp_path):
    for flip in range(20):  # in place, to the same size, within a tick of the system's clock
        (one,) = store_many(tmp_path, 1)
        with store.path(one.name, tmp_path).open("r+b") as file:
            file.seek(-1 - flip, os.SEEK_END)
            file.write(b"\xff")
        with pytest.warns(UserWarning, match="does not match its hash"):
            assert missing([one], tmp_path) == [one]


def test_what_is_found_damaged_is_trained_though_the_journal_vouches_for_it(tmp_path):
    wanted = [spec(50), spec(60)]
    train_missing(wanted, tmp_path, jobs=1, quiet=True)
    good, bad = contents(tmp_path), store.path(wanted[0].name, tmp_path)
    found = bad.stat()
    with bad.open("r+b") as file:  # as a disk that fails: neither size nor time changes
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    os.utime(bad, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert missing(wanted, tmp_path) == []
    with pytest.warns(UserWarning, match="does not match its hash"):
        assert [run.config.steps for run in fetch(wanted, tmp_path)] == [50, 60]
    assert contents(tmp_path) == good
    assert missing(wanted, tmp_path) == []


def test_what_cannot_be_stored_is_missing_and_not_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "train_missing", lambda *_, **__: 0)
    with pytest.raises(sweep.MissingRuns, match="1 of 1 run is not stored"):
        fetch([spec(50)], tmp_path)


def test_of_few_runs_in_a_large_store_the_files_are_read_and_not_the_journal(
    tmp_path, read, monkeypatch
):
    specs = store_many(tmp_path, 5)
    monkeypatch.setattr(store, "READING", 100)  # as where it is long
    assert missing(specs[:2], tmp_path) == []
    assert len(read) == 2
