"""The store's journal: when, where and in what time each stored run was trained.

A file of JSON lines, `.journal`, to which whoever stores a run appends one. A line also holds size,
time and inode of the run's file, so that a file which is still that one need not be read again to
know that it is sound. Nothing depends on a line: without it the file is read, and there is no date.
"""

import functools
import json
import math
import os
import platform
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sdd.training.disk import opened, share
from sdd.training.files import NUMERICS

__all__ = ["JOURNAL", "Entry", "entries", "machine", "note", "software", "unchanged"]

JOURNAL = ".journal"
FIRST = b'{"name": "'  # what each of its lines begins with, before the name
AT_MOST = 2**28  # bytes: of a million runs
# No link is followed, and no pipe waited for.
SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@functools.cache
def machine() -> str:
    """Return what processor this machine has, its architecture and its number of cores."""
    info = Path("/proc/cpuinfo")
    said = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    name = said[1].strip() if said else platform.processor() or platform.machine()
    return f"{name} ({platform.machine()}), {os.cpu_count()} cores"


@functools.cache
def software() -> dict[str, str]:
    """Return the versions of what decides a run's bits, by name."""
    found = {"python": platform.python_version()}
    for name in ("sdd", "numpy", "numba", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # it runs from its folder, not installed
            continue
    return found


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass(frozen=True)
class Entry:
    """What the journal says of one stored run.

    Parameters
    ----------
    name : str
        Name of the run.
    date : str
        When it was stored first, in UTC, such as "2023-01-05T12:00:00Z"; "" where unknown.
    seconds : float
        CPU time that its training and evaluation took; NaN where unknown.
    machine : str
        As from `machine`, where it was trained; "" where unknown.
    software : dict of str to str
        As from `software`, there.
    archive : str
        SHA-256 of the manifest of the archive that it came from; "" where it was trained here.
    size, mtime_ns, inode, numerics : int
        Of its file, as it was when it was found sound; −1 where it was not looked at.
    """

    name: str
    date: str = ""
    seconds: float = math.nan
    machine: str = ""
    software: dict[str, str] = field(default_factory=dict)
    archive: str = ""
    size: int = -1
    mtime_ns: int = -1
    inode: int = -1
    numerics: int = NUMERICS

    @classmethod
    def made_here(cls, name: str, seconds: float = math.nan) -> "Entry":
        """Return the entry of a run that was trained here, and now.

        Parameters
        ----------
        name : str
            Name of the run.
        seconds : float
            CPU time that it took.

        Returns
        -------
        Entry
            With today's date and this machine.

        Examples
        --------
        >>> from sdd.runs.journal import Entry
        >>> Entry.made_here("0123456789abcdef", seconds=2.5).seconds
        2.5
        """
        return cls(name, _now(), seconds, machine(), software())


def note(made: Iterable[Entry], folder: Path) -> None:
    """Append entries of runs that are stored, with what their files look like now.

    For whoever has just written a file, or has read it and found it sound. Where the journal cannot
    be written, nothing is noted, and nothing is said.

    Parameters
    ----------
    made : iterable of Entry
        Of these runs.
    folder : Path
        The store.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.journal import Entry, entries, note
    >>> Path("runs").mkdir()
    >>> n = Path("runs/0123456789abcdef.safetensors").write_text("a run")
    >>> note([Entry.made_here("0123456789abcdef")], Path("runs"))
    >>> entries(Path("runs"))["0123456789abcdef"].size
    5
    """
    lines = ""
    for entry in made:
        try:
            found = (folder / f"{entry.name}.safetensors").lstat()
        except OSError:
            continue
        looks = {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino}
        known = {key: value for key, value in asdict(entry).items() if value == value}  # no NaN
        lines += json.dumps(known | looks | {"numerics": NUMERICS}) + "\n"
    if not lines:
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | SAFE
    try:
        descriptor = os.open(folder / JOURNAL, flags, 0o666)
    except OSError:
        return
    with open(descriptor, "ab", buffering=0) as file:  # one write: others append, too
        if not file.tell():
            share(descriptor, folder)
        try:
            file.write(lines.encode())
        except OSError:
            return


def entries(folder: Path, names: Collection[str] | None = None) -> dict[str, Entry]:
    """Return what the journal says, by name of run; the last entry of each counts.

    Parameters
    ----------
    folder : Path
        The store.
    names : collection of str, or None
        Of the runs asked for; None means all.

    Returns
    -------
    dict of str to Entry
        Empty where there is no journal. Lines that are none of its own are passed over.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.journal import entries
    >>> entries(Path("an-empty-folder"))
    {}
    """
    try:
        found = (folder / JOURNAL).lstat()
        lines = _lines(folder / JOURNAL, found.st_ino, found.st_size, found.st_mtime_ns)
    except (OSError, ValueError):
        return {}
    asked = lines if names is None else lines.keys() & {name.encode() for name in names}
    read = ((name.decode(), _entry(lines[name])) for name in asked)
    return {name: entry for name, entry in read if entry is not None and entry.name == name}


@functools.lru_cache(maxsize=1)
def _lines(file: Path, *looks: int) -> dict[bytes, bytes]:
    """Return the last line of each run, by its name; read again once the file looks otherwise."""
    with opened(file) as journal:
        size = os.fstat(journal.fileno()).st_size
        lines = journal.read().splitlines() if size <= AT_MOST else []
    start = len(FIRST)
    return {line[start : line.find(b'"', start)]: line for line in lines if line.startswith(FIRST)}


KINDS: dict[str, Any] = {f: str for f in ("name", "date", "machine", "archive")} | {
    "software": dict
}
KINDS |= dict.fromkeys(("size", "mtime_ns", "inode", "numerics"), int)
TYPES = list(KINDS.values())


def _entry(line: bytes) -> Entry | None:
    """Return the entry of a line, or None where it is none."""
    try:
        values = json.loads(line.decode())
        seconds = float(values.pop("seconds", math.nan))
        seconds = seconds if math.isfinite(seconds) else math.nan
        values.setdefault("archive", "")
        known = {key: values[key] for key in KINDS}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    if [type(value) for value in known.values()] != TYPES:
        return None
    return Entry(seconds=seconds, **known)


def unchanged(noted: Iterable[Entry], folder: Path) -> set[str]:
    """Return the names of those runs whose file is still the very one that was found sound.

    Parameters
    ----------
    noted : iterable of Entry
        From `entries`.
    folder : Path
        The store.

    Returns
    -------
    set of str
        Their names: these files need not be read to know that their runs are stored.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.journal import Entry, unchanged
    >>> unchanged([Entry("0123456789abcdef")], Path("an-empty-folder"))
    set()
    """
    same = set()
    for entry in noted:
        try:
            found = os.lstat(f"{folder}/{entry.name}.safetensors")
        except (OSError, ValueError):
            continue
        looks = (found.st_size, found.st_mtime_ns, found.st_ino, NUMERICS)
        if looks == (entry.size, entry.mtime_ns, entry.inode, entry.numerics):
            same.add(entry.name)
    return same
