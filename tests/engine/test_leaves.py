"""Culling pairs is exact at m of 1 to 4: what is skipped adds nothing, or is added all at once."""

import numpy as np
import pytest
from dense import dense_gradient, dense_steps

from sdd import engine
from sdd.data import Dataset, Stream, sample, stream
from sdd.engine import choice
from sdd.engine.arranged import REORDER, arrange, gradient
from sdd.engine.choice import LEAST
from sdd.engine.leaves import BLOCK, LEAF, MANY_FEATURES, MANY_POINTS, SMALL_LEAF, sizes_for
from sdd.engine.order import order_points, sort_cells
from sdd.training import TrainConfig, initial_weights, train

STEP = {"weight_decay": 0.01, "eps": 1e-8, "scale": 1e-3}
# Dimensions and features for each way that leaves are taken: in the plane large and small ones.
WAYS = [(1, 300), (2, 300), (2, MANY_FEATURES), (3, 300), (4, 300)]
FEW = [(2, 300), (2, MANY_FEATURES), (4, 300)]


def check_gradient(W, b, data):
    """Compare the gradient with the dense kernels', in both precisions; return pairs' share."""
    dW, db, size = dense_gradient(W, b, data)
    for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 1e-4)):
        ours_W, ours_b = gradient(W.astype(dtype), b.astype(dtype), data, 1)
        assert ours_W.dtype == ours_b.dtype == dtype
        assert abs(ours_W - dW).max() <= tolerance * max(size, 1e-3)
        assert abs(ours_b - db).max() <= tolerance * max(size, 1e-3)
    workspace = arrange(W, b, data)
    workspace.steps(np.zeros(1), 0, 0.0, (0.0,) * 5, 0.0, 1, update=False)
    return workspace.visited / (data.T * data.n)


# --- Orders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 31, 32, 33, 255, 256, 257, 1_000, 3_333])
def test_leaves_are_runs_of_neighbours(size):
    keys = np.random.default_rng(size).standard_normal((2, size))
    names = order_points(keys, SMALL_LEAF)
    assert sorted(names) == list(range(size))
    if size > BLOCK:
        leaves = np.split(keys[:, names], range(SMALL_LEAF, size, SMALL_LEAF), axis=1)
        widths = [np.ptp(leaf, axis=1).mean() for leaf in leaves]
        # A leaf is that much smaller, by side, than the whole; half as much again is allowed for
        # points thinly spread at the rim.
        assert np.median(widths) < 1.5 * np.ptp(keys, axis=1).mean() * np.sqrt(SMALL_LEAF / size)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_points_that_cannot_be_told_apart_are_ordered_all_the_same(value):
    keys, names = np.full((2, 5_000), value), np.arange(5_000, dtype=np.int32)
    keys[:, :500:2] = np.arange(250)
    sort_cells(keys, names, SMALL_LEAF, BLOCK // SMALL_LEAF)
    assert sorted(names) == list(range(5_000))


def test_leaves_are_small_where_features_are_many_and_points_few():
    sizes = [sizes_for(2, n, T).leaf for n, T in ((10_000, 1_000), (1_000, 1_000))]
    assert [*sizes, sizes_for(2, 10_000, MANY_POINTS).leaf] == [SMALL_LEAF, LEAF, LEAF]


# --- Gradients ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("T", [LEAST, 600, 3_000])
def test_the_gradient_is_that_of_the_dense_kernels_all_through_training(m, T):
    data = sample(T, 500, 0.99, seed=1)
    run = train(data, TrainConfig(m=m, steps=2_000, eps=1e-6), snapshots=(100, 500))
    check_gradient(*initial_weights(m, 500), data)
    for W, b in zip(run.snapshots["W"], run.snapshots["b"], strict=True):
        check_gradient(W, b, data)
    share = check_gradient(run.W, run.b, data)
    assert share < (0.15 if m <= 2 else 0.6) or T < 3_000


@pytest.mark.slow
@pytest.mark.parametrize(("m", "n"), WAYS)
@pytest.mark.parametrize(
    ("change", "share"),
    [
        (
            lambda W, b: (W, b + 10),
            0.05,
        ),  # (a small leaf takes a group whole if one feature cuts it)
        (lambda W, b: (W, b - 10), 0),
        (lambda W, b: (0 * W, b), 1),
        (lambda W, b: (0 * W, b + 0.1), 0.05),
        (lambda W, b: (W[:, :1] + 0 * W, b - 0.01), 1),
        (lambda W, b: (W, 0 * b - 0.02), 1),
    ],
    ids=["all active", "all silent", "zero", "zero weights", "all alike", "biases equal"],
)
def test_the_gradient_is_right_at_the_extremes(m, n, change, share):
    W, b = change(*initial_weights(m, n))
    assert check_gradient(W, b, sample(1_000, n, 0.99)) <= share


def test_the_gradient_is_right_with_ties():
    # Points that repeat, and features that pass exactly through them.
    data = Dataset.from_dense(np.eye(300, dtype=np.float32)[np.arange(600) % 20])
    for m in (2, 4):
        W, _ = initial_weights(m, 300, dtype="float64")
        W = np.round(W * 64) / 64
        check_gradient(W, -(W[:, 3] @ W), data)


@pytest.mark.parametrize(("m", "n"), [*WAYS, (2, LEAST), (2, LEAST + 1), (4, LEAST + 1), (2, 900)])
@pytest.mark.parametrize(
    "T", [LEAST, BLOCK + 1, 16 * LEAF - 1, 4 * BLOCK + LEAF + 7, 64 * LEAF + 31]
)
def test_the_gradient_is_right_at_every_edge_of_leaves_blocks_and_groups(m, n, T):
    rng = np.random.default_rng(T + n)
    W, b = rng.standard_normal((m, n)), 0.3 * rng.standard_normal(n)
    check_gradient(W, b, sample(T, n, 0.98))


@pytest.mark.parametrize(("m", "n"), FEW)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_model_that_diverged_is_seen_to_have_diverged(m, n, bad):
    data = sample(300, n, 0.9)
    for place in (0, 150, 299):
        W, b = initial_weights(m, n)
        W[1, place] = bad
        loss, dW, _ = engine.loss_and_grad(W, b, data)
        assert not np.isfinite(loss)
        assert not np.isfinite(dW).all()
    if not bad < 0:
        W, b = initial_weights(m, n)
        b[7] = bad
        loss, _, db = engine.loss_and_grad(W, b, data)
        assert not np.isfinite(loss)
        assert not np.isfinite(db).all()


@pytest.mark.parametrize("shift", [0, 10, -10])
@pytest.mark.parametrize("T", [LEAST, 1_000])
def test_losses_row_by_row_are_those_of_the_plain_formula(T, shift):
    data = sample(T, 700, 0.99)
    W, b = initial_weights(2, 700, dtype="float64")
    X, b = data.to_dense().astype(np.float64), b + shift
    outputs = np.maximum(X @ W.T @ W + b, 0)
    size = max(1, (outputs**2).sum(axis=1).max())
    rows = engine.loss(W, b, data, per_example=True)
    assert rows.min() >= 0
    np.testing.assert_allclose(rows, ((X - outputs) ** 2).sum(axis=1), rtol=0, atol=1e-12 * size)


# --- Steps --------------------------------------------------------------------------------------


def state_after(counts, data, m, dtype="float32", threads=1):
    """Take steps in calls of these many, from a fresh state each through its arrays."""
    rates = np.full(sum(counts), 1e-3)
    state = engine.State(*initial_weights(m, data.n, dtype=dtype))
    for count in counts:
        at = state.steps
        state = engine.State.from_arrays(state.arrays(), at)
        engine.advance(state, data, rates[at : at + count], threads=threads, **STEP)
    return {name: array.tobytes() for name, array in state.arrays().items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("m", "n", "dtype"), [*((m, n, "float32") for m, n in WAYS), (2, 300, "float64")]
)
@pytest.mark.parametrize("fresh", [False, True], ids=["data set", "stream"])
def test_stopping_anywhere_and_any_number_of_threads_give_the_same_bits(
    m, n, dtype, fresh, monkeypatch
):
    monkeypatch.setattr(choice, "THREAD_PAIRS", 0)  # small steps too take the threads they may
    data = stream(550, n, 0.98) if fresh else sample(1_100, n, 0.98)
    total = 2 * REORDER + 30
    together = state_after([total], data, m, dtype)
    for counts in ([1, REORDER - 1, total - REORDER], [REORDER + 3, total - REORDER - 3]):
        assert state_after(counts, data, m, dtype) == together
    for threads in (2, 4):
        assert state_after([total], data, m, dtype, threads) == together
    assert state_after([REORDER + 3, total - REORDER - 3], data, m, dtype, 2) == together


@pytest.mark.parametrize(("m", "n"), WAYS)
@pytest.mark.parametrize("fresh", [False, True], ids=["data set", "stream"])
def test_steps_are_those_of_the_dense_kernels(m, n, fresh):
    points = stream(400, n, 0.98) if fresh else sample(600, n, 0.98)
    # Where rate · decay exceeds one, every weight changes its sign at every step: what fills up the
    # last vectors must stay silent all the same.
    for steps, rate, changes in ((40, 1e-3, {}), (3, 1e-2, {"weight_decay": 150.0})):
        W, b = initial_weights(m, n, dtype="float64")
        rates, how = np.full(steps, rate), STEP | changes
        state = engine.State(W, b)
        engine.advance(state, points, rates, **how)
        batches = [points.at(t) if isinstance(points, Stream) else points for t in range(steps)]
        W, b = dense_steps(W, b, batches, rates, **how)
        np.testing.assert_allclose(state.W, W, rtol=0, atol=1e-10)
        np.testing.assert_allclose(state.b, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("m", "n"), FEW)
def test_points_of_another_number_are_ordered_anew(m, n):
    state = engine.State(*initial_weights(m, n))
    for T in (300, 500):
        engine.advance(state, sample(T, n, 0.98), np.full(2, 1e-3), **STEP)
    assert np.isfinite(state.W).all()
    assert state.orders["points"].size == 500


@pytest.mark.parametrize(("m", "n"), FEW)
def test_no_silent_moment_is_left_denormal(m, n):
    data = Dataset.from_dense(np.eye(n, dtype=np.float32)[np.arange(280)])
    state = engine.State(*initial_weights(m, n))
    state.b -= 5  # silent everywhere: gradients are zero, moments only decay
    for moment in state.moments:
        moment += 1e-30
    engine.advance(state, data, np.full(400, 1e-6), **STEP)
    for moment in state.moments:
        assert not ((moment != 0) & (abs(moment) < np.finfo(moment.dtype).tiny)).any()
