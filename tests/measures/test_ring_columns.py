"""Measures of single runs: of rings of a few features, of single points, and of bits."""

from dataclasses import replace

import numpy as np
import pytest

from sdd.data import DataSettings
from sdd.measures.columns import bits, few_rows_loss, point_losses, ring_columns, ring_loss_change
from sdd.training.config import TrainConfig
from sdd.training.run import Run

LAW = {"n": 400, "sparsity": 0.99}


def made(data, W, start=""):
    return Run(
        W=np.asarray(W, np.float32), b=np.zeros(np.shape(W)[1], np.float32), config=TrainConfig(),
        data=data, history={}, train_loss=0.0, restart_losses=np.zeros(1), start=start,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_the_change_of_a_ring_does_not_depend_on_how_often_its_features_were_drawn(seed):
    # Four orthogonal or opposite unit columns output each feature exactly, one at a time.
    W = np.array([[1, 0, -1, 0], [0, 1, 0, -1]])
    law = {"n": 1_000, "sparsity": 0.99}
    run = made(DataSettings(T=20_000, seed=seed, features=4, **law), W)
    assert ring_loss_change(run)["loss_change"] == pytest.approx(-0.4, abs=1e-4)


def test_what_stands_beside_a_planted_ring_is_all_but_its_corners():
    W = [[3, 0, 1, 2], [0, 3, 0, 0]]
    data = DataSettings(T=8, features=4, **LAW)
    found = ring_columns(made(data, W, start="top-ring:2:0.9:-0.1"))
    assert found == {"length_mean": 2.25, "length_min": 1, "b_mean": 0, "rest_R2": 5}
    assert ring_columns(made(data, W))["rest_R2"] == 23


def test_each_point_has_its_own_loss():
    data = DataSettings(T=8, seed=0, **LAW)
    silent = made(data, np.zeros((2, 400)))
    np.testing.assert_allclose(point_losses(silent), 1, rtol=1e-6)  # rows have unit length
    third = replace(silent, b=data.make().to_dense()[3])
    assert point_losses(third)[3] == pytest.approx(0, abs=1e-12)
    assert point_losses(third)[0] > 1
    with pytest.raises(ValueError, match="must be finite"):
        point_losses(made(DataSettings(T=float("inf"), batch=5, **LAW), np.zeros((2, 400))))
    larger = made(DataSettings(T=8, n=2_000, sparsity=0.99), np.zeros((2, 2_000)))
    assert few_rows_loss(larger)["few_rows_loss"] == pytest.approx(1, rel=1e-6)


def test_runs_of_the_same_bits_are_told_from_others():
    run = made(DataSettings(T=8, **LAW), np.ones((2, 400)))
    W = run.W.copy()
    W[0, 0] = np.nextafter(W[0, 0], np.float32(2))
    assert bits(run) == bits(replace(run, b=-run.b))  # -0 is 0
    assert bits(run) != bits(replace(run, W=W))
    kept = {"step": np.array([5]), "W": run.W[None], "b": run.b[None]}
    later = bits(replace(run, snapshots=kept))
    assert later != bits(replace(run, snapshots=kept | {"W": W[None]}))
