"""Claims on the parts of the loss: each verdict follows the parts, not the loss alone."""

from dataclasses import replace

import pytest
from worlds import changed, world

from sdd.findings import claims
from sdd.measures.summary import Summary

REPRODUCED, PARTLY, NOT = claims.REPRODUCED, claims.PARTLY, claims.NOT
IDS = ("bump-firing", "bump-rows", "bump-scale")


def verdicts(evidence):
    return {c.id: claims.judge(c, evidence).verdict for c in claims.CLAIMS if c.id in IDS}


def measured(evidence, chosen, **change):
    """Return the evidence with what is measured on the chosen runs changed."""

    def swap(s):
        if not chosen(s):
            return s
        copy = Summary(s.run)
        copy.__dict__.update(s.__dict__ | {name: f(getattr(s, name)) for name, f in change.items()})
        return copy

    return replace(evidence, finite=[swap(s) for s in evidence.finite])


def parts(**change):
    def apply(split):
        new = {name: f(getattr(split.parts, name)) for name, f in change.items()}
        return replace(split, parts=replace(split.parts, **new))

    return apply


@pytest.fixture(params=["paper", "quick"], name="true")
def a_true_world(request):
    return world(request.param)


def on_the_bump(evidence):
    ends = {evidence.profile.size(500), evidence.profile.size(5_000)}
    return lambda s: s.T in evidence.between(500, 5_000) and s.T not in ends


def test_they_hold_in_a_world_where_false_firing_makes_the_bump(true):
    assert verdicts(true) == dict.fromkeys(IDS, REPRODUCED)


def test_a_bump_of_lost_gains_is_none_of_false_firing(true):
    chosen = on_the_bump(true)
    lost = parts(false_firing=lambda v: 0.0, constant_gain=lambda v: v - 0.02)
    assert verdicts(measured(true, chosen, split=lost))["bump-firing"] == NOT
    both = parts(constant_gain=lambda v: v - 0.02)
    assert verdicts(measured(true, chosen, split=both))["bump-firing"] == PARTLY


def test_a_rise_of_false_firing_within_two_errors_is_none(true):
    chosen = on_the_bump(true)

    def noisy(split):
        return replace(split, errors=replace(split.errors, false_firing=1.0))

    assert verdicts(measured(true, chosen, split=noisy))["bump-firing"] == PARTLY
    one = measured(true, lambda s: chosen(s) and s.seed == 0, split=noisy)
    assert verdicts(one)["bump-firing"] == PARTLY


def test_a_refit_that_leaves_a_fifth_of_the_rise_has_not_removed_it(true):
    chosen = on_the_bump(true)
    rises = dict(enumerate(claims.bump(true)[2]))

    def leaving(share):
        found = true
        for seed, rise in rises.items():
            level = 1.0 + share * rise

            def refit(old, level=level):
                return replace(old, loss=level)

            found = measured(found, lambda s, k=seed: chosen(s) and s.seed == k, rescaled=refit)
        flat = measured(found, lambda s: not chosen(s), rescaled=lambda r: replace(r, loss=1.0))
        return verdicts(flat)["bump-scale"]

    assert leaving(0.05) == REPRODUCED
    assert leaving(0.2) == NOT


def test_where_there_is_no_bump_none_was_removed(true):
    flat = changed(true, on_the_bump(true), lambda run: replace(run, test_loss=0.5))
    assert verdicts(flat)["bump-scale"] == NOT


def test_false_firing_all_over_the_test_set_is_in_no_few_rows(true):
    top = true.profile.size(2_000)
    even = measured(true, lambda s: s.T == top, split=lambda v: replace(v, long=v.long_rows))
    assert verdicts(even)["bump-rows"] == NOT
    first = measured(
        true, lambda s: s.T == top and s.seed == 0, split=lambda v: replace(v, long=v.long_rows)
    )
    assert verdicts(first)["bump-rows"] == PARTLY
