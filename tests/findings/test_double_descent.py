"""The claims on double descent follow the data: altered runs flip their verdicts."""

import pytest
from worlds import changed, world

from sdd.findings import CLAIMS, double_descent
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "double_descent"]


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_paper_is_right(claim):
    assert judge(claim, world()).verdict == REPRODUCED


@pytest.mark.parametrize(
    ("id", "rows", "test_loss", "verdict"),
    [
        ("F3-floor", "T == 500 and data_seed == 1", 0.9, PARTLY),
        ("F3-above-one", "15 <= T <= 200", lambda f: 2 - f["test_loss"], NOT),
        ("F3-above-one", "T == 50", lambda f: 2 - f["test_loss"], PARTLY),
        ("F3-small", "8 <= T <= 200", 1.0, NOT),
        ("F3-bump", "1000 <= T <= 2000", lambda f: 0.99 + 1e-4 * f["data_seed"], NOT),
        ("F3-bump", "T == 2000", lambda f: 1 + 0.1 * f["data_seed"], NOISY),
        ("F3-bump-each", "1000 <= T <= 2000 and data_seed == 1", 0.99, PARTLY),
        ("F3-bump-place", "T == 1000", lambda f: 1.1 + 1e-4 * f["data_seed"], NOT),
        ("F3-bump-height", "T == 2000", lambda f: 1.005 + 1e-4 * f["data_seed"], NOT),
        ("F3-below-one", "T >= 10000", lambda f: 1.01 + 1e-5 * f["data_seed"], PARTLY),
        ("F3-below-constant", "T >= 10000", lambda f: 0.9997 + 1e-6 * f["data_seed"], PARTLY),
        ("F3-plateau", "T >= 10000", lambda f: 0.9999 + 1e-6 * f["data_seed"], PARTLY),
    ],
)
def test_follows_the_runs(id, rows, test_loss, verdict):
    altered = changed(world(), "dataset-size", rows, test_loss=test_loss)
    assert judge(CLAIMS[id], altered).verdict == verdict


def test_the_bump_of_a_seed_stands_above_both_its_ends():
    found = double_descent.bump(world())
    assert list(found["T"]) == [2_000] * 4
    assert found["rise"].mean() == pytest.approx(found["height"].mean() - 1.0005, abs=1e-4)
