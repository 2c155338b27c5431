"""An archive is the same bytes for the same runs; from it come whole runs, and nothing else."""

import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from dataclasses import replace

import pytest
import sweeps

from sdd.runs import archive, crate, importing, journal, store, sweep
from sdd.runs.archive import ArchiveError, export_runs
from sdd.runs.importing import import_runs
from sdd.runs.on_the_spot import MissingRuns
from sdd.training import files

SPECS = [sweeps.spec(T=T, seed=T) for T in (3, 4, 5)]
NAMES = sorted(s.name for s in SPECS)
ELSEWHERE = {"machine": "Another machine (x86_64), 64 cores", "software": {"sdd": "0.0.9"}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store of three runs, trained on another machine."""
    folder = tmp_path_factory.mktemp("made")
    sweep.train_missing(SPECS, folder, jobs=1, quiet=True)
    entries = journal.entries(folder).values()
    journal.note([replace(e, date="2025-01-01T00:00:00Z", **ELSEWHERE) for e in entries], folder)
    return folder


@pytest.fixture
def packed(made, tmp_path):
    """An archive of them."""
    export_runs(SPECS, tmp_path / "runs.tar", made, profile="small")
    return tmp_path / "runs.tar"


def members(file):
    with tarfile.open(file) as tar:
        return {i.name: (i, tar.extractfile(i).read()) for i in tar if i.isfile()}


def repacked(file, change):
    """Write an archive again, with members (info, content) that `change` gives for each."""
    new = io.BytesIO()
    with tarfile.open(fileobj=new, mode="w") as tar:
        for info, content in members(file).values():
            for new_info, new_content in change(info, content):
                new_info.size = len(new_content) if new_info.isreg() else 0
                tar.addfile(new_info, io.BytesIO(new_content))
    file.write_bytes(new.getvalue())


def manifest(file, change):
    """Change the manifest of an archive."""

    def of(info, content):
        if info.name == crate.MANIFEST:
            found = json.loads(content)
            change(found)
            content = json.dumps(found).encode()
        return [(info, content)]

    repacked(file, of)


# --- Export -------------------------------------------------------------------------------------


def test_the_same_runs_give_the_same_bytes_whoever_exports_them_when_and_where(
    made, packed, tmp_path, monkeypatch
):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in sorted(made.iterdir(), reverse=True):  # another order in the folder
        if file.is_file():
            shutil.copy(file, copy)
            os.utime(copy / file.name, (1e9, 1e9))  # ... and other dates
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setenv("USER", "somebody-else")
    before = os.umask(0o077)
    try:
        export_runs(reversed(SPECS), tmp_path / "again.tar", copy, profile="small")
    finally:
        os.umask(before)
    assert (tmp_path / "again.tar").read_bytes() == packed.read_bytes()


def test_an_archive_of_imported_runs_is_the_archive_that_they_came_from(packed, tmp_path):
    import_runs(packed, tmp_path / "new")
    export_runs(SPECS, tmp_path / "again.tar", tmp_path / "new", profile="small")
    assert (tmp_path / "again.tar").read_bytes() == packed.read_bytes()


def test_an_archive_is_whole_or_not_at_all(made, tmp_path, monkeypatch):
    target = tmp_path / "runs.tar"
    with pytest.raises(MissingRuns, match="1 of the 4 runs asked for is not stored"):
        export_runs([*SPECS, sweeps.spec(T=9)], target, made)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "fsync", full)
    with pytest.raises(ArchiveError, match=r"written to .*runs\.tar: No space left on device"):
        export_runs(SPECS, target, made)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_only_when_that_is_asked_for(made, packed, tmp_path):
    content = packed.read_bytes()
    packed.write_text("somebody's")
    with pytest.raises(ArchiveError, match=r"there is .* already: .*give --force"):
        export_runs(SPECS, packed, made)
    assert packed.read_text() == "somebody's"
    export_runs(SPECS, packed, made, force=True, profile="small")
    assert packed.read_bytes() == content
    with pytest.raises(ArchiveError, match="remove it"):
        export_runs(SPECS, tmp_path, made, force=True)


def test_the_manifest_says_of_each_run_what_it_is_and_where_it_was_trained(packed, made):
    found = json.loads(members(packed)[crate.MANIFEST][1])
    assert [run["name"] for run in found["runs"]] == NAMES
    assert found["profile"] == "small"
    for run in found["runs"]:
        content = store.path(run["name"], made).read_bytes()
        assert (run["sha256"], run["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert run["command"].startswith("python -m sdd run --T ")
        assert run["settings"]["config"]["steps"] == 50
        assert {key: run[key] for key in ELSEWHERE} == ELSEWHERE
        assert run["seconds"] > 0


def test_the_crate_describes_every_file_of_the_archive(packed):
    content = members(packed)
    graph = {e["@id"]: e for e in json.loads(content[crate.CRATE][1])["@graph"]}
    root = graph["./"]
    assert graph[crate.CRATE]["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.2"
    assert root["datePublished"] == "2025-01-01T00:00:00Z"
    assert graph[root["license"]["@id"]]["name"] == "MIT License"
    parts = {part["@id"] for part in root["hasPart"]}
    assert parts == content.keys() - {crate.CRATE}
    for name in parts:
        assert graph[name]["sha256"] == hashlib.sha256(content[name][1]).hexdigest()
        assert graph[name]["contentSize"] == str(len(content[name][1]))
    (action,) = (graph[a["@id"]] for a in root["mentions"])
    software, machine = (graph[i["@id"]] for i in action["instrument"])
    assert (software["version"], machine["name"]) == ("0.0.9", ELSEWHERE["machine"])
    assert {r["@id"] for r in action["result"]} == parts - {crate.MANIFEST}


# --- Import -------------------------------------------------------------------------------------


def test_imported_runs_are_the_same_files_and_are_not_said_to_be_trained_here(
    packed, made, tmp_path
):
    found = import_runs(packed, tmp_path / "new")
    assert found.added == NAMES
    assert sweeps.contents(tmp_path / "new") == sweeps.contents(made)
    assert sweep.missing(SPECS, tmp_path / "new") == []
    noted = journal.entries(tmp_path / "new")
    assert journal.unchanged(noted.values(), tmp_path / "new") == set(NAMES)
    for name, entry in journal.entries(made).items():
        of = hashlib.sha256(members(packed)[crate.MANIFEST][1]).hexdigest()
        same = ("date", "seconds", "machine", "software")
        assert all(getattr(noted[name], key) == getattr(entry, key) for key in same)
        assert (noted[name].archive, entry.archive) == (of, "")


def test_what_is_stored_is_never_overwritten(packed, tmp_path):
    sweep.train_missing(SPECS[:1], tmp_path / "new", jobs=1, quiet=True)
    before = sweeps.files(tmp_path / "new")
    found = import_runs(packed, tmp_path / "new")
    assert found.there == [SPECS[0].name]
    assert len(found.added) == 2
    assert before.items() <= sweeps.files(tmp_path / "new").items()
    assert journal.entries(tmp_path / "new")[SPECS[0].name].archive == ""


def test_a_damaged_file_in_the_store_is_kept_beside_the_imported_run(packed, tmp_path):
    tmp_path.joinpath("new").mkdir()
    store.path(NAMES[0], tmp_path / "new").write_text("half a run")
    with pytest.warns(UserWarning, match=NAMES[0]):
        assert import_runs(packed, tmp_path / "new").added == NAMES
    (kept,) = (tmp_path / "new").glob("*.damaged")
    assert kept.read_text() == "half a run"


def test_a_run_that_is_being_trained_is_left_alone(packed, tmp_path):
    with store.locked(NAMES[0], tmp_path / "new"):
        found = import_runs(packed, tmp_path / "new")
    assert (found.busy, found.added) == (NAMES[:1], NAMES[1:])


def test_an_interrupted_import_leaves_whole_runs_and_the_next_one_adds_the_others(
    packed, made, tmp_path, monkeypatch
):
    save, calls = store.save_run, []

    def interrupted(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return save(*args, **options)

    monkeypatch.setattr(store, "save_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_runs(packed, tmp_path / "new")
    assert len(sweeps.files(tmp_path / "new")) == 1
    assert import_runs(packed, tmp_path / "new").added == NAMES[1:]
    assert sweeps.contents(tmp_path / "new") == sweeps.contents(made)


BYTE = 300  # somewhere in the header of a run file


def flipped(info, content):
    if info.name == crate.member(NAMES[1]):
        content = content[:BYTE] + bytes([content[BYTE] ^ 1]) + content[BYTE + 1 :]
    return [(info, content)]


def kind(type_, linkname=""):
    def change(info, content):
        if info.name == crate.member(NAMES[1]):
            info.type, info.linkname = type_, linkname
        return [(info, content)]

    return change


ODD = {
    "a bit": (flipped, "do not match the hash"),
    "nothing": (lambda i, c: [(i, c)] * (i.name != crate.member(NAMES[1])), "cut off"),
    "a link": (kind(tarfile.SYMTYPE, "/etc/passwd"), "no regular file"),
    "a hard link": (kind(tarfile.LNKTYPE, crate.member(NAMES[0])), "no regular file"),
    "a pipe": (kind(tarfile.FIFOTYPE), "no regular file"),
    "a device": (kind(tarfile.CHRTYPE), "no regular file"),
    "another run": (
        lambda i, c: [(i, b"else")] if i.name == crate.member(NAMES[1]) else [(i, c)],
        "do not match the hash",
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_in_the_place_of_a_run_whatever_is_not_that_run_is_damaged_and_the_others_are_added(
    what, packed, tmp_path
):
    change, why = ODD[what]
    repacked(packed, change)
    found = import_runs(packed, tmp_path / "new")
    assert list(found.damaged) == [NAMES[1]]
    assert why in found.damaged[NAMES[1]]
    assert found.added == [NAMES[0], NAMES[2]]
    assert f"{NAMES[1]} is damaged: " in str(found)


def test_a_right_hash_in_the_manifest_does_not_make_a_run(packed, tmp_path):
    """Whoever makes an archive writes its hashes, too."""

    def change(info, content):
        return [(info, b"of another kind" if info.name == crate.member(NAMES[0]) else content)]

    repacked(packed, change)
    right = hashlib.sha256(b"of another kind").hexdigest()
    manifest(packed, lambda m: m["runs"][0].update(sha256=right))
    assert list(import_runs(packed, tmp_path / "new").damaged) == NAMES[:1]


def test_a_run_under_the_name_of_another_is_not_taken_for_it(packed, tmp_path):
    def change(info, content):
        of_other = members(packed)[crate.member(NAMES[1])][1]
        return [(info, of_other if info.name == crate.member(NAMES[0]) else content)]

    repacked(packed, change)
    manifest(packed, lambda m: m["runs"][0].update(sha256=m["runs"][1]["sha256"]))
    found = import_runs(packed, tmp_path / "new")
    assert found.other == {NAMES[0]: "its settings have another name here"}
    assert found.added == NAMES[1:]


def test_runs_of_other_numerics_are_told_from_damaged_ones(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "NUMERICS", 1_000)
    found = import_runs(packed, tmp_path / "new")
    assert list(found.other) == NAMES
    assert found.other[NAMES[0]] == f"its numerics are {files.NUMERICS}, and here 1000"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.99])
def test_of_an_archive_cut_off_what_is_whole_is_added_and_the_rest_is_said_to_be_damaged(
    cut, packed, made, tmp_path
):
    packed.write_bytes(packed.read_bytes()[: int(cut * packed.stat().st_size)])
    try:
        found = import_runs(packed, tmp_path / "new")
    except ArchiveError:
        assert cut == 0.2  # in the manifest
        return
    assert sorted([*found.added, *found.damaged]) == NAMES
    assert sweeps.contents(tmp_path / "new").items() <= sweeps.contents(made).items()


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "runs/../../outside", "runs/x"])
def test_members_that_no_manifest_names_are_never_written(name, packed, tmp_path):
    def change(info, content):
        more = tarfile.TarInfo(name)
        return [(info, content)] + [(more, b"evil")] * (info.name == crate.CRATE)

    repacked(packed, change)
    found = import_runs(packed, tmp_path / "deep" / "new")
    assert found.added == NAMES
    assert not list(tmp_path.rglob("outside"))
    assert not list(tmp_path.rglob("x"))


def deep(n):
    return b"[" * n + b"]" * n


NO_MANIFEST = {
    "no JSON": b"{",
    "nested without end": deep(200_000),
    "a list": b"[]",
    "of another format": b'{"format": "sdd-archive-9", "runs": []}',
    "a name that leads elsewhere": json.dumps(
        {"format": archive.FORMAT, "runs": [{"name": "../../etc/passwd", "sha256": "0" * 64}]}
    ).encode(),
    "a run that is no dict": json.dumps({"format": archive.FORMAT, "runs": [3]}).encode(),
    "a number without end": b'{"format": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("what", NO_MANIFEST)
def test_an_archive_without_a_sound_manifest_is_refused_in_one_sentence(what, packed, tmp_path):
    def change(info, content):
        return [(info, NO_MANIFEST[what] if info.name == crate.MANIFEST else content)]

    repacked(packed, change)
    with pytest.raises(ArchiveError, match=r"manifest\.json is damaged") as refused:
        import_runs(packed, tmp_path / "new")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("what", ["text", "empty", "folder", "pipe", "nothing", "gzip"])
def test_what_is_no_archive_is_refused_in_one_sentence(what, tmp_path):
    file = tmp_path / "runs.tar"
    if what == "folder":
        file.mkdir()
    elif what == "pipe":
        os.mkfifo(file)
    elif what == "gzip":
        with tarfile.open(file, "w:gz"):
            pass
    elif what != "nothing":
        file.write_text("some text" * 1_000 if what == "text" else "")
    with pytest.raises(ArchiveError, match=r"runs\.tar (must be an archive|cannot be read)"):
        import_runs(file, tmp_path / "new")


def test_a_run_larger_than_any_is_refused_before_it_is_read(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "LARGEST_RUN", 1_000)
    monkeypatch.setattr(files, "read", None)
    found = import_runs(packed, tmp_path / "new")
    assert list(found.damaged) == NAMES
    assert "more than any run" in found.damaged[NAMES[0]]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("date", "yesterday"), ("date", 3), ("seconds", "long"), ("seconds", -1.0),
        ("seconds", True), ("machine", "\x1b[2Jclean"), ("machine", ["x"]), ("machine", "x" * 999),
        ("software", {"sdd": 3}), ("software", "sdd"), ("software", {"a\nb": "1"}),
    ],
)  # fmt: skip
def test_what_an_archive_says_of_a_training_is_taken_over_only_where_it_can_be_true(
    key, value, packed, tmp_path
):
    manifest(packed, lambda m: m["runs"][0].update({key: value}))
    assert import_runs(packed, tmp_path / "new").added == NAMES
    entry = journal.entries(tmp_path / "new")[NAMES[0]]
    assert repr(getattr(entry, key)) == repr(getattr(journal.Entry(NAMES[0]), key))


def test_nothing_in_an_archive_reaches_a_terminal_but_as_letters():
    said = str(importing.Outcome({}, damaged={"a-run": "\x1b]0;title\x07\x9b2J\u202e"}))
    assert all(line.isprintable() for line in said.splitlines())
