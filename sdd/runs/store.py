"""Stored runs: one safetensors file each, named by the hash of its settings.

A file is written under a temporary name and moved into place, and its content hash is checked
on reading, so a half-written or damaged file is never taken for a run. The same settings give the
same bytes. The checkpoint of a run in training lies in a hidden folder until the run is stored.
"""

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sdd.data import DataSettings
from sdd.training.checkpoint import SNAPSHOT, Progress, grouped
from sdd.training.config import Run, TrainConfig

__all__ = [
    "StoreError",
    "checkpoint_path",
    "default_folder",
    "load",
    "load_checkpoint",
    "locked",
    "path",
    "run_name",
    "save_checkpoint",
    "save_run",
]

# Raise only when the same settings give other bits: every stored run is then trained again.
NUMERICS = 3
NUMERICS_AT = {1: 4}  # by m, where bits changed for some m alone
FORMAT = "sdd-run-1"
CHECKPOINT = "sdd-checkpoint-1"
TENSORS = ("W", "b", "restart_losses")
LOSSES = ("train_loss", "test_loss", "test_error")
UNREADABLE = (SafetensorError, ValueError, KeyError, TypeError)  # what reading a bad file raises


class StoreError(OSError):
    """The store's folder cannot be used."""


def default_folder() -> Path:
    """Return the folder of stored runs: $SDD_STORE, or `runs` in the checkout (else here)."""
    if folder := os.environ.get("SDD_STORE"):
        return Path(folder)
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "pyproject.toml").exists() else Path.cwd()) / "runs"


def _changed(settings: Any) -> dict[str, Any]:
    """Return the fields that differ from their defaults, so that new fields rename no run."""
    return {
        f.name: "inf" if value == math.inf else value
        for f in dataclasses.fields(settings)
        if (value := getattr(settings, f.name)) != f.default
    }


def run_name(
    data: DataSettings | str, config: TrainConfig, snapshots: tuple[int, ...] = (), start: str = ""
) -> str:
    """Return the name of a run: a hash of what determines it, independent of this code."""
    numerics = NUMERICS_AT.get(config.m, NUMERICS)
    what: dict[str, Any] = {"config": _changed(config), "numerics": numerics}
    what["data"] = data if isinstance(data, str) else _changed(data)
    optional = {"snapshots": list(snapshots), "start": start}
    what |= {key: value for key, value in optional.items() if value}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def _name_of(run: Run) -> str:
    snapshots = tuple(int(step) for step in run.snapshots.get("step", ()))
    return run_name(run.data, run.config, snapshots, run.start)


def path(name: str, folder: Path | None = None) -> Path:
    """Return where the run of that name is, or would be, stored."""
    return (folder or default_folder()) / f"{name}.safetensors"


def save_run(run: Run, folder: Path | None = None) -> Path:
    """Store a run, delete its checkpoint, and return its file.

    Raises
    ------
    StoreError
        Where the folder cannot be written to, or is full; nothing half-written is left.
    """
    target = path(_name_of(run), folder)
    tensors = {k: getattr(run, k) for k in TENSORS}
    tensors |= {f"history/{k}": v for k, v in run.history.items()}
    tensors |= {f"snapshots/{k}": v for k, v in run.snapshots.items()}
    meta = {k: getattr(run, k) for k in LOSSES}
    _write(target, tensors, {"format": FORMAT, **run.settings, **meta})
    with contextlib.suppress(OSError):
        checkpoint_path(target.stem, folder).unlink()
    return target


def _write(target: Path, tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    meta = {"numerics": NUMERICS, **meta}
    meta["sha256"] = _content_hash(tensors, meta)
    # One metadata entry only: the order of several in the file, and so its bytes, may vary.
    blob = save(tensors, metadata={"sdd": json.dumps(meta, sort_keys=True)})
    try:
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
    except OSError as error:
        raise _unusable(target.parent, error) from error


def load(name: str, folder: Path | None = None) -> Run | None:
    """Return the stored run of that name, or None where there is none.

    A damaged or foreign file is renamed to end in ``.damaged``, with a warning, and counts as not
    stored, so that the run is trained again.
    """
    file = path(name, folder)
    if not file.exists():
        return None
    try:
        return _read(file, name)
    except UNREADABLE as error:
        aside = file.with_suffix(".damaged")
        with contextlib.suppress(FileNotFoundError):  # another process has renamed it
            os.replace(file, aside)
        warnings.warn(
            f"{file.name} is not a sound run file ({error}); it was set aside as {aside.name} "
            "and its run counts as not stored",
            stacklevel=2,
        )
        return None


def _read(file: Path, name: str) -> Run:
    tensors, meta = _open(file, FORMAT)
    data = meta["data"]
    data = data["hash"] if "hash" in data else DataSettings(**data)
    config = TrainConfig(**meta["config"])
    groups = grouped(tensors)
    snapshots = groups["snapshots"]
    if snapshots and set(snapshots) != set(SNAPSHOT):
        raise ValueError("its snapshots are of an earlier form")
    parts: dict[str, Any] = {k: tensors[k] for k in TENSORS}
    parts |= {k: meta[k] for k in ("start", *LOSSES)}
    run = Run(config=config, data=data, history=groups["history"], snapshots=snapshots, **parts)
    if meta["numerics"] != NUMERICS or _name_of(run) != name:
        raise ValueError("it holds the run of other settings")
    return run


def _open(file: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what `_write` wrote, or raise one of UNREADABLE."""
    with safe_open(file, framework="numpy") as opened:
        meta = json.loads((opened.metadata() or {}).get("sdd", "null"))
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    if not isinstance(meta, dict) or meta.get("format") != kind:
        raise ValueError("it was not written by sdd")
    expected = meta.pop("sha256")
    if _content_hash(tensors, meta) != expected:
        raise ValueError("its content does not match its hash")
    return tensors, meta


def checkpoint_path(name: str, folder: Path | None = None) -> Path:
    """Return where the checkpoint of the run of that name is, or would be."""
    return (folder or default_folder()) / ".checkpoints" / f"{name}.safetensors"


def save_checkpoint(progress: Progress, name: str, folder: Path | None = None) -> None:
    """Write the progress of a run, in place of its last checkpoint.

    Raises
    ------
    StoreError
        Where the folder cannot be written to, or is full; the last checkpoint is still there.
    """
    _write(checkpoint_path(name, folder), progress.arrays(), {"format": CHECKPOINT, "run": name})


def load_checkpoint(name: str, config: TrainConfig, folder: Path | None = None) -> Progress | None:
    """Return the progress of a run in training, or None where it has no checkpoint.

    One that is damaged, foreign or of other numerics is ignored, with a warning; the next
    checkpoint replaces it.
    """
    file = checkpoint_path(name, folder)
    if not file.exists():
        return None
    try:
        tensors, meta = _open(file, CHECKPOINT)
        if meta["numerics"] != NUMERICS or meta["run"] != name:
            raise ValueError("it is of other settings or numerics")
        return Progress.from_arrays(tensors, config)
    except UNREADABLE as error:
        warnings.warn(
            f"{file.name} is not a sound checkpoint ({error}); its run is trained from the start",
            stacklevel=2,
        )
        return None


def _content_hash(tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {tensors[key].shape}".encode())
        digest.update(tensors[key].tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def locked(name: str, folder: Path | None = None, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a run; yield False where another process has it and `wait` is false.

    The operating system releases the lock when its process dies, however it dies.
    """
    locks = (folder or default_folder()) / ".locks"
    lock = FileLock(locks / f"{name}.lock")
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        pass
    except OSError as error:
        raise _unusable(locks.parent, error) from error
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _unusable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"runs cannot be stored in {folder}: {error.strerror or error}; free some space there, "
        "or name another folder in the environment variable SDD_STORE"
    )
