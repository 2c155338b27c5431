"""The upkeep of a store: which files are its own, and what dead processes have left of them."""

import contextlib
import errno
import re
from collections.abc import Iterable
from pathlib import Path

from sdd.runs.store import (
    MEASURES,
    StoreError,
    checkpoint_path,
    default_folder,
    locked,
    sound,
    usable,
)

__all__ = ["delete", "own_files", "tidy"]

TEMPORARY = r"\.writing-([0-9a-f]{16})-[0-9a-f]+"
OWN = {  # what the store makes, by the folder below it that it is in
    "": re.compile(
        rf"[0-9a-f]{{16}}\.(?:safetensors|damaged\d*)|{TEMPORARY}|\.(?:journal|verified)"
    ),
    ".checkpoints": re.compile(rf"([0-9a-f]{{16}})\.safetensors|{TEMPORARY}"),
    ".locks": re.compile(r"([0-9a-f]{16}|probe)\.(lock|steps)"),
}
OF_RUN = re.compile(r"(?:\.writing-)?(\w+)[.-]")  # the run, or the probe, of such a file


def own_files(folder: Path | None = None) -> list[Path]:
    """Return the files in a folder that a store has made: those of its names, and no others.

    Those of runs that are trained at this moment are not among them.

    Parameters
    ----------
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    list of Path
        Runs, checkpoints, locks, what was set aside, and kept measures.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.upkeep import own_files
    >>> own_files(Path("an-empty-folder"))
    []
    """
    folder = folder or default_folder()
    found = []
    locks = (p.stem for p in _inside(folder, ".locks") if p.suffix == ".lock")
    busy = {name for name in locks if _busy(name, folder)}
    for room, pattern in OWN.items():
        # (A folder under the name of a run was made by somebody else.)
        found += [
            p
            for p in _inside(folder, room)
            if pattern.fullmatch(p.name)
            and (p.is_symlink() or not p.is_dir())
            and busy.isdisjoint(re.split(r"[.-]", p.name))
        ]
    measures = folder / MEASURES
    if measures.is_dir() and not measures.is_symlink():
        found += [p for p in sorted(measures.rglob("*")) if not p.is_dir()]
    return found


def delete(files: Iterable[Path], folder: Path | None = None) -> None:
    """Delete files of a store, then those of its own folders that are empty, and itself if it is.

    Those of a run that another process has begun to train since they were listed stay.

    Parameters
    ----------
    files : iterable of Path
        From `own_files`.
    folder : Path or None
        The store; None means the default one.

    Raises
    ------
    StoreError
        Where one cannot be deleted.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.upkeep import delete, own_files
    >>> delete(own_files(Path("a-store")), Path("a-store"))
    """
    folder = folder or default_folder()
    rooms = {folder / room for room in OWN}
    by_run: dict[str, list[Path]] = {}
    for file in sorted(files, key=lambda file: file.suffix == ".lock"):  # locks last
        found = OF_RUN.match(file.name) if file.parent in rooms else None
        by_run.setdefault(found[1] if found else "", []).append(file)
    for name, of_run in by_run.items():
        # (What has no lock is not locked: that would take room on a disk that may be full.)
        lock, nothing = folder / ".locks" / f"{name}.lock", contextlib.nullcontext(True)
        with usable(folder), locked(name, folder, wait=False) if lock.exists() else nothing as mine:
            for file in of_run if mine else ():
                # (On Windows the file of a lock that is held stays, and its release deletes it.)
                with contextlib.suppress(PermissionError) if file == lock else nothing:
                    file.unlink(missing_ok=True)
    kept = folder / MEASURES
    inside = (
        sorted(kept.rglob("*"), reverse=True) if kept.is_dir() and not kept.is_symlink() else []
    )
    for place in (*inside, kept, *(folder / name for name in OWN if name), folder):
        with contextlib.suppress(OSError):  # it is not empty, or not there
            place.rmdir()


def tidy(folder: Path | None = None) -> None:
    """Delete what dead processes have left: temporary files, and checkpoints of stored runs.

    Only the holder of a run's lock writes such files. So it looks at runs alone whose lock nobody
    holds; a checkpoint of a run that is not stored stays, as it is where the training goes on.

    Parameters
    ----------
    folder : Path or None
        The store; None means the default one.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.upkeep import tidy
    >>> tidy(Path("an-empty-folder"))
    """
    folder = folder or default_folder()
    left: dict[str, list[Path]] = {}
    for room in OWN:
        for file in _inside(folder, room):
            found = OWN[room].fullmatch(file.name)
            if found is not None and file.suffix != ".lock" and any(found.groups()):
                left.setdefault(next(filter(None, found.groups())), []).append(file)
    for name, of_run in left.items():
        with contextlib.suppress(StoreError), locked(name, folder, wait=False) as mine:
            for file in of_run if mine else ():
                resumable = file == checkpoint_path(name, folder) and not sound(name, folder)
                with contextlib.suppress(OSError):
                    if not resumable:
                        file.unlink()


def _busy(name: str, folder: Path) -> bool:
    """Return whether another process holds the lock of a run, or may do so."""
    try:
        with locked(name, folder, wait=False) as mine:
            return not mine
    except StoreError as error:  # on a disk that is only read, nobody trains
        return getattr(error.__cause__, "errno", None) != errno.EROFS


def _inside(folder: Path, room: str) -> list[Path]:
    """Return what is in a folder of the store; nothing behind a link."""
    place = folder / room
    with contextlib.suppress(OSError):
        return sorted(place.iterdir()) if not room or not place.is_symlink() else []
    return []
