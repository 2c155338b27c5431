"""Grids put every run in its cell, and rises, bumps and regions are what a plain loop finds."""

import math
from dataclasses import replace
from itertools import product
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd import theory
from sdd.data import DataSettings
from sdd.findings import grids
from sdd.findings.grids import Grid
from sdd.measures.summary import Summary
from sdd.training.config import Run, TrainConfig

ERROR = 1e-3


def made_up(T, m, seed, loss):
    run = Run(
        W=np.zeros((m, 20), np.float32),
        b=np.zeros(20, np.float32),
        config=TrainConfig(m=m),
        data=DataSettings(T=T, n=20, sparsity=0.8, seed=seed),
        history={},
        train_loss=0.0,
        restart_losses=np.zeros(1),
    )
    return Summary(replace(run, test_loss=float(loss), test_error=ERROR))


def drawn(losses, errors=ERROR):
    """Return a grid of these (rows, sizes, models) losses."""
    losses = np.asarray(losses, float)
    rows, sizes, _ = losses.shape
    values, columns = tuple(2.0 ** np.arange(rows)), tuple(10 * 2 ** np.arange(sizes))
    return Grid(values, columns, losses, np.broadcast_to(errors, losses.shape))


curves = st.lists(st.integers(0, 6), min_size=1, max_size=8)


# --- Cells ----------------------------------------------------------------------------------------


def test_each_run_is_in_its_cell_in_the_order_of_the_seeds():
    cells = list(product((100, 10), (4, 1, 2), (1, 0)))
    g = grids.grid([made_up(T, m, seed, T + m + seed / 10) for T, m, seed in cells], "m")
    assert (g.values, g.sizes) == ((1, 2, 4), (10, 100))
    for (i, m), (j, T) in product(enumerate(g.values), enumerate(g.sizes)):
        np.testing.assert_allclose(g.losses[i, j], [T + m, T + m + 0.1])
    assert (g.errors == ERROR).all()
    assert g.noise(4) == 2 * ERROR
    assert g.curve(2) == {10: [12.0, 12.1], 100: [102.0, 102.1]}


def test_cells_of_unlike_numbers_of_runs_are_refused_in_one_sentence():
    found = [made_up(T, m, 0, 1.0) for T in (10, 20) for m in (1, 2)]
    for wrong in (found[:-1], [*found, made_up(10, 1, 1, 1.0)]):
        with pytest.raises(ValueError, match="every cell must have as many runs") as caught:
            grids.grid(wrong, "m")
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="at least one run, but there are none"):
        grids.grid([], "m")
    for asked in (Grid.curve, Grid.noise, Grid.heights, Grid.own_bumps):
        with pytest.raises(ValueError, match="must have a row of 3"):
            asked(grids.grid(found, "m"), 3)


# --- Steps that hurt ------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
def test_a_step_hurts_beyond_two_pooled_deviations_and_two_errors(axis):
    rng = np.random.default_rng(0)
    losses = rng.normal(1, 0.1, (4, 5, 3)) + 0.3 * rng.normal(size=(4, 5, 1))
    errors = rng.uniform(0, 0.05, losses.shape)
    g = drawn(losses, errors)
    seen = set()
    hurts = g.hurts(axis)
    for i, j in np.ndindex(hurts.shape):
        a, b = (i, j), (i + (axis == 0), j + (axis == 1))
        pooled = math.sqrt((stdev(losses[a]) ** 2 + stdev(losses[b]) ** 2) / 2)
        tolerance = 2 * pooled + 2 * max(*errors[a], *errors[b])
        assert hurts[i, j] == (fmean(losses[b]) - fmean(losses[a]) > tolerance)
        seen.add(bool(hurts[i, j]))
    assert seen == {True, False}


def test_one_model_a_cell_is_never_enough():
    g = drawn([[[1.0], [9.0]], [[1.0], [20.0]]], 0.0)
    assert not g.hurts(0).any()
    assert not g.hurts(1).any()


@pytest.mark.parametrize("models", [2, 3, 4])
def test_steps_that_change_nothing_are_marked_as_often_as_said(models):
    losses = np.random.default_rng(1).normal(size=(200, 401, models))
    assert drawn(losses, 0.0).hurts(1).mean() == pytest.approx(grids.chance(models), rel=0.06)


def test_with_more_models_chance_marks_less():
    assert grids.chance(2) == pytest.approx(0.5 - 1 / math.sqrt(6))
    assert grids.chance(2) > 2 * grids.chance(3) > 4 * grids.chance(5) > 0
    with pytest.raises(ValueError, match="models must be a whole number of at least 2, not 1"):
        grids.chance(1)


# --- Regions --------------------------------------------------------------------------------------


def test_regions_are_joined_by_sides_and_not_by_corners():
    marked = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]], bool)
    assert grids.regions(marked) == [3, 2, 1]
    assert grids.regions(np.zeros((3, 2), bool)) == []
    assert grids.regions(np.ones((3, 2), bool)) == [6]


# --- Bumps ----------------------------------------------------------------------------------------


@given(curves)
def test_a_bump_is_as_high_as_the_curve_rises_and_falls_again(losses):
    """Held against every choice of a place before, a top, and a place behind."""
    best = max(
        losses[k] - max(losses[i], losses[j])
        for k in range(len(losses))
        for i in range(k + 1)
        for j in range(k, len(losses))
    )
    height, (left, top, right) = grids.bump(losses)
    assert height == best == losses[top] - max(losses[left], losses[right])
    assert left <= top <= right


@pytest.mark.parametrize("losses", [[5, 4, 3], [1, 2, 3], [3, 1, 2], [7], [2, 2, 2]])
def test_a_curve_that_does_not_both_rise_and_fall_has_no_bump(losses):
    assert grids.bump(losses)[0] == 0


def test_a_bump_counts_however_high_its_curve_starts():
    assert grids.bump([90, 2, 5, 1]) == (3, (1, 2, 3))


def test_tops_are_those_of_the_means_beyond_the_noise():
    g = drawn(
        [[[3, 3], [2, 2], [1, 1]], [[1, 1], [3, 5], [0, 0]], [[1, 1], [1.001, 1.001], [0, 0]]]
    )
    assert g.tops == {2.0: 20}
    assert list(g.heights(2.0)) == [2, 4]


def test_heights_of_seeds_are_taken_where_the_mean_has_its_bump():
    g = drawn([[[0, 2], [5, 1], [2, 9], [0, 0]]])
    assert g.tops == {1.0: 40}
    assert list(g.heights(1.0)) == [2, 7]
    own, places = g.own_bumps(1.0)
    assert list(own) == [5, 8]
    assert list(places) == [20, 40]


def test_noise_that_each_seed_has_of_its_own_is_no_bump_of_all():
    g = drawn(np.random.default_rng(2).normal(size=(300, 9, 2)))
    fixed = np.array([g.heights(v) for v in g.values])
    own = np.array([g.own_bumps(v)[0] for v in g.values])
    judged = [(h.mean(axis=1) > 2 * h.std(axis=1, ddof=1)).mean() for h in (fixed, own)]
    assert judged[0] < 0.6 * judged[1]


# --- Baselines ------------------------------------------------------------------------------------


def test_the_baselines_are_those_of_the_law_asked_for():
    found = grids.baselines(200, 0.95)
    assert list(found) == ["no output", "best\nconstant"]
    # The best constant gains n μ² on average: the variance is what is left.
    gain = 200 * theory.feature_mean(200, 0.95) ** 2
    none, constant = found.values()
    assert none == pytest.approx(1, abs=1e-3)
    assert none - constant == pytest.approx(gain, rel=0.02)
