"""A ring among other columns changes the loss as the engine says, and five are best."""

import math

import numpy as np
import pytest
from plain_model import ring

from sdd import engine
from sdd.data import sample
from sdd.theory import (
    RingAmongOthers,
    best_ring,
    best_ring_among_others,
    constant_baseline,
    constant_loss,
    feature_mean,
    loss_change_among_others,
    zero_baseline,
)

LAW = {"n": 1_000, "sparsity": 0.99}


@pytest.mark.parametrize(
    ("F", "r", "b", "R2", "c"),
    [
        (5, 0.9, -0.1, 2.0, 0.0),
        (5, 0.9, -0.1, 2.0, 0.0025),
        (6, 1.1, -0.2, 1.0, 0.0025),
        (5, 0.9, 0.0, 2.0, 0.0),
    ],
)
def test_the_change_among_other_columns_is_that_of_the_engine_on_sampled_rows(F, r, b, R2, c):
    data, rng = sample(20_000, **LAW, seed=1), np.random.default_rng(0)
    others = rng.normal(size=(2, LAW["n"] - F))
    others *= math.sqrt(R2) / np.linalg.norm(others)
    W = np.hstack([ring(F, r), others])
    bias = np.append(np.full(F, b), np.full(LAW["n"] - F, c))
    change = (engine.loss(W, bias, data) - constant_loss(data, 0.0)) / 0.01
    assert loss_change_among_others(F, r, b, R2, c, **LAW) == pytest.approx(change, rel=0.06)


def test_without_ring_and_other_columns_it_is_what_a_constant_gains():
    mu = feature_mean(**LAW)
    gain = (constant_baseline(**LAW) - zero_baseline(**LAW)) / 0.01
    assert loss_change_among_others(0, 0.0, 0.0, 0.0, mu, **LAW) == pytest.approx(gain, rel=1e-3)


@pytest.mark.parametrize("R2", [0.3, 2.0])
def test_nothing_near_the_best_ring_is_better(R2):
    best, rng = best_ring_among_others(5, R2, **LAW), np.random.default_rng(0)
    at = np.array([best.r, best.b, best.c])
    assert loss_change_among_others(5, best.r, best.b, R2, best.c, **LAW) == best.loss_change
    for _ in range(50):
        r, b, c = at + rng.normal(0, [0.03, 0.01, 1e-4])
        assert loss_change_among_others(5, r, b, R2, c, **LAW) > best.loss_change - 1e-5


def test_without_other_columns_the_best_ring_is_the_one_on_its_own():
    gain = (constant_baseline(**LAW) - zero_baseline(**LAW)) / 0.01
    for F in (4, 5, 6):
        alone, best = best_ring(F, True, **LAW), best_ring_among_others(F, 0.0, **LAW)
        # (Less what the constant would gain on the F themselves.)
        assert best.loss_change - gain == pytest.approx(alone.loss_change, rel=0.02)
        assert (best.r, best.b) == pytest.approx((alone.r, alone.b), abs=0.02)


@pytest.mark.parametrize("law", [LAW, {}], ids=["n = 1,000", "n = 10,000"])
def test_six_are_best_without_other_columns_and_five_among_them(law):
    def winner(R2):
        return min(range(4, 9), key=lambda F: best_ring_among_others(F, R2, **law).loss_change)

    assert [winner(R2) for R2 in (0.0, 0.1, 1.0, 2.0)] == [6, 6, 5, 5]


def test_a_ring_among_other_columns_has_the_lengths_asked_for():
    ring = RingAmongOthers(F=6, r=0.8, b=-0.1, R2=2.0, c=0.002, loss_change=0.0)
    others = np.random.default_rng(0).normal(size=(2, 50))
    W, b = ring.weights(others / np.linalg.norm(others))
    np.testing.assert_allclose(np.linalg.norm(W[:, :6], axis=0), 0.8)
    np.testing.assert_allclose(np.diff(np.unwrap(np.arctan2(W[1, :6], W[0, :6]))), np.pi / 3)
    share = (others[:, 6:] ** 2).sum() / (others**2).sum()
    assert (W[:, 6:] ** 2).sum() == pytest.approx(2.0 * share)
    assert (list(b[:6]), set(b[6:])) == ([-0.1] * 6, {0.002})
