"""What a model gives back of its training points: how much, of which features, where in the plane.

With output r_ij for feature j of row i, the loss of a row is Σ_j x_ij² (1 but for rows of zeros)
less its gains r_ij (2 x_ij − r_ij), a sum over its active features, plus Σ r_ij² over the others.
What is left of the gains after the latter is what the row is *worth*: 0 under a silent model, 1
where the row is given back exactly. A row is stored *in part* where that is above 0.01. The points
in which one and the same feature is gained are a *cluster*. Sums of gains have few large
terms and many small ones, so terms are counted as 1/Σ p² with p their shares of the sum, which
needs no threshold: k equal shares count as k.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from sdd.data import Dataset
from sdd.measures.columns import test_rows
from sdd.measures.damping import of_the_paper
from sdd.measures.decomposition import Outputs, outputs
from sdd.training.run import Run

__all__ = [
    "IN_PART", "clusters", "effective", "in_one_feature", "sharing", "storage",
    "stored",
]  # fmt: skip

IN_PART = 0.01  # worth of a row above which something of it is stored
SHUFFLES = 20  # of the columns of W, for what sharing a feature does under any weights


def effective(shares: Float[np.ndarray, " k"]) -> float:
    """Return the effective number of terms of a sum, (Σ s)² / Σ s²; 0 where all are zero.

    Parameters
    ----------
    shares : (k,) array
        Terms, not negative.

    Returns
    -------
    float
        k where they are equal, 1 where one is all.

    Examples
    --------
    >>> from sdd.measures.clusters import effective
    >>> effective(np.array([2.0, 2.0, 0.0]))
    2.0
    """
    squares = float(np.square(shares).sum())
    return float(np.sum(shares)) ** 2 / squares if squares else 0.0


def in_one_feature(
    W: Float[np.ndarray, "m n"], b: Float[np.ndarray, " n"], H: Float[np.ndarray, "k m"]
) -> float:
    """Return the share of the rows' squared outputs that is in the strongest output of each row.

    Where each hidden vector lies beyond the threshold of one feature alone it is 1. In the plane
    these thresholds are lines, and what lies beyond one and within its neighbours' is a triangle.

    Parameters
    ----------
    W, b : arrays
        Weights and bias.
    H : (k, m) array
        Hidden vectors as rows.

    Returns
    -------
    float
        In [1/n, 1]; NaN where no output is above zero.

    Examples
    --------
    >>> from sdd.measures.clusters import in_one_feature
    >>> in_one_feature(np.eye(2), np.zeros(2), np.array([[2.0, 0.0], [1.0, 1.0]]))
    0.8333333333333334
    """
    squares = np.maximum(np.asarray(H, float) @ W + b, 0) ** 2
    total = float(squares.sum())
    return float(squares.max(1).sum()) / total if total else math.nan


def sharing(H: Float[np.ndarray, "k m"], data: Dataset) -> float:
    """Return by how much hidden vectors of rows that share an active feature are more alike.

    That is the mean cosine of two such rows less that of two that share none; NaN where there are
    not both kinds.

    Parameters
    ----------
    H : (k, m) array
        Hidden vectors of the rows; the cosine with a zero one counts as 0.
    data : Dataset
        The k rows.

    Returns
    -------
    float
        In [−2, 2].

    Examples
    --------
    >>> from sdd.measures.clusters import sharing
    >>> X = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0, 1]])  # the first two share a feature
    >>> sharing(np.array([[1.0, 0], [2, 0], [-1, 0]]), sdd.Dataset.from_dense(X))
    2.0
    """
    active = data.to_sparse() > 0
    share = (active.astype(np.float32) @ active.T.astype(np.float32)).toarray() > 0
    unit = H / np.linalg.norm(H, axis=1, keepdims=True).clip(1e-30)
    pairs = np.triu_indices(len(unit), 1)
    cosines, share = (unit @ unit.T)[pairs], share[pairs]
    both = share.any() and not share.all()
    return float(cosines[share].mean() - cosines[~share].mean()) if both else math.nan


def stored(
    W: Float[np.ndarray, "m n"], b: Float[np.ndarray, " n"], data: Dataset
) -> dict[str, Any]:
    """Return what the model ReLU(Wᵀ W x + b) gives back of these rows.

    Parameters
    ----------
    W, b : arrays
        Weights and bias, of one type.
    data : Dataset
        The rows.

    Returns
    -------
    dict of str to number
        ``in_part``: rows worth more than 0.01; ``half_right``: more than 1/2. ``worth``: the sum
        of what rows are worth, where that is above 0. ``clusters``: effective number of features by
        what is gained in them; ``cluster_size``: in how many rows a feature is gained, and
        ``holders``: in how many it is active, means over what is gained; ``features_each``:
        effective number of features gained in a row stored in part, a mean. Of these rows,
        `in_one_feature` and `sharing`, and ``sharing_any``: `sharing` with the columns of W
        shuffled. ``hits``: share of all output that goes to features that are active in the row.

    Raises
    ------
    ValueError
        Where weights and rows do not fit each other.

    Examples
    --------
    >>> from sdd.measures.clusters import stored
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=300, lr=0.03))
    >>> stored(run.W, run.b, data)["half_right"]  # five points on a ring
    5
    """
    known = outputs(W, b, data)
    gains = np.maximum(known.r * (2 * known.x - known.r), 0)
    by_feature = np.bincount(known.column, gains, data.n)
    share = by_feature / (by_feature.sum() or 1)
    gained = np.bincount(known.column, gains > 0, data.n)
    worth = _worth(known)
    kept = worth > IN_PART
    each = np.array([effective(g) for g in np.split(gains, data.indptr[1:-1])])
    found = {
        "in_part": int(kept.sum()),
        "half_right": int((worth > 0.5).sum()),
        "worth": float(np.maximum(0, worth).sum()),
        "clusters": effective(by_feature),
        "cluster_size": float(share @ gained),
        "holders": float(share @ np.bincount(known.column, minlength=data.n)),
        "features_each": float(each[kept].mean()) if kept.any() else math.nan,
        "hits": _hits(known),
    }
    return found | _directions(W, b, data.take(kept) if kept.any() else None)


def _worth(known: Outputs) -> Float[np.ndarray, " T"]:
    return known.by_row(known.x**2) - known.errors


def _hits(known: Outputs) -> float:
    total = float(known.means.sum()) * float(known.times.sum())
    return float(known.times[known.row] @ known.r) / total if total > 0 else math.nan


def _directions(W: np.ndarray, b: np.ndarray, rows: Dataset | None) -> dict[str, float]:
    """Return what the hidden vectors of the rows are like, by `in_one_feature` and `sharing`."""
    if rows is None:
        return dict.fromkeys(("in_one_feature", "sharing", "sharing_any"), math.nan)
    X, rng = rows.to_sparse().astype(float), np.random.default_rng(0)
    shuffled = [sharing(X @ W.T[rng.permutation(rows.n)], rows) for _ in range(SHUFFLES)]
    H = X @ W.T.astype(float)
    return {
        "in_one_feature": in_one_feature(W, b, H),
        "sharing": sharing(H, rows),
        "sharing_any": float(np.mean(shuffled)),
    }


def storage(run: Run) -> dict[str, Any]:
    """Return what a run gives back of its training points (`stored`), and how it does on others.

    Parameters
    ----------
    run : Run
        Of the paper's model, trained on finitely many drawn points.

    Returns
    -------
    dict of str to number
        As of `stored`, and ``hits_fresh``: the ``hits`` on the test set.

    Raises
    ------
    ValueError
        Where T is infinite, or the model or the data are of one's own.

    Examples
    --------
    >>> from sdd.measures.clusters import storage
    >>> run = sdd.train(sdd.DataSettings(5, 50, 0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = storage(run)
    >>> found["hits_fresh"] < found["hits"]
    True
    """
    W, b = of_the_paper(run).W, run.b
    return stored(W, b, run.training_set()) | {"hits_fresh": _hits(outputs(W, b, test_rows(run)))}


def clusters(run: Run) -> pd.DataFrame:
    """Return the hidden vectors of a run in the plane, each with the feature that it stores.

    Parameters
    ----------
    run : Run
        Of the paper's model with m = 2, trained on finitely many points.

    Returns
    -------
    DataFrame
        A row a point: ``x``, ``y``; ``feature``, the one gained most in it, or −1 where the point
        is not stored in part; and of that feature ``wx``, ``wy`` and ``b``: it is silent where
        wx x + wy y + b ≤ 0. (Of no feature they are NaN.)

    Examples
    --------
    >>> from sdd.measures.clusters import clusters
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> bool((clusters(run)["feature"] >= 0).all())
    True
    """
    W, b, data = of_the_paper(run).W, run.b, run.training_set()
    known = outputs(W, b, data)
    order = np.lexsort(
        (known.r * (known.r - 2 * known.x), known.row)
    )  # of each row, the most gained feature first
    kept = np.flatnonzero(_worth(known) > IN_PART)
    feature = np.full(data.T, -1)
    feature[kept] = known.column[order[data.indptr[kept]]]
    x, y = run.hidden().T
    of = np.vstack([W, b])[:, feature]
    of[:, feature < 0] = np.nan
    return pd.DataFrame({"x": x, "y": y, "feature": feature, "wx": of[0], "wy": of[1], "b": of[2]})
