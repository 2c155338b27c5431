"""Intervals cover what they say; the expected best of k is what trying all sets gives."""

import math
from inspect import unwrap
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sdd.measures.statistics import (
    Estimate,
    best_of,
    difference,
    highest,
    lowest,
    mean,
    place,
    share,
    sign_flip,
    standard_error,
)  # fmt: skip

samples = st.lists(st.floats(-10, 10).map(lambda v: round(v, 3)), min_size=2, max_size=9)


def misses(theta: float, estimates: list[Estimate]) -> tuple[float, float]:
    """Return how often a true value is below and how often above the interval."""
    ends = np.array([e.interval() for e in estimates])
    return float((theta < ends[:, 0]).mean()), float((ends[:, 1] < theta).mean())


def normal(repeats: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(repeats, *shape))


# --- Intervals ----------------------------------------------------------------------------------


@given(samples.filter(np.ptp), st.floats(0.5, 0.999))
def test_the_interval_of_a_mean_is_that_of_student(values, confidence):
    expected = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
    assert mean(values).interval(confidence) == pytest.approx(expected)


@given(samples.filter(np.ptp), samples.filter(np.ptp))
def test_the_interval_of_a_difference_is_that_of_welch(these, those):
    found = stats.ttest_ind(these, those, equal_var=False).confidence_interval(0.99)
    expected = (found.low, found.high)
    assert difference(these, those).interval() == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("n", [2, 4, 20])
def test_t_intervals_cover_99_percent(n):
    below, above = misses(0, [mean(v) for v in normal(5_000, n)])
    assert below == pytest.approx(0.005, abs=0.004)
    assert above == pytest.approx(0.005, abs=0.004)


def test_the_interval_of_unpaired_means_covers_about_99_percent():
    drawn = normal(5_000, 12)
    found = [difference(v[:4], 3 * v[4:]) for v in drawn]
    assert sum(misses(0, found)) == pytest.approx(0.01, abs=0.006)


@pytest.mark.parametrize(("n", "most"), [(4, 0.02), (8, 0.014), (20, 0.014)])
def test_a_mean_beside_a_published_one_covers_99_percent_or_little_less(n, most):
    """Theirs is a mean of four trainings that spread as ours do, read with an error."""
    drawn = normal(5_000, n + 4)
    theirs = drawn[:, n:].mean(1) + 0.5 * np.random.default_rng(1).normal(size=5_000)
    found = [mean(v[:n] - t, reading=1.0, seeds=4) for v, t in zip(drawn, theirs, strict=True)]
    assert sum(misses(0, found)) <= most


def test_where_only_known_errors_matter_the_interval_is_the_normal_one():
    half = stats.norm.isf(0.005)
    assert mean([1.0, 1.0], error=0.1).interval() == pytest.approx((1 - 0.1 * half, 1 + 0.1 * half))
    endless = mean([0.0, 2.0], error=0.3, reading=0.8).interval(times=math.inf)
    assert endless == pytest.approx((1 - 0.5 * half, 1 + 0.5 * half))
    tiny = mean([1.0, 1.0 + 1e-9], error=0.1).interval()
    assert tiny == pytest.approx((1 - 0.1 * half, 1 + 0.1 * half), rel=1e-6)


def test_the_spread_of_the_published_trainings_is_known_no_better_than_ours():
    ours = mean([0.0, 2.0], seeds=4)  # variance 2, of one degree of freedom
    half = stats.t.isf(0.005, 1) * math.sqrt(2 / 2 + 2 / 4)
    assert ours.interval() == pytest.approx((1 - half, 1 + half))
    assert ours.published == pytest.approx(math.sqrt(2 / 4))


def test_a_mean_of_one_training_says_nothing():
    assert mean([1.0]).interval() == (-math.inf, math.inf)
    assert difference([1.0, 2.0], [1.0]).interval(times=100) == (-math.inf, math.inf)
    for wrong in ([], [1.0, math.nan]):
        for estimate in (mean, lambda values: place(values, np.median)):
            with pytest.raises(ValueError, match="values must be finite, and at least one"):
                estimate(wrong)


@pytest.mark.parametrize(("k", "n", "low"), [(4, 4, 0.47), (30, 30, 0.90), (29, 30, 0.85)])
def test_a_share_has_the_exact_lower_bound_of_95_percent(k, n, low):
    found = share([True] * k + [False] * (n - k)).interval()
    assert found[0] == pytest.approx(low, abs=0.006)
    exact = stats.binomtest(k, n).proportion_ci(0.90, "exact")
    assert found == pytest.approx((exact.low, exact.high))
    none = share([False] * k + [True] * (n - k)).interval()
    assert none == pytest.approx((1 - found[1], 1 - found[0]))


@pytest.mark.parametrize("p", [0.5, 0.9, 0.97])
def test_bounds_of_a_share_are_wrong_in_5_percent_at_most(p):
    drawn = np.random.default_rng(0).random((3_000, 30)) < p
    assert max(misses(p, [share(v) for v in drawn])) <= 0.05 + 0.01


def test_a_share_of_no_trainings_is_refused():
    with pytest.raises(ValueError, match="of one training or more, not of none"):
        share([])


def test_a_place_needs_sixteen_trainings_and_no_more_confidence_than_its_resamples_have():
    few, enough = place(range(15), np.median), place(range(16), np.median)
    assert few.interval() == (-math.inf, math.inf)
    assert np.isfinite(few.interval(times=2)).all()
    assert np.isfinite(enough.interval()).all()
    assert enough.interval(1 - 1e-6) == (-math.inf, math.inf)


def test_the_bootstrap_of_a_median_covers_about_what_it_says():
    found = [place(v, np.median, resamples=400) for v in normal(200, 20)]
    assert sum(misses(0, found)) <= 0.03


def test_of_several_the_lowest_is_covered_where_all_are_equal_and_where_one_is_far_below():
    for shifts in (np.zeros(5), np.array([0.0, 9, 9, 9, 9])):
        drawn = normal(2_000, 5, 6) + shifts[:, None]
        assert sum(misses(0, [lowest(map(mean, v)) for v in drawn])) <= 0.016
        assert sum(misses(0, [highest(map(mean, -v)) for v in drawn])) <= 0.016


@given(samples.filter(np.ptp), samples.filter(np.ptp), st.floats(1, 9))
def test_the_highest_is_the_lowest_upside_down_and_more_trainings_narrow_both(a, b, times):
    found, other = lowest([mean(a), mean(b)]), highest([mean(-np.array(v)) for v in (a, b)])
    (low, high), (down, up) = found.interval(), other.interval()
    assert (low, high, found.value) == pytest.approx((-up, -down, -other.value))
    assert low <= found.value <= high
    narrow = found.interval(times=times)
    assert low <= narrow[0] <= narrow[1] <= high


def test_signs_are_flipped_in_all_ways():
    assert sign_flip([1.0, 2.0, 3.0]) == 2 / 8
    assert sign_flip([-1.0, 2.0, 3.0]) == 4 / 8
    assert sign_flip([1.0] * 40) == pytest.approx(0, abs=1e-3)


# --- What selecting the best does ---------------------------------------------------------------

losses = st.lists(st.floats(0, 1), min_size=1, max_size=7)


@given(losses, st.data())
def test_the_expected_lowest_loss_is_the_mean_over_all_sets(values, data):
    k = data.draw(st.integers(1, len(values)))
    tried = [min(chosen) for chosen in combinations(values, k)]
    assert best_of(k, values) == pytest.approx(np.mean(tried), abs=1e-12)


@given(st.permutations(range(6)), st.integers(1, 6), st.integers(0, 99))
def test_what_the_kept_seed_scores_elsewhere_is_averaged_too(train, k, seed):
    test = np.random.default_rng(seed).normal(size=6)
    tried = [test[min(chosen, key=lambda i: train[i])] for chosen in combinations(range(6), k)]
    assert best_of(k, train, test) == pytest.approx(np.mean(tried))


def test_equal_losses_are_kept_by_chance():
    assert best_of(2, [0, 0], [1, 3]) == best_of(1, [0, 0], [1, 3]) == 2
    assert best_of(3, [1, 0, 0], [9, 1, 3]) == best_of(3, [0, 1, 0], [1, 9, 3]) == 2


def test_one_is_the_mean_and_all_is_the_lowest():
    values = [3.0, 1.0, 2.0, 6.0]
    assert best_of(1, values) == 3
    assert best_of(4, values) == 1


@pytest.mark.parametrize("k", [0, 4])
def test_more_than_there_are_cannot_be_tried(k):
    with pytest.raises(ValueError, match=f"from 1 to 3, .*not {k}"):
        unwrap(best_of)(k, [1, 2, 3])


def test_values_belong_to_losses():
    with pytest.raises(ValueError, match="one a loss, 2, not 1"):
        unwrap(best_of)(1, [1, 2], [3])


def test_standard_error_of_a_mean():
    assert standard_error(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(
        (2.5, np.sqrt((2.25 + 0.25 + 0.25 + 2.25) / 3 / 4))
    )
    means = [standard_error(np.random.default_rng(s).random(100)) for s in range(400)]
    assert np.std([m for m, _ in means]) == pytest.approx(np.mean([e for _, e in means]), rel=0.1)
    with pytest.raises(ValueError, match="at least 2"):
        standard_error(np.array([1.0]))
