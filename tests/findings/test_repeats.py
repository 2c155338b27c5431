"""The claims on repeated examples and near misses follow the data."""

import pandas as pd
import pytest

from sdd.findings import CLAIMS, PROFILES, Evidence, near_misses, repeats
from sdd.findings.rule import CONTRADICTED, REPRODUCED
from sdd.findings.scorecard import judge

SEEDS = range(20, 44)
NOISE = [0.01 * (seed % 5) for seed in SEEDS]


def at_three(R, k, **columns):
    return pd.DataFrame({
        "n": 1_000, "T": 3_000.0, "data_seed": SEEDS, "repeats": R, "repeated": k, **columns
    })  # fmt: skip


def rows_of_repeats():
    loss = [0.9 + x for x in NOISE]
    return pd.concat([
        at_three(3, 1, embedded=0, features=5, star_error=1.0, first_loss=loss),
        at_three(5, 1, embedded=1, features=4, star_error=[3 + x for x in NOISE], first_loss=0.3),
        at_three(5, 3, embedded=2, features=3, star_error=3.0, first_loss=0.3),
        at_three(10, 8, embedded=5, features=0, star_error=3.0, first_loss=0.3),
    ])  # fmt: skip


def rows_of_boundary(slope=0.4):
    return pd.DataFrame([
        {"n": 1_000, "T": 1_000.0 * ratio, "data_seed": seed, "repeats": R,
         "first_top": slope * (ratio - 20) + 8.5 + 0.5 * (seed % 2) < R}
        for ratio in (5, 20) for seed in SEEDS for R in range(1, 20)
    ])  # fmt: skip


def rows_of_misses():
    lost = {(1_000.0, "mean"): 0.6, (400.0, "mean"): 0.8, (700.0, "sum"): 0.9}
    rest = {"repeats": 1, "repeated": 1, "peak_D": 0.2, "end_D": 0.1, "dropped": False}
    return pd.concat([
        pd.DataFrame({"T": T, "reduction": reduction, "data_seed": SEEDS, **rest,
                      "lost": [share + x for x in NOISE]})
        for (T, reduction), share in lost.items()
    ] + [
        pd.DataFrame({"T": 3_000.0, "reduction": "mean", "data_seed": SEEDS, **rest,
                      "lost": 0.0}).assign(repeats=4)
    ])  # fmt: skip


def evidence(**changed):
    tables = {
        "repeats": rows_of_repeats(), "repeats-boundary": rows_of_boundary(),
        "near-misses": rows_of_misses(),
    }  # fmt: skip
    return Evidence(
        PROFILES["paper"], tables | {k.replace("_", "-"): v for k, v in changed.items()}
    )


def verdicts(e):
    ids = [name for name in CLAIMS if name.startswith(("C5", "C6", "C7", "C8"))]
    return {(r.id, r.row): r.verdict for name in ids for r in judge(CLAIMS[name], e)}


def changed(rows, where, **columns):
    chosen = rows.eval(where)
    return rows.assign(**{k: rows[k].mask(chosen, v) for k, v in columns.items()})


def test_what_the_comments_say_is_reproduced_where_it_is_so():
    found = verdicts(evidence())
    assert len(found) == 13
    assert set(found.values()) == {REPRODUCED}


@pytest.mark.parametrize(
    ("table", "where", "columns", "flipped"),
    [
        ("repeats", "repeats == 5 and repeated == 1 and data_seed != 20", {"embedded": 0},
         {"C5-embedded"}),
        ("repeats", "repeats == 5 and repeated == 1", {"features": 5}, {"C5-fifth"}),
        ("repeats", "repeats == 5 and repeated == 1", {"star_error": 50.0}, {"C5-place"}),
        ("repeats", "repeated == 3", {"features": 5}, {"C6-each"}),
        ("repeats", "repeated == 8", {"features": 4}, {"C6-more"}),
        ("repeats", "repeats == 3", {"first_loss": 0.2}, {"C7-few"}),
        ("near_misses", "T == 1000", {"lost": 0.1}, {"C8-features"}),
        ("near_misses", "repeats == 4", {"dropped": True}, {"C8-examples"}),
    ],
)  # fmt: skip
def test_each_claim_is_contradicted_by_runs_that_say_otherwise_and_no_other(
    table, where, columns, flipped
):
    rows = {"repeats": rows_of_repeats, "near_misses": rows_of_misses}[table]()
    found = verdicts(evidence(**{table: changed(rows, where, **columns)}))
    assert {name for (name, _), v in found.items() if v == CONTRADICTED} == flipped


def test_a_boundary_that_does_not_grow_contradicts_the_slope():
    found = verdicts(evidence(repeats_boundary=rows_of_boundary(slope=0.0)))
    assert found["C7-boundary", "slope"] == CONTRADICTED
    assert found["C7-boundary", "T/n = 20"] == REPRODUCED  # it is where it was


@pytest.mark.parametrize(
    ("outcomes", "boundary"),
    [
        ({2: False, 3: False, 4: True}, 3.5),
        ({4: True, 2: False, 3: True}, 2.5),
        ({2: True, 3: True, 4: True}, 1.5),
        ({2: False, 3: False, 4: False}, 4.5),
        ({6: False, 8: True}, 7),
        ({2: False, 3: True, 4: False, 5: True}, 3.5),  # 2.5 − 3.5 + 4.5
    ],
)
def test_the_boundary_is_between_what_does_not_do_and_what_does(outcomes, boundary):
    rows = pd.DataFrame({"n": 1_000, "T": 5_000.0, "data_seed": 20, "repeats": outcomes.keys(),
                         "first_top": outcomes.values()})  # fmt: skip
    (found,) = repeats.boundaries(rows).itertuples()
    assert (found.ratio, found.boundary, found.boundary_ratio) == (5, boundary, boundary / 5)


def test_the_table_of_places_has_a_row_for_each_way_to_repeat():
    rows = repeats.several(rows_of_repeats()).set_index(["points repeated", "times"])
    assert rows.loc[(8, 10), "points embedded ± sd"] == "5.00 ± 0.00"
    assert set(rows["both together ± sd"]) == {"5.00 ± 0.00"}
    assert (rows["trainings"] == len(SEEDS)).all()


def test_numbers_in_the_prose_are_those_of_the_tables():
    found = repeats.numbers(evidence()) | near_misses.numbers(evidence())
    assert (found["one"], found["one-embedded"], found["one-features"]) == (24, 24, 4)
    assert (found["least-ratio"], found["most-ratio"]) == (5, 20)
    assert found["most"] == pytest.approx(8.75, abs=0.3)
    assert (found["four"], found["four-dropped"], found["four-low"]) == (24, 0, 0)
    assert found["lost-400"] == pytest.approx(0.82, abs=0.01)


@pytest.mark.parametrize("profile", ["quick", "paper", "full"])
def test_what_is_filmed_is_trained_at_every_profile_and_was_there_to_look_at(profile):
    specs = near_misses.near_misses(PROFILES[profile])
    there = {(s.data.T, s.data.repeats, s.config.reduction, s.data.seed) for s in specs}
    assert {(*of, seed) for of, seed in near_misses.FILMED.items()} <= there
    assert all(seed < 20 for seed in near_misses.FILMED.values())
    assert all(len(s.snapshots) == 40 for s in specs)
