"""The rules by which a claim is judged: from numbers over seeds to a verdict.

`judge_value`: agrees with a published value within two standard deviations over seeds plus the
reading error. `judge_sign`: has the claimed sign beyond two standard deviations. `judge_each`: a
statement about every run, judged run by run. Where the tolerance exceeds the effect (the distance
to what one would see were the claim wrong), a claim is not judged.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

from sdd.measures.statistics import spread

__all__ = [
    "NOISY",
    "NOT",
    "PARTLY",
    "REPRODUCED",
    "SMALL",
    "Verdict",
    "combine",
    "judge_each",
    "judge_sign",
    "judge_value",
]

REPRODUCED = "reproduced"
PARTLY = "partly"
NOT = "not reproduced"
NOISY = "not judged (too noisy)"
SMALL = "not judged at this size"


@dataclass(frozen=True)
class Verdict:
    """A verdict with the numbers that it follows from, as the scorecard prints them."""

    verdict: str
    ours: str
    spread: str


def judge_value(
    values: Collection[float],
    published: float,
    *,
    effect: float,
    reading: float = 0.0,
    digits: int = 3,
    unit: str = "",
    of: str = "seeds",
) -> Verdict:
    """Judge whether values over seeds agree with a published one.

    Parameters
    ----------
    values : collection of float
        One value a seed.
    published : float
        The published (or predicted) value.
    effect : float
        Distance from the published value to what one would see were the claim wrong.
    reading : float
        Reading error of the published value.
    digits : int
        Digits after the point in what is printed.
    unit, of : str
        Printed after the values, and what there is one value of each, where that is not a seed.

    Returns
    -------
    Verdict
        "not judged (too noisy)" where the tolerance, 2 standard deviations + reading, exceeds
        the effect, and where there is one seed only; else by |mean − published| ≤ tolerance.
    """
    mean, sd = spread(values)
    tolerance = 2 * sd + reading
    ours = f"{mean:.{digits}f}{unit}"
    if math.isnan(sd):
        return Verdict(NOISY, ours, "one seed")
    text = (
        f"sd {sd:.{digits}f} ({len(values)} {of}), tolerance {tolerance:.{digits}f}, "
        f"effect {effect:.{digits}f}"
    )
    if tolerance > effect:
        return Verdict(NOISY, ours, text)
    return Verdict(REPRODUCED if abs(mean - published) <= tolerance else NOT, ours, text)


def judge_sign(
    values: Collection[float], *, noise: float = 0.0, digits: int = 3, label: str = ""
) -> Verdict:
    """Judge whether a quantity is positive beyond the spread over seeds.

    Parameters
    ----------
    values : collection of float
        One value a seed; the claim says that the quantity is positive.
    noise : float
        Further uncertainty of each value, such as two standard errors of a test loss.
    digits : int
        Digits after the point in what is printed.
    label : str
        Printed before the value.

    Returns
    -------
    Verdict
        The effect is |mean|. "not judged (too noisy)" where the tolerance, 2 standard deviations
        + noise, exceeds it, and where there is one seed only; else by the sign of the mean.
    """
    mean, sd = spread(values)
    ours = f"{label}{mean:+.{digits}f}"
    if math.isnan(sd):
        return Verdict(NOISY, ours, "one seed")
    tolerance = 2 * sd + noise
    text = f"sd {sd:.{digits}f} ({len(values)} seeds), tolerance {tolerance:.{digits}f}"
    if tolerance > abs(mean):
        return Verdict(NOISY, ours, text)
    return Verdict(REPRODUCED if mean > 0 else NOT, ours, text)


def judge_each(holds: Collection[bool], what: str, of: str = "run") -> Verdict:
    """Judge a statement about every run: reproduced if all meet it, partly if some, else not.

    Parameters
    ----------
    holds : collection of bool
        Of each run, or of each of what `of` names in the singular, whether it meets the statement.
    what : str
        The statement, as printed before the counts.
    """
    if not len(holds):
        return Verdict(NOISY, f"no {of}s", "")
    verdict = REPRODUCED if all(holds) else PARTLY if any(holds) else NOT
    return Verdict(verdict, f"{what} in {sum(holds)} of {len(holds)} {of}s", f"each {of} judged")


def combine(parts: dict[str, Verdict]) -> Verdict:
    """Judge a claim of several parts.

    All parts reproduced: reproduced. None reproduced, and some not: not reproduced. None judged:
    too noisy. Otherwise (some reproduced, others not or too noisy): partly.
    """
    verdicts = {v.verdict for v in parts.values()}
    if len(verdicts) == 1:
        verdict = verdicts.pop()
    else:
        verdict = NOT if verdicts == {NOT, NOISY} else PARTLY
    return Verdict(
        verdict if parts else NOISY,
        "; ".join(f"{k}: {v.ours}" for k, v in parts.items()) or "no runs",
        "; ".join(f"{k}: {v.spread}" for k, v in parts.items() if v.spread),
    )
