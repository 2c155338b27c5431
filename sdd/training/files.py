"""A run as a safetensors file: written whole or not at all, and checked when it is read."""

import contextlib
import hashlib
import json
import math
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from sdd.data import Dataset, DataSettings
from sdd.names import printable, what_failed
from sdd.training.checkpoint import grouped
from sdd.training.config import TrainConfig
from sdd.training.disk import Header, opened, share
from sdd.training.layout import COUNTS, ROWS, check_run, known
from sdd.training.run import Run

__all__ = [
    "NUMERICS",
    "UNREADABLE",
    "OtherVersionError",
    "load",
    "read",
    "run_of",
    "write",
    "write_run",
]

# Raise only when the same settings give other bits: every stored run is then trained again.
NUMERICS = 3
FORMAT = "sdd-run-1"
TENSORS = ("W", "b", "restart_losses")
LOSSES = ("train_loss", "test_loss", "test_error")
# What reading a bad file raises.
UNREADABLE = (
    SafetensorError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)


class OtherVersionError(ValueError):
    """A file that another version of this package wrote."""


def write(
    target: Path, tensors: dict[str, np.ndarray], meta: dict[str, Any], shared: bool = False
) -> None:
    """Write arrays and metadata, with their hash, under a temporary name, and move that in place.

    The temporary name, `.writing-TARGET-` and what nobody can guess, says whose it is: where
    TARGET is a run's name, only the holder of its lock writes under it.

    Parameters
    ----------
    target : Path
        The file; its folder is made where it is missing.
    tensors : dict of str to array
        The arrays.
    meta : dict
        What JSON can hold, with the file's kind as ``format``.
    shared : bool
        Whether those who may write in the folder may write the file, whatever the umask.

    Raises
    ------
    OSError
        Where the file cannot be written; nothing half-written is left.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.files import read, write
    >>> write(Path("a-file"), {"W": np.eye(2)}, {"format": "mine"})
    >>> read(Path("a-file"), "mine")[0]["W"].shape
    (2, 2)
    """
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    meta = {"numerics": NUMERICS, **meta}
    meta["sha256"] = _content_hash(tensors, meta)
    # One metadata entry only: the order of several in the file, and so its bytes, may vary.
    blob = safetensors.save(tensors, metadata={"sdd": json.dumps(meta, sort_keys=True)})
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".writing-{target.stem[:40]}-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:  # a new file, behind no link
            if shared:
                share(file.fileno(), target.parent)
            file.write(blob)
            file.flush()
            # To the nanosecond, unlike the system's own: so a later change always shows in it.
            os.utime(temporary, ns=(now := time.time_ns(), now))
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read(
    file: Path, kind: str = FORMAT, check: Callable[[dict[str, Any], Header], None] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what `write` wrote, of this kind, or raise one of UNREADABLE.

    Parameters
    ----------
    file : Path
        The file.
    kind : str
        Its ``format``.
    check : callable or None
        Called with metadata and header before the arrays are read: what it raises stops that.

    Returns
    -------
    tensors, meta : dict
        Arrays and metadata.

    Raises
    ------
    ValueError
        Where it is of no such kind, or its content does not match its hash; in general one of
        `UNREADABLE`.
    OtherVersionError
        Where another version of this package wrote it.
    FileNotFoundError
        Where there is no such file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.files import read, write
    >>> write(Path("a-file"), {"W": np.eye(2)}, {"format": "mine"})
    >>> read(Path("a-file"), "yours")
    Traceback (most recent call last):
    ValueError: it was not written by sdd
    """
    with opened(file) as stream:
        header = Header.read(stream)
        meta = json.loads(header.meta)
        version = meta.get("format") if isinstance(meta, dict) else None
        if version != kind:
            family = kind.rpartition("-")[0]
            other = family and str(version).startswith(f"{family}-")
            if other:
                raise OtherVersionError("another version of sdd wrote it")
            raise ValueError("it was not written by sdd")
        if kind == FORMAT:
            check_run(meta, header.shapes)
        if check is not None:
            check(meta, header)
        stream.seek(0)
        tensors = safetensors.load(stream.read(header.size))
    expected = meta.pop("sha256")
    if _content_hash(tensors, meta) != expected:
        raise ValueError("its content does not match its hash")
    return tensors, meta


def write_run(run: Run, target: Path, shared: bool = False) -> None:
    """Write a run, and the rows of data of one's own with it; see `write`.

    Parameters
    ----------
    run : Run
        The run.
    target, shared
        As for `write`.

    Raises
    ------
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.files import write_run
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> write_run(run, Path("a-run.safetensors"))
    >>> sdd.load("a-run.safetensors").train_loss == run.train_loss
    True
    """
    tensors = {k: getattr(run, k) for k in TENSORS}
    for group in ("history", "snapshots", "others"):
        tensors |= {f"{group}/{k}": v for k, v in getattr(run, group).items()}
    meta = {k: getattr(run, k) for k in LOSSES}
    if isinstance(run.data, Dataset):
        rows = ROWS if run.data.counts is None else (*ROWS, COUNTS)
        tensors |= {f"data/{k}": getattr(run.data, k) for k in rows}
        meta["n"] = run.data.n
    write(target, tensors, {"format": FORMAT, **run.settings, **meta}, shared)


def run_of(tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> Run:
    """Return the run that was written as these, or raise one of UNREADABLE.

    Parameters
    ----------
    tensors, meta : dict
        As `read` returns them.

    Returns
    -------
    Run
        As it was.

    Raises
    ------
    ValueError
        Where they are no run of this version; in general one of `UNREADABLE`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.files import read, run_of
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> run.save("a-run.safetensors")
    >>> run_of(*read(Path("a-run.safetensors"))).T
    5
    """
    config, groups = TrainConfig(**known(TrainConfig, meta["config"])), grouped(tensors)
    data: DataSettings | Dataset
    if "hash" in meta["data"]:
        indptr, indices, values = (groups["data"][k] for k in ROWS)
        counts = groups["data"].get(COUNTS)
        data = Dataset(indptr, indices, values, meta["n"], counts=counts)
    else:
        data = DataSettings(**known(DataSettings, meta["data"]))
    history, snapshots = groups["history"], groups["snapshots"]
    for name, array in {**{k: tensors[k] for k in TENSORS}, **history}.items():
        if not np.isfinite(array).all():
            raise ValueError(f"its {name} is not all finite")
    if not all(np.isfinite(snapshots.get(name, 0)).all() for name in ("W", "b")):
        raise ValueError("the weights of its snapshots are not all finite")
    names = {k: meta.get(k, "") for k in ("start", "model", "test")}
    for name, text in names.items():
        if not isinstance(text, str) or text != printable(text):
            raise ValueError(f"its {name} must be a plain text, not {text!r}")
    losses = {k: float(meta[k]) for k in LOSSES}
    if not math.isfinite(losses["train_loss"]):
        raise ValueError(f"its training loss is {losses['train_loss']}")
    if math.inf in map(abs, losses.values()):  # (NaN where it was not evaluated)
        raise ValueError(f"its test loss is {losses['test_loss']} ± {losses['test_error']}")
    if config != config.for_data(data):
        raise ValueError(f"its ε and device must be given, not {config.eps} and {config.device}")
    parts: dict[str, Any] = {k: tensors[k] for k in TENSORS}
    parts |= names | losses | {"history": history, "others": groups["others"]}
    return Run(config=config, data=data, snapshots=snapshots, **parts)


def load(path: Any) -> Run:
    """Return the run that `Run.save` wrote, or that the store keeps, in a file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Run
        As it was; a model of your own needs its class (`sdd.model.find_model`) only once its
        hidden vectors or errors are asked for.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where it is no run, or is damaged.

    Examples
    --------
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> run.save("five-points.safetensors")
    >>> np.array_equal(sdd.load("five-points.safetensors").W, run.W)
    True
    """
    file = Path(path)
    try:
        return run_of(*read(file.resolve()))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {printable(file)} to load a run from") from None
    except OSError as error:
        raise type(error)(f"{printable(file)} cannot be read: {what_failed(error)}") from error
    except UNREADABLE as error:
        why = printable(error, 300)
        raise ValueError(
            f"{printable(file)} must be a run that sdd has saved, but {why}"
        ) from error


def _content_hash(tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {tensors[key].shape}".encode())
        digest.update(tensors[key].tobytes())
    return digest.hexdigest()
