"""The journal says when, where and in what time runs were trained; and which are unchanged."""

import math
import os

import pytest
import sweeps

from sdd.runs import journal, make_run, store, train_missing
from sdd.runs.journal import JOURNAL, Entry, entries, note, unchanged

NAMES = ["0123456789abcdef", "fedcba9876543210"]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.safetensors").write_text(f"the run {name}")
    note([Entry.made_here(name, seconds=2.5) for name in NAMES], tmp_path)
    return tmp_path


def test_a_stored_run_has_date_machine_and_time(tmp_path):
    spec = sweeps.spec(T=5)
    train_missing([spec], tmp_path, jobs=1, quiet=True)
    (entry,) = entries(tmp_path).values()
    assert entry.name == spec.name
    assert (entry.machine, entry.software) == (journal.machine(), journal.software())
    assert entry.seconds > 0
    assert entry.date.endswith("Z")
    assert unchanged([entry], tmp_path) == {spec.name}


def test_the_time_before_an_interrupt_counts(tmp_path):
    spec = sweeps.spec(T=5)
    made = []

    def keep(progress):
        progress.seconds = 1_000.0
        store.save_checkpoint(progress, spec.name, tmp_path)
        made.append(progress.steps)
        if len(made) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_run(spec, checkpoint=keep)
    train_missing([spec], tmp_path, jobs=1, quiet=True)
    assert entries(tmp_path)[spec.name].seconds > 1_000


@pytest.mark.parametrize("change", ["rewritten", "replaced", "touched", "gone", "link"])
def test_a_file_that_has_changed_is_noticed(folder, change):
    file = folder / f"{NAMES[0]}.safetensors"
    content = file.read_text()
    if change == "rewritten":
        file.write_text(content + "!")
    elif change == "replaced":
        (folder / "new").write_text(content)
        os.utime(folder / "new", ns=(0, file.stat().st_mtime_ns))
        (folder / "new").rename(file)
    elif change == "touched":
        os.utime(file, ns=(0, 0))
    elif change == "gone":
        file.unlink()
    elif change == "link":
        file.rename(folder / "moved")
        file.symlink_to(folder / "moved")
    assert unchanged(entries(folder).values(), folder) == {NAMES[1]}


def test_of_several_entries_the_last_counts(folder):
    (folder / f"{NAMES[0]}.safetensors").write_text("another run")
    note([Entry(NAMES[0])], folder)
    entry = entries(folder)[NAMES[0]]
    assert entry.size == len("another run")
    assert math.isnan(entry.seconds)


@pytest.mark.parametrize("seconds", ["1" + "0" * 400, "Infinity", "NaN", "-Infinity"])
def test_a_time_that_is_no_number_counts_as_unknown(folder, seconds):
    line = (folder / JOURNAL).read_text().splitlines()[0].replace("2.5", seconds)
    (folder / JOURNAL).write_text(line + "\n")
    assert all(math.isnan(e.seconds) for e in entries(folder).values())


@pytest.mark.parametrize(
    "line", [b"{", b"[1]", b'"x"', b"{}", b"\xff\x00", b"[" * 100_000, b'{"name": 1}', b""]
)
def test_a_line_of_other_kind_is_passed_over(folder, line):
    good = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(line + b"\n" + good + line)
    assert set(entries(folder)) == set(NAMES)


def test_a_journal_of_other_numerics_vouches_for_nothing(folder, monkeypatch):
    monkeypatch.setattr(journal, "NUMERICS", journal.NUMERICS + 1)
    assert unchanged(entries(folder).values(), folder) == set()


@pytest.mark.parametrize("odd", ["folder", "link", "pipe"])
def test_what_is_no_journal_hinders_nothing(tmp_path, odd):
    (tmp_path / f"{NAMES[0]}.safetensors").write_text("a run")
    (tmp_path / "elsewhere").write_text("somebody's")
    if odd == "folder":
        (tmp_path / JOURNAL).mkdir()
    elif odd == "link":
        (tmp_path / JOURNAL).symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(tmp_path / JOURNAL)
    note([Entry(NAMES[0])], tmp_path)
    assert entries(tmp_path) == {}
    assert (tmp_path / "elsewhere").read_text() == "somebody's"
