"""Which arrays the file of a run or of a checkpoint may hold: names, types and shapes.

They follow from the settings, and stand in a file's first bytes: what does not fit is refused
before it is read, however large it is. (Nothing is known beforehand of the size of data of one's
own, and of the other parameters of a model of one's own.)
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdd import engine
from sdd.data import DataSettings
from sdd.names import printable
from sdd.training.config import TrainConfig

__all__ = [
    "COUNTS",
    "HISTORY",
    "ROWS",
    "SNAPSHOT",
    "Shapes",
    "check_progress",
    "check_run",
    "known",
    "shapes",
]

HISTORY = ("step", "lr", "loss", "W_norm", "b_norm")
SNAPSHOT = ("step", "W", "b", "vW", "vb")  # weights, and AdamW's second moments of them
ROWS = ("indptr", "indices", "values")  # of data of one's own
COUNTS = "counts"  # of these, where some count several times

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]  # type, such as "float32", and shape


def shapes(arrays: Mapping[str, np.ndarray]) -> Shapes:
    """Return types and shapes of arrays, by name.

    Parameters
    ----------
    arrays : mapping of str to array
        By name.

    Returns
    -------
    mapping of str to (str, tuple of int)

    Examples
    --------
    >>> from sdd.training.layout import shapes
    >>> shapes({"b": np.zeros(3)})
    {'b': ('float64', (3,))}
    """
    return {name: (array.dtype.name, array.shape) for name, array in arrays.items()}


def known(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings that this version has.

    Another version's further ones are at their defaults wherever the name of the file is that of
    the rest: a name holds all settings that are not at their defaults.

    Parameters
    ----------
    kind : type
        `TrainConfig` or `DataSettings`.
    values : mapping of str to value
        As a file holds them.

    Returns
    -------
    dict of str to value

    Examples
    --------
    >>> from sdd.training.layout import known
    >>> known(sdd.TrainConfig, {"m": 3, "of-next-year": 1})
    {'m': 3}
    """
    names = {f.name for f in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def check_run(meta: Mapping[str, Any], found: Shapes) -> None:
    """Raise ValueError where these are not the arrays of a run of these settings.

    Parameters
    ----------
    meta : mapping
        Metadata of the file.
    found : mapping of str to (str, tuple of int)
        Types and shapes of its arrays.

    Raises
    ------
    ValueError
        Where that is so; other errors where `meta` is no metadata of a run.

    Examples
    --------
    >>> from sdd.training.files import read
    >>> from sdd.training.layout import check_run
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> check_run(run.settings, {"W": ("float32", (2, 51)), "history/step": ("float64", (9,))})
    Traceback (most recent call last):
    ValueError: its W is (2, 51) of float32, not (2, 50) of float32
    """
    config = TrainConfig(**known(TrainConfig, meta["config"]))
    free: tuple[str, ...] = ("others/", "snapshots/") if meta.get("model") else ()
    if "hash" in meta["data"]:
        n, free = meta["n"], (*free, *(f"data/{name}" for name in (*ROWS, COUNTS)))
    else:
        n = DataSettings(**known(DataSettings, meta["data"])).width
    due = {"W": (config.dtype, (config.m, n)), "b": (config.dtype, (n,))}
    due["restart_losses"] = "float64", (config.restarts,)
    _match(found, due | _trained(config, n, found), free)


def check_progress(config: TrainConfig, found: Shapes) -> None:
    """Raise ValueError where these are not the arrays of a training by these settings.

    Parameters
    ----------
    config : TrainConfig
        The settings.
    found : mapping of str to (str, tuple of int)
        Types and shapes of the arrays.

    Raises
    ------
    ValueError
        Where that is so.

    Examples
    --------
    >>> from sdd.training.layout import check_progress
    >>> check_progress(sdd.TrainConfig(), {"losses": ("float64", (3,))})
    Traceback (most recent call last):
    ValueError: it has another number of restarts
    """
    due: dict[str, Any] = {"losses": ("float64", (config.restarts,))}
    if found.get("losses") != due["losses"]:
        raise ValueError("it has another number of restarts")
    if "origin" in found:
        due["origin"] = "uint8", (8,)
    for r in {name.partition("/")[0] for name in found} - due.keys():
        if not r.isdecimal() or int(r) >= config.restarts:
            raise ValueError(f"it holds {printable(r)}, which is no restart of {config.restarts}")
        start = f"{r}/"
        of = {k.removeprefix(start): what for k, what in found.items() if k.startswith(start)}
        due |= {start + name: what for name, what in _restart(config, of).items()}
    _match(found, due, ())


def _restart(config: TrainConfig, found: Shapes) -> dict[str, Any]:
    """Return what there is to be of one restart in training."""
    n = _length(found, "state/b")
    shape = {"W": (config.m, n), "b": (n,)}
    due = {"steps": ("int64", (1,)), **_trained(config, n, found)}
    due |= {f"state/{k}": (config.dtype, shape[k[-1]]) for k in ("W", "b", *engine.MOMENTS)}
    points = _length(found, "state/points")
    orders = {"points": ("int32", (points,)), "features": ("int32", (n,))}
    orders["scale"] = config.dtype, (1,)
    due |= {f"state/{k}": what for k, what in orders.items() if f"state/{k}" in found}
    for name, what in found.items():
        if name.startswith(other := f"state/{engine.OTHER}"):  # a parameter and its moments
            own = name.removeprefix(other).rpartition(" ")[2]
            due |= dict.fromkeys((f"{other}{k}{own}" for k in ("", "m1 ", "m2 ")), what)
            kept = _length(found, "snapshots/step")
            due[f"snapshots/{own}"] = (what[0], (kept, *what[1])) if kept else ("float64", (0,))
    return due


def _trained(config: TrainConfig, n: int, found: Shapes) -> dict[str, Any]:
    """Return what there is to be of history and snapshots."""
    records, kept = _length(found, "history/step"), _length(found, "snapshots/step")
    if not 1 <= records <= config.steps + 1 or kept > config.steps + 1:
        raise ValueError(f"it has {records} records and {kept} snapshots of {config.steps} steps")
    due: dict[str, Any] = {f"history/{name}": ("float64", (records,)) for name in HISTORY}
    sizes = {"step": (), "W": (config.m, n), "b": (n,), "vW": (config.m, n), "vb": (n,)}
    for name, shape in sizes.items() if "snapshots/step" in found else ():
        kind = "int64" if name == "step" else config.dtype
        due[f"snapshots/{name}"] = (kind, (kept, *shape)) if kept else ("float64", (0,))
    return due


def _length(found: Shapes, name: str) -> int:
    shape = found.get(name, ("", (0,)))[1]
    return shape[0] if len(shape) == 1 else -1


def _match(found: Shapes, due: Shapes, free: tuple[str, ...]) -> None:
    for name, (kind, shape) in found.items():
        if name in due and due[name] != (kind, shape):
            right, expected = due[name]
            raise ValueError(f"its {name} is {shape} of {kind}, not {expected} of {right}")
        if name not in due and not name.startswith(free):
            raise ValueError(f"it holds {printable(name)}, which its settings do not ask for")
    if lacking := due.keys() - found.keys():
        raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
