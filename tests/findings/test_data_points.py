"""The claims on data points in superposition follow the runs; small runs give their own tables."""

from dataclasses import replace

import numpy as np
import pytest
from worlds import changed, world

from sdd.data import DataSettings
from sdd.findings import CLAIMS, data_points
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDABLE, UNDECIDED
from sdd.findings.scorecard import judge
from sdd.measures.columns import hidden_vectors
from sdd.training.config import TrainConfig
from sdd.training.loop import train

MINE = [c for c in CLAIMS.values() if c.finding == "data_points"]


def small(evidence):
    return evidence.table("dataset-size").query(f"T <= {data_points.MOST}")


def verdicts(id, evidence):
    return {row.row: row.verdict for row in judge(CLAIMS[id], evidence)}


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_paper_is_right(claim):
    assert {row.verdict for row in judge(claim, world())} == {REPRODUCED}


LOST = {"point_D_min": 0.0, "point_D_max": 2 / 9, "on_ring": 9}  # one of ten points


@pytest.mark.parametrize(
    ("id", "row", "rows", "columns", "verdict"),
    [
        ("F2-T5", "", "T == 5", {"point_D_min": 0.05, "point_D_max": 0.8}, CONTRADICTED),
        ("F2-D", "T = 6", "T == 6", {"point_D_max": 0.4}, CONTRADICTED),
        ("F2-D", "T = 10", "T == 10", LOST, CONTRADICTED),
        ("F2-D", "T = 10", "T == 10 and data_seed == 22", LOST, UNDECIDED),
        ("F2-regular", "T = 10", "T == 10 and data_seed == 22", LOST, UNDECIDED),
        ("F2-regular", "T = 5", "T == 5 and data_seed > 30", {"point_D_max": 0.5}, CONTRADICTED),
        ("F2-ring", "T = 10", "T == 10", LOST, CONTRADICTED),
        ("F2-T30", "", "T == 30", {"on_ring": 30}, CONTRADICTED),
        ("F2-columns", "T = 10", "T == 10", {"along_shuffled": 0.8}, CONTRADICTED),
        ("F2-T30", "", "T == 30", {"on_ring": lambda f: 12 + f["data_seed"] % 20}, UNDECIDABLE),
    ],
)
def test_follows_the_runs(id, row, rows, columns, verdict):
    altered = changed(world(), "dataset-size", rows, **columns)
    assert verdicts(id, altered)[row] == verdict


def test_polygons_are_compared_with_two_over_t():
    rows = data_points.polygons(world().profile, small(world())).set_index("T")
    assert list(rows.loc["5"])[:4] == ["0.4", "–", "0.400", "0.400 ± 0.000"]
    assert rows.loc["30", "on the ring, published (fig)"] == "21 to 22"
    assert rows.loc["30", "on the ring"] == "21.0 ± 0.0"
    assert rows.loc["30", "all on the ring"] == "0 of 36"


def test_regular_polygons_and_lost_points_are_counted():
    altered = changed(
        world(), "dataset-size", "T == 6 and data_seed < 3", point_D_min=0.3, train_loss=0.09
    )
    runs = small(altered)
    assert "33 of 36 trainings on 6 points gave a regular hexagon" in data_points.seen(runs)
    rows = data_points.polygons(altered.profile, runs).set_index("T")
    assert rows.loc["6", "lost a point"] == "3 of 36"


@pytest.fixture(scope="module")
def run():
    data = DataSettings(T=4, n=40, sparsity=0.9, seed=0)
    return train(data.make(), TrainConfig(steps=60))


def test_every_hidden_vector_has_its_length(run, monkeypatch):
    monkeypatch.setattr(data_points, "load", lambda names: [run for _ in names])
    lengths = data_points.lengths(world().at(5)[:1])
    np.testing.assert_allclose(lengths["length"], np.linalg.norm(hidden_vectors(run), axis=1))


def test_the_bias_is_parted_by_whether_a_training_point_has_the_feature(run):
    found = data_points.bias_by_use(run)
    used = run.data.make().to_dense().any(0)
    assert found["b_used"] == pytest.approx(np.linalg.norm(run.b[used]))
    assert found["b_used"] ** 2 + found["b_unused"] ** 2 == pytest.approx((run.b**2).sum())


def test_columns_lie_along_the_points_that_have_their_features():
    run = train(DataSettings(T=5, n=1_000, sparsity=0.99, seed=0), TrainConfig(steps=100))
    turns = 2 * np.pi * np.arange(5) / 5
    H, X = np.stack([np.cos(turns), np.sin(turns)]), run.training_set().to_dense()
    exact = (H @ X).astype(np.float32)  # a T-gon: W = H Xᵀ
    exact[:, (X > 0).sum(axis=0) > 1] = 0  # (what two points share lies between them)
    found = data_points.column_directions(replace(run, W=exact))
    assert found["along_points"] == 1
    assert found["along_shuffled"] == 0
    noise = np.random.default_rng(0).normal(size=exact.shape)
    assert data_points.column_directions(replace(run, W=noise))["along_points"] < 0.2
