"""Take the runs of an archive (`sdd.runs.archive`) into a store, each of them checked.

Nothing is ever unpacked: from an archive of others the manifest is read, and of each run that it
names the bytes, which are stored once they are found to be that run.
"""

import contextlib
import dataclasses
import hashlib
import json
import re
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sdd.names import printable, what_failed
from sdd.runs import store
from sdd.runs.archive import FORMAT, ArchiveError
from sdd.runs.crate import MANIFEST, member
from sdd.runs.journal import Entry
from sdd.training import files
from sdd.training.files import NUMERICS
from sdd.training.run import Run

__all__ = ["Outcome", "import_runs"]

# More than any run or manifest has, and less than would fill the memory.
LARGEST_RUN, LARGEST_MANIFEST = 1 << 30, 1 << 27
NAME, SHA256 = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{64}")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# What a damaged tar file makes tarfile raise.
UNREADABLE = (tarfile.TarError, EOFError, OverflowError, OSError, RecursionError, MemoryError)
LONGEST_S = 1e9  # of CPU time, thirty years
SHOWN = 10  # reasons of a kind that are printed
NOT_ONE = "must be an archive that sdd has exported, but"


@dataclass
class Outcome:
    """What became of the runs of an archive: names, with the reason where there is one.

    Parameters
    ----------
    added, there, busy : list of str
        Runs that were added; that had been stored; that another process trains at this moment.
    other, damaged : dict of str to str
        Runs of another version of this package, and what is not the run that it should be.

    Examples
    --------
    >>> from sdd.runs.importing import Outcome
    >>> print(Outcome(added=["0123456789abcdef"]))
          1  added
          0  stored already, left as they are
          0  being trained here at this moment
          0  of another version of sdd
          0  damaged
    """

    added: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    other: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = {
            "added": len(self.added),
            "stored already, left as they are": len(self.there),
            "being trained here at this moment": len(self.busy),
            "of another version of sdd": len(self.other),
            "damaged": len(self.damaged),
        }
        lines = [f"{count:7,}  {what}" for what, count in counts.items()]
        for what, names in (("of another version", self.other), ("damaged", self.damaged)):
            lines += [f"{name} is {what}: {names[name]}" for name in sorted(names)[:SHOWN]]
            if len(names) > SHOWN:
                lines.append(f"... and {len(names) - SHOWN:,} more")
        # Nothing in a file of others is to reach a terminal but as letters.
        return "\n".join(map(printable, lines))


def import_runs(archive: Path, folder: Path | None = None) -> Outcome:
    """Add to a store those runs of an archive that it lacks, each checked; overwrite nothing.

    Interrupted at any time, it leaves whole runs, and the same call adds the others.

    Parameters
    ----------
    archive : Path
        From `export_runs`.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    Outcome
        What became of each run.

    Raises
    ------
    ArchiveError
        Where the file cannot be read, or is no archive of runs.
    StoreError
        Where the store cannot be written to.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.importing import import_runs
    >>> file = Path("runs.tar")
    >>> n = file.write_text("something else")
    >>> import_runs(file)
    Traceback (most recent call last):
    sdd.runs.archive.ArchiveError: runs.tar must be an archive that sdd has exported, but it is not
    """
    folder = folder or store.default_folder()
    with _opened(archive) as tar:
        members = _members(tar)
        runs, source = _manifest(tar, members, archive)
        found = Outcome()
        for listed in tqdm(runs, "importing", unit="run", disable=None):
            name = listed["name"]
            try:
                blob = _content(tar, members.get(member(name)), LARGEST_RUN)
            except (ValueError, *UNREADABLE) as error:
                found.damaged[name] = str(error)
                continue
            try:
                run = _checked(blob, listed)
            except files.OtherVersionError as error:
                found.other[name] = str(error)
            except files.UNREADABLE as error:
                found.damaged[name] = str(error)
            else:
                entry = dataclasses.replace(_entry(listed), archive=source)
                getattr(found, _added(run, entry, folder)).append(name)
        named = {member(listed["name"]) for listed in runs}
        for name in sorted(members.keys() - named):
            if name.startswith("runs/") and members[name].isfile():
                found.damaged[name] = "the manifest does not name it"
    return found


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive for reading: a regular file, or a link to one, and no pipe."""
    try:
        if not stat.S_ISREG(archive.stat().st_mode):
            raise ArchiveError(f"{archive} {NOT_ONE} it is no regular file")
        opened = archive.open("rb")
    except ArchiveError:
        raise
    except OSError as error:
        raise ArchiveError(f"{printable(archive)} cannot be read: {what_failed(error)}") from error
    with opened, contextlib.ExitStack() as stack:
        try:
            tar = stack.enter_context(tarfile.open(fileobj=opened, mode="r:"))
        except (*UNREADABLE, ValueError) as error:
            raise ArchiveError(f"{archive} {NOT_ONE} it is not") from error
        yield tar


def _members(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the members by name, up to where the archive is damaged or ends."""
    found = {}
    with contextlib.suppress(*UNREADABLE, ValueError):
        for info in tar:
            found[info.name.removeprefix("./")] = info
    return found


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo | None, most: int) -> bytes:
    """Return what is in a member, if it is a plain file of at most so many bytes."""
    if info is None:
        raise EOFError("the archive does not hold it: it may have been cut off")
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
        raise ValueError("it is no regular file")
    if info.size > most:
        raise ValueError(f"it has {info.size:,} bytes, more than any run")
    opened = tar.extractfile(info)
    return opened.read() if opened else b""


def _manifest(
    tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo], archive: Path
) -> tuple[list[dict[str, Any]], str]:
    """Return the runs that the manifest lists, with sound names and hashes, and its own hash."""
    try:
        text = _content(tar, members.get(MANIFEST), LARGEST_MANIFEST)
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise ValueError(f"it is of the format {found['format']!r}, not {FORMAT!r}")
        sound = [
            NAME.fullmatch(run["name"]) and SHA256.fullmatch(run["sha256"]) for run in found["runs"]
        ]
    except (*files.UNREADABLE, *UNREADABLE) as error:
        raise ArchiveError(f"{archive} {NOT_ONE} its {MANIFEST} is damaged ({error})") from error
    if not all(sound):
        raise ArchiveError(f"{archive} {NOT_ONE} its {MANIFEST} is damaged (names or hashes)")
    return found["runs"], hashlib.sha256(text).hexdigest()


def _checked(blob: bytes, listed: dict[str, Any]) -> Run:
    """Return the run that these bytes are, if they are the very one that the manifest names."""
    if hashlib.sha256(blob).hexdigest() != listed["sha256"]:
        raise ValueError("its bytes do not match the hash in the manifest")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "run"
        file.write_bytes(blob)
        tensors, meta = files.read(file)
    if (numerics := meta["numerics"]) != NUMERICS:
        raise files.OtherVersionError(f"its numerics are {numerics!r}, and here {NUMERICS}")
    run = files.run_of(tensors, meta)
    if store.name_of(run) != listed["name"]:
        raise files.OtherVersionError("its settings have another name here")
    if run.steps < run.config.steps:
        raise ValueError(f"its training was stopped at {run.steps} of {run.config.steps} steps")
    return run


def _added(run: Run, entry: Entry, folder: Path) -> str:
    """Store a run that is not stored yet; return which list of an `Outcome` it belongs to."""
    with store.locked(entry.name, folder, wait=False) as mine:
        if store.load(entry.name, folder) is not None:
            return "there"
        if not mine:
            return "busy"
        store.set_aside(entry.name, folder)
        store.save_run(run, folder, entry=entry)
    return "added"


def _entry(listed: dict[str, Any]) -> Entry:
    """Return what the manifest says of a training, where it is of the kind that it should be."""
    said = {k: listed[k] for k in ("date", "seconds", "machine", "software") if k in listed}
    sound = {
        "date": lambda v: isinstance(v, str) and DATE.fullmatch(v),
        "seconds": lambda v: type(v) in (int, float) and 0 <= v < LONGEST_S,
        "machine": _is_short,
        "software": lambda v: isinstance(v, dict) and all(map(_is_short, [*v, *v.values()])),
    }
    return Entry(listed["name"], **{k: v for k, v in said.items() if sound[k](v)})


def _is_short(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= 200 and text.isprintable()
