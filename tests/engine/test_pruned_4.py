"""At m = 3 and 4, too, skipping pairs is exact."""

import numpy as np
import pytest
from dense import dense_gradient, dense_steps

from sdd import engine
from sdd.data import Dataset, sample, stream
from sdd.engine import choice
from sdd.engine.arranged import REORDER, arrange, gradient
from sdd.engine.choice import LEAST, prunes_4
from sdd.engine.pruned_4 import LEAF
from sdd.engine.pruned_4_step import Boxes
from sdd.training import initial_weights, train
from sdd.training.config import TrainConfig

STEP = {"weight_decay": 0.01, "eps": 1e-8, "scale": 1e-3}


def check_gradient(W, b, data):
    """Compare the gradient with the dense kernels', in both precisions; return pairs' share."""
    assert prunes_4(*W.shape, data.T)
    dW, db, size = dense_gradient(W, b, data)
    for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 1e-4)):
        ours_W, ours_b = gradient(Boxes, W.astype(dtype), b.astype(dtype), data, 1)
        assert ours_W.dtype == ours_b.dtype == dtype
        assert abs(ours_W - dW).max() <= tolerance * max(size, 1e-3)
        assert abs(ours_b - db).max() <= tolerance * max(size, 1e-3)
    space = arrange(Boxes, W, b, data)
    space.steps(np.zeros(1), 0, 0.0, (0.0,) * 5, 0.0, 1, update=False)
    return space.visited / (data.T * data.n)


@pytest.mark.parametrize("m", [3, 4])
@pytest.mark.parametrize("T", [LEAST, 600, 3_000])
def test_the_gradient_is_that_of_the_dense_kernels_all_through_training(m, T):
    data = sample(T, 500, 0.99, seed=1)
    config = TrainConfig(m=m, steps=2_000, eps=1e-6)
    run = train(data, config, snapshots=(100, 500))
    W, b = initial_weights(m, 500)
    check_gradient(W, b, data)
    for W, b in zip(run.snapshots["W"], run.snapshots["b"], strict=True):
        check_gradient(W, b, data)
    assert check_gradient(run.W, run.b, data) < (0.6 if T == 3_000 else 0.8)


@pytest.mark.parametrize("m", [3, 4])
@pytest.mark.parametrize(
    ("change", "share"),
    [
        (lambda W, b: (W, b + 10), 0),
        (lambda W, b: (W, b - 10), 0),
        (lambda W, b: (0 * W, b), 1),
        (lambda W, b: (0 * W, b + 0.1), 0),
        (lambda W, b: (W[:, :1] + 0 * W, b - 0.01), 1),
        (lambda W, b: (W, 0 * b - 0.02), 1),
    ],
    ids=["all active", "all silent", "zero", "zero weights", "all alike", "biases equal"],
)
def test_the_gradient_is_right_at_the_extremes(m, change, share):
    W, b = change(*initial_weights(m, 700))
    assert check_gradient(W, b, sample(1_000, 700, 0.99)) <= share


def test_the_gradient_is_right_with_ties():
    # Points that repeat, and features that pass exactly through them.
    rows = np.eye(300, dtype=np.float32)[np.arange(600) % 20]
    W, b = initial_weights(4, 300, dtype="float64")
    W = np.round(W * 64) / 64
    b = -(W[:, 3] @ W)
    dW, db, size = dense_gradient(W, b, Dataset.from_dense(rows))
    ours_W, ours_b = gradient(Boxes, W, b, Dataset.from_dense(rows), 1)
    np.testing.assert_allclose(ours_W, dW, rtol=0, atol=1e-11 * size)
    np.testing.assert_allclose(ours_b, db, rtol=0, atol=1e-11 * size)


@pytest.mark.parametrize("m", [3, 4])
@pytest.mark.parametrize("T", [LEAST, LEAST + 1, 16 * LEAF - 1, 16 * LEAF + 7, 64 * LEAF + 31])
@pytest.mark.parametrize("n", [LEAST, LEAST + 1, 900])
def test_the_gradient_is_right_at_every_edge_of_leaves_and_vectors(m, T, n):
    rng = np.random.default_rng(T + n)
    W, b = rng.standard_normal((m, n)), 0.3 * rng.standard_normal(n)
    check_gradient(W, b, sample(T, n, 0.98))


@pytest.mark.parametrize("m", [3, 4])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_model_that_diverged_is_seen_to_have_diverged(m, bad):
    data = sample(300, 300, 0.9)
    for place in (0, 150, 299):
        W, b = initial_weights(m, 300)
        W[1, place] = bad
        loss, dW, _ = engine.loss_and_grad(W, b, data)
        assert not np.isfinite(loss)
        assert not np.isfinite(dW).all()
    if bad > 0 or np.isnan(bad):
        W, b = initial_weights(m, 300)
        b[7] = bad
        loss, _, db = engine.loss_and_grad(W, b, data)
        assert not np.isfinite(loss)
        assert not np.isfinite(db).all()


# --- Steps --------------------------------------------------------------------------------------


def states_after(counts, data, m, dtype, threads=1):
    """Take steps in calls of these many, from a fresh state each through its arrays."""
    rates = np.full(sum(counts), 1e-3)
    state = engine.State(*initial_weights(m, data.n, dtype=dtype))
    for count in counts:
        at = state.steps
        state = engine.State.from_arrays(state.arrays(), at)
        engine.advance(state, data, rates[at : at + count], threads=threads, **STEP)
    assert state.steps == sum(counts)
    return {name: array.tobytes() for name, array in state.arrays().items()}


@pytest.mark.parametrize(("m", "dtype"), [(3, "float32"), (4, "float32"), (4, "float64")])
@pytest.mark.parametrize(
    "data", [sample(1_100, 300, 0.98), stream(550, 300, 0.98)], ids=["data set", "stream"]
)
def test_stopping_anywhere_and_any_number_of_threads_give_the_same_bits(
    data, m, dtype, monkeypatch
):
    monkeypatch.setattr(choice, "THREAD_PAIRS", 0)  # small steps too take the threads they may
    total = 2 * REORDER + 30
    together = states_after([total], data, m, dtype)
    for counts in ([1, REORDER - 1, total - REORDER], [REORDER + 3, total - REORDER - 3]):
        assert states_after(counts, data, m, dtype) == together
    for threads in (2, 4):
        assert states_after([total], data, m, dtype, threads) == together
    assert states_after([REORDER + 3, total - REORDER - 3], data, m, dtype, 2) == together


@pytest.mark.parametrize("m", [3, 4])
@pytest.mark.parametrize("fresh", [False, True], ids=["data set", "stream"])
def test_steps_are_those_of_the_dense_kernels(m, fresh):
    points = stream(400, 300, 0.98) if fresh else sample(600, 300, 0.98)
    W, b = initial_weights(m, 300, dtype="float64")
    rates = np.full(40, 1e-3)
    state = engine.State(W, b)
    engine.advance(state, points, rates, **STEP)
    batches = [points.at(t) if fresh else points for t in range(rates.size)]
    W, b = dense_steps(W, b, batches, rates, **STEP)
    np.testing.assert_allclose(state.W, W, rtol=0, atol=1e-10)
    np.testing.assert_allclose(state.b, b, rtol=0, atol=1e-10)


def test_points_of_another_number_are_ordered_anew():
    state = engine.State(*initial_weights(4, 300))
    for T in (300, 500):
        engine.advance(state, sample(T, 300, 0.98), np.full(2, 1e-3), **STEP)
    assert np.isfinite(state.W).all()
    assert state.orders["points"].size == 500


@pytest.mark.parametrize("m", [3, 4])
def test_no_silent_moment_is_left_denormal(m):
    data = Dataset.from_dense(np.eye(300, dtype=np.float32)[np.arange(280)])
    state = engine.State(*initial_weights(m, 300))
    state.b -= 5  # silent everywhere: gradients are zero, moments only decay
    for moment in state.moments:
        moment += 1e-30
    engine.advance(state, data, np.full(400, 1e-6), **STEP)
    for moment in state.moments:
        tiny = np.finfo(moment.dtype).tiny
        assert not ((moment != 0) & (abs(moment) < tiny)).any()
