"""Vectors and dimensionalities of runs as long tables, a row a vector: what figures draw."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from sdd.measures.columns import hidden_vectors
from sdd.measures.geometry import dimensionality
from sdd.training.config import Run

__all__ = ["dimensionalities", "planar_vectors"]

COLUMNS, HIDDEN = "columns of W", "hidden vectors"


def dimensionalities(runs: Iterable[Run], most: int | None = None) -> pd.DataFrame:
    """Return D of features, and of data points of finite training sets.

    A row a vector: ``T``, ``of`` ("feature" or "data point") and ``D``, largest first; of each run
    and kind all of them, or the `most` largest.
    """
    parts = []
    for run in runs:
        found = {"feature": dimensionality(run.W.T)}
        if run.T < math.inf:
            found["data point"] = dimensionality(hidden_vectors(run))
        for of, D in found.items():
            parts.append(pd.DataFrame({"T": run.T, "of": of, "D": np.sort(D)[::-1][:most]}))
    return pd.concat(parts, ignore_index=True)


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
        Where a run has another number of hidden dimensions.
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
