"""Bigger models and more data: test loss over T and m (F5)."""

import math
from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd

from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.experiments import experiment
from sdd.findings.grids import bumps, chance, models, region_by_chance, slope, steps
from sdd.findings.profiles import Profile, choose, small_spec, spec
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED, Verdict, judge_each, judge_sign
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["maps", "table"]

STEADY_FROM = 3  # m above which optimisation is said to be steadier


@experiment("width")
def width(p: Profile) -> list[RunSpec]:
    """F5: test loss over the number of data points T and of hidden dimensions m."""
    ms: Iterable[int] = choose(
        p,
        (1, 2, 4, 8, 16),
        (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 30),
        (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 30, 40, 60, 90, 128),
    )
    sizes: Iterable[int] = choose(
        p,
        (10, 30, 100, 300, 1_000),
        (10, 20, 50, 100, 150, 200, 300, 500, 1_000, 3_000),
        (10, 20, 50, 100, 150, 200, 300, 500, 1_000, 3_000, 10_000),
    )
    steps, models = choose(p, 1_000, 5_000, p.steps), choose(p, 2, 2, 4)
    return [
        small_spec(p, T, seed, m=m, steps=steps)
        for T, m in product(sizes, ms)
        for seed in range(models)
    ]


@experiment("width-published")
def width_published(p: Profile) -> list[RunSpec]:
    """F5 at the published n = 10,000: a coarser map, of the full profile alone."""
    if p.name != "full":
        return []
    return [
        spec(T, seed, of=p.name, m=m)
        for T, m in product((10, 100, 500, 1_000, 2_000, 5_000, 10_000), (2, 3, 4, 8, 16, 32))
        for seed in range(2)
    ]


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: T and m varied at n = 1,000."""
    return Evidence.stored(of).table("width", *measures)


def maps(e: Evidence) -> list[pd.DataFrame]:
    """Return the runs of each map that there is at this profile: at n = 1,000, then at 10,000."""
    found = []
    for name in ("width", "width-published"):
        try:
            found.append(e.table(name))
        except NoRuns:  # the larger map is of the full profile alone
            continue
    return found


# --- Claims -------------------------------------------------------------------------------------

_F5 = "F5, section on more data and bigger models"


def _hurts(e: Evidence, along: str) -> Verdict:
    """Judge whether there is a region where steps along T or m hurt (`grids.steps`)."""
    runs = e.table("width")
    found, least = steps(runs, "m", along), region_by_chance(runs, "m", along)
    marked, largest, count = found["hurts"].sum(), found["region"].max(), models(runs, "m")
    ours = f"{marked} of {len(found)} steps hurt, {largest} of them in one region"
    text = (
        f"{count} models a cell, tolerance step by step; by chance {chance(count):.0%} of steps, "
        f"and less than {least} in one region"
    )
    if largest >= least:
        return Verdict(REPRODUCED, ours, text)
    if largest:
        return Verdict(PARTLY, ours, text)
    # Rises that only the spread over models keeps from counting leave the claim open.
    return Verdict(NOISY if (found["rise"] > found["noise"]).any() else NOT, ours, text)


@claim("F5-data", source=_F5, published="clear regions (text)", figure="fig-width")
def _more_data_hurts(e: Evidence) -> Verdict:
    """There are clear regions of (T, m) where more data hurts."""
    return _hurts(e, "T")


@claim("F5-model", source=_F5, published="clear regions (text)", figure="fig-width")
def _bigger_model_hurts(e: Evidence) -> Verdict:
    """There are clear regions of (T, m) where a bigger model hurts."""
    return _hurts(e, "m")


@claim("F5-steadier", source=_F5, published="steadier for m > 3 (text)", figure="fig-width",
       statement="Models of the same T and m differ less for m > 3 than for m ≤ 3: ratio of the "
                 "standard deviations of the test loss")  # fmt: skip
def _steadier(e: Evidence) -> Verdict:
    variance = e.table("width").groupby(["m", "T"])["test_loss"].var().unstack()
    few = variance.index <= STEADY_FROM
    below, above = (np.sqrt(variance[rows].mean()) for rows in (few, ~few))
    ratio = math.exp(np.log(below / above).mean())
    return judge_each(below > above, f"ratio {ratio:.1f} (mean over T); above 1", "size")


@claim("F5-moves", source="ours, beside F5", published="not stated", figure="fig-width-curves")
def _bump_moves(e: Evidence) -> Verdict:
    """The wider the model, the larger the T at the top of its bump."""
    found = bumps(e.table("width"), "m").query("own_height > noise")
    slopes = [
        slope(rows["m"], np.log10(rows["own_T"]))
        for _, rows in found.groupby("data_seed")
        if len(rows) >= 3  # else there is no trend to speak of
    ]
    if not slopes:
        return Verdict(NOISY, "fewer than three m with a bump", "")
    return judge_sign(slopes, digits=2, label="T of the top ∝ m to the power ")
