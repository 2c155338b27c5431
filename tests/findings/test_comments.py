"""The claims on onsets and on one-hot points follow the data."""

import numpy as np
import pandas as pd
import pytest
from worlds import settings

from sdd.findings import CLAIMS, PROFILES, Evidence, comments
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "comments"]


def step(T, onset, top=0.3, falling=0.0):
    """Rising from 0 to the top by log T, a tenth below and a tenth above the onset's factor 2."""
    at = np.clip(0.1 + 0.5 * np.log2(T / onset) * 0.2, 0.01, top)
    return at - falling * np.log10(np.maximum(T / onset, 1))


def world(decay_moves=0.0, power=lambda m: 1.0 + 0.25 * (m > 2), seen=8.0, falling=0.01, hot=0.0):
    """Onsets that move with decay by that power, and with 1/(1 − S) by another."""
    decays, rare = settings("onset-decay"), settings("onset-sightings")
    jitter = 1 + 0.02 * (decays["data_seed"] % 3 - 1)
    moved = 200 * jitter * (decays["weight_decay"] / 0.01) ** decay_moves
    exponent = rare["m"].map(power)
    jitter = 1 + 0.02 * (rare["data_seed"] % 3 - 1)
    later = np.where(rare["m"] == 2, 50, 150)
    onset = seen * later * jitter * (0.02 / (1 - rare["sparsity"])) ** exponent
    one_hot = settings("one-hot", arrangement="two circles", train_loss=hot)
    endless = [pd.DataFrame({"T": T, "batch": 10_000, "data_seed": range(20, 24), "D1": D})
               for T, D in ((20_000, 0.28), (np.inf, 0.28 - falling))]  # fmt: skip
    near = 1e-3 * np.arange(4)
    return Evidence(PROFILES["paper"], {
        "onset-decay": decays.assign(D1=step(decays["T"], moved, falling=falling)),
        "onset-sightings": rare.assign(D1=step(rare["T"], onset)),
        "one-hot": one_hot,
        "dataset-size": endless[0].assign(D1=lambda f: f["D1"] + near),
        "fresh-data": endless[1].assign(D1=lambda f: f["D1"] + near),
    })  # fmt: skip


def verdicts(evidence):
    """Return the verdicts that are not "reproduced", by claim and row."""
    rows = [row for claim in MINE for row in judge(claim, evidence)]
    return {row.key: row.verdict for row in rows if row.verdict != REPRODUCED}


def test_all_is_reproduced_where_the_runs_are_as_claimed():
    assert verdicts(world()) == {}


@pytest.mark.parametrize(
    ("changes", "flipped"),
    [
        ({"decay_moves": -0.3}, {"C3-onset: 0.001 to 0.1", "C3-onset: 0.1 to 1"}),
        ({"power": lambda m: 0.5 if m == 2 else 0.4}, {f"C4-collapse: m = {m}" for m in (2, 4, 8)}),
        ({"seen": 2.2}, {"C4-ten: D above 0.1", "C4-ten: D above 0.2"}),
        ({"falling": -0.02}, {"C4-falls: n = 500", "C4-falls: published size"}),
        ({"hot": 0.1}, {"C10-one-hot"}),
    ],
)
def test_follows_the_runs_and_flips_no_other_claim(changes, flipped):
    assert verdicts(world(**changes)) == dict.fromkeys(flipped, CONTRADICTED)


def test_wider_models_that_collapse_as_cleanly_contradict():
    found = verdicts(world(power=lambda m: 1.2 if m == 2 else 1.02))
    assert found == {"C4-wider: m = 4": CONTRADICTED, "C4-wider: m = 8": CONTRADICTED}


def test_nothing_is_judged_without_runs():
    empty = Evidence(PROFILES["paper"], {})
    assert {r.verdict for c in MINE for r in judge(c, empty)} == {UNDECIDED}


@pytest.mark.parametrize(
    ("D", "T"),
    [
        ([0.05, 0.2, 0.05, 0.15], 1_000 * 10**0.5),  # the last crossing, half-way in log T
        ([0.2, 0.2, 0.2, 0.2], 10),  # never below: the least
        ([0.0, 0.0, 0.0, 0.05], 10_000),  # never above: the largest
    ],
)
def test_the_onset_is_the_last_crossing_between_two_sizes(D, T):
    sizes = [10, 100, 1_000, 10_000]
    shuffled = [2, 0, 3, 1]
    found = comments.passed([sizes[k] for k in shuffled], [D[k] for k in shuffled])
    assert found == pytest.approx(T)


def test_spreads_are_those_of_onsets_at_known_places():
    runs = pd.DataFrame(
        [(2, S, 20, T, D) for S, at in ((0.9, 100), (0.99, 1_000))
         for T, D in ((at / 10, 0.0), (at * 10, 0.2))],
        columns=["m", "sparsity", "data_seed", "T", "D1"],
    )  # fmt: skip
    (found,) = comments.collapse(runs).itertuples()
    assert found.before == pytest.approx(2**-0.5)  # of 2 and 3
    assert found.after == pytest.approx(0, abs=1e-9)
    assert (found.seen, found.slope) == (pytest.approx(10), pytest.approx(1))
    assert comments.text(runs)["S = 0.9"].tolist() == ["10.0 (one training)"]
