"""The claims on rings of features follow the data: runs that end elsewhere flip their verdicts."""

from functools import cache

import numpy as np
import pytest
from worlds import changed, settings, with_tables, world

from sdd import theory
from sdd.findings import CLAIMS, rings
from sdd.findings.profiles import SMALL
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "rings"]


def ring_models():
    """Models of F features with the loss of their formulas, seeds a little apart."""
    rows = settings("free-features")
    free, planted = rows["bias_decay"] == 0, rows["start"] != ""
    change = [
        theory.best_ring(int(F), bool(b), **SMALL).loss_change
        for F, b in zip(rows["features"], free, strict=True)
    ]
    change += 0.001 * (rows["data_seed"] - 1) + np.where(free & ~planted, 0.01, 0)
    return rows.assign(loss_change=change, columns_standing=np.where(planted, rows["features"], 5))


def among():
    rows = settings("planted-rings")
    six = rows["start"].str.contains("ring:6")
    loss = 0.98 + 0.01 * rows["data_seed"] + six * (3e-4 + 2e-5 * rows["data_seed"])
    return rows.assign(train_loss=loss, columns_standing=np.where(six, 6, 5))


@cache
def as_derived_all():
    return with_tables(world(), {"free-features": ring_models(), "planted-rings": among()})


def verdicts(evidence):
    """Return the verdicts that are not "reproduced", by claim and row."""
    rows = [row for claim in MINE for row in judge(claim, evidence)]
    return {row.key: row.verdict for row in rows if row.verdict != REPRODUCED}


# Of every one of five trainings one may say that it is at least half of them.
FEW = {
    "T-six-alone: usual start: five long columns": UNDECIDED,
    "T-six-alone: planted hexagon: six long columns": UNDECIDED,
}


def test_all_is_reproduced_where_the_formulas_are_right():
    assert verdicts(as_derived_all()) == FEW


@pytest.mark.parametrize("id", [c.id for c in MINE])
def test_nothing_is_judged_without_runs(id):
    assert [row.verdict for row in judge(CLAIMS[id], world())] == [UNDECIDED]


def shifted(by):
    return {"loss_change": lambda f: f["loss_change"] + by}


PLANTED_SIX = "features == 6 and start != ''"
USUAL_SIX = "features == 6 and start == '' and bias_decay == 0"
SIX = "start.str.contains('ring:6')"


SIX_LOWER = "T-six-alone: loss of the usual less of the planted"
RINGS = ("T-rings: F = 5, b = 0", "T-rings: F = 5, b free", "T-rings: F = 6, b free")


@pytest.mark.parametrize(
    ("experiment", "rows", "columns", "flipped"),
    [
        ("free-features", "T > 0", shifted(0.06), dict.fromkeys(RINGS, CONTRADICTED)),
        ("free-features", PLANTED_SIX, {"columns_standing": 5},
         {"T-six-alone: planted hexagon: six long columns": CONTRADICTED}),
        ("free-features", USUAL_SIX, shifted(-0.02), {SIX_LOWER: CONTRADICTED}),
        ("planted-rings", SIX, {"train_loss": lambda f: 0.97 + 0.01 * f["data_seed"]},
         {"T-five-among-all": CONTRADICTED}),
        ("planted-rings", f"{SIX} and data_seed == 0", {"train_loss": 0.97},
         {"T-five-among-all": UNDECIDED}),
    ],
)  # fmt: skip
def test_other_runs_flip_the_claims_that_they_touch_and_no_others(
    experiment, rows, columns, flipped
):
    altered = changed(as_derived_all(), experiment, rows, **columns)
    assert verdicts(altered) == FEW | flipped


def test_kinds_and_corners_are_read_off_the_settings():
    kinds = rings.free_rings(as_derived_all()).query("features == 5").groupby("kind", sort=False)
    assert kinds.size().to_dict() == {"free": 5, "zero": 5, "planted": 5}
    corners = rings.among_all(as_derived_all())["corners"]
    assert sorted(corners.unique()) == [0, 5, 6, 7]


def test_what_is_drawn_of_the_formulas_agrees_with_them():
    curves = rings.best_rings(**SMALL).set_index(["bias", "F"])["change"]
    assert curves["formula, b free"].idxmin() == 6
    assert curves["formula, b = 0"].idxmin() == 5
