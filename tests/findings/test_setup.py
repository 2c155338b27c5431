"""The claims on unlimited data follow the runs at T = ∞, and tables show what they hold."""

import math

import numpy as np
import pytest
from worlds import changed, world

import sdd
from sdd.findings import CLAIMS, setup
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "setup"]


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_paper_is_right(claim):
    assert judge(claim, world()).verdict == REPRODUCED


@pytest.mark.parametrize(
    ("id", "rows", "columns", "verdict"),
    [
        ("F1-pentagon", "T > 0", {"five_apart": False}, NOT),
        ("F1-pentagon", "data_seed == 1", {"five_apart": False}, PARTLY),
        ("F1-angles", "T > 0", {"five_angle_error": 12.0}, NOT),  # a hexagon with a corner less
        ("F1-angles", "data_seed == 1", {"five_angle_error": 12.0}, PARTLY),
        ("F1-D", "T > 0", {"five_D": lambda f: 0.4 + 1e-3 * f["data_seed"]}, NOT),
        ("F1-D", "T > 0", {"five_D": lambda f: 0.2 + 0.1 * f["data_seed"]}, NOISY),
        ("F1-D-theory", "T > 0", {"five_D": lambda f: 0.4 + 1e-3 * f["data_seed"]}, NOT),
        ("F1-D-theory", "T > 0", {"weight_decay": 0.1}, NOT),
        ("F1-batch", "batch == 1000", {"five_D": lambda f: 0.4 + 1e-3 * f["data_seed"]}, NOT),
        ("F1-batch", "batch == 1000 and data_seed == 0", {"five_D": 0.4}, NOISY),
    ],
)
def test_follows_the_runs(id, rows, columns, verdict):
    altered = changed(world(), "fresh-data", rows, **columns)
    assert judge(CLAIMS[id], altered).verdict == verdict


def test_the_number_of_rows_shown_alone_is_judged_by_the_claims_on_the_pentagon():
    altered = changed(world(), "fresh-data", "batch == 1000", five_apart=False)
    assert judge(CLAIMS["F1-pentagon"], altered).verdict == REPRODUCED


def test_the_predicted_dimensionality_follows_each_runs_settings():
    runs = world().fresh()
    shared = 2 * runs["five_r2"] / (5 * runs["five_r2"])  # 2/5: nothing but the pentagon
    gone = runs.assign(weight_decay=1.0)
    np.testing.assert_allclose(setup.predicted_D(gone), shared, rtol=1e-6)
    assert (setup.predicted_D(runs.assign(gain=2.0)) < setup.predicted_D(runs)).all()
    assert (setup.predicted_D(runs) < shared).all()


def test_active_features_are_counted_beside_their_law():
    data = sdd.sample(T=400, n=50, sparsity=0.9, seed=3)
    counts = setup.active_features(data, 0.9)
    assert counts["drawn"].sum() == 400
    assert (counts["drawn"] * counts["active"]).sum() == data.indices.size
    p = [400 * math.comb(50, k) * 0.1**k * 0.9 ** (50 - k) for k in counts["active"]]
    np.testing.assert_allclose(counts["expected"], p)


def test_all_numbers_of_rows_are_in_the_table():
    rows = setup.batches(world())
    assert list(rows["rows a step"]) == ["1,000", "10,000"]
    assert list(rows["largest deviation from 72°"]) == ["1.0 ± 0.0°"] * 2
