"""The claims on why replications disagree follow the data: altered runs flip their verdicts."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from worlds import ERROR, around, changed, settings, with_tables, world

import sdd
from sdd import paper
from sdd.findings import CLAIMS, replications
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge
from sdd.measures import elsewhere
from sdd.measures.damping import halfway, ratio

MINE = [c for c in CLAIMS.values() if c.finding == "replications"]
AT_PEAK = "T == 2000"
ANY = {"test_error": ERROR, "W_norm": 1.0, "b_norm": 1.0, "test_loss": 1.0}


def verdicts(id, evidence):
    return {row.row: row.verdict for row in judge(CLAIMS[id], evidence)}


def summed():
    """Runs on the sum as Jermyn reports them."""
    rows = settings("sum", **ANY)
    peak, wobble = rows["T"] == 2_000, 1 + 0.001 * rows["data_seed"]
    longest = world().table("dataset-size")["b_norm"].max()
    points, late = rows["T"] < 100, rows["T"] >= 20_000
    return rows.assign(
        test_loss=np.where(peak, 5_000 * wobble, 2.0), W_norm=rows["T"] * wobble,
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


def twins():
    """Twins that are like Jermyn's replication on the sum at a learning rate of 3e-3."""
    rows = settings("learning-rates", **ANY)
    factor = rows["lr"] / 3e-3 * np.where(rows["reduction"] == "sum", 1.0, 1e-3)
    peak = np.where(rows["T"] == 200, 5_000 * factor * (1 + 0.01 * rows["data_seed"]), 1.0)
    b = 3 * rows["lr"] / np.where(rows["reduction"] == "sum", 3e-3, 3e-3)
    return rows.assign(
        test_loss=peak, b_norm=b * (1 + 0.01 * rows["data_seed"]), W_norm=rows["T"],
        point_D_max=np.where(rows["T"] <= 10, 0.5, 0.0), D1=0.1, five_apart=rows["T"] == 2_000,
    )  # fmt: skip


def outside():
    rows = settings("interaction-law", **ANY)
    loss = rows["T"].map({float(T): loss for T, (loss, _) in paper.WENJIE_LOSS.items()})
    return rows.assign(
        redrawn_loss=loss + 1e-4 * (rows["data_seed"] % 2), redrawn_error=ERROR, redrawn_W=1.0
    )


@cache
def as_claimed():
    tables = {
        "sum": summed(),
        "eps-path": falling(settings("eps-path", **ANY)),
        "eps-law": falling(settings("eps-law", **ANY)),
        "eps-active": falling(settings("eps-active", **ANY)),
        "candidates": candidates(),
        "learning-rates": twins(),
        "interaction-law": outside(),
        "rates-confirmed": settings(
            "rates-confirmed", **ANY, point_D_max=0.0, D1=0.1, five_apart=False
        ),
    }
    return with_tables(world(), tables)


@pytest.mark.parametrize("claim", MINE, ids=lambda c: f"{c.id}: {c.statement}")
def test_is_reproduced_where_the_runs_are_as_claimed(claim):
    found = verdicts(claim.id, as_claimed())
    if claim.id in ("C1-features", "C1-middle"):  # two trainings do not tell of nine of ten
        assert set(found.values()) == {UNDECIDED}
    else:
        assert found == dict.fromkeys(claim.regions, REPRODUCED)
    # Without these runs nothing is judged.
    assert set(verdicts(claim.id, world()).values()) == {UNDECIDED}


@pytest.mark.parametrize(
    ("id", "experiment", "rows", "columns", "wrong"),
    [
        ("C1-peak", "sum", AT_PEAK, {"test_loss": lambda f: f["test_loss"] / 10}, {""}),
        ("C1-higher", "sum", "T > 0", {"test_loss": 0.9}, {""}),
        ("C1-b", "sum", AT_PEAK, {"b_norm": lambda f: f["b_norm"] / 3}, {""}),
        ("C1-middle", "sum", "T <= 2_000", {"point_D_max": 0.5}, {""}),
        ("C1-rise", "sum", "T == 1_000", {"W_norm": lambda f: 90 + f["data_seed"] / 10}, {""}),
        ("R-law", "eps-active", "sparsity == 0.96",
         {"W_norm": lambda f: falling(f, -1.2)["W_norm"]}, {""}),
        ("R-law-n", "eps-law", "n == 250", {"W_norm": lambda f: falling(f, -0.6)["W_norm"]},
         {"n = 250"}),
        ("R-rate", "learning-rates", "lr == 1e-2", {"b_norm": 0.01}, {"peak of ‖b‖"}),
        ("R-mean", "candidates", "reduction == 'mean'",
         {"W_norm": lambda f: 80 + f["data_seed"]}, {""}),
        ("R-candidates", "candidates", "xavier == 'uniform'", {"W_norm": 14.0},
         {"Xavier uniform"}),
        ("R-test-rows", "candidates", "T > 0", {"few_rows_loss": 180.0}, {""}),
        ("R-outside", "interaction-law", "T == 500", {"redrawn_loss": 1.0}, {"T = 500"}),
    ],
)  # fmt: skip
def test_follows_the_runs(id, experiment, rows, columns, wrong):
    found = verdicts(id, changed(as_claimed(), experiment, rows, **columns))
    assert {row for row, verdict in found.items() if verdict == CONTRADICTED} == wrong


def test_a_few_trainings_with_features_too_early_contradict():
    early = changed(as_claimed(), "sum", "T == 10_000", five_apart=True)
    assert verdicts("C1-features", early)["not at T = 10,000"] == CONTRADICTED


def test_the_nearest_place_is_the_one_like_jermyns():
    found = replications.places(as_claimed())
    nearest = found.iloc[0]
    assert (nearest["reduction"], nearest["lr"]) == ("sum", 3e-3)
    assert nearest["rise"] == pytest.approx(10)
    assert nearest["features"] == paper.JERMYN_FEATURES
    assert found["distance"].is_monotonic_increasing
    at_full_size = replications.nearest(as_claimed())
    assert at_full_size["lr"] == 1e-3  # (trained as he reports, in `summed`)
    place = replications.MARKS["sum"], 1e-3
    assert replications.on_the_map(as_claimed())["Jermyn"] == place
    assert "20,000" in replications.beside_jermyn(as_claimed()).data


def test_what_never_comes_counts_as_just_beyond_the_sizes():
    runs = pd.DataFrame({"of": [100, 1_000], "test_loss": 5_000.0, "b_norm": 3.0, "W_norm": 1.0,
                         "point_D_max": 0.0, "D1": 0.1, "five_apart": False})  # fmt: skip
    found = replications.signatures(runs, 1.0)
    assert (found["middle"], found["features"]) == (100, 2_000)
    doublings = math.log2(2_000 / paper.JERMYN_FEATURES)
    assert found["distance"] == pytest.approx(abs(doublings) / 2)


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


def test_rows_are_drawn_anew_with_replacement_and_warm_up_begins_at_a_tenth():
    data = sdd.sample(20, 100, 0.9)
    drawn = elsewhere._Redrawn(data, 2_048)
    first, again, second = drawn.at(0), drawn.at(0), drawn.at(1)
    assert first.T == 20
    assert first.content_hash() == again.content_hash()
    assert first.content_hash() != second.content_hash()
    rows = {row.tobytes() for row in data.to_dense()}
    assert {row.tobytes() for row in first.to_dense()} < rows
    assert elsewhere._Redrawn(data, 5).at(0).T == 5
    rates = elsewhere._from_a_tenth(sdd.TrainConfig(steps=100, lr=1.0, warmup=10))
    assert (rates[0], rates[9], rates[10]) == pytest.approx((0.1, 0.91, 1.0))


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


def test_series_without_all_sizes_up_to_the_peak_have_none():
    rows = pd.DataFrame(
        [(T, seed) for T in (30, 2_000, 10_000) for seed in (0, 1)] + [(10, 2), (30, 2), (200, 2)],
        columns=["T", "data_seed"],
    )
    assert replications.peaks(rows, "T", 2_000) == [10_000, 10_000, 200]
    assert replications.peaks(rows[rows["T"] != 200], "T", 2_000) == [10_000, 10_000]


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
