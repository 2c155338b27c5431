"""The tiled step for larger m computes what the plain model computes, with and without lists."""

import numpy as np
import pytest
import torch

from sdd import engine
from sdd.data import Dataset, sample
from sdd.engine import tiles
from sdd.engine.nearby import Nearby
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


@pytest.mark.parametrize("m", [1, 2, 3, 5, 7, 12, 16, 32, 36, 128])
@pytest.mark.parametrize(("T", "n"), [(1, 1), (9, 31), (130, 33), (128, 64)])
def test_the_gradient_is_that_of_the_plain_model(m, T, n):
    data = sample(T, n, 0.8)
    W, b = model_for(data, m)
    dW, db = tiles.gradient(W, b, data)
    of_W, of_b = oracle(W, b, data)
    assert dW.dtype == db.dtype == np.float64
    np.testing.assert_allclose(dW, of_W, rtol=0, atol=1e-13 * max(1, np.abs(of_W).max()))
    np.testing.assert_allclose(db, of_b, rtol=0, atol=1e-13 * max(1, np.abs(of_b).max()))


@pytest.mark.parametrize("T", [1, 7, tiles.TILE - 1, tiles.TILE + 1, 2 * tiles.CHUNK_ROWS + 3])
@pytest.mark.parametrize("n", [15, 16, 17, 63, 65])
def test_edges_of_tiles_panels_and_chunks(T, n):
    data = sample(T, n, 0.7)
    W, b = model_for(data, 6)
    for got, expected in zip(tiles.gradient(W, b, data), oracle(W, b, data), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("m", [5, 32])
def test_single_precision_is_as_good_as_its_rounding(m):
    data = sample(300, 200, 0.9)
    W, b = model_for(data, m, np.float32)
    for got, expected in zip(tiles.gradient(W, b, data), oracle(W, b, data), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=0, atol=3e-6 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("skip", [False, True])
def test_any_number_of_threads_gives_the_same_bits(dtype, skip):
    W, b, data = lookup_table(5, 5 * tiles.CHUNK_ROWS + 3, 2_000, dtype)
    results = []
    for threads in (1, 2, 4):
        state = engine.State(W, b)
        work = tiles.Work(*W.shape, data, dtype, threads, skip)
        tiles.advance(state, data, np.full(8, 1e-4), **OPTIONS, work=work)
        results.append(bits(state))
    assert results[0] == results[1] == results[2]
    gradients = [tiles.gradient(W, b, data, threads) for threads in (1, 2, 4)]
    assert len({dW.tobytes() + db.tobytes() for dW, db in gradients}) == 1


class Spy(Nearby):
    """Lists that note what each step did."""

    def plan(self, WT, b, h):
        plan = super().plan(WT, b, h)
        self.plans = [*getattr(self, "plans", []), plan]
        return plan


def watched(m, data, dtype):
    work = tiles.Work(m, data.n, data, dtype)
    work.nearby = Spy(work.rows, data.n)
    return work


REGIMES = {
    "memorising": lambda dtype: (*lookup_table(16, 200, 1_500, dtype), 2e-3),
    "generalising": lambda dtype: (*model_for(sample(200, 300, 0.97), 8, dtype),
                                   sample(200, 300, 0.97), 1e-2),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("regime", REGIMES)
def test_skipping_silent_pairs_changes_no_bit(regime, dtype):
    W, b, data, rate = REGIMES[regime](dtype)
    plain, skipping = engine.State(W, b), engine.State(W, b)
    all_pairs = tiles.Work(*W.shape, data, dtype, skip=False)
    work = watched(W.shape[0], data, dtype)
    for _ in range(15):
        tiles.advance(plain, data, np.full(10, rate), **OPTIONS, work=all_pairs)
        tiles.advance(skipping, data, np.full(10, rate), **OPTIONS, work=work)
        assert bits(plain) == bits(skipping)
    if regime == "memorising":
        assert work.nearby.plans.count("listed") > 75
        assert work.nearby.plans.count("list") > 2


def test_restless_features_and_points_are_computed_in_full():
    W, b, data = lookup_table(16, 200, 1_500)
    work = tiles.Work(*W.shape, data, W.dtype)
    all_pairs = tiles.Work(*W.shape, data, W.dtype, skip=False)
    state = engine.State(W, b)
    tiles.advance(state, data, np.full(60, 1e-6), **OPTIONS, work=work)
    assert work.nearby.usable
    kicks = np.random.default_rng(1).integers(0, data.n, 3)
    for kick in kicks:  # far beyond any bound, in a feature and with it in a few points
        state.W[:, kick] *= 3
        state.b[kick] += 1
        work.differentiate(state.W, state.b)
        all_pairs.differentiate(state.W, state.b)
        assert kick in work.nearby.restless
        assert work.nearby.usable
        assert work.dW.tobytes() == all_pairs.dW.tobytes()
        assert work.db.tobytes() == all_pairs.db.tobytes()
    assert work.nearby.whole.any()


@pytest.mark.parametrize("stop", [1, 13, 40])
def test_a_run_that_was_stopped_goes_on_with_the_same_bits(stop):
    W, b, data = lookup_table(16, 200, 1_500)
    rates = np.linspace(2e-3, 1e-4, 60)
    through, parted = engine.State(W, b), engine.State(W, b)
    tiles.advance(through, data, rates, **OPTIONS)
    tiles.advance(parted, data, rates[:stop], **OPTIONS)
    resumed = engine.State.from_arrays(parted.arrays(), parted.steps)
    tiles.advance(resumed, data, rates[stop:], **OPTIONS)
    assert bits(through) == bits(resumed)
    assert through.steps == resumed.steps == 60


def test_steps_are_those_of_adamw():
    data = sample(60, 80, 0.9)
    W, b = model_for(data, 5)
    state = engine.State(W, b)
    rates = np.linspace(1e-3, 1e-2, 20)
    tiles.advance(state, data, rates, weight_decay=0.1, eps=1e-8, scale=1 / 80)
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1, eps=1e-8)
    x = torch.tensor(data.to_dense(), dtype=torch.float64)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (model.loss(x) / 80).backward()
        optimizer.step()
    np.testing.assert_allclose(state.W, model.W.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(state.b, model.b.detach().numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("when", [0, 30])
def test_a_run_that_diverged_is_seen_to_have_diverged(bad, when):
    W, b, data = lookup_table(16, 200, 1_500)
    for spoil in ("W", "b"):
        state, work = engine.State(W, b), tiles.Work(*W.shape, data, W.dtype)
        tiles.advance(state, data, np.full(when, 1e-6), **OPTIONS, work=work)
        if spoil == "W":
            state.W[1, data.indices[0]] = bad
        else:
            state.b[-1] = bad
        work.differentiate(state.W, state.b)
        assert not np.isfinite(work.dW if spoil == "W" else work.db).all()


def test_moments_of_silent_features_do_not_become_denormal():
    data = Dataset.from_dense(np.eye(6, 40))
    W = np.zeros((5, 40), np.float32)
    W[:, :6] = np.random.default_rng(0).normal(size=(5, 6))
    state = engine.State(W, np.full(40, -1, np.float32))
    for moment, value in zip(state.moments[:2], (1e-30, 1e-36), strict=True):
        moment[:, 6:] = value
    for _ in range(20):
        tiles.advance(state, data, np.full(10, 1e-3), **OPTIONS)
        for moment in state.moments:
            assert (np.abs(moment[moment != 0]) >= np.finfo(np.float32).tiny).all()
    assert not state.moments[0][:, 6:].any()
