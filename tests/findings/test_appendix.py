"""The claims on weight decay, steps and the small problem follow the runs."""

import numpy as np
import pytest
from curves import bumped, jittered, made_up

from sdd import paper
from sdd.findings import CLAIMS, appendix
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "appendix"]
ALL = dict.fromkeys(
    (f"{c.id}: {row}" if row else c.id for c in MINE for row in c.regions), REPRODUCED
)


def decay_loss(run):
    return bumped(run.T, 400, 0.03 * max(0.0, -np.log10(run.weight_decay))) - 1e-5 * run.T


def small_loss(run):
    return bumped(run.T, 200, 0.01 if run.eps != paper.EPS else 5.0)


AS_CLAIMED = {
    "weight-decay": decay_loss,
    "steps": lambda run: bumped(run.T, 500, 0.02 * np.log10(run.steps / 500)),
    "small-problem": small_loss,
}


def world(losses=None, spread=jittered, profile="paper"):
    return made_up(profile, AS_CLAIMED | (losses or {}), spread)


def verdicts(*made_of):
    return {row.key: row.verdict for c in MINE for row in judge(c, world(*made_of))}


ALTERED = {
    "as claimed": ({}, ()),
    "less decay, lower bump": (
        {"weight-decay": lambda r: bumped(r.T, 400, 0.1 + 0.03 * np.log10(r.weight_decay))},
        {"A1-decay", "A1-removed"},
    ),
    "a decay of 1.0 leaves half of the bump": (
        {"weight-decay": lambda r: decay_loss(r) + bumped(r.T, 400, 0.03)}, {"A1-removed"},
    ),
    "more steps, lower bump": (
        {"steps": lambda r: bumped(r.T, 500, 0.1 - 0.02 * np.log10(r.steps / 500))}, {"A2-steps"},
    ),
    "no bump in the small problem, which ends low": (
        {"small-problem": lambda r: 1 - 1e-5 * r.T}, {"C2-persists: rises"},
    ),
    "a bump in the small problem, which ends high": (
        {"small-problem": lambda r: small_loss(r) + 0.02 * (r.T == 1_000)}, {"C2-persists: falls"},
    ),
    "the half with the published ε is wild": (
        {"small-problem": lambda r: small_loss(r) + (r.eps == paper.EPS) * r.T}, (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ALTERED)
def test_altered_runs_flip_the_claims_they_touch_and_no_others(name):
    losses, flipped = ALTERED[name]
    assert verdicts(losses) == ALL | dict.fromkeys(flipped, CONTRADICTED)


def test_where_there_is_no_bump_at_all_the_trends_are_undecided():
    flat = {name: lambda r: 1 - 1e-5 * r.T for name in ("weight-decay", "steps")}
    found = verdicts(flat)
    assert found == ALL | {"A1-decay": UNDECIDED, "A2-steps": UNDECIDED}


def test_where_trainings_spread_wider_than_the_effect_nothing_is_decided():
    def spread(run):
        # In every other seed the bump goes the other way with decay and with steps.
        against = 0.3 * (np.log10(run.weight_decay) + 3) + 0.3 * (5 - np.log10(run.steps))
        return jittered(run) + against * (run.data_seed % 2 == 1) * (run.T in (200, 500))

    judged = verdicts({}, spread)
    assert judged["A1-removed"] == judged["A1-decay"] == judged["A2-steps"] == UNDECIDED
    assert judged["C2-persists: falls"] == REPRODUCED


def test_trainings_that_were_looked_at_judge_nothing():
    assert verdicts({}, lambda r: jittered(r) + 5.0 * r.T * (r.data_seed < 20)) == ALL


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_at_other_profiles_the_claims_are_judged_too(profile):
    found = world(profile=profile)
    for claim in MINE:
        if profile == "full" or claim.at_quick:
            assert all(row.trainings >= 3 for row in judge(claim, found))


def test_the_ends_of_a_setting_are_its_least_and_its_largest_value():
    less, more = appendix.ends(world().table("weight-decay"), "weight_decay")
    assert (less["weight_decay"], more["weight_decay"]) == (0.001, 1.0)
    assert less["height"] == pytest.approx(0.065, abs=0.01)
    assert more["height"] == 0
    assert less["last_loss"] == pytest.approx(0.95, abs=1e-3)


def test_a_height_is_zero_where_the_loss_does_not_rise_and_is_listed_by_setting():
    runs = world().table("weight-decay")
    found = appendix.heights(runs, "weight_decay").query("weight_decay == 1.0")
    assert (found["height"] == 0).all()
    table = appendix.height_table(runs, "weight_decay", "weight decay")
    assert list(table["weight decay"]) == ["0.001", "0.01", "0.1", "0.3", "1.0"]
    assert table["height of the bump ± sd"].iloc[-1] == "0.0000 ± 0.0000"
    assert list(table["trainings"]) == [6] * 5


def test_a_bump_of_the_small_problem_is_above_both_its_sides():
    small = appendix.rescaled(world())
    assert appendix.bumps(small) == (23, 23)
    low = small["data_seed"].isin([0, 25]) & (small["T"] == 200)
    assert appendix.bumps(small.assign(test_loss=small["test_loss"].mask(low, 0.9))) == (21, 23)
