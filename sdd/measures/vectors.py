"""Vectors and dimensionalities of runs as long tables, a row a vector: what figures draw."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from sdd.measures.columns import hidden_vectors
from sdd.measures.geometry import dimensionality
from sdd.measures.table import measured
from sdd.training.run import Run

__all__ = ["dimensionalities", "planar_vectors"]

COLUMNS, HIDDEN = "columns of W", "hidden vectors"


STEP = 0.002  # of D: what a figure can show


def dimensionalities(names: Iterable[str]) -> pd.DataFrame:
    """Return D of every feature, and of every data point of finite training sets, of stored runs.

    Parameters
    ----------
    names : iterable of str
        Names of the runs in the store, one or more.

    Returns
    -------
    DataFrame
        A row a value of D, rounded to `STEP`, of all runs of a size together: ``T``, ``of``
        ("feature" or "data point"), ``D`` and ``vectors``, the number of vectors that have it.

    Raises
    ------
    MissingRuns
        Where a run is not stored.

    Examples
    --------
    >>> from sdd.measures.vectors import dimensionalities
    >>> from sdd.runs import make_run, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))
    >>> dimensionalities([spec.name]).groupby("of")["vectors"].sum().to_dict()
    {'data point': 5, 'feature': 50}
    """
    parts = [
        pd.DataFrame({"T": found["T"], "of": of, "D": D, "vectors": count})
        for found in (measured(name, _counted) for name in names)
        for of, (D, count) in found["D"].items()
    ]
    found = pd.concat(parts).groupby(["T", "of", "D"], as_index=False)["vectors"].sum()
    return found.sort_values(["T", "of", "D"], ascending=[True, False, False], ignore_index=True)


def _counted(run: Run) -> dict[str, Any]:
    """Return T, and for features and data points the values of D and how many have each."""
    of = {"feature": run.W.T}
    if run.T < math.inf:
        of["data point"] = hidden_vectors(run)
    rounded = {k: np.round(np.round(dimensionality(v) / STEP) * STEP, 3) for k, v in of.items()}
    return {"T": run.T, "D": {k: np.unique(D, return_counts=True) for k, D in rounded.items()}}


def planar_vectors(
    runs: Iterable[Run],
    titles: Iterable[str] | None = None,
    kinds: Iterable[str] = (COLUMNS, HIDDEN),
) -> pd.DataFrame:
    """Return the columns of W and the hidden vectors of runs of two hidden dimensions.

    Parameters
    ----------
    runs : iterable of Run
        With m = 2.
    titles : iterable of str or None
        What each model is called; None names it by its T.
    kinds : iterable of str
        Of "columns of W" and "hidden vectors".

    Returns
    -------
    DataFrame
        A row a vector: ``model``, ``of`` ("columns of W" or "hidden vectors"), ``x`` and ``y``.

    Raises
    ------
    ValueError
        Where a run has another number of hidden dimensions, or titles are not one a run.

    Examples
    --------
    >>> from sdd.measures.vectors import planar_vectors
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> planar_vectors([run])[["model", "of"]].value_counts(sort=False).tolist()
    [50, 5]
    """
    runs = list(runs)
    if titles is None:
        titles = ["T = ∞" if r.T == math.inf else f"T = {int(r.T):,}" for r in runs]
    parts = []
    for run, title in zip(runs, titles, strict=True):
        if run.W.shape[0] != 2:
            raise ValueError(f"vectors in the plane need m = 2, not m = {run.W.shape[0]}")
        for of in kinds:
            x, y = run.W if of == COLUMNS else hidden_vectors(run).T
            parts.append(pd.DataFrame({"model": title, "of": of, "x": x, "y": y}))
    return pd.concat(parts, ignore_index=True)
