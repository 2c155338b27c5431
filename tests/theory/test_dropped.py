"""A dropped feature is stationary, and a saddle once all columns may move."""

import math

import numpy as np
import pytest
import torch
from plain_model import plain, plain_loss

from sdd.theory import (
    dropped_curvature,
    dropped_descent,
    dropped_feature,
    dropped_moved,
    tgon_threshold,
)


@pytest.mark.parametrize("n", [6, 7, 12, 30])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_a_dropped_feature_is_stationary_with_and_without_decay(n, decay):
    model, X = plain(*dropped_feature(n)), torch.eye(n, dtype=torch.float64)
    (model.loss(X) + decay / 2 * (model.W**2).sum()).backward()
    assert model.W.grad[:, -1].abs().max() < 1e-12  # decay pulls at others, but not at W = 0
    assert model.b.grad[-1].abs() < 1e-12
    if decay == 0:
        assert model.W.grad.abs().max() < 1e-10
        assert model.b.grad.abs().max() < 1e-10
    assert model.loss(X).item() == pytest.approx((1 - 1 / n) / n)


def test_it_is_stationary_only_where_the_others_are_a_regular_ring():
    W, b = dropped_feature(9)
    W[:, 3] *= 1.2
    model = plain(W, b)
    model.loss(torch.eye(9, dtype=torch.float64)).backward()
    assert model.W.grad[:, -1].abs().max() > 1e-3


@pytest.mark.parametrize("n", [6, 9, 30])
def test_its_curvature_is_that_of_finite_differences_and_positive(n):
    radius = 1.01 * tgon_threshold(n - 1)
    W, b = dropped_feature(n)
    rest, step = plain_loss(W, b, np.eye(n)), 1e-4
    for angle in (0.0, 0.7, 2.0):
        moved = W.copy()
        moved[:, -1] = step * np.array([math.cos(angle), math.sin(angle)])
        found = 2 * (plain_loss(moved, b, np.eye(n)) - rest) / step**2
        assert found == pytest.approx(dropped_curvature(n, radius), rel=1e-3)
    assert dropped_curvature(n, radius) > 0


@pytest.mark.parametrize("n", [6, 9, 30])
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0])
def test_where_the_others_have_room_the_loss_falls_when_all_move(n, angle):
    radius, size = 1.02 * tgon_threshold(n - 1), 1e-3
    rest = plain_loss(*dropped_feature(n, radius), np.eye(n))
    moved = dropped_moved(n, radius, size * np.array([math.cos(angle), math.sin(angle)]))
    change = (plain_loss(*moved, np.eye(n)) - rest) / size**2
    assert change == pytest.approx(-dropped_descent(n, radius), rel=2e-3)
    assert change < 0


@pytest.mark.parametrize("n", [6, 9, 30])
def test_at_the_least_radius_the_same_move_costs_unless_the_polygon_grows_along_with_it(n):
    radius, size = tgon_threshold(n - 1), 1e-3
    rest = plain_loss(*dropped_feature(n, radius), np.eye(n))
    W, b = dropped_moved(n, radius, size * np.array([1.0, 0]))
    moved = W.copy()
    W[:, -1] = 0
    cost = (plain_loss(W, b, np.eye(n)) - rest) / size**2
    assert cost == pytest.approx((n - 1) / n, rel=2e-3)
    moved[:, :-1] += size / math.sqrt(2) * dropped_feature(n, radius)[0][:, :-1]
    b[:-1] = 1 - (moved[:, :-1] ** 2).sum(0)
    change = (plain_loss(moved, b, np.eye(n)) - rest) / size**2
    assert change == pytest.approx(-dropped_descent(n, radius), rel=2e-2)


@pytest.mark.parametrize(("n", "radius"), [(0, None), (5, None), (8, 0.9 * tgon_threshold(7))])
def test_what_is_no_dropped_feature_is_refused(n, radius):
    with pytest.raises(ValueError, match="must be at least"):
        dropped_feature(n, radius)
    with pytest.raises(ValueError, match="must be at least"):
        dropped_curvature(n, radius or 2.0)
