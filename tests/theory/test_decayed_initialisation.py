"""Initial weights decay by the formula, and D is that of a ring among such weights."""

import numpy as np
import pytest
import torch

from sdd.measures.geometry import dimensionality
from sdd.theory import (
    decayed_norm_sq,
    pentagon_dimensionality,
    predicted_pentagon_dimensionality,
)
from sdd.training import initial_weights


def test_what_is_left_of_initial_weights_is_what_adamw_leaves():
    W = torch.nn.Parameter(torch.tensor(initial_weights(3, 5_000)[0]))
    optimizer = torch.optim.AdamW([W], lr=0.0, weight_decay=0.2)
    rates = np.concatenate([np.linspace(0, 0.02, 50), np.linspace(0.02, 0, 150)])
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        W.grad = torch.zeros_like(W)
        optimizer.step()
    left = float((W.detach() ** 2).sum())
    assert left == pytest.approx(decayed_norm_sq(5_000, 3, 0.2, rates.sum()), rel=0.05)
    assert decayed_norm_sq(10_000, 2, 0.01, 25.0) == pytest.approx(4 * np.exp(-0.5), rel=1e-3)


def test_a_ring_among_decayed_weights_has_the_predicted_dimensionality():
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pentagon_dimensionality(0.9, -1.0), "R2 must not be negative, not -1.0"),
        (lambda: decayed_norm_sq(0, 0, 0.01, 25.0), r"n and m must be at least 1, not \(0, 0\)"),
        (lambda: decayed_norm_sq(9, 2, -0.1, 25.0), "weight_decay must not be negative, not -0.1"),
        (lambda: decayed_norm_sq(9, 2, 0.1, -1.0), "lr_sum must not be negative, not -1.0"),
        (
            lambda: predicted_pentagon_dimensionality(0.9, 0, 0.01, 25.0),
            r"n must be at least F, not \(0, 5\)",
        ),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
