"""Memorising or generalising: which has the lower training loss, and where they cross (U1)."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sdd.findings.branches import BUMP, differences, lowest, solutions
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import Profile, choose, data_seeds, small_spec, spec
from sdd.findings.rule import above, below
from sdd.measures.statistics import Estimate, mean
from sdd.measures.stored import PLANTED
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["FOLLOWED", "LATE", "RATES", "table"]

RATES = (3e-2, 6e-2)  # at which memorising solutions are looked for, on the sum
FOLLOWED = 1e-2  # at which, on the sum, solutions are trained on with fewer points or more
LATE = 10_000  # from here on only the larger rate finds any, and features are followed up
GROWTH = 1.05  # of the data set at each run of a solution that is followed up
# Data seeds from 20 on at which the first eight points share no feature.
DISJOINT = (34, 39, 44, 47)
_MANY = {3: 4, 5: 4, 10: 4, 30: 4, 100: 4, 200: 8, 500: 4, 1_000: 4, 2_000: 4, 5_000: 4, 6_000: 8}


def _sizes(p: Profile) -> dict[int, int]:
    """Return how many trainings judge at each T."""
    return choose(
        p, {5: 3, 30: 3, 200: 3, 1_000: 3, 2_000: 3}, _MANY | {10_000: 4, 20_000: 4},
        dict.fromkeys(_MANY, 16) | {8_000: 16, 10_000: 16, 20_000: 8, 50_000: 4, 100_000: 4},
    )  # fmt: skip


def _steps(p: Profile) -> int:
    return choose(p, 10_000, 20_000)


def usual(p: Profile, T: int, seed: int) -> RunSpec:
    """Return a training by the paper's settings; of many points, one that begins with fewer."""
    if T > LATE:
        fewer = usual(p, LATE, seed)
        return small_spec(p, T, seed, steps=_steps(p) // 2, after=fewer)
    return small_spec(p, T, seed, **({} if T <= 1_000 else {"steps": _steps(p)}))


def searches(p: Profile, T: int, seed: int, **changes: Any) -> list[RunSpec]:
    """Return trainings that look for a memorising solution: on the sum, at large rates."""
    usual = {"reduction": "sum", "steps": _steps(p)} | changes
    return [small_spec(p, T, seed, lr=lr, **usual) for lr in (RATES if T < LATE else RATES[1:])]


@experiment("two-solutions")
def two_solutions(p: Profile) -> list[RunSpec]:
    """U1: over T, the paper's settings beside large learning rates on the sum, from scratch."""
    return [
        s
        for T, count in _sizes(p).items()
        for seed in data_seeds(0, count)
        for s in (usual(p, T, seed), *searches(p, T, seed))
    ]


@experiment("two-solutions-published")
def two_solutions_published(p: Profile) -> list[RunSpec]:
    """U1 at the published n = 10,000: at two learning rates, of the full profile alone."""
    sizes = choose(p, {}, {}, {10_000: 4, 20_000: 4, 50_000: 4, 100_000: 2, 200_000: 1, 500_000: 1})
    ways: tuple[dict[str, Any], ...] = ({}, {"reduction": "sum", "lr": 1e-2})
    return [
        spec(T, seed, of=p.name, **way)
        for T, count in sizes.items()
        for way in ways
        for seed in data_seeds(0, count)
    ]


def _chain(
    p: Profile, first: RunSpec, sizes: list[int], seed: int, **changes: Any
) -> list[RunSpec]:
    """Return a run, and runs of these T of the same data seed, each after the one before it."""
    runs = [first]
    for T in sizes:
        runs.append(small_spec(p, T, seed, after=runs[-1], **changes))
    return runs


@experiment("features-followed-down")
def features_down(p: Profile) -> list[RunSpec]:
    """The pentagon of 2,000 points, trained on with fewer and fewer of them."""
    return [
        s
        for seed in data_seeds(0, choose(p, 3, 8))
        for s in _chain(
            p, usual(p, 2_000, seed), [1_000, 500, 200, 100], seed, steps=_steps(p) // 4
        )
    ]


@experiment("memory-followed-down")
def memory_down(p: Profile) -> list[RunSpec]:
    """A memorising solution, trained on with fewer and fewer of its points."""
    first = choose(p, 2_000, 5_000)
    sizes = [T for T in (2_000, 1_000, 500, 200) if T < first]
    changes = {"reduction": "sum", "lr": FOLLOWED, "steps": _steps(p) // 4}
    return [
        s
        for seed in data_seeds(0, choose(p, 1, 4))
        for s in _chain(p, searches(p, first, seed)[0], sizes, seed, **changes)
    ]


@experiment("memory-followed-up")
def memory_up(p: Profile) -> list[RunSpec]:
    """A memorising solution of 1,000 points, trained on with a few per cent more at a time."""
    last = choose(p, 1_200, 2_000)
    count = math.ceil(math.log(last / 1_000, GROWTH))
    sizes = [round(1_000 * (last / 1_000) ** (k / count)) for k in range(1, count + 1)]
    changes = {"reduction": "sum", "lr": RATES[0], "steps": choose(p, 1_500, 3_000)}
    return [
        s
        for seed in data_seeds(0, choose(p, 1, 4))
        for s in _chain(p, searches(p, 1_000, seed)[0], sizes, seed, **changes)
    ]


@experiment("memory-followed-further")
def memory_further(p: Profile) -> list[RunSpec]:
    """A memorising solution of 10,000 points, trained on with a tenth more at a time."""
    sizes = [round(LATE * 1.1**k) for k in range(1, 7)] + [2 * LATE]
    changes = {"reduction": "sum", "lr": FOLLOWED, "steps": _steps(p) // 4}
    return [
        s
        for seed in data_seeds(0, choose(p, 0, 2))
        for s in _chain(p, searches(p, LATE, seed)[0], sizes, seed, **changes)
    ]


@experiment("three-dimensions")
def three_dimensions(p: Profile) -> list[RunSpec]:
    """Both solutions at m = 3."""
    ways: tuple[dict[str, Any], ...] = ({}, {"reduction": "sum", "lr": RATES[0]})
    return [
        small_spec(p, T, seed, m=3, steps=_steps(p), **way)
        for T in choose(p, (), (1_000, 5_000))
        for way in ways
        for seed in data_seeds(0, choose(p, 0, 1, 4))
    ]


@experiment("grown-polygons")
def grown_polygons(p: Profile) -> list[RunSpec]:
    """A planted octagon of eight points, trained on with more and more points beside them."""
    ways: tuple[dict[str, Any], ...] = ({}, {"reduction": "sum", "lr": FOLLOWED})
    sizes = [10, 15, 30, 100, 300, 1_000, 2_000]
    runs = []
    for seed in DISJOINT[: choose(p, 1, 4)]:
        for way in ways:
            changes = {"steps": _steps(p) // 4, **way}
            first = small_spec(p, PLANTED, seed, start="tgon:1.2", **changes)
            runs += _chain(p, first, sizes, seed, **changes)
    return runs


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the trainings from scratch at the two kinds of settings, a row a training."""
    return solutions(Evidence.stored(of).table("two-solutions", *measures))


# --- Claims -------------------------------------------------------------------------------------
# θ, regions and numbers of trainings were chosen on data seeds 0 to 2; but at T = 200,000 two more
# were trained once two had been seen, which no interval decides.

_JULY = "Circuits Updates, July 2023"
_LOSS = (
    "Training loss of the lowest of the trainings on the sum less that of the training by the "
    "paper's settings, paired by data seed, mean over trainings, at n = 1,000 and a tenth of T"
)
_TWINS = {10_000: 1_000, 20_000: 2_000, 50_000: 5_000, 60_000: 6_000}
_LATE = {100_000: 10_000, 200_000: 20_000, 500_000: 50_000, 1_000_000: 100_000}


_PUBLISHED = (10_000, 20_000, 50_000, 100_000)  # of the sizes at n = 10,000, those trained twice


def _lower(e: Evidence, twins: dict[int, int], name: str = "two-solutions") -> dict[str, Estimate]:
    runs = differences(e.judging(name))
    return {
        f"T = {T:,}": mean(rows)
        for T, twin in twins.items()
        if len(rows := runs.loc[runs["T"] == twin, "difference"])
    }


@claim("U1-memorising", title="A memorising solution has the lowest training loss",
       source=_JULY, figure="fig-two-solutions",
       published="up to T ≈ 500,000 (text)", estimand=_LOSS,
       region={f"T = {T:,}": below(0) for T in _TWINS})  # fmt: skip
def _memorising(e: Evidence) -> dict[str, Estimate]:
    """With many learning rates tried, a memorising solution has the lowest training loss."""
    return _lower(e, _TWINS)


@claim("U1-crossing", title="Memorising is lower up to the twin of T = 500,000 only",
       source="ours, beside the update of July 2023", at_quick=False,
       published="up to T ≈ 500,000 at n = 10,000 (text); not stated at this n",
       figure="fig-two-solutions", estimand=_LOSS,
       region={f"T = {T:,}": below(0) if T < 500_000 else above(0) for T in _LATE})  # fmt: skip
def _crossing(e: Evidence) -> dict[str, Estimate]:
    """At a tenth of the size, so it has up to the twin of T = 500,000; from there on, the other."""
    return _lower(e, _LATE)


@claim("U1-published", title="A memorising solution is lower at the published n, too",
       source=_JULY, figure="fig-two-solutions", at_quick=False,
       published="up to T ≈ 500,000 (text)", estimand="Training loss of the training on the sum at "
       "a learning rate of 1e-2 less that of the training by the paper's settings, paired by data "
       "seed, mean over trainings, at n = 10,000 (trained at the profile full)",
       region={f"T = {T:,}": below(0) for T in _PUBLISHED})  # fmt: skip
def _published(e: Evidence) -> dict[str, Estimate]:
    """At the published n, too, a memorising solution has the lower training loss."""
    return _lower(e, dict(zip(_PUBLISHED, _PUBLISHED, strict=True)), "two-solutions-published")


@claim("U1-test-loss", title="On the bump the lowest training loss tests worse",
       source="ours, beside the update of July 2023", published="not stated",
       figure="fig-best-test-loss", region=above(0), estimand="log₁₀ of the test loss of the "
       "solution with the lowest training loss, less that of the training by the paper's settings, "
       "at n = 1,000 and T = 200, the twin of the bump; mean over trainings")  # fmt: skip
def _test_loss(e: Evidence) -> Estimate:
    """On the bump, the solution of the lowest training loss tests worse than the usual training."""
    runs = e.judging("two-solutions")
    best, usual = (
        rows[rows["T"] == BUMP].set_index("data_seed")["test_loss"]
        for rows in (lowest(runs), runs[runs["reduction"] == "mean"])
    )
    return mean(np.log10(best / usual))


@claim("U1-no-bump", title="A pentagon followed down to the bump tests better",
       source="ours, beside the update of July 2023", published="not stated",
       figure="fig-followed", region=below(0), estimand="Test loss of the pentagon of 2,000 points "
       "followed down to T = 200, the twin of the bump, less that of a training from scratch on "
       "the same data, at n = 1,000; mean over trainings")  # fmt: skip
def _no_bump(e: Evidence) -> Estimate:
    """What is left of the pentagon, followed down to the bump, tests better than a new training."""
    down, runs = e.judging("features-followed-down"), e.judging("two-solutions")
    followed_down, scratch = (
        rows[rows["T"] == BUMP].set_index("data_seed")
        for rows in (down, runs[runs["reduction"] == "mean"])
    )
    error = math.hypot(followed_down["test_error"].mean(), scratch["test_error"].mean())
    return mean((followed_down["test_loss"] - scratch["test_loss"]).dropna(), error=error)


@claim("U1-path", title="A memorising solution followed to another T is worse",
       source="ours, beside the update of July 2023", published="not stated",
       figure="fig-followed", at_quick=False, region={"up": above(0), "down": above(0)},
       estimand="Training loss of a memorising solution followed from T = 1,000 up to 2,000, 5 % "
       "at a time, and from 5,000 down to 1,000, less the lowest found from scratch on the same "
       "data, at n = 1,000; mean over trainings")  # fmt: skip
def _path(e: Evidence) -> dict[str, Estimate]:
    """By the continuation tried here, a memorising solution followed to another T is worse."""
    scratch = lowest(e.judging("two-solutions")).set_index(["T", "data_seed"])["train_loss"]
    ends = {"up": ("memory-followed-up", 2_000), "down": ("memory-followed-down", 1_000)}
    losses: dict[str, Estimate] = {}
    for row, (name, T) in ends.items():
        runs = e.judging(name)
        end = runs[runs["T"] == T].set_index("data_seed")["train_loss"]
        losses[row] = mean((end - scratch[T]).dropna())
    return losses
