"""Claims on F1 and F2: features, and data points, in superposition."""

import math
from collections.abc import Callable

import numpy as np

from sdd import paper, theory
from sdd.findings.claims.claim import Claim
from sdd.findings.evidence import Evidence
from sdd.findings.rule import NOT, REPRODUCED, Verdict, combine, judge_each, judge_value
from sdd.measures import geometry
from sdd.measures.summary import Summary, five_apart

__all__ = ["CLAIMS", "angle_error", "failed", "five_D", "predicted_D", "split_lengths"]


# --- F1: features at T = infinity ---------------------------------------------------------------


def angle_error(s: Summary) -> float:
    """Return by how many degrees, at most, the gaps between the five features differ from 72°."""
    return geometry.equal_angle_error(s.features[geometry.strongest(s.features, 5)])


def five_D(s: Summary) -> float:
    """Return the mean D of the five features of largest D."""
    return float(s.feature_D[:5].mean())


def split_lengths(s: Summary) -> tuple[float, float]:
    """Return r², the mean squared length of the five features, and R², all others' sum."""
    squares = (s.features.astype(float) ** 2).sum(1)
    five = geometry.strongest(s.features, 5)
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
                    [bool(geometry.on_ring(s.hidden).all()) for s in found], f"all {T} on it"
                ),
            }
        )

    return check


def _eight_fails(e: Evidence) -> Verdict:
    lost = [failed(8, s.run.restart_losses) for s in e.at(8)]
    kept = [bool(failed(8, s.run.train_loss)) for s in e.at(8)]
    inner = [8 - int(geometry.on_ring(s.hidden).sum()) for s in e.at(8)]
    return Verdict(
        REPRODUCED if any(k.any() for k in lost) else NOT,
        f"{sum(int(k.sum()) for k in lost)} of {sum(k.size for k in lost)} trainings failed; "
        f"of the {len(kept)} kept ones {sum(kept)}; inner points in those kept: "
        + ", ".join(map(str, inner)),
        "failed: training loss above 1/16, half of one point's share; one failure suffices",
    )


def _ring_of_30(e: Evidence) -> Verdict:
    counts = [int(geometry.on_ring(s.hidden).sum()) for s in e.at(30)]
    middle = float(np.mean(paper.RING_OF_30))
    return judge_value(counts, middle, reading=1.0, effect=30 - middle, digits=1, unit=" of 30")


_F1 = "F1, section on the infinite-data regime"
_F2 = "F2, section on data points in superposition"
_D = f"± {paper.D_READING} (fig)"

_PENTAGON = "book/setup.html#fig-pentagon"
_POLYGONS = "book/data-points.html#fig-polygons"

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
)  # fmt: skip
