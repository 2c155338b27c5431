"""A ring changes the loss as the plain model does, and none is better than the best."""

import math

import numpy as np
import pytest
import torch
from plain_model import plain, plain_loss, ring

from sdd.data import DataSettings, sample
from sdd.findings.rings import BEST_RINGS
from sdd.theory import (
    best_ring,
    constant_baseline,
    crossover,
    extra_feature_loss_change,
    ring_loss_change,
    zero_baseline,
)

LAW = {"n": 1_000, "sparsity": 0.99}


def simulated_ring(F, r, b, data):
    """Mean loss change by the plain model, over rows with one of the F features active."""
    values = torch.tensor(data.values, dtype=torch.float64)
    X = torch.zeros(len(values), F, dtype=torch.float64)
    X[:, 1] = values
    model = plain(ring(F, r), np.full(F, b))
    with torch.no_grad():
        changes = F * (((X - model(X)) ** 2).sum(1) - values**2).numpy()
    return changes.mean(), changes.std() / np.sqrt(len(changes))


@pytest.mark.parametrize(("n", "sparsity"), [(100, 0.9), (20, 0.95)])
def test_a_ring_changes_the_loss_as_the_plain_model_does(n, sparsity):
    data = sample(20_000, n=n, sparsity=sparsity, seed=2)
    for F, r, b in [
        (2, 1.0, 0.0),
        (5, 1.0, 0.0),
        (5, 0.93, -0.12),
        (6, 1.2, -0.27),
        (7, 1.3, -1.5),
    ]:
        change, error = simulated_ring(F, r, b, data)
        assert ring_loss_change(F, r, b, n=n, sparsity=sparsity) == pytest.approx(
            change, abs=4 * error + 1e-4 * abs(change)
        )


def test_without_a_bias_a_ring_has_its_closed_form():
    square = (1 - 0.999**10_000) / 10  # E[x²|active] = E‖x‖²/(np), exactly
    for F in range(1, 9):
        cosines = np.cos(2 * np.pi * np.arange(F) / F)
        overlap = sum(c**2 for c in cosines if c > 1e-9)
        for r in (0.5, 1.0, 1.2):
            expected = F * square * (r**4 * overlap - 2 * r**2)
            assert ring_loss_change(F, r) == pytest.approx(expected, rel=1e-4, abs=1e-6)
        best = best_ring(F, free_bias=False)
        assert best.r == pytest.approx(overlap**-0.5)
        assert best.loss_change == pytest.approx(-F * square / overlap, rel=1e-4)


@pytest.mark.parametrize("F", [3, 5, 6, 7])
@pytest.mark.parametrize("free_bias", [False, True])
def test_no_ring_nearby_or_on_a_coarse_grid_beats_the_best(F, free_bias):
    best = best_ring(F, free_bias)
    assert ring_loss_change(F, best.r, best.b) == pytest.approx(best.loss_change, rel=1e-6)
    biases = [-0.4, -0.2, -0.1, best.b - 0.01, min(0.0, best.b + 0.01)] if free_bias else []
    for r in (0.7, 0.9, best.r - 0.01, best.r, best.r + 0.01, 1.2, 1.5):
        for b in [0.0, best.b, *biases]:
            if free_bias or b == 0:
                assert ring_loss_change(F, r, b) >= best.loss_change - 1e-6


def test_five_win_without_a_bias_and_six_with_one():
    fixed = {F: best_ring(F, free_bias=False).loss_change for F in range(3, 9)}
    free = {F: best_ring(F, free_bias=True).loss_change for F in range(3, 9)}
    assert min(fixed, key=lambda F: fixed[F]) == 5
    assert min(free, key=lambda F: free[F]) == 6
    # Half a per cent apart from a first estimate by simulation.
    assert (fixed[5], fixed[4]) == pytest.approx((-0.418, -0.398), rel=0.01)
    assert (free[5], free[6], free[7]) == pytest.approx((-0.470, -0.494, -0.488), rel=0.01)


def test_the_rings_that_are_planted_are_the_best_ones():
    for F, planted in BEST_RINGS.items():
        best = best_ring(F, True, n=1_000, sparsity=0.99)
        assert planted == pytest.approx((best.r, best.b), abs=6e-4)


@pytest.mark.parametrize(("length", "turn"), [(0.1, 0.0), (0.3, 0.5), (0.6, 0.0), (0.9, 0.5)])
def test_the_change_of_an_extra_feature_is_that_of_rows_with_one_active_feature(length, turn):
    F, r, b = 5, 1.15, -0.14
    rows = DataSettings(200_000, features=F + 1, seed=3, **LAW).rows(0, 200_000, "train")
    X = rows.to_dense().astype(float)
    X = X[(X > 0).sum(1) == 1]
    angle = 2 * np.pi * turn / F
    new = length * np.array([[math.cos(angle)], [math.sin(angle)]])
    bias = np.append(np.full(F, b), 0.0)
    losses = [plain_loss(np.hstack([ring(F, r), column]), bias, X) for column in (0 * new, new)]
    change = (F + 1) * (losses[1] - losses[0])  # a row is one of F + 1 events, each of frequency p
    assert extra_feature_loss_change(F, r, b, length, turn, **LAW) == pytest.approx(
        change, abs=0.002 + 0.03 * abs(change)
    )


def test_beside_a_pentagon_an_extra_feature_grows_a_little_and_then_no_more():
    best = best_ring(5, True, **LAW)
    lengths = np.linspace(0, 1, 101)
    change = [extra_feature_loss_change(5, best.r, best.b, v, 0.0, **LAW) for v in lengths]
    assert 0.2 < lengths[np.argmin(change)] < 0.4
    assert change[20] < 0 < min(change[60:])


def test_at_the_crossover_bounds_the_gains_are_equal():
    low, high = crossover(10_000, 0.999, K=20)
    pentagon = -best_ring(5, free_bias=False, n=10_000, sparsity=0.999).loss_change / 1_000
    gain = zero_baseline(10_000, 0.999) - constant_baseline(10_000, 0.999)
    assert 20 / high == pytest.approx(pentagon)
    assert 20 / low == pytest.approx(pentagon + gain, rel=1e-3)
    # About n/4 and n/11 points for each one memorised: the gains are worked out by hand as well.
    assert (high / 20, low / 20) == pytest.approx((10_000 / 4, 10_000 / 11), rel=0.08)
    free = -best_ring(5, free_bias=True, n=10_000, sparsity=0.999).loss_change / 1_000
    assert 20 / crossover(10_000, 0.999, 20, free_bias=True)[1] == pytest.approx(free)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ring_loss_change(5, 1.0, 0.1), "b must not be positive, not 0.1"),
        (lambda: ring_loss_change(5, -1.0), "r must not be negative, not -1.0"),
        (lambda: best_ring(0, True), "F must be at least 1, not 0"),
        (lambda: crossover(10, 0.5, 0), "K must be positive, not 0"),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
