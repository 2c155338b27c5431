"""The rule of judgement: from numbers over seeds to a verdict."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import around

from sdd.findings.rule import (
    NOISY,
    NOT,
    PARTLY,
    REPRODUCED,
    Verdict,
    combine,
    judge_each,
    judge_sign,
    judge_value,
)  # fmt: skip

numbers = st.floats(-100, 100, allow_nan=False).map(lambda v: round(v, 3))
widths = st.floats(0, 50).map(lambda v: round(v, 3))


@given(st.lists(numbers, min_size=2, max_size=6), numbers, widths, widths)
def test_a_value_is_judged_by_two_deviations_and_the_reading_error(values, published, effect, read):
    tolerance = 2 * statistics.stdev(values) + read
    off = abs(statistics.fmean(values) - published)
    if min(abs(tolerance - effect), abs(off - tolerance)) < 1e-9:
        return  # equal but for rounding
    expected = NOISY if tolerance > effect else REPRODUCED if off <= tolerance else NOT
    assert judge_value(values, published, effect=effect, reading=read).verdict == expected


@given(st.lists(numbers, min_size=2, max_size=6), widths)
def test_a_sign_is_judged_only_beyond_two_deviations_and_the_noise(values, noise):
    mean, tolerance = statistics.fmean(values), 2 * statistics.stdev(values) + noise
    if abs(tolerance - abs(mean)) < 1e-9:
        return
    expected = NOISY if tolerance > abs(mean) else REPRODUCED if mean > 0 else NOT
    assert judge_sign(values, noise=noise).verdict == expected


def test_known_values_get_known_verdicts():
    near = [0.250, 0.254]  # mean 0.252, deviation 0.0028
    assert judge_value(near, 0.255, effect=0.1, reading=0.01).verdict == REPRODUCED
    assert judge_value(near, 0.40, effect=0.1, reading=0.01).verdict == NOT
    assert judge_value(near, 0.255, effect=0.015, reading=0.01).verdict == NOISY
    assert judge_sign([0.010, 0.014]).verdict == REPRODUCED
    assert judge_sign([-0.010, -0.014]).verdict == NOT
    assert judge_sign([0.010, 0.014], noise=0.02).verdict == NOISY


def test_one_seed_is_never_enough():
    assert judge_value([0.255], 0.255, effect=1).verdict == NOISY
    assert judge_sign([5.0]).verdict == NOISY


def test_a_value_can_be_tuned_from_reproduced_to_too_noisy_but_not_to_wrong():
    seen = [
        judge_value(around(1.0, sd, 4), 1.0, effect=0.5, reading=0.1).verdict
        for sd in np.linspace(0.005, 0.405, 41)
    ]
    assert seen[0] == REPRODUCED
    assert seen[-1] == NOISY
    assert seen.index(NOISY) == 20  # the first with 2 sd + 0.1 > 0.5
    assert set(seen[20:]) == {NOISY}


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ([True, True], REPRODUCED),
        ([True, False], PARTLY),
        ([False, False], NOT),
        ([True], REPRODUCED),
        ([], NOISY),
    ],
)
def test_a_statement_about_every_run_is_judged_run_by_run(holds, verdict):
    judged = judge_each(holds, "a ring")
    assert judged.verdict == verdict
    assert not holds or judged.ours == f"a ring in {sum(holds)} of {len(holds)} runs"


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([REPRODUCED, REPRODUCED], REPRODUCED),
        ([NOT, NOT], NOT),
        ([NOISY, NOISY], NOISY),
        ([PARTLY], PARTLY),
        ([REPRODUCED, NOT], PARTLY),
        ([REPRODUCED, NOISY], PARTLY),
        ([REPRODUCED, NOT, NOISY], PARTLY),
        ([PARTLY, NOT], PARTLY),
        ([NOT, NOISY], NOT),  # nothing of it came out, and some of it is known to be wrong
        ([], NOISY),
    ],
)
def test_a_claim_of_several_parts_is_as_good_as_its_parts(parts, whole):
    for order in (1, -1):
        given_parts = {str(k): Verdict(v, "1", "") for k, v in enumerate(parts[::order])}
        assert combine(given_parts).verdict == whole


def test_a_combined_verdict_prints_every_part():
    both = combine({"here": Verdict(NOT, "1.5", "sd 2"), "there": Verdict(NOT, "2.5", "sd 3")})
    for word in ("here", "1.5", "sd 2", "there", "2.5", "sd 3"):
        assert word in both.ours + both.spread
