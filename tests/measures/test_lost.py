"""Curvature agrees with finite differences and closed forms; further training goes on."""

import numpy as np
import pytest
from plain_model import plain_loss

from sdd import theory
from sdd.findings import run_like
from sdd.measures import lost
from sdd.measures.table import load, table


def test_curvatures_are_those_of_finite_differences():
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(2, 4)), rng.normal(size=4)
    rows, step = rng.uniform(size=(3, 4)), 1e-4

    def loss(p):
        return plain_loss(p[:8].reshape(2, 4), p[8:], rows)

    at, unit = np.append(W, b), step * np.eye(12)
    steps = [[loss(at + u + v) - loss(at + u - v) - loss(at - u + v) + loss(at - u - v)
              for u in unit] for v in unit]  # fmt: skip
    expected = np.linalg.eigvalsh(np.array(steps) / (4 * step**2))
    slope = [(loss(at + u) - loss(at - u)) / (2 * step) for u in unit]
    values, gradient = lost.curvatures(W, b, rows)
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert gradient == pytest.approx(np.linalg.norm(slope), rel=1e-5)


def test_a_dropped_feature_has_the_curvature_of_the_formula_in_its_own_column():
    n = 8
    values, gradient = lost.curvatures(*theory.dropped_feature(n), np.eye(n))
    assert gradient == pytest.approx(0, abs=1e-12)
    assert values[-1] > theory.dropped_curvature(n, 1.01 * theory.tgon_threshold(n - 1))


def test_further_training_lowers_the_loss_of_a_run_that_was_not_done(monkeypatch):
    runs = table([run_like("eight-points", "quick", n=100, sparsity=0.9, steps=200)])
    monkeypatch.setattr(lost, "SLOW", (20_000, 1e-3))
    monkeypatch.setattr(lost, "FAST", (10_000, 1e-2))
    (run,) = load(runs["run"])
    found = lost.trained_on(run)
    assert max(found["slow_loss"], found["fast_loss"]) < run.train_loss
    assert lost.spectrum(run)["gradient"] > 1e-3
