"""The rule of judgement: from an estimate and a region to a verdict."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from worlds import around

from sdd.findings.rule import (
    CONTRADICTED,
    NEW,
    OLD,
    REPRODUCED,
    UNDECIDABLE,
    UNDECIDED,
    USUALLY,
    Region,
    above,
    behaviour,
    below,
    between,
    decide,
    holm,
    judge,
    p_value,
    shown,
    within,
)  # fmt: skip
from sdd.measures.statistics import difference, highest, lowest, mean, place, share

numbers = st.floats(-10, 10).map(lambda v: round(v, 3))
samples = st.lists(numbers, min_size=2, max_size=9).filter(np.ptp)


# --- Verdicts -----------------------------------------------------------------------------------


@given(samples, numbers, st.floats(0.01, 5))
def test_the_verdict_is_where_the_interval_lies(values, middle, delta):
    estimate = mean(values)
    (low, high), region = estimate.interval(), within(middle, delta)
    found = judge(estimate, region).verdict
    assert (found == REPRODUCED) == (middle - delta < low and high < middle + delta)
    assert (found == CONTRADICTED) == (high <= middle - delta or middle + delta <= low)


@pytest.mark.parametrize(
    ("estimate", "region", "verdict"),
    [
        (mean([1.0, 1.1, 1.2]), above(0), REPRODUCED),
        (mean([1.0, 1.1, 1.2]), below(0), CONTRADICTED),
        (mean([1.0, 1.1, 1.2]), between(1, 1.2), UNDECIDED),
        (mean([1.0]), above(0), UNDECIDED),
        (difference([1.0, 1.1, 1.2], [0.0, 1.0]), above(0), UNDECIDED),
        (difference([1.0, 1.1, 1.2] * 3, [0.0, 0.1] * 3), above(0), REPRODUCED),
        (lowest([mean([1.0, 1.1, 1.2]), mean([-1.0, -1.1])]), above(0), UNDECIDED),
        (lowest([mean([1.0, 1.1, 1.2]), mean([-1.0, -1.1] * 3)]), above(0), CONTRADICTED),
        (highest([mean([1.0, 1.1, 1.2]), mean([-1.0, -1.1] * 3)]), above(0), REPRODUCED),
        (share([True] * 30), USUALLY, REPRODUCED),
        (share([True] * 28), USUALLY, UNDECIDED),
        (share([True] * 4), USUALLY, UNDECIDED),
        (share([True] * 15 + [False] * 5), USUALLY, CONTRADICTED),
        (place(range(16), np.median), above(0), REPRODUCED),
        (place(range(15), np.median), above(0), UNDECIDED),
    ],
)
def test_known_values_get_known_verdicts(estimate, region, verdict):
    assert judge(estimate, region).verdict == verdict


@given(samples, st.floats(1, 5), numbers, st.floats(0.01, 5))
def test_noise_never_helps_a_claim(values, wider, middle, delta):
    noisy = np.mean(values) + wider * (np.array(values) - np.mean(values))
    for region in (above(middle), below(middle), within(middle, delta)):
        if decide(mean(noisy), region) != UNDECIDED:
            assert decide(mean(values), region) == decide(mean(noisy), region)


@given(st.floats(0.1, 3), st.integers(2, 40), st.integers(1, 40))
def test_more_trainings_of_the_same_mean_and_spread_never_undo_a_verdict(effect, n, more):
    if decide(mean(around(effect, 1, n)), above(0)) == REPRODUCED:
        assert decide(mean(around(effect, 1, n + more)), above(0)) == REPRODUCED


def test_one_is_never_enough():
    assert judge(mean([5.0]), above(0)).note == "one training has no spread"
    assert judge(lowest([mean([5.0]), mean([5.0, 5.1])]), above(0)).verdict == UNDECIDED
    assert judge(mean([5.0]), above(0)).confidence is None


# --- What would decide --------------------------------------------------------------------------


@given(st.floats(0.2, 3), st.integers(2, 8))
def test_the_number_of_further_trainings_would_decide_and_no_fewer(effect, n):
    found = judge(mean(around(effect, 1, n)), above(0))
    if found.verdict == UNDECIDED:
        more = int(found.note.split()[1])
        assert decide(mean(around(effect, 1, n)), above(0), times=(n + more) / n) == REPRODUCED
        assert decide(mean(around(effect, 1, n)), above(0), times=(n + more - 1) / n) == UNDECIDED


def test_further_trainings_in_words():
    said = [judge(share([True] * n), USUALLY).note for n in (1, 4, 28)]
    assert said == [
        f"about {29 - n} further training{'s' * (n < 28)} would decide" for n in (1, 4, 28)
    ]
    far = judge(mean([-1.0, 1.001]), above(0)).note
    assert far == "more than 1,000 further trainings would be needed"
    both = judge(difference([1.0, 2.0, 3.0], [0.0, 1.0, 2.0]), above(0)).note
    assert both.endswith("further trainings at each would decide")
    assert judge(place(range(10), np.median), above(0)).note.startswith("about 6 further trainings")


def test_a_published_value_that_is_too_coarse_decides_nothing():
    ours = mean(around(1.0, 0.01, 20), reading=0.5, seeds=4)
    found = judge(ours, within(1.0, 0.2))
    assert found.verdict == UNDECIDABLE
    assert found.note.endswith(
        "no number of trainings would decide: the published value is known only to ± 0.5"
    )
    assert judge(ours, within(1.0, 2.0)).verdict == REPRODUCED
    several = lowest([ours, mean([3.0, 3.1, 3.2])])
    assert judge(several, within(1.0, 0.2)).verdict == UNDECIDABLE


def test_nor_does_a_test_set_that_is_too_small():
    found = judge(mean(around(1.0, 0.01, 20), error=1.0), above(0))
    assert found.verdict == UNDECIDED
    assert found.note.endswith("the test set is too small")  # and nothing of flipped signs


# --- Several together ---------------------------------------------------------------------------


def test_holm_is_as_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lowers_none_keeps_the_order_and_is_no_more_than_bonferroni(p):
    found = holm(p)
    assert all(a <= b <= min(1, len(p) * a) for a, b in zip(p, found, strict=True))
    assert np.all(np.diff(np.array(found)[np.argsort(p, kind="stable")]) >= 0)


def test_holm_wrongly_decides_any_of_ten_in_no_more_than_the_chance_asked_for():
    p = np.random.default_rng(0).random((4_000, 10))
    assert np.mean([min(holm(row)) <= 0.05 for row in p]) == pytest.approx(0.05, abs=0.011)


@given(samples, numbers)
def test_the_p_value_is_that_of_the_t_test(values, edge):
    expected = stats.ttest_1samp(values, edge).pvalue
    assert p_value(mean(values), above(edge)) == pytest.approx(max(expected, 1e-9), rel=1e-3)


@given(samples, numbers, st.floats(0.01, 5))
def test_a_claim_is_decided_where_its_p_value_is_below_one_percent(values, middle, delta):
    p = p_value(mean(values), within(middle, delta))
    if abs(p / 0.01 - 1) > 1e-3:
        assert (p < 0.01) == (decide(mean(values), within(middle, delta)) != UNDECIDED)


def test_the_p_value_of_a_place_is_no_less_than_its_resamples_can_tell():
    assert p_value(place(range(100, 120), np.median), above(0)) == pytest.approx(
        2 / 2_001, rel=1e-3
    )
    assert p_value(place(range(100, 110), np.median), above(0)) == 1


# --- What is printed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((1.23456, 1.2, 1.27, "°"), "1.235° [1.200, 1.270]"),
        ((-0.00001, -0.05, 0.05), "0.000 [-0.050, 0.050]"),
        ((123_456, 121_000, 126_000), "123,500 [121,000, 126,000]"),
        ((2.0, 2.0, 2.0), "2 (no spread)"),
        ((2.0, -math.inf, math.inf), "2 (no interval)"),
        ((2.0, -math.inf, 3.0), "2 (no interval)"),
    ],
)
def test_an_interval_has_two_digits_of_its_half_width(values, text):
    assert shown(*values) == text


def test_a_share_is_printed_as_a_count_and_rounded_outwards():
    assert judge(share([True] * 4), USUALLY).ours == "4 of 4 [47 %, 100 %]"
    assert judge(share([True] * 30), USUALLY).ours == "30 of 30 [90 %, 100 %]"


def test_the_logarithm_of_a_factor_is_printed_as_a_factor():
    logs = np.log10([2.0, 2.1, 2.2, 2.3])
    assert judge(mean(logs), above(0), log=True).ours == "a factor of 2.15 [1.80, 2.56]"
    assert judge(mean(logs[:1]), above(0), log=True).ours == "a factor of 2 (no interval)"
    named = [r.said(log=True) for r in (above(0), below(1), within(0, 0.6), above(0.176))]
    assert named == [
        "a factor above 1",
        "a factor below 10",
        "a factor of 0.25 to 4",
        "a factor above 1.5",
    ]


def test_regions_are_named_and_have_the_edge_that_signs_are_flipped_about():
    assert [r.said("°") for r in (below(6), within(1, 0.5), USUALLY)] == [
        "below 6°", "1 ± 0.5°", "at least 90 %",
    ]  # fmt: skip
    named = [r.text for r in (above(0), below(0.5), between(1, 2), within(1.0075, 0.0037), USUALLY)]
    assert named == ["above 0", "below 0.5", "1 to 2", "1.0075 ± 0.0037", "at least 90 %"]
    assert [r.edge for r in (above(0), below(2), between(1, 2))] == [0, 2, None]
    assert Region(-math.inf, math.inf, "anything").edge is None


def test_flipped_signs_are_told_of_eight_trainings_or_more_and_the_worst_of_several_means():
    values = around(1.0, 0.1, 8)
    assert judge(mean(values), above(0)).note == f"by flipped signs p = {2 / 2**8:.2g}"
    assert judge(mean(values), below(2)).note == f"by flipped signs p = {2 / 2**8:.2g}"
    assert not judge(mean(values[1:]), above(0)).note
    assert not judge(mean(values), within(1, 1)).note
    assert not judge(difference(values, values - 2), above(0)).note
    many = lowest([mean(values), mean(around(1.0, 0.1, 12))])
    assert judge(many, above(0)).note == f"by flipped signs p = {2 / 2**8:.2g}"
    assert not judge(lowest([mean(values), share([True])]), above(0)).note


def test_trainings_are_counted_in_words():
    counted = [
        judge(e, above(0)).counted
        for e in (mean([1.0]), mean([1.0, 2.0]), difference([1.0, 2.0], [1.0, 2.0, 3.0]))
    ]
    assert counted == ["1 training", "2 trainings", "2 to 3 trainings each"]


# --- What the rule does -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated():
    return behaviour().set_index(["rule", "effect", "trainings"]).sort_index()


def test_simulation_agrees_with_the_noncentral_t_distribution(simulated):
    for (rule, effect, n), row in simulated.iterrows():
        shift = effect * math.sqrt(n)
        edge = stats.t.isf(0.005, n - 1) if rule == NEW else 2 * math.sqrt(n)
        expected = stats.nct.sf(edge, n - 1, shift) if effect else stats.t.sf(edge, n - 1)
        tolerance = 4 * math.sqrt(max(expected * (1 - expected), 1e-3) / 1_000)
        assert row["reproduced"] == pytest.approx(expected, abs=tolerance), (rule, effect, n)


def test_more_trainings_make_a_true_effect_more_likely_to_be_recognised(simulated):
    for effect in (0.6, 1.2, 2.0):
        assert simulated.loc[(NEW, effect), "reproduced"].is_monotonic_increasing
    # By the rule that this one replaced they made it less likely, and an effect twice as large as
    # the spread was never sure to be seen.
    assert simulated.loc[(OLD, 1.2), "reproduced"].is_monotonic_decreasing
    assert simulated.loc[(OLD, 2.0, 32), "reproduced"] < 0.6


def test_seventeen_trainings_recognise_the_effect_of_the_bump(simulated):
    assert simulated.loc[(NEW, 1.2, 17), "reproduced"] >= 0.95
    assert simulated.loc[(NEW, 1.2, 12), "reproduced"] < 0.95


def test_what_is_not_there_is_said_to_be_there_in_half_a_percent(simulated):
    none = simulated.loc[(NEW, 0.0)]
    assert none["reproduced"].mean() == pytest.approx(0.005, abs=0.003)
    assert none["contradicted"].mean() == pytest.approx(0.005, abs=0.003)
    assert (simulated.loc[(NEW, 2.0), "contradicted"] == 0).all()
