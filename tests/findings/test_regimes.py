"""The claims on the two regimes follow the runs, and the tables hold what was measured."""

import math

import pytest
from worlds import changed, with_tables, world

from sdd.findings import CLAIMS, regimes
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED, SMALL
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "regimes"]


@pytest.mark.parametrize("profile", ["paper", "quick"])
@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_paper_is_right(claim, profile):
    judged = profile == "paper" or claim.at_quick
    assert judge(claim, world(profile)).verdict == (REPRODUCED if judged else SMALL)


def times(column, factor):
    return {column: lambda f: factor * f[column]}


@pytest.mark.parametrize(
    ("id", "rows", "columns", "verdict"),
    [
        ("F3-features", "T == 10000", {"five_apart": False}, PARTLY),
        ("F3-D", "T == 10000", {"D1": 0.02, "D5": 0.02}, NOT),
        ("F3-D", "T == 10000", {"D1": 0.30, "D5": 0.28}, NOT),
        ("F3-D", "T == 5000", {"D1": 0.25}, NOISY),  # as strong where none should be
        ("F3-no-features", "T == 2000 and data_seed == 3", {"D1": 0.25}, PARTLY),
        ("F3-no-features", "30 <= T <= 5000", {"D1": 0.25}, NOT),
        ("F4-lengths", "T == 5", {"h_max": 90.0}, NOT),
        ("F4-lengths", "T == 5 and data_seed == 1", {"h_max": 90.0}, PARTLY),
        ("F4-W-peak", "T == 30", times("W_norm", 10), NOT),
        ("F4-W-peak", "T == 30 and data_seed == 0", times("W_norm", 10), PARTLY),
        ("F4-W-level", "T == 1000", times("W_norm", 0.4), NOT),
        ("F4-W-level", "T == 1000", {"W_norm": lambda f: 6 + 5 * f["data_seed"]}, NOISY),
        ("F4-W-plateau", "T == 10000", times("W_norm", 4), PARTLY),
        ("F4-b", "T == 200", times("W_norm", 3), PARTLY),
        ("F4-b", "T == 10000", {"b_norm": 2.0}, PARTLY),
    ],
)
def test_follows_the_runs(id, rows, columns, verdict):
    altered = changed(world(), "dataset-size", rows, **columns)
    assert judge(CLAIMS[id], altered).verdict == verdict


def test_fresh_data_are_part_of_the_generalising_regime():
    none = changed(world(), "fresh-data", "T > 0", five_apart=False)
    assert judge(CLAIMS["F3-features"], none).verdict == PARTLY
    none = changed(none, "dataset-size", "T >= 10000", five_apart=False)
    assert judge(CLAIMS["F3-features"], none).verdict == NOT
    long = changed(world(), "fresh-data", "T > 0", **times("W_norm", 1.5))
    assert judge(CLAIMS["F4-W-plateau"], long).verdict == PARTLY
    long = changed(long, "dataset-size", "T == 10000", **times("W_norm", 4))
    assert judge(CLAIMS["F4-W-plateau"], long).verdict == NOT


def test_a_data_seed_that_lacks_a_size_has_no_peak():
    rows = world().tables["dataset-size"].query("not (T == 200 and data_seed == 2)")
    altered = with_tables(world(), {"dataset-size": rows})
    assert judge(CLAIMS["F4-W-peak"], altered).ours.endswith("in 3 of 3 runs")


def test_dimensionalities_stand_beside_the_published_ones():
    rows = regimes.dimensions(world()).set_index("T")
    assert list(rows.loc["5"]) == [
        "0.4", "–", "0.400 / 0.400 / 0.400", " / ".join(["0.020"] * 6), "0 of 4",
    ]  # fmt: skip
    assert list(rows.loc["∞"])[1:3] == ["0.255", "–"]
    assert rows.loc["10,000", "five stand apart"] == "2 of 2"
    assert rows.loc["500,000"].iloc[1] == "0.18 to 0.285"


def test_norms_stand_beside_what_the_paper_says_of_them():
    rows = regimes.norms(world()).set_index("T")
    assert rows.loc["30", "published"].startswith("lengths peak")
    assert list(rows.loc["∞"])[1:3] == ["2.24 ± 0.00", "0.65 ± 0.00"]
    assert rows.loc["50,000", "‖W‖, ours ± sd"] == "2.24 (one seed)"


def test_each_run_has_two_norms():
    runs = world().body()
    found = regimes.norms_by_kind(runs)
    assert len(found) == 2 * len(runs)
    b = found.query("kind == '‖b‖' and T == inf")["norm"]
    assert set(b) == set(runs.query("T == @math.inf", local_dict={"math": math})["b_norm"])
