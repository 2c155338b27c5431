"""Which solution has the lower training loss: tables and claims follow the runs."""

import math

import numpy as np
import pandas as pd
import pytest

from sdd.findings import CLAIMS, PROFILES, Evidence, branches, specs, transition
from sdd.findings.rule import CONTRADICTED, REPRODUCED
from sdd.findings.scorecard import judge
from sdd.runs.spec import lacking

SIZES = (200, 1_000, 2_000, 5_000, 6_000, 10_000, 20_000, 50_000, 100_000)


def table(cross=50_000, seeds=range(20, 24)):
    """Trainings in which memorising has the lower loss up to a T, and loses none of its points."""
    rows = [
        {"T": float(T), "data_seed": seed, "reduction": reduction, "lr": lr, "n": 1_000,
         "train_loss": 0.98 + gain + 1e-5 * math.sin(seed + T + lr), "stored": 10,
         "test_loss": 0.99 if reduction == "mean" else 5.0, "test_error": 1e-4,
         "five_apart": reduction == "mean"}
        for T in SIZES
        for seed in seeds
        for reduction, lr, gain in (
            ("mean", 1e-3, 0.0), ("sum", 3e-2, 0.02), ("sum", 6e-2, -0.01 if T <= cross else 0.01)
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


def verdicts(claim, **tables):
    evidence = Evidence(PROFILES["paper"], tables)
    return {row.row: row.verdict for row in judge(CLAIMS[claim], evidence)}


@pytest.mark.parametrize(
    ("claim", "cross", "expected"),
    [
        ("U1-memorising", 6_000, [REPRODUCED] * 4),
        ("U1-memorising", 2_000, [REPRODUCED] * 2 + [CONTRADICTED] * 2),
        ("U1-crossing", 20_000, [REPRODUCED] * 4),
        ("U1-crossing", 50_000, [REPRODUCED] * 2 + [CONTRADICTED, REPRODUCED]),
        ("U1-crossing", 10_000, [REPRODUCED, CONTRADICTED] + [REPRODUCED] * 2),
    ],
)
def test_who_has_the_lower_loss_is_judged_at_each_size(claim, cross, expected):
    found = verdicts(claim, **{"two-solutions": table(cross)})
    assert list(found.values()) == expected


@pytest.mark.parametrize(("cross", "later"), [(10**6, REPRODUCED), (20_000, CONTRADICTED)])
def test_at_the_published_size_other_trainings_judge(cross, later):
    tables = {"two-solutions": table(0), "two-solutions-published": table(cross)}
    found = verdicts("U1-published", **tables)
    assert list(found.values()) == [REPRODUCED] * 2 + [later] * 2


def test_data_sets_that_were_looked_at_do_not_judge():
    looked = table(0, seeds=range(20))
    found = verdicts("U1-memorising", **{"two-solutions": pd.concat([looked, table(6_000)])})
    assert set(found.values()) == {REPRODUCED}


@pytest.mark.parametrize(("cross", "verdict"), [(50_000, REPRODUCED), (0, CONTRADICTED)])
def test_the_test_loss_on_the_bump_is_that_of_the_lowest_training_loss(cross, verdict):
    runs = table(cross)
    if not cross:  # then the best is the usual training, but for chance
        runs.loc[runs["reduction"] == "sum", ["test_loss", "train_loss"]] = 0.9
    assert verdicts("U1-test-loss", **{"two-solutions": runs}) == {"": verdict}


@pytest.mark.parametrize(("loss", "verdict"), [(0.98, REPRODUCED), (1.0, CONTRADICTED)])
def test_the_bump_is_judged_by_features_followed_down(loss, verdict):
    down = pd.DataFrame(
        {"T": 200.0, "data_seed": range(20, 24), "test_loss": loss, "test_error": 1e-4}
    )
    down["test_loss"] += 1e-5 * np.arange(4)
    tables = {"two-solutions": table(), "features-followed-down": down}
    assert verdicts("U1-no-bump", **tables) == {"": verdict}


def test_followed_memories_are_compared_with_new_ones_of_the_same_data():
    def path(T, loss):
        return pd.DataFrame(
            {"T": float(T), "data_seed": range(20, 24), "train_loss": loss + 1e-5 * np.arange(4)}
        )

    ends = {"memory-followed-up": path(2_000, 0.98), "memory-followed-down": path(1_000, 0.96)}
    found = verdicts("U1-path", **{"two-solutions": table()} | ends)
    assert found == {"up": REPRODUCED, "down": CONTRADICTED}


def test_the_place_of_a_crossing_is_censored_at_both_ends():
    parts = [table(cross, seeds=[seed]) for seed, cross in ((0, 5_000), (1, 0), (2, 10**6))]
    found = branches.crossings(pd.concat(parts)).set_index("data_seed")
    assert found.loc[0].tolist() == [5_000, 6_000]
    assert found.loc[1].tolist() == [0, 1_000]
    assert found.loc[2].tolist() == [100_000, math.inf]
    few = table(5_000, seeds=[3]).query("T <= 6_000")  # says nothing of where it is
    assert branches.crossings(pd.concat([*parts, few])).equals(branches.crossings(pd.concat(parts)))
    told = branches.told(found)
    assert "between 5,000 and 6,000, in 1 data set;" in told
    assert "below 1,000, in 1 data set;" in told
    assert "above 100,000, in 1 data set." in told


def test_what_the_best_optimiser_leaves_is_told_by_the_runs():
    told = branches.best_told(table(5_000))
    assert "in every data set from T = 200 to 5,000, in 0 of 4 at 6,000, " in told
    assert "5 at T = 200, where the paper's settings give 0.99, and 0.99 at T = 100,000." in told
    assert "to 100,000, the largest here." in branches.best_told(table(10**6))
    best = branches.minimum(table(5_000)).set_index("T")
    assert best.loc["5,000", "found on the sum"] == "4 of 4"
    assert best.loc["6,000", "at learning rates"] == "0.001"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_chain_is_part_of_its_experiment_and_keeps_its_data(profile):
    names = ("features-followed-down", "memory-followed-down", "memory-followed-up")
    for name in (*names, "grown-polygons"):
        asked = specs(name, profile)
        assert set(lacking(asked, lambda _: False)) == set(asked)
        for s in asked:
            if s.after is not None:
                assert s.data.seed == s.after.data.seed
    up = [s for s in specs("memory-followed-up", profile) if s.after is not None]
    assert all(1 < s.data.T / s.after.data.T < transition.GROWTH + 0.005 for s in up)
    assert {s.data.T for s in specs("memory-followed-up", "paper")} >= {1_000, 2_000}
    assert all(s.data.T == transition.PLANTED for s in specs("grown-polygons", profile) if s.start)


@pytest.mark.parametrize("seed", transition.DISJOINT)
def test_the_planted_points_share_no_feature(seed):
    (planted,) = [
        s for s in specs("grown-polygons", "paper") if s.start and s.data.seed == seed
        and s.config.reduction == "sum"
    ]  # fmt: skip
    indices = planted.data.make().indices
    assert len(set(indices.tolist())) == len(indices)
