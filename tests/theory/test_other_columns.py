"""Weak columns on the arms of a ring change the loss as the engine says, and make five best."""

import numpy as np
import pytest
from plain_model import ring

from sdd import engine
from sdd.data import DataSettings
from sdd.theory import (
    best_ring,
    best_ring_with_weak,
    constant_loss,
    interference,
    loss_change_with_weak,
)

LAW = {"n": 1_000, "sparsity": 0.99}


@pytest.mark.parametrize("F", range(3, 10))
@pytest.mark.parametrize("turn", [0.0, 0.2, 0.5])
def test_the_interference_is_what_an_output_in_that_direction_fires(F, turn):
    direction = 2 * np.pi * turn / F
    fired = np.maximum(0, ring(F, 1.0).T @ [np.cos(direction), np.sin(direction)])
    assert interference(F, turn) == pytest.approx(fired @ fired)


def test_only_odd_rings_prefer_a_direction_and_neighbours_among_them_opposite_ones():
    sides = [interference(F, 0.5) - interference(F) for F in range(3, 11)]
    assert np.sign(np.round(sides, 9)).tolist() == [-1, 0, 1, 0, -1, 0, 1, 0]


@pytest.mark.parametrize(
    ("F", "r", "b", "k", "rho", "turn"),
    [
        (5, 0.95, -0.075, 8, 0.18, 0.0),
        (5, 0.95, -0.075, 8, 0.18, 0.5),
        (6, 0.9, -0.08, 4, 0.15, 0.0),
        (3, 1.0, 0.0, 4, 0.2, 0.5),
    ],
)
def test_the_change_is_that_of_the_engine_on_sampled_rows(F, r, b, k, rho, turn):
    data = DataSettings(T=100_000, features=F * (k + 1), seed=1, **LAW).make()
    c, s = np.cos(2 * np.pi * turn / F), np.sin(2 * np.pi * turn / F)
    weak = np.tile(np.array([[c, -s], [s, c]]) @ ring(F, rho), k)
    bias = np.append(np.full(F, b), np.zeros(F * k))
    change = engine.loss(np.hstack([ring(F, r), weak]), bias, data) - constant_loss(data, 0.0)
    assert loss_change_with_weak(F, r, b, k, rho, turn, **LAW) == pytest.approx(
        change / 0.01, rel=0.06
    )


@pytest.mark.parametrize("k", [4, 40])
def test_nothing_near_the_best_ring_is_better(k):
    best, rng = best_ring_with_weak(5, k, **LAW), np.random.default_rng(0)
    for _ in range(50):
        r, b, rho = np.array([best.r, best.b, best.rho]) + rng.normal(0, [0.02, 0.005, 0.005])
        assert loss_change_with_weak(5, r, min(b, 0), k, rho, **LAW) > best.loss_change - 1e-5


@pytest.mark.parametrize("F", [4, 5, 6])
def test_without_weak_columns_the_best_ring_is_the_one_on_its_own(F):
    alone, best = best_ring(F, True, **LAW), best_ring_with_weak(F, 0, **LAW)
    assert best.loss_change == pytest.approx(alone.loss_change, rel=1e-4)
    assert (best.r, best.b) == pytest.approx((alone.r, alone.b), abs=0.02)


@pytest.mark.parametrize("law", [LAW, {}], ids=["n = 1,000", "n = 10,000"])
def test_six_are_best_without_weak_columns_and_five_among_them(law):
    def winner(count):
        return min(range(4, 9), key=lambda F: best_ring_with_weak(F, count / F, **law).loss_change)

    assert [winner(count) for count in (0, 40, 200)] == [6, 5, 5]


def test_the_more_weak_columns_the_less_dimensions_each_of_the_five_has():
    D = [best_ring_with_weak(5, k, **LAW).D for k in (0, 2, 8, 40)]
    assert D[0] == pytest.approx(0.4)
    assert (np.diff(D) < 0).all()


def test_its_model_has_the_lengths_and_directions_asked_for():
    found = best_ring_with_weak(3, 2, **LAW)
    W, b = found.weights()
    assert found.turn == 0.5
    assert np.linalg.norm(W, axis=0) == pytest.approx([found.r] * 3 + [found.rho] * 6)
    assert np.sum(W[:, 3:] ** 2) == pytest.approx(found.R2)
    assert W[:, 3] @ W[:, 0] == pytest.approx(found.r * found.rho / 2)  # 60° from an arm
    assert b.tolist() == [found.b] * 3 + [0.0] * 6
