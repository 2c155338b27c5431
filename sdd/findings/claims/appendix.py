"""Claims on F5, on the paper's appendix (A1, A2), and on the small problem (Hobbhahn's, C2)."""

import math
from collections.abc import Sequence

import numpy as np

from sdd import paper
from sdd.findings.claims.claim import Claim
from sdd.findings.evidence import Evidence
from sdd.findings.grids import baselines, chance, grid, region_by_chance, regions
from sdd.findings.rule import (
    NOISY,
    NOT,
    PARTLY,
    REPRODUCED,
    Verdict,
    combine,
    judge_each,
    judge_sign,
    judge_value,
)
from sdd.measures.summary import Summary

__all__ = ["CLAIMS", "late", "rescaled"]

STEADY_FROM = 3  # m above which optimisation is said to be steadier


def rescaled(e: Evidence) -> list[Summary]:
    """Return the runs of the small problem whose ε is rescaled along with n and S."""
    return [s for s in e.of("small-problem") if s.run.config.eps != paper.EPS]


def late(found: Sequence[Summary]) -> list[Summary]:
    """Return the runs from the twin of T = 500 on, where the rise to the bump of F3 begins.

    At smaller T points are still memorised: what the loss does there is another matter.
    """
    return [s for s in found if s.T >= paper.rescaled_size(500, s.run.W.shape[1])]


# --- F5: bigger models, more data ---------------------------------------------------------------


def _hurts(e: Evidence, axis: int) -> Verdict:
    """Judge whether there is a region where steps along an axis hurt (`Grid.hurts`)."""
    g = grid(e.of("width"), "m")
    rise, _, noise = g.rises(axis)
    marked = g.hurts(axis)
    largest, least = max(regions(marked), default=0), region_by_chance(*g.losses.shape, axis)
    models = g.losses.shape[2]
    ours = f"{marked.sum()} of {marked.size} steps hurt, {largest} of them in one region"
    text = (
        f"{models} models a cell, tolerance step by step; by chance {chance(models):.0%} of steps, "
        f"and less than {least} in one region"
    )
    if largest >= least:
        return Verdict(REPRODUCED, ours, text)
    if largest:
        return Verdict(PARTLY, ours, text)
    # Rises that only the spread over models keeps from counting leave the claim open.
    hidden = (rise > noise) & ~marked
    return Verdict(NOISY if hidden.any() else NOT, ours, text)


def _steadier(e: Evidence) -> Verdict:
    g = grid(e.of("width"), "m")
    few = np.array(g.values) <= STEADY_FROM
    below, above = (np.sqrt((g.sd[rows] ** 2).mean(axis=0)) for rows in (few, ~few))
    ratio = math.exp(float(np.log(below / above).mean()))
    return judge_each(list(below > above), f"ratio {ratio:.1f} (mean over T); above 1", "size")


def _moves(e: Evidence) -> Verdict:
    """Judge the slope of log T, at the top of the bump, against log m, seed by seed."""
    g = grid(e.of("width"), "m")
    found = [g.own_bumps(m) for m in g.values]
    heights, tops = (np.array(column).T for column in zip(*found, strict=True))
    m = np.array(g.values)
    slopes = [
        _slope(m[bumps], np.log10(T[bumps]))
        for T, bumps in zip(tops, heights > [g.noise(v) for v in g.values], strict=True)
        if bumps.sum() >= 3  # else there is no trend to speak of
    ]
    if not slopes:
        return Verdict(NOISY, "fewer than three m with a bump", "")
    return judge_sign(slopes, digits=2, label="T of the top ∝ m to the power ")


def _slope(setting: Sequence[float] | np.ndarray, y: np.ndarray) -> float:
    """Return the slope of y per tenfold setting, by least squares (rounded: zero is zero)."""
    return round(float(np.polyfit(np.log10(setting), y, 1)[0]), 9)


# --- A1, A2: weight decay and steps -------------------------------------------------------------


def _trend(e: Evidence, experiment: str, setting: str, sign: int) -> Verdict:
    """Judge whether a bump grows (sign 1) or shrinks (-1) with a setting, by its slope."""
    g = grid(late(e.of(experiment)), setting)
    heights = np.array([g.heights(v) for v in g.values])  # (values, models)
    slopes = [sign * _slope(g.values, column) for column in heights.T]
    noise = max(map(g.noise, g.values)) / math.log10(g.values[-1] / g.values[0])
    return judge_sign(slopes, noise=noise, digits=4, label="per factor of ten ")


def _removed(e: Evidence) -> Verdict:
    g = grid(late(e.of("weight-decay")), "weight_decay")
    heights, usual = g.heights(1.0), g.heights(paper.WEIGHT_DECAY)
    # Wrong would be the bump that the paper's own weight decay has.
    return judge_value(list(heights), 0, reading=g.noise(1.0), effect=float(usual.mean()), digits=4)


# --- C2: the small problem ----------------------------------------------------------------------


def _persists(e: Evidence) -> Verdict:
    found = late(rescaled(e))
    g = grid(found, "m")
    data = found[0].run.data
    constant = baselines(data.n, data.sparsity)["best\nconstant"]  # type: ignore[union-attr]
    below, error = constant - g.losses[0, -1], g.errors[0, -1].max()
    return combine(
        {
            "bump": judge_sign(list(g.heights(paper.M)), noise=g.noise(paper.M), digits=4),
            f"below the best constant at T = {g.sizes[-1]:,}": judge_sign(
                list(below), noise=2 * float(error), digits=4
            ),
        }
    )


def _persists_each(e: Evidence) -> Verdict:
    g = grid(late(rescaled(e)), "m")
    heights = g.heights(paper.M)
    listed = ", ".join(f"{h:.4f}" for h in heights)
    return judge_each(list(heights > g.noise(paper.M)), f"bump {listed}: above two errors")


_F5 = "F5, section on more data and bigger models"
_MAP = "book/width.html#fig-width"
_TOPS = "book/width.html#fig-width-curves"
_DECAY = "book/appendix.html#fig-weight-decay"
_STEPS = "book/appendix.html#fig-steps"
_SMALL = "book/appendix.html#fig-small-curve"

CLAIMS = (
    Claim("F5-data", _F5, "There are clear regions of (T, m) where more data hurts",
          "clear regions (text)", _MAP, lambda e: _hurts(e, 1), needs=("width",)),
    Claim("F5-model", _F5, "There are clear regions of (T, m) where a bigger model hurts",
          "clear regions (text)", _MAP, lambda e: _hurts(e, 0), needs=("width",)),
    Claim("F5-steadier", _F5, "Models of the same T and m differ less for m > 3 than for m ≤ 3: "
          "ratio of the standard deviations of the test loss",
          "steadier for m > 3 (text)", _MAP, _steadier, needs=("width",)),
    Claim("F5-moves", "ours, beside F5", "The wider the model, the larger the T at the top of its "
          "bump", "not stated", _TOPS, _moves, needs=("width",)),
    Claim("A1-decay", "A1, appendix", "The less weight decay, the higher the bump",
          "less decay, bigger bump (text)", _DECAY,
          lambda e: _trend(e, "weight-decay", "weight_decay", -1), needs=("weight-decay",)),
    Claim("A1-removed", "A1, appendix", "A weight decay of 1.0 removes the bump: its height",
          "0 (text)", _DECAY, _removed, needs=("weight-decay",)),
    Claim("A2-steps", "A2, appendix", "The more steps, the higher the bump",
          "more steps, bigger bump (text)", _STEPS,
          lambda e: _trend(e, "steps", "steps", 1), needs=("steps",)),
    Claim("C2-persists", "C2, Hobbhahn's comment", "At n = 1,000 and S = 0.99 double descent "
          "persists: the test loss rises by so much, and ends below the best constant's",
          "persists (text)", _SMALL, _persists, at_quick=False, needs=("small-problem",)),
    Claim("C2-each", "ours, beside C2", "In every data seed of the small problem there is a bump, "
          "higher than twice the largest error",
          "persists (text)", _SMALL, _persists_each, at_quick=False, needs=("small-problem",)),
)  # fmt: skip
