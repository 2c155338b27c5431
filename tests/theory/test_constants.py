"""Baselines are what constant outputs score, by simulation and by the plain model."""

import numpy as np
import pytest
from plain_model import disjoint_points, plain_loss

from sdd.data import Dataset, sample
from sdd.theory import constant_baseline, constant_loss, feature_mean, zero_baseline


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zero_baseline(0, 0.5), "n must be at least 1, not 0"),
        (lambda: feature_mean(3, 1.0), r"sparsity must be in \[0, 1\), not 1.0"),
        (lambda: constant_loss(sample(2, 9, 0.5), -0.1), "not be negative, not -0.1"),
        (lambda: constant_loss(sample(2, 9, 0.5), np.ones(8)), r"\(9,\), not \(8,\)"),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
