"""The claims on data points in superposition follow the runs; small runs give their own tables."""

import numpy as np
import pytest
from worlds import changed, world

from sdd.data import DataSettings
from sdd.findings import CLAIMS, data_points
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED
from sdd.findings.scorecard import judge
from sdd.measures.columns import hidden_vectors
from sdd.training.config import TrainConfig
from sdd.training.loop import train

MINE = [c for c in CLAIMS.values() if c.finding == "data_points"]


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_paper_is_right(claim):
    assert judge(claim, world()).verdict == REPRODUCED


LOST = {"point_D_min": 0.0, "point_D_max": 2 / 9, "on_ring": 9}  # one of ten points


@pytest.mark.parametrize(
    ("id", "rows", "columns", "verdict"),
    [
        ("F2-T5", "T == 5", {"point_D_min": 0.05, "point_D_max": 0.8, "on_ring": 3}, NOT),
        ("F2-T5", "T == 5", {"point_D_max": 0.43}, PARTLY),  # irregular in every run
        ("F2-T6", "T == 6", {"point_D_min": 0.0, "point_D_max": 0.4, "on_ring": 5}, NOT),
        ("F2-T10", "T == 10 and data_seed == 2", LOST, PARTLY),
        ("F2-T10", "T == 10", LOST, NOT),
        ("F2-T8", "T == 8", {"restarts_lost": 0}, NOT),
        ("F2-T30", "T == 30", {"on_ring": 30}, NOT),
        ("F2-T30", "T == 30", {"on_ring": lambda f: 12 + 5 * f["data_seed"]}, NOISY),
    ],
)
def test_follows_the_runs(id, rows, columns, verdict):
    altered = changed(world(), "dataset-size", rows, **columns)
    assert judge(CLAIMS[id], altered).verdict == verdict


def test_failed_trainings_and_inner_points_are_counted():
    altered = changed(
        world(), "dataset-size", "T == 8 and data_seed == 0",
        restarts_lost=4, train_loss=0.07, on_ring=6,
    )  # fmt: skip
    ours = judge(CLAIMS["F2-T8"], altered).ours
    assert ours.startswith("7 of 16 trainings failed; of the 4 kept ones 1; ")
    assert ours.endswith("in those kept: 2, 0, 0, 0")


def test_polygons_are_compared_with_two_over_t():
    rows = data_points.polygons(world()).set_index("T")
    assert list(rows.loc["5"])[:4] == ["0.4", "–", "0.400", "0.400 ± 0.000"]
    assert rows.loc["30", "on the ring, published (fig)"] == "21 to 22"
    assert rows.loc["30", "on the ring"] == "21.0 ± 0.0"
    assert rows.loc["8", "trainings that lost a point"] == "4 of 16"


@pytest.fixture(scope="module")
def run():
    data = DataSettings(T=4, n=40, sparsity=0.9, seed=0)
    return train(data.make(), TrainConfig(steps=60, restarts=3))


def test_every_training_is_listed_and_the_best_is_kept(run, monkeypatch):
    monkeypatch.setattr(data_points, "load", lambda names: [run for _ in names])
    found = data_points.trainings(world().at(5)[:2])
    assert list(found["train_loss"]) == list(run.restart_losses) * 2
    kept = found[found["training"] == data_points.KEPT]
    assert list(kept["train_loss"]) == [run.train_loss] * 2
    lengths = data_points.lengths(world().at(5)[:1])
    np.testing.assert_allclose(lengths["length"], np.linalg.norm(hidden_vectors(run), axis=1))


def test_the_bias_is_parted_by_whether_a_training_point_has_the_feature(run):
    found = data_points.bias_by_use(run)
    used = run.data.make().to_dense().any(0)
    assert found["b_used"] == pytest.approx(np.linalg.norm(run.b[used]))
    assert found["b_used"] ** 2 + found["b_unused"] ** 2 == pytest.approx((run.b**2).sum())
