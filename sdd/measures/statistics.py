"""Numbers estimated from trainings, with their intervals; and what selecting the best does.

An `Estimate` has an interval for any confidence and for any multiple of the trainings that it was
made from, so that one can ask how many more would decide a question:

- `Mean`: of one value a training (t interval), or the difference of two such means (Welch);
- `Share`: the share of trainings of which something holds (exact interval by Clopper and Pearson);
- `Place`: any statistic of the trainings, such as a median (bootstrap);
- `Lowest`: the lowest of several estimates, such as of the means at several sizes.

That intervals cover what they say is tested by simulation.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from jaxtyping import Float
from scipy import stats

__all__ = [
    "Estimate", "Lowest", "Mean", "Place", "Share", "best_of", "difference", "highest", "lowest",
    "mean", "place", "share", "sign_flip", "standard_error",
]  # fmt: skip


FEWEST = 16  # trainings of a bootstrap


class Estimate(Protocol):
    """A number estimated from trainings.

    Examples
    --------
    >>> from sdd.measures.statistics import Estimate, mean
    >>> def doubtful(e: Estimate) -> bool:
    ...     low, high = e.interval()
    ...     return low < 0 < high
    >>> doubtful(mean([0.2, 0.3, 0.2, 0.3])), doubtful(mean([0.2, -0.3, 0.2, 0.3]))
    (False, True)
    """

    @property
    def value(self) -> float:
        """The estimate."""
        ...

    @property
    def counts(self) -> tuple[int, ...]:
        """Numbers of trainings that it was made from: one, or that of each mean that enters."""
        ...

    @property
    def confidence(self) -> float:
        """Confidence of the interval that a claim is judged by."""
        ...

    def interval(self, confidence: float | None = None, times: float = 1.0) -> tuple[float, float]:
        """Return the interval, had there been so many times the trainings.

        Parameters
        ----------
        confidence : float or None
            In (0, 1); None means `confidence`.
        times : float
            Factor on the number of trainings; ∞ is allowed.

        Returns
        -------
        low, high : float
            Its ends; −∞ and ∞ where there are too few trainings for one.

        Examples
        --------
        >>> from sdd.measures.statistics import share
        >>> [round(end, 2) for end in share([True] * 30).interval()]
        [0.9, 1.0]
        """
        ...


@dataclass(frozen=True)
class Mean:
    """A mean over trainings, or a difference of means, with t intervals.

    Parameters
    ----------
    value : float
        The estimate.
    parts : tuple of (variance, n)
        Sample variance over trainings (NaN where n = 1), and number of trainings, of each mean.
    error : float
        Standard error that further trainings do not lower: of a test set.
    reading : float
        Standard error of reading the published value that it is held against.
    seeds : int
        Number of trainings behind that published value, which spread as ours do; 0 for none.
    values : tuple of float
        The values themselves, where the estimate is their mean.
    confidence : float
        Confidence of the interval that a claim is judged by.

    Examples
    --------
    >>> from sdd.measures.statistics import Mean
    >>> [round(end, 2) for end in Mean(1.0, ((0.04, 16),)).interval(0.95)]
    [0.89, 1.11]
    """

    value: float
    parts: tuple[tuple[float, int], ...]
    error: float = 0.0
    reading: float = 0.0
    seeds: int = 0
    values: tuple[float, ...] = ()
    confidence: float = 0.99

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of trainings of each mean that enters."""
        return tuple(n for _, n in self.parts)

    @property
    def published(self) -> float:
        """Standard error of the published value, which trainings of ours do not lower."""
        theirs = self.parts[0][0] / self.seeds if self.seeds else 0.0
        return math.hypot(self.reading, math.sqrt(theirs))

    def interval(self, confidence: float | None = None, times: float = 1.0) -> tuple[float, float]:
        """Return the t interval; degrees of freedom by Welch and Satterthwaite.

        The errors of the test set and of reading a figure count as known.

        Parameters
        ----------
        confidence, times
            As for `Estimate.interval`.

        Returns
        -------
        low, high : float
            Its ends; the whole line where a mean is of one training.

        Examples
        --------
        >>> from sdd.measures.statistics import mean
        >>> losses = mean([0.9, 1.0, 1.1, 1.0])
        >>> [round(end, 2) for end in losses.interval(0.95)]
        [0.87, 1.13]
        >>> [round(end, 2) for end in losses.interval(0.95, times=10)]
        [0.97, 1.03]
        """
        if any(math.isnan(variance) for variance, _ in self.parts):
            return -math.inf, math.inf
        theirs = 1 / self.seeds if self.seeds else 0.0
        sampled = [(v * (1 / (n * times) + theirs), n * times - 1) for v, n in self.parts]
        total = sum(v for v, _ in sampled) + self.error**2 + self.reading**2
        # (Of variances that are zero no degrees of freedom are used up.)
        spent = sum(v**2 / df for v, df in sampled if v > 0)
        df = round(total**2 / spent, 6) if spent > 0 else math.inf
        half = _quantile(confidence or self.confidence, df) * math.sqrt(total)
        return self.value - half, self.value + half


@lru_cache(maxsize=10_000)
def _quantile(confidence: float, df: float) -> float:
    """Return half the width of a t interval in standard errors."""
    return float(stats.t.isf((1 - confidence) / 2, df))


@dataclass(frozen=True)
class Share:
    """The share of trainings of which something holds, with the exact bounds (Clopper, Pearson).

    The interval of 90 % has on either side the one-sided bound of 95 %: with 30 of 30 it begins at
    0.90, with 4 of 4 at 0.47.

    Parameters
    ----------
    successes : float
        Number of trainings of which it holds.
    n : int
        Number of trainings.
    confidence : float
        Confidence of the interval that a claim is judged by.

    Examples
    --------
    >>> from sdd.measures.statistics import Share
    >>> [round(end, 2) for end in Share(4, 4).interval()]
    [0.47, 1.0]
    """

    successes: float
    n: int
    confidence: float = 0.90

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of trainings."""
        return (self.n,)

    @property
    def value(self) -> float:
        """The share seen."""
        return self.successes / self.n

    def interval(self, confidence: float | None = None, times: float = 1.0) -> tuple[float, float]:
        """Return the exact interval for the share.

        Parameters
        ----------
        confidence, times
            As for `Estimate.interval`.

        Returns
        -------
        low, high : float
            Its ends, in [0, 1].

        Examples
        --------
        >>> from sdd.measures.statistics import Share
        >>> [round(end, 2) for end in Share(3, 4).interval(times=10)]
        [0.61, 0.86]
        """
        if times == math.inf:
            return self.value, self.value
        tail = (1 - (confidence or self.confidence)) / 2
        k, n = self.successes * times, self.n * times
        low = stats.beta.ppf(tail, k, n - k + 1) if k > 0 else 0.0
        high = stats.beta.isf(tail, k + 1, n - k) if k < n else 1.0
        return float(low), float(high)


@dataclass(frozen=True)
class Place:
    """A statistic of trainings with bootstrap intervals, from its value in resampled trainings.

    The interval is the whole line below `FEWEST` trainings, which resample too few values, and
    where more confidence is asked for than so many resamples can tell.

    Parameters
    ----------
    value : float
        The statistic of the trainings.
    resampled : tuple of float
        The same of trainings drawn again from them, with replacement.
    n : int
        Number of trainings.
    confidence : float
        Confidence of the interval that a claim is judged by.

    Examples
    --------
    >>> from sdd.measures.statistics import Place
    >>> [round(end, 2) for end in Place(50.0, tuple(range(101)), n=20).interval(0.9)]
    [5.0, 95.0]
    """

    value: float
    resampled: tuple[float, ...]
    n: int
    confidence: float = 0.99

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of trainings."""
        return (self.n,)

    def interval(self, confidence: float | None = None, times: float = 1.0) -> tuple[float, float]:
        """Return the percentile interval, narrower by √times where there were more trainings.

        Parameters
        ----------
        confidence, times
            As for `Estimate.interval`.

        Returns
        -------
        low, high : float
            Its ends; the whole line where trainings or resamples are too few.

        Examples
        --------
        >>> from sdd.measures.statistics import place
        >>> low, high = place(range(101), np.median).interval(0.95)
        >>> 30 < low < 50 < high < 70
        True
        """
        tail = (1 - (confidence or self.confidence)) / 2
        if self.n * times < FEWEST or tail * (len(self.resampled) + 1) < 1:
            return -math.inf, math.inf
        ends = np.quantile(self.resampled, [tail, 1 - tail])
        low, high = self.value + (ends - self.value) / math.sqrt(times)
        return float(low), float(high)


@dataclass(frozen=True)
class Lowest:
    """The lowest (or highest) of several numbers, each estimated.

    The lowest of k numbers is above the lowest of their lower bounds wherever that one bound is
    right. It is below the lowest of their upper bounds only where all k are: so each of these is
    taken with a k-th of the chance to be wrong (Bonferroni).

    Parameters
    ----------
    of : tuple of Estimate
        The numbers, one or more.
    highest : bool
        Take the highest instead.

    Examples
    --------
    >>> from sdd.measures.statistics import Lowest, share
    >>> Lowest((share([True, True]), share([True, False]))).value
    0.5
    """

    of: tuple[Estimate, ...]
    highest: bool = False

    def _end(self, values: Iterable[float]) -> float:
        return max(values) if self.highest else min(values)

    @property
    def value(self) -> float:
        """The lowest (highest) estimate."""
        return self._end(e.value for e in self.of)

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of trainings of all of them."""
        return tuple(n for e in self.of for n in e.counts)

    @property
    def confidence(self) -> float:
        """The confidence of each."""
        return self.of[0].confidence

    @property
    def published(self) -> float:
        """The largest standard error of a published value that one is held against."""
        return max(getattr(e, "published", 0.0) for e in self.of)

    def interval(self, confidence: float | None = None, times: float = 1.0) -> tuple[float, float]:
        """Return the lowest (highest) of the lower and of the upper bounds.

        Parameters
        ----------
        confidence, times
            As for `Estimate.interval`.

        Returns
        -------
        low, high : float
            Its ends; −∞ and ∞ where one of the numbers has too few trainings.

        Examples
        --------
        >>> from sdd.measures.statistics import lowest, mean
        >>> least = lowest([mean([1.0, 1.1, 0.9]), mean([2.0, 2.1, 1.9])])
        >>> least.interval()[0] == mean([1.0, 1.1, 0.9]).interval()[0]
        True
        """
        confidence = confidence or self.confidence
        every = 1 - (1 - confidence) / len(self.of)
        one, all_ = ([e.interval(c, times) for e in self.of] for c in (confidence, every))
        lower, upper = (all_, one) if self.highest else (one, all_)
        return self._end(low for low, _ in lower), self._end(high for _, high in upper)


def mean(
    values: Iterable[float], *, error: float = 0.0, reading: float = 0.0, seeds: int = 0
) -> Mean:
    """Estimate a mean from one value a training.

    Parameters
    ----------
    values : iterable of float
        One value a training.
    error : float
        Standard error of a test set that all of them share; it enters once.
    reading : float
        Reading error of a published value that the mean is held against: two standard errors.
    seeds : int
        Number of trainings behind that published value, taken to spread as ours do; 0 where it is
        no mean of trainings.

    Returns
    -------
    Mean
        With a t interval.

    Raises
    ------
    ValueError
        Where there are no values, or one is not finite.

    Examples
    --------
    >>> from sdd.measures.statistics import mean
    >>> losses = mean([0.9, 1.0, 1.1, 1.0])
    >>> round(losses.value, 3), [round(end, 2) for end in losses.interval(0.95)]
    (1.0, [0.87, 1.13])
    """
    a = _finite(values)
    variance = float(a.var(ddof=1)) if a.size > 1 else math.nan
    parts = ((variance, a.size),)
    return Mean(float(a.mean()), parts, error, reading / 2, seeds, tuple(a.tolist()))


def _finite(values: Iterable[float]) -> np.ndarray:
    a = np.array(list(values), float)
    if not a.size or not np.isfinite(a).all():
        raise ValueError(f"values must be finite, and at least one, not {a}")
    return a


def difference(these: Iterable[float], those: Iterable[float], *, error: float = 0.0) -> Mean:
    """Estimate the mean of these less the mean of those, of trainings that are not paired.

    Parameters
    ----------
    these, those : iterable of float
        One value a training.
    error : float
        Standard error of a test set that all of them share; it enters once.

    Returns
    -------
    Mean
        With Welch's interval.

    Raises
    ------
    ValueError
        Where there are no values of one of them, or one is not finite.

    Examples
    --------
    >>> from sdd.measures.statistics import difference
    >>> low, high = difference([1.0, 1.1, 0.9], [0.2, 0.3, 0.1]).interval()
    >>> low > 0
    True
    """
    a, b = mean(these), mean(those)
    return Mean(a.value - b.value, a.parts + b.parts, error)


def share(holds: Iterable[bool]) -> Share:
    """Estimate the share of trainings of which something holds.

    Parameters
    ----------
    holds : iterable of bool
        Whether it holds, one a training.

    Returns
    -------
    Share
        With exact bounds.

    Raises
    ------
    ValueError
        Where there are none.

    Examples
    --------
    >>> from sdd.measures.statistics import share
    >>> share([True, True, False, True]).value
    0.75
    """
    found = [bool(h) for h in holds]
    if not found:
        raise ValueError("holds must be of one training or more, not of none")
    return Share(sum(found), len(found))


def place(
    values: Iterable[float], statistic: Callable[[np.ndarray], float], resamples: int = 2_000
) -> Place:
    """Estimate a statistic of trainings, such as their median, by bootstrap.

    Parameters
    ----------
    values : iterable of float
        One value a training.
    statistic : callable
        From a vector of values to one number.
    resamples : int
        How often trainings are drawn again, with replacement, from one fixed seed.

    Returns
    -------
    Place
        With a percentile interval.

    Raises
    ------
    ValueError
        Where there are no values, or one is not finite.

    Examples
    --------
    >>> from sdd.measures.statistics import place
    >>> place(range(101), np.median).value
    50.0
    """
    a, rng = _finite(values), np.random.default_rng(0)
    drawn = rng.integers(0, len(a), (resamples, len(a)))
    found = tuple(float(statistic(a[rows])) for rows in drawn)
    return Place(float(statistic(a)), found, len(a))


def lowest(estimates: Iterable[Estimate]) -> Lowest:
    """Estimate the lowest of several numbers, such as the least excess at any of several sizes.

    Parameters
    ----------
    estimates : iterable of Estimate
        One a number, one or more.

    Returns
    -------
    Lowest
        With the interval described there.

    Examples
    --------
    >>> from sdd.measures.statistics import lowest, mean
    >>> lowest(mean(losses) for losses in ([3.0, 4.0], [1.0, 2.0])).value
    1.5
    """
    return Lowest(tuple(estimates))


def highest(estimates: Iterable[Estimate]) -> Lowest:
    """Estimate the highest of several numbers.

    Parameters
    ----------
    estimates
        As for `lowest`.

    Returns
    -------
    Lowest
        With the interval described there.

    Examples
    --------
    >>> from sdd.measures.statistics import highest, mean
    >>> highest(mean(losses) for losses in ([3.0, 4.0], [1.0, 2.0])).value
    3.5
    """
    return Lowest(tuple(estimates), highest=True)


def sign_flip(values: Iterable[float]) -> float:
    """Return how often a mean as far from zero, or further, arises if each sign is a coin's.

    Parameters
    ----------
    values : iterable of float
        Two or more.

    Returns
    -------
    float
        The two-sided p value; exact up to 13 values, from 10,000 draws above.

    Examples
    --------
    Of the 16 ways to set four signs, two are as far from zero:

    >>> from sdd.measures.statistics import sign_flip
    >>> sign_flip([0.3, 0.1, 0.2, 0.4])
    0.125
    """
    found = stats.permutation_test(
        (list(values),), np.mean, permutation_type="samples", n_resamples=9_999, rng=0
    )
    return float(found.pvalue)


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

    Examples
    --------
    >>> from sdd.measures.statistics import best_of
    >>> round(best_of(2, [1.0, 2.0, 3.0]), 3)  # of the sets 12, 13 and 23
    1.333
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


def standard_error(per_example: Float[np.ndarray, " T"]) -> tuple[float, float]:
    """Return the mean of independent values, and its standard error s/√T (s with T − 1).

    Parameters
    ----------
    per_example : (T,) array
        The values, such as a loss of each point.

    Returns
    -------
    mean, error : float
        In the unit of the values.

    Raises
    ------
    ValueError
        Where there are fewer than 2 values.

    Examples
    --------
    >>> from sdd.measures.statistics import standard_error
    >>> standard_error(np.array([1.0, 3.0]))
    (2.0, 1.0)
    """
    values = np.asarray(per_example, np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"per_example must be a vector of at least 2, not shape {values.shape}")
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
