"""Closed forms of dropped features, newcomers and hazes agree with the plain model and sampling."""

import math

import numpy as np
import pytest
import torch
from sdd.findings.extensions import BEST_RINGS, SMALL

from sdd import engine
from sdd.data import DataSettings, sample
from sdd.measures.geometry import dimensionality
from sdd.measures.search import compass
from sdd.model import ReLUOutput
from sdd.theory import (
    RingAmongOthers,
    best_ring,
    best_ring_among_others,
    constant_baseline,
    constant_loss,
    dropped_curvature,
    dropped_descent,
    dropped_feature,
    dropped_moved,
    extra_feature_loss_change,
    feature_mean,
    loss_change_among_others,
    tgon_loss,
    tgon_solution,
    tgon_threshold,
    zero_baseline,
)

LAW = {"n": 1_000, "sparsity": 0.99}


def plain(W, b):
    return ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))


def plain_loss(W, b, X):
    return plain(W, b).loss(torch.tensor(X)).item()


# --- The T-gon below its threshold ----------------------------------------------------------------


@pytest.mark.parametrize("T", [3, 5, 12, 40])
@pytest.mark.parametrize("factor", [0.3, 0.8, 0.99, 1.0001, 1.5])
def test_the_loss_of_a_tgon_is_that_of_the_plain_model(T, factor):
    radius = factor * tgon_threshold(T)
    X = np.eye(T)
    assert tgon_loss(T, radius) == pytest.approx(
        plain_loss(*tgon_solution(X, radius), X), abs=1e-10
    )
    assert (tgon_loss(T, radius) > 1e-9) == (factor < 1)


# --- A dropped feature ----------------------------------------------------------------------------


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


# --- A newcomer beside a ring ---------------------------------------------------------------------


def ring(F, r):
    angles = 2 * np.pi * np.arange(F) / F
    return r * np.stack([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize(("length", "turn"), [(0.1, 0.0), (0.3, 0.5), (0.6, 0.0), (0.9, 0.5)])
def test_the_newcomers_change_is_that_of_rows_with_one_active_feature(length, turn):
    F, r, b = 5, 1.15, -0.14
    rows = DataSettings(200_000, features=F + 1, seed=3, **LAW).rows(0, 200_000, "train")
    X = rows.to_dense().astype(float)
    X = X[(X > 0).sum(1) == 1]
    angle = 2 * np.pi * turn / F
    new = length * np.array([[math.cos(angle)], [math.sin(angle)]])
    bias = np.append(np.full(F, b), 0.0)
    losses = [plain_loss(np.hstack([ring(F, r), column]), bias, X) for column in (0 * new, new)]
    change = (F + 1) * (losses[1] - losses[0])  # a row is one of F + 1 events, each of frequency p
    assert extra_feature_loss_change(F, r, b, length, turn, **LAW) == pytest.approx(
        change, abs=0.002 + 0.03 * abs(change)
    )


def test_beside_a_pentagon_a_newcomer_grows_a_little_and_then_no_more():
    best = best_ring(5, True, **LAW)
    lengths = np.linspace(0, 1, 101)
    change = [extra_feature_loss_change(5, best.r, best.b, v, 0.0, **LAW) for v in lengths]
    assert 0.2 < lengths[np.argmin(change)] < 0.4
    assert change[20] < 0 < min(change[60:])


# --- A search -------------------------------------------------------------------------------------


@pytest.mark.parametrize("finest", [1 / 32, 1 / 512])
def test_a_compass_search_ends_where_no_step_helps(finest):
    target = np.array([1.3, -2.2])
    found = compass(lambda v: ((v - target) ** 2 * [1, 5]).sum(), (0.0, 0.0), (1.0, 0.5), finest)
    assert (np.abs(found - target) <= np.array([1.0, 0.5]) * finest).all()


# --- A ring in a haze -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("F", "r", "b", "R2", "c"),
    [
        (5, 0.9, -0.1, 2.0, 0.0),
        (5, 0.9, -0.1, 2.0, 0.0025),
        (6, 1.1, -0.2, 1.0, 0.0025),
        (5, 0.9, 0.0, 2.0, 0.0),
    ],
)
def test_the_change_in_a_haze_is_that_of_the_engine_on_sampled_rows(F, r, b, R2, c):
    data, rng = sample(20_000, **LAW, seed=1), np.random.default_rng(0)
    haze = rng.normal(size=(2, LAW["n"] - F))
    haze *= math.sqrt(R2) / np.linalg.norm(haze)
    W = np.hstack([ring(F, r), haze])
    bias = np.append(np.full(F, b), np.full(LAW["n"] - F, c))
    change = (engine.loss(W, bias, data) - constant_loss(data, 0.0)) / 0.01
    assert loss_change_among_others(F, r, b, R2, c, **LAW) == pytest.approx(change, rel=0.06)


def test_without_ring_and_haze_it_is_what_a_constant_gains():
    mu = feature_mean(**LAW)
    gain = (constant_baseline(**LAW) - zero_baseline(**LAW)) / 0.01
    assert loss_change_among_others(0, 0.0, 0.0, 0.0, mu, **LAW) == pytest.approx(gain, rel=1e-3)


@pytest.mark.parametrize("R2", [0.3, 2.0])
def test_nothing_near_the_best_ring_is_better(R2):
    best, rng = best_ring_among_others(5, R2, **LAW), np.random.default_rng(0)
    at = np.array([best.r, best.b, best.c])
    assert loss_change_among_others(5, best.r, best.b, R2, best.c, **LAW) == best.loss_change
    for _ in range(50):
        r, b, c = at + rng.normal(0, [0.03, 0.01, 1e-4])
        assert loss_change_among_others(5, r, b, R2, c, **LAW) > best.loss_change - 1e-5


def test_without_a_haze_the_best_ring_is_the_one_on_its_own():
    gain = (constant_baseline(**LAW) - zero_baseline(**LAW)) / 0.01
    for F in (4, 5, 6):
        alone, best = best_ring(F, True, **LAW), best_ring_among_others(F, 0.0, **LAW)
        # (Less what the constant would gain on the F themselves.)
        assert best.loss_change - gain == pytest.approx(alone.loss_change, rel=0.02)
        assert (best.r, best.b) == pytest.approx((alone.r, alone.b), abs=0.02)


@pytest.mark.parametrize("law", [LAW, {}], ids=["n = 1,000", "n = 10,000"])
def test_six_are_best_without_a_haze_and_five_in_a_haze(law):
    def winner(R2):
        return min(range(4, 9), key=lambda F: best_ring_among_others(F, R2, **law).loss_change)

    assert [winner(R2) for R2 in (0.0, 0.1, 1.0, 2.0)] == [6, 6, 5, 5]


def test_the_dimensionality_in_a_haze_is_that_of_such_columns():
    best = best_ring_among_others(5, 1.5, **LAW)
    angles = np.linspace(0, 2 * np.pi, 995, endpoint=False)
    haze = math.sqrt(best.R2 / 995) * np.stack([np.cos(angles), np.sin(angles)])
    D = dimensionality(np.hstack([ring(5, best.r), haze]).T)
    assert D[:5] == pytest.approx(np.full(5, best.dimensionality))


def test_the_rings_that_are_planted_are_the_best_ones():
    assert SMALL == LAW
    for F, planted in BEST_RINGS.items():
        best = best_ring(F, True, **LAW)
        assert planted == pytest.approx((best.r, best.b), abs=6e-4)


def test_a_ring_in_a_haze_has_the_lengths_asked_for():
    ring = RingAmongOthers(F=6, r=0.8, b=-0.1, R2=2.0, c=0.002, loss_change=0.0)
    haze = np.random.default_rng(0).normal(size=(2, 50))
    W, b = ring.weights(haze / np.linalg.norm(haze))
    np.testing.assert_allclose(np.linalg.norm(W[:, :6], axis=0), 0.8)
    np.testing.assert_allclose(np.diff(np.unwrap(np.arctan2(W[1, :6], W[0, :6]))), np.pi / 3)
    share = (haze[:, 6:] ** 2).sum() / (haze**2).sum()
    assert (W[:, 6:] ** 2).sum() == pytest.approx(2.0 * share)
    assert (list(b[:6]), set(b[6:])) == ([-0.1] * 6, {0.002})
