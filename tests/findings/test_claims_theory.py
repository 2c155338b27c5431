"""Verdicts on closed forms follow the runs: made as the formulas say, and altered, which flips."""

import math
from dataclasses import replace

import numpy as np
import pytest
from worlds import features, planted, polygon

from sdd import theory
from sdd.data import DataSettings
from sdd.findings import claims
from sdd.findings.claims import theory as measured
from sdd.findings.experiments import PROFILES
from sdd.findings.extensions import BEST_RINGS, DISJOINT, SMALL
from sdd.measures.summary import Summary
from sdd.training.config import Run, TrainConfig

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
NOISY = "not judged (too noisy)"
P = 0.01


def made(data, W, *, start="", train_loss=0.0, b=0.0, **config):
    W = np.asarray(W, float)
    return Summary(
        Run(
            W=W,
            b=np.full(W.shape[1], b),
            config=TrainConfig(**config),
            data=data,
            history={},
            train_loss=train_loss,
            restart_losses=np.zeros(1),
            start=start,
        )
    )


def tgon_runs(end):
    """Polygons planted at a factor of the least radius, which end at `end(factor, decay)`."""
    found = []
    for T, factor, decay in [(T, f, d) for T in (5, 8) for f in (0.8, 1.2) for d in (0.0, 0.1)]:
        data = DataSettings(T=T, seed=DISJOINT[T])
        radius = (end(factor, decay) + 1e-3 * (T - 6.5)) * theory.tgon_threshold(T)
        W = planted(data, polygon(T, radius))
        found.append(made(data, W, start=f"tgon:{factor}", weight_decay=decay))
    return found


def as_derived(factor, decay):
    return factor if factor > 1 and decay == 0 else 1.0


def ring_runs(six=lambda seed: 6, shift=0.0, gain=0.01):
    """Models of five or six features with the loss of their formulas, seeds a little apart."""
    found = []
    for F in (5, 6):
        for kind in ("free", "zero", "planted"):
            for seed in range(3):
                data = DataSettings(T=20_000, seed=seed, features=F, **SMALL)
                change = theory.best_ring(F, kind != "zero", **SMALL).loss_change
                change += shift + 0.001 * (seed - 1) + (gain if kind == "free" else 0)
                zero = theory.constant_loss(data.make(), 0.0)
                each = theory.zero_baseline(**SMALL) / 10
                corners = six(seed) if (F, kind) == (6, "planted") else 5
                W = np.hstack([polygon(corners).T, 0.3 * polygon(6).T])[:, :F]
                start = f"ring:{F}:1:0" if kind == "planted" else ""
                config = {"bias_decay": 100.0 if kind == "zero" else 0.0, "weight_decay": 0.0}
                loss = zero * (1 + change / (F * each))
                found.append(made(data, W, start=start, train_loss=loss, **config))
    return found


def planted_runs(differences):
    found = []
    for K in (5, 6):
        for seed, difference in enumerate(differences):
            data = DataSettings(T=3_000, seed=seed, **SMALL)
            loss = 0.98 + 0.01 * seed + (difference if K == 6 else 0)
            W = features(1_000, corners=K)
            found.append(made(data, W, start=f"top-ring:{K}:0.9:-0.1", train_loss=loss))
    return found


CHANGES = ({}, {"weight_decay": 0.0}, {"steps": 25_000}, {"gain": 0.5})


def leftover_runs(rest):
    """Pentagons with r² = 0.9 beside other columns of squared norm `rest(config)`."""
    found = []
    for change in CHANGES:
        for seed in range(2):
            data = DataSettings(T=math.inf, seed=seed, batch=100, **SMALL)
            config = TrainConfig(**change)
            norm = 5 * 0.9 + rest(config) + 0.004 * seed
            W = features(1_000, square=0.9, norm_squared=norm)
            found.append(made(data, W, **change))
    return found


def decayed(config):
    start = theory.leftover_norm_sq(1_000, 2, config.weight_decay, config.rates().sum())
    return config.gain**2 * start * 995 / 1_000


def evidence(**others):
    runs = {
        "planted-polygons": tgon_runs(as_derived),
        "free-features": ring_runs(),
        "planted-rings": planted_runs([3e-4, 3.2e-4, 3.4e-4]),
        "leftover": leftover_runs(decayed),
    }
    return claims.Evidence(PROFILES["paper"], [], [], runs | others)


def verdicts(e):
    return {c.id: claims.judge(c, e).verdict for c in measured.CLAIMS}


def test_where_the_formulas_are_right_everything_is_reproduced():
    found = verdicts(evidence())
    assert found == dict.fromkeys(found, REPRODUCED)
    assert 4 <= len(found) <= 6
    assert all(c in claims.CLAIMS for c in measured.CLAIMS)
    assert {c.group for c in measured.CLAIMS} == {"ours"}


def stretched(s):
    """Return the run with its columns twice as long in one direction: evenly no more."""
    return Summary(replace(s.run, W=s.run.W * np.array([[2.0], [1.0]])))


@pytest.mark.parametrize(
    ("others", "flipped"),
    [
        ({"planted-polygons": tgon_runs(lambda factor, decay: factor)}, {"T-tgon": PARTLY}),
        ({"planted-polygons": tgon_runs(lambda factor, decay: 2 * factor)}, {"T-tgon": NOT}),
        ({"planted-polygons": tgon_runs(lambda factor, decay: 1.0)}, {"T-tgon": PARTLY}),
        ({"free-features": ring_runs(shift=0.03)}, {"T-rings": NOT}),
        ({"free-features": ring_runs(six=lambda seed: 5)}, {"T-six-alone": PARTLY}),
        ({"free-features": ring_runs(gain=-0.01)}, {"T-six-alone": PARTLY}),
        ({"planted-rings": planted_runs([-3e-4, -3.2e-4])}, {"T-five-among-all": NOT}),
        ({"planted-rings": planted_runs([3e-4, -1e-4])}, {"T-five-among-all": NOISY}),
        ({"planted-rings": planted_runs([3e-4])}, {"T-five-among-all": NOISY}),
        ({"leftover": leftover_runs(lambda config: 1.3)}, {"T-leftover": NOT}),
        ({"leftover": [stretched(s) for s in leftover_runs(decayed)]}, {"T-isotropic": NOT}),
    ],
)
def test_altered_runs_flip_the_verdict(others, flipped):
    found = verdicts(evidence(**others))
    assert {i: found[i] for i in flipped} == flipped
    if "leftover" not in others:
        right = {i: REPRODUCED for i in found if i not in flipped}
        assert {i: found[i] for i in right} == right


def test_without_runs_nothing_is_judged():
    none = dict.fromkeys(("planted-polygons", "free-features", "planted-rings", "leftover"), ())
    assert set(verdicts(evidence(**none)).values()) == {NOISY}


def test_the_change_of_a_ring_does_not_hang_on_how_often_its_features_were_drawn():
    for seed in range(3):
        data = DataSettings(T=20_000, seed=seed, features=4, **SMALL)
        W = polygon(4).T  # four orthogonal or opposite unit columns output each feature exactly
        alone = made(data, W)  # ... where one is active at a time: a training loss of 0
        assert measured.ring_change(alone) == pytest.approx(-0.4, abs=1e-4)
        assert measured.width(alone) == measured.standing(alone) == 4


def test_kinds_and_variants_are_read_off_the_settings():
    assert [measured.kind(s) for s in ring_runs()[:9:3]] == ["free", "zero", "planted"]
    names = [measured.variant(s) for s in leftover_runs(decayed)[::2]]
    assert names == ["", "no decay", "half the steps", "0.5 × weights"]
    assert set(BEST_RINGS) == set(range(3, 9))


def test_decay_keeps_a_lost_point_lost_and_without_it_long_trainings_find_it_again():
    assert measured.found_again(8, 0.0, 100_000, starts=6) >= 4
    assert measured.found_again(8, 0.1, 100_000, starts=6) == 0
    assert measured.found_again(8, 0.0, 100, starts=2) == 0  # far too soon
