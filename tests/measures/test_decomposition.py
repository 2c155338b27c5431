"""The split sums to the loss and agrees with its definition over all pairs, written out densely."""

from inspect import unwrap

import numpy as np
import pytest

from sdd import engine
from sdd.data import Dataset, sample
from sdd.measures.decomposition import (
    Moments,
    loss_of,
    moments,
    refitted_inside,
    rescaled,
    rescaled_and_shifted,
    shares,
    split,
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
    parts = split(*case).parts
    found = (parts.zero, parts.constant_gain, parts.feature_gain, parts.false_firing)
    np.testing.assert_allclose(found, written_out(*case), rtol=1e-9, atol=1e-12)


def test_the_parts_sum_to_the_loss(case):
    X, R = dense(*case)
    assert split(*case).parts.loss == pytest.approx(((X - R) ** 2).sum(1).mean(), rel=1e-12)


def test_the_parts_of_float32_weights_sum_to_the_loss_of_the_engine():
    W, b = (a.astype(np.float32) for a in model(300))
    data = sample(400, 300, 0.98)
    found = split(W, b, data).parts
    assert found.loss == pytest.approx(engine.loss(W, b, data), rel=1e-12)
    expected = written_out(W.astype(float), b.astype(float), data)
    assert found.false_firing == pytest.approx(expected[3], rel=1e-5)


def test_no_other_constant_leaves_less_false_firing(case):
    W, b, data = case
    X, R = dense(W, b, data)
    least, c = split(W, b, data).parts.false_firing, absent_means(X, R)
    rng = np.random.default_rng(0)
    for shift in 0.1 * rng.normal(size=(20, X.shape[1])):
        assert (((R - c - shift) ** 2) * (X == 0)).sum(1).mean() > least


def test_a_constant_output_has_no_part_but_its_gain():
    data = sample(200, 40, 0.9)
    found = split(np.zeros((2, 40)), np.full(40, 0.02), data).parts
    mean = data.to_dense().mean(0)
    assert found.constant_gain == pytest.approx((2 * mean * 0.02 - 0.02**2).sum())
    assert (found.feature_gain, found.false_firing) == pytest.approx((0, 0), abs=1e-12)


def test_a_perfect_output_gains_all_by_its_features():
    data = Dataset.from_dense(np.eye(6)[[0, 1, 2, 0]])
    found = split(np.eye(6), np.zeros(6), data).parts
    assert (found.zero, found.constant_gain, found.feature_gain, found.false_firing) == (1, 0, 1, 0)


def test_a_feature_that_is_never_absent_has_no_false_firing():
    data = Dataset.from_dense(np.ones((5, 1)))
    found = split(np.full((1, 1), 0.9), np.zeros(1), data).parts
    assert (found.false_firing, found.loss) == pytest.approx((0, (1 - 0.81) ** 2))


def test_errors_are_those_of_means_over_rows(case):
    W, b, data = case
    X, R = dense(W, b, data)
    c, present = absent_means(X, R), X != 0
    errors = split(W, b, data).errors
    by_row = {
        "constant_gain": (X**2 - (X - c) ** 2).sum(1),
        "feature_gain": (((X - c) ** 2 - (X - R) ** 2) * present).sum(1),
        "false_firing": ((R**2 - c**2) * ~present).sum(1),
    }
    for name, values in by_row.items():
        expected = values.std(ddof=1) / np.sqrt(len(X))
        assert getattr(errors, name) == pytest.approx(expected, rel=1e-6), name


def test_where_the_false_firing_is_agrees_with_sorting_rows_and_columns():
    (W, b), data = model(300, size=0.8), sample(400, 300, 0.98)
    X, R = dense(W, b, data)
    firing = ((R**2 - absent_means(X, R) ** 2) * (X == 0)).sum(1)
    found = split(W, b, data)
    assert found.worst == pytest.approx(np.sort(firing)[-4:].sum() / firing.sum())
    longest = np.argsort(np.linalg.norm(W, axis=0))[-3:]
    holds = (X[:, longest] > 0).any(1)
    assert (found.long_rows, found.long) == pytest.approx(
        (holds.mean(), firing[holds].sum() / firing.sum())
    )


def test_groups_of_features_share_out_gain_and_firing():
    (W, b), data = model(50, seed=3), sample(90, 50, 0.9)
    group = np.random.default_rng(0).integers(0, 3, 50)
    group[group == 1] = 0  # an empty group
    X, R = dense(W, b, data)
    c, present = absent_means(X, R), X != 0
    gain = (((X - c) ** 2 - (X - R) ** 2) * present).mean(0)
    firing = ((R**2 - c**2) * ~present).mean(0)
    found = shares(W, b, data, group, 3)
    for k, share in enumerate(found):
        inside = group == k
        assert share.features == pytest.approx(inside.mean())
        assert share.feature_gain == pytest.approx(gain[inside].sum(), abs=1e-12)
        assert share.false_firing == pytest.approx(firing[inside].sum(), abs=1e-12)
    parts = split(W, b, data).parts
    assert sum(s.false_firing for s in found) == pytest.approx(parts.false_firing)
    assert sum(s.feature_gain for s in found) == pytest.approx(parts.feature_gain)


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


# --- Refits -------------------------------------------------------------------------------------


def test_moments_give_the_loss_of_any_scale_and_shift(case):
    X, R = dense(*case)
    found = moments(*case)
    for scale, shift in ((1, 0), (0.3, 0), (0.7, 0.01), (0, 0.02)):
        expected = ((X - scale * R - shift) ** 2).sum(1).mean()
        assert loss_of(found, scale, shift) == pytest.approx(expected, rel=1e-9)


def test_outer_refits_are_least_squares_fits_judged_on_other_rows():
    W, b = model(60, size=0.7)
    fit, test = sample(90, 60, 0.9), sample(70, 60, 0.9, split="test")
    (X, R), (X_test, R_test) = dense(W, b, fit), dense(W, b, test)
    both = moments(W, b, fit), moments(W, b, test)

    (scale,) = np.linalg.lstsq(R.reshape(-1, 1), X.ravel())[0]
    found = rescaled(*both)
    assert (found.scale, found.shift) == pytest.approx((scale, 0))
    assert found.loss == pytest.approx(((X_test - scale * R_test) ** 2).sum(1).mean())

    design = np.stack([R.ravel(), np.ones(R.size)], axis=1)
    scale, shift = np.linalg.lstsq(design, X.ravel())[0]
    found = rescaled_and_shifted(*both)
    assert (found.scale, found.shift) == pytest.approx((scale, shift))
    assert found.loss == pytest.approx(((X_test - scale * R_test - shift) ** 2).sum(1).mean())


def test_silent_outputs_are_refitted_to_the_best_constant():
    silent = Moments(n=10, xx=1.0, xr=0.0, rr=0.0, x=2.0, r=0.0)
    assert (rescaled(silent, silent).scale, rescaled(silent, silent).loss) == (0, 1)
    found = rescaled_and_shifted(silent, silent)
    assert (found.scale, found.shift, found.loss) == pytest.approx((0, 0.2, 1 - 10 * 0.2**2))


def test_the_inner_refit_undoes_a_planted_scale_and_shift():
    rng = np.random.default_rng(5)
    W = np.zeros((2, 40))
    W[:, :5] = np.stack(
        [np.cos(2 * np.pi * np.arange(5) / 5), np.sin(2 * np.pi * np.arange(5) / 5)]
    )
    b = np.full(40, -0.05) - 0.01 * rng.random(40)
    fit, test = sample(2_000, 40, 0.95), sample(500, 40, 0.95, split="test")
    good = refitted_inside(W, b, fit, test)
    spoilt = refitted_inside(2 * W, b - 0.04, fit, test)
    assert spoilt.loss < engine.loss(2 * W, b - 0.04, test) - 0.05
    assert spoilt.loss == pytest.approx(good.loss, abs=1e-3)
    assert spoilt.scale == pytest.approx(good.scale / 4, rel=0.1)
    W_new, b_new = np.sqrt(spoilt.scale) * 2 * W, b - 0.04 + spoilt.shift
    X, R = dense(W_new, b_new, test)
    assert spoilt.loss == pytest.approx(((X - R) ** 2).sum(1).mean())


def test_bad_input_is_one_clear_sentence():
    W, b = model(7)
    data, group = sample(5, 40, 0.9), np.zeros(40, int)
    calls = [
        lambda W, b: unwrap(split)(W, b, data),
        lambda W, b: unwrap(moments)(W, b, data),
        lambda W, b: unwrap(shares)(W, b, data, group, 1),
        lambda W, b: unwrap(refitted_inside)(W, b, data, data),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="W has 7 columns, but the data have n = 40"):
            call(W, b)
        with pytest.raises(ValueError, match=r"must be \(m, n\) and b \(n,\), but"):
            call(np.zeros((2, 40)), b)
    with pytest.raises(ValueError, match="T must be at least 1, not 0"):
        training_mean_gain(0, 40, 0.9)
