"""Closed forms agree with the plain model, with simulation, and with sums written out."""

import numpy as np
import pytest
import torch

from sdd.data import Dataset, sample
from sdd.measures.geometry import dimensionality, norms
from sdd.model import ReLUOutput
from sdd.theory import (
    best_ring,
    constant_baseline,
    constant_loss,
    crossover,
    decayed_norm_sq,
    feature_mean,
    is_memorised,
    overlap_probability,
    pentagon_dimensionality,
    predicted_pentagon_dimensionality,
    ring_loss_change,
    tgon,
    tgon_dimensionality,
    tgon_solution,
    tgon_threshold,
    zero_baseline,
)


def disjoint_points(T, seed=0):
    """T unit-norm points on disjoint supports, with some features that no point has."""
    rng = np.random.default_rng(seed)
    X = np.zeros((T, 5 * T + 3))
    for k in range(T):
        X[k, rng.permutation(5)[: rng.integers(1, 6)] + 5 * k] = 0.1
    X *= rng.uniform(0.1, 1.0, X.shape)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def plain_loss(W, b, X):
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    return model.loss(torch.tensor(X)).item()


@pytest.mark.parametrize("T", [2, 3, 5, 6, 8, 30, 200])
def test_a_tgon_memorises_exactly_from_its_threshold_on_and_not_below(T):
    X = disjoint_points(T)
    threshold = tgon_threshold(T)
    for radius in (None, 1.001 * threshold, 3 * threshold):
        W, b = tgon_solution(X, radius)
        assert plain_loss(W, b, X) < 1e-24 * T**4  # r⁴ times the rounding of float64, squared
    W, b = tgon_solution(X, 0.99 * threshold)
    assert plain_loss(W, b, X) > 1e-5
    assert is_memorised(T, threshold)
    assert is_memorised(T, 3 * threshold)
    assert not is_memorised(T, 0.99 * threshold)
    assert threshold**2 * (1 - np.cos(2 * np.pi / T)) == pytest.approx(1.0)


@pytest.mark.parametrize("T", [2, 5, 30])
def test_a_tgon_has_the_norms_angles_and_dimensionality_of_its_formulas(T):
    X = disjoint_points(T)
    for radius in (None, 1.7 * tgon_threshold(T)):
        shape = tgon(T, radius)
        W, b = tgon_solution(X, radius)
        assert norms(W, b) == pytest.approx((shape.W_norm, shape.b_norm))
        H = X @ W.T
        assert np.linalg.norm(H, axis=1) == pytest.approx(np.full(T, shape.radius))
        assert (H[0] @ H[1]) / shape.radius**2 == pytest.approx(np.cos(shape.angle))
        assert dimensionality(H) == pytest.approx(np.full(T, 0.5 if T == 2 else 2 / T))
        assert T == 2 or tgon_dimensionality(T) == 2 / T


def test_points_on_a_simplex_have_dimensionality_4_over_5():
    centred = np.eye(5) - 0.2  # five points spread evenly over four dimensions
    assert dimensionality(centred) == pytest.approx(np.full(5, tgon_dimensionality(5, 4)))


def test_a_data_set_in_single_precision_is_memorised_as_well():
    X = Dataset.from_dense(disjoint_points(30))
    W, b = tgon_solution(X, (1 + 1e-4) * tgon_threshold(30))
    assert plain_loss(W, b, X.to_dense().astype(np.float64)) < 1e-20
    unused = X.to_dense().max(0) == 0
    assert unused.any()
    assert not W[:, unused].any()
    assert not b[unused].any()


def test_overlap_probability_is_the_share_of_overlapping_pairs():
    X = sample(4_000, n=300, sparsity=0.97, seed=3).to_dense() > 0
    share = (X[:2_000] & X[2_000:]).any(1).mean()
    expected = overlap_probability(300, 0.97)
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2_000))
    assert overlap_probability(10_000, 0.999) == pytest.approx(0.00995, abs=1e-5)
    assert overlap_probability(3, 0.0) == 1.0


# --- Baselines -------------------------------------------------------------------------------


def simulated_feature_mean(n, sparsity, rows, seed=0):
    """E[x_i] by drawing rows as the paper describes them; the mean and its standard error."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((rows, n)) < sparsity, 0.0, rng.random((rows, n)))
    lengths = np.linalg.norm(x, axis=1)
    means = x.sum(1) / np.where(lengths > 0, lengths, 1) / n
    return means.mean(), means.std() / np.sqrt(rows)


@pytest.mark.parametrize(("n", "sparsity"), [(1, 0.5), (7, 0.0), (30, 0.97), (100, 0.9)])
def test_the_feature_mean_is_that_of_simulated_rows(n, sparsity):
    mean, error = simulated_feature_mean(n, sparsity, rows=100_000)
    assert feature_mean(n, sparsity) == pytest.approx(mean, abs=4 * error + 1e-12)


def test_the_feature_mean_of_two_dense_features_is_the_integral_worked_out():
    # E[u/√(u² + v²)] over the unit square = ∫₀¹ √(1 + v²) − v dv, with u integrated by hand.
    expected = (np.sqrt(2) + np.arcsinh(1.0)) / 2 - 0.5
    assert feature_mean(2, 0.0) == pytest.approx(expected, rel=1e-12)


def test_baselines_have_the_published_sizes():
    assert zero_baseline(10_000, 0.999) == pytest.approx(1 - np.exp(-10.005), rel=1e-7)
    assert constant_baseline(10_000, 0.999) == pytest.approx(0.99926, abs=6e-5)
    assert constant_baseline(1_000, 0.99) == pytest.approx(0.9926, abs=6e-5)


def test_baselines_are_what_a_large_sample_scores():
    data = sample(50_000, n=1_000, sparsity=0.99, seed=1)
    mean = feature_mean(1_000, 0.99)
    assert constant_loss(data, 0.0) == pytest.approx(zero_baseline(1_000, 0.99), abs=2e-4)
    losses = constant_loss(data, mean, per_example=True)
    error = losses.std() / np.sqrt(data.T)
    assert losses.mean() == pytest.approx(constant_baseline(1_000, 0.99), abs=4 * error)
    for other in (0.9 * mean, 1.1 * mean):
        assert constant_loss(data, other) > losses.mean()


def test_a_constants_loss_is_that_of_the_model_with_no_weights():
    X = disjoint_points(4).astype(np.float32)
    X[2] = 0
    data = Dataset.from_dense(X)
    c = np.random.default_rng(0).random(data.n)
    expected = ((X.astype(np.float64) - c) ** 2).sum(1)
    np.testing.assert_allclose(constant_loss(data, c, per_example=True), expected, rtol=1e-12)
    assert constant_loss(data, c) == pytest.approx(
        plain_loss(np.zeros((2, data.n)), c, X.astype(np.float64))
    )


# --- Rings of features -----------------------------------------------------------------------


def simulated_ring(F, r, b, data):
    """Mean loss change by the plain model, over rows with one of the F features active."""
    values = torch.tensor(data.values, dtype=torch.float64)
    X = torch.zeros(len(values), F, dtype=torch.float64)
    X[:, 1] = values
    angles = 2 * torch.pi * torch.arange(F, dtype=torch.float64) / F
    W = r * torch.stack([angles.cos(), angles.sin()])
    model = ReLUOutput.from_weights(W, torch.full((F,), b, dtype=torch.float64))
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


def test_what_is_left_of_initial_weights_is_what_adamw_leaves():
    model = ReLUOutput(5_000, 3, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW([model.W], lr=0.0, weight_decay=0.2)
    rates = np.concatenate([np.linspace(0, 0.02, 50), np.linspace(0.02, 0, 150)])
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        model.W.grad = torch.zeros_like(model.W)
        optimizer.step()
    left = float((model.W.detach() ** 2).sum())
    assert left == pytest.approx(decayed_norm_sq(5_000, 3, 0.2, rates.sum()), rel=0.05)
    assert decayed_norm_sq(10_000, 2, 0.01, 25.0) == pytest.approx(4 * np.exp(-0.5), rel=1e-3)


def test_a_ring_in_leftover_weights_has_the_predicted_dimensionality():
    rng = np.random.default_rng(0)
    n, lr_sum = 20_000, 25.0
    rest = rng.normal(size=(n - 5, 2)) * np.sqrt(2 / (n + 2) * np.exp(-2 * 0.01 * lr_sum))
    angles = 2 * np.pi * np.arange(5) / 5
    ring = 0.93 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    D = dimensionality(np.vstack([ring, rest]))[:5]
    predicted = predicted_pentagon_dimensionality(0.93, n, 0.01, lr_sum)
    measured_rest = pentagon_dimensionality(0.93, float((rest**2).sum()))
    np.testing.assert_allclose(D, predicted, rtol=0.03)
    np.testing.assert_allclose(D, measured_rest, rtol=0.03)
    np.testing.assert_allclose(dimensionality(ring), pentagon_dimensionality(0.93, 0.0))
    assert pentagon_dimensionality(np.sqrt(0.86), 2.42) == pytest.approx(0.255, abs=1e-3)


def test_at_the_crossover_bounds_the_gains_are_equal():
    low, high = crossover(10_000, 0.999, K=20)
    pentagon = -best_ring(5, free_bias=False, n=10_000, sparsity=0.999).loss_change / 1_000
    gain = zero_baseline(10_000, 0.999) - constant_baseline(10_000, 0.999)
    assert 20 / high == pytest.approx(pentagon)
    assert 20 / low == pytest.approx(pentagon + gain, rel=1e-3)
    # About n/4 and n/11 points for each one memorised: the gains are worked out by hand as well.
    assert (high / 20, low / 20) == pytest.approx((10_000 / 4, 10_000 / 11), rel=0.08)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tgon_threshold(1), "T ≥ 2 points, not 1"),
        (lambda: tgon(1, 1.0), "T ≥ 2 points, not 1"),
        (lambda: tgon_dimensionality(2, 2), r"above m ≥ 1, not \(2, 2\)"),
        (lambda: tgon_solution(np.eye(3) * 2), "unit norm, but row 0 has 2"),
        (lambda: tgon_solution(np.array([[1.0, 0], [0, 0]])), "unit norm, but row 1 has 0"),
        (lambda: tgon_solution(np.array([[1.0, 0], [0, -1]])), "not be negative, not .*-1"),
        (
            lambda: tgon_solution(np.array([[0.6, 0.8, 0], [0, 0.8, 0.6]])),
            r"disjoint supports, but feature 1 is non-zero in rows \[0, 1\]",
        ),
        (lambda: zero_baseline(0, 0.5), "n must be at least 1, not 0"),
        (lambda: feature_mean(3, 1.0), r"sparsity must be in \[0, 1\), not 1.0"),
        (lambda: constant_loss(sample(2, 9, 0.5), -0.1), "not be negative, not -0.1"),
        (lambda: constant_loss(sample(2, 9, 0.5), np.ones(8)), r"\(9,\), not \(8,\)"),
        (lambda: ring_loss_change(5, 1.0, 0.1), "b must not be positive, not 0.1"),
        (lambda: ring_loss_change(5, -1.0), "r must not be negative, not -1.0"),
        (lambda: best_ring(0, True), "F must be at least 1, not 0"),
        (lambda: pentagon_dimensionality(0.9, -1.0), "R2 must not be negative, not -1.0"),
        (lambda: decayed_norm_sq(0, 0, 0.01, 25.0), r"n and m must be at least 1, not \(0, 0\)"),
        (lambda: decayed_norm_sq(9, 2, -0.1, 25.0), "weight_decay must not be negative, not -0.1"),
        (lambda: decayed_norm_sq(9, 2, 0.1, -1.0), "lr_sum must not be negative, not -1.0"),
        (
            lambda: predicted_pentagon_dimensionality(0.9, 0, 0.01, 25.0),
            r"n must be at least F, not \(0, 5\)",
        ),
        (lambda: crossover(10, 0.5, 0), "K must be positive, not 0"),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
