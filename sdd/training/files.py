"""A run as a safetensors file: written whole or not at all, and checked when it is read."""

import contextlib
import dataclasses
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sdd.data import Dataset, DataSettings
from sdd.training.checkpoint import SNAPSHOT, grouped
from sdd.training.config import TrainConfig
from sdd.training.run import Run

__all__ = [
    "NUMERICS",
    "UNREADABLE",
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
ROWS = ("indptr", "indices", "values")
# What reading a bad file raises.
UNREADABLE = (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def write(target: Path, tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    """Write arrays and metadata, with their hash, under a temporary name, and move that in place.

    Parameters
    ----------
    target : Path
        The file; its folder is made where it is missing.
    tensors : dict of str to array
        The arrays.
    meta : dict
        What JSON can hold, with the file's kind as ``format``.

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
    blob = save(tensors, metadata={"sdd": json.dumps(meta, sort_keys=True)})
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".writing-{target.stem}-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read(file: Path, kind: str = FORMAT) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what `write` wrote, of this kind, or raise one of UNREADABLE.

    Parameters
    ----------
    file : Path
        The file.
    kind : str
        Its ``format``.

    Returns
    -------
    tensors, meta : dict
        Arrays and metadata.

    Raises
    ------
    ValueError
        Where it is of no such kind, or its content does not match its hash; in general one of
        `UNREADABLE`.
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
    # A pipe would be waited for, and a link may lead anywhere.
    if not stat.S_ISREG(file.lstat().st_mode):
        raise ValueError("it is no regular file")
    with safe_open(file, framework="numpy") as opened:
        meta = json.loads((opened.metadata() or {}).get("sdd", "null"))
        if not isinstance(meta, dict) or meta.get("format") != kind:
            raise ValueError("it was not written by sdd")
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    expected = meta.pop("sha256")
    if _content_hash(tensors, meta) != expected:
        raise ValueError("its content does not match its hash")
    return tensors, meta


def write_run(run: Run, target: Path) -> None:
    """Write a run, and the rows of data of one's own with it; see `write`.

    Parameters
    ----------
    run : Run
        The run.
    target : Path
        The file.

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
        tensors |= {f"data/{k}": getattr(run.data, k) for k in ROWS}
        meta["n"] = run.data.n
    write(target, tensors, {"format": FORMAT, **run.settings, **meta})


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
    config, groups = TrainConfig(**_known(TrainConfig, meta["config"])), grouped(tensors)
    data: DataSettings | Dataset
    if "hash" in meta["data"]:
        indptr, indices, values = (groups["data"][k] for k in ROWS)
        data = Dataset(indptr, indices, values, meta["n"])
    else:
        data = DataSettings(**_known(DataSettings, meta["data"]))
    W, b = tensors["W"], tensors["b"]
    n = data.n if isinstance(data, Dataset) else data.width
    if (
        W.shape != (config.m, n)
        or b.shape != (n,)
        or {W.dtype, b.dtype} != {np.dtype(config.dtype)}
    ):
        raise ValueError(
            f"its weights are {W.shape} and {b.shape} of {W.dtype}, not ({config.m}, {n}) and "
            f"({n},) of {config.dtype}"
        )
    if not (np.isfinite(W).all() and np.isfinite(b).all()):
        raise ValueError("its weights are not all finite")
    snapshots = groups["snapshots"]
    if snapshots and not set(SNAPSHOT) <= set(snapshots):
        raise ValueError("its snapshots are of an earlier form")
    parts: dict[str, Any] = {k: tensors[k] for k in TENSORS}
    parts |= {k: meta[k] for k in ("start", *LOSSES)}
    parts |= {k: meta.get(k, "") for k in ("model", "test")}
    parts |= {k: groups[k] for k in ("history", "others")}
    return Run(config=config, data=data, snapshots=snapshots, **parts)


def _known(kind: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return those settings that this version has.

    Another version's further ones are at their defaults wherever the name of the file is that of
    the rest: a name holds all settings that are not at their defaults.
    """
    names = {f.name for f in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}


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
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file} to load a run from")
    try:
        return run_of(*read(file))
    except UNREADABLE as error:
        raise ValueError(f"{file} must be a run that sdd has saved, but {error}") from error


def _content_hash(tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {tensors[key].shape}".encode())
        digest.update(tensors[key].tobytes())
    return digest.hexdigest()
