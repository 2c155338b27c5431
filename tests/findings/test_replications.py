"""The claims on why replications disagree follow the data: altered runs flip their verdicts."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from worlds import ERROR, around, changed, settings, with_tables, world

from sdd.findings import CLAIMS, replications
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED
from sdd.findings.scorecard import judge
from sdd.measures.damping import halfway, ratio

MINE = [c for c in CLAIMS.values() if c.finding == "replications"]
AT_PEAK = "T == 2000"


ANY = {"test_error": ERROR, "W_norm": 1.0, "b_norm": 1.0, "test_loss": 1.0}


def summed():
    """Runs on the sum as Jermyn reports them."""
    rows = settings("sum", **ANY)
    peak, wobble = rows["T"] == 2_000, 1 + 0.01 * rows["data_seed"]
    longest = world().table("dataset-size")["b_norm"].max()
    points, late = rows["T"] < 100, rows["T"] >= 20_000
    return rows.assign(
        test_loss=np.where(peak, 5_000 * wobble, 2.0),
        b_norm=np.where(peak, 3 * longest * wobble, 1.0),
        point_D_max=np.where(points, 0.5, 0.0), D1=0.1, five_apart=late,
    )  # fmt: skip


def falling(rows, shift=0.0):
    """Let log ‖W‖ fall by a sigmoid that is centred at a ratio of ε to 1 − S."""
    x = np.log10(ratio(rows)) + 1.2 - shift + 0.01 * rows["data_seed"]
    return rows.assign(W_norm=3 * 20 ** (1 / (1 + np.exp(3 * x))))


def candidates():
    rows = settings("candidates", **ANY)
    level = np.where(rows["reduction"] == "mean", 14.0, 60.0)
    wobble = around(0, 0.5, 4)[rows["data_seed"]]
    return rows.assign(W_norm=level + wobble, test_loss=level, few_rows_loss=level + wobble / 100)


@cache
def as_claimed():
    tables = {
        "sum": summed(),
        "identity": settings("identity", **ANY).assign(bits="same"),
        "eps-path": falling(settings("eps-path", **ANY)),
        "eps-law": falling(settings("eps-law", **ANY)),
        "candidates": candidates(),
    }
    return with_tables(world(), tables)


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_runs_are_as_claimed(claim):
    assert judge(claim, as_claimed()).verdict == REPRODUCED
    assert judge(claim, world()).verdict == NOISY  # without these runs nothing is judged


@pytest.mark.parametrize(
    ("id", "experiment", "rows", "columns", "verdict"),
    [
        ("C1-peak", "sum", AT_PEAK, {"test_loss": lambda f: f["test_loss"] / 10}, NOT),
        ("C1-higher", "sum", "T > 0", {"test_loss": 1.0}, NOT),
        ("C1-higher", "dataset-size", AT_PEAK + " and data_seed == 0", {"test_loss": 1e9}, NOISY),
        ("C1-b", "sum", AT_PEAK, {"b_norm": lambda f: f["b_norm"] / 3}, NOT),
        ("C1-features", "sum", "T == 10_000", {"five_apart": True}, PARTLY),
        ("C1-middle", "sum", "T <= 2_000", {"point_D_max": 0.5}, NOT),
        ("R-identity", "identity", "n == 1_024 and reduction == 'sum'", {"bits": "other"}, NOT),
        ("R-law", "eps-law", "n == 250", {"W_norm": lambda f: falling(f, -0.6)["W_norm"]}, PARTLY),
        ("R-law", "eps-law", "n > 0", {"W_norm": lambda f: falling(f, 0.6)["W_norm"]}, NOT),
        ("R-law", "eps-law", "n > 0", {"n": lambda f: f["n"].map({250: 980, 4_000: 1_020})}, NOISY),
        ("R-mean", "candidates", "reduction == 'mean'", {"W_norm": 60.0}, NOISY),
        ("R-candidates", "candidates", "xavier == 'uniform'", {"W_norm": 14.0}, PARTLY),
        ("R-test-rows", "candidates", "T > 0", {"few_rows_loss": 120.0}, NOT),
    ],
)
def test_follows_the_runs(id, experiment, rows, columns, verdict):
    altered = changed(as_claimed(), experiment, rows, **columns)
    assert judge(CLAIMS[id], altered).verdict == verdict


def test_a_run_has_one_ratio_whatever_it_was_trained_on():
    rows = pd.DataFrame(
        {"n": [1_000, 1_000, 10_000], "sparsity": [0.99, 0.99, 0.999], "eps": [1e-6, 1e-3, 1e-8],
         "reduction": ["mean", "sum", "mean"]}
    )  # fmt: skip
    assert list(ratio(rows)) == [0.1] * 3
    assert replications.twin(2_000) == 200


def test_half_of_the_fall_is_found_between_ratios_or_at_their_end():
    path = replications.path(as_claimed()).query("T == 200")
    assert halfway(path) == pytest.approx([-1.2 - 0.01 * k for k in range(4)], abs=0.1)
    behind = path[path["ratio"] >= 1]  # nothing is left to fall but noise
    assert all(0 <= place <= 1 for place in halfway(behind))
    late = path.assign(W_norm=np.where(path["ratio"] < 10, 60.0, 3.0))
    assert halfway(late) == pytest.approx([0.5] * 4)


def test_seeds_that_end_before_the_peak_have_none():
    rows = pd.DataFrame(
        [(T, seed) for T in (30, 2_000, 10_000) for seed in (0, 1)] + [(10, 2), (30, 2), (200, 2)],
        columns=["T", "data_seed"],
    )
    assert replications.peaks(rows, "T", 2_000) == [10_000, 10_000]
    assert replications.peaks(rows, "T", 30) == [10_000, 10_000, 200]


def test_the_law_is_looked_at_in_the_published_size_too():
    laws = replications.laws(as_claimed())
    assert laws.groupby("n")["ratio"].nunique().to_dict() == {250: 8, 1_000: 8, 4_000: 8, 10_000: 2}
    marks = [float(f"{v:.3g}") for v in replications.MARKS.values()]
    assert sorted(laws.query("n == 10_000")["ratio"].unique()) == marks
    ends = laws.query("n == 250").groupby("ratio")["to_come"].mean()
    assert (ends.iloc[0], ends.iloc[-1]) == pytest.approx((1, 0))
    assert not math.isnan(laws["to_come"].sum())


def test_every_candidate_has_its_runs():
    found = replications.candidates(as_claimed()).groupby("candidate", sort=False)
    assert list(found.size().index) == list(replications.CANDIDATES)
    for name, rows in found:
        for setting, value in replications.CANDIDATES[name].items():
            assert set(rows[setting]) == {value}
