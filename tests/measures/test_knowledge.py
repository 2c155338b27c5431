"""What hidden vectors tell of features: known in closed form for a few kinds of them."""

import numpy as np
import pytest

from sdd.data import sample
from sdd.measures.knowledge import Knowledge, cells

DATA = sample(20_000, 50, 0.9)
X = DATA.to_dense().astype(float)


def test_it_is_the_mean_product_of_pairs_in_a_cell_less_that_of_any_pair():
    data = sample(120, 8, 0.6)
    x, H = data.to_dense().astype(float), np.random.default_rng(0).normal(size=(120, 2))
    label = cells(H, 10)
    others = ~np.eye(120, dtype=bool)
    within = others & (label[:, None] == label)
    products = np.einsum("ij,kj->jik", x, x)
    pairs = (products * within).sum(2).T / within.sum(1)[:, None]
    found = Knowledge(H, data, 10)
    np.testing.assert_allclose(
        found.explained, pairs.mean(0) - (products * others).sum((1, 2)) / others.sum(), atol=1e-12
    )
    assert found.left == pytest.approx((x**2).sum(1).mean() - pairs.mean(0).sum())


def test_hidden_vectors_that_are_two_features_tell_all_of_these_and_no_more():
    found = Knowledge(X[:, :2], DATA)
    best = found.best(3)
    assert best[1] > 0.95
    assert abs(best[2]) < 0.1
    # (The length of the row is one, so that a long feature leaves less to the others.)
    assert found.features == pytest.approx(2, abs=0.25)


def test_hidden_vectors_of_chance_tell_nothing():
    found = Knowledge(np.random.default_rng(1).normal(size=(DATA.T, 2)), DATA)
    assert abs(found.features) < 4 * found.error / found.variance.mean()
    assert found.left == pytest.approx(found.variance.sum(), rel=0.02)


def test_linear_maps_tell_at_least_m_features_worth():
    W = np.random.default_rng(2).normal(size=(2, 50))
    H = X @ W.T
    # An identity: the best linear decoder explains m features' worth where all are alike.
    residual = X - X.mean(0) - (H - H.mean(0)) @ np.linalg.lstsq(H - H.mean(0), X, rcond=None)[0]
    linear = (X.var(0).sum() - residual.var(0).sum()) / X.var(0).mean()
    assert linear == pytest.approx(2, abs=0.1)
    assert Knowledge(H, DATA).features > linear


def test_cells_have_equal_counts_and_lie_beside_one_another():
    H = np.random.default_rng(3).normal(size=(1_000, 2))
    label = cells(H, 10)
    assert set(np.bincount(label)) == {10}
    spread = [np.ptp(H[label == k, 0]) for k in range(100)]
    assert np.median(spread) < 0.5


def test_cells_take_two_rows_or_more():
    with pytest.raises(ValueError, match="two rows or more"):
        cells(np.zeros((3, 2)), 1)
