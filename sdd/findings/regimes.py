"""Two regimes: which T stores data points, which features, and how long vectors are (F3, F4).

The rule that puts their borders is `sdd.findings.evidence.borders`.
"""

import math

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.double_descent import label, large
from sdd.findings.evidence import Evidence
from sdd.findings.page import beside, mean_sd
from sdd.findings.rule import Verdict, combine, judge_each, judge_sign, judge_value
from sdd.measures.statistics import spread
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


def _at_large(e: Evidence) -> pd.DataFrame:
    return pd.concat([e.at(T) for T in large(e)])


@claim("F3-features", source=_F3, published="five stand apart (fig)", figure=_BANDS)
def _apart_from_10k(e: Evidence) -> Verdict:
    """From T = 10,000 five features stand apart (D₅ ≥ 1.5 D₆, D₅ ≥ 0.15)."""
    return judge_each(_at_large(e)["five_apart"], "five features apart")


@claim("F3-D", source=_F3, published=f"0.25 and 0.23 ± {paper.D_READING} (fig)", figure=_BANDS,
       at_quick=False)  # fmt: skip
def _D_at_10k(e: Evidence) -> Verdict:
    """First and fifth D of the features at T = 10,000."""
    found = e.at(e.profile.size(10_000))
    low, high = paper.FEATURE_D[10_000]
    # Wrong would be features as at T = 5,000, where none stands apart.
    before = e.at(e.profile.size(5_000))["D1"]
    effect = low - (0.0 if before.empty else float(before.mean()))
    return combine(
        {
            name: judge_value(found[column], D, reading=paper.D_READING, effect=effect)
            for name, column, D in (("fifth", "D5", low), ("first", "D1", high))
        }
    )


@claim("F3-no-features", source=_F3, published="none (fig)", figure=_BANDS)
def _none_before(e: Evidence) -> Verdict:
    """From T = 30 to 5,000 no feature reaches D = 0.2."""
    runs = e.table("dataset-size").query("30 <= T <= @e.profile.size(5_000)")
    return judge_each(runs["D1"] < 0.2, "no feature with D ≥ 0.2")


def _by_seed(e: Evidence, measure: str) -> pd.DataFrame:
    """Return a measure, a row a data seed that was trained at every T up to 2,000, a column a T."""
    found = e.table("dataset-size").pivot(index="data_seed", columns="T", values=measure)
    needed = [T for T in e.sizes if T <= e.profile.size(2_000)]
    return found[found[needed].notna().all(axis=1)]


@claim("F4-lengths", source=_F4, published="T ≈ 30 (text)", figure=_LENGTHS, at_quick=False)
def _length_peak(e: Evidence) -> Verdict:
    """The longest hidden vectors are those of models around T = 30."""
    tops = _by_seed(e, "h_max").idxmax(axis=1)
    at = ", ".join(f"{T:,.0f}" for T in tops)
    return judge_each(tops.between(15, 50), f"at T = {at}: between 15 and 50")


@claim("F4-W-peak", source=_F4, published="tens (fig)", figure=_NORMS)
def _W_height(e: Evidence) -> Verdict:
    """The peak of ‖W‖ is from 10 to 100 high."""
    by_seed = _by_seed(e, "W_norm")
    peaks, tops = by_seed.max(axis=1), by_seed.idxmax(axis=1)
    listed = ", ".join(f"{v:.1f} ({label(T)})" for v, T in zip(peaks, tops, strict=True))
    return judge_each((peaks >= 10) & (peaks < 100), f"peak {listed}: in the tens")


@claim("F4-W-level", source=_F4, published="1 ± 10 % (text)", figure=_NORMS, at_quick=False)
def _W_level(e: Evidence) -> Verdict:
    """‖W‖ is on a plateau from T = 100 to 1,000: ratio of the two ends."""
    by_seed = _by_seed(e, "W_norm")
    # Each norm is read to 5 %. Wrong would be the fall that comes later.
    effect = 1 - float(e.at(10_000)["W_norm"].mean()) / float(by_seed[100].mean())
    ratios = list(by_seed[1_000] / by_seed[100])
    return judge_value(ratios, 1, reading=2 * paper.NORM_READING, effect=effect)


@claim("F4-W-plateau", source=_F4, published="2.24 ± 5 % (text)", figure=_NORMS)
def _W_plateau(e: Evidence) -> Verdict:
    """‖W‖ falls in the middle regime, to near √5 for large T."""
    before, sd = spread(e.at(e.profile.size(5_000))["W_norm"])
    after = e.at(e.profile.size(10_000))["W_norm"]
    return combine(
        {
            "fall from T = 5,000 to 10,000": judge_sign(before - after, noise=2 * sd, digits=2),
            "T = ∞": judge_value(
                e.fresh()["W_norm"],
                paper.NORM_PLATEAU,
                reading=paper.NORM_READING * paper.NORM_PLATEAU,
                # Wrong would be the level from which it falls.
                effect=before - paper.NORM_PLATEAU,
                digits=2,
            ),
        }
    )


@claim("F4-b", source=_F4, published="together; below 1 (fig)", figure=_NORMS, at_quick=False)
def _b_peak(e: Evidence) -> Verdict:
    """‖b‖ peaks together with ‖W‖ and falls below 1 at large T."""
    tops = [list(_by_seed(e, norm).idxmax(axis=1)) for norm in ("W_norm", "b_norm")]
    at = ", ".join(f"{W:,.0f} and {b:,.0f}" for W, b in zip(*tops, strict=True))
    apart = np.abs(np.subtract(*(np.searchsorted(e.sizes, T) for T in tops)))
    return combine(
        {
            "‖W‖ and ‖b‖ peak": judge_each(
                apart <= 1, f"at T = {at}: at the same size or the next"
            ),
            "large T": judge_each(_at_large(e)["b_norm"] < 1, "‖b‖ < 1"),
        }
    )
