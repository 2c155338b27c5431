"""The claims of the paper's body, F1 to F4, as checks on the runs behind its figures."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sdd import metrics, paper, theory
from sdd.claims.claim import Claim, label
from sdd.evidence import Evidence
from sdd.judging import (
    NOT,
    REPRODUCED,
    Verdict,
    combine,
    judge_each,
    judge_sign,
    judge_value,
)
from sdd.summary import Summary, five_apart, spread

__all__ = [
    "CLAIMS",
    "angle_error",
    "bump",
    "failed",
    "five_D",
    "predicted_D",
    "split_lengths",
]


# --- F1: features at T = infinity ---------------------------------------------------------------


def angle_error(s: Summary) -> float:
    """Return by how many degrees, at most, the gaps between the five features differ from 72°."""
    return metrics.equal_angle_error(s.features[metrics.strongest(s.features, 5)])


def five_D(s: Summary) -> float:
    """Return the mean D of the five features of largest D."""
    return float(s.feature_D[:5].mean())


def split_lengths(s: Summary) -> tuple[float, float]:
    """Return r², the mean squared length of the five features, and R², all others' sum."""
    squares = (s.features.astype(float) ** 2).sum(1)
    five = metrics.strongest(s.features, 5)
    return float(squares[five].mean()), float(squares.sum() - squares[five].sum())


def predicted_D(s: Summary) -> float:
    """Return the D that `theory` predicts for a run's pentagon from its settings and its r."""
    config = s.run.config
    return theory.predicted_pentagon_dimensionality(
        math.sqrt(split_lengths(s)[0]),
        s.run.W.shape[1],
        config.weight_decay,
        float(config.rates().sum()),
        gain=config.gain,
    )


# Half way from the pentagon's 72° to the hexagon's 60°.
_ANGLE = 6.0


def _angles(e: Evidence) -> Verdict:
    errors = [angle_error(s) for s in e.shown_fresh]
    listed = ", ".join(f"{v:.1f}°" for v in errors)
    return judge_each(
        [v <= _ANGLE for v in errors], f"largest deviation {listed}: within {_ANGLE}°"
    )


def _same_on_batches(e: Evidence) -> Verdict:
    reference = {s.seed: five_D(s) for s in e.shown_fresh}
    # Wrong would be another polygon: each corner of a square has 2/4 where we expect 2/5.
    effect = float(np.mean(list(reference.values()))) / 4
    parts = {}
    for batch, _ in e.profile.fresh[1:]:
        other = [s for s in e.fresh if s.batch == batch and s.seed in reference]
        differences = [five_D(s) - reference[s.seed] for s in other]
        parts[f"{batch:,} rows"] = judge_value(differences, 0, effect=effect)
    return combine(parts)


# --- F2: data points in superposition -----------------------------------------------------------


def failed(T: float, losses: np.ndarray | float) -> np.ndarray:
    """Tell which training losses show that a point was lost: above half of one point's share."""
    return np.asarray(losses) > 0.5 / T


def _polygon(T: int) -> Callable[[Evidence], Verdict]:
    def check(e: Evidence) -> Verdict:
        found = e.at(T)
        lowest = [float(s.example_D.min()) for s in found]
        highest = [float(s.example_D.max()) for s in found]
        # Wrong would be a point off the ring (D near 0), or a corner fewer for the others.
        return combine(
            {
                "lowest D": judge_value(lowest, 2 / T, reading=paper.D_READING, effect=2 / T),
                "highest D": judge_value(
                    highest, 2 / T, reading=paper.D_READING, effect=2 / (T - 1) - 2 / T
                ),
                # The spread over seeds must not excuse polygons that are all irregular.
                "regular": judge_each(
                    [
                        float(np.abs(s.example_D - 2 / T).max()) <= 2 * paper.D_READING
                        for s in found
                    ],
                    f"every D within {2 * paper.D_READING} of 2/{T}",
                ),
                "ring": judge_each(
                    [bool(metrics.on_ring(s.hidden).all()) for s in found], f"all {T} on it"
                ),
            }
        )

    return check


def _eight_fails(e: Evidence) -> Verdict:
    lost = [failed(8, s.run.restart_losses) for s in e.at(8)]
    kept = [bool(failed(8, s.run.train_loss)) for s in e.at(8)]
    inner = [8 - int(metrics.on_ring(s.hidden).sum()) for s in e.at(8)]
    return Verdict(
        REPRODUCED if any(k.any() for k in lost) else NOT,
        f"{sum(int(k.sum()) for k in lost)} of {sum(k.size for k in lost)} trainings failed; "
        f"of the {len(kept)} kept ones {sum(kept)}; inner points in those kept: "
        + ", ".join(map(str, inner)),
        "failed: training loss above 1/16, half of one point's share; one failure suffices",
    )


def _ring_of_30(e: Evidence) -> Verdict:
    counts = [int(metrics.on_ring(s.hidden).sum()) for s in e.at(30)]
    middle = float(np.mean(paper.RING_OF_30))
    return judge_value(counts, middle, reading=1.0, effect=30 - middle, digits=1, unit=" of 30")


# --- F3 and F4: regimes -------------------------------------------------------------------------


def _large(e: Evidence) -> list[float]:
    """Sizes of the generalising regime: T from 10,000 on, and ∞."""
    return [*e.between(10_000, math.inf), math.inf]


def _apart_from_10k(e: Evidence) -> Verdict:
    return judge_each([five_apart(s) for T in _large(e) for s in e.at(T)], "five features apart")


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


def _top(table: dict[float, float]) -> float:
    return max(table, key=lambda T: table[T])


def _length_peak(e: Evidence) -> Verdict:
    tables = _by_seed(e, lambda s: float(np.linalg.norm(s.hidden, axis=1).max()))
    tops = [_top(t) for t in tables]
    at = ", ".join(f"{T:,}" for T in tops)
    return judge_each([15 <= T <= 50 for T in tops], f"at T = {at}: between 15 and 50")


def _W_height(e: Evidence) -> Verdict:
    tables = _by_seed(e, lambda s: s.norms[0])
    values = [max(t.values()) for t in tables]
    listed = ", ".join(f"{v:.1f} (T = {_top(t):,})" for v, t in zip(values, tables, strict=True))
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
        [_top(t) for t in _by_seed(e, lambda s, k=k: s.norms[k])]  # type: ignore[misc]
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
            "large T": judge_each([s.norms[1] < 1 for T in _large(e) for s in e.at(T)], "‖b‖ < 1"),
        }
    )


# --- F3 top: test loss --------------------------------------------------------------------------


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
        top = _top(middle)
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
    found = {T: check(T) for T in _large(e)}
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


_F1 = "F1, section on the infinite-data regime"
_F2 = "F2, section on data points in superposition"
_F3 = "F3, section on double descent"
_F4 = "F4, section on the two regimes"
_D = f"± {paper.D_READING} (fig)"

_PENTAGON = "book/setup.html#fig-pentagon"
_POLYGONS = "book/data-points.html#fig-polygons"
_BANDS = "book/regimes.html#fig-dimensionality"
_LENGTHS = "book/regimes.html#fig-common-scale"
_NORMS = "book/regimes.html#fig-norms"
_LOSS = "book/double-descent.html#fig-double-descent"

CLAIMS = (
    Claim("F1-pentagon", _F1, "With unlimited data five features stand apart from all others",
          "five features (fig)", _PENTAGON,
          lambda e: judge_each([five_apart(s) for s in e.shown_fresh], "five features apart")),
    Claim("F1-angles", _F1, "The five features are at equal angles, 72° apart",
          "equal angles (fig)", _PENTAGON, _angles),
    Claim("F1-D", _F1, "Mean D of the five features", f"0.255 {_D}", _PENTAGON,
          lambda e: judge_value([five_D(s) for s in e.shown_fresh], paper.FEATURE_D[math.inf][0],
                                reading=paper.D_READING, effect=2 / 5 - 0.255), at_quick=False),
    Claim("F1-D-theory", "ours, tested on F1",
          "Measured D of the five less the D predicted from the initialisation and its decay",
          "0 (formula)", _PENTAGON,
          lambda e: judge_value([five_D(s) - predicted_D(s) for s in e.shown_fresh], 0,
                                effect=2 / 5 - 0.255)),
    Claim("F1-batch", "ours: the paper states no batch size",
          "The D of the five does not hang on the number of fresh rows a step: difference from "
          "the number shown", "0 (expected)", _PENTAGON, _same_on_batches),
    *(Claim(f"F2-T{T}", _F2, f"At T = {T} data points form a regular {T}-gon, each with D = 2/{T}",
            f"{2 / T:.3f} {_D}", _POLYGONS, _polygon(T))
      for T in (5, 6, 10)),
    Claim("F2-T8", _F2, "At T = 8 training can fail: some points are left off the ring",
          "the one model shown: a fan of 6, and 2 inner points (fig)", _POLYGONS, _eight_fails),
    Claim("F2-T30", _F2, "At T = 30 about 21 points are on the ring (longer than half the longest)",
          "21 to 22 ± 1 (fig)", _POLYGONS, _ring_of_30, at_quick=False),
    Claim("F3-features", _F3, "From T = 10,000 five features stand apart (D₅ ≥ 1.5 D₆, D₅ ≥ 0.15)",
          "five stand apart (fig)", _BANDS, _apart_from_10k),
    Claim("F3-D", _F3, "First and fifth D of the features at T = 10,000",
          f"0.25 and 0.23 {_D}", _BANDS, _D_at_10k, at_quick=False),
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
    Claim("F3-floor", _F3, "Up to T = 2,000 no test loss is below that of the best constant output",
          "none (fig)", _LOSS, _floor),
    Claim("F3-above-one", _F3, "From T = 15 to 200 the test loss is above 1: worse than no output",
          "1.0015 to 1.022 ± 0.0003 (fig; judged by the sign)", _LOSS, _above_one, at_quick=False),
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
