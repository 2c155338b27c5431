"""The claims on other losses and models follow the data, and the losses are what they say."""

import numpy as np
import pytest
import torch
from worlds import ERROR, settings

from sdd.findings import CLAIMS, PROFILES, Evidence, run_like, variants
from sdd.findings.rule import CONTRADICTED, REPRODUCED
from sdd.findings.scorecard import judge
from sdd.runs import make_run

MINE = [c for c in CLAIMS.values() if c.finding == "variants"]
ROWS = {f"{c.id}: {row}" for c in MINE for row in c.regions}


def world(top):
    """Losses that fall with T but at one."""
    runs = settings("variants", own_error=ERROR)
    loss = 1.0 - 0.1 * np.log10(runs["T"]) + (runs["T"] == top) + 1e-3 * (runs["data_seed"] % 3)
    return Evidence(PROFILES["paper"], {"variants": runs.assign(own_loss=loss)})


@pytest.mark.parametrize(
    ("top", "held"),
    [
        (100, {row for row in ROWS if row.startswith("C2-variants")}),
        (250, {row for row in ROWS if row.startswith("C2-elsewhere: cross")}),
        (500, {row for row in ROWS if row.startswith("C2-elsewhere: untied")}),
    ],
)
def test_a_bump_is_seen_where_it_is_and_nowhere_else(top, held):
    found = {row.key: row.verdict for c in MINE for row in judge(c, world(top))}
    expected = dict.fromkeys(ROWS, CONTRADICTED) | dict.fromkeys(held, REPRODUCED)
    assert found == expected


X = torch.tensor([[0.6, 0.0, 0.8, 0.0]])
SILENT = {
    "fourth power": 0.6**4 + 0.8**4,
    "absolute error": 1.4,
    "cross-entropy": 0.7 * np.log(7) - 0.6 + 0.9 * np.log(9) - 0.8,
    "ReLU between": 1.0,
    "untied": 1.0,
}


@pytest.mark.parametrize("name", SILENT)
def test_a_loss_is_as_by_hand_for_a_silent_model_and_zero_for_a_right_one(name):
    model = variants.models()[name](4)
    with torch.no_grad():
        model.W.zero_(), model.b.zero_()
        assert model.objective(X).item() == pytest.approx(SILENT[name], rel=1e-5)
        model.b.copy_(X[0])
        assert model.objective(X).item() == pytest.approx(0, abs=1e-6)


def test_own_loss_is_the_squared_error_of_a_model_trained_on_it():
    for name in ("untied", "fourth power"):
        spec = run_like("variants", "quick", steps=20)
        spec = spec.__class__(spec.data, spec.config, model=variants.models()[name], test=spec.test)
        run = make_run(spec)
        same = abs(variants.own_loss(run)["own_loss"] - run.test_loss) < 1e-5
        assert same == (name == "untied")


def test_every_model_is_listed_with_its_loss():
    table = variants.summary(world(100))
    assert list(table["model or loss"].unique()) == list(variants.FORMULAS)
    assert (table["T = 100"] == "–").sum() == 0
