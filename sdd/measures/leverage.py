"""Maximal dimensionalities of a run's features and points, and what a search for them finds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sdd.measures.columns import hidden_vectors
from sdd.measures.geometry import dimensionality, maximal_dimensionality
from sdd.training.run import Run

__all__ = ["ascent", "maximal", "searched"]

SEARCH = (10, 100, 1_000)  # steps of the search by gradients
SEARCHED = 30  # points that it is made for
RATE = 1e-3  # of the rates 0.001, 0.01 and 0.1 the one that came closest, at 512 units


def maximal(run: Run) -> dict[str, Any]:
    """Return the maximal dimensionalities D* of features and points, in short.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    dict of str to float
        For each of ``feature`` and ``point``: ``…_rank`` (the sum of all D*), ``…_largest`` and
        ``…_median``; ``…_gain``, the largest D* ÷ D. ``chance``: largest ÷ median D* of normal
        vectors, as many as the points and of the same rank.

    Examples
    --------
    >>> from sdd.measures.leverage import maximal
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = maximal(run)  # five points on a ring
    >>> round(found["point_rank"], 6), round(found["point_largest"], 1)
    (2.0, 0.4)
    """
    found: dict[str, float] = {}
    for of, vectors in (("feature", run.W.T), ("point", hidden_vectors(run))):
        D, most = dimensionality(vectors), maximal_dimensionality(vectors)
        found[f"{of}_rank"] = float(most.sum())
        found[f"{of}_largest"] = float(most.max())
        found[f"{of}_median"] = float(np.median(most))
        found[f"{of}_gain"] = float((most[D > 0] / D[D > 0]).max(initial=1.0))
    shape = len(vectors), max(1, round(found["point_rank"]))
    chance = maximal_dimensionality(np.random.default_rng(0).normal(size=shape))
    return found | {"chance": float(chance.max() / np.median(chance))}


def searched(run: Run) -> dict[str, Any]:
    """Return what `ascent` finds for some points of the training set, evenly spaced by D*.

    Parameters
    ----------
    run : Run
        Trained on finitely many points.

    Returns
    -------
    dict of str to float
        ``exact K`` of the K-th point, and ``after N steps, K``.

    Raises
    ------
    ValueError
        Where T is infinite.

    Examples
    --------
    >>> from sdd.measures.leverage import searched
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = searched(run)
    >>> found["after 1000 steps, 0"] <= found["exact 0"] + 1e-6
    True
    """
    H = run.hidden(run.training_set())
    exact = maximal_dimensionality(H)
    places = np.linspace(0, len(H) - 1, min(SEARCHED, len(H))).round().astype(int)
    rows = np.argsort(exact, kind="stable")[places]
    found = {f"exact {k}": float(D) for k, D in enumerate(exact[rows])}
    for steps, values in zip(SEARCH, ascent(H, rows, SEARCH), strict=True):
        found |= {f"after {steps} steps, {k}": float(D) for k, D in enumerate(values)}
    return found


def ascent(
    vectors: Float[np.ndarray, "k m"],
    rows: Int[np.ndarray, " r"],
    steps: Sequence[int],
    rate: float = RATE,
) -> list[Float[np.ndarray, " r"]]:
    """Return estimates of D* by gradient ascent over u, as published, from u = v_i by Adam.

    Parameters
    ----------
    vectors : (k, m) array
        As rows.
    rows : (r,) int array
        For which of them.
    steps : sequence of int
        After how many steps an estimate is kept; rising.
    rate : float
        Adam's learning rate, where u begins with length 1.

    Returns
    -------
    list of (r,) array
        One for each of `steps`; the first estimate, after no step, is D.

    Examples
    --------
    >>> from sdd.measures.leverage import ascent
    >>> V = np.array([[1.0, 0], [1, 0], [9, 1]])
    >>> first, last = ascent(V, np.arange(3), [0, 3_000], rate=0.01)
    >>> first.round(2), last.round(2)
    (array([0.01, 0.01, 0.98]), array([0.5, 0.5, 1. ]))
    """
    import torch  # in here, as it takes seconds

    V = torch.tensor(np.asarray(vectors, np.float64) / np.abs(vectors).max())
    gram, chosen = V.T @ V, V[torch.as_tensor(rows)]
    u = (chosen / chosen.norm(dim=1, keepdim=True)).requires_grad_()
    optimizer, found = torch.optim.Adam([u], lr=rate), []
    for step in range(steps[-1] + 1):
        share = (u * chosen).sum(1) ** 2 / ((u @ gram) * u).sum(1)
        if step in steps:
            found.append(share.detach().numpy().copy())
        optimizer.zero_grad()
        (-share.sum()).backward()
        optimizer.step()
    return found
