"""Claims on F3, above: the test loss against T, and its bump."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sdd import paper
from sdd.findings.claims.claim import Claim, label
from sdd.findings.claims.regimes import highest, large
from sdd.findings.evidence import Evidence
from sdd.findings.rule import Verdict, combine, judge_each, judge_sign, judge_value

__all__ = ["CLAIMS", "bump"]


def _floor(e: Evidence) -> Verdict:
    constant, error = e.constant
    runs = [s for T in e.sizes if T <= e.profile.size(2_000) for s in e.at(T)]
    above = [s.run.test_loss - constant > 2 * math.hypot(s.run.test_error, error) for s in runs]
    least = min(s.run.test_loss - constant for s in runs)
    return judge_each(above, f"least excess {least:+.4f}: above by two standard errors")


def _above_one(e: Evidence) -> Verdict:
    parts = {}
    for T in (15, 30, 50, 100, 200):
        if found := e.at(T):
            noise = 2 * max(s.run.test_error for s in found)
            parts[label(T)] = judge_sign([v - 1 for v in e.losses(T)], noise=noise, digits=4)
    return combine(parts)


# T: reading error of its published test loss; the curve is steep up to T = 15.
_READ_AT = {
    T: paper.BUMP_READING if T < 30 else paper.LOSS_READING for T in (8, 15, 30, 50, 100, 200)
}


def _memorising(e: Evidence) -> Verdict:
    return combine(
        {
            label(T): judge_value(
                e.losses(T), paper.TEST_LOSS[T], reading=reading, digits=4,
                # Wrong would be the loss of no output: with that all points are left alone.
                effect=abs(paper.TEST_LOSS[T] - 1),
            )
            for T, reading in _READ_AT.items() if e.at(T)
        }
    )  # fmt: skip


def bump(e: Evidence) -> tuple[list[float], list[float], list[float]]:
    """Return, for each data seed, where the bump peaks, its height, and its rise.

    The rise is the height above the higher of the two ends (T = 500 and 5,000 at the published
    size), with the mean over seeds at an end where a seed has no run.
    """
    inner = e.between(500, 5_000)
    ends = (min(inner), max(inner))
    places: list[float] = []
    heights: list[float] = []
    rises: list[float] = []
    for seed in sorted({s.seed for s in e.at(ends[0])}):
        loss = {T: {s.seed: s.run.test_loss for s in e.at(T)}.get(seed) for T in inner}
        middle = {T: v for T, v in loss.items() if v is not None and T not in ends}
        top = highest(middle)
        sides = [v if (v := loss[T]) is not None else float(np.mean(e.losses(T))) for T in ends]
        places.append(top)
        heights.append(middle[top])
        rises.append(middle[top] - max(sides))
    return places, heights, rises


def _bump_noise(e: Evidence) -> float:
    return 2 * max(s.run.test_error for T in e.between(500, 5_000) for s in e.at(T))


def _bump_rises(e: Evidence) -> Verdict:
    return judge_sign(bump(e)[2], noise=_bump_noise(e), digits=4)


def _bump_each(e: Evidence) -> Verdict:
    rises = bump(e)[2]
    listed = ", ".join(f"{r:+.4f}" for r in rises)
    return judge_each([r > _bump_noise(e) for r in rises], f"rise {listed}: above two errors")


def _bump_place(e: Evidence) -> Verdict:
    expected = e.profile.size(2_000)
    places, _, rises = bump(e)
    at = ", ".join(f"{T:,}" for T in places)
    holds = [T == expected and r > _bump_noise(e) for T, r in zip(places, rises, strict=True)]
    compete = " and ".join(f"{T:,}" for T in e.between(500, 5_000)[1:-1])
    return judge_each(holds, f"highest at T = {at} (of {compete}): a bump at {expected:,}")


def _bump_height(e: Evidence) -> Verdict:
    return judge_value(
        e.losses(e.profile.size(2_000)),
        paper.TEST_LOSS[2_000],
        reading=paper.BUMP_READING,
        effect=paper.TEST_LOSS[2_000] - paper.TEST_LOSS[1_000],
        digits=4,
    )


def _at_large(e: Evidence, check: Callable[[float], Verdict]) -> Verdict:
    """Combine a check at every large T; where there is one seed only it is shown, not judged."""
    found = {T: check(T) for T in large(e)}
    single = {T for T in found if len(e.at(T)) == 1}
    if single == set(found):
        single = set()
    verdict = combine({label(T): v for T, v in found.items() if T not in single})
    shown = [f"{label(T)}: {found[T].ours} (one seed, not judged)" for T in sorted(single)]
    return replace(verdict, ours="; ".join([verdict.ours, *shown]))


def _below(e: Evidence, level: float) -> Verdict:
    def check(T: float) -> Verdict:
        noise = 2 * max(s.run.test_error for s in e.at(T))
        return judge_sign([level - v for v in e.losses(T)], noise=noise, digits=4)

    return _at_large(e, check)


def _near_plateau(e: Evidence) -> Verdict:
    published, reading = paper.TEST_LOSS[math.inf], paper.LOSS_READING
    effect = e.constant[0] - published  # wrong would be what a constant scores
    return _at_large(
        e,
        lambda T: judge_value(e.losses(T), published, reading=reading, effect=effect, digits=5),
    )


_F3 = "F3, section on double descent"
_LOSS = "book/double-descent.html#fig-double-descent"

CLAIMS = (
    Claim("F3-floor", _F3, "Up to T = 2,000 no test loss is below that of the best constant output",
          "none (fig)", _LOSS, _floor),
    Claim("F3-above-one", _F3, "From T = 15 to 200 the test loss is above 1: worse than no output",
          "1.0015 to 1.022 ± 0.0003 (fig; judged by the sign)", _LOSS, _above_one, at_quick=False),
    Claim("F3-small", _F3, "Test losses of small training sets",
          "; ".join(f"{label(T)}: {paper.TEST_LOSS[T]:g} ± {v:g}" for T, v in _READ_AT.items())
          + " (fig)", _LOSS, _memorising, at_quick=False),
    Claim("F3-bump", _F3, "Between T = 500 and 5,000 the test loss rises above both ends",
          "+0.0145 ± 0.002 (fig; judged by its sign)", _LOSS, _bump_rises),
    Claim("F3-bump-each", "ours, beside F3",
          "In every data seed the loss rises there, by more than twice the largest error",
          "mean of four seeds only (fig)", _LOSS, _bump_each),
    Claim("F3-bump-place", _F3, "The bump peaks at T = 2,000", "T = 2,000 (fig)", _LOSS,
          _bump_place),
    Claim("F3-bump-height", _F3, "Test loss on the bump, at T = 2,000", "1.015 ± 0.002 (fig)",
          _LOSS, _bump_height, at_quick=False),
    Claim("F3-below-one", _F3, "From T = 10,000 on the test loss is below 1: by how much",
          "0.0012 ± 0.0003 (fig; judged by its sign)", _LOSS, lambda e: _below(e, 1.0)),
    Claim("F3-below-constant", "ours, tested on F3",
          "From T = 10,000 on the test loss is below the best constant output's: by how much",
          "not stated", _LOSS, lambda e: _below(e, e.constant[0])),
    Claim("F3-plateau", _F3, "From T = 10,000 on the test loss is near 0.9988",
          "0.9988 ± 0.0003 (fig)", _LOSS, _near_plateau, at_quick=False),
)  # fmt: skip
