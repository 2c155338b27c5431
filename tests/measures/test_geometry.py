"""Measures agree with their definitions written out, and with cases known by hand."""

from inspect import unwrap  # where shapes are checked at run time, that check would speak first

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd.measures.geometry import (
    dimensionality,
    equal_angle_error,
    maximal_dimensionality,
    on_ring,
    strongest,
)


def polygon(k, radius=1.0, turn=0.3):
    angles = turn + 2 * np.pi * np.arange(k) / k
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def written_out(vectors):
    """D_i by its definition, one vector and one product at a time."""
    result = []
    for v in vectors:
        length = np.sqrt(sum(v**2))
        if length == 0:
            result.append(0.0)
        else:
            result.append(length**2 / sum(np.dot(v / length, u) ** 2 for u in vectors))
    return np.array(result)


@given(
    k=st.integers(1, 12),
    m=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    zeros=st.integers(0, 3),
    single=st.booleans(),
)
def test_dimensionality_is_its_definition(k, m, seed, zeros, single):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(k, m)) * 10.0 ** rng.uniform(-2, 2, (k, 1))
    vectors[:zeros] = 0
    vectors = vectors.astype(np.float32 if single else np.float64)
    D = dimensionality(vectors)
    assert D.dtype == np.float64
    np.testing.assert_allclose(D, written_out(vectors.astype(np.float64)), rtol=1e-9)
    assert ((D >= 0) & (D <= 1)).all()


def test_dimensionality_of_known_arrangements():
    assert dimensionality(np.eye(4)) == pytest.approx(np.ones(4))
    assert dimensionality(np.ones((5, 3))) == pytest.approx(np.full(5, 1 / 5))
    assert dimensionality(np.array([[1.0], [-1.0]])) == pytest.approx([0.5, 0.5])
    for k in (3, 5, 6, 30):
        assert dimensionality(polygon(k)) == pytest.approx(np.full(k, 2 / k))


def test_dimensionality_sums_to_the_rank_where_the_arrangement_is_a_tight_frame():
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]])
    assert dimensionality(tetrahedron) == pytest.approx(np.full(4, 3 / 4))


def test_a_zero_vector_has_no_dimensionality_and_takes_none():
    vectors = np.vstack([polygon(5), np.zeros((3, 2))])
    assert dimensionality(vectors) == pytest.approx([0.4] * 5 + [0.0] * 3)
    assert (dimensionality(np.zeros((4, 2))) == 0).all()
    assert dimensionality(np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1e20, 1e300])
def test_dimensionality_does_not_depend_on_the_unit_of_length(scale):
    vectors = np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_allclose(dimensionality(vectors * scale), dimensionality(vectors), rtol=1e-12)


def test_a_tiny_vector_among_large_ones_keeps_its_small_share():
    vectors = np.array([[1e-20, 1e-20], [1.0, 0.0], [0.0, 1.0]])
    # ‖v‖² = 2e-40, and the others have ½ + ½ along its direction.
    assert dimensionality(vectors)[0] == pytest.approx(2e-40, rel=1e-9)
    alone = np.array([[1e-20, 0.0], [0.0, 1.0]])
    assert dimensionality(alone) == pytest.approx([1.0, 1.0])


def test_dimensionality_of_many_vectors_needs_no_square_array():
    vectors = np.random.default_rng(1).normal(size=(300_000, 2))  # k × k would be 720 GB
    D = dimensionality(vectors)
    v = vectors[17]
    assert D[17] == pytest.approx((v @ v) ** 2 / ((vectors @ v) ** 2).sum(), rel=1e-9)


def test_regular_polygons_have_equal_angles_at_any_size_order_and_turn():
    rng = np.random.default_rng(4)
    for k in (2, 3, 5, 9):
        ring = polygon(k, turn=rng.uniform(0, 7)) * rng.uniform(0.1, 9, (k, 1))
        assert equal_angle_error(rng.permutation(ring)) < 1e-9


def test_equal_angle_error_is_the_largest_deviation_of_a_gap():
    degrees = np.array([0.0, 75, 144, 216, 287])
    vectors = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)
    assert equal_angle_error(vectors) == pytest.approx(3.0)  # gaps 75, 69, 72, 71, 73
    assert equal_angle_error(np.array([[1.0, 0.0], [2.0, 0.0]])) == pytest.approx(180.0)


def test_the_strongest_vectors_come_first():
    vectors = np.vstack([0.1 * polygon(20), polygon(5)])
    assert set(strongest(vectors, 5)) == {20, 21, 22, 23, 24}
    D = dimensionality(vectors + 0.01)
    assert list(strongest(vectors + 0.01, 3)) == sorted(range(25), key=lambda i: -D[i])[:3]
    assert list(strongest(np.eye(3), 3)) == [0, 1, 2]


def test_the_ring_is_found_at_any_scale_beside_points_near_zero():
    rng = np.random.default_rng(5)
    ring = polygon(21, 4.5) * rng.uniform(0.9, 1.1, (21, 1))
    inner = 0.05 * rng.normal(size=(9, 2))
    for scale in (1e-20, 1.0, 1e20):
        assert list(on_ring(np.vstack([ring, inner]) * scale)) == [True] * 21 + [False] * 9
    assert not on_ring(np.zeros((3, 2))).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unwrap(dimensionality)(np.zeros((2, 2, 2))), r"\(k, m\) array.*\(2, 2, 2\)"),
        (lambda: dimensionality(np.array([[1.0], [np.nan]])), "row 1 holds a NaN"),
        (lambda: on_ring(np.array([[np.inf]])), "hidden must be finite; row 0"),
        (lambda: unwrap(equal_angle_error)(np.ones((3, 3))), r"in the plane, not shape \(3, 3\)"),
        (lambda: equal_angle_error(np.array([[1.0, 0], [0, 0]])), "zero, but row 1 is"),
        (lambda: strongest(np.eye(2), 3), r"count must be in \[1, 2\].*not 3"),
    ],
)
def test_bad_input_is_one_clear_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(k=st.integers(1, 12), seed=st.integers(0, 2**32 - 1), zeros=st.integers(0, 3))
def test_the_maximal_dimensionality_is_the_most_of_all_directions_in_the_plane(k, seed, zeros):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(k, 2)) * 10.0 ** rng.uniform(-1, 1, (k, 1))
    vectors[:zeros] = 0
    angles = np.linspace(0, np.pi, 20_001)
    squares = (vectors @ np.stack([np.cos(angles), np.sin(angles)])) ** 2
    shares = squares / squares.sum(axis=0).clip(1e-300)
    found = maximal_dimensionality(vectors)
    if k - zeros > 1:
        np.testing.assert_allclose(found, shares.max(axis=1), atol=2e-3)
    assert (found >= shares.max(axis=1) - 1e-9).all()
    assert (found >= dimensionality(vectors) - 1e-9).all()


@given(k=st.integers(1, 30), m=st.integers(1, 8), rank=st.integers(1, 8), seed=st.integers(0, 999))
def test_maximal_dimensionalities_sum_to_the_rank_also_in_single_precision(k, m, rank, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(k, rank)) @ rng.normal(size=(rank, m))
    for exact in (vectors, vectors.astype(np.float32)):
        assert maximal_dimensionality(exact).sum() == pytest.approx(min(k, m, rank), abs=1e-6)


def test_no_invertible_map_changes_maximal_dimensionalities():
    rng = np.random.default_rng(0)
    vectors, mapping = rng.normal(size=(50, 6)), rng.normal(size=(6, 6)) * 10.0 ** np.arange(6)
    found = maximal_dimensionality(vectors)
    np.testing.assert_allclose(maximal_dimensionality(vectors @ mapping), found, rtol=1e-5)
    assert np.abs(dimensionality(vectors @ mapping) - dimensionality(vectors)).max() > 0.01


def test_maximal_dimensionalities_of_known_arrangements():
    assert maximal_dimensionality(np.eye(4)) == pytest.approx(np.ones(4))
    assert maximal_dimensionality(polygon(7)) == pytest.approx(np.full(7, 2 / 7))
    assert not maximal_dimensionality(np.zeros((3, 2))).any()
    # Long vectors hide what a short one has to itself from D, and not from D*.
    hidden = np.array([[100.0, 0.0], [100.0, 0.0], [100.0, 1.0]])
    assert dimensionality(hidden)[2] == pytest.approx(1 / 3, abs=1e-3)
    assert maximal_dimensionality(hidden) == pytest.approx([1 / 2, 1 / 2, 1])
