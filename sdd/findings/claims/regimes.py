"""Claims on F3, below, and F4: which T stores data points, which features, and their lengths."""

import math
from collections.abc import Callable

import numpy as np

from sdd import paper
from sdd.findings.claims.claim import Claim
from sdd.findings.evidence import Evidence
from sdd.findings.rule import Verdict, combine, judge_each, judge_sign, judge_value
from sdd.measures.summary import Summary, five_apart, spread

__all__ = ["CLAIMS", "highest", "large"]


def large(e: Evidence) -> list[float]:
    """Return the sizes of the generalising regime: T from 10,000 on, and ∞."""
    return [*e.between(10_000, math.inf), math.inf]


def _apart_from_10k(e: Evidence) -> Verdict:
    return judge_each([five_apart(s) for T in large(e) for s in e.at(T)], "five features apart")


def _D_at_10k(e: Evidence) -> Verdict:
    found = e.at(e.profile.size(10_000))
    low, high = paper.FEATURE_D[10_000]
    # Wrong would be features as at T = 5,000, where none stands apart.
    before = e.at(e.profile.size(5_000))
    effect = low - float(np.mean([s.feature_D[0] for s in before])) if before else low
    parts = {"fifth": (4, low), "first": (0, high)}
    return combine(
        {
            name: judge_value(
                [float(s.feature_D[k]) for s in found], D, reading=paper.D_READING, effect=effect
            )
            for name, (k, D) in parts.items()
        }
    )


def _none_before(e: Evidence) -> Verdict:
    runs = [s for T in e.sizes if 30 <= T <= e.profile.size(5_000) for s in e.at(T)]
    return judge_each([bool(s.feature_D[0] < 0.2) for s in runs], "no feature with D ≥ 0.2")


def _by_seed(e: Evidence, measure: Callable[[Summary], float]) -> list[dict[float, float]]:
    """Return a measure by T, for each data seed that was trained at every T up to 2,000."""
    needed = {T for T in e.sizes if T <= e.profile.size(2_000)}
    tables = []
    for seed in sorted({s.seed for s in e.finite}):
        table = {s.T: measure(s) for s in e.finite if s.seed == seed}
        if needed <= set(table):
            tables.append(table)
    return tables


def highest(table: dict[float, float]) -> float:
    """Return the T at which a measure is the highest."""
    return max(table, key=lambda T: table[T])


def _length_peak(e: Evidence) -> Verdict:
    tables = _by_seed(e, lambda s: float(np.linalg.norm(s.hidden, axis=1).max()))
    tops = [highest(t) for t in tables]
    at = ", ".join(f"{T:,}" for T in tops)
    return judge_each([15 <= T <= 50 for T in tops], f"at T = {at}: between 15 and 50")


def _W_height(e: Evidence) -> Verdict:
    tables = _by_seed(e, lambda s: s.norms[0])
    values = [max(t.values()) for t in tables]
    listed = ", ".join(f"{v:.1f} (T = {highest(t):,})" for v, t in zip(values, tables, strict=True))
    return judge_each([10 <= v < 100 for v in values], f"peak {listed}: in the tens")


def _W_level(e: Evidence) -> Verdict:
    tables = _by_seed(e, lambda s: s.norms[0])
    ratios = [t[1_000] / t[100] for t in tables]
    # Each norm is read to 5 %. Wrong would be the fall that comes later.
    fallen = float(np.mean([s.norms[0] for s in e.at(10_000)]))
    effect = 1 - fallen / float(np.mean([t[100] for t in tables]))
    return judge_value(ratios, 1, reading=2 * paper.NORM_READING, effect=effect)


def _W_plateau(e: Evidence) -> Verdict:
    before, sd = spread(s.norms[0] for s in e.at(e.profile.size(5_000)))
    after = e.at(e.profile.size(10_000))
    reading = paper.NORM_READING * paper.NORM_PLATEAU
    return combine(
        {
            "fall from T = 5,000 to 10,000": judge_sign(
                [before - s.norms[0] for s in after], noise=2 * sd, digits=2
            ),
            "T = ∞": judge_value(
                [s.norms[0] for s in e.shown_fresh],
                paper.NORM_PLATEAU,
                reading=reading,
                # Wrong would be the level from which it falls.
                effect=before - paper.NORM_PLATEAU,
                digits=2,
            ),
        }
    )


def _b_peak(e: Evidence) -> Verdict:
    W_tops, b_tops = (
        [highest(t) for t in _by_seed(e, lambda s, k=k: s.norms[k])]  # type: ignore[misc]
        for k in (0, 1)
    )
    order = {T: k for k, T in enumerate(sorted(e.sizes))}
    pairs = list(zip(W_tops, b_tops, strict=True))
    at = ", ".join(f"{W:,} and {b:,}" for W, b in pairs)
    return combine(
        {
            "‖W‖ and ‖b‖ peak": judge_each(
                [abs(order[W] - order[b]) <= 1 for W, b in pairs],
                f"at T = {at}: at the same size or the next",
            ),
            "large T": judge_each([s.norms[1] < 1 for T in large(e) for s in e.at(T)], "‖b‖ < 1"),
        }
    )


_F3 = "F3, section on double descent"
_F4 = "F4, section on the two regimes"

_BANDS = "book/regimes.html#fig-dimensionality"
_LENGTHS = "book/regimes.html#fig-common-scale"
_NORMS = "book/regimes.html#fig-norms"

CLAIMS = (
    Claim("F3-features", _F3, "From T = 10,000 five features stand apart (D₅ ≥ 1.5 D₆, D₅ ≥ 0.15)",
          "five stand apart (fig)", _BANDS, _apart_from_10k),
    Claim("F3-D", _F3, "First and fifth D of the features at T = 10,000",
          f"0.25 and 0.23 ± {paper.D_READING} (fig)", _BANDS, _D_at_10k, at_quick=False),
    Claim("F3-no-features", _F3, "From T = 30 to 5,000 no feature reaches D = 0.2",
          "none (fig)", _BANDS, _none_before),
    Claim("F4-lengths", _F4, "The longest hidden vectors are those of models around T = 30",
          "T ≈ 30 (text)", _LENGTHS, _length_peak, at_quick=False),
    Claim("F4-W-peak", _F4, "The peak of ‖W‖ is from 10 to 100 high", "tens (fig)", _NORMS,
          _W_height),
    Claim("F4-W-level", _F4, "‖W‖ is on a plateau from T = 100 to 1,000: ratio of the two ends",
          "1 ± 10 % (text)", _NORMS, _W_level, at_quick=False),
    Claim("F4-W-plateau", _F4, "‖W‖ falls in the middle regime, to near √5 for large T",
          "2.24 ± 5 % (text)", _NORMS, _W_plateau),
    Claim("F4-b", _F4, "‖b‖ peaks together with ‖W‖ and falls below 1 at large T",
          "together; below 1 (fig)", _NORMS, _b_peak, at_quick=False),
)  # fmt: skip
