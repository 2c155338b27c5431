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
from sdd.findings.profiles import Profile, spec
from sdd.findings.rule import Verdict, combine, judge_each, judge_value
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["PUBLISHED_D", "active_features", "batches", "predicted_D", "table"]

PUBLISHED_D = paper.FEATURE_D[math.inf][0]  # of the five features, T = ∞


@experiment("fresh-data")
def fresh_data(p: Profile) -> list[RunSpec]:
    """F1, and the right-hand end of F3 and F4: fresh points at every step."""
    return [
        spec(math.inf, seed, of=p.name, batch=batch)
        for batch, seeds in p.fresh
        for seed in range(seeds)
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
_ANGLE = 6.0  # half way from the pentagon's 72° to the hexagon's 60°
_OFF = 2 / 5 - PUBLISHED_D  # to the D of a pentagon beside which nothing else stands


@claim("F1-pentagon", source=_F1, published="five features (fig)", figure=_PENTAGON)
def _pentagon(e: Evidence) -> Verdict:
    """With unlimited data five features stand apart from all others."""
    return judge_each(e.fresh()["five_apart"], "five features apart")


@claim("F1-angles", source=_F1, published="equal angles (fig)", figure=_PENTAGON)
def _angles(e: Evidence) -> Verdict:
    """The five features are at equal angles, 72° apart."""
    errors = e.fresh()["five_angle_error"]
    listed = ", ".join(f"{v:.1f}°" for v in errors)
    return judge_each(errors <= _ANGLE, f"largest deviation {listed}: within {_ANGLE}°")


@claim("F1-D", source=_F1, published=f"0.255 ± {paper.D_READING} (fig)", figure=_PENTAGON,
       at_quick=False)  # fmt: skip
def _D(e: Evidence) -> Verdict:
    """Mean D of the five features."""
    return judge_value(e.fresh()["five_D"], PUBLISHED_D, reading=paper.D_READING, effect=_OFF)


@claim("F1-D-theory", source="ours, tested on F1", published="0 (formula)", figure=_PENTAGON)
def _D_as_predicted(e: Evidence) -> Verdict:
    """Measured D of the five less the D predicted from the initialisation and its decay."""
    runs = e.fresh()
    return judge_value(runs["five_D"] - predicted_D(runs), 0, effect=_OFF)


@claim("F1-batch", source="ours: the paper states no batch size", published="0 (expected)",
       figure=_PENTAGON, statement="The D of the five does not depend on the number of fresh rows "
       "a step: difference from the number shown")  # fmt: skip
def _same_on_batches(e: Evidence) -> Verdict:
    D = e.table("fresh-data").pivot(index="data_seed", columns="batch", values="five_D")
    shown, *others = (batch for batch, _ in e.profile.fresh)
    reference = D[shown].dropna()
    # Wrong would be another polygon: each corner of a square has 2/4 where we expect 2/5.
    effect = float(reference.mean()) / 4
    return combine(
        {
            f"{batch:,} rows": judge_value((D[batch] - reference).dropna(), 0, effect=effect)
            for batch in others
        }
    )
