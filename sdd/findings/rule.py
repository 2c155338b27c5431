"""The one rule by which a claim is judged: from an estimate and a region to a verdict.

A claim names an estimand θ (which number, averaged over which trainings) and a `Region` C in which
the claim is true, both before the runs that judge it are trained. From the runs comes an interval
for θ, of 99 % confidence (a share: exact bounds, each of 95 %). Inside C, the claim is
*reproduced*; wholly outside, *contradicted*; otherwise it is *undecided*, with the number of
further trainings that would decide it if mean and spread stayed as seen, or *undecidable from the
published figure* where endless trainings would not decide it, because the published value is too
coarse.

Claims that are headlines are corrected together, by Holm's method (`holm`). How often the rule says
what is simulated by `behaviour`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sdd.measures.statistics import Estimate, Lowest, Mean, Share, mean, sign_flip

__all__ = [
    "CONTRADICTED", "REPRODUCED", "SMALL", "UNDECIDABLE", "UNDECIDED", "USUALLY", "Region",
    "Verdict", "above", "behaviour", "below", "between", "decide", "holm", "judge", "p_text",
    "p_value", "within",
]  # fmt: skip

REPRODUCED = "reproduced"
CONTRADICTED = "contradicted"
UNDECIDED = "undecided"
UNDECIDABLE = "undecidable from the published figure"
SMALL = "not judged at this size"

MOST = 1_000  # further trainings beyond which their number is not told
FLIPS_FROM = 8  # values from which on the test by flipped signs is shown, too
LEAST_P = 1e-9  # below this a p-value says nothing


@dataclass(frozen=True)
class Region:
    """The open interval in which a claim is true, and what it is called.

    Parameters
    ----------
    low, high : float
        Its ends; −∞ and ∞ are allowed.
    text : str
        What it is called, such as "above 0".

    Examples
    --------
    >>> from sdd.findings.rule import Region
    >>> Region(0.9, np.inf, "at least 90 %").edge
    0.9
    """

    low: float
    high: float
    text: str

    @property
    def edge(self) -> float | None:
        """The one value that parts true from wrong, where there is but one."""
        finite = [end for end in (self.low, self.high) if math.isfinite(end)]
        return finite[0] if len(finite) == 1 else None

    def said(self, unit: str = "", *, log: bool = False) -> str:
        """Return what the region is called, with a unit; as a factor where it is of its log₁₀.

        Parameters
        ----------
        unit : str
            Printed after the value.
        log : bool
            Whether the region is of log₁₀ of a factor.

        Returns
        -------
        str
            In words.

        Examples
        --------
        >>> from sdd.findings.rule import above, between
        >>> above(72).said("°"), between(0, 1).said(log=True)
        ('above 72°', 'a factor of 1 to 10')
        """
        if not log:
            return self.text if self.text.endswith("%") else f"{self.text}{unit}"
        low, high = (f"{10**x:.2g}" if math.isfinite(x) else "" for x in (self.low, self.high))
        if low and high:
            return f"a factor of {low} to {high}"
        return f"a factor above {low}" if low else f"a factor below {high}"


def above(value: float) -> Region:
    """Return the region above a value.

    Parameters
    ----------
    value : float
        Its lower end.

    Returns
    -------
    Region
        Open at its end.

    Examples
    --------
    >>> from sdd.findings.rule import above
    >>> above(0).text
    'above 0'
    """
    return Region(value, math.inf, f"above {value:.4g}")


def below(value: float) -> Region:
    """Return the region below a value.

    Parameters
    ----------
    value : float
        Its upper end.

    Returns
    -------
    Region
        Open at its end.

    Examples
    --------
    >>> from sdd.findings.rule import below
    >>> below(1).text
    'below 1'
    """
    return Region(-math.inf, value, f"below {value:.4g}")


def between(low: float, high: float) -> Region:
    """Return the region between two values.

    Parameters
    ----------
    low, high : float
        Its ends.

    Returns
    -------
    Region
        Open at both.

    Examples
    --------
    >>> from sdd.findings.rule import between
    >>> between(0.5, 1).text
    '0.5 to 1'
    """
    return Region(low, high, f"{low:g} to {high:g}")


def within(published: float, delta: float) -> Region:
    """Return the region around a published value.

    Parameters
    ----------
    published : float
        The value.
    delta : float
        Half the width: at most half the distance to what one would see were the claim wrong.

    Returns
    -------
    Region
        Open at both ends.

    Examples
    --------
    >>> from sdd.findings.rule import within
    >>> within(0.4, 0.05).text
    '0.4 ± 0.05'
    """
    return Region(published - delta, published + delta, f"{published:g} ± {delta:.2g}")


# In at least nine of ten trainings.
USUALLY = Region(0.9, math.inf, "at least 90 %")


@dataclass(frozen=True)
class Verdict:
    """A verdict with the numbers that it follows from.

    Parameters
    ----------
    verdict : str
        `REPRODUCED`, `CONTRADICTED`, `UNDECIDED`, `UNDECIDABLE` or `SMALL`.
    ours : str
        The estimate with its interval.
    trainings : int
        How many, the fewest where several numbers enter.
    counted : str
        The same in words.
    note : str
        What would decide it, and the test by flipped signs.
    p : float
        As `p_value` gives it.
    confidence : float or None
        Of the interval; None where there is none.
    value, low, high : float or None
        The estimate, and the ends of its interval; None where there is none.
    values : tuple of float
        One a training, where the estimate is their mean.

    Examples
    --------
    >>> from sdd.findings.rule import UNDECIDED, Verdict
    >>> Verdict(UNDECIDED, note="no trainings").trainings
    0
    """

    verdict: str
    ours: str = "–"
    trainings: int = 0
    counted: str = ""
    note: str = ""
    p: float = 1.0
    confidence: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[float, ...] = ()


def decide(
    estimate: Estimate, region: Region, confidence: float | None = None, times: float = 1.0
) -> str:
    """Return the verdict by the interval alone, had there been so many times the trainings.

    Parameters
    ----------
    estimate : Estimate
        What the runs say.
    region : Region
        Where the claim is true.
    confidence : float or None
        Of the interval, in (0, 1); None means the estimate's own.
    times : float
        Factor on the number of trainings; ∞ is allowed.

    Returns
    -------
    str
        `REPRODUCED`, `CONTRADICTED` or `UNDECIDED`.

    Examples
    --------
    >>> from sdd.findings.rule import above, decide
    >>> from sdd.measures.statistics import mean
    >>> rise = mean([0.02, 0.05, 0.01, 0.04])
    >>> decide(rise, above(0)), decide(rise, above(0), times=4)
    ('undecided', 'reproduced')
    """
    low, high = estimate.interval(confidence, times)
    if region.low < low and high < region.high:
        return REPRODUCED
    return CONTRADICTED if high <= region.low or region.high <= low else UNDECIDED


def p_value(estimate: Estimate, region: Region) -> float:
    """Return the least 1 − confidence at which the interval decides; 1 where none does.

    Parameters
    ----------
    estimate, region
        As for `decide`.

    Returns
    -------
    float
        In [1e-9, 1], to 0.01 %.

    Examples
    --------
    >>> from sdd.findings.rule import above, p_value
    >>> from sdd.measures.statistics import mean
    >>> 0.01 < p_value(mean([0.02, 0.05, 0.01, 0.04]), above(0)) < 0.1
    True
    """
    low, high = LEAST_P, 1.0
    if decide(estimate, region, LEAST_P) == UNDECIDED:
        return 1.0
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        decided = decide(estimate, region, 1 - middle) != UNDECIDED
        low, high = (low, middle) if decided else (middle, high)
    return high


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values corrected together, by Holm's method.

    Any true statement among them is rejected with at most the chance that is asked for.

    Parameters
    ----------
    p : sequence of float
        One a statement.

    Returns
    -------
    list of float
        Corrected, in their order; 1 at most.

    Examples
    --------
    >>> from sdd.findings.rule import holm
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(np.asarray(p, float)[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected.tolist()


def judge(estimate: Estimate, region: Region, *, unit: str = "", log: bool = False) -> Verdict:
    """Judge an estimate by its interval and the region in which the claim is true.

    Parameters
    ----------
    estimate, region
        As for `decide`.
    unit : str
        Printed after the estimate.
    log : bool
        Whether the estimate is log₁₀ of a factor, which is printed in its place.

    Returns
    -------
    Verdict
        With the estimate as printed, and what would decide it.

    Examples
    --------
    >>> from sdd.findings.rule import above, judge
    >>> from sdd.measures.statistics import share
    >>> verdict = judge(share([True] * 30), above(0.8))
    >>> verdict.verdict, verdict.ours
    ('reproduced', '30 of 30 [90 %, 100 %]')
    """
    found, notes = decide(estimate, region), []
    if found == UNDECIDED:
        found, why = _undecided(estimate, region)
        notes.append(why)
    values = _values(estimate)
    if region.edge is not None and values:
        flipped = max(sign_flip(np.subtract(v, region.edge)) for v in values)
        notes.append(f"by flipped signs {p_text(flipped)}")
    ends = estimate.interval()
    told = all(map(math.isfinite, ends))
    low, high = ends if told else (None, None)
    return Verdict(
        found, _ours(estimate, unit, log), min(estimate.counts), _counted(estimate),
        "; ".join(notes), p_value(estimate, region), estimate.confidence if told else None,
        estimate.value, low, high, _averaged(estimate),
    )  # fmt: skip


def _averaged(estimate: Estimate) -> tuple[float, ...]:
    """Return one value a training, of the one number that a lowest of several is."""
    while isinstance(estimate, Lowest):
        estimate = next(e for e in estimate.of if e.value == estimate.value)
    return estimate.values if isinstance(estimate, Mean) else ()


def _undecided(estimate: Estimate, region: Region) -> tuple[str, str]:
    """Return which verdict an undecided claim gets, and what would decide it."""
    if not all(map(math.isfinite, estimate.interval(times=math.inf))):
        return UNDECIDED, "one training has no spread"
    if decide(estimate, region, times=math.inf) != UNDECIDED:
        return UNDECIDED, _more(estimate, region)
    if published := getattr(estimate, "published", 0.0):
        known = f"the published value is known only to ± {2 * published:.2g}"
        return UNDECIDABLE, f"at this mean no number of trainings would decide: {known}"
    return UNDECIDED, "at this mean no number of trainings would decide: the test set is too small"


def _more(estimate: Estimate, region: Region) -> str:
    """Return how many more trainings would decide, if mean and spread stayed as seen."""
    n = min(estimate.counts)

    def enough(more: int) -> bool:
        return decide(estimate, region, times=(n + more) / n) != UNDECIDED

    if not enough(MOST):
        return f"more than {MOST:,} further trainings would be needed"
    low, high = 0, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    each = " at each" if len(estimate.counts) > 1 else ""
    return f"about {high} further training{'s' * (high > 1)}{each} would decide"


def _values(estimate: Estimate) -> list[tuple[float, ...]]:
    """Return the values of each mean, where flipping signs tells of all of them; else none.

    It knows nothing of other errors, and is left out where that of the test set is the larger one.
    """
    parts = estimate.of if isinstance(estimate, Lowest) else (estimate,)
    values = [
        part.values
        for part in parts
        if isinstance(part, Mean) and not part.published
        if all(part.error**2 <= variance / n for variance, n in part.parts)
    ]
    return values if len(values) == len(parts) and min(map(len, values)) >= FLIPS_FROM else []


def _counted(estimate: Estimate) -> str:
    """Return in words how many trainings an estimate was made from."""
    low, high = min(estimate.counts), max(estimate.counts)
    number = f"{low}" if low == high else f"{low} to {high}"
    each = " each" if len(estimate.counts) > 1 else ""
    return f"{number} training{'s' * (high > 1)}{each}"


def p_text(p: float) -> str:
    """Return a p-value as it is printed.

    Parameters
    ----------
    p : float
        In [0, 1].

    Returns
    -------
    str
        To two digits; "p < 0.0001" where it is smaller.

    Examples
    --------
    >>> from sdd.findings.rule import p_text
    >>> p_text(0.0123), p_text(1e-7)
    ('p = 0.012', 'p < 0.0001')
    """
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"


def _ours(estimate: Estimate, unit: str, log: bool) -> str:
    """Return an estimate with its interval, as printed: to two digits of its half width."""
    low, high = estimate.interval()
    if isinstance(estimate, Share):  # rounded outwards
        bounds = f"[{math.floor(100 * low)} %, {math.ceil(100 * high)} %]"
        return f"{estimate.successes:g} of {estimate.n} {bounds}"
    value = estimate.value
    if log:
        value, low, high = (10 ** min(max(x, -300.0), 300.0) for x in (value, low, high))
    return ("a factor of " if log else "") + shown(value, low, high, unit)


def shown(value: float, low: float, high: float, unit: str = "") -> str:
    """Return an estimate with its interval, to two digits of the interval's half width."""
    half = (high - low) / 2
    if not half < 1e200:
        return f"{value:.3g}{unit} (no interval)"
    if half <= 1e-9 * abs(value):
        return f"{value:.4g}{unit} (no spread)"
    digits = 1 - math.floor(math.log10(half))
    v, a, b = (f"{round(x, digits):z,.{max(digits, 0)}f}" for x in (value, low, high))
    return f"{v}{unit} [{a}, {b}]"


# --- What the rule does -------------------------------------------------------------------------

OLD, NEW = "mean above two standard deviations", "99 % interval above zero"


def behaviour(
    effects: Sequence[float] = (0.0, 0.6, 1.2, 2.0),
    trainings: Sequence[int] = (2, 3, 4, 6, 8, 12, 17, 24, 32),
    repeats: int = 1_000,
) -> pd.DataFrame:
    """Return how often a mean is said to be above zero, by simulation with a fixed seed.

    Values of trainings are drawn from normal distributions whose mean is an ``effect``, in units
    of their standard deviation.

    Parameters
    ----------
    effects : sequence of float
        Means, in standard deviations.
    trainings : sequence of int
        Numbers of trainings, two or more.
    repeats : int
        How often each is simulated.

    Returns
    -------
    DataFrame
        A row an effect, a number of ``trainings`` and a ``rule``: this one, and the one that it
        replaced, by which a mean had to be above two standard deviations. The shares of repeats
        that were ``reproduced`` and, by this rule, ``contradicted``.

    Examples
    --------
    >>> from sdd.findings.rule import behaviour
    >>> found = behaviour(effects=[0.0, 2.0], trainings=[8], repeats=100)
    >>> bool(found["reproduced"].iloc[0] < 0.05), bool(found["reproduced"].iloc[2] > 0.8)
    (True, True)
    """
    drawn = np.random.default_rng(0).normal(size=(repeats, max(trainings)))
    rows: list[tuple[float, int, str, float, float]] = []
    for effect in effects:
        for n in trainings:
            values = drawn[:, :n] + effect
            said = [decide(mean(v), above(0)) for v in values]
            old = values.mean(1) > 2 * values.std(1, ddof=1)
            rows.append((effect, n, NEW, said.count(REPRODUCED), said.count(CONTRADICTED)))
            rows.append((effect, n, OLD, int(old.sum()), math.nan))
    columns = ["effect", "trainings", "rule", "reproduced", "contradicted"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(**{name: frame[name] / repeats for name in columns[3:]})
