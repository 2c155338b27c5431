"""The paper's appendix (A1: weight decay, A2: steps) and the small problem (C2)."""

from collections.abc import Sequence
from itertools import product

import pandas as pd

from sdd import paper
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.grids import bumps
from sdd.findings.profiles import SMALL, Profile, choose, small_spec, spec
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["ends", "late", "rescaled", "table"]


@experiment("small-problem")
def small_problem(p: Profile) -> list[RunSpec]:
    """F3 at n = 1,000, with ε rescaled along (first), and with ε = 1e-8 kept (then)."""
    sizes = choose(p, (30, 100, 200, 500, 1_000), (10, 30, 50, 100, 200, 500, 1_000))
    return [
        small_spec(p, T, seed, **changes)
        for changes in ({}, {"eps": paper.EPS})
        for T, seed in product(sizes, range(choose(p, 2, 3, 4)))
    ]


def _appendix(p: Profile, **varied: Sequence[float]) -> list[RunSpec]:
    """Return runs of m = 4 over T and a setting; at the paper's own size in the full profile."""
    published = (100, 300, 1_000, 2_000, 3_000, 5_000, 7_000, 10_000, 20_000, 50_000)
    # To 3,000: with many steps the loss falls again only beyond T = 1,000.
    sizes = choose(p, (30, 100, 300, 1_000), (10, 30, 100, 200, 300, 500, 1_000, 3_000), published)
    # At "paper" a number of steps that A2 has, too: the curve of the usual decay is in both.
    usual = {"steps": choose(p, p.steps // 5, 20_000, p.steps), "m": 4}
    ((name, values),) = varied.items()
    return [
        spec(T, seed, of=p.name, **usual | ({} if p.name == "full" else SMALL) | {name: value})
        for T, value, seed in product(sizes, values, range(choose(p, 2, 2, 4)))
    ]


@experiment("weight-decay")
def weight_decay(p: Profile) -> list[RunSpec]:
    """A1: m = 4, test loss against T for several weight decays."""
    full = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    decays = choose(p, (0.001, 0.01, 0.1, 1.0), (0.001, 0.01, 0.1, 0.3, 1.0), full)
    return _appendix(p, weight_decay=decays)


@experiment("steps")
def step_counts(p: Profile) -> list[RunSpec]:
    """A2: m = 4, test loss against T for several numbers of steps, 5 % of them warm-up."""
    counts = choose(p, (500, 1_000, 2_500, 5_000, 10_000), (1_000, 2_500, 5_000, 20_000, 50_000))
    return _appendix(p, steps=counts)


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row for each ``experiment`` that asks for a run."""
    e, names = Evidence.stored(of), ("weight-decay", "steps", "small-problem")
    found = [e.table(name, *measures).assign(experiment=name) for name in names]
    return pd.concat(found, ignore_index=True)


def rescaled(e: Evidence) -> pd.DataFrame:
    """Return the runs of the small problem whose ε is rescaled along with n and S."""
    return e.table("small-problem").query("eps != @paper.EPS")


def late(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs from the counterpart of T = 500 on, where the rise to the bump of F3 begins.

    At smaller T points are still memorised: what the loss does there is another matter.
    """
    return runs[runs["T"] >= runs["n"].map(lambda n: paper.rescaled_size(500, n))]


def ends(runs: pd.DataFrame, setting: str) -> tuple[pd.Series, pd.Series]:
    """Return what becomes of the test loss at the least and at the largest value of a setting.

    Of each: the setting, the mean ``height`` of the `late` bump, and ``last_loss``, the mean test
    loss at the largest T.
    """
    heights = bumps(late(runs), setting).groupby(setting)["height"].mean()
    last = runs[runs["T"] == runs["T"].max()].groupby(setting)["test_loss"].mean()
    found = pd.DataFrame({"height": heights, "last_loss": last}).reset_index()
    return found.iloc[0], found.iloc[-1]
