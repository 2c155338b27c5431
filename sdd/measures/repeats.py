"""What becomes of examples that count several times, and of features, in and after training."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sdd import engine
from sdd.data import Dataset
from sdd.measures.damping import drawn_data
from sdd.measures.geometry import dimensionality, equal_angle_error
from sdd.measures.stored import HALF
from sdd.training.run import Run

__all__ = ["FLOOR", "TOP", "ending", "film", "forgotten", "history", "places"]

FLOOR = 0.1  # D from which a feature counts as learnt: half of what a pentagon's have, or less
TOP = 0.001  # share of examples, by D, that the comment calls memorised
DROPPED = 0.25  # of its loss that an example must have gained before it can be said to lose it


def _repeated(run: Run) -> Dataset:
    """Return the points that count several times: the first one where there are none."""
    return run.training_set().take(np.arange(drawn_data(run).repeated))


def places(run: Run) -> dict[str, Any]:
    """Return who has a place in hidden space: features, and the examples that count several times.

    Parameters
    ----------
    run : Run
        On drawn data, m = 2.

    Returns
    -------
    dict
        ``embedded``: how many of the repeated examples have a loss below half; ``features``: how
        many features have D of at least `FLOOR` and are in none of these; ``star_error``: by how
        many degrees the angles between all of them differ from equal ones. Of the first example:
        ``first_loss``, ``first_D`` and ``first_top``, whether its D is in the top 0.1 %.

    Examples
    --------
    >>> from sdd.measures.repeats import places
    >>> law = sdd.DataSettings(T=5, n=100, sparsity=0.9, repeats=9)
    >>> places(sdd.train(law, sdd.TrainConfig(steps=300, lr=0.03)))["embedded"]
    1
    """
    first, h = _repeated(run), run.hidden()
    D, errors = dimensionality(h), run.errors()[: first.T]
    embedded = np.flatnonzero(errors < HALF)
    contained = np.zeros(run.W.shape[1], bool)
    if embedded.size:
        contained[first.take(embedded).indices] = True
    features = np.flatnonzero((dimensionality(run.W.T) >= FLOOR) & ~contained)
    star = np.vstack([run.W.T[features], h[embedded]])
    return {
        "embedded": embedded.size,
        "features": features.size,
        "star_error": equal_angle_error(star) if len(star) > 1 else math.nan,
        "first_loss": float(errors[0]),
        "first_D": float(D[0]),
        "first_top": bool((D > D[0]).sum() < TOP * run.T),
    }


def forgotten(run: Run) -> dict[str, Any]:
    """Return what a run had learnt at its snapshots and has not kept.

    Features are looked at where the third largest D is at its highest, as one or two may stand
    out by chance.

    Parameters
    ----------
    run : Run
        On drawn data, with snapshots.

    Returns
    -------
    dict
        ``learnt``: how many features have D of at least `FLOOR` there; ``lost``: the share of
        these that end with less than half of that D; ``peak_step``, ``peak_D`` and ``end_D``: the
        step, and the third largest D there and at the end. ``first_least`` and ``first_end``: loss
        of the first example at its lowest and at the end; ``dropped``: whether that had fallen by
        at least `DROPPED`, and less than half of the fall is left.

    Examples
    --------
    >>> from sdd.measures.repeats import forgotten
    >>> law = sdd.DataSettings(T=5, n=100, sparsity=0.9, repeats=9)
    >>> run = sdd.train(law, sdd.TrainConfig(steps=300, lr=0.03), snapshots=(100, 300))
    >>> forgotten(run)["dropped"]
    False
    """
    first, (Ws, bs) = _repeated(run).take([0]), (run.snapshots["W"], run.snapshots["b"])
    D, end = np.array([dimensionality(W.T) for W in Ws]), dimensionality(run.W.T)
    third = np.sort(D, axis=1)[:, -3]
    peak = int(third.argmax())
    learnt = np.flatnonzero(D[peak] >= FLOOR)
    lost = end[learnt] < D[peak, learnt] / 2
    least = min(engine.loss(W, b, first) for W, b in zip(Ws, bs, strict=True))
    left = float(run.errors()[0])
    return {
        "learnt": learnt.size,
        "lost": float(lost.mean()) if learnt.size else math.nan,
        "peak_step": int(run.snapshots["step"][peak]),
        "peak_D": float(third[peak]),
        "end_D": float(np.sort(end)[-3]),
        "first_least": least,
        "first_end": left,
        "dropped": 1 - least >= DROPPED and 1 - left < (1 - least) / 2,
    }


def history(run: Run, features: int = 8, examples: int = 8) -> pd.DataFrame:
    """Return D of features and of examples at the snapshots of a run.

    Parameters
    ----------
    run : Run
        On drawn data, with snapshots.
    features, examples : int
        How many of either: those that reach the largest D. Repeated examples come besides.

    Returns
    -------
    DataFrame
        A row a snapshot and vector: ``step``, ``of`` ("feature", "example" or "repeated example"),
        ``number`` and ``D``.

    Examples
    --------
    >>> from sdd.measures.repeats import history
    >>> law = sdd.DataSettings(T=5, n=100, sparsity=0.9, repeats=9)
    >>> run = sdd.train(law, sdd.TrainConfig(steps=300, lr=0.03), snapshots=(100, 300))
    >>> history(run)["of"].value_counts().tolist()
    [16, 8, 2]
    """
    data, Ws, settings = run.training_set(), run.snapshots["W"], drawn_data(run)
    of_features = np.array([dimensionality(W.T) for W in Ws])
    of_points = np.array([dimensionality(engine.hidden(W, data)) for W in Ws])
    k = settings.repeated if settings.repeats > 1 else 0
    best = np.argsort(-of_features.max(0), kind="stable")[:features]
    rest = k + np.argsort(-of_points[:, k:].max(0), kind="stable")[:examples]
    parts = [("feature", of_features, best), ("example", of_points, rest)]
    parts.append(("repeated example", of_points, np.arange(k)))
    return pd.concat(
        pd.DataFrame({"step": run.snapshots["step"], "of": of, "number": i, "D": D[:, i]})
        for of, D, numbers in parts
        for i in numbers
    ).reset_index(drop=True)


def ending(run: Run, title: str, snapshot: int | None = None) -> pd.DataFrame:
    """Return columns of W and hidden vectors of a run, with its repeated examples marked.

    Parameters
    ----------
    run : Run
        On drawn data, m = 2.
    title : str
        What the model is called.
    snapshot : int or None
        Number of the snapshot; None means the end.

    Returns
    -------
    DataFrame
        A row a vector: ``model``, ``of``, ``x``, ``y`` and ``marked``.

    Examples
    --------
    >>> from sdd.measures.repeats import ending
    >>> law = sdd.DataSettings(T=5, n=100, sparsity=0.9, repeats=9)
    >>> run = sdd.train(law, sdd.TrainConfig(steps=300, lr=0.03))
    >>> int(ending(run, "five points")["marked"].sum())
    1
    """
    W = run.W if snapshot is None else run.snapshots["W"][snapshot]
    settings, h = drawn_data(run), engine.hidden(W, run.training_set())
    marked = np.arange(len(h)) < settings.repeated * (settings.repeats > 1)
    kinds = (("columns of W", W.T, False), ("hidden vectors", h, marked))
    return pd.concat(
        (
            pd.DataFrame(
                {"model": title, "of": of, "x": v[:, 0], "y": v[:, 1], "marked": is_marked}
            )
            for of, v, is_marked in kinds
        ),
        ignore_index=True,
    )


def film(run: Run, frames: int = 6) -> pd.DataFrame:
    """Return columns of W and hidden vectors at some snapshots of a run: a film of stills.

    Parameters
    ----------
    run : Run
        On drawn data, m = 2, with snapshots.
    frames : int
        How many: snapshots evenly spaced, the last among them, from the middle on.

    Returns
    -------
    DataFrame
        As of `ending`; the model is called by its step.

    Examples
    --------
    >>> from sdd.measures.repeats import film
    >>> law = sdd.DataSettings(T=5, n=100, sparsity=0.9, repeats=9)
    >>> run = sdd.train(law, sdd.TrainConfig(steps=300, lr=0.03), snapshots=(100, 200, 300))
    >>> film(run, 2)["model"].unique().tolist()
    ['step 200', 'step 300']
    """
    steps = run.snapshots["step"]
    shown = np.linspace(len(steps) // 2, len(steps) - 1, frames).round().astype(int)
    return pd.concat((ending(run, f"step {steps[s]:,}", s) for s in shown), ignore_index=True)
