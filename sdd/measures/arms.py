"""The columns beside a ring of features in the plane: where they lie, and what that matters."""

import math

import numpy as np
from jaxtyping import Int

from sdd import engine
from sdd.measures.columns import test_rows
from sdd.measures.geometry import dimensionality, strongest
from sdd.training.run import Run
from sdd.training.starts import config_weights

__all__ = ["ARM", "beside_ring", "disturbed"]

ARM = 6.0  # degrees to either side of one of the ring, within which another column is on its arm
LONGEST = 0.1  # share of the other columns that began as the longest
DRAWS = 8  # of random directions for all of them, which are averaged


def _parted(run: Run) -> tuple[Int[np.ndarray, " F"], Int[np.ndarray, " others"]]:
    """Return the features of the ring, planted or the five strongest, and all others."""
    planted = "ring:" in run.start
    ring = strongest(run.W.T, int(run.start.split(":")[1]) if planted else 5)
    return ring, np.delete(np.arange(run.b.size), ring)


def beside_ring(run: Run) -> dict[str, float]:
    """Return what the other columns of W are like, beside a planted ring or the five strongest.

    Parameters
    ----------
    run : Run
        With m = 2.

    Returns
    -------
    dict of str to float
        ``corners``: features of the ring, F. Of the squared length R² of all other columns,
        ``on_arms``: the share within `ARM` degrees of one of the ring; ``sided``: the mean of
        cos Fα, α the angle from an arm: 1 where all lie on the arms, −1 where all lie midway
        between two, 0 for all directions alike; ``from_longest``: the share in the tenth of the
        other columns that had the longest initial ones. ``weak``: how many columns share R²,
        (Σρ²)² / Σρ⁴, for each of the ring. ``short_on_arms``: the share, by number, of the half
        with the shortest columns that is within `ARM` degrees.

    Raises
    ------
    ValueError
        Where m is not 2.

    Examples
    --------
    >>> from sdd.measures.arms import beside_ring
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = beside_ring(run)
    >>> found["corners"], 0 <= found["on_arms"] <= 1, found["weak"] < 9
    (5, True, True)
    """
    if run.W.shape[0] != 2:
        raise ValueError(f"arms in the plane need m = 2, not m = {run.W.shape[0]}")
    ring, others = _parted(run)
    F, z = len(ring), run.W[0].astype(float) + 1j * run.W[1]
    squares, start = abs(z[others]) ** 2, config_weights(run.config, run.b.size)[0][:, others]
    R2 = float(squares.sum()) or math.nan
    apart = abs(np.degrees(np.angle(z[others, None] / z[ring]))).min(axis=1)
    phase = np.exp(1j * F * np.angle(z[ring])).mean()
    sided = (squares * np.exp(1j * F * np.angle(z[others]))).sum() / R2 * phase.conj() / abs(phase)
    longest = np.argsort(-np.linalg.norm(start, axis=0))[: round(LONGEST * len(others))]
    short = np.argsort(squares)[: len(others) // 2]
    return {
        "corners": F,
        "on_arms": float(squares[apart <= ARM].sum()) / R2,
        "sided": float(sided.real),
        "from_longest": float(squares[longest].sum()) / R2,
        "weak": R2**2 / float((squares**2).sum() or math.nan) / F,
        "short_on_arms": float((apart[short] <= ARM).mean()),
    }


def disturbed(run: Run) -> dict[str, float]:
    """Return what changes where the columns beside the ring are turned at random, or removed.

    Nothing is trained: lengths, biases and the ring stay as they are.

    Parameters
    ----------
    run : Run
        With m = 2, trained on drawn data.

    Returns
    -------
    dict of str to float
        ``turned_rise`` and ``removed_rise``: by how much the test loss rises; ``turned_D`` and
        ``removed_D``: the mean D of the ring then.

    Raises
    ------
    ValueError
        Where the run is of data of one's own.

    Examples
    --------
    >>> from sdd.measures.arms import disturbed
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = disturbed(run)
    >>> round(found["removed_D"], 1)
    0.4
    """
    rows, (ring, others) = test_rows(run), _parted(run)
    before, lengths = engine.loss(run.W, run.b, rows), np.linalg.norm(run.W[:, others], axis=0)
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, (DRAWS, len(others)))
    changes = {"turned": lengths * np.exp(1j * angles), "removed": np.zeros((1, len(others)))}
    found = {}
    for name, draws in changes.items():
        Ws = np.repeat(run.W[None], len(draws), axis=0)
        Ws[:, 0, others], Ws[:, 1, others] = draws.real, draws.imag
        found[f"{name}_rise"] = float(np.mean([engine.loss(W, run.b, rows) for W in Ws]) - before)
        found[f"{name}_D"] = float(np.mean([dimensionality(W.T)[ring] for W in Ws]))
    return found
