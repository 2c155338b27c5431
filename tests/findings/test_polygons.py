"""The claim on planted polygons follows the data, and lost points come back where they should."""

import pytest
from worlds import settings, with_tables, world

from sdd import theory
from sdd.findings import CLAIMS, polygons
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge


def tgons(end):
    """Polygons that end at `end(factor, decay)` of the least radius, sizes a little apart."""
    rows = settings("planted-polygons")
    factors = rows["start"].str.split(":").str[1].astype(float)
    ends = [
        (end(factor, decay) + 1e-3 * (T / 8 - 1)) * theory.tgon_threshold(int(T))
        for factor, decay, T in zip(factors, rows["weight_decay"], rows["T"], strict=True)
    ]
    return rows.assign(h_mean=ends)


def as_derived(factor, decay):
    return factor if factor > 1 and decay == 0 else 1.0


def verdicts(end):
    """Return the verdicts that are not "reproduced", by the row of the claim."""
    evidence = with_tables(world(), {"planted-polygons": tgons(end)})
    rows = judge(CLAIMS["T-tgon"], evidence)
    return {row.row: row.verdict for row in rows if row.verdict != REPRODUCED}


BELOW, KEPT, DECAYED = "from below", "from above, no decay", "from above, decay"


@pytest.mark.parametrize(
    ("end", "flipped"),
    [
        (as_derived, {}),
        (lambda factor, _: 2 * factor, dict.fromkeys((BELOW, KEPT, DECAYED), CONTRADICTED)),
        (lambda *_: 1.0, {KEPT: UNDECIDED}),
        (lambda factor, decay: max(1, factor), {DECAYED: UNDECIDED}),
    ],
)
def test_where_polygons_end_flips_the_parts_of_the_claim_that_it_touches(end, flipped):
    assert verdicts(end) == flipped


def test_nothing_is_judged_without_runs():
    assert [row.verdict for row in judge(CLAIMS["T-tgon"], world())] == [UNDECIDED]


def test_the_saddle_of_a_dropped_feature_bends_down_in_two_directions():
    curved = polygons.saddle(8)
    assert (curved < -1e-6).sum() == 2
    assert curved[0] == pytest.approx(curved[1])


@pytest.mark.slow
def test_decay_keeps_a_lost_point_lost_and_without_it_long_trainings_find_it_again():
    assert polygons.found_again(8, 0.0, 100_000, starts=3) >= 2
    assert polygons.found_again(8, 0.1, 100_000, starts=3) == 0
    assert polygons.found_again(8, 0.0, 100, starts=2) == 0  # far too soon
