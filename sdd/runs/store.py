"""Stored runs: one safetensors file each, named by the hash of its settings.

A file is written under a temporary name and moved into place, and its content hash is checked
on reading, so a half-written or damaged file is never taken for a run. The same settings give the
same bytes. The checkpoint of a run in training lies in a hidden folder until the run is stored.
"""

import contextlib
import dataclasses
import errno
import functools
import hashlib
import itertools
import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sdd import paper
from sdd.data import Dataset, DataSettings, origin
from sdd.names import printable, what_failed
from sdd.runs import journal
from sdd.runs.journal import Entry
from sdd.training import files
from sdd.training.checkpoint import Progress
from sdd.training.config import TrainConfig
from sdd.training.disk import Header, make_room, sharing
from sdd.training.files import NUMERICS, OtherVersionError, write_run
from sdd.training.layout import check_progress, known
from sdd.training.run import Run

__all__ = [
    "StoreError",
    "checkpoint_path",
    "default_folder",
    "load",
    "load_all",
    "load_checkpoint",
    "locked",
    "noted",
    "path",
    "run_name",
    "save_checkpoint",
    "save_run",
    "set_aside",
    "sound",
    "usable",
]

NUMERICS_AT = {1: 4}  # by m, where bits changed for some m alone
CHECKPOINT = "sdd-checkpoint-1"
MEASURES = ".measures"  # the folder of what is measured on runs
READING = 60_000  # bytes of the journal that are read in the time that a small run's file is
OTHER = "it holds the run of other settings"
# What says nothing of the file that was to be read: it is no reason to train its run again.
NOT_THE_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE)

_json = json.JSONEncoder(sort_keys=True).encode
_distrusted: set[Path] = set()  # files that this process found unsound, whatever the journal says


class StoreError(OSError):
    """The store's folder cannot be used."""


def default_folder() -> Path:
    """Return the folder of stored runs: $SDD_STORE, or `runs` in the checkout (else here).

    A relative one is made absolute where it is first asked for, in the environment: processes that
    are started from here mean the same, and so does this one in another folder.
    """
    if folder := os.environ.get("SDD_STORE"):
        try:
            path = Path(folder).expanduser().absolute()
        except RuntimeError:
            said = f"SDD_STORE must name a folder, but {printable(folder)} is in nobody's home"
            raise StoreError(said) from None
        os.environ["SDD_STORE"] = str(path)
        return path
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "pyproject.toml").exists() else Path.cwd()) / "runs"


@functools.cache
def _usual(kind: Any) -> dict[str, Any]:
    usual = {f.name: f.default for f in dataclasses.fields(kind)}
    if issubclass(kind, TrainConfig):
        usual["eps"] = paper.EPS  # (None never gets here: it has become a number)
    return usual


def _changed(settings: Any) -> dict[str, Any]:
    """Return the fields that differ from their defaults, so that new fields rename no run."""
    return {
        name: "inf" if value == math.inf else value
        for name, usual in _usual(settings.__class__).items()
        if (value := getattr(settings, name)) != usual
    }


def run_name(
    data: DataSettings | Dataset,
    config: TrainConfig,
    snapshots: tuple[int, ...] = (),
    start: str = "",
    model: str = "",
    test: str = "",
) -> str:
    """Return the name of a run: a hash of what determines it, independent of this code.

    Parameters
    ----------
    data, config, snapshots, start
        As in `RunSpec`.
    model : str
        The `sdd.model.model_name` of a model of one's own; "" for the paper's.
    test : str
        The content hash of a test set of one's own; "" for the usual one.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> from sdd.runs import run_name
    >>> law = sdd.DataSettings(5, n=50, sparsity=0.9)
    >>> run_name(law, sdd.TrainConfig(lr=0.01)) == run_name(law, sdd.TrainConfig())
    False
    """
    data = origin(data)
    config = config.for_data(data)
    numerics = NUMERICS_AT.get(config.m, NUMERICS)
    what: dict[str, Any] = {"config": _changed(config), "numerics": numerics}
    what["data"] = data.content_hash() if isinstance(data, Dataset) else _changed(data)
    optional = {"snapshots": list(snapshots), "start": start, "model": model, "test": test}
    what |= {key: value for key, value in optional.items() if value}
    return hashlib.sha256(_json(what).encode()).hexdigest()[:16]


def name_of(run: Run) -> str:
    """Return the name of a run; see `run_name`."""
    snapshots = tuple(int(step) for step in run.snapshots.get("step", ()))
    return run_name(run.data, run.config, snapshots, run.start, run.model, run.test)


def path(name: str, folder: Path | None = None) -> Path:
    """Return where the run of that name is, or would be, stored.

    Parameters
    ----------
    name : str
        Name of the run.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    Path
        A file in that folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs import path
    >>> path("a-run", Path("runs")).as_posix()
    'runs/a-run.safetensors'
    """
    return (folder or default_folder()) / f"{name}.safetensors"


def save_run(
    run: Run,
    folder: Path | None = None,
    seconds: float = math.nan,
    entry: Entry | None = None,
) -> Path:
    """Store a run, note it in the journal, delete its checkpoint, and return its file.

    Parameters
    ----------
    run : Run
        The run, which has taken all its steps.
    folder : Path or None
        The store; None means the default one.
    seconds : float
        CPU time that its training took, for the journal; NaN where unknown.
    entry : Entry or None
        What the journal is to say of it; None means that it was trained here and now.

    Returns
    -------
    Path
        Its file.

    Raises
    ------
    ValueError
        Where a callback stopped the training early: it is not the run of its settings.
    StoreError
        Where the folder cannot be written to, or is full; nothing half-written is left.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs import load, save_run
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(run, Path("runs"))
    >>> load(file.stem, Path("runs")).train_loss == run.train_loss
    True
    """
    if run.steps < run.config.steps:
        raise ValueError(
            f"a stored run must have taken all its {run.config.steps} steps, but this one was "
            f"stopped at {run.steps}: keep it with run.save(path)"
        )
    target = path(name_of(run), folder)
    with usable(target.parent):
        write_run(run, target, shared=True)
    _distrusted.discard(target)
    journal.note([entry or Entry.made_here(target.stem, seconds)], target.parent)
    with contextlib.suppress(OSError):
        checkpoint_path(target.stem, folder).unlink()
    return target


@contextlib.contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turn what the operating system says of a store into a `StoreError`.

    Parameters
    ----------
    folder : Path
        The store.

    Yields
    ------
    None

    Raises
    ------
    StoreError
        In place of any OSError of the block.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import usable
    >>> with usable(Path("runs")):
    ...     pass
    """
    try:
        yield
    except OSError as error:
        raise _unusable(folder, error) from error


def load(name: str, folder: Path | None = None) -> Run | None:
    """Return the stored run of that name, or None where there is none.

    A damaged, foreign or unreadable file counts as not stored, with a warning, and is left where it
    is: reading changes nothing. See `set_aside`.

    Parameters
    ----------
    name, folder
        As for `path`.

    Returns
    -------
    Run or None
        The run as it was stored.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs import load
    >>> load("a-run", Path("runs")) is None
    True
    """
    file = path(name, folder)
    try:
        run = _read(file, name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (*files.UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.errno in NOT_THE_FILES:
            raise _unusable(file.parent, error) from error
        _distrusted.add(file)
        why = what_failed(error) if isinstance(error, OSError) else printable(error, 300)
        warnings.warn(
            f"{printable(file)} is not a sound run file ({why}); its run counts as not stored",
            stacklevel=2,
        )
        return None
    _distrusted.discard(file)
    return run


def noted(names: Iterable[str], folder: Path | None = None) -> set[str]:
    """Return the names of those runs that are known to be stored without reading their files.

    Their files are those of which the store's journal says that they were found sound. It is asked
    only where that takes less time than to read the files.

    Parameters
    ----------
    names : iterable of str
        Names of runs.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    set of str
        A part of them.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import noted
    >>> noted(["a-run"], Path("an-empty-folder"))
    set()
    """
    folder, names = folder or default_folder(), list(names)
    try:
        worth = (folder / journal.JOURNAL).lstat().st_size < READING * len(names)
    except OSError:
        return set()
    found = journal.entries(folder, names) if worth else {}
    same = journal.unchanged(found.values(), folder)
    return same - {file.stem for file in _distrusted if file.parent == folder}


def set_aside(name: str, folder: Path | None = None) -> None:
    """Rename what stands where a run is to be stored, so that nobody's file is overwritten.

    For the holder of the run's lock (`locked`), who has found it not to be the run (`load`) and is
    about to train that.

    Parameters
    ----------
    name, folder
        As for `path`.

    Raises
    ------
    StoreError
        Where it cannot be renamed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import set_aside
    >>> set_aside("a-run", Path("runs"))  # nothing is there
    """
    file = path(name, folder)
    if not os.path.lexists(file):
        return
    places = (file.with_suffix(f".damaged{k or ''}") for k in itertools.count())
    aside = next(place for place in places if not os.path.lexists(place))
    with usable(file.parent):
        os.rename(file, aside)
    warnings.warn(
        f"{file.name} was set aside as {aside.name}: its run is trained again", stacklevel=2
    )


def load_all(folder: Path | None = None) -> Iterator[tuple[str, Run]]:
    """Yield every stored run with its name, in the order of names; others are left alone.

    What is no sound run of this version is passed over: reading changes nothing.

    Parameters
    ----------
    folder : Path or None
        The store; None means the default one.

    Yields
    ------
    name, run : str and Run
        Of each.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import load_all
    >>> list(load_all(Path("an-empty-folder")))
    []
    """
    for file in sorted((folder or default_folder()).glob("*.safetensors")):
        with contextlib.suppress(*files.UNREADABLE, OSError):
            yield file.stem, _read(file, file.stem)


def sound(name: str, folder: Path | None = None) -> bool:
    """Return whether the run of that name is stored, without a warning where its file is damaged.

    Parameters
    ----------
    name, folder
        As for `path`.

    Returns
    -------
    bool

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import sound
    >>> sound("a-run", Path("runs"))
    False
    """
    file = path(name, folder)
    with contextlib.suppress(*files.UNREADABLE, OSError):
        return _read(file, name) is not None
    return False


def _read(file: Path, name: str) -> Run:
    tensors, meta = files.read(file, check=functools.partial(_check_run, name))
    run = files.run_of(tensors, meta)
    if isinstance(run.data, Dataset) and name_of(run) != name:
        raise ValueError(OTHER)
    if run.steps != run.config.steps:
        raise ValueError(f"its training was stopped at {run.steps} of {run.config.steps} steps")
    return run


def _check_run(name: str, meta: dict[str, Any], header: Header) -> None:
    """Raise ValueError where a file is no run of that name, before its arrays are read."""
    if (numerics := meta["numerics"]) != NUMERICS:
        raise OtherVersionError(
            f"another version of sdd made it, of numerics {numerics!r} and not {NUMERICS}"
        )
    if "hash" in meta["data"]:  # it is known only once these are read
        return
    steps = "snapshots/step" in header.shapes and header.array("snapshots/step").tolist()
    data = DataSettings(**known(DataSettings, meta["data"]))
    config = TrainConfig(**known(TrainConfig, meta["config"]))
    rest = (meta.get(key, "") for key in ("start", "model", "test"))
    if name != run_name(data, config, tuple(map(int, steps or ())), *rest):
        raise ValueError(OTHER)


def checkpoint_path(name: str, folder: Path | None = None) -> Path:
    """Return where the checkpoint of the run of that name is, or would be.

    Parameters
    ----------
    name, folder
        As for `path`.

    Returns
    -------
    Path
        A file in the store's hidden folder `.checkpoints`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import checkpoint_path
    >>> checkpoint_path("a-run", Path("runs")).as_posix()
    'runs/.checkpoints/a-run.safetensors'
    """
    return (folder or default_folder()) / ".checkpoints" / f"{name}.safetensors"


def save_checkpoint(progress: Progress, name: str, folder: Path | None = None) -> None:
    """Write the progress of a run, in place of its last checkpoint.

    Parameters
    ----------
    progress : Progress
        As `sdd.train` hands it to its ``checkpoint``.
    name, folder
        As for `path`.

    Raises
    ------
    StoreError
        Where the folder cannot be written to, or is full; the last checkpoint is still there.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import checkpoint_path, save_checkpoint
    >>> run = sdd.train(
    ...     sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100),
    ...     checkpoint=lambda progress: save_checkpoint(progress, "a-run", Path("runs")),
    ... )
    >>> checkpoint_path("a-run", Path("runs")).exists()
    True
    """
    target = checkpoint_path(name, folder)
    with usable(target.parents[1]):
        make_room(target.parents[1], target.parent.name)
        meta = {"format": CHECKPOINT, "run": name, "seconds": progress.seconds}
        files.write(target, progress.arrays(), meta, shared=True)


def load_checkpoint(name: str, config: TrainConfig, folder: Path | None = None) -> Progress | None:
    """Return the progress of a run in training, or None where it has no checkpoint.

    One that is damaged, foreign or of other numerics is ignored, with a warning; the next
    checkpoint replaces it.

    Parameters
    ----------
    name : str
        Name of the run.
    config : TrainConfig
        Its settings.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    Progress or None
        What `sdd.train` takes as ``resume``.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import load_checkpoint
    >>> load_checkpoint("a-run", sdd.TrainConfig(steps=100), Path("runs")) is None
    True
    """
    file = checkpoint_path(name, folder)

    def check(meta: dict[str, Any], header: Header) -> None:
        if meta["numerics"] != NUMERICS or meta["run"] != name:
            raise ValueError("it is of other settings or numerics")
        check_progress(config, header.shapes)

    try:
        tensors, meta = files.read(file, CHECKPOINT, check)
        progress = Progress.from_arrays(tensors, config)
        progress.seconds = float(meta.get("seconds", math.nan))
        return progress
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (*files.UNREADABLE, OSError) as error:
        why = what_failed(error) if isinstance(error, OSError) else printable(error, 300)
        warnings.warn(
            f"{file.name} is not a sound checkpoint ({why}); its run is trained from the start",
            stacklevel=2,
        )
        return None


@contextlib.contextmanager
def locked(name: str, folder: Path | None = None, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a run; yield False where another process has it and `wait` is false.

    The operating system releases the lock when its process dies, however it dies.

    Parameters
    ----------
    name, folder
        As for `path`.
    wait : bool
        Whether to wait until nobody else has it.

    Yields
    ------
    bool
        Whether this process has it.

    Raises
    ------
    StoreError
        Where the store cannot be used.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.store import locked
    >>> with locked("a-run", Path("runs")) as mine:
    ...     mine
    True
    """
    folder = folder or default_folder()
    with usable(folder):
        locks = make_room(folder, ".locks")
        file, wide = locks / f"{name}.lock", sharing(locks)
        lock = FileLock(file, mode=0o600 | wide) if wide else FileLock(file)
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=-1 if wait else 0)
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _unusable(folder: Path, error: OSError) -> StoreError:
    what = what_failed(error)
    return StoreError(
        f"runs cannot be stored in {printable(folder)}: {what}{', or' if ';' in what else ';'} "
        "name another folder in the environment variable SDD_STORE"
    )
