"""The claims on what memorising models store follow the data: altered runs flip their verdicts."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from worlds import changed, settings, with_tables, world

from sdd import theory
from sdd.findings import CLAIMS, Evidence, branches, clusters
from sdd.findings.profiles import PROFILES, SMALL
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge

MINE = [c for c in CLAIMS.values() if c.finding == "clusters"]
K = 100.0  # what the memorising solution of 10,000 points is worth
LOW, HIGH = theory.crossover(**SMALL, K=K)


def memorising():
    """The smaller rate stores nothing and has the higher loss; the larger is as claimed."""
    rows = settings("memorising-clusters")
    chance = 0.001 * (rows["data_seed"] % 4)
    right = rows["lr"] == rows["lr"].max()
    many = rows["T"] >= 1_000
    rows = rows.assign(
        train_loss=0.5 + chance, worth=K, sharing=np.where(many, 0.5, 0) + chance, sharing_any=0.1,
        cluster_size=np.where(many, 50, 1.2) + chance, in_one_feature=0.95 + chance, hits=0.9,
        half_right=0.98 * rows["T"], hits_fresh=0.05 + chance, features_each=1.0, clusters=10.0,
    )  # fmt: skip
    nothing = {"train_loss": 0.9, "sharing": 0.0, "cluster_size": 5.0, "in_one_feature": 0.2,
               "half_right": 0.0, "hits_fresh": 0.9, "worth": 0.0}  # fmt: skip
    rows.loc[~right, list(nothing)] = list(nothing.values())
    return rows


def features(crossing):
    """The losses differ by as much at both sizes, from a line over log T that is zero there."""
    rows = settings("features-beside-clusters")
    below = np.log(rows["T"] / crossing) * (1 + 0.01 * (rows["data_seed"] % 4))
    return rows.assign(train_loss=0.5 + 0.001 * (rows["data_seed"] % 4) - 0.01 * below)


@cache
def as_claimed(crossing=LOW):
    tables = {"memorising-clusters": memorising(), "features-beside-clusters": features(crossing)}
    return with_tables(world(), tables)


@pytest.mark.parametrize("claim", MINE, ids=lambda c: c.id)
def test_is_reproduced_where_runs_are_as_claimed_and_needs_runs(claim):
    assert {row.verdict for row in judge(claim, as_claimed())} == {REPRODUCED}
    assert {row.verdict for row in judge(claim, world())} == {UNDECIDED}


@pytest.mark.parametrize(
    ("id", "rows", "columns"),
    [
        ("U2-clusters", "T == 5_000", {"sharing": lambda f: 0.1 - 0.001 * f["data_seed"]}),
        ("U2-from-points", "T == 100", {"cluster_size": 4.0}),  # clusters already
        ("U2-from-points", "T == 2_000", {"cluster_size": 1.0}),  # still points
        ("U2-exact", "T == 100", {"half_right": 30}),
        ("U2-triangles", "T == 1_000", {"in_one_feature": 0.6}),
        ("U2-memory", "T == 10_000", {"hits_fresh": 0.9}),  # features that are known
    ],
)
def test_follows_the_runs_of_each_size(id, rows, columns):
    altered = changed(as_claimed(), "memorising-clusters", rows, **columns)
    judged = judge(CLAIMS[id], altered)
    T = f"T = {int(rows.split('== ')[1]):,} "
    assert [row.verdict for row in judged if row.row.startswith(T)] == [CONTRADICTED]
    assert {row.verdict for row in judged if not row.row.startswith(T)} == {REPRODUCED}


def test_the_crossing_is_held_to_the_formula():
    claim = CLAIMS["U2-crossing"]
    assert [row.verdict for row in judge(claim, as_claimed(HIGH))] == [CONTRADICTED]


def test_a_crossing_is_where_the_losses_agree_and_K_is_of_the_larger_size():
    runs = memorising()
    runs.loc[runs["T"] < 10_000, "worth"] = 7.0
    found = clusters.crossings(runs, features(8_000))
    np.testing.assert_allclose(found["found"], 8_000)
    np.testing.assert_allclose(found[["K", "low", "high"]], [[K, LOW, HIGH]] * len(found))


def test_what_a_profile_has_no_runs_for_is_said():
    quick = Evidence(PROFILES["quick"], {})
    assert clusters.crossing_found(quick) == "not trained at the profile quick"
    assert clusters.at_published_size(quick) == "not trained at the profile quick"
    assert clusters.crossing_found(as_claimed()).startswith(f"{round(LOW, -2):,.0f} (from ")


def test_of_each_data_set_the_lower_training_loss_is_kept():
    runs = pd.DataFrame({"T": [5.0, 5, 9], "data_seed": 20, "train_loss": [0.3, 0.2, 0.9]})
    assert branches.lowest(runs).index.tolist() == [1, 2]


def test_fewer_data_sets_can_be_exact_the_more_points_they_have():
    never = clusters.exact(sets=4)
    assert never["never"].is_monotonic_increasing
    assert never["never"].iloc[[0, -1]].tolist() == [0, 4]
    assert never["never_published"].iloc[-1] == 4
