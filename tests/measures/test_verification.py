"""Who is drawn, who is a peer, and how sure a sample makes one."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import sweeps

from sdd.measures import verification
from sdd.measures.statistics import Share
from sdd.measures.verification import OUTSIDE, Compared

SPECS = [sweeps.spec(T=5, seed=seed, steps=60) for seed in range(4)]
FEW = [sweeps.spec(T=6, seed=seed, steps=60) for seed in range(2)]


def test_peers_differ_in_their_seeds_alone():
    others = [
        sweeps.spec(T=5, seed=7, steps=61),
        replace(SPECS[0], config=replace(SPECS[0].config, seed=3)),
    ]
    assert verification.peers(SPECS[0], [*SPECS, *FEW, *others]) == [*SPECS[1:], others[1]]


def test_of_chained_runs_the_seeds_of_those_before_do_not_matter_either():
    chained = [replace(s, after=sweeps.spec(T=4, seed=k, steps=60)) for k, s in enumerate(SPECS)]
    other = replace(SPECS[1], after=sweeps.spec(T=3, steps=60))
    assert verification.peers(chained[0], [*SPECS, *chained, other]) == chained[1:]


def test_every_run_is_as_likely_to_be_drawn_as_any_other():
    times, seeds = Counter(), 3_000
    for seed in range(seeds):
        times.update(s.name for s in verification.drawn([*SPECS, *FEW, *FEW], 2, seed))
    expected = seeds * 2 / 6
    assert len(times) == 6
    assert all(abs(count - expected) < 5 * np.sqrt(expected) for count in times.values())


def test_the_bound_holds_in_19_of_20_samples_at_least():
    rng, k = np.random.default_rng(0), 20
    for share in (0.05, 0.13, 0.14, 0.3):  # of the stored runs are wrong
        wrong = rng.binomial(k, share, 4_000)
        assert np.mean([verification.bound(k - w, k) > share for w in wrong]) >= 0.94
    assert verification.bound(20, 20) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert verification.bound(18, 20) == 1 - Share(18, 20).interval(0.9)[0]


def test_of_sound_runs_one_in_a_hundred_is_outside_however_chaotic_the_training():
    rng = np.random.default_rng(0)
    for count in (3, 5, 20):
        runs = (
            Compared(SPECS[0], False, a, b, tuple(peers), None)
            for a, b, *peers in rng.normal(size=(4_000, 2 + count)).tolist()
        )
        assert np.mean([r.verdict == OUTSIDE for r in runs]) == pytest.approx(0.01, abs=0.005)
