"""The claims on bigger models and more data follow the runs: altered ones flip their verdicts."""

import numpy as np
import pytest
from curves import bumped, made_up

from sdd.findings import CLAIMS, width
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "width"]


def as_claimed(run):
    # The top moves with m, and where T is small a wider model does worse.
    return bumped(run.T, 20 * run.m, 0.05) + (0.01 * run.m if run.T < 100 else 0)


def verdicts(loss=as_claimed, **options):
    evidence = made_up("paper", {"width": loss}, **options)
    return {c.id: judge(c, evidence).verdict for c in MINE}


ALL = dict.fromkeys((c.id for c in MINE), REPRODUCED)


@pytest.mark.parametrize(
    ("loss", "flipped"),
    [
        (as_claimed, {}),
        (lambda r: 1 / (1 + np.log10(r.T)) + 0.01 * r.m, {"F5-data": NOT, "F5-moves": NOISY}),
        (lambda r: bumped(r.T, 150, 0.05) + 0.1 / r.m, {"F5-model": NOT, "F5-moves": NOT}),
        (
            lambda r: 2 - np.log10(r.T) / 10 - r.m / 100 + (r.m == 5 and r.T == 100),
            {"F5-data": PARTLY, "F5-model": PARTLY, "F5-moves": NOISY},
        ),
        (lambda r: bumped(r.T, 1_000 / r.m, 0.05) + 0.01 * r.m, {"F5-moves": NOT}),
    ],
    ids=[
        "as claimed", "more data never hurts", "a bigger model never hurts", "one step hurts",
        "the bump moves to smaller T",
    ],
)  # fmt: skip
def test_altered_runs_flip_the_claims_they_touch_and_no_others(loss, flipped):
    assert verdicts(loss) == ALL | flipped


@pytest.mark.parametrize(
    ("wide", "verdict"),
    [
        (lambda run: 0.9 if run.m <= 3 else 1, NOT),
        (lambda run: 2 if (run.m <= 3) == (run.T < 200) else 1, PARTLY),
    ],
    ids=["as steady at any m", "steadier at some sizes"],
)
def test_steadier_is_judged_by_the_spread_over_models(wide, verdict):
    found = verdicts(spread=lambda run: 1e-4 * (-1) ** run.data_seed * wide(run))
    assert found["F5-steadier"] == verdict


def test_rises_within_the_spread_over_models_leave_the_claim_open():
    assert verdicts(spread=lambda run: (-1) ** run.data_seed)["F5-data"] == NOISY


def test_the_map_of_the_published_size_is_drawn_where_there_are_runs():
    small = made_up("full", {"width": as_claimed})
    both = made_up("full", {"width": as_claimed, "width-published": as_claimed})
    assert [f["n"].iloc[0] for f in width.maps(small)] == [1_000]
    assert [f["n"].iloc[0] for f in width.maps(both)] == [1_000, 10_000]
