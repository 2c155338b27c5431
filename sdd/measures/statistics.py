"""Mean and spread of numbers over trainings, and what selecting the best of several does."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

__all__ = ["best_of", "spread", "standard_error", "steadier"]


def best_of(k: int, losses: Sequence[float], values: Sequence[float] | None = None) -> float:
    """Return what to expect of the lowest of k losses, drawn without replacement.

    Parameters
    ----------
    k : int
        How many are drawn, from 1 to all.
    losses : sequence of float
        Training losses, one a parameter seed; the lowest of those drawn is kept.
    values : sequence of float or None
        What to average of the seed that is kept, such as its test loss; None means the loss.

    Returns
    -------
    float
        The exact mean over all C(N, k) sets: of N sorted losses the i-th (from 0) is the lowest of
        C(N − 1 − i, k − 1). Seeds of equal loss share their values.

    Raises
    ------
    ValueError
        Where there are not k losses, or values are not one a loss.
    """
    lost = np.asarray(losses, np.float64)
    kept = lost if values is None else np.asarray(values, np.float64)
    N = lost.size
    if not 1 <= k <= N:
        raise ValueError(f"k must be from 1 to {N}, the number of losses, not {k!r}")
    if kept.shape != lost.shape:
        raise ValueError(f"values must be one a loss, {N}, not {kept.size}")
    # Which of equal losses is kept is left to chance: each has their mean.
    _, group = np.unique(lost, return_inverse=True)
    kept = (np.bincount(group, kept) / np.bincount(group))[group]
    sets = [math.comb(N - 1 - i, k - 1) / math.comb(N, k) for i in range(N)]
    return float(np.dot(sets, kept[np.argsort(lost, kind="stable")]))


def steadier(these: Sequence[float], those: Sequence[float]) -> float:
    """Return log₁₀ of how many times the standard deviation of these is that of those.

    Positive where those are steadier. What spreads by less than float64 can tell at the largest of
    all values is taken to spread by that much: so the answer is finite where values are equal.

    Raises
    ------
    ValueError
        Where these or those are fewer than two.
    """
    both = [np.asarray(v, np.float64) for v in (these, those)]
    if min(v.size for v in both) < 2:
        counts = " and ".join(str(v.size) for v in both)
        raise ValueError(f"a spread takes two values or more, not {counts}")
    least = max(float(np.spacing(np.abs(v).max())) for v in both)
    wide, narrow = (max(float(np.std(v, ddof=1)), least) for v in both)
    return float(np.log10(wide) - np.log10(narrow))


def spread(values: Iterable[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (NaN for a single value)."""
    a = np.array(list(values), float)
    return float(a.mean()), float(a.std(ddof=1)) if a.size > 1 else math.nan


def standard_error(per_example: Float[np.ndarray, " T"]) -> tuple[float, float]:
    """Return the mean of independent values, and its standard error s/√T (s with T − 1).

    Raises
    ------
    ValueError
        Where there are fewer than 2 values.
    """
    values = np.asarray(per_example, np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"per_example must be a vector of at least 2, not shape {values.shape}")
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
