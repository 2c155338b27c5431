"""Refits of two numbers of a model are least-squares fits, judged on other rows."""

import numpy as np
import pytest

from sdd import engine
from sdd.data import sample
from sdd.measures.decomposition import Moments, moments
from sdd.measures.refits import compass, loss_of, refitted_inside, rescaled, rescaled_and_shifted


def model(n, seed=0, size=0.7):
    rng = np.random.default_rng(seed)
    return size * rng.normal(size=(2, n)), 0.1 * rng.normal(size=n)


def dense(W, b, data):
    X = data.to_dense().astype(np.float64)
    return X, np.maximum(X @ W.T @ W + b, 0)


@pytest.mark.parametrize(("n", "T"), [(40, 60), (300, 400)])
def test_moments_give_the_loss_of_any_scale_and_shift(n, T):
    W, b = model(n)
    data = sample(T, n, 0.95)
    X, R = dense(W, b, data)
    found = moments(W, b, data)
    for scale, shift in ((1, 0), (0.3, 0), (0.7, 0.01), (0, 0.02)):
        expected = ((X - scale * R - shift) ** 2).sum(1).mean()
        assert loss_of(found, scale, shift) == pytest.approx(expected, rel=1e-9)


def test_outer_refits_are_least_squares_fits_judged_on_other_rows():
    W, b = model(60)
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


@pytest.mark.parametrize("finest", [1 / 32, 1 / 512])
def test_a_compass_search_ends_where_no_step_helps(finest):
    target = np.array([1.3, -2.2])
    found = compass(lambda v: ((v - target) ** 2 * [1, 5]).sum(), (0.0, 0.0), (1.0, 0.5), finest)
    assert (np.abs(found - target) <= np.array([1.0, 0.5]) * finest).all()
