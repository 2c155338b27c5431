"""The claim on the learning rate follows the data, and what is like Jermyn's is found."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from worlds import ANY, changed, settings, summed, with_tables, world

from sdd import paper
from sdd.findings import CLAIMS, epsilon, rates
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED
from sdd.findings.scorecard import judge


def verdicts(evidence):
    return {row.row: row.verdict for row in judge(CLAIMS["R-rate"], evidence)}


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


@cache
def as_claimed():
    none = settings("rates-confirmed", **ANY, point_D_max=0.0, D1=0.1, five_apart=False)
    return with_tables(
        world(), {"sum": summed(), "learning-rates": twins(), "rates-confirmed": none}
    )


def test_the_claim_follows_the_runs():
    assert set(verdicts(as_claimed()).values()) == {REPRODUCED}
    lower = verdicts(changed(as_claimed(), "learning-rates", "lr == 1e-2", b_norm=0.01))
    assert {k for k, verdict in lower.items() if verdict == CONTRADICTED} == {"peak of ‖b‖"}
    assert set(verdicts(world()).values()) == {UNDECIDED}


def test_the_nearest_place_is_the_one_like_jermyns():
    found = rates.places(as_claimed())
    nearest = found.iloc[0]
    assert (nearest["reduction"], nearest["lr"]) == ("sum", 3e-3)
    assert nearest["rise"] == pytest.approx(10)
    assert nearest["features"] == paper.JERMYN_FEATURES
    assert found["distance"].is_monotonic_increasing
    at_full_size = rates.nearest(as_claimed())
    assert at_full_size["lr"] == 1e-3  # (trained as he reports, in `summed`)
    place = epsilon.MARKS["sum"], 1e-3
    assert rates.on_the_map(as_claimed())["Jermyn"] == place
    assert "20,000" in rates.beside_jermyn(as_claimed()).data


def test_what_never_comes_counts_as_just_beyond_the_sizes():
    runs = pd.DataFrame({"of": [100, 1_000], "test_loss": 5_000.0, "b_norm": 3.0, "W_norm": 1.0,
                         "point_D_max": 0.0, "D1": 0.1, "five_apart": False})  # fmt: skip
    found = rates.signatures(runs, 1.0)
    assert (found["middle"], found["features"]) == (100, 2_000)
    doublings = math.log2(2_000 / paper.JERMYN_FEATURES)
    assert found["distance"] == pytest.approx(abs(doublings) / 2)
