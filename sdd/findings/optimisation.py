"""How much of a training is chance: outcomes at T = 8 (C10), spread over initial weights."""

import math

import numpy as np
import pandas as pd

from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import mean_sd
from sdd.findings.profiles import Profile, choose, small_spec, spec
from sdd.measures import arrangements
from sdd.measures.columns import arrangement, hidden_vectors, point_losses
from sdd.measures.statistics import best_of
from sdd.measures.table import Measure, load
from sdd.runs.spec import RunSpec

__all__ = [
    "best_by_count",
    "eight",
    "examples",
    "failure_chance",
    "mixed_loss",
    "outcomes",
    "renamed",
    "table",
]

FAILED = "failed"


@experiment("eight-points")
def eight_points(p: Profile) -> list[RunSpec]:
    """T = 8 from many initial weights: how often it fails, and how."""
    return [
        spec(8, seed, of=p.name, seed=1_000 + 100 * seed + k)
        for seed in range(choose(p, 2, 4))
        for k in range(choose(p, 8, 24, 64))
    ]


@experiment("initial-weights")
def initial_weights(p: Profile) -> list[RunSpec]:
    """Several data sets, each from many initial weights, at m = 2 and m = 4."""
    return [
        small_spec(p, T, seed, m=m, seed=2_000 + 100 * seed + k)
        for T in choose(p, (8, 30, 100), (8, 15, 30, 100), (8, 15, 30, 50, 100, 200, 500))
        for seed in range(choose(p, 3, 2, 4))
        for m in (2, 4)
        for k in range(choose(p, 4, 8, 16))
    ]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the trainings from many initial weights, a row a training; see also `eight`."""
    return Evidence.stored(of).table("initial-weights", *measures)


def eight(e: Evidence) -> pd.DataFrame:
    """Return the trainings at T = 8: whether each has ``failed``, and its ``outcome``.

    A training has failed where its loss is above half of one point's share, 1/2T. The outcome is
    "failed", or else how the hidden vectors are arranged (`sdd.measures.arrangements`): in this
    order the failures are last.
    """
    runs = e.table("eight-points", arrangement)
    failed = runs["train_loss"] > 0.5 / runs["T"]
    names = runs["arrangement"].mask(failed, FAILED)
    kinds = [k for k in (*arrangements.KINDS, FAILED) if (names == k).any()]
    return runs.assign(failed=failed, outcome=pd.Categorical(names, kinds, ordered=True))


def outcomes(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what trainings came to as a table of text: how often, and what they look like."""
    groups = runs.groupby("outcome", observed=True)
    losses = groups["train_loss"].agg(["median", "min", "max"])
    return pd.DataFrame(
        {
            "came to": losses.index,
            "trainings": [f"{count} of {len(runs)}" for count in groups.size()],
            "training loss: median (lowest to highest)": [
                f"{row.median:.1e} ({row.min:.1e} to {row.max:.1e})" for row in losses.itertuples()
            ],
            "test loss ± sd": groups["test_loss"].agg(mean_sd, digits=4),
            "‖W‖ ± sd": groups["W_norm"].agg(mean_sd, digits=1),
            "‖b‖ ± sd": groups["b_norm"].agg(mean_sd, digits=1),
        }
    )


def examples(runs: pd.DataFrame, count: int = 3) -> pd.DataFrame:
    """Return the hidden vectors of a few trainings of each outcome, evenly spaced by ‖W‖.

    A row a vector: ``kind`` (the outcome, with how many had it), ``model`` (counted from 0),
    ``x``, ``y``, and ``marked`` where the point is not memorised: its own loss is above 1/2T.
    """
    parts = []
    for name, rows in runs.groupby("outcome", observed=True):
        ordered = rows.sort_values("W_norm", kind="stable")
        places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
        for k, run in enumerate(load(ordered["run"].iloc[places])):
            x, y = hidden_vectors(run).T
            kind = f"{name}: {len(rows)} of {len(runs)}"
            marked = point_losses(run) > 0.5 / run.T
            parts.append(pd.DataFrame({"kind": kind, "model": k, "x": x, "y": y, "marked": marked}))
    return pd.concat(parts, ignore_index=True)


def renamed(runs: pd.DataFrame, step: float) -> int:
    """Return how many arrangements have another name where circles differ by another factor."""
    kinds = [arrangements.kind(hidden_vectors(run), step) for run in load(runs["run"])]
    return int((runs["arrangement"] != kinds).sum())


def failure_chance(runs: pd.DataFrame, k: int) -> float:
    """Return how often the best of k trainings on one data set fails; a mean over data sets."""
    sets = runs.groupby("data_seed")[["train_loss", "failed"]]
    return float(sets.apply(lambda rows: best_of(k, rows["train_loss"], rows["failed"])).mean())


def mixed_loss(runs: pd.DataFrame) -> list[float]:
    """Return the mean test loss of one failed fan and three that memorise, for each failed fan.

    The paper's F3 shows means of four models.
    """
    right = runs.loc[~runs["failed"], "test_loss"].mean()
    wrong = runs.loc[runs["failed"] & runs["fan"], "test_loss"]
    return [(loss + 3 * right) / 4 for loss in wrong if not math.isnan(right)]


def best_by_count(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what to expect of the best of k trainings, by training loss, a row a data set and k.

    ``lowest`` is its training loss as a share of one training's; ``tested`` its test loss less one
    training's.
    """
    rows = []
    for (T, seed), found in runs.groupby(["T", "data_seed"]):
        train, test = found["train_loss"], found["test_loss"]
        for k in range(1, len(found) + 1):
            lowest = best_of(k, train) / best_of(1, train)
            rows.append((T, seed, k, lowest, best_of(k, train, test) - best_of(1, train, test)))
    return pd.DataFrame(rows, columns=["T", "data_seed", "k", "lowest", "tested"])
