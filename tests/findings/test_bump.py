"""The claims on the parts of the loss follow the parts, not the loss alone."""

import numpy as np
import pandas as pd
import pytest
from worlds import changed, with_tables, world

from sdd import theory
from sdd.findings import CLAIMS, bump
from sdd.findings.rule import CONTRADICTED, REPRODUCED, SMALL, UNDECIDED
from sdd.findings.scorecard import judge

LINEAR = pd.DataFrame(
    {
        "T": np.repeat([float(T) for T in bump.TWIN_SIZES], 3),
        "data_seed": [20, 21, 22] * len(bump.TWIN_SIZES),
        "test_loss": [
            theory.linear_loss(T, 2, 1_000, 0.99) + 1e-5 * k
            for T in bump.TWIN_SIZES
            for k in (-1, 0, 1)
        ],
    }
)


def verdicts(id, evidence):
    return [row.verdict for row in judge(CLAIMS[id], evidence)]


@pytest.mark.parametrize("id", [c.id for c in CLAIMS.values() if c.finding == "bump"])
def test_is_reproduced_where_false_firing_makes_the_bump(id):
    assert set(verdicts(id, with_tables(world(), {"without-relu": LINEAR}))) == {REPRODUCED}


def test_at_the_quick_size_only_one_claim_is_not_judged():
    small = [c.id for c in CLAIMS.values() if c.finding == "bump" and not c.at_quick]
    assert small == ["bump-known"]
    assert verdicts("bump-known", world("quick")) == [SMALL]


@pytest.mark.parametrize(
    ("id", "rows", "columns", "expected"),
    [
        ("bump-firing", "T == 2000", {"false_firing": 0}, [CONTRADICTED, REPRODUCED]),
        ("bump-firing", "T == 2000", {"constant_gain": -0.02}, [REPRODUCED, CONTRADICTED]),
        ("bump-firing", "T == 2000", {"false_firing_error": 1.0}, [UNDECIDED, REPRODUCED]),
        ("bump-rows", "T == 2000", {"firing_in_long_column_rows": 0.1}, [CONTRADICTED]),
        ("bump-known", "T == 2000", {"features_known": 10.0}, [CONTRADICTED]),
        ("bump-best-known", "T == 10000", {"best_known": 0.1}, [CONTRADICTED]),
        ("bump-best-known", "T == 10000", {"best_known": lambda f: f["data_seed"] - 20.0},
         [UNDECIDED]),
    ],
)  # fmt: skip
def test_follows_the_runs(id, rows, columns, expected):
    assert verdicts(id, changed(world(), "dataset-size", rows, **columns)) == expected


def test_a_rise_without_the_relu_would_contradict_that_there_is_none():
    risen = LINEAR.assign(test_loss=LINEAR["test_loss"] + 0.05 * (LINEAR["T"] == 200))
    assert verdicts("bump-linear", with_tables(world(), {"without-relu": risen})) == [CONTRADICTED]


def test_parts_are_a_row_each_and_as_costs_sum_to_the_excess():
    runs = world().body()
    assert len(bump.parts(runs)) == 4 * len(runs)
    costs = bump.parts(runs).pivot(index="run", columns="part", values="value")
    total = costs.pop("test loss above no output's")
    np.testing.assert_allclose(costs.sum(axis=1), total, atol=1e-12)


def test_the_chapter_measures_judging_trainings_all_at_the_ends_of_the_rise():
    counts = bump.taken_apart(world()).groupby("T").size()
    assert (bump.taken_apart(world())["data_seed"] >= 20).all()
    assert counts[500] == counts[2_000] == 20
    assert counts.drop([500, 2_000]).max() == bump.EACH


def test_refits_have_a_row_where_there_is_one():
    runs = world().body().assign(shifted_loss=0.9)
    two = runs[runs["data_seed"] < 2].assign(inside_loss=0.8)
    found = bump.refits(runs, two)
    assert found.groupby("refit")["test_loss"].mean()["inside the ReLU"] == pytest.approx(0.8)
    counts = found.groupby("refit").size()
    assert counts["inside the ReLU"] == len(two)
    assert set(counts.drop("inside the ReLU")) == {len(runs)}


def test_the_parts_stand_beside_the_training_means_formula():
    runs = world().body()
    found = bump.parts_table(runs).set_index("T")
    formula = found["constant gain of the training set's mean (formula)"]
    assert formula["∞"] == "–"
    gain = 1 - 0.99926  # of the best constant; that of a training set's mean is less by about 1/T
    assert float(formula["2,000"]) == pytest.approx(gain - 1 / 2_000, abs=6e-5)
    firing = runs.loc[runs["T"] == 2_000, "false_firing"]
    assert found.loc["2,000", "false firing"].startswith(f"{firing.mean():.5f} ± ")
    assert found.loc["2,000", "trainings"] == len(firing)


def test_what_is_known_stands_in_a_table_by_size():
    found = bump.known_table(world().body()).set_index("T")
    column = "features' worth explained ± sd over trainings"
    assert found.loc["2,000", column].startswith("20.0")
    assert found.loc["∞", column].startswith("14.0")


def test_false_firing_is_shown_by_how_often_features_were_seen():
    groups = ("never", "once", "2 to 5 times", "more often")
    shares = dict(zip(groups, (0.0, 0.1, 0.3, 0.6), strict=True))
    columns = {f"features, seen {name}": 0.25 for name in groups}
    columns |= {f"false firing, seen {name}": share for name, share in shares.items()}
    found = bump.firing_table(pd.DataFrame({"T": [500.0, 500.0, 2_000.0]}).assign(**columns))
    assert [name.partition(":")[0] for name in found][1:] == [f"seen {name}" for name in groups]
    row = ["0.0% (25.0%)", "10.0% (25.0%)", "30.0% (25.0%)", "60.0% (25.0%)"]
    assert found.to_numpy().tolist() == [["500", *row], ["2,000", *row]]
