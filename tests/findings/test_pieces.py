"""The data of the small interactive pieces are those of the runs."""

import numpy as np
import pytest
from short_runs import short

import sdd
from sdd.findings import Evidence, epsilon, pieces
from sdd.measures.columns import test_rows as rows_of
from sdd.measures.decomposition import Moments
from sdd.measures.refits import loss_of
from sdd.measures.table import load

LARGE_RATE = short(lr=0.03, steps=400)


@pytest.fixture(scope="module")
def run():
    return sdd.train(sdd.sample(30, n=50, sparsity=0.9), LARGE_RATE)


def at(sums, scale):
    """The loss of scaled outputs by the sums that are shipped."""
    return loss_of(Moments(n=1, x=0, r=0, **{k: sums[k] for k in ("xx", "xr", "rr")}), scale)


def test_the_loss_over_the_volume_is_that_of_the_models_scaled_outputs(run):
    found, rows = pieces.loud_points(run), rows_of(run)
    some = rows.take(np.arange(500))
    outputs = np.maximum(run.hidden(some) @ run.W + run.b, 0)
    squares = (outputs**2).sum(1)
    assert found["tests"] == rows.T
    assert at(found["mean"], 1) == pytest.approx(run.errors(rows).mean(), rel=1e-5)
    # The mean is over all rows, these are some of them.
    assert at(found["mean"], 0.5) == pytest.approx(
        ((some.to_dense() - outputs / 2) ** 2).sum(1).mean(), rel=0.1
    )
    loudest, *others = found["points"]
    assert loudest["rr"] >= squares.max() * (1 - 1e-5)
    assert [p["name"] for p in found["points"]] == list(pieces.LOUDEST)
    assert all(loudest["rr"] >= other["rr"] for other in others)


def test_a_loud_points_sums_are_those_of_its_features_and_outputs(run):
    rows = rows_of(run)
    errors = run.errors(rows)
    for point in pieces.loud_points(run)["points"]:
        x, r, absent = point["x"], point["r"], point["absent"]
        assert point["xx"] == pytest.approx((x**2).sum())
        assert point["xr"] == pytest.approx((x * r).sum())
        assert point["rr"] >= (r**2).sum() + (absent**2).sum() - 1e-9
        assert len(absent) == pieces.ABSENT
        assert (np.diff(absent) <= 0).all()
        assert (np.diff(x) <= 0).all()
        assert np.abs(errors - at(point, 1)).min() < 1e-4, "no test point has this error"


def test_the_dial_has_a_run_for_each_twin_and_each_epsilon_of_the_path(book_store):
    e = Evidence.stored("quick")
    found, path = pieces.dial(e), epsilon.path(e)
    assert found["marks"] == epsilon.MARKS
    assert sum(len(twin["losses"]) for twin in found["twins"]) == len(path)
    for twin in found["twins"]:
        runs = path[path["twin"] == twin["name"]]
        assert twin["ratios"] == sorted(set(runs["ratio"]))
        for ratio, shown in zip(twin["ratios"], twin["runs"], strict=True):
            first = runs[runs["ratio"] == ratio].iloc[0]
            (run,) = load([first["run"]])
            assert shown["test_loss"] == first["test_loss"]
            assert shown["in_part"] == (run.errors() < 0.9).sum()
            lengths = np.linalg.norm(run.W, axis=0)
            assert np.linalg.norm(shown["columns"], axis=1) == pytest.approx(
                np.sort(lengths)[::-1][: len(shown["columns"])], rel=1e-6
            )
            assert shown["hidden"] == pytest.approx(run.hidden()[: len(shown["hidden"])])
