"""The split sums to the loss and agrees with its definition over all pairs, written out densely."""

from dataclasses import astuple
from inspect import unwrap

import numpy as np
import pandas as pd
import pytest

from sdd import engine
from sdd.data import Dataset, sample
from sdd.measures import refits
from sdd.measures.decomposition import (
    false_firing_of_groups,
    holds_a_long_column,
    moments,
    outputs,
    row_parts,
    training_mean_gain,
)


def model(n=40, m=2, seed=0, size=0.5, bias=0.1):
    rng = np.random.default_rng(seed)
    return size * rng.normal(size=(m, n)), bias * rng.normal(size=n)


def dense(W, b, data):
    X = data.to_dense().astype(np.float64)
    return X, np.maximum(X @ W.T @ W + b, 0)


def absent_means(X, R):
    absent = X == 0
    return (R * absent).sum(0) / np.maximum(absent.sum(0), 1)


def written_out(W, b, data):
    """The four parts from their definitions, pair by pair, with false firing as a variance."""
    X, R = dense(W, b, data)
    c = absent_means(X, R)
    zero = (X**2).sum(1).mean()
    gain = zero - ((X - c) ** 2).sum(1).mean()
    present = X != 0
    feature = (((X - c) ** 2 - (X - R) ** 2) * present).sum(1).mean()
    firing = sum(
        (~present[:, j]).mean() * R[~present[:, j], j].var()
        for j in range(X.shape[1])
        if not present[:, j].all()
    )
    return zero, gain, feature, firing


# Both of the engine's ways, with one and three hidden dimensions, and memorising weights.
CASES = {
    "few rows": (model(), sample(60, 40, 0.9)),
    "many rows": (model(300), sample(400, 300, 0.98)),
    "three dimensions": (model(30, 3, 1), sample(80, 30, 0.8)),
    "loud": (model(40, 2, 2, size=3, bias=2), sample(70, 40, 0.9)),
    "with empty rows": (model(12, seed=4), sample(50, 12, 0.97)),
}
assert (np.diff(CASES["with empty rows"][1].indptr) == 0).any()


@pytest.fixture(params=CASES, name="case")
def a_case(request):
    (W, b), data = CASES[request.param]
    return W, b, data


def test_the_parts_are_those_of_the_definition(case):
    found = row_parts(*case).mean()
    assert list(found.index) == ["zero", "constant_gain", "feature_gain", "false_firing"]
    np.testing.assert_allclose(found, written_out(*case), rtol=1e-9, atol=1e-12)


def test_the_parts_of_each_row_sum_to_its_loss(case):
    X, R = dense(*case)
    parts = row_parts(*case)
    found = parts["zero"] - parts["constant_gain"] - parts["feature_gain"] + parts["false_firing"]
    np.testing.assert_allclose(found, ((X - R) ** 2).sum(1), rtol=1e-9, atol=1e-12)


def test_the_parts_of_float32_weights_sum_to_the_loss_of_the_engine():
    W, b = (a.astype(np.float32) for a in model(300))
    data = sample(400, 300, 0.98)
    found = row_parts(W, b, data).mean()
    assert found @ [1, -1, -1, 1] == pytest.approx(engine.loss(W, b, data), rel=1e-12)
    expected = written_out(W.astype(float), b.astype(float), data)
    assert found["false_firing"] == pytest.approx(expected[3], rel=1e-5)


def test_no_other_constant_leaves_less_false_firing(case):
    W, b, data = case
    X, R = dense(W, b, data)
    least, c = row_parts(W, b, data)["false_firing"].mean(), absent_means(X, R)
    rng = np.random.default_rng(0)
    for shift in 0.1 * rng.normal(size=(20, X.shape[1])):
        assert (((R - c - shift) ** 2) * (X == 0)).sum(1).mean() > least


def test_a_constant_output_has_no_part_but_its_gain():
    data = sample(200, 40, 0.9)
    found = row_parts(np.zeros((2, 40)), np.full(40, 0.02), data).mean()
    mean = data.to_dense().mean(0)
    assert found["constant_gain"] == pytest.approx((2 * mean * 0.02 - 0.02**2).sum())
    assert list(found[["feature_gain", "false_firing"]]) == pytest.approx([0, 0], abs=1e-12)


def test_a_perfect_output_gains_all_by_its_features():
    data = Dataset.from_dense(np.eye(6)[[0, 1, 2, 0]])
    assert list(row_parts(np.eye(6), np.zeros(6), data).mean()) == [1, 0, 1, 0]


def test_a_feature_that_is_never_absent_has_no_false_firing():
    data = Dataset.from_dense(np.ones((5, 1)))
    found = row_parts(np.full((1, 1), 0.9), np.zeros(1), data).mean()
    assert found["false_firing"] == pytest.approx(0)
    assert found @ [1, -1, -1, 1] == pytest.approx((1 - 0.81) ** 2)


def test_rows_of_long_columns_agree_with_sorting_the_columns():
    (W, _), data = model(300, size=0.8), sample(400, 300, 0.98)
    longest = np.argsort(np.linalg.norm(W, axis=0))[-3:]
    holds = (data.to_dense()[:, longest] > 0).any(1)
    np.testing.assert_array_equal(holds_a_long_column(W, data, 0.01), holds)
    assert (
        holds_a_long_column(np.ones((1, 300)), data, 1e-9).sum()
        == (data.to_dense()[:, 0] > 0).sum()
    )  # one feature at least; of equal ones the first


def test_groups_of_features_share_out_the_false_firing():
    (W, b), data = model(50, seed=3), sample(90, 50, 0.9)
    group = np.random.default_rng(0).integers(0, 3, 50)
    group[group == 1] = 0  # an empty group
    X, R = dense(W, b, data)
    firing = ((R**2 - absent_means(X, R) ** 2) * (X == 0)).mean(0)
    found = false_firing_of_groups(W, b, data, group, 3)
    np.testing.assert_allclose(found, [firing[group == k].sum() for k in range(3)], atol=1e-12)
    assert found.sum() == pytest.approx(row_parts(W, b, data)["false_firing"].mean())


@pytest.mark.parametrize("T", [1, 5, 60])
def test_the_mean_of_training_points_gains_on_new_ones_what_the_formula_says(T):
    n, sparsity = 100, 0.9
    new = sample(20_000, n, sparsity, split="test").to_dense().astype(np.float64)
    mu = new.mean(0)
    means = (
        sample(T, n, sparsity, seed=k).to_dense().mean(0, dtype=np.float64) for k in range(400)
    )
    gains = [2 * c @ mu - c @ c for c in means]
    error = np.std(gains) / np.sqrt(len(gains)) + 1e-4  # of training sets, and of the new points
    assert training_mean_gain(T, n, sparsity) == pytest.approx(np.mean(gains), abs=4 * error)


def test_a_point_that_counts_several_times_is_as_so_many_points():
    (W, b), once = model(seed=5), sample(60, 40, 0.9)
    times = np.random.default_rng(0).integers(1, 6, 60)
    data = Dataset(once.indptr, once.indices, once.values, 40, counts=times)
    known, copied = outputs(W, b, data), outputs(W, b, data.copies)
    for name in ("means", "absent", "c"):
        np.testing.assert_allclose(getattr(known, name), getattr(copied, name), atol=1e-12)
    np.testing.assert_array_equal(known.errors, engine.loss(W, b, once, per_example=True))
    pd.testing.assert_frame_equal(row_parts(W, b, data, known), row_parts(W, b, data.copies))
    found, expected = (moments(W, b, d) for d in (data, data.copies))
    assert astuple(found) == pytest.approx(astuple(expected), rel=1e-12)
    firing = [false_firing_of_groups(W, b, d, np.arange(40) % 2, 2) for d in (data, data.copies)]
    np.testing.assert_allclose(*firing)


def test_bad_input_is_one_clear_sentence():
    W, b = model(7)
    data, group = sample(5, 40, 0.9), np.zeros(40, int)
    calls = [
        lambda W, b: unwrap(row_parts)(W, b, data),
        lambda W, b: unwrap(moments)(W, b, data),
        lambda W, b: unwrap(false_firing_of_groups)(W, b, data, group, 1),
        lambda W, b: unwrap(refits.refitted_inside)(W, b, data, data),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="W has 7 columns, but the data have n = 40"):
            call(W, b)
        with pytest.raises(ValueError, match=r"must be \(m, n\) and b \(n,\), but"):
            call(np.zeros((2, 40)), b)
    with pytest.raises(ValueError, match="T must be at least 1, not 0"):
        training_mean_gain(0, 40, 0.9)
