"""Double descent: test loss against the size of the training set (F3, above)."""

import math

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import beside, mean_sd, size
from sdd.findings.profiles import FIRST_JUDGING, Profile, data_seeds, spec
from sdd.findings.rule import USUALLY, above, below, within
from sdd.measures.statistics import Estimate, difference, lowest, mean, share
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = [
    "judging_counts", "label", "large", "numbers", "published", "published_losses",
    "rise", "table",
]  # fmt: skip

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


def judging_counts(e: Evidence) -> pd.Series:
    """Return how many trainings at each T judge claims."""
    return (e.body()["data_seed"] >= FIRST_JUDGING).groupby(e.body()["T"]).sum()


def published_losses(e: Evidence) -> pd.DataFrame:
    """Return F3 top as a table of text: test loss by T, published and ours, with its errors."""
    read = {T: "off the top of the figure" for T in paper.OFF_THE_TOP} | {
        T: "{:.4f} ± {:.4f}".format(*published(T)) for T in paper.TEST_LOSS
    }
    groups, judging = e.body().groupby("T"), judging_counts(e)
    ours = pd.DataFrame(
        {
            "ours ± sd over trainings": groups["test_loss"].agg(mean_sd, digits=4),
            "lowest": groups["test_loss"].min().map("{:.4f}".format),
            "highest": groups["test_loss"].max().map("{:.4f}".format),
            "largest error of the test set": groups["test_error"].max().map("{:.1e}".format),
            "trainings": groups.size(),
            "of them judge": judging,
        }
    )
    theirs = pd.DataFrame({"published (fig)": read})
    return beside(e.profile, theirs, ours)


def numbers(e: Evidence) -> dict[str, float | str]:
    """Return the numbers of the chapter's reading, by name."""
    end, top, other = (e.at(e.profile.size(T))["test_loss"] for T in (500, 2_000, 5_000))
    found, constant, most = rise(e), e.constant[0], max(e.sizes)
    low, high = found.interval()
    fresh = e.at(math.inf)["test_loss"].mean()
    return {
        "rise": found.value, "rise-low": low, "rise-high": high, "top": e.profile.size(2_000),
        "top-trainings": len(top), "lowest": top.min(), "highest": top.max(),
        "up": int((top > max(end.mean(), other.mean())).sum()), "constant": constant,
        "largest-T": most, "largest": e.at(most)["test_loss"].mean(), "fresh": fresh,
        "fresh-gap": abs(fresh - constant),
        "fresh-word": "worse than" if fresh > constant else "better than",
        "fresh-why": _WORSE if fresh > constant else "",
    }  # fmt: skip


def published(T: float) -> tuple[float, float]:
    """Return the published test loss at a T, and its reading error: more where it is steep."""
    steep = T in (8, 15, 2_000)
    return paper.TEST_LOSS[T], paper.BUMP_READING if steep else paper.LOSS_READING


_WORSE = (
    "For a model that knows five features this needs an explanation: batches of fresh points are "
    "noisy, and noise can push the biases of other features below zero, where they stay"
)


# --- Claims -------------------------------------------------------------------------------------

_F3 = "F3, section on double descent"
_LOSS = "fig-double-descent"


def _excess(e: Evidence, T: float, level: float = 1.0, level_error: float = 0.0) -> Estimate:
    """Estimate the mean test loss at a T, less a level."""
    runs = e.at(T)
    error = math.hypot(runs["test_error"].mean(), level_error)
    return mean(runs["test_loss"] - level, error=error)


@claim("F3-floor", title="Up to T = 2,000 the test loss is above the best constant's",
       source=_F3, published="none below (fig)", figure=_LOSS, headline=True,
       region=above(0),
       estimand="Test loss less that of the best constant output, mean over trainings at each T "
                "up to 2,000; the lowest of these means")  # fmt: skip
def _floor(e: Evidence) -> Estimate:
    """Up to T = 2,000 no test loss is below that of the best constant output."""
    sizes = [T for T in e.sizes if T <= e.profile.size(2_000)]
    return lowest(_excess(e, T, *e.constant) for T in sizes)


@claim("F3-floor-each", title="Up to T = 2,000 nearly all trainings lose to a constant",
       source="ours, beside F3", published="not stated", figure=_LOSS,
       region=USUALLY, estimand="Share of single trainings at T up to 2,000 whose test loss is "
       "above the constant output's by two standard errors of both. Stated when the runs had "
       "been seen: the means at T = 8 and 10 rest on a few trainings that fail")  # fmt: skip
def _floor_each(e: Evidence) -> Estimate:
    """A single training up to T = 2,000 usually scores worse than the best constant output."""
    constant, error = e.constant
    runs = pd.concat([e.at(T) for T in e.sizes if T <= e.profile.size(2_000)])
    excess = runs["test_loss"] - constant
    return share(excess > 2 * np.hypot(runs["test_error"], error))


@claim("F3-above-one", title="From T = 15 to 200 the test loss is worse than no output's",
       source=_F3, figure=_LOSS, at_quick=False, headline=True, region=above(0),
       published="1.0015 to 1.022 ± 0.0003 (fig; judged by the sign)",
       estimand="Test loss less 1, mean over trainings at each of T = 15, 30, 50, 100 and 200; "
                "the lowest of these means")  # fmt: skip
def _above_one(e: Evidence) -> Estimate:
    """From T = 15 to 200 the test loss is above 1: worse than no output."""
    return lowest(_excess(e, T) for T in (15, 30, 50, 100, 200))


@claim("F3-bump", title="Double descent: the test loss rises, and falls again",
       source=_F3, published="+0.0145 ± 0.002 (fig; judged by its sign)", figure=_LOSS,
       headline=True, region=above(0),
       estimand="Mean test loss at T = 2,000 less the larger of the means at T = 500 and 5,000, "
                "paired by data seed. The places are the paper's")  # fmt: skip
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
       published="−0.0012 ± 0.0003 (fig; judged by its sign)",
       estimand="Test loss less 1, mean over all trainings at finite T from 10,000 on")  # fmt: skip
def _below_one(e: Evidence) -> Estimate:
    """From T = 10,000 on the test loss is below 1."""
    runs = pd.concat([e.at(T) for T in e.between(10_000, math.inf)])
    return mean(runs["test_loss"] - 1, error=runs["test_error"].mean())


_SMALL = (8, 15, 30, 50, 100, 200, 500, 1_000)
_LARGE = (10_000, 20_000, 50_000, math.inf)


def _as_published(e: Evidence, T: float) -> Estimate:
    """Estimate the mean test loss at a T, to be held against the published mean of four."""
    runs = e.at(T)
    error = runs["test_error"].mean()
    return mean(runs["test_loss"], error=error, reading=published(T)[1], seeds=4)


def _listed(sizes: tuple[float, ...]) -> str:
    return "; ".join(f"{label(T)}: {{:g}} ± {{:g}}".format(*published(T)) for T in sizes) + " (fig)"


@claim("F3-small", title="Up to T = 1,000 test losses are the published ones",
       source=_F3, figure=_LOSS, at_quick=False, published=_listed(_SMALL),
       estimand="Test loss at each T, mean over trainings. Were the claim wrong, one would see 1,"
                " the loss of no output: the region ends half-way to it",
       region={label(T): within(paper.TEST_LOSS[T], abs(paper.TEST_LOSS[T] - 1) / 2)
               for T in _SMALL})  # fmt: skip
def _small(e: Evidence) -> dict[str, Estimate]:
    """Test losses of training sets of up to a thousand points are the published ones."""
    return {label(T): _as_published(e, T) for T in _SMALL if T in e.sizes}


@claim("F3-bump-height", title="On the bump the test loss is the published one",
       source=_F3, published="1.015 ± 0.002 (fig)", figure=_LOSS, at_quick=False,
       region=within(1.015, 0.007),
       estimand="Test loss at T = 2,000, mean over trainings. The region ends half-way to the "
                "published 1.0007 at T = 1,000")  # fmt: skip
def _bump_height(e: Evidence) -> Estimate:
    """On the bump, at T = 2,000, the test loss is the published one."""
    return _as_published(e, 2_000)


@claim("F3-bump-place", title="The bump is highest at T = 2,000",
       source=_F3, figure=_LOSS, at_quick=False, region=above(0),
       published="+0.0143 ± 0.002 above T = 1,000 (fig); T = 3,000 is not in the figure",
       estimand="Mean test loss at T = 2,000 less that at T = 1,000, and less that at "
                "3,000")  # fmt: skip
def _bump_place(e: Evidence) -> dict[str, Estimate]:
    """The bump is higher at T = 2,000 than at the next sizes on either side."""
    top = e.at(2_000)
    sides = {label(T): e.at(T) for T in (1_000, 3_000) if T in e.sizes}
    return {
        f"above {name}": difference(
            top["test_loss"], side["test_loss"],
            error=math.hypot(top["test_error"].mean(), side["test_error"].mean()),
        )
        for name, side in sides.items()
    }  # fmt: skip


@claim("F3-bump-usually", source="ours, beside F3", figure=_LOSS, region=USUALLY,
       published="means of four trainings only (fig)",
       estimand="Share of the trainings at T = 2,000 whose test loss is above our mean test "
                "losses at T = 500 and at T = 5,000")  # fmt: skip
def _bump_usually(e: Evidence) -> Estimate:
    """Nearly every training at T = 2,000 shows the bump."""
    end, top, other = (e.at(e.profile.size(T))["test_loss"] for T in (500, 2_000, 5_000))
    return share(top > max(end.mean(), other.mean()))


@claim("F3-below-constant", title="From T = 10,000 on the test loss beats the best constant's",
       source="ours, tested on F3", published="not stated", figure=_LOSS,
       region={"finite T": below(0), "T = ∞": below(0)},
       estimand="Test loss less that of the best constant output, mean over all trainings at "
                "finite T from 10,000 on, and over those at T = ∞")  # fmt: skip
def _below_constant(e: Evidence) -> dict[str, Estimate]:
    """From T = 10,000 on the test loss is below that of the best constant output."""
    constant, error = e.constant
    parts = {
        "finite T": pd.concat([e.at(T) for T in e.between(10_000, math.inf)]),
        "T = ∞": e.at(math.inf),
    }
    return {
        name: mean(runs["test_loss"] - constant, error=math.hypot(runs["test_error"].mean(), error))
        for name, runs in parts.items()
    }


@claim("F3-plateau", source=_F3, figure=_LOSS, at_quick=False, published=_listed(_LARGE),
       region={label(T): within(0.9988, 0.00023) for T in _LARGE},
       estimand="Test loss at each T, mean over trainings. The region ends half-way to 0.99926, "
                "1 − nμ²: the loss of the best constant output if no point is empty")  # fmt: skip
def _plateau(e: Evidence) -> dict[str, Estimate]:
    """From T = 10,000 on the test loss is the published one."""
    return {label(T): _as_published(e, T) for T in _LARGE if T in (*e.sizes, math.inf)}
