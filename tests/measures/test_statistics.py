"""The expected best of k is what trying all sets gives; spreads and errors are as defined."""

from inspect import unwrap
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd.measures.statistics import best_of, standard_error, steadier

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


def test_steadier_counts_powers_of_ten_of_the_spread():
    assert steadier([0, 10], [5, 6]) == pytest.approx(1)
    assert steadier([5, 6], [0, 10]) == pytest.approx(-1)
    assert steadier([2, 2], [3, 3]) == steadier([0, 0], [0, 0]) == 0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_beside_values_that_do_not_spread_the_answer_is_finite_and_silent(values):
    with np.errstate(divide="raise", invalid="raise"):
        found = steadier(values, [0.3, 0.3, 0.3])
        assert np.isfinite(found)
        assert steadier([0.3, 0.3, 0.3], values) == -found
    if np.ptp(values) > 1e-6:
        assert found > 9


@pytest.mark.parametrize("one", [[], [1.0]])
def test_one_value_has_no_spread(one):
    with pytest.raises(ValueError, match=f"two values or more, not 2 and {len(one)}"):
        steadier([1, 2], one)


def test_standard_error_of_a_mean():
    assert standard_error(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(
        (2.5, np.sqrt((2.25 + 0.25 + 0.25 + 2.25) / 3 / 4))
    )
    means = [standard_error(np.random.default_rng(s).random(100)) for s in range(400)]
    assert np.std([m for m, _ in means]) == pytest.approx(np.mean([e for _, e in means]), rel=0.1)
    with pytest.raises(ValueError, match="at least 2"):
        standard_error(np.array([1.0]))
