"""Steps that hurt, regions of them and bumps are what a plain loop finds."""

import math
from statistics import fmean, stdev

import numpy as np
import pytest
from curves import grid
from hypothesis import given
from hypothesis import strategies as st

from sdd.findings import grids

# --- Steps that hurt ----------------------------------------------------------------------------


@pytest.mark.parametrize("along", ["m", "T"])
def test_a_step_hurts_beyond_two_pooled_deviations_and_two_errors(along):
    rng = np.random.default_rng(0)
    losses = rng.normal(1, 0.1, (4, 5, 3)) + 0.3 * rng.normal(size=(4, 5, 1))
    errors = rng.uniform(0, 0.05, losses.shape)
    found = grids.steps(grid(losses, errors).sample(frac=1, random_state=0), "m", along)
    assert len(found) == (15 if along == "m" else 16)
    for step in found.itertuples():
        i, j = int(np.log2(step.m)), int(np.log2(step.T / 10))
        a, b = (i, j), (i + (along == "m"), j + (along == "T"))
        pooled = math.sqrt((stdev(losses[a]) ** 2 + stdev(losses[b]) ** 2) / 2)
        tolerance = 2 * pooled + 2 * max(*errors[a], *errors[b])
        assert step.hurts == (fmean(losses[b]) - fmean(losses[a]) > tolerance)
    assert found["hurts"].nunique() == 2


def test_one_model_a_cell_is_never_enough():
    runs = grid([[[1.0], [9.0]], [[1.0], [20.0]]], 0.0)
    assert not any(grids.steps(runs, "m", along)["hurts"].any() for along in ("m", "T"))


@pytest.mark.parametrize("models", [2, 3, 4])
def test_steps_that_change_nothing_are_marked_as_often_as_said(models):
    rng = np.random.default_rng(1)
    found = [grids.steps(grid(rng.normal(size=(40, 51, models)), 0.0), "m", "T") for _ in range(20)]
    marked = np.concatenate([steps["hurts"] for steps in found])
    error = math.sqrt(grids.chance(models) / marked.size)
    assert marked.mean() == pytest.approx(grids.chance(models), abs=4 * error)


def test_with_two_models_chance_has_a_closed_form():
    assert grids.chance(2) == pytest.approx(0.5 - 1 / math.sqrt(6))
    with pytest.raises(ValueError, match="models must be a whole number of at least 2, not 1"):
        grids.chance(1)


def test_cells_of_unlike_numbers_of_runs_are_refused_in_one_sentence():
    runs = grid(np.ones((2, 2, 2)))
    for measure in (grids.bumps, lambda f, s: grids.steps(f, s, "T")):
        with pytest.raises(ValueError, match=r"every cell must have as many runs.*\[1, 2\]"):
            measure(runs[:-1], "m")


def test_regions_are_joined_by_sides_and_not_by_corners():
    marked = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]], bool)
    expected = [[2, 2, 0, 0], [0, 0, 3, 0], [1, 0, 3, 3]]
    np.testing.assert_array_equal(grids.region_sizes(marked), expected)
    assert not grids.region_sizes(marked & False).any()


def test_a_region_of_chance_is_rare_where_nothing_changes():
    rng = np.random.default_rng(5)
    runs = [grid(rng.normal(size=(6, 6, 2)), 0.0) for _ in range(200)]
    least = grids.region_by_chance(runs[0], "m", "T")
    beyond = [grids.steps(found, "m", "T")["region"].max() >= least for found in runs]
    assert least > 1
    assert np.mean(beyond) < 0.1


# --- Bumps --------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8))
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


def test_heights_of_seeds_are_taken_where_the_mean_has_its_bump():
    found = grids.bumps(grid([[[0, 2], [5, 1], [2, 9], [0, 0]]]), "m")
    assert list(found["T"]) == [40, 40]
    assert list(found["height"]) == [2, 7]
    assert list(found["test_loss"]) == [2, 9]
    assert list(found["own_height"]) == [5, 8]
    assert list(found["own_T"]) == [20, 40]


def test_a_bump_is_found_where_the_mean_has_one_beyond_the_noise():
    losses = [[3, 2, 1], [1, 4, 0], [1, 1.001, 0]]
    found = grids.bumps(grid(np.repeat(np.array(losses)[..., None], 2, axis=2), 1e-3), "m")
    assert found.groupby("m")["found"].all().to_dict() == {1: False, 2: True, 4: False}


def test_noise_that_each_seed_has_of_its_own_is_no_bump_of_all():
    found = grids.bumps(grid(np.random.default_rng(2).normal(size=(30, 9, 2))), "m")

    def judged(height):
        rows = found.groupby("m")[height]
        return (rows.mean() > 2 * rows.std()).mean()

    assert judged("height") < judged("own_height")


def test_bumps_are_listed_by_value_with_their_top_and_height():
    losses = [[[1.0, 1.0], [1.3, 1.5], [0.9, 0.9]], [[1.0, 1.0], [0.9, 0.9], [0.8, 0.8]],
              [[1.0, 1.0], [1.1, 1.1], [1.2, 1.2]]]  # fmt: skip
    found = grids.bump_table(grid(losses), "m", "hidden dimensions")
    assert found.to_numpy().tolist() == [
        ["1", "20", "1.4000 ± 0.1414", "0.4000 ± 0.1414"],
        ["2", "no bump", "–", "0.0000 ± 0.0000"],
        ["4", "still rising at the end", "–", "0.0000 ± 0.0000"],
    ]
    assert found.columns[0] == "hidden dimensions"
