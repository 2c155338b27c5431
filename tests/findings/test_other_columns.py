"""The claims on the other columns follow the runs: altered ones flip their verdicts."""

from functools import cache

import numpy as np
import pytest
from worlds import changed, settings, with_tables, world

from sdd import theory
from sdd.findings import CLAIMS
from sdd.findings import other_columns as found
from sdd.findings.profiles import SMALL
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge
from sdd.findings.setup import predicted_D

MINE = [c for c in CLAIMS.values() if c.finding == "other_columns"]
SIDES = {3: -1.0, 5: 1.0, 6: 0.0, 7: -1.0}


def apart(rows):
    """Return a small number that differs between the trainings of a size."""
    return 1e-3 * (rows["data_seed"] % 3 - 1)


def planted():
    rows = settings("planted-arms")
    corners = rows["start"].str.split(":").str[1].astype(int)
    return rows.assign(corners=corners, sided=0.9 * corners.map(SIDES) + apart(rows))


def usual():
    rows = settings("other-columns", from_longest=0.95)
    k = rows["n"] / 200
    D = [theory.best_ring_with_weak(5, v, n=1_000, sparsity=0.99).D for v in k]
    return rows.assign(weak=k, five_D=D + apart(rows), turned_rise=1e-4 + 0.01 * apart(rows))


def decayed():
    rows = settings("decayed-initialisation", five_r2=0.9)
    return rows.assign(five_D=predicted_D(rows) + apart(rows), other_R2=2.0)


@cache
def as_found():
    tables = {
        "planted-arms": planted(),
        "other-columns": usual(),
        "decayed-initialisation": decayed(),
    }
    return with_tables(world(), tables)


def verdicts(evidence):
    """Return the verdicts that are not "reproduced", by claim and row."""
    rows = [row for claim in MINE for row in judge(claim, evidence)]
    return {row.key: row.verdict for row in rows if row.verdict != REPRODUCED}


def test_all_is_reproduced_where_the_formulas_are_right():
    assert verdicts(as_found()) == {}


@pytest.mark.parametrize("id", [c.id for c in MINE if c.id != "T-arms"])
def test_nothing_is_judged_without_runs(id):
    assert {row.verdict for row in judge(CLAIMS[id], world())} == {UNDECIDED}


@pytest.mark.parametrize(
    ("experiment", "rows", "columns", "flipped"),
    [
        ("planted-arms", "corners == 3", {"sided": 0.9}, ["T-sides: F = 3"]),
        ("planted-arms", "corners == 5", {"sided": 0.0}, ["T-sides: F = 5"]),
        ("planted-arms", "corners == 6", {"sided": 0.9}, ["T-sides: F = 6"]),
        ("planted-arms", "corners == 7", {"sided": 0.9}, ["T-sides: F = 7"]),
        ("other-columns", "n == 500", {"five_D": 0.4}, ["T-weak: n = 500"]),
        ("other-columns", "n == 2000", {"five_D": 0.25}, ["T-weak: n = 2,000"]),
        ("other-columns", "n == 500", {"from_longest": 0.1}, ["T-longest"]),
        ("other-columns", "n == 1000", {"turned_rise": -1e-4}, ["T-turned"]),
        ("other-columns", "n == 500", {"turned_rise": -1e-4}, []),
        ("decayed-initialisation", "T > 0", {"five_D": 0.31}, ["T-leftover"]),
        ("fresh-data", "T > 0", {"on_arms": 1 / 6}, ["T-arms"]),
    ],
)
def test_other_runs_flip_the_claims_that_they_touch_and_no_others(
    experiment, rows, columns, flipped
):
    altered = changed(as_found(), experiment, rows, **columns)
    assert verdicts(altered) == dict.fromkeys(flipped, CONTRADICTED)


def test_variants_are_read_off_the_settings():
    variants = found.pentagons(settings("decayed-initialisation", five_r2=0.9))["variant"]
    assert list(variants.unique()) == ["", "no decay", "half the steps", "0.5 × weights"]


def test_the_table_of_directions_tells_where_a_weak_column_is_fired_least():
    table = found.directions(range(3, 8)).set_index("F")
    assert list(table["least"]) == [
        "between them", "anywhere", "on the arms", "anywhere", "between them",
    ]  # fmt: skip


def test_six_are_lower_than_five_without_weak_columns_and_not_among_many():
    worse = found.rings_with_weak([0, 80]).set_index(["ring", "weak"])["worse"]
    alone = [theory.best_ring(F, True, **SMALL).loss_change for F in (6, 5)]
    assert worse["6 features", 0] == pytest.approx(np.subtract(*alone), rel=0.01)
    assert (worse.xs(80, level="weak") > 0).all()
