"""The paper's appendix (A1: weight decay, A2: steps) and the small problem (C2)."""

import math
from collections.abc import Sequence
from itertools import product

import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence, baselines
from sdd.findings.experiments import experiment
from sdd.findings.grids import bumps, slope
from sdd.findings.profiles import SMALL, Profile, choose, small_spec, spec
from sdd.findings.rule import Verdict, combine, judge_each, judge_sign, judge_value
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


# --- Claims -------------------------------------------------------------------------------------


def _trend(e: Evidence, experiment: str, setting: str, sign: int) -> Verdict:
    """Judge whether a bump grows (sign 1) or shrinks (-1) with a setting, by its slope."""
    found = bumps(late(e.table(experiment)), setting)
    slopes = [sign * slope(rows[setting], rows["height"]) for _, rows in found.groupby("data_seed")]
    decades = math.log10(found[setting].max() / found[setting].min())
    noise = found["noise"].max() / decades
    return judge_sign(slopes, noise=noise, digits=4, label="per factor of ten ")


@claim("A1-decay", source="A1, appendix", published="less decay, bigger bump (text)",
       figure="fig-weight-decay")  # fmt: skip
def _less_decay_higher_bump(e: Evidence) -> Verdict:
    """The less weight decay, the higher the bump."""
    return _trend(e, "weight-decay", "weight_decay", -1)


@claim("A1-removed", source="A1, appendix", published="0 (text)", figure="fig-weight-decay")
def _decay_removes(e: Evidence) -> Verdict:
    """A weight decay of 1.0 removes the bump: its height."""
    found = bumps(late(e.table("weight-decay")), "weight_decay")
    most, usual = (found[found["weight_decay"] == v] for v in (1.0, paper.WEIGHT_DECAY))
    # Wrong would be the bump that the paper's own weight decay has.
    return judge_value(
        most["height"], 0, reading=most["noise"].max(), effect=usual["height"].mean(),
        digits=4,
    )  # fmt: skip


@claim("A2-steps", source="A2, appendix", published="more steps, bigger bump (text)",
       figure="fig-steps")  # fmt: skip
def _more_steps_higher_bump(e: Evidence) -> Verdict:
    """The more steps, the higher the bump."""
    return _trend(e, "steps", "steps", 1)


@claim("C2-persists", source="C2, Hobbhahn's comment", published="persists (text)",
       figure="fig-small-curve", at_quick=False,
       statement="At n = 1,000 and S = 0.99 double descent persists: the test loss rises by so "
                 "much, and ends below the best constant's")  # fmt: skip
def _persists(e: Evidence) -> Verdict:
    runs = late(rescaled(e))
    found, end = bumps(runs, "m"), runs[runs["T"] == runs["T"].max()]
    constant = baselines(int(runs["n"].iloc[0]), runs["sparsity"].iloc[0])["best\nconstant"]
    return combine(
        {
            "bump": judge_sign(found["height"], noise=found["noise"].max(), digits=4),
            f"below the best constant at T = {end['T'].iloc[0]:,.0f}": judge_sign(
                constant - end["test_loss"], noise=2 * end["test_error"].max(), digits=4
            ),
        }
    )


@claim("C2-each", source="ours, beside C2", published="persists (text)", figure="fig-small-curve",
       at_quick=False,
       statement="In every data seed of the small problem there is a bump, higher than twice the "
                 "largest error")  # fmt: skip
def _persists_each(e: Evidence) -> Verdict:
    found = bumps(late(rescaled(e)), "m")
    listed = ", ".join(f"{h:.4f}" for h in found["height"])
    return judge_each(found["height"] > found["noise"], f"bump {listed}: above two errors")
