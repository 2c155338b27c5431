"""The claims on unlimited data follow the runs at T = ∞, and tables show what they hold."""

import math

import numpy as np
import pytest
from worlds import changed, world

import sdd
from sdd import engine, theory
from sdd.data import DataSettings
from sdd.findings import CLAIMS, setup
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge
from sdd.measures.columns import test_rows as rows_of
from sdd.training.config import TrainConfig
from sdd.training.run import Run

MINE = [c for c in CLAIMS.values() if c.finding == "setup"]


def verdicts(id, evidence):
    return [row.verdict for row in judge(CLAIMS[id], evidence)]


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_paper_is_right(claim):
    assert {row.verdict for row in judge(claim, world())} == {REPRODUCED}


@pytest.mark.parametrize(
    ("id", "rows", "columns", "verdict"),
    [
        ("F1-pentagon", "T > 0", {"five_angle_error": 12.0}, CONTRADICTED),  # a hexagon's corner
        ("F1-pentagon", "data_seed == 21", {"five_angle_error": 12.0}, UNDECIDED),
        ("F1-five", "T > 0", {"D6": lambda f: f["D5"]}, CONTRADICTED),
        ("F1-D", "T > 0", {"five_D": lambda f: 0.4 + 1e-4 * f["data_seed"]}, CONTRADICTED),
        ("F1-D", "T > 0", {"five_D": lambda f: 0.2 + 0.1 * (f["data_seed"] - 20)}, UNDECIDED),
        ("F1-batch", "batch == 1000", {"five_D": 0.4}, CONTRADICTED),
        ("F1-batch", "batch == 1000 and data_seed == 20", {"five_D": 0.4}, UNDECIDED),
    ],
)
def test_follows_the_runs(id, rows, columns, verdict):
    altered = changed(world(), "fresh-data", rows, **columns)
    assert verdicts(id, altered) == [verdict]


def test_length_of_the_others_and_D_are_judged_apart():
    longer = changed(world(), "fresh-data", "T > 0", other_R2=lambda f: 1.65 * f["other_R2"])
    assert verdicts("F1-D-theory", longer) == [CONTRADICTED, REPRODUCED]
    higher = changed(world(), "fresh-data", "T > 0", five_D=0.4)
    assert verdicts("F1-D-theory", higher) == [REPRODUCED, CONTRADICTED]
    decayed = changed(world(), "fresh-data", "T > 0", weight_decay=0.1)
    assert verdicts("F1-D-theory", decayed) == [CONTRADICTED, CONTRADICTED]


def test_trainings_to_look_at_and_other_numbers_of_rows_do_not_judge_the_pentagon():
    for rows in ("data_seed < 20", "batch == 1000"):
        altered = changed(world(), "fresh-data", rows, five_angle_error=30.0)
        assert verdicts("F1-pentagon", altered) == [REPRODUCED]


def test_the_predicted_dimensionality_follows_each_runs_settings():
    runs = world().fresh()
    shared = 2 * runs["five_r2"] / (5 * runs["five_r2"])  # 2/5: nothing but the pentagon
    gone = runs.assign(weight_decay=1.0)
    np.testing.assert_allclose(setup.predicted_D(gone), shared, rtol=1e-6)
    assert (setup.predicted_D(runs.assign(gain=2.0)) < setup.predicted_D(runs)).all()
    assert (setup.predicted_D(runs) < shared).all()


def test_the_other_features_are_told_from_the_five():
    n, S = 40, 0.9
    angles = 2 * np.pi * np.arange(n) / 5  # all on the five arms, in turn
    W = 0.01 * np.stack([np.cos(angles), np.sin(angles)])
    W[:, :5] *= 100
    b = np.where(np.arange(n) % 2, -0.1, 0.1)
    settings = DataSettings(math.inf, n, S, batch=10)
    run = Run(W, b, TrainConfig(steps=1), settings, {}, 1.0, np.ones(1))
    found = setup.other_features(run)
    assert found["negative_b"] == pytest.approx(18 / 35)
    by_hand = b.copy()
    by_hand[5:] = theory.feature_mean(n, S)
    assert found["mean_b_loss"] == pytest.approx(engine.loss(W, by_hand, rows_of(run)))


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
    assert list(rows["other biases below zero"]) == ["50%"] * 2


def test_the_published_loss_is_told_where_ours_stands_beside_it():
    assert "0.9988" in setup.published_loss(world().profile)
    assert setup.published_loss(world("quick").profile) == ""


def test_the_row_that_is_shown_is_the_one_with_the_smallest_error():
    data = DataSettings(T=6, n=50, sparsity=0.9)
    run = sdd.train(data.make(), TrainConfig(steps=300, lr=0.03))
    rows = rows_of(run)[:100]
    row = setup.one_row(run, among=100)
    best = rows[int(run.errors(rows).argmin())]
    active = row[row["x"] > 0]
    assert dict(zip(active["feature"], active["x"], strict=True)) == {
        k: v for k, v in enumerate(best) if v
    }
    output = np.maximum(0, run.W.T @ (run.W @ best) + run.b)
    np.testing.assert_allclose(row["output"], output[row["feature"]])
