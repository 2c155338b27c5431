"""The claims on double descent follow the data: altered runs flip their verdicts."""

import math

import pytest
from worlds import changed, world

from sdd import paper
from sdd.findings import CLAIMS, double_descent
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDABLE, UNDECIDED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "double_descent"]
# Read too coarsely to be told from what one would see otherwise, however many trainings.
COARSE = {
    "F3-small: T = 500", "F3-small: T = 1,000",
    *(f"F3-plateau: {double_descent.label(T)}" for T in (10_000, 20_000, 50_000, math.inf)),
}  # fmt: skip


def rows(id, evidence):
    return {row.row: row.verdict for row in judge(CLAIMS[id], evidence)}


@pytest.mark.parametrize("claim", MINE, ids=lambda c: c.id)
def test_is_reproduced_where_the_paper_is_right_and_read_finely_enough(claim):
    usual = UNDECIDED if claim.id == "F3-bump-usually" else REPRODUCED
    for row in judge(claim, world()):
        assert row.verdict == (UNDECIDABLE if row.key in COARSE else usual), row


def test_thirty_trainings_of_twenty_would_tell_what_is_usual():
    (found,) = judge(CLAIMS["F3-bump-usually"], world())
    assert found.trainings == 20
    assert "further trainings would decide" in found.note


@pytest.mark.parametrize(
    ("id", "chosen", "test_loss", "expected"),
    [
        ("F3-floor", "T == 500", 0.9, {"": CONTRADICTED}),
        ("F3-floor-each", "T <= 30", 0.9, {"": CONTRADICTED}),
        ("F3-above-one", "T == 50", lambda f: 2 - f["test_loss"], {"": CONTRADICTED}),
        ("F3-small", "T == 30", lambda f: 1 + 1e-5 * f["data_seed"], {"T = 30": CONTRADICTED}),
        ("F3-small", "T == 500", lambda f: 1.002 + 1e-6 * f["data_seed"],
         {"T = 500": CONTRADICTED, "T = 200": REPRODUCED}),
        ("F3-bump", "T == 2000", lambda f: 0.99 + 1e-4 * f["data_seed"], {"": CONTRADICTED}),
        ("F3-bump", "T == 2000", lambda f: 1 + 0.1 * (f["data_seed"] - 29), {"": UNDECIDED}),
        ("F3-bump-usually", "T == 2000 and data_seed > 25", 0.99, {"": CONTRADICTED}),
        ("F3-bump-place", "T == 3000", lambda f: 1.1 + 1e-4 * f["data_seed"],
         {"above T = 1,000": REPRODUCED, "above T = 3,000": CONTRADICTED}),
        ("F3-bump-height", "T == 2000", lambda f: 1.002 + 1e-5 * f["data_seed"],
         {"": CONTRADICTED}),
        ("F3-below-one", "T >= 10000", lambda f: 1.01 + 1e-5 * f["data_seed"],
         {"": CONTRADICTED}),
        ("F3-below-constant", "T >= 10000", lambda f: 0.9997 + 1e-6 * f["data_seed"],
         {"finite T": CONTRADICTED, "T = ∞": REPRODUCED}),
        ("F3-plateau", "T == 10000", lambda f: 0.9999 + 1e-6 * f["data_seed"],
         {"T = 10,000": CONTRADICTED}),
    ],
)  # fmt: skip
def test_follows_the_runs(id, chosen, test_loss, expected):
    altered = changed(world(), "dataset-size", chosen, test_loss=test_loss)
    assert rows(id, altered).items() >= expected.items()


@pytest.mark.parametrize("id", ["F3-bump", "F3-bump-height", "F3-small"])
def test_trainings_that_were_looked_at_judge_nothing(id):
    altered = changed(world(), "dataset-size", "data_seed < 20", test_loss=5.0)
    assert rows(id, altered) == rows(id, world())


def test_the_rise_is_at_the_papers_places_and_not_at_each_trainings_maximum():
    loud = changed(world(), "dataset-size", "T == 1000 or T == 3000", test_loss=2.0)
    assert double_descent.rise(loud).value == double_descent.rise(world()).value
    # Above the higher of the two ends, which is at T = 500.
    published = paper.TEST_LOSS[2_000] - paper.TEST_LOSS[500]
    assert double_descent.rise(world()).value == pytest.approx(published, abs=1e-4)


def test_the_table_counts_trainings_that_judge():
    found = double_descent.published_losses(world()).set_index("T")
    assert found.loc["2,000", ["trainings", "of them judge"]].tolist() == [24, 20]
    assert found.loc["100,000", "ours ± sd over trainings"] == "not run at this profile"


def test_fresh_data_are_said_to_be_worse_than_a_constant_only_where_they_are():
    assert double_descent.numbers(world())["fresh-word"] == "better than"
    worse = double_descent.numbers(changed(world(), "fresh-data", "T > 0", test_loss=0.9999))
    assert worse["fresh-word"] == "worse than"
    assert "noisy" in worse["fresh-why"]
