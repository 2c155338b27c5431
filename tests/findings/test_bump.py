"""The claims on the parts of the loss follow the parts, not the loss alone."""

import numpy as np
import pandas as pd
import pytest
from worlds import changed, world

from sdd.findings import CLAIMS, bump, double_descent
from sdd.findings.rule import NOT, PARTLY, REPRODUCED
from sdd.findings.scorecard import judge

INNER = "1000 <= T <= 2000"  # between the ends of the bump at the published size


def verdict(id, evidence):
    return judge(CLAIMS[id], evidence).verdict


@pytest.mark.parametrize("name", ["paper", "quick"])
@pytest.mark.parametrize("id", ["bump-firing", "bump-rows", "bump-scale"])
def test_is_reproduced_where_false_firing_makes_the_bump(id, name):
    assert verdict(id, world(name)) == REPRODUCED


@pytest.mark.parametrize(
    ("id", "rows", "columns", "expected"),
    [
        ("bump-firing", INNER, {"false_firing": 0, "constant_gain": -0.02}, NOT),
        ("bump-firing", INNER, {"constant_gain": -0.02}, PARTLY),
        ("bump-firing", INNER, {"false_firing_error": 1.0}, PARTLY),
        ("bump-firing", INNER + " and data_seed == 0", {"false_firing_error": 1.0}, PARTLY),
        ("bump-rows", "T == 2000", {"firing_in_long_column_rows": 0.1}, NOT),
        ("bump-rows", "T == 2000 and data_seed == 0", {"firing_in_long_column_rows": 0.1}, PARTLY),
        ("bump-scale", INNER, {"test_loss": 0.5}, NOT),  # no bump: none was removed
    ],
)
def test_follows_the_runs(id, rows, columns, expected):
    assert verdict(id, changed(world(), "dataset-size", rows, **columns)) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.05, REPRODUCED), (0.2, NOT)])
def test_a_refit_that_leaves_a_fifth_of_the_rise_has_not_removed_it(share, expected):
    flat = changed(world(), "dataset-size", "T > 0", rescaled_loss=1.0)
    rise = double_descent.bump(world())["rise"]
    leaving = changed(
        flat, "dataset-size", INNER, rescaled_loss=lambda f: 1 + share * f["data_seed"].map(rise)
    )
    assert verdict("bump-scale", leaving) == expected


def test_parts_are_a_row_each_and_as_costs_sum_to_the_excess():
    runs = world().body()
    assert len(bump.parts(runs)) == 4 * len(runs)
    costs = bump.parts(runs, as_costs=True).pivot(index="run", columns="part", values="value")
    total = costs.pop("test loss above no output's")
    np.testing.assert_allclose(costs.sum(axis=1), total, atol=1e-12)


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
    assert found.loc["2,000", "seeds"] == len(firing)


def test_false_firing_is_shown_by_how_often_features_were_seen():
    groups = ("never", "once", "2 to 5 times", "more often")
    shares = dict(zip(groups, (0.0, 0.1, 0.3, 0.6), strict=True))
    columns = {f"features, seen {name}": 0.25 for name in groups}
    columns |= {f"false firing, seen {name}": share for name, share in shares.items()}
    found = bump.firing_table(pd.DataFrame({"T": [500.0, 500.0, 2_000.0]}).assign(**columns))
    assert [name.partition(":")[0] for name in found][1:] == [f"seen {name}" for name in groups]
    row = ["0.0% (25.0%)", "10.0% (25.0%)", "30.0% (25.0%)", "60.0% (25.0%)"]
    assert found.to_numpy().tolist() == [["500", *row], ["2,000", *row]]
