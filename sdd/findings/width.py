"""Bigger models and more data: test loss over T and m (F5)."""

import math
from itertools import product

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.experiments import experiment
from sdd.findings.grids import cell, models, rise
from sdd.findings.profiles import Profile, choose, data_seeds, small_spec, spec
from sdd.findings.rule import above, below, within
from sdd.measures.statistics import Estimate, Place, mean, place
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["exponents", "maps", "places", "powers", "table", "title"]

# At quick; with 50,000 there is a bump at m = 2, too, and with 20,000 from m = 3 on.
FEWER_STEPS = 20_000


@experiment("width")
def width(p: Profile) -> list[RunSpec]:
    """F5: test loss over the number of data points T and of hidden dimensions m."""
    # From 6 on hidden dimensions cost several times as much.
    ms = choose(p, (2, 4), (2, 3, 4), (2, 3, 4, 6, 8, 12, 16))
    # From the counterpart of T = 500 on, where the rise to the bump of F3 begins.
    sizes = choose(p, (50, 100, 200, 500), (50, 100, 200, 500, 1_000, 2_000),
                   (50, 100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000))  # fmt: skip
    steps = choose(p, FEWER_STEPS, p.steps)
    return [
        small_spec(p, T, seed, m=m, steps=steps)
        for T, m, seed in product(sizes, ms, data_seeds(0, 4))
    ]


@experiment("steadiness")
def steadiness(p: Profile) -> list[RunSpec]:
    """How much models of m = 4 differ; those of m = 2 are in "small-problem"."""
    judging = data_seeds(0, choose(p, 0, 20))
    return [small_spec(p, T, seed, m=4, steps=p.steps) for T in (50, 200) for seed in judging]


@experiment("width-published")
def width_published(p: Profile) -> list[RunSpec]:
    """F5 at the published n = 10,000: a coarser map, of the full profile alone."""
    if p.name != "full":
        return []
    return [
        spec(T, seed, of=p.name, m=m)
        for T, m in product((500, 1_000, 2_000, 5_000, 10_000, 20_000), (2, 3, 4, 8))
        for seed in data_seeds(0, 4)
    ]


@experiment("capacity")
def capacity(p: Profile) -> list[RunSpec]:
    """The bump over n at m = 3, and over m, at ten times the usual learning rate and fewer steps.

    The product of rate and steps is the usual one. The grid of T is centred on where one training
    a cell, of other data seeds, had its bump.
    """
    over_n, over_m, judge = choose(
        p, ((250, 500), (2,), 2), ((250, 500, 1_000), (2, 4), 4),
        ((250, 500, 1_000, 2_000), (2, 4, 6, 8), 8),
    )  # fmt: skip
    steps = choose(p, (-2, 0, 2), (-3, -1.5, 0, 1.5, 3), (-4, -3, -2, -1, 0, 1, 2, 3, 4))
    cells = [*((n, 3) for n in over_n), *((sorted(over_n)[1], m) for m in over_m)]
    return [
        small_spec(
            p, round(0.49 * n * (m / 3) ** 1.7 * 2 ** (step / 2)), seed, n=n, sparsity=1 - 10 / n,
            m=m, steps=p.steps // 10, lr=10 * paper.LEARNING_RATE,
        )
        for n, m in cells
        for step in steps
        for seed in data_seeds(0, judge)
    ]  # fmt: skip


@experiment("unlimited-width")
def unlimited_width(p: Profile) -> list[RunSpec]:
    """Test loss of unlimited data over m, where few features stand and where all of them do."""
    ms, steps = choose(p, (8, 16), (8, 16, 32)), choose(p, 2_000, 3_000)
    cells = [*((100, 0.98, m) for m in ms), *((1_000, 0.99, m) for m in choose(p, (), (2, 4, 8)))]
    return [
        small_spec(p, math.inf, seed, n=n, sparsity=S, m=m, steps=steps, batch=200, lr=5e-3)
        for n, S, m in cells
        for seed in data_seeds(0, choose(p, 2, 2, 8))
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


def places(runs: pd.DataFrame) -> pd.DataFrame:
    """Return where the bump is: the mean log T, each T by how far its loss is above the first's.

    A row for each ``n``, ``m`` and ``data_seed``: ``place``, a T. Data seeds of which one curve
    does not rise at all are left out.
    """
    rows = []
    for key, curve in runs.sort_values("T").groupby(["n", "m", "data_seed"]):
        above_first = (curve["test_loss"] - curve["test_loss"].iloc[0]).clip(lower=0)
        mass = above_first.sum() or math.nan
        rows.append((*key, math.exp((np.log(curve["T"]) * above_first).sum() / mass)))
    found = pd.DataFrame(rows, columns=["n", "m", "data_seed", "place"])
    whole = found.groupby("data_seed")["place"].transform(lambda places: places.notna().all())
    return found[whole]


def exponents(found: pd.DataFrame, along: pd.Series, y: str) -> pd.Series:
    """Return for each data seed the exponent of a column as a power of the values ``along``."""
    logs = pd.DataFrame({"x": np.log(along), "y": np.log(found[y])})
    return logs.groupby(found["data_seed"]).apply(lambda g: float(np.polyfit(g["x"], g["y"], 1)[0]))


def powers(found: pd.DataFrame, endless: pd.DataFrame) -> dict[str, float | str]:
    """Return the mean exponents that the chapter names: of the bump's place, of the loss at T = ∞.

    The place over n at m = 3, and over m + 1 at the second n; the loss over m where all features
    stand (n = 100) and, in words, where few do (n = 1,000; "" where that was not trained).
    """
    second = sorted(found["n"].unique())[1]
    cases = {
        "n": (found[found["m"] == 3], "n", 0, "place"),
        "m": (found[found["n"] == second], "m", 1, "place"),
        "all": (endless[endless["n"] == 100], "m", 0, "test_loss"),
        "few": (endless[endless["n"] == 1_000], "m", 0, "test_loss"),
    }  # fmt: skip
    means: dict[str, float | str] = {
        f"power-{name}": exponents(rows, rows[along] + more, y).mean()
        for name, (rows, along, more, y) in cases.items()
        if not rows.empty
    }
    few = means.get("power-few", "")
    return means | {"power-few": few and f", and {few:.2f} where few do".replace("-", "−")}


def title(runs: pd.DataFrame) -> str:
    """Return what a map's models are: their n, their steps, and how many there are a cell."""
    n, steps = runs["n"].iloc[0], runs["steps"].iloc[0]
    return f"n = {n:,}, {steps:,} steps, {models(runs, 'm')} models a cell"


# --- Claims -------------------------------------------------------------------------------------
# Cells were chosen from the appendix's runs of data seeds 0 and 1 at m = 4, from those of the small
# problem at m = 2, and from one model a cell of data seed 0 at m = 3, of fewer steps.

_F5 = "F5, section on more data and bigger models"
_PAIRED = "mean over trainings, paired by data seed, at n = 1,000"


@claim("F5-data", source=_F5, published="clear regions (text)", figure="fig-width",
       region={"m = 3": above(0), "m = 4": above(0)},
       estimand=f"Test loss at T = 500 less that at T = 100, at m = 3 and at m = 4; {_PAIRED}. The "
       "cells were chosen from other trainings")  # fmt: skip
def _more_data_hurts(e: Evidence) -> dict[str, Estimate]:
    """There is a clear region of (T, m) where more data hurts."""
    runs = e.judging("width")
    return {
        f"m = {m}": rise(cell(runs, m=m, T=100), cell(runs, m=m, T=500))
        for m in (3, 4)
        if m in set(runs["m"])
    }


@claim("F5-model", source=_F5, published="clear regions (text)", figure="fig-width",
       region={"T = 500": above(0), "T = 1,000": above(0)},
       estimand=f"Test loss at m = 4 less that at m = 2, at T = 500 and at 1,000; {_PAIRED}. The "
       "cells were chosen from other trainings")  # fmt: skip
def _bigger_model_hurts(e: Evidence) -> dict[str, Estimate]:
    """There is a clear region of (T, m) where a bigger model hurts."""
    runs = e.judging("width")
    return {
        f"T = {T:,}": rise(cell(runs, m=2, T=T), cell(runs, m=4, T=T))
        for T in (500, 1_000)
        if T in set(runs["T"])
    }


@claim("F5-steadier", title="Test losses differ less over trainings for m > 3",
       source=_F5, published="steadier for m > 3 (text)", figure="fig-width-curves",
       at_quick=False, region={"T = 50": above(1), "T = 200": above(1)},
       estimand="Standard deviation of the test loss over trainings at m = 2, as a multiple of "
       "that at m = 4, at n = 1,000 and T = 50 and 200")  # fmt: skip
def _steadier(e: Evidence) -> dict[str, Estimate]:
    """Trainings of the same T differ less where there are more than three hidden dimensions."""
    two, four = e.judging("small-problem"), e.judging("steadiness")
    return {f"T = {T}": _ratio(cell(two, T=T), cell(four, T=T)) for T in (50, 200)}


def _ratio(these: pd.DataFrame, those: pd.DataFrame) -> Place:
    """Estimate the ratio of the standard deviations of the test loss, paired by data seed."""
    both = pd.merge(these, those, on="data_seed")[["test_loss_x", "test_loss_y"]].to_numpy()

    def ratio(rows: np.ndarray) -> float:
        a, b = both[rows.astype(int)].std(axis=0, ddof=1)
        return float(a / b)

    return place(range(len(both)), ratio)


@claim(
    "F5-moves",
    title="The wider model's bump comes later",
    source="ours, beside F5",
    published="not stated",
    figure="fig-width-curves",
    region={"m = 2": below(0), "m = 4": above(0)},
    estimand=f"Test loss at T = 500 less that at T = 200, at m = 2 and at m = 4; {_PAIRED}",
)
def _bump_moves(e: Evidence) -> dict[str, Estimate]:
    """The wider model's bump comes later: from T = 200 to 500 m = 2 falls and m = 4 still rises."""
    runs = e.judging("width")
    return {f"m = {m}": rise(cell(runs, m=m, T=200), cell(runs, m=m, T=500)) for m in (2, 4)}


@claim("F5-parameters", title="At m = 4 the top of the bump comes at a larger T",
       source="ours, beside F5", figure="appendix#fig-steps", at_quick=False,
       published="a capacity of so many bits a parameter (Morris et al. 2025)", region=above(0),
       estimand="Test loss at T = 300 less that at T = 1,000, at m = 4 and 50,000 steps; "
       f"{_PAIRED}. In proportion to (m + 1) n the top at m = 4 would be 5/3 times that at m = 2, "
       "which is at 200: at 333")  # fmt: skip
def _moves_as_parameters(e: Evidence) -> dict[str, Estimate]:
    """The T of the bump's top goes as the number of parameters, (m + 1) n."""
    runs = cell(e.judging("steps"), steps=e.profile.steps, n=1_000)
    return {} if runs.empty else {"": rise(cell(runs, T=1_000), cell(runs, T=300))}


@claim("F5-capacity", title="The T of the bump goes as the number of parameters",
       source="ours, beside F5", figure="fig-capacity",
       published="1 (a capacity of so many bits a parameter, Morris et al. 2025)",
       region={"n": within(1, 0.25), "m + 1": within(1, 0.25)},
       estimand="Exponent with which the T of the bump goes as n, at m = 3, and as m + 1, at one "
       "n: slope of log T, least squares, mean over trainings (all of one data seed are a fit). "
       "Its T: mean log T over the sizes, each by how far its test loss is above the first's"
)  # fmt: skip
def _goes_as(e: Evidence) -> dict[str, Estimate]:
    """The T of the bump goes as (m + 1) n, the number of parameters."""
    found = places(e.judging("capacity"))
    if found.empty:
        return {}
    over_n, over_m = found[found["m"] == 3], found[found["n"] == sorted(set(found["n"]))[1]]
    return {
        "n": mean(exponents(over_n, over_n["n"], "place")),
        "m + 1": mean(exponents(over_m, over_m["m"] + 1, "place")),
    }


@claim("F5-unlimited", source="Liu et al. 2025, on models of another kind", figure="fig-capacity",
       published="−1", region={"few stand": within(-1, 0.25), "all stand": within(-1, 0.25)},
       estimand="Exponent with which the test loss on unlimited data goes as m, mean over "
       "trainings: at n = 1,000, S = 0.99, m = 2 to 8, where few features stand, and at n = 100, "
       "S = 0.98, m = 8 to 32, where all do")  # fmt: skip
def _falls_as(e: Evidence) -> dict[str, Estimate]:
    """On unlimited data the loss falls as 1/m."""
    runs = e.judging("unlimited-width")
    names = {1_000: "few stand", 100: "all stand"}
    return {
        names[n]: mean(exponents(part, part["m"], "test_loss")) for n, part in runs.groupby("n")
    }
