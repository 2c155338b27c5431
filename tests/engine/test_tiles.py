"""The tiled step for larger m computes what the plain model computes, with and without lists."""

import numpy as np
import pytest
import torch

from sdd import engine
from sdd.data import sample
from sdd.engine.tiles import Tiles
from sdd.model import ReLUOutput

torch.set_num_threads(1)  # on problems this small, threads only wait for each other

OPTIONS = {"weight_decay": 0.01, "eps": 1e-8}


def oracle(W, b, data):
    """Half the gradient of the summed squared error, by PyTorch in float64."""
    model = ReLUOutput.from_weights(
        torch.tensor(W, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    )
    x = torch.tensor(data.to_dense(), dtype=torch.float64)
    model.loss(x).backward()
    return model.W.grad.numpy() * data.T / 2, model.b.grad.numpy() * data.T / 2


def model_for(data, m, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    W = 0.3 * rng.normal(size=(m, data.n))
    return W.astype(dtype), (0.3 * rng.normal(size=data.n) - 0.1).astype(dtype)


def lookup_table(m, T, n, dtype=np.float32):
    """Weights W = H Xᵀ of a model that memorises: nearly all pairs are silent."""
    data = sample(T, n, 1 - 10 / n)
    H = np.random.default_rng(0).normal(size=(m, T))
    H *= 1.5 / np.linalg.norm(H, axis=0)
    X = data.to_dense()
    return (H @ X).astype(dtype), (-1.25 * X.max(0)).astype(dtype), data


def bits(state):
    return [a.tobytes() for a in (state.W, state.b, *state.moments)]


def steps_for(W, data, **options):
    return Tiles(*W.shape, data, W.dtype, **options)


def gradient(W, b, data, **options):
    steps = steps_for(W, data, **options)
    steps.differentiate(W, b)
    return steps.dW, steps.db


def advance(state, data, rates, steps=None):
    """Take steps through tiles whatever the size, with `steps` that skip pairs or not."""
    state.last_step = steps or state.last_step or steps_for(state.W, data)
    engine.advance(state, data, rates, **OPTIONS)


def assert_near(got, expected, units):
    """Compare within so many roundings of the largest entry."""
    for one, other in zip(got, expected, strict=True):
        atol = units * np.finfo(one.dtype).eps * max(1, np.abs(other).max())
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("m", [1, 2, 3, 5, 7, 12, 16, 32, 36, 128])
@pytest.mark.parametrize(("T", "n"), [(1, 1), (9, 31), (130, 33), (128, 64)])
def test_the_gradient_is_that_of_the_plain_model(m, T, n):
    data = sample(T, n, 0.8)
    W, b = model_for(data, m)
    assert_near(gradient(W, b, data), oracle(W, b, data), 500)


@pytest.mark.parametrize("T", [1, 7, 127, 129, 1_027])
@pytest.mark.parametrize("n", [15, 16, 17, 63, 65])
def test_edges_of_tiles_panels_and_chunks(T, n):
    data = sample(T, n, 0.7)
    W, b = model_for(data, 6)
    assert_near(gradient(W, b, data), oracle(W, b, data), 500)


@pytest.mark.parametrize("m", [5, 32])
def test_single_precision_is_as_good_as_its_rounding(m):
    data = sample(300, 200, 0.9)
    W, b = model_for(data, m, np.float32)
    got = gradient(W, b, data)
    assert got[0].dtype == got[1].dtype == np.float32
    assert_near(got, oracle(W, b, data), 30)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("skip", [False, True])
def test_any_number_of_threads_gives_the_same_bits(dtype, skip):
    W, b, data = lookup_table(5, 2_600, 2_000, dtype)
    states, gradients = [], []
    for threads in (1, 2, 4):
        state = engine.State(W, b)
        state.last_step = steps_for(W, data, threads=threads, skip=skip)
        engine.advance(state, data, np.full(8, 1e-4), threads=threads, **OPTIONS)
        states.append(bits(state))
        gradients.append([a.tobytes() for a in gradient(W, b, data, threads=threads)])
    assert states[0] == states[1] == states[2]
    assert gradients[0] == gradients[1] == gradients[2]


REGIMES = {
    "memorising": lambda dtype: (*lookup_table(16, 200, 1_500, dtype), 2e-3),
    "generalising": lambda dtype: (*model_for(sample(200, 300, 0.97), 8, dtype),
                                   sample(200, 300, 0.97), 1e-2),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("regime", REGIMES)
def test_skipping_silent_pairs_changes_no_bit(regime, dtype):
    W, b, data, rate = REGIMES[regime](dtype)
    plain, skipping = engine.State(W, b), engine.State(W, b)
    all_pairs, some = steps_for(W, data, skip=False), steps_for(W, data)
    skipped = 0
    for _ in range(15):
        advance(plain, data, np.full(10, rate), all_pairs)
        advance(skipping, data, np.full(10, rate), some)
        assert bits(plain) == bits(skipping)
        skipped += some.neighbors.usable
    if regime == "memorising":
        assert skipped > 7


def test_stale_features_and_points_are_computed_in_full():
    W, b, data = lookup_table(16, 200, 1_500)
    skipping, all_pairs = steps_for(W, data), steps_for(W, data, skip=False)
    state = engine.State(W, b)
    advance(state, data, np.full(60, 1e-6), skipping)
    assert skipping.neighbors.usable
    for kick in np.random.default_rng(1).integers(0, data.n, 3):
        # Far beyond any bound, in a feature and with it in a few points.
        state.W[:, kick] *= 3
        state.b[kick] += 1
        for steps in (skipping, all_pairs):
            steps.differentiate(state.W, state.b)
        assert skipping.neighbors.usable
        assert kick in skipping.neighbors.stale_features
        assert skipping.dW.tobytes() == all_pairs.dW.tobytes()
        assert skipping.db.tobytes() == all_pairs.db.tobytes()
    assert skipping.neighbors.stale_points.any()


@pytest.mark.parametrize("stop", [1, 13, 40])
def test_a_run_that_was_stopped_continues_with_the_same_bits(stop):
    W, b, data = lookup_table(16, 200, 1_500)
    rates = np.linspace(2e-3, 1e-4, 60)
    through, stopped = engine.State(W, b), engine.State(W, b)
    advance(through, data, rates)
    advance(stopped, data, rates[:stop])
    resumed = engine.State.from_arrays(stopped.arrays(), stopped.steps)
    advance(resumed, data, rates[stop:])
    assert bits(through) == bits(resumed)
    assert through.steps == resumed.steps == 60


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("when", [0, 30])
def test_a_run_that_diverged_is_seen_to_have_diverged(bad, when):
    W, b, data = lookup_table(16, 200, 1_500)
    for spoil in ("W", "b"):
        state, steps = engine.State(W, b), steps_for(W, data)
        advance(state, data, np.full(when, 1e-6), steps)
        if spoil == "W":
            state.W[1, data.indices[0]] = bad
        else:
            state.b[-1] = bad
        steps.differentiate(state.W, state.b)
        assert not np.isfinite(steps.dW if spoil == "W" else steps.db).all()
