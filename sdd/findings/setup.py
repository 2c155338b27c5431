"""The model with unlimited data: features in superposition (F1)."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from sdd import paper, theory
from sdd.data import Dataset
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import mean_sd
from sdd.findings.profiles import Profile, data_seeds, spec
from sdd.findings.rule import below
from sdd.measures.statistics import Estimate, mean
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["PUBLISHED_D", "active_features", "batches", "predicted_D", "table"]

PUBLISHED_D = paper.FEATURE_D[math.inf][0]  # of the five features, T = ∞


@experiment("fresh-data")
def fresh_data(p: Profile) -> list[RunSpec]:
    """F1, and the right-hand end of F3 and F4: fresh points at every step."""
    return [
        spec(math.inf, seed, of=p.name, batch=batch)
        for batch, look, judge in p.fresh
        for seed in data_seeds(look, judge)
    ]


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: fresh data, at all numbers of rows."""
    return Evidence.stored(of).table("fresh-data", *measures)


def active_features(data: Dataset, sparsity: float) -> pd.DataFrame:
    """Return how many data points have how many ``active`` features: ``drawn``, and ``expected``.

    Expected is T times the binomial probability of that number among n.
    """
    drawn = np.bincount(np.diff(data.indptr))
    active = np.arange(drawn.size)
    expected = data.T * stats.binom.pmf(active, data.n, 1 - sparsity)
    return pd.DataFrame({"active": active, "drawn": drawn, "expected": expected})


def predicted_D(frame: pd.DataFrame) -> pd.Series:
    """Return the D of a pentagon that `theory` predicts for each run.

    It follows from the run's settings and ``five_r2``, the mean squared length of its five.
    """
    found = [
        theory.predicted_pentagon_dimensionality(
            math.sqrt(row.five_r2), row.n, row.weight_decay, row.lr_sum, gain=row.gain
        )
        for row in frame.itertuples()
    ]
    return pd.Series(found, frame.index, dtype=float)


def batches(e: Evidence) -> pd.DataFrame:
    """Return what the number of fresh rows a step does at T = ∞, as a table of text."""
    groups = e.table("fresh-data").groupby("batch")
    found = {
        "rows a step": [f"{batch:,.0f}" for batch in groups.groups],
        "mean D of the five": groups["five_D"].agg(mean_sd, digits=3),
        "largest deviation from 72°": groups["five_angle_error"].agg(mean_sd, digits=1) + "°",
        "test loss": groups["test_loss"].agg(mean_sd, digits=4),
        "mean bias of the other features": groups["other_b"].agg(mean_sd, digits=5),
    }
    return pd.DataFrame(found)


# --- Claims -------------------------------------------------------------------------------------

_F1 = "F1, section on the infinite-data regime"
_PENTAGON = "fig-pentagon"


@claim("F1-pentagon", source=_F1, published="five features at equal angles (fig)", unit="°",
       figure=_PENTAGON, headline=True, region=below(6), estimand="Largest deviation of a "
       "neighbouring angle of the five strongest features from 72°, mean over trainings at T = ∞. "
       "Half-way to the hexagon's 60° is 6°")  # fmt: skip
def _angles(e: Evidence) -> Estimate:
    """With unlimited data five features stand at equal angles, 72° apart."""
    return mean(e.at(math.inf)["five_angle_error"])
