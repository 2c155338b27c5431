"""The one rule by which a claim is judged: from an estimate and a region to a verdict.

A claim names an estimand θ (which number, averaged over which trainings) and a `Region` C in which
the claim is true, both before the runs that judge it are trained. From the runs comes an interval
for θ, of 99 % confidence (a share: exact bounds, each of 95 %). Inside C, the claim is *reproduced*;
wholly outside, *contradicted*; otherwise it is *undecided*, with the number of further trainings
that would decide it at the spread seen, or *undecidable from the published figure* where endless
trainings would not decide it, because the published value is too coarse.

Claims that are headlines are corrected together, by Holm's method (`holm`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdd.measures.statistics import Estimate, Mean, sign_flip

__all__ = [
    "CONTRADICTED", "REPRODUCED", "SMALL", "UNDECIDABLE", "UNDECIDED", "USUALLY", "Region",
    "Verdict", "above", "below", "between", "decide", "holm", "judge", "p_value", "within",
]  # fmt: skip

REPRODUCED = "reproduced"
CONTRADICTED = "contradicted"
UNDECIDED = "undecided"
UNDECIDABLE = "undecidable from the published figure"
SMALL = "not judged at this size"

MOST = 1_000  # further trainings beyond which their number is not told
FLIPS_FROM = 8  # values from which on the test by flipped signs is shown, too


@dataclass(frozen=True)
class Region:
    """The open interval in which a claim is true, and what it is called."""

    low: float
    high: float
    text: str


def above(value: float) -> Region:
    """Return the region above a value."""
    return Region(value, math.inf, f"above {value:g}")


def below(value: float) -> Region:
    """Return the region below a value."""
    return Region(-math.inf, value, f"below {value:g}")


def between(low: float, high: float) -> Region:
    """Return the region between two values."""
    return Region(low, high, f"{low:g} to {high:g}")


def within(published: float, delta: float) -> Region:
    """Return the region around a published value.

    `delta` is at most half the distance to what one would see were the claim wrong.
    """
    return Region(published - delta, published + delta, f"{published:g} ± {delta:.2g}")


# In at least nine of ten trainings.
USUALLY = Region(0.9, math.inf, "at least 90 %")


@dataclass(frozen=True)
class Verdict:
    """A verdict with the numbers that it follows from.

    ``ours``: the estimate with its interval; ``trainings``: how many; ``note``: what would decide
    it, and the test by flipped signs; ``p``: `p_value`.
    """

    verdict: str
    ours: str
    trainings: int
    note: str
    p: float


def decide(
    estimate: Estimate, region: Region, confidence: float | None = None, times: float = 1.0
) -> str:
    """Return the verdict by the interval alone, had there been so many times the trainings."""
    low, high = estimate.interval(confidence, times)
    if region.low < low and high < region.high:
        return REPRODUCED
    return CONTRADICTED if high <= region.low or region.high <= low else UNDECIDED


def p_value(estimate: Estimate, region: Region) -> float:
    """Return the least 1 − confidence at which the interval decides; 1 where none does."""
    low, high = 1e-15, 1.0
    if decide(estimate, region, 1e-9) == UNDECIDED:
        return 1.0
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        decided = decide(estimate, region, 1 - middle) != UNDECIDED
        low, high = (low, middle) if decided else (middle, high)
    return high


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values corrected together, by Holm's method.

    Any true statement among them is rejected with at most the chance that is asked for.
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(np.asarray(p, float)[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected.tolist()


def judge(estimate: Estimate, region: Region, *, unit: str = "") -> Verdict:
    """Judge an estimate by its interval and the region in which the claim is true."""
    found, notes = decide(estimate, region), []
    low, high = estimate.interval()
    if found == UNDECIDED:
        if estimate.n > 1 and decide(estimate, region, times=math.inf) == UNDECIDED:
            found = UNDECIDABLE if getattr(estimate, "published", 0.0) else UNDECIDED
            width = 2 * getattr(estimate, "published", 0.0)
            notes.append(
                f"the published value is known to ± {width:.2g}" if width
                else "more trainings would not decide it: the test set's error is too large"
            )  # fmt: skip
        else:
            notes.append(_more(estimate, region))
    if (
        isinstance(estimate, Mean)
        and len(estimate.paired) >= FLIPS_FROM
        and region.high == math.inf
    ):
        flipped = sign_flip(np.subtract(estimate.paired, region.low))
        notes.append(f"by flipped signs p = {flipped:.2g}")
    text = shown(estimate.value, low, high, unit)
    return Verdict(found, text, estimate.n, "; ".join(notes), p_value(estimate, region))


def shown(value: float, low: float, high: float, unit: str = "") -> str:
    """Return an estimate with its interval, to two digits of the interval's half width."""
    half = (high - low) / 2
    if not math.isfinite(half):
        return f"{value:.3g}{unit} (no interval)"
    digits = max(0, 1 - math.floor(math.log10(half))) if half > 0 else 4
    v, a, b = (f"{x:z.{digits}f}" for x in (value, low, high))
    return f"{v}{unit} [{a}, {b}]"


def _more(estimate: Estimate, region: Region) -> str:
    """Return how many more trainings would decide, at the spread seen."""
    if estimate.n == 1:
        return "one training has no spread"

    def enough(n: int) -> bool:
        return decide(estimate, region, times=n / estimate.n) != UNDECIDED

    most = estimate.n + MOST
    if not enough(most):
        return f"more than {MOST:,} further trainings would be needed"
    low, high = estimate.n, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return f"about {high - estimate.n} further training{'s' * (high - estimate.n > 1)} would decide"
