"""Verdicts on why replications disagree follow the runs: altered ones flip them."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from worlds import around, even, features, hidden_on_ring, planted, world

from sdd import paper
from sdd.data import DataSettings
from sdd.findings import claims
from sdd.findings.claims import replication
from sdd.findings.extensions import CANDIDATES, SMALL
from sdd.measures.summary import Summary
from sdd.training.config import Run, TrainConfig

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
NOISY = "not judged (too noisy)"
IDS = {c.id for c in replication.CLAIMS}


def made(T, seed, loss, *, W=None, b_norm=1.0, n=1_000, S=0.99, snapshots=None, **config):
    """Return a made-up run, of ‖W‖ = W or of the array W."""
    if W is None or np.isscalar(W):
        W = even(n, 1.0 if W is None else W)
    return Summary(
        Run(
            W=W,
            b=np.full(n, b_norm / math.sqrt(n)),
            config=TrainConfig(**{"reduction": "sum", **config}),
            data=DataSettings(T=T, n=n, sparsity=S, seed=seed),
            history={},
            train_loss=0.5,
            restart_losses=np.zeros(1),
            test_loss=float(loss),
            test_error=1e-5,
            snapshots=snapshots or {},
        )
    )


def summed_runs():
    """Runs on the sum as Jermyn reports them."""
    found = []
    own = max(s.norms[1] for s in world().finite)
    for T in (30, 100, 200, 2_000, 10_000, 20_000):
        for seed, wobble in enumerate(around(0, 0.01, 2)):
            data = DataSettings(T=T, seed=seed)
            if T <= 100:
                W = planted(data, hidden_on_ring(T, T))
            else:  # three features, at places that the training set shows least
                W = features(10_000, corners=5 if T >= 20_000 else 3)
                rare = np.argsort(np.bincount(data.make().indices, minlength=10_000), kind="stable")
                W = W[:, np.argsort(rare)]
            loss = 5_000 * (1 + wobble) if T == 2_000 else 2
            b = 3 * own * (1 + wobble) if T == 2_000 else 1
            found.append(made(T, seed, loss, W=W, b_norm=b, n=10_000, S=0.999))
    return found


def along(n, S, shift=0.0, seeds=3):
    """Return runs whose log ‖W‖ falls by a sigmoid centred at a ratio of ε to 1 − S."""
    found = []
    for exponent in range(-6, 2):
        for seed, wobble in enumerate(around(0, 0.01, seeds)):
            fall = 1 / (1 + math.exp(3 * (exponent + 1.2 - shift + wobble)))
            eps = 10.0**exponent * (1 - S)
            norm = 3 * 20**fall
            found.append(made(n // 5, seed, 1.0, W=norm, n=n, S=S, eps=eps))
    return found


def candidates():
    found = []
    for name, change in CANDIDATES.items():
        for seed, wobble in enumerate(around(0, 0.5, 4)):
            level = 14 if name == "mean" else 60
            found.append(made(200, seed, level, W=level + wobble, **change))
    return found


def pair():
    W, b = even(1_024, 3.0), np.full(1_024, 0.1)
    kept = {"step": np.array([5]), "W": W[None], "b": b[None], "vW": W[None], "vb": b[None]}
    runs = [made(100, 0, 1.0, W=W, n=1_024, snapshots=kept, reduction=r) for r in ("mean", "sum")]
    return [Summary(replace(s.run, b=b)) for s in runs]


def evidence(**changed):
    others = {
        "sum": summed_runs(),
        "identity": pair(),
        "eps-path": along(1_000, 0.99),
        "eps-law": along(250, 0.96) + along(4_000, 0.9975),
        "candidates": candidates(),
    }
    return replace(world(), others=others | changed)


@pytest.fixture(autouse=True)
def same_loss_on_few_rows(monkeypatch):
    """No test set is drawn: the loss on the first rows is set to that on all, times a factor."""
    factor = {"few": 1.0}

    def loss(W, b, data):
        return 60 * factor["few"]

    monkeypatch.setattr(replication.engine, "loss", loss)
    rows = SimpleNamespace(take=lambda some: some)
    monkeypatch.setattr(replication.runspec, "test_set", lambda **law: rows)
    return factor


def verdicts(e):
    return {c.id: claims.judge(c, e).verdict for c in replication.CLAIMS}


def flips(e):
    return {k: v for k, v in verdicts(e).items() if v != REPRODUCED}


def test_where_everything_is_as_claimed_every_claim_is_reproduced():
    assert flips(evidence()) == {}


def test_without_runs_nothing_is_judged():
    assert set(verdicts(world()).values()) == {NOISY}


def test_a_peak_a_tenth_as_high_is_not_jermyns():
    lower = [
        Summary(replace(s.run, test_loss=s.run.test_loss / (10 if s.T == 2_000 else 1)))
        for s in summed_runs()
    ]
    assert flips(evidence(sum=lower)) == {"C1-peak": NOT}


def test_a_peak_no_higher_than_the_means_is_no_higher_peak():
    level = [Summary(replace(s.run, test_loss=1.0)) for s in summed_runs()]
    found = flips(evidence(sum=level))
    assert found["C1-higher"] in (NOT, NOISY)
    assert found["C1-peak"] == NOT


def test_data_points_that_stay_represented_to_a_larger_T_are_told():
    def longer(s):  # the columns of W are two data points, which so have a dimension each
        W = s.run.data.make().take([0, 1]).to_dense() if s.T == 2_000 else s.run.W
        return Summary(replace(s.run, W=W))

    assert flips(evidence(sum=[longer(s) for s in summed_runs()])) == {"C1-middle": NOT}


def test_shorter_biases_and_earlier_features_are_told():
    short = [Summary(replace(s.run, b=s.run.b / 3)) for s in summed_runs()]
    assert flips(evidence(sum=short)) == {"C1-b": NOT}
    early = [
        Summary(replace(s.run, W=features(10_000))) if s.T == 10_000 else s for s in summed_runs()
    ]
    assert flips(evidence(sum=early)) == {"C1-features": PARTLY}


def test_one_other_bit_is_no_identity():
    a, b = pair()
    W = b.run.W.copy()
    W[0, 0] = np.nextafter(W[0, 0], 1)
    assert flips(evidence(identity=[a, Summary(replace(b.run, W=W))])) == {"R-identity": NOT}


def test_a_fall_at_another_place_breaks_the_law():
    moved = along(250, 0.96, shift=-0.6) + along(4_000, 0.9975)  # as if ε alone set the place
    assert flips(evidence(**{"eps-law": moved})) == {"R-law": PARTLY}
    moved = along(250, 0.96, shift=-0.6) + along(4_000, 0.9975, shift=0.6)
    assert flips(evidence(**{"eps-law": moved})) == {"R-law": NOT}
    assert replication.halfway(replication.by_ratio(along(1_000, 0.99))) == pytest.approx(
        [-1.2] * 3, abs=0.1
    )


def test_problems_of_nearly_one_size_cannot_tell_the_law_from_its_denial():
    near = along(980, 1 - 10 / 980) + along(1_020, 1 - 10 / 1_020)
    assert flips(evidence(**{"eps-law": near})) == {"R-law": NOISY}


def test_a_fall_outside_the_ratios_is_put_at_their_end():
    runs = replication.by_ratio(along(1_000, 0.99))
    shares = replication.fallen(runs)
    assert len(shares) == 8
    early = {r: runs[r] for r in list(runs)[-2:]}  # both are behind the fall
    assert replication.halfway(early) == pytest.approx([0.5] * 3, abs=0.5)


def test_seeds_that_end_before_the_peak_have_none():
    runs = [made(T, seed, T, n=10_000, S=0.999) for T in (30, 2_000, 10_000) for seed in (0, 1)]
    runs += [made(T, 2, T) for T in (10, 30, 200)]
    assert replication.peaks(runs, lambda s: s.run.test_loss, 2_000) == [10_000, 10_000]
    assert replication.peaks(runs, lambda s: s.run.test_loss, 30) == [10_000, 10_000, 200]


def test_a_peak_within_the_spread_of_the_means_own_is_not_higher():
    e = evidence()
    # The mean's peaks: as high as the sum's in one seed.
    wild = [
        Summary(replace(s.run, test_loss=1e9)) if (s.T, s.seed) == (2_000, 0) else s
        for s in e.finite
    ]
    assert flips(replace(e, finite=wild))["C1-higher"] in (NOT, NOISY)


def test_another_candidate_that_does_it_is_found():
    runs = [
        Summary(replace(s.run, W=even(1_000, 14))) if s.run.config.xavier == "uniform" else s
        for s in candidates()
    ]
    assert flips(evidence(candidates=runs)) == {"R-candidates": PARTLY}


def test_a_mean_that_does_nothing_is_found():
    runs = [
        Summary(replace(s.run, W=even(1_000, 60 + k / 10)))
        if s.run.config.reduction == "mean"
        else s
        for k, s in enumerate(candidates())
    ]
    found = flips(evidence(candidates=runs))
    assert found["R-mean"] in (NOT, NOISY)


def test_a_small_test_set_that_misleads_is_found(same_loss_on_few_rows):
    same_loss_on_few_rows["few"] = 2.0
    assert flips(evidence()) == {"R-test-rows": NOT}


def test_a_run_has_one_ratio_whatever_it_was_trained_on():
    mean = made(200, 0, 1.0, eps=1e-6, reduction="mean")
    summed = made(200, 0, 1.0, eps=1e-3)
    assert replication.ratio(mean) == replication.ratio(summed) == 0.1
    full = made(2_000, 0, 1.0, n=paper.N, S=paper.SPARSITY, eps=paper.EPS, reduction="mean")
    assert replication.ratio(full) == 0.1
    assert replication.twin(2_000) == 200
    assert SMALL["n"] == 1_000
