"""A T-gon memorises from its threshold on, and has the norms and loss of its formulas."""

import numpy as np
import pytest
from plain_model import disjoint_points, plain_loss

from sdd.data import Dataset, sample
from sdd.measures.geometry import dimensionality
from sdd.theory import overlap_probability, tgon_loss, tgon_norms, tgon_solution, tgon_threshold


@pytest.mark.parametrize("T", [2, 3, 5, 6, 8, 30, 200])
def test_a_tgon_memorises_exactly_from_its_threshold_on_and_not_below(T):
    X = disjoint_points(T)
    threshold = tgon_threshold(T)
    for radius in (None, 1.001 * threshold, 3 * threshold):
        W, b = tgon_solution(X, radius)
        assert plain_loss(W, b, X) < 1e-24 * T**4  # r⁴ times the rounding of float64, squared
    W, b = tgon_solution(X, 0.99 * threshold)
    assert plain_loss(W, b, X) > 1e-5
    assert threshold**2 * (1 - np.cos(2 * np.pi / T)) == pytest.approx(1.0)


@pytest.mark.parametrize("T", [3, 5, 12, 40])
@pytest.mark.parametrize("factor", [0.3, 0.8, 0.99, 1.0001, 1.5])
def test_the_loss_of_a_tgon_is_that_of_the_plain_model(T, factor):
    radius = factor * tgon_threshold(T)
    X = np.eye(T)
    assert tgon_loss(T, radius) == pytest.approx(
        plain_loss(*tgon_solution(X, radius), X), abs=1e-10
    )
    assert (tgon_loss(T, radius) > 1e-9) == (factor < 1)


@pytest.mark.parametrize("T", [2, 5, 30])
def test_a_tgon_has_the_norms_angles_and_dimensionality_of_its_formulas(T):
    X = disjoint_points(T)
    for factor in (1, 1.7):
        radius = factor * tgon_threshold(T)
        W, b = tgon_solution(X, radius)
        assert (np.linalg.norm(W), np.linalg.norm(b)) == pytest.approx(tgon_norms(T, radius))
        H = X @ W.T
        assert np.linalg.norm(H, axis=1) == pytest.approx(np.full(T, radius))
        assert (H[0] @ H[1]) / radius**2 == pytest.approx(np.cos(2 * np.pi / T))
        assert dimensionality(H) == pytest.approx(np.full(T, 0.5 if T == 2 else 2 / T))


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tgon_threshold(1), "T ≥ 2 points, not 1"),
        (lambda: tgon_solution(np.ones((1, 1)), 1.0), "T ≥ 2 points, not 1"),
        (lambda: tgon_solution(np.eye(3) * 2), "unit norm, but row 0 has 2"),
        (lambda: tgon_solution(np.array([[1.0, 0], [0, 0]])), "unit norm, but row 1 has 0"),
        (lambda: tgon_solution(np.array([[1.0, 0], [0, -1]])), "not be negative, not .*-1"),
        (
            lambda: tgon_solution(np.array([[0.6, 0.8, 0], [0, 0.8, 0.6]])),
            r"disjoint supports, but feature 1 is non-zero in rows \[0, 1\]",
        ),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
