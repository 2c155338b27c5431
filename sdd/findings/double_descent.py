"""Double descent: test loss against the size of the training set (F3, above)."""

import math

import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import beside, mean_sd, size
from sdd.findings.profiles import Profile, data_seeds, spec
from sdd.findings.rule import above, below
from sdd.measures.statistics import Estimate, lowest, mean
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["bump", "label", "large", "published_losses", "table"]

# The weights of a large model, from this T on, and of one on the bump are kept during training, of
# data seed 0: for the chapters on the engine and on ε.
KEPT_FROM = 1_000


@experiment("dataset-size")
def dataset_size(p: Profile) -> list[RunSpec]:
    """F2, F3, F4: finite data sets."""
    kept = tuple(sorted({max(1, round(share * p.steps)) for share in (0.05, 0.5, 1.0)}))
    large = {T for T, _, _ in p.sizes if T >= KEPT_FROM or T == p.size(2_000)}
    return [
        spec(T, seed, of=p.name, snapshots=kept if seed == 0 and T in large else ())
        for T, look, judge in p.sizes
        for seed in data_seeds(look, judge)
    ]


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: finite data sets, and fresh data (T = ∞)."""
    return Evidence.stored(of).body(*measures)


def label(T: float) -> str:
    """Return "T = " and its size, as they are printed."""
    return f"T = {size(T)}"


def large(e: Evidence) -> list[float]:
    """Return the sizes of the generalising regime: T from 10,000 on, and ∞."""
    return [*e.between(10_000, math.inf), math.inf]


def bump(e: Evidence) -> pd.DataFrame:
    """Return the bump of each data seed: ``T`` of its top, its ``height``, and its ``rise``.

    The rise is the height above the higher of the two ends (T = 500 and 5,000 at the published
    size), with the mean over seeds at an end where a seed has no run; ``noise`` is twice the
    largest error of a test loss there.
    """
    inner = e.between(500, 5_000)
    rows = e.table("dataset-size").query("T in @inner")
    loss = rows.pivot_table(index="data_seed", columns="T", values="test_loss")
    ends = [min(inner), max(inner)]
    loss = loss[loss[ends[0]].notna()]
    middle = loss.drop(columns=ends)
    sides = loss[ends].fillna(e.table("dataset-size").groupby("T")["test_loss"].mean())
    return pd.DataFrame(
        {
            "T": middle.idxmax(axis=1),
            "height": middle.max(axis=1),
            "rise": middle.max(axis=1) - sides.max(axis=1),
            "noise": 2 * rows["test_error"].max(),
        }
    )


def published_losses(e: Evidence) -> pd.DataFrame:
    """Return F3 top as a table of text: test loss by T, published and ours, with its errors."""
    published = {T: "off the top of the figure" for T in paper.OFF_THE_TOP} | {
        T: f"{loss:.4f} ± {paper.BUMP_READING if T == 2_000 else paper.LOSS_READING:.4f}"
        for T, loss in paper.TEST_LOSS.items()
    }
    groups = e.body().groupby("T")
    ours = pd.DataFrame(
        {
            "ours ± sd over seeds": groups["test_loss"].agg(mean_sd, digits=4),
            "largest standard error": groups["test_error"].max().map("{:.1e}".format),
            "seeds": groups.size(),
        }
    )
    theirs = pd.DataFrame({"published (fig)": published})
    return beside(e.profile, theirs, ours)


# --- Claims -------------------------------------------------------------------------------------

_F3 = "F3, section on double descent"
_LOSS = "fig-double-descent"


def _excess(e: Evidence, T: float, level: float = 1.0, level_error: float = 0.0) -> Estimate:
    """Estimate the mean test loss at a T, less a level."""
    runs = e.at(T)
    error = math.hypot(runs["test_error"].mean(), level_error)
    return mean(runs["test_loss"] - level, error=error)


@claim("F3-floor", source=_F3, published="none below (fig)", figure=_LOSS, headline=True,
       region=above(0), estimand="Test loss less that of the best constant output, mean over trainings at each "
       "T up to 2,000; the lowest of these means")  # fmt: skip
def _floor(e: Evidence) -> Estimate:
    """Up to T = 2,000 no test loss is below that of the best constant output."""
    sizes = [T for T in e.sizes if T <= e.profile.size(2_000)]
    return lowest(_excess(e, T, *e.constant) for T in sizes)


@claim("F3-above-one", source=_F3, figure=_LOSS, at_quick=False, headline=True, region=above(0),
       published="1.0015 to 1.022 ± 0.0003 (fig; judged by the sign)", estimand="Test loss less 1, mean over "
       "trainings at each of T = 15, 30, 50, 100 and 200; the lowest of these means")  # fmt: skip
def _above_one(e: Evidence) -> Estimate:
    """From T = 15 to 200 the test loss is above 1: worse than no output."""
    return lowest(_excess(e, T) for T in (15, 30, 50, 100, 200))


@claim("F3-bump", source=_F3, published="+0.0145 ± 0.002 (fig; judged by its sign)", figure=_LOSS,
       headline=True, region=above(0), estimand="Mean test loss at T = 2,000 less the larger of "
       "the means at T = 500 and 5,000, paired by data seed. The places are the paper's")  # fmt: skip
def _bump_rises(e: Evidence) -> Estimate:
    """Double descent: between T = 500 and 5,000 the test loss rises above both ends."""
    return rise(e)


def rise(e: Evidence) -> Estimate:
    """Estimate by how much the test loss at T = 2,000 is above those at 500 and at 5,000."""
    end, top, other = (e.at(e.profile.size(T)).set_index("data_seed") for T in (500, 2_000, 5_000))
    return lowest(
        mean(
            (top["test_loss"] - side["test_loss"]).dropna(),
            error=math.hypot(top["test_error"].mean(), side["test_error"].mean()),
        )
        for side in (end, other)
    )


@claim("F3-below-one", source=_F3, figure=_LOSS, headline=True, region=below(0),
       published="−0.0012 ± 0.0003 (fig; judged by its sign)", estimand="Test loss less 1, mean over all "
       "trainings at finite T from 10,000 on")  # fmt: skip
def _below_one(e: Evidence) -> Estimate:
    """From T = 10,000 on the test loss is below 1."""
    runs = pd.concat([e.at(T) for T in e.between(10_000, math.inf)])
    return mean(runs["test_loss"] - 1, error=runs["test_error"].mean())
