"""When features appear: at any weight decay (C3), at any sparsity (C4); one-hot points (C10)."""

import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from sdd import paper
from sdd.data import Dataset, DataSettings
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.grids import slope
from sdd.findings.page import mean_sd
from sdd.findings.profiles import Profile, choose, data_seeds
from sdd.findings.rule import USUALLY, above, below, between
from sdd.measures.columns import arrangement
from sdd.measures.statistics import Estimate, difference, mean, share
from sdd.runs.spec import RunSpec
from sdd.training.config import TrainConfig

__all__ = [
    "LEVEL",
    "by_width",
    "collapse",
    "decays",
    "one_hot",
    "onsets",
    "passed",
    "sightings",
    "text",
]

N = 500
LEVEL = 0.1  # a feature is there once the largest D is above this
LATER = 0.2

# Times that a feature is seen in a training set, T(1 − S), for each m, and the sparsities; features
# come later for larger m. All m have at least two sparsities in common.
SEEN: dict[int, tuple[float, ...]] = {
    2: (2, 3, 4, 6, 8, 12, 32), 4: (4, 8, 16, 32, 64, 128), 8: (8, 16, 32, 64, 128),
}  # fmt: skip
SPARSITIES: dict[int, tuple[float, ...]] = {
    2: (0.95, 0.98, 0.99, 0.995), 4: (0.95, 0.98, 0.99), 8: (0.9, 0.95, 0.98),
}  # fmt: skip
DECAYS = 0.001, 0.01, 0.1, 1.0
SEEN_AT_DECAYS = 0.5, 1, 2, 3, 4, 6, 8, 12
BEYOND = 16, 64  # after the onset: where the largest D is to fall


def _spec(S: float, seen: float, seed: int, **config: Any) -> RunSpec:
    T = round(seen / (1 - S))
    return RunSpec(DataSettings(T, N, S, seed=seed), TrainConfig(seed=100 * seed, **config))


@experiment("onset-decay")
def onset_decay(p: Profile) -> list[RunSpec]:
    """C3: the largest D of a feature over T for several weight decays, S = 0.98, m = 2."""
    # As many steps times the rate as the published training has: decay shrinks as much.
    usual = {"lr": 0.01, "steps": choose(p, 1_500, 5_000)}
    seeds = data_seeds(*choose(p, (0, 3), (0, 8)))
    cells = [
        *product(choose(p, DECAYS[1:], DECAYS), SEEN_AT_DECAYS),
        *product((0.01,), BEYOND),
    ]
    return [
        _spec(0.98, seen, seed, weight_decay=decay, **usual)
        for (decay, seen), seed in product(cells, seeds)
    ]


@experiment("onset-sightings")
def onset_sightings(p: Profile) -> list[RunSpec]:
    """C4: the largest D of a feature over T for several sparsities and hidden dimensions."""
    trainings = choose(p, {2: 3}, {2: 8, 4: 4, 8: 4})
    return [
        _spec(S, seen, seed, m=m, lr=0.01, steps=1_500 if m == 2 else 1_000)
        for m, count in trainings.items()
        for S, seen, seed in product(SPARSITIES[m], SEEN[m], data_seeds(0, count))
    ]


@experiment("one-hot")
def one_hot_points(p: Profile) -> list[RunSpec]:
    """C10: seven one-hot points, the case of an earlier study, from many initial weights."""
    points = Dataset.from_dense(np.eye(7, dtype=np.float32))
    seeds = data_seeds(0, choose(p, 16, 60))
    return [RunSpec(points, TrainConfig(reduction="sum", seed=seed)) for seed in seeds]


# --- Tables -------------------------------------------------------------------------------------


def sightings(e: Evidence) -> pd.DataFrame:
    """Return the runs at several sparsities, with ``seen``: T(1 − S)."""
    found = e.table("onset-sightings")
    return found.assign(seen=(found["T"] * (1 - found["sparsity"])).round(6))


def decays(e: Evidence) -> pd.DataFrame:
    """Return the runs at several weight decays."""
    return e.table("onset-decay")


def passed(T: Iterable[float], D: Iterable[float], level: float = LEVEL) -> float:
    """Return the T from which on D stays above a level, between two sizes by log T.

    Where D is never below it that is the least T, and where it ends below the largest.
    """
    rows = sorted(zip(T, D, strict=True))
    x, y = np.log([T for T, _ in rows]), np.array([D for _, D in rows])
    low = np.flatnonzero(y < level)
    if not low.size:
        return float(rows[0][0])
    k = int(low[-1])
    if k == len(y) - 1:
        return float(rows[-1][0])
    return math.exp(x[k] + (level - y[k]) / (y[k + 1] - y[k]) * (x[k + 1] - x[k]))


def onsets(runs: pd.DataFrame, setting: str, level: float = LEVEL) -> pd.DataFrame:
    """Return the T that each curve of the largest D over T has `passed` the level at.

    A row a curve: m, the setting, ``data_seed``, ``T`` and, as the runs have it, ``sparsity``.
    """
    rows = [
        (m, value, seed, passed(part["T"], part["D1"], level))
        for (m, value, seed), part in runs.groupby(["m", setting, "data_seed"])
    ]
    return pd.DataFrame(rows, columns=["m", setting, "data_seed", "T"])


def collapse(runs: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Return how far onsets at several sparsities lie apart, a row an m and a data seed.

    ``before`` and ``after``: the standard deviation over sparsities of log₁₀ of T and of T(1 − S)
    at the onset; ``seen``: the geometric mean of the latter; ``slope``: of log T against
    log 1/(1 − S), one where T(1 − S) is all that counts.
    """
    rows = []
    for (m, seed), part in onsets(runs, "sparsity", level).groupby(["m", "data_seed"]):
        rare = 1 - part["sparsity"]
        T, seen = np.log10(part["T"]), np.log10(part["T"] * rare)
        rows.append((m, seed, T.std(), seen.std(), 10 ** seen.mean(), slope(1 / rare, T)))
    return pd.DataFrame(rows, columns=["m", "data_seed", "before", "after", "seen", "slope"])


def text(runs: pd.DataFrame) -> pd.DataFrame:
    """Return as text the onsets in T(1 − S) by m and S, and what `collapse` says of each m."""
    found = onsets(runs, "sparsity")
    found = found.assign(seen=found["T"] * (1 - found["sparsity"]))
    cells = found.groupby(["m", "sparsity"])["seen"].agg(mean_sd, digits=1).unstack()
    cells.columns = [f"S = {S:g}" for S in cells.columns]
    groups = collapse(runs).groupby("m")
    names = {"before": "sd of log₁₀ T", "after": "sd of log₁₀ T(1 − S)", "slope": "slope"}
    for name, said in names.items():
        cells[said] = groups[name].agg(mean_sd, digits=2)
    return cells.fillna("–").reset_index()


def by_decay(runs: pd.DataFrame) -> str:
    """Return in words the mean T at the onset, by weight decay."""
    means = onsets(runs, "weight_decay").groupby("weight_decay")["T"].mean()
    return ", ".join(f"{T:.0f} (a decay of {decay:g})" for decay, T in means.items())


def lengths(decays: pd.DataFrame, seen: pd.DataFrame) -> dict[str, object]:
    """Return how long both kinds of trainings are, and the mean onsets where they differ in that.

    ``decay-share``: steps times rate of the first kind, as a share of the published training's.
    Onsets, in sightings at the sparsity and decay that both have at m = 2: ``long-seen`` of the
    first kind and ``short-seen`` of the second.
    """
    S = decays["sparsity"].iloc[0]
    first = decays[decays["weight_decay"] == paper.WEIGHT_DECAY]
    second = seen[(seen["m"] == 2) & (seen["sparsity"] == S)]
    means = [onsets(runs, "sparsity")["T"].mean() * (1 - S) for runs in (first, second)]
    steps, lr = decays["steps"].iloc[0], decays["lr"].iloc[0]
    return {
        "decay-steps": steps, "decay-rate": lr, "common-S": S,
        "decay-share": steps * lr / (paper.STEPS * paper.LEARNING_RATE),
        "seen-steps": " or ".join(f"{k:,}" for k in sorted(seen["steps"].unique())),
        "long-seen": means[0], "short-seen": means[1],
    }  # fmt: skip


def by_width(runs: pd.DataFrame) -> str:
    """Return in words the mean onset in sightings, by m."""
    means = collapse(runs).groupby("m")["seen"].mean()
    return ", ".join(f"{seen:.1f} (m = {m})" for m, seen in means.items())


def one_hot(e: Evidence) -> pd.DataFrame:
    """Return the trainings on one-hot points, with ``arrangement`` and whether they ``failed``."""
    runs = e.table("one-hot", arrangement)
    return runs.assign(failed=runs["train_loss"] > 0.5 / runs["T"])


# --- Claims -------------------------------------------------------------------------------------

_C3 = "C3, Jermyn's comment"
_C4 = "C4, Jermyn's comment"
_FROM = f"T from which on the largest D of a feature stays above {LEVEL}"


@claim("C3-onset", source=_C3, published="does not move (text)", figure="fig-onset-decay",
       region={"0.001 to 0.1": between(-0.15, 0.15), "0.1 to 1": between(-0.15, 0.15)},
       unit=" per factor of ten", at_quick=False,
       estimand=f"Slope of log₁₀ of the {_FROM} against log₁₀ of the weight decay; n = 500, "
       "S = 0.98, m = 2, mean over data seeds. Wrong would be an onset that moves by a factor of "
       "two, 0.3, per factor of ten: the region ends half-way")  # fmt: skip
def _does_not_move(e: Evidence) -> dict[str, Estimate]:
    """The onset of generalisation does not move with weight decay."""
    found = onsets(e.judging("onset-decay"), "weight_decay")
    ranges = {"0.001 to 0.1": (0, 0.2), "0.1 to 1": (0.05, 2)}
    rows: dict[str, Estimate] = {}
    for name, (low, high) in ranges.items():
        part = found[found["weight_decay"].between(low, high)]
        groups = part.groupby("data_seed")
        rows[name] = mean(slope(g["weight_decay"], np.log10(g["T"])) for _, g in groups)
    return rows


def _collapse(e: Evidence) -> dict[str, pd.DataFrame]:
    found = collapse(e.judging("onset-sightings"))
    return {f"m = {m}": rows for m, rows in found.groupby("m")}


@claim("C4-collapse", title="Onsets at several sparsities fall together on T(1 − S)",
       source=_C4, published="collapses, less cleanly for larger m (text)",
       figure="fig-onset-sightings", at_quick=False,
       region={f"m = {m}": below(0.5) for m in SEEN},
       estimand="Standard deviation over sparsities of log₁₀ of T(1 − S) at the onset, ÷ that of "
       f"log₁₀ T (onset: the {_FROM}); n = 500, mean over data seeds. Wrong would be 1: the region "
       "ends half-way to none")  # fmt: skip
def _collapses(e: Evidence) -> dict[str, Estimate]:
    """Against T(1 − S) the onsets at several sparsities fall together."""
    return {name: mean(rows["after"] / rows["before"]) for name, rows in _collapse(e).items()}


@claim("C4-wider", source=_C4, published="less cleanly for larger m (text)", at_quick=False,
       figure="fig-onset-sightings", region={f"m = {m}": above(0) for m in (4, 8)},
       estimand="The same quotient less that at m = 2, means over data seeds")  # fmt: skip
def _less_cleanly(e: Evidence) -> dict[str, Estimate]:
    """The collapse is less clean for larger m."""
    found = {name: rows["after"] / rows["before"] for name, rows in _collapse(e).items()}
    return {f"m = {m}": difference(found[f"m = {m}"], found["m = 2"]) for m in (4, 8)}


@claim("C4-ten", source=_C4, published="about ten (text)", figure="fig-onset-sightings",
       at_quick=False, region={f"D above {level}": between(5, 20) for level in (LEVEL, LATER)},
       estimand="Geometric mean over sparsities of T(1 − S) from which on the largest D of a "
       "feature stays above that value; n = 500, m = 2, mean over data seeds. The region is ten "
       "within a factor of two")  # fmt: skip
def _ten(e: Evidence) -> dict[str, Estimate]:
    """Features appear once each has been seen about ten times."""
    runs = e.judging("onset-sightings").query("m == 2")
    return {f"D above {level}": mean(collapse(runs, level)["seen"]) for level in (LEVEL, LATER)}


@claim("C4-falls", source=_C4, published="falls (text)", figure="fig-onset-decay",
       at_quick=False, region={"n = 500": below(0), "published size": below(0)},
       estimand="Largest D of a feature at T(1 − S) = 64 less that at 16, n = 500, S = 0.98, "
       "paired by data seed; at the published size that at T = ∞ less that at 20,000, means over "
       "trainings (which we knew when we chose this)")  # fmt: skip
def _falls(e: Evidence) -> dict[str, Estimate]:
    """Beyond the onset the largest D of a feature falls as T grows."""
    runs = e.judging("onset-decay").query("weight_decay == 0.01")
    D = runs.pivot(index="data_seed", columns="T", values="D1")
    before, after = (D[round(seen / 0.02)] for seen in BEYOND)
    rows: dict[str, Estimate] = {"n = 500": mean(after - before)}
    if e.profile.published_size:
        rows["published size"] = difference(e.at(math.inf)["D1"], e.at(20_000)["D1"])
    return rows


@claim("C10-one-hot", title="Seven one-hot points on unlike circles are no failure",
       source="ours, beside C10", published="not stated", figure="fig-one-hot",
       region=USUALLY, estimand="Share of trainings on seven one-hot points whose hidden vectors "
       "are not all on one circle that memorise every point: training loss below 1/14")  # fmt: skip
def _unlike_circles_lose_nothing(e: Evidence) -> Estimate | dict[str, Estimate]:
    """On seven one-hot points an arrangement on unlike circles is no failure."""
    uneven = one_hot(e).query("arrangement != 'one ring'")
    return share(~uneven["failed"]) if len(uneven) else {}
