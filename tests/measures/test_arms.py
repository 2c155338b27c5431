"""What lies beside a ring is told by direction, by number and by how it began."""

import math
from dataclasses import replace

import numpy as np
import pytest

import sdd
from sdd.data import DataSettings
from sdd.measures.arms import beside_ring, disturbed
from sdd.measures.columns import test_rows as rows_of
from sdd.training.config import TrainConfig
from sdd.training.run import Run
from sdd.training.starts import config_weights

N = 45


def on_ring(F, turn=0.0, start=""):
    """F features at equal angles, and all others of a hundredth of their length, turned."""
    angles = 2 * np.pi * (np.arange(N) + turn * (np.arange(N) >= F)) / F + 0.3
    W = np.where(np.arange(N) < F, 1.0, 0.01) * np.stack([np.cos(angles), np.sin(angles)])
    settings = DataSettings(math.inf, N, 0.9, batch=10)
    return Run(W, np.zeros(N), TrainConfig(steps=1), settings, {}, 1.0, np.ones(1), start=start)


@pytest.mark.parametrize(("turn", "sided", "on_arms"), [(0, 1, 1), (0.5, -1, 0), (0.25, 0, 0)])
@pytest.mark.parametrize("F", [3, 5, 7])
def test_columns_on_the_arms_are_told_from_those_between(F, turn, sided, on_arms):
    found = beside_ring(on_ring(F, turn, start=f"ring:{F}:0.9:-0.1"))
    assert found["corners"] == F
    assert found["sided"] == pytest.approx(sided, abs=1e-6)
    assert found["on_arms"] == pytest.approx(on_arms)


def test_without_a_planted_ring_the_five_strongest_are_it():
    assert beside_ring(on_ring(5))["corners"] == 5


def test_weak_columns_are_counted_by_their_squared_lengths():
    run = on_ring(5)
    assert beside_ring(run)["weak"] == pytest.approx((N - 5) / 5)
    W = run.W.copy()
    W[:, 15:] = 1e-6
    assert beside_ring(replace(run, W=W))["weak"] == pytest.approx(2, rel=1e-3)


def test_the_longest_are_those_of_the_initial_weights():
    run = on_ring(5)
    lengths = np.linalg.norm(config_weights(run.config, N)[0][:, 5:], axis=0)
    W = run.W.copy()
    W[:, 5 + np.argsort(-lengths)[4:]] *= 1e-6
    assert beside_ring(replace(run, W=W))["from_longest"] == pytest.approx(1)


def test_turned_and_removed_columns_leave_the_ring_as_it_was():
    run = on_ring(5)
    found = disturbed(run)
    bare = np.where(np.arange(N) < 5, run.W, 0)
    rise = sdd.loss(bare, run.b, rows_of(run)) - sdd.loss(run.W, run.b, rows_of(run))
    assert found["removed_rise"] == pytest.approx(rise, abs=1e-9)
    assert found["removed_D"] == pytest.approx(0.4)
    assert found["turned_D"] == pytest.approx(2 / (5 + 40e-4), rel=1e-3)


def test_arms_are_of_the_plane():
    run = on_ring(5)
    with pytest.raises(ValueError, match="need m = 2, not m = 3"):
        beside_ring(replace(run, W=np.ones((3, N))))
