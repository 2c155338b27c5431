"""The model with unlimited data: features in superposition (F1)."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from sdd import engine, paper, theory
from sdd.data import Dataset
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import mean_sd
from sdd.findings.profiles import Profile, data_seeds, spec
from sdd.findings.rule import below, within
from sdd.measures.columns import test_rows
from sdd.measures.damping import drawn_data
from sdd.measures.geometry import strongest
from sdd.measures.statistics import Estimate, difference, mean
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec
from sdd.training.run import Run

__all__ = [
    "PUBLISHED_D", "active_features", "batches", "one_row", "other_features", "predicted_D",
    "published_loss", "table",
]  # fmt: skip

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


def one_row(run: Run, among: int = 1_000) -> pd.DataFrame:
    """Return what a model makes of that of the first test points on which it errs least.

    A row a ``feature`` that is active in the point, is one of the five strongest, or comes out
    above a tenth of the largest output: its value ``x``, its ``output``, and its column of W,
    ``wx`` and ``wy``.
    """
    rows = test_rows(run)[:among]
    x = rows[int(run.errors(rows).argmin())]
    output = np.maximum(0, run.W.T @ (run.W @ x) + run.b)
    shown = (x > 0) | (output > 0.1 * output.max())
    shown[strongest(run.W.T, 5)] = True
    columns = {
        "feature": np.arange(x.size),
        "x": x,
        "output": output,
        "wx": run.W[0],
        "wy": run.W[1],
    }
    return pd.DataFrame(columns)[shown]


def other_features(run: Run) -> dict[str, float]:
    """Return what the biases of all but the five strongest features of a model do.

    ``negative_b``: share of them below zero; ``mean_b_loss``: test loss with each of them put at
    μ, the mean of a feature.
    """
    others = np.delete(np.arange(run.b.size), strongest(run.W.T, 5))
    rows, b = test_rows(run), run.b.copy()
    b[others] = theory.feature_mean(rows.n, drawn_data(run).sparsity)
    return {
        "negative_b": float((run.b[others] < 0).mean()),
        "mean_b_loss": float(engine.loss(run.W, b, rows)),
    }


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
    groups = e.table("fresh-data", other_features).groupby("batch")
    found = {
        "rows a step": [f"{batch:,.0f}" for batch in groups.groups],
        "mean D of the five": groups["five_D"].agg(mean_sd, digits=3),
        "largest deviation from 72°": groups["five_angle_error"].agg(mean_sd, digits=1) + "°",
        "test loss": groups["test_loss"].agg(mean_sd, digits=5),
        "other biases below zero": [f"{v:.0%}" for v in groups["negative_b"].mean()],
        "test loss with the other biases at μ": groups["mean_b_loss"].agg(mean_sd, digits=5),
    }
    return pd.DataFrame(found)


def published_loss(p: Profile) -> str:
    """Return a sentence on the published test loss at T = ∞, where ours can stand beside it."""
    found = p.published(paper.TEST_LOSS).get(math.inf)
    return f"(The paper's figure shows {found} ± {paper.LOSS_READING}.)" if found else ""


# --- Claims -------------------------------------------------------------------------------------

_F1 = "F1, section on the infinite-data regime"
_PENTAGON = "fig-pentagon"


@claim("F1-pentagon", title="With unlimited data five features form a regular pentagon",
       source=_F1, published="five features at equal angles (fig)", unit="°",
       figure=_PENTAGON, headline=True, region=below(6), estimand="Largest deviation of a "
       "neighbouring angle of the five strongest features from 72°, mean over trainings at T = ∞. "
       "Half-way to the hexagon's 60° is 6°")  # fmt: skip
def _angles(e: Evidence) -> Estimate:
    """With unlimited data five features stand at equal angles, 72° apart."""
    return mean(e.at(math.inf)["five_angle_error"])


@claim("F1-five", title="With unlimited data five features stand apart",
       source=_F1, published="five features (fig)", figure=_PENTAGON,
       region=below(0.667), estimand="D of the sixth strongest feature over that of the fifth, "
       "mean over trainings at T = ∞. Where it is 0.667 the fifth has 1.5 times the sixth's"
)  # fmt: skip
def _five_apart(e: Evidence) -> Estimate:
    """With unlimited data five features stand apart from all others."""
    runs = e.at(math.inf)
    return mean(runs["D6"] / runs["D5"])


@claim("F1-D", title="D of the five features is about 0.255, not 0.4",
       source=_F1, published=f"{PUBLISHED_D} ± {paper.D_READING} (fig)", figure=_PENTAGON,
       region=within(PUBLISHED_D, 0.03), at_quick=False, estimand="Mean D of the five strongest "
       "features, mean over trainings at T = ∞. Half-way to 0.4, that of a pentagon beside which "
       "there is nothing, would be 0.07 away")  # fmt: skip
def _D(e: Evidence) -> Estimate:
    """The five features share their two dimensions with others: D is about 0.255, not 0.4."""
    return mean(e.at(math.inf)["five_D"], reading=paper.D_READING)


@claim("F1-D-theory", title="Leftovers of the initial weights make their D so low",
       source="ours, tested on F1", published="1 and 0 (formulas)", figure=_PENTAGON,
       statement="The other columns are as long as what decay leaves of the initial weights, and "
       "the D of the five is as low as that makes it",
       region={"R²": within(1, 0.3), "D": within(0, 0.03)},
       estimand="R²: summed squared length of all columns but the five, over what weight decay "
       "leaves of the initial ones, mean over trainings at T = ∞; without decay it would be "
       "1.65. D: measured mean D of the five less that of a pentagon beside columns of the "
       "predicted R² that pull on all five alike, mean over the same trainings")  # fmt: skip
def _D_as_predicted(e: Evidence) -> dict[str, Estimate]:
    runs = e.at(math.inf)
    left = [
        theory.decayed_norm_sq(row.n, row.m, row.weight_decay, row.lr_sum)
        for row in runs.itertuples()
    ]
    return {
        "R²": mean(runs["other_R2"] / left),
        "D": mean(runs["five_D"] - predicted_D(runs)),
    }


@claim("F1-batch", title="D of the five does not depend on fresh rows a step",
       source="ours: the paper states no batch size", published="0 (expected)",
       figure=_PENTAGON, region=within(0, 0.05), estimand="Mean D of the five in trainings on "
       "another number of fresh rows a step, less that in trainings on the number shown. "
       "Half-way to another polygon, a square with 2/4 instead of 2/5, is 0.05")  # fmt: skip
def _same_on_batches(e: Evidence) -> dict[str, Estimate]:
    """The D of the five does not depend on the number of fresh rows a step."""
    D = e.judging("fresh-data").groupby("batch")["five_D"]
    shown, *others = (batch for batch, _, _ in e.profile.fresh)
    return {f"{b:,} rows": difference(D.get_group(b), D.get_group(shown)) for b in others}
