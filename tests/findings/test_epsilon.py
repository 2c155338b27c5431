"""The claims on AdamW's ε follow the data, and mean and sum are one training but for ε."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from worlds import ANY, changed, settings, with_tables, world

import sdd
from sdd.findings import CLAIMS, epsilon
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge
from sdd.measures import elsewhere
from sdd.measures.damping import halfway, ratio

MINE = [c for c in CLAIMS.values() if c.finding == "epsilon"]


def verdicts(id, evidence):
    return {row.row: row.verdict for row in judge(CLAIMS[id], evidence)}


def falling(rows, shift=0.0):
    """Let log ‖W‖ fall by a sigmoid that is centred at a ratio of ε to 1 − S."""
    x = np.log10(ratio(rows)) + 1.2 - shift + 0.01 * rows["data_seed"]
    return rows.assign(W_norm=3 * 20 ** (1 / (1 + np.exp(3 * x))))


@cache
def as_claimed():
    names = ("eps-path", "eps-law", "eps-active")
    return with_tables(world(), {name: falling(settings(name, **ANY)) for name in names} | {
        "sum": settings("sum", **ANY)
    })  # fmt: skip


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_runs_are_as_claimed(claim):
    assert verdicts(claim.id, as_claimed()) == dict.fromkeys(claim.regions, REPRODUCED)
    # Without these runs nothing is judged.
    assert set(verdicts(claim.id, world()).values()) == {UNDECIDED}


@pytest.mark.parametrize(
    ("id", "experiment", "rows", "shift", "wrong"),
    [
        ("R-law", "eps-active", "sparsity == 0.96", -1.2, {""}),
        ("R-law-n", "eps-law", "n == 250", -0.6, {"n = 250"}),
    ],
)
def test_follows_the_runs(id, experiment, rows, shift, wrong):
    altered = changed(as_claimed(), experiment, rows, W_norm=lambda f: falling(f, shift)["W_norm"])
    assert {k for k, verdict in verdicts(id, altered).items() if verdict == CONTRADICTED} == wrong


def test_without_eps_mean_and_sum_agree_to_rounding():
    data = sdd.sample(20, 100, 0.9)
    assert elsewhere.without_eps(data, 50, None) < 1e-12
    assert elsewhere.without_eps(data, 50, 1e-4) > 1e-3
    even = sdd.sample(20, 128, 0.9)
    assert elsewhere.without_eps(even, 50, None) == 0  # scaling by a power of two rounds nothing


def test_training_on_the_mean_is_training_on_the_sum_with_n_times_eps():
    data = sdd.sample(20, 128, 0.9)
    config = sdd.TrainConfig(steps=60, dtype="float64", reduction="mean", eps=1e-5)
    one = sdd.train(data, config)
    other = sdd.train(data, sdd.TrainConfig(steps=60, dtype="float64", reduction="sum", eps=128e-5))
    np.testing.assert_array_equal(one.W, other.W)
    np.testing.assert_array_equal(one.b, other.b)


def test_a_run_has_one_ratio_whatever_it_was_trained_on():
    rows = pd.DataFrame(
        {"n": [1_000, 1_000, 10_000], "sparsity": [0.99, 0.99, 0.999], "eps": [1e-6, 1e-3, 1e-8],
         "reduction": ["mean", "sum", "mean"]}
    )  # fmt: skip
    assert list(ratio(rows)) == [0.1] * 3
    assert epsilon.twin(2_000) == 200


def test_half_of_the_fall_is_found_between_ratios_or_at_their_end():
    path = epsilon.path(as_claimed()).query("T == 200")
    assert halfway(path) == pytest.approx([-1.2 - 0.01 * k for k in range(4)], abs=0.1)
    behind = path[path["ratio"] >= 1]  # nothing is left to fall but noise
    assert all(0 <= place <= 1 for place in halfway(behind))
    late = path.assign(W_norm=np.where(path["ratio"] < 10, 60.0, 3.0))
    assert halfway(late) == pytest.approx([0.5] * 4)


def test_the_law_is_looked_at_in_the_published_size_too():
    laws = epsilon.laws(as_claimed())
    assert laws.groupby("n")["ratio"].nunique().to_dict() == {250: 8, 1_000: 8, 4_000: 8, 10_000: 2}
    marks = [float(f"{v:.3g}") for v in epsilon.MARKS.values()]
    assert sorted(laws.query("n == 10_000")["ratio"].unique()) == marks
    ends = laws.query("n == 250").groupby("ratio")["to_come"].mean()
    assert (ends.iloc[0], ends.iloc[-1]) == pytest.approx((1, 0))
    assert not math.isnan(laws["to_come"].sum())
