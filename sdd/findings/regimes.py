"""Two regimes: which T stores data points, which features, and how long vectors are (F3, F4).

The rule that puts their borders is `sdd.findings.evidence.gaps`.
"""

import math

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import HALF, Evidence
from sdd.findings.page import beside, mean_sd
from sdd.findings.rule import Region, above, below, within
from sdd.measures.statistics import Estimate, difference, highest, lowest, mean, share
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
    groups = e.body().groupby("T")

    def listed(*columns: str) -> pd.Series:
        return groups[list(columns)].mean().map("{:.3f}".format).agg(" / ".join, axis=1)

    apart = groups["five_apart"].agg(["sum", "size"]).astype(str)
    points = listed("point_D_max", "point_D_median", "point_D_min")
    points = points.where(points.index < math.inf, "–")
    ours = pd.DataFrame(
        {
            "data points, ours: largest / median / least": points,
            "features, ours: six largest": listed(*(f"D{k}" for k in range(1, 7))),
            "five stand apart": apart["sum"] + " of " + apart["size"],
        }
    )
    return beside(e.profile, theirs, ours)


def norms(e: Evidence) -> pd.DataFrame:
    """Return F4 as a table of text: both norms by T, beside what the paper says of them."""
    published = {
        paper.LENGTH_PEAK_AT: "hidden vectors longest around here (text)",
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


@claim("F3-points", title="Up to T = 200 data points are stored better than features",
       source=_F3, published="points above features up to T ≈ 700 (fig)",
       figure=_BANDS, headline=True, region=above(0), log=True,
       statement="Small training sets are stored as data points: up to T = 200 the best "
       "represented data point has a larger D than the best represented feature",
       estimand="log₁₀ of the largest D of a data point over the largest of a feature, mean over "
       "trainings at each T from 30 to 200; the lowest of these means")  # fmt: skip
def _points_before(e: Evidence) -> Estimate:
    # (Polygons do not scale with n: that of 30 points stays.)
    runs = [e.at(T) for T in sorted({30, *e.between(50, 200)})]
    return lowest(mean(np.log10(rows["point_D_max"] / rows["D1"])) for rows in runs)


def _large(e: Evidence) -> pd.DataFrame:
    """Return the runs that judge at finite T from 10,000 on, all sizes together."""
    return pd.concat([e.at(T) for T in e.between(10_000, math.inf)])


@claim("F3-features", title="From T = 10,000 on five features stand apart",
       source=_F3, published="five stand apart (fig)", figure=_BANDS, headline=True,
       region=above(round(math.log10(1.5), 3)), log=True,
       estimand="log₁₀ of the fifth largest D of a feature over the sixth, mean over all trainings "
       "at finite T from 10,000 on. A factor of 1.5 is 0.176")  # fmt: skip
def _features_stored(e: Evidence) -> Estimate:
    """Large training sets are stored as features: from T = 10,000 five stand apart."""
    runs = _large(e)
    return mean(np.log10(runs["D5"] / runs["D6"]))


_STORED = 0.15  # D from which on a feature counts as stored, as in the column `five_apart`


@claim("F3-borders", title="The borders of storing points and features",
       source=_F3, figure=_BANDS, at_quick=False,
       published="{:,} and {:,} (fig)".format(*paper.BAND_SPLITS),
       region={"points, T = 500": above(HALF), "points, T = 1,000": below(HALF),
               "features, T = 5,000": below(_STORED), "features, T = 10,000": above(_STORED)},
       statement="Data points are stored up to a border between T = 500 and 1,000, and five "
       "features from a border between T = 5,000 and 10,000 on",
       estimand="Points: D of the median data point over 2/T, which it has on a regular polygon; "
       "features: D of the fifth strongest; each a mean over trainings at that T. That the median "
       "point tells the first border was chosen on seeds 0 to 3, because it agrees there with the "
       "eye's reading of the published figure")  # fmt: skip
def _borders(e: Evidence) -> dict[str, Estimate]:
    points = {f"points, T = {T:,}": e.at(T)["point_D_median"] * T / 2 for T in (500, 1_000)}
    features = {f"features, T = {T:,}": e.at(T)["D5"] for T in (5_000, 10_000)}
    return {row: mean(values) for row, values in (points | features).items()}


@claim("F3-no-features", source=_F3, published="none (fig)", figure=_BANDS, region=below(_STORED),
       estimand="Largest D of a feature, mean over trainings at each T from 30 to 5,000; the "
       "highest of these means. Stored features have 0.23 and more in the published figure"
)  # fmt: skip
def _none_before(e: Evidence) -> Estimate:
    """From T = 30 to 5,000 no feature is stored."""
    sizes = [T for T in e.sizes if 30 <= T <= e.profile.size(5_000)]
    return highest(mean(e.at(T)["D1"]) for T in sizes)


@claim("F3-D", source=_F3, published=f"0.25 and 0.23 ± {paper.D_READING} (fig)",
       figure=_BANDS, at_quick=False,
       region={"first": within(0.25, 0.04), "fifth": within(0.23, 0.04)},
       estimand="D of the strongest feature, and of the fifth, mean over trainings at T = 10,000. "
       "Half-way to features that are not stored, 0.15, is 0.04 from 0.23")  # fmt: skip
def _D_at_10k(e: Evidence) -> dict[str, Estimate]:
    """At T = 10,000 the five features have D from 0.23 to 0.25."""
    runs = e.at(10_000)
    columns = {"first": "D1", "fifth": "D5"}
    return {row: mean(runs[D], reading=paper.D_READING) for row, D in columns.items()}


@claim("F4-norms", title="‖W‖ falls in the middle; ‖b‖ < 1 where features are stored",
       source=_F4, published="‖W‖ falls in the middle regime (text); ‖b‖ below 1 (fig)",
       figure=_NORMS, headline=True,
       region={"‖W‖ falls": above(0), "‖b‖ at large T": below(1)},
       estimand="‖W‖ falls: mean ‖W‖ over trainings at T = 1,000 less that over trainings at "
       "T = 10,000. ‖b‖ at large T: mean over all trainings at finite T from 10,000 on"
)  # fmt: skip
def _norms_fall(e: Evidence) -> dict[str, Estimate]:
    """‖W‖ falls in the middle regime, and ‖b‖ is below 1 where features are stored."""
    before, after = (e.at(e.profile.size(T))["W_norm"] for T in (1_000, 10_000))
    return {"‖W‖ falls": difference(before, after), "‖b‖ at large T": mean(_large(e)["b_norm"])}


@claim("F4-lengths", source=_F4, published="T ≈ 30 (text)", figure=_LENGTHS, at_quick=False,
       region=above(0), estimand="Length of the longest hidden vector, mean over trainings at "
       "T = 30, less that at T = 10 and less that at T = 100; the lower of both")  # fmt: skip
def _longest_at_30(e: Evidence) -> Estimate:
    """Hidden vectors are longest in models of about 30 points."""
    here, *others = (e.at(T)["h_max"] for T in (30, 10, 100))
    return lowest(difference(here, there) for there in others)


@claim("F4-W-later", source="ours: what the paper says of lengths is about hidden vectors",
       published="not stated", figure=_NORMS, at_quick=False, region=above(0),
       estimand="Mean ‖W‖ over trainings at T = 200 less that over trainings at T = 30. The two "
       "sizes were chosen on seeds 0 to 3")  # fmt: skip
def _W_peaks_later(e: Evidence) -> Estimate:
    """‖W‖ goes on growing where hidden vectors no longer do."""
    return difference(e.at(200)["W_norm"], e.at(30)["W_norm"])


@claim("F4-W-level", source=_F4, published="a plateau (text)", figure=_NORMS, at_quick=False,
       region=Region(math.log10(0.9), math.log10(1.1), "−0.05 to 0.04"), log=True,
       estimand="log₁₀ of ‖W‖ at T = 1,000 less that at T = 100, difference of means over "
       "trainings. The published norms are read to 5 % each")  # fmt: skip
def _W_level(e: Evidence) -> Estimate:
    """‖W‖ is on a plateau from T = 100 to 1,000."""
    return difference(*(np.log10(e.at(T)["W_norm"]) for T in (1_000, 100)))


@claim("F4-W-plateau", source=_F4, published="near √5 ≈ 2.24 (text)", figure=_NORMS,
       region=within(2.24, 0.11), estimand="‖W‖, mean over trainings at T = ∞. It is √5 where five "
       "columns have length one and all others none; the region is ± 5 %")  # fmt: skip
def _W_plateau(e: Evidence) -> Estimate:
    """For large T ‖W‖ levels off near √5."""
    return mean(e.at(math.inf)["W_norm"])


@claim("F4-b", source=_F4, published="together (fig)", figure=_NORMS, at_quick=False,
       region=Region(0.5, math.inf, "more than half"),
       estimand="Share of data seeds whose trainings, one at each T up to 2,000, have the largest "
       "‖b‖ at the same T as the largest ‖W‖, or at the next to it on either side")  # fmt: skip
def _b_peaks_with_W(e: Evidence) -> Estimate:
    """‖b‖ peaks together with ‖W‖."""
    runs = e.judging("dataset-size").query("T <= @e.profile.size(2_000)")
    tops = []
    for norm in ("W_norm", "b_norm"):
        by_seed = runs.pivot(index="data_seed", columns="T", values=norm).dropna()
        tops.append(by_seed.to_numpy().argmax(axis=1))
    return share(abs(np.subtract(*tops)) <= 1)
