"""The columns of W that stand for no feature: where they lie, and what that does to the others."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sdd import paper, theory
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import SMALL, Profile, choose, data_seeds, small_spec, spec
from sdd.findings.rule import above, below, within
from sdd.findings.setup import predicted_D
from sdd.measures.arms import beside_ring, disturbed
from sdd.measures.geometry import dimensionality, strongest
from sdd.measures.statistics import Estimate, difference, lowest, mean
from sdd.measures.table import measured
from sdd.runs.spec import RunSpec
from sdd.training.run import Run

__all__ = [
    "course", "directions", "endless", "pentagons", "rings_with_weak", "table", "with_formula",
]  # fmt: skip

SHOWN = (0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 15_000, 20_000)
RING = "0.95:-0.08"  # r and b of planted rings, about those of trained pentagons


@experiment("planted-arms")
def planted_arms(p: Profile) -> list[RunSpec]:
    """Rings of three to seven features planted among all others, which see unlimited data."""
    steps, judge = choose(p, 5_000, 10_000), choose(p, 2, 5, 20)
    return [
        small_spec(p, math.inf, seed, batch=100, steps=steps, start=f"ring:{F}:{RING}")
        for F in (3, 5, 6, 7)
        for seed in data_seeds(0, judge)
    ]


@experiment("other-columns")
def other_columns(p: Profile) -> list[RunSpec]:
    """Pentagons from a usual start on unlimited data, of few features and of more."""
    steps = choose(p, 30_000, p.steps)
    return [
        small_spec(
            p, math.inf, seed, n=n, sparsity=1 - 10 / n, batch=n // 5, steps=steps,
            snapshots=(*SHOWN, *range(30_000, steps + 1, 10_000)),
        )
        for n, judge in choose(
            p, ((1_000, 2),), ((500, 6), (1_000, 6), (2_000, 3)),
            ((500, 8), (1_000, 8), (2_000, 8), (5_000, 4)),
        )
        for seed in data_seeds(0, judge)
    ]  # fmt: skip


@experiment("decayed-initialisation")
def decayed_initialisation(p: Profile) -> list[RunSpec]:
    """Pentagons at other weight decays, steps and Xavier gains, which should set their D."""
    changes: list[dict[str, Any]] = [
        {"weight_decay": 0.0}, {"steps": round(0.5 * p.steps)}, {"gain": 0.5},
    ]  # fmt: skip
    return [
        *(
            small_spec(p, math.inf, seed, batch=100, **{"steps": p.steps, **change})
            for change in ({}, *changes)
            for seed in (2, 3)  # (0 and 1 are F1's at quick)
        ),
        # At the paper's own size, beside F3's models of T = 10,000; these runs are long.
        *(spec(10_000, of=p.name, **change) for change in choose(p, (), (), changes)),
    ]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run, by ``experiment``."""
    e = Evidence.stored(of)
    names = ("planted-arms", "other-columns", "decayed-initialisation")
    found = [e.table(name, beside_ring).assign(experiment=name) for name in names]
    return pd.concat(found, ignore_index=True)


def endless(e: Evidence) -> pd.DataFrame:
    """Return all pentagons of unlimited data from a usual start, with what is beside them.

    Those of the published size, or the profile's, are among them; each has ``of``, its size.
    """
    found = [e.table("other-columns", beside_ring), e.fresh(beside_ring)]
    runs = pd.concat(found, ignore_index=True).drop_duplicates("run")
    return runs.assign(of=runs["n"].map("n = {:,}".format)).sort_values("n", kind="stable")


def course(runs: pd.DataFrame) -> pd.DataFrame:
    """Return how trainings with snapshots went, a row a ``step`` of a ``run``.

    ``on_arms`` as in `beside_ring`, ``R2`` of all other columns, and ``D5``, the fifth largest D.
    """
    parts = [pd.DataFrame(measured(name, _course)).assign(run=name) for name in runs["run"]]
    return pd.concat(parts, ignore_index=True)


def _course(run: Run) -> dict[str, Any]:
    found: dict[str, list[float]] = {"on_arms": [], "R2": [], "D5": []}
    for W in run.snapshots["W"]:
        D, squares = dimensionality(W.T), (W.astype(float) ** 2).sum(axis=0)
        found["on_arms"].append(beside_ring(replace(run, W=W))["on_arms"])
        found["R2"].append(float(squares.sum() - squares[strongest(W.T, 5)].sum()))
        found["D5"].append(float(np.sort(D)[-5]))
    return {"step": run.snapshots["step"], **found}


def directions(sizes: Iterable[int]) -> pd.DataFrame:
    """Return as text what fires a weak column by a ring of F, on an arm and midway between two."""
    rows = []
    for F in sizes:
        on, between = theory.interference(F), theory.interference(F, 0.5)
        least = "on the arms" if on < between - 1e-9 else "between them"
        rows.append(
            {
                "F": F, "I on an arm": f"{on:.3f}", "I midway": f"{between:.3f}",
                "F/4": f"{F / 4:g}", "least": least if abs(on - between) > 1e-9 else "anywhere",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def with_formula(runs: pd.DataFrame) -> pd.DataFrame:
    """Add what `theory.best_ring_with_weak` gives for as many weak columns as a run has.

    Columns ``formula_D``, ``formula_R2``, ``formula_r`` and ``formula_b``.
    """
    found = [
        theory.best_ring_with_weak(5, row.weak, n=row.n, sparsity=row.sparsity)
        for row in runs.itertuples()
    ]
    return runs.assign(
        formula_D=[ring.D for ring in found], formula_R2=[ring.R2 for ring in found],
        formula_r=[ring.r for ring in found], formula_b=[ring.b for ring in found],
    )  # fmt: skip


def rings_with_weak(counts: Iterable[float]) -> pd.DataFrame:
    """Return by how much the best ring of 6, 4 or 7 features is worse than that of 5.

    A row for each number ``weak`` of weak columns in all and each ``ring`` (such as "6 features"):
    ``worse``, in loss ÷ p.
    """
    rows = [
        {"weak": count}
        | {F: theory.best_ring_with_weak(F, count / F, **SMALL).loss_change for F in (6, 4, 7, 5)}
        for count in counts
    ]
    change = pd.DataFrame(rows).set_index("weak")
    worse = change.sub(change.pop(5), axis=0).rename(columns="{} features".format)
    return worse.melt(var_name="ring", value_name="worse", ignore_index=False).reset_index()


def pentagons(runs: pd.DataFrame) -> pd.DataFrame:
    """Add what a run changes, its ``variant`` ("" for nothing), and ``from_initial``.

    That is the D that decay should leave of the initial weights.
    """
    variant = np.select(
        [runs["weight_decay"] == 0, runs["gain"] != 1, runs["steps"] < paper.STEPS],
        ["no decay", runs["gain"].map("{:g} × weights".format), "half the steps"],
        "",
    )
    return runs.assign(variant=variant, from_initial=predicted_D(runs))


# --- Claims -------------------------------------------------------------------------------------

_SINCE = " (stated again by a later rule, when these runs were known)"
# Half of what all columns on the arms, or all midway between two, would give.
_SIDES = {"F = 3": below(-0.5), "F = 5": above(0.5), "F = 6": within(0, 0.5), "F = 7": below(-0.5)}


@claim("T-sides", title="Other columns lie between 3 or 7 arms, on 5, either way at 6",
       source="ours, derived and then tested on planted rings",
       published="sign (formula)", figure="fig-sides", region=_SIDES,
       estimand="Mean of cos Fα over the other columns, each by its squared length, α their angle "
       "from an arm of a planted ring of F; mean over trainings on unlimited data")  # fmt: skip
def _sides(e: Evidence) -> dict[str, Estimate]:
    """Other columns come to lie between three or seven arms, on five, and either way beside six."""
    runs = e.judging("planted-arms", beside_ring)
    return {f"F = {F:g}": mean(found["sided"]) for F, found in runs.groupby("corners")}


@claim("T-weak", title="D of the five follows from weak columns on their arms",
       source="ours, derived and then tested on other sizes", published="0 (formula)",
       figure="fig-weak", region={f"n = {n:,}": within(0, 0.025) for n in (500, 1_000, 2_000)},
       estimand="Mean D of the five, less that of the best ring with as many weak columns on its "
       "arms as the model has (theory), mean over trainings on unlimited data. With what decay "
       "leaves of the initial weights D would at n = 1,000 be about 0.04 away"
)  # fmt: skip
def _weak(e: Evidence) -> dict[str, Estimate]:
    """The D of the five follows from how many weak columns lie on their arms."""
    runs = with_formula(e.judging("other-columns", beside_ring))
    apart = runs["five_D"] - runs["formula_D"]
    return {f"n = {n:,}": mean(values) for n, values in apart.groupby(runs["n"])}


@claim("T-longest", title="The weak columns are those that began as the longest",
       source="ours", published="not stated", figure="fig-course", region=above(0.55),
       estimand="Share of the squared length of all other columns in the tenth of them that began "
       "as the longest, mean over trainings on unlimited data at each n; the lowest of these "
       "means. Were it all the same how a column begins it would be 0.1: the region begins "
       "half-way to all")  # fmt: skip
def _longest(e: Evidence) -> Estimate:
    """The weak columns are those of the features whose initial columns were the longest."""
    runs = e.judging("other-columns", beside_ring)
    return lowest(mean(found["from_longest"]) for _, found in runs.groupby("n"))


@claim("T-turned", title="That other columns lie on the arms matters to the loss",
       source="ours", published="not stated", figure="fig-course", region=above(0),
       estimand="Test loss with the directions of all other columns drawn at random, their lengths "
       "kept, less that as trained, mean over trainings on unlimited data at n = 1,000"
)  # fmt: skip
def _turned(e: Evidence) -> Estimate:
    """It matters to the loss that the other columns lie on the arms."""
    runs = e.judging("other-columns", disturbed).query("n == 1000")
    return mean(runs["turned_rise"])


@claim("T-leftover", title="D of the five follows from what decay leaves at the start",
       source=f"ours, tested on other initial weights and decays{_SINCE}",
       published="0.14 (formula)", figure="fig-weak", region=above(0.07),
       estimand="Mean D of the five with half the initial weights less that without decay, over "
       "trainings on unlimited data. The region begins at half of the formula's difference"
       )  # fmt: skip
def _leftover(e: Evidence) -> Estimate:
    """The D of the five follows from what weight decay leaves of the initial weights."""
    runs = pentagons(e.table("decayed-initialisation")).query("T == inf").groupby("variant")
    small, none = (runs.get_group(name)["five_D"] for name in ("0.5 × weights", "no decay"))
    return difference(small, none)


@claim("T-arms", title="The other columns lie along the five arms of a pentagon",
       source="ours, chosen when two other trainings were seen", published="not stated",
       figure="fig-course", region=above(0.58), estimand="Share of the squared "
       "norm of all other columns that lies within 6° of a column of the five, mean over trainings "
       "at T = ∞. Alike in all directions it would be 0.17: the region begins half-way to one"
       )  # fmt: skip
def _arms(e: Evidence) -> Estimate:
    """The other columns of a pentagon lie along its five arms, not in all directions alike."""
    return mean(e.at(math.inf, beside_ring)["on_arms"])
