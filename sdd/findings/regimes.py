"""Two regimes: which T stores data points, which features, and how long vectors are (F3, F4).

The rule that puts their borders is `sdd.findings.evidence.borders`.
"""

import math

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.page import beside, mean_sd
from sdd.findings.rule import above, below
from sdd.measures.statistics import Estimate, difference, lowest, mean
from sdd.measures.table import Measure

__all__ = ["dimensions", "norms", "norms_by_kind", "table"]


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: finite data sets, and fresh data (T = ∞)."""
    return Evidence.stored(of).body(*measures)


def norms_by_kind(runs: pd.DataFrame) -> pd.DataFrame:
    """Return both norms of every run, a row a norm: ``kind`` is ‖W‖ or ‖b‖, ``norm`` its value."""
    named = runs.rename(columns={"W_norm": "‖W‖", "b_norm": "‖b‖"})
    return named.melt(["run", "T", "data_seed"], ["‖W‖", "‖b‖"], var_name="kind", value_name="norm")


def dimensions(e: Evidence) -> pd.DataFrame:
    """Return F3 middle as a table of text: D of data points and of features by T."""
    later = (T for T in paper.DATASET_SIZES if T > 10_000)
    five = dict.fromkeys(later, paper.FEATURE_D_LATER) | paper.FEATURE_D
    points = {T: " / ".join(f"{D:.3g}" for D in found) for T, found in paper.EXAMPLE_D.items()}
    bands = {T: " to ".join(f"{D:.3g}" for D in sorted(set(D))) for T, D in five.items()}
    columns = ["data points, published (fig)", "five features, published (fig)"]
    theirs = pd.concat([pd.Series(points), pd.Series(bands)], axis=1, keys=columns)
    runs = e.body()
    first = runs.drop_duplicates("T").set_index("T")

    def listed(*columns: str) -> pd.Series:
        return first[list(columns)].map("{:.3f}".format).agg(" / ".join, axis=1)

    apart = runs.groupby("T")["five_apart"].agg(["sum", "size"]).astype(str)
    with_points = listed("point_D_max", "point_D_median", "point_D_min")
    ours = pd.DataFrame(
        {
            "data points, ours (seed 0): largest / median / least":
                with_points.where(first.index < math.inf, "–"),
            "features, ours (seed 0): six largest": listed(*(f"D{k}" for k in range(1, 7))),
            "five stand apart": apart["sum"] + " of " + apart["size"],
        }
    )  # fmt: skip
    return beside(e.profile, theirs, ours)


def norms(e: Evidence) -> pd.DataFrame:
    """Return F4 as a table of text: both norms by T, beside what the paper says of them."""
    published = {
        paper.NORM_PEAK_AT: "lengths peak around here (text)",
        100: "‖W‖ on a plateau from here (text)",
        1_000: "to here (text)",
        2_000: "‖W‖ falls in the middle regime (text)",
        math.inf: f"‖W‖ near √5 = {paper.NORM_PLATEAU:.2f} for large T (text)",
    }
    groups = e.body().groupby("T")
    ours = {
        "‖W‖, ours ± sd": groups["W_norm"].agg(mean_sd, digits=2),
        "‖b‖, ours ± sd": groups["b_norm"].agg(mean_sd, digits=2),
        "longest ‖h‖, ours ± sd": groups["h_max"].agg(mean_sd, digits=2),
    }
    return beside(e.profile, pd.DataFrame({"published": pd.Series(published)}), pd.DataFrame(ours))


# --- Claims -------------------------------------------------------------------------------------

_F3 = "F3, section on double descent"
_F4 = "F4, section on the two regimes"

_BANDS = "fig-dimensionality"
_LENGTHS = "fig-common-scale"
_NORMS = "fig-norms"


@claim("F3-points", source=_F3, published="points above features up to T ≈ 700 (fig)", figure=_BANDS,
       headline=True, region=above(0), estimand="log₁₀ of the largest D of a data point over the largest "
       "of a feature, mean over trainings at each T from 30 to 200; the lowest of these means")  # fmt: skip
def _points_before(e: Evidence) -> Estimate:
    """Small training sets are stored as data points: up to T = 200 the best represented data point
    has a larger D than the best represented feature.
    """
    # (Polygons do not scale with n: that of 30 points stays.)
    runs = [e.at(T) for T in sorted({30, *e.between(50, 200)})]
    return lowest(mean(np.log10(rows["point_D_max"] / rows["D1"])) for rows in runs)


def _large(e: Evidence) -> pd.DataFrame:
    """Return the runs that judge at finite T from 10,000 on, all sizes together."""
    return pd.concat([e.at(T) for T in e.between(10_000, math.inf)])


@claim("F3-features", source=_F3, published="five stand apart (fig)", figure=_BANDS, headline=True,
       region=above(round(math.log10(1.5), 3)), estimand="log₁₀ of the fifth largest D of a feature over the "
       "sixth, mean over all trainings at finite T from 10,000 on. A factor of 1.5 is 0.176")  # fmt: skip
def _features_stored(e: Evidence) -> Estimate:
    """Large training sets are stored as features: from T = 10,000 five stand apart."""
    runs = _large(e)
    return mean(np.log10(runs["D5"] / runs["D6"]))


@claim("F4-norms", source=_F4, published="‖W‖ falls in the middle regime (text); ‖b‖ below 1 (fig)",
       figure=_NORMS, headline=True,
       region={"‖W‖ falls": above(0), "‖b‖ at large T": below(1)},
       estimand="‖W‖ falls: mean ‖W‖ over trainings at T = 1,000 less that over trainings at "
       "T = 10,000. ‖b‖ at large T: mean over all trainings at finite T from 10,000 on")  # fmt: skip
def _norms_fall(e: Evidence) -> dict[str, Estimate]:
    """‖W‖ falls in the middle regime, and ‖b‖ is below 1 where features are stored."""
    before, after = (e.at(e.profile.size(T))["W_norm"] for T in (1_000, 10_000))
    return {"‖W‖ falls": difference(before, after), "‖b‖ at large T": mean(_large(e)["b_norm"])}
