"""Small training sets: data points in superposition (F2)."""

import math

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import specs
from sdd.findings.page import beside, mean_sd
from sdd.findings.profiles import Profile
from sdd.findings.rule import USUALLY, Region, above, below, within
from sdd.measures import table as tables
from sdd.measures.arms import ARM
from sdd.measures.columns import hidden_vectors
from sdd.measures.damping import times_seen
from sdd.measures.statistics import Estimate, mean, share
from sdd.measures.table import Measure, load
from sdd.training.run import Run

__all__ = [
    "bias_by_use", "column_directions", "directions", "lengths", "lost_a_point", "polygons",
    "regular", "seen", "table",
]  # fmt: skip

MOST = 30  # data points of what is called a small training set here


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: training sets of up to 30 points."""
    return tables.table([s for s in specs("dataset-size", of) if s.data.T <= MOST], *measures)


def bias_by_use(run: Run) -> dict[str, float]:
    """Return the norm of the bias on features that some training point has, and on all others."""
    used = times_seen(run) > 0
    b = run.b.astype(float)
    return {"b_used": float(np.linalg.norm(b[used])), "b_unused": float(np.linalg.norm(b[~used]))}


def column_directions(run: Run) -> dict[str, float]:
    """Return how many long columns of W lie along a data point that has their feature.

    ``long_columns``: longer than half the longest; ``along_points``: the share of them within
    `ARM` degrees of the hidden vector of a point that has the feature; ``along_shuffled``: that
    share where each hidden vector is given to another point, mean over all cyclic shifts.
    """
    points, W = run.training_set().to_dense() > 0, run.W[0] + 1j * run.W[1]
    h, long = run.hidden() @ [1, 1j], abs(W) > abs(W).max() / 2

    def along(h: np.ndarray) -> float:
        apart = abs(np.degrees(np.angle(W[long] / h[:, None])))
        return float(((apart <= ARM) & points[:, long]).any(axis=0).mean())

    shuffled = [along(np.roll(h, shift)) for shift in range(1, len(h))]
    return {
        "long_columns": int(long.sum()), "along_points": along(h),
        "along_shuffled": float(np.mean(shuffled)),
    }  # fmt: skip


def directions(runs: pd.DataFrame) -> pd.DataFrame:
    """Return how many long columns lie along a point of theirs at each T, as a table of text."""
    groups = runs.groupby("T")
    found = {
        "T": [f"{T:,.0f}" for T in groups.groups],
        "columns longer than half the longest": groups["long_columns"].agg(mean_sd, digits=1),
        "along a point that has the feature": groups["along_points"].mean().map("{:.0%}".format),
        "with points shuffled": groups["along_shuffled"].mean().map("{:.0%}".format),
    }
    return pd.DataFrame(found)


def lost_a_point(frame: pd.DataFrame) -> pd.Series:
    """Tell which runs lost a point: a training loss above half of one point's share, 1/2T."""
    return frame["train_loss"] > 0.5 / frame["T"]


def furthest(frame: pd.DataFrame) -> pd.Series:
    """Return how far the D of any data point of each run is from 2/T."""
    corner = 2 / frame["T"]
    return np.maximum(abs(frame["point_D_min"] - corner), abs(frame["point_D_max"] - corner))


def regular(frame: pd.DataFrame) -> pd.Series:
    """Tell which runs have a regular polygon: each D nearer to 2/T than half-way to 2/(T + 1)."""
    T = frame["T"]
    return furthest(frame) < (2 / T - 2 / (T + 1)) / 2


def lengths(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the ``length`` of every hidden vector of runs, by ``T``."""
    parts = [
        pd.DataFrame({"T": run.T, "length": np.linalg.norm(hidden_vectors(run), axis=1)})
        for run in load(frame["run"])
    ]
    return pd.concat(parts, ignore_index=True)


def polygons(p: Profile, runs: pd.DataFrame) -> pd.DataFrame:
    """Return F2 as a table of text: D against 2/T, the ring, regular polygons, and lost points."""
    ring = {8: "6 (and 2 inner points)", 30: "{} to {}".format(*paper.RING_OF_30)}
    published = {T: " / ".join(f"{D:.3g}" for D in values) for T, values in paper.EXAMPLE_D.items()}
    columns = ["D, published (fig)", "on the ring, published (fig)"]
    theirs = pd.concat([pd.Series(published), pd.Series(ring)], axis=1, keys=columns)
    runs = runs.assign(
        regular=regular(runs), all_on_ring=runs["on_ring"] == runs["T"], lost=lost_a_point(runs)
    )
    groups = runs.groupby("T")
    trained = groups.size().astype(str)
    ours = pd.DataFrame(
        {
            "2/T": [f"{2 / T:.3f}" for T in groups.groups],
            "lowest D": groups["point_D_min"].agg(mean_sd, digits=3),
            "highest D": groups["point_D_max"].agg(mean_sd, digits=3),
            "on the ring": groups["on_ring"].agg(mean_sd, digits=1),
            "all on the ring": groups["all_on_ring"].sum().astype(str) + " of " + trained,
            "regular polygon": groups["regular"].sum().astype(str) + " of " + trained,
            "lost a point": groups["lost"].sum().astype(str) + " of " + trained,
        }
    )
    return beside(p, theirs, ours)


_NAMES = {3: "triangle", 5: "pentagon", 6: "hexagon", 8: "octagon", 10: "decagon"}


def seen(runs: pd.DataFrame) -> str:
    """Return how many trainings gave the regular polygons that have names, in words."""
    found = []
    for T, name in _NAMES.items():
        here = regular(runs[runs["T"] == T])
        found.append(f"{here.sum()} of {len(here)} trainings on {T} points gave a regular {name}")
    return "; ".join(found)


# --- Claims -------------------------------------------------------------------------------------

_F2 = "F2, section on data points in superposition"
_POLYGONS = "fig-polygons"
_SHOWN = (5, 6, 10)  # sizes at which the paper shows a regular polygon with all points on it


@claim("F2-T5", title="Five data points form a regular pentagon, with D = 2/5",
       source=_F2, published=f"every D 0.4 ± {paper.D_READING} (fig)", figure=_POLYGONS,
       headline=True, region=Region(-math.inf, (2 / 5 - 2 / 6) / 2, "below 0.033"),
       estimand="Distance from 2/5 of the D of the data point that is furthest from it, mean over "
       "single trainings at T = 5. Half-way to the next polygon's 2/6 is 0.033")  # fmt: skip
def _five_points(e: Evidence) -> Estimate:
    """At T = 5 data points form a regular pentagon, each with D = 2/5."""
    return mean(furthest(e.at(5)))


@claim("F2-D", title="Six and ten data points form regular polygons, D = 2/T",
       source=_F2, published="2/6 and 2/10 (fig, a regular polygon)", figure=_POLYGONS,
       region={"T = 6": below(0.0238), "T = 10": below(0.0091)},
       estimand="Distance from 2/T of the D of the data point that is furthest from it, mean over "
       "single trainings at that T. The bounds are half-way to the next polygon's 2/(T + 1)"
)  # fmt: skip
def _other_polygons(e: Evidence) -> dict[str, Estimate]:
    """In single trainings six and ten data points form regular polygons, with D = 2/T."""
    return {f"T = {T}": mean(furthest(e.at(T))) for T in (6, 10)}


@claim("F2-regular", title="Five, six or ten points usually give a regular polygon",
       source=_F2, published="regular in the models shown (fig)", figure=_POLYGONS,
       region={f"T = {T}": USUALLY for T in _SHOWN},
       estimand="Share of single trainings at that T in which the D of every data point is nearer "
       "to 2/T than half-way to 2/(T + 1)")  # fmt: skip
def _usually_regular(e: Evidence) -> dict[str, Estimate]:
    """A training on five, six or ten data points usually gives a regular polygon."""
    return {f"T = {T}": share(regular(e.at(T))) for T in _SHOWN}


@claim("F2-ring", title="Five, six or ten points usually all stay on the ring",
       source=_F2, published="all in the models shown (fig)", figure=_POLYGONS,
       region={f"T = {T}": USUALLY for T in _SHOWN},
       estimand="Share of single trainings at that T in which every hidden vector is longer than "
       "half the longest")  # fmt: skip
def _usually_on_the_ring(e: Evidence) -> dict[str, Estimate]:
    """A training on five, six or ten data points usually keeps all of them on the ring."""
    return {f"T = {T}": share(e.at(T)["on_ring"] == T) for T in _SHOWN}


@claim("F2-T30", title="Of 30 points about 21 are on the ring, others inside",
       source=_F2, published="21 to 22 ± 1 (fig)", figure=_POLYGONS, at_quick=False,
       region=within(21.5, 4), unit=" of 30",
       estimand="Number of hidden vectors longer than half the longest, mean over single trainings "
       "at T = 30, against the published one of a single model. Half-way to all 30 is 4.25 away"
)  # fmt: skip
def _ring_of_30(e: Evidence) -> Estimate:
    """At T = 30 about 21 points are on the ring, and the others inside it."""
    return mean(e.at(30)["on_ring"], reading=1, seeds=1)


@claim("F2-columns", title="Long columns of W lie along data points: no mess",
       source="ours, W = H Xᵀ of the T-gon; chosen when these runs were known",
       published="a mess (text)", figure="fig-columns", region={f"T = {T}": above(0.5)
       for T in (5, 10, 30)}, estimand="Of the columns of W longer than half the longest, share "
       "within 6° of the hidden vector of a data point that has the feature, less that share where "
       "hidden vectors are shuffled over the points; mean over single trainings at that T"
)  # fmt: skip
def _columns_along_points(e: Evidence) -> dict[str, Estimate]:
    """Long columns of W lie along the data points that have their feature: no mess."""
    found = {T: e.at(T, column_directions) for T in (5, 10, 30)}
    return {f"T = {T}": mean(r["along_points"] - r["along_shuffled"]) for T, r in found.items()}
