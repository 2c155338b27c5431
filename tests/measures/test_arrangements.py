"""Arrangements made by hand get their names, however they are turned and scaled."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sdd
from sdd import theory
from sdd.measures import arrangements
from sdd.measures.arrangements import FAN, OFF, RING, TWO, circles, kind, main, slack, widest_gap


def at(*ends):
    """Return vectors given as (length, degrees)."""
    return np.array([[r * math.cos(math.radians(a)), r * math.sin(math.radians(a))]
                     for r, a in ends])  # fmt: skip


EIGHT = [45 * k for k in range(8)]
SIX_AND_TWO = at(*((3.6, 23 * k) for k in range(6)), (1.2, 200), (1.3, 277))
EXAMPLES = {
    "a regular ring": (at(*((2, a) for a in EIGHT)), RING, [8]),
    "a ring with lengths that differ by a fifth": (
        at(*((2 + 0.2 * (k % 3), a) for k, a in enumerate(EIGHT))), RING, [8]
    ),
    "one point inside a ring": (at((1, 0), *((2, a) for a in EIGHT[1:])), OFF, [7, 1]),
    "one point beyond a ring": (at((4, 0), *((2, a) for a in EIGHT[1:])), OFF, [1, 7]),
    "three circles": (at((1, 0), (1.5, 45), *((2, a) for a in EIGHT[2:])), OFF, [6, 1, 1]),
    "two circles": (at((1, 0), (1, 180), *((2, a) for a in EIGHT if a % 180)), TWO, [6, 2]),
    "the paper's fan of six and two": (SIX_AND_TWO, FAN, [6, 2]),
    "a fan of five, two inside and one at the centre": (
        at(*((4, 20 * k) for k in range(5)), (1, 180), (1, 240), (0, 0)), FAN, [5, 2, 1]
    ),
    "all in one direction": (at(*((2, 10) for _ in range(8))), FAN, [8]),
    "all at the centre": (np.zeros((8, 2)), FAN, [8]),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
@given(turn=st.floats(0, 360), scale=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_an_arrangement_is_named_however_it_is_turned_scaled_and_numbered(name, turn, scale, seed):
    vectors, expected, counts = EXAMPLES[name]
    order = np.random.default_rng(seed).permutation(len(vectors))
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    moved = scale * vectors[order] @ np.array([[c, s], [-s, c]])
    assert kind(moved) == expected
    assert np.bincount(circles(moved)).tolist() == counts
    assert np.array_equal(main(moved), main(vectors)[order])


def test_a_fan_leaves_more_than_half_of_the_directions_empty_and_a_ring_does_not():
    assert kind(at((1, 0), (1, 89), (1, 179))) == FAN
    assert kind(at((1, 0), (1, 90), (1, 181))) == RING


def test_of_two_equal_circles_the_outer_one_is_the_fullest():
    assert main(at((2, 0), (1, 90), (2, 180), (1, 270))).tolist() == [True, False, True, False]


def test_the_factor_between_circles_can_be_set():
    vectors = at((1, 0), (1, 120), (1, 240), (1.4, 60))
    assert kind(vectors) == OFF
    assert kind(vectors, step=1.5) == RING


@pytest.mark.parametrize(
    ("vectors", "gap"),
    [(at((1, 0), (5, 90), (1, 200)), 160), (at((1, 350), (1, 10)), 340), (at((1, 3)), 360),
     (at((1, 0), (0, 0), (1, 180)), 180), (np.zeros((2, 2)), 360)],
)  # fmt: skip
def test_the_widest_gap_is_between_neighbours_all_around(vectors, gap):
    assert widest_gap(vectors) == pytest.approx(gap)


@pytest.mark.parametrize("shape", [(3,), (3, 4), (0, 2)])
@pytest.mark.parametrize("measure", [circles, main, kind, widest_gap, slack])
def test_vectors_of_another_shape_are_refused_in_one_sentence(measure, shape):
    from inspect import unwrap  # where shapes are checked at run time, that check speaks first

    with pytest.raises((ValueError, TypeError), match=r"rows in the plane|shape"):
        unwrap(measure)(np.ones(shape))


@pytest.mark.parametrize("T", [3, 5, 8, 13])
def test_a_polygon_has_no_slack_at_the_least_radius_that_memorises(T):
    ring = at(*((theory.tgon_threshold(T), 360 * k / T) for k in range(T)))
    assert slack(ring) == pytest.approx(0, abs=1e-9)
    assert slack(1.01 * ring) > 0 > slack(0.99 * ring)


def losses_and_rounding(hidden):
    """Losses of disjoint points put where they should be, and what rounding moves an output by.

    Points are float32, so that ‖x‖² = 1 + δ with δ below their ε, and an output that should be
    ‖h‖² + 1 − ‖h‖² is off by δ‖h‖².
    """
    points = sdd.Dataset.from_dense(np.kron(np.eye(len(hidden)), [0.6, 0.8]))
    X = points.to_dense().astype(float)
    W = hidden.T @ X
    b = (X * (1 - (hidden**2).sum(1))[:, None]).sum(0)
    rounding = np.finfo(np.float32).eps * (hidden**2).sum(1).max()
    return np.asarray(sdd.loss(W, b, points, per_example=True)), rounding


@given(seed=st.integers(0, 10_000), size=st.floats(0.5, 8))
def test_an_arrangement_with_slack_memorises_exactly_and_one_without_does_not(seed, size):
    hidden = size * np.random.default_rng(seed).normal(size=(3, 2))
    losses, rounding = losses_and_rounding(hidden)
    assume(abs(slack(hidden)) > 10 * rounding)
    assert (losses.max() < rounding**2) == (slack(hidden) > 0)


def test_the_paper_s_picture_of_a_failure_can_memorise_all_eight_points():
    assert kind(SIX_AND_TWO) == FAN
    assert slack(SIX_AND_TWO) > 0
    losses, rounding = losses_and_rounding(SIX_AND_TWO)
    assert losses.max() < rounding**2
    assert slack(0.9 * SIX_AND_TWO) < 0
    assert arrangements.KINDS == (RING, OFF, TWO, FAN)
