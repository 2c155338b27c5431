"""The claims on the two regimes follow the runs, and the tables hold what was measured."""

import math

import pandas as pd
import pytest
from worlds import changed, with_tables, world

from sdd.findings import CLAIMS, page, regimes
from sdd.findings.evidence import NoRuns, gaps, last_and_next
from sdd.findings.rule import CONTRADICTED, REPRODUCED, SMALL, UNDECIDED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "regimes"]


def verdicts(id, evidence):
    return {row.row: row.verdict for row in judge(CLAIMS[id], evidence)}


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_paper_is_right(claim):
    assert {row.verdict for row in judge(claim, world())} == {REPRODUCED}


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_few_trainings_of_a_small_size_contradict_nothing_where_the_paper_is_right(claim):
    found = {row.verdict for row in judge(claim, world("quick"))}
    assert found <= {REPRODUCED, UNDECIDED} if claim.at_quick else found == {SMALL}


def times(column, factor):
    return {column: lambda f: factor * f[column]}


@pytest.mark.parametrize(
    ("id", "row", "rows", "columns", "verdict"),
    [
        ("F3-points", "", "T == 100", {"D1": 0.09}, CONTRADICTED),
        ("F3-features", "", "T >= 10000", {"D6": 0.2}, CONTRADICTED),
        ("F3-borders", "points, T = 500", "T == 500", {"point_D_median": 0.0}, CONTRADICTED),
        ("F3-borders", "points, T = 1,000", "T == 1000", {"point_D_median": 2e-3}, CONTRADICTED),
        ("F3-borders", "features, T = 5,000", "T == 5000", {"D5": 0.2}, CONTRADICTED),
        ("F3-borders", "features, T = 10,000", "T == 10000", {"D5": 0.1}, CONTRADICTED),
        ("F3-D", "fifth", "T == 10000", {"D5": 0.02}, CONTRADICTED),
        ("F3-D", "first", "T == 10000", {"D1": 0.35}, CONTRADICTED),
        ("F3-no-features", "", "T == 2000 and data_seed == 23", {"D1": 3.0}, UNDECIDED),
        ("F3-no-features", "", "T == 5000", {"D1": 0.25}, CONTRADICTED),
        ("F4-norms", "‖W‖ falls", "T == 1000", times("W_norm", 0.1), CONTRADICTED),
        ("F4-norms", "‖b‖ at large T", "T >= 10000", {"b_norm": 2.0}, CONTRADICTED),
        ("F4-lengths", "", "T == 10", {"h_max": 90.0}, CONTRADICTED),
        ("F4-lengths", "", "T == 10 and data_seed == 21", {"h_max": 90.0}, UNDECIDED),
        ("F4-W-later", "", "T == 200", times("W_norm", 0.5), CONTRADICTED),
        ("F4-W-level", "", "T == 1000", times("W_norm", 0.7), CONTRADICTED),
        ("F4-W-level", "", "T == 1000", {"W_norm": lambda f: 10 + f["data_seed"] - 20}, UNDECIDED),
        ("F4-b", "", "T == 5", times("b_norm", 9), CONTRADICTED),
    ],
)
def test_follows_the_runs(id, row, rows, columns, verdict):
    altered = changed(world(), "dataset-size", rows, **columns)
    assert verdicts(id, altered)[row] == verdict


def test_the_level_at_large_sizes_is_that_of_fresh_data():
    long = changed(world(), "fresh-data", "T > 0", **times("W_norm", 1.16))
    assert verdicts("F4-W-plateau", long) == {"": CONTRADICTED}


def test_a_data_seed_that_lacks_a_size_has_no_peak():
    rows = world().tables["dataset-size"].query("not (T == 200 and data_seed == 22)")
    altered = with_tables(world(), {"dataset-size": rows})
    (row,) = judge(CLAIMS["F4-b"], altered)
    assert row.trainings == 7


def test_borders_lie_between_the_sizes_where_something_ends_and_the_next():
    found = gaps(world().tables["dataset-size"])
    assert found == ((500, 1_000), (5_000, 10_000))
    assert world().borders == pytest.approx((500 * 2**0.5, 5_000 * 2**0.5))
    assert page.between(found[0]) == "between 500 and 1,000"
    all_, none = (pd.Series(held, [3, 5]) for held in (True, False))
    assert page.between(last_and_next(all_)) == "above 5"
    assert page.between(last_and_next(none)) == "below 3"
    irregular = changed(world(), "dataset-size", "T == 10000 and data_seed == 0", five_apart=False)
    assert irregular.gaps[1] == (10_000, 20_000)


def test_dimensionalities_stand_beside_the_published_ones():
    rows = regimes.dimensions(world()).set_index("T")
    assert list(rows.loc["5"]) == [
        "0.4", "–", "0.400 / 0.400 / 0.400", " / ".join(["0.020"] * 6), "0 of 36",
    ]  # fmt: skip
    assert list(rows.loc["∞"])[1:3] == ["0.255", "–"]
    assert rows.loc["10,000", "five stand apart"] == "5 of 5"
    assert rows.loc["500,000"].iloc[1] == "0.18 to 0.285"


def test_norms_stand_beside_what_the_paper_says_of_them():
    rows = regimes.norms(world()).set_index("T")
    assert rows.loc["30", "published"].startswith("hidden vectors longest")
    assert list(rows.loc["∞"])[1:3] == ["2.24 ± 0.00", "0.65 ± 0.00"]


def test_each_run_has_two_norms():
    runs = world().body()
    found = regimes.norms_by_kind(runs)
    assert len(found) == 2 * len(runs)
    b = found.query("kind == '‖b‖' and T == inf")["norm"]
    assert set(b) == set(runs.query("T == @math.inf", local_dict={"math": math})["b_norm"])


def test_runs_of_one_size_are_read_alone():
    alone = world().table("dataset-size", T=5)
    assert set(alone["T"]) == {5}
    assert set(world().at(5)["data_seed"]) == set(range(20, 52))
    with pytest.raises(NoRuns, match="at T = 7 at"):
        world().at(7)
