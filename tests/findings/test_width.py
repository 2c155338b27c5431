"""The claims on bigger models and more data follow the runs: altered ones flip their verdicts."""

import numpy as np
import pytest
from curves import bumped, made_up

from sdd.findings import CLAIMS, width
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "width"]
TABLES = "width", "steadiness", "small-problem", "steps", "capacity", "unlimited-width"


def as_claimed(run):
    """The top is at T = 200 at m = 2 and as (m + 1) n, higher for wider models; 1/m at T = ∞."""
    if run.T == np.inf:
        return 1 / run.m
    if run.lr > 1e-3:
        return smooth(run.T, 500 * (run.m + 1) / 4 * run.n / 1_000)
    return bumped(run.T, 200 * (run.m + 1) / 3, 0.02 * run.m)


def smooth(T, top):
    """A bump in log T, so wide that grids of T that are centred a little off see all of it."""
    return 1 + 0.1 * np.exp(-(np.log(T / top) ** 2) / 0.3)


def noisy(run):
    # In pairs of data seeds, T by T: models of m = 2 differ more.
    size = 1e-4 if run.m <= 3 else 2e-5
    return size * np.sin(1.7 * run.data_seed + run.T + 3 * run.m)


def verdicts(loss=as_claimed, spread=noisy):
    def finite(run):
        return spread(run) if run.T < np.inf else 1e-3 * (run.data_seed % 2) / run.m

    evidence = made_up("paper", dict.fromkeys(TABLES, loss), finite)
    return {row.key: row.verdict for c in MINE for row in judge(c, evidence)}


ALL = dict.fromkeys(
    (f"{c.id}: {row}" if row else c.id for c in MINE for row in c.regions), REPRODUCED
)


def test_every_part_is_reproduced_where_it_is_true():
    assert verdicts() == ALL


@pytest.mark.parametrize(
    ("loss", "flipped"),
    [
        (lambda r: as_claimed(r) - 0.2 * (r.m == 3 and r.T == 500), {"F5-data: m = 3"}),
        (lambda r: as_claimed(r) + 0.2 * (r.m == 2 and r.T == 1_000), {"F5-model: T = 1,000"}),
        (lambda r: as_claimed(r) + 0.2 * (r.m == 4 and r.T == 200), {"F5-moves: m = 4"}),
        (lambda r: as_claimed(r) + 0.2 * (r.m == 4 and r.T == 1_000), {"F5-parameters"}),
        (
            lambda r: smooth(r.T, 300) if r.lr == 1e-2 else as_claimed(r),
            {"F5-capacity: n", "F5-capacity: m + 1"},
        ),
        (
            lambda r: 0.9 if r.T == np.inf and r.n == 100 else as_claimed(r),
            {"F5-unlimited: all stand"},
        ),
    ],
    ids=[
        "more data helps",
        "a bigger model helps",
        "the bump is early",
        "the bump is late",
        "the bump stays",
        "width is no help",
    ],
)
def test_altered_runs_flip_the_parts_they_touch_and_no_others(loss, flipped):
    assert verdicts(loss) == ALL | dict.fromkeys(flipped, CONTRADICTED)


def test_steadier_is_judged_by_the_spread_over_trainings():
    def spread(run):  # in trainings that are not those of the map
        return noisy(run) * (20 if run.m == 4 and run.T == 200 and run.data_seed > 23 else 1)

    found = verdicts(spread=spread)
    assert found == ALL | {"F5-steadier: T = 200": CONTRADICTED}


def test_rises_within_the_spread_over_trainings_leave_the_claim_open():
    found = verdicts(spread=lambda run: np.sin(1.7 * run.data_seed + run.T))
    assert found["F5-data: m = 4"] == UNDECIDED


def test_trainings_that_were_looked_at_judge_nothing():
    """(Of the small problem and the steps: the map has none.)"""
    wild = verdicts(spread=lambda run: noisy(run) + 5.0 * run.T * (run.data_seed < 20))
    assert wild == ALL


def test_the_map_of_the_published_size_is_drawn_where_there_are_runs():
    small = made_up("full", {"width": as_claimed})
    both = made_up("full", {"width": as_claimed, "width-published": as_claimed})
    assert [f["n"].iloc[0] for f in width.maps(small)] == [1_000]
    assert [f["n"].iloc[0] for f in width.maps(both)] == [1_000, 10_000]
    assert width.title(width.maps(both)[1]) == "n = 10,000, 50,000 steps, 4 models a cell"
