"""What a search by gradients finds is held against the exact values, and against D."""

import numpy as np
import pytest

import sdd
from sdd.measures.geometry import dimensionality, maximal_dimensionality
from sdd.measures.leverage import ascent, maximal, searched


def test_the_search_begins_at_d_and_ends_at_the_maximal_dimensionality():
    V = np.random.default_rng(0).normal(size=(12, 3)) * [1, 3, 10]
    first, *between, last = ascent(V, np.arange(12), [0, 10, 100, 5_000], rate=0.01)
    exact = maximal_dimensionality(V)
    np.testing.assert_allclose(first, dimensionality(V))
    np.testing.assert_allclose(last, exact, rtol=1e-3)
    assert all((found <= exact + 1e-9).all() for found in (first, *between, last))
    assert (first < 0.9 * exact).any()


@pytest.fixture(scope="module")
def run():
    """Five points on a ring."""
    return sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))


def test_a_run_is_told_in_short(run):
    found = maximal(run)
    D = maximal_dimensionality(run.hidden())
    assert (found["point_largest"], found["point_median"]) == (D.max(), np.median(D))
    assert found["feature_rank"] == pytest.approx(2)
    assert found["feature_largest"] == maximal_dimensionality(run.W.T).max()
    assert found["point_gain"] == pytest.approx((D / dimensionality(run.hidden())).max())
    assert found["chance"] > 1


def test_the_points_searched_for_are_spread_over_the_exact_values(run):
    found = searched(run)
    exact = [found[f"exact {k}"] for k in range(5)]
    assert exact == sorted(maximal_dimensionality(run.hidden()))
    assert all(found[f"after 10 steps, {k}"] <= D + 1e-9 for k, D in enumerate(exact))
