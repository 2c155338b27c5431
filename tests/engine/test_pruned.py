"""Skipping pairs is exact: what is skipped adds nothing, or is added all at once."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from dense import dense_gradient, dense_steps

from sdd import engine
from sdd.data import Dataset, Stream, sample, stream
from sdd.engine import choice, pruned, pruned_step, vectors
from sdd.engine.arranged import REORDER, arrange, gradient
from sdd.engine.choice import LEAST, prunes
from sdd.engine.order import sort_cells
from sdd.engine.pruned import GROUP, LEAF, ROWS, WIDE, padded
from sdd.engine.pruned_step import HalfPlanes
from sdd.training import initial_weights, train
from sdd.training.config import TrainConfig

STEP = {"weight_decay": 0.01, "eps": 1e-8, "scale": 1e-3}


# --- Vectors ------------------------------------------------------------------------------------


@numba.njit
def _every_operation(a, b, packed, rows, numbers, out, places):
    x, y = vectors.load(a, 0), vectors.load(b, 0)
    mask = x < y
    vectors.store_packed(out, 0, mask, x)
    vectors.store(out, 32, vectors.load_column(rows, 1, 2))
    vectors.store(out, 48, vectors.larger(vectors.splat(a.dtype.type(0)), x * y - x + y))
    vectors.store(out, 64, vectors.keep(~mask | (y < x), vectors.magnitude(x)))
    vectors.store(out, 80, x / y)
    vectors.store(out, 96, vectors.totals((x, y, x, y, x, y, x, y, x, y, x, y, x, y, x, x)))
    vectors.store(out, 112, vectors.root(vectors.magnitude(x)))
    vectors.store_packed(places, 1, mask, vectors.load(numbers, 0))
    same = vectors.lanes(vectors.bits(mask))
    vectors.store(out, 128, vectors.load_packed(packed, 1, same))
    return (
        vectors.total(x),
        vectors.least(x),
        vectors.largest(x),
        vectors.count(mask),
        vectors.bits(mask),
    )


def check_vectors():
    """Compare every operation with numpy's."""
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        for _ in range(20):
            a, b, packed, rows = (
                rng.standard_normal(k).astype(dtype) for k in (16, 16, 32, (20, 4))
            )
            numbers, places = np.arange(16, dtype=np.int32), np.full(40, -1, np.int32)
            out = np.zeros(144, dtype)
            given = a, b, packed, rows, numbers, out, places
            total, least, largest, count, bits = _every_operation(*given)
            mask = a < b
            close = {"rtol": 1e-5, "atol": 1e-5}
            np.testing.assert_allclose(total, a.sum(), **close)
            assert (least, largest) == (a.min(), a.max())
            assert count == mask.sum()
            np.testing.assert_array_equal(out[:count], a[mask])
            np.testing.assert_array_equal(places[1 : 1 + count], numbers[mask])
            assert places[0] == -1
            assert (places[17:] == -1).all()
            np.testing.assert_array_equal(out[32:48], rows[1:17, 2])
            np.testing.assert_array_equal(out[112:128], np.sqrt(abs(a)))
            assert bits == sum(1 << k for k in range(16) if mask[k])
            np.testing.assert_array_equal(out[128:][mask], packed[1 : 1 + count])
            assert not out[128:][~mask].any()
            np.testing.assert_allclose(out[48:64], np.maximum(0, a * b - a + b), **close)
            np.testing.assert_array_equal(out[64:80], np.where(~mask | (a > b), abs(a), 0))
            np.testing.assert_allclose(out[80:96], a / b, **close)
            sums = [a.sum() if k % 2 == 0 or k == 15 else b.sum() for k in range(16)]
            np.testing.assert_allclose(out[96:112], sums, **close)


def test_vectors_compute_what_numpy_computes():
    check_vectors()


def test_vectors_need_no_particular_machine():
    # Numba's "generic" processor has short registers, and no instruction that packs.
    program = "import sys; sys.path.insert(0, 'tests'); import test_pruned as t; t.check_vectors()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_DISABLE_CACHE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


# --- Orders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 31, 32, 33, 255, 256, 257, 1_000, 3_333])
def test_cells_are_runs_of_neighbours(size):
    rng = np.random.default_rng(size)
    keys = rng.standard_normal((2, size))
    names = np.arange(size, dtype=np.int32)
    sort_cells(keys, names, LEAF, ROWS // LEAF)
    assert sorted(names) == list(range(size))
    sorted_keys = keys[:, names]
    if size > ROWS:
        widths = [np.ptp(sorted_keys[:, k : k + LEAF], axis=1).mean() for k in range(0, size, LEAF)]
        # Cells of LEAF points out of `size` are that much smaller, by side, than the whole; half
        # as much again is allowed for points thinly spread at the rim.
        assert np.median(widths) < 1.5 * np.ptp(keys, axis=1).mean() * np.sqrt(LEAF / size)


def test_points_that_are_no_numbers_do_not_hang_the_sort():
    keys, names = np.full((2, 500), np.nan), np.arange(500, dtype=np.int32)
    keys[:, ::2] = np.arange(250)
    sort_cells(keys, names, LEAF, ROWS // LEAF)
    assert sorted(names) == list(range(500))


def test_equal_points_do_not_hang_the_sort():
    keys, names = np.zeros((2, 5_000)), np.arange(5_000, dtype=np.int32)
    sort_cells(keys, names, LEAF, ROWS // LEAF)
    assert sorted(names) == list(range(5_000))


# --- Parity with the dense kernels --------------------------------------------------------------


def trained(T, steps, n=500, **changes):
    data = sample(T, n, 0.99, seed=1)
    run = train(data, TrainConfig(steps=steps, eps=1e-6, **changes), snapshots=(steps // 20,))
    return run, data


@pytest.fixture(scope="module")
def regimes():
    """Weights at the start, memorising, in between and generalising, early and late."""
    found = {}
    for name, T in (("memorising", LEAST), ("middle", 600), ("generalising", 3_000)):
        run, data = trained(T, 4_000)
        found[f"{name}, early"] = run.snapshots["W"][0], run.snapshots["b"][0], data
        found[f"{name}, late"] = run.W, run.b, data
    data = sample(1_000, 700, 0.99)
    found["initial"] = *initial_weights(2, 700), data
    W, b = initial_weights(2, 700)
    found["all active"] = W, b + 10, data
    found["all silent"] = W, b - 10, data
    found["zero"] = 0 * W, b, data
    return found


@pytest.mark.parametrize(
    "name",
    [
        *(f"{k}, {t}" for k in ("memorising", "middle", "generalising") for t in ("early", "late")),
        *("initial", "all active", "all silent", "zero"),
    ],
)
def test_the_gradient_is_that_of_the_dense_kernels_in_every_regime(regimes, name):
    W, b, data = regimes[name]
    assert prunes(*W.shape, data.T)
    dW, db, size = dense_gradient(W, b, data)
    for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 1e-4)):
        ours_W, ours_b = gradient(HalfPlanes, W.astype(dtype), b.astype(dtype), data, 1)
        assert abs(ours_W - dW).max() <= tolerance * max(size, 1e-3)
        assert abs(ours_b - db).max() <= tolerance * max(size, 1e-3)


@pytest.fixture(params=[LEAF, WIDE], ids=["small leaves", "wide leaves"])
def leaf(request, monkeypatch):
    """Take leaves of this size whatever T is."""
    monkeypatch.setattr(pruned_step, "leaf_size", lambda n, T: request.param)
    return request.param


@pytest.mark.parametrize("T", [LEAST, ROWS + 1, 2 * ROWS - 1, 4 * ROWS, 4 * ROWS + WIDE + 7, 5_000])
@pytest.mark.parametrize("n", [LEAST, LEAST + 1, 900])
def test_the_gradient_is_right_at_every_edge_of_leaves_blocks_and_groups(T, n, leaf):
    data = sample(T, n, 0.98)
    rng = np.random.default_rng(T + n)
    W, b = rng.standard_normal((2, n)), 0.3 * rng.standard_normal(n)
    dW, db, size = dense_gradient(W, b, data)
    ours_W, ours_b = gradient(HalfPlanes, W, b, data, 1)
    np.testing.assert_allclose(ours_W, dW, rtol=0, atol=1e-11 * size)
    np.testing.assert_allclose(ours_b, db, rtol=0, atol=1e-11 * size)


def test_few_features_and_many_points_are_taken_in_wide_leaves():
    sizes = [pruned.leaf_size(n, T) for n, T in ((10_000, 1_000), (1_000, 1_000), (10_000, 10**5))]
    assert sizes == [LEAF, WIDE, WIDE]


def test_most_pairs_are_skipped_once_features_are_learned(regimes, leaf):
    shares = {}
    for name, (W, b, data) in regimes.items():
        space = arrange(HalfPlanes, W, b, data)
        space.steps(np.zeros(1), 0, 0.0, (0.0,) * 5, 0.0, 1, update=False)
        shares[name] = space.visited / (data.T * b.size)
    # (Small leaves take groups of 16 features whole, and there are only 500; the last group is
    # filled up by features that are silent everywhere.)
    assert shares["generalising, late"] < (0.15 if leaf == WIDE else 0.3)
    assert max(shares.values()) < (0.5 if leaf == WIDE else 0.75)
    assert shares["all active"] <= (0 if leaf == WIDE else GROUP / 700)
    assert shares["all silent"] == 0


def test_losses_row_by_row_are_those_of_the_plain_formula(regimes):
    for W, b, data in regimes.values():
        X, W, b = data.to_dense().astype(np.float64), W.astype(np.float64), b.astype(np.float64)
        outputs = np.maximum(X @ W.T @ W + b, 0)
        expected = ((X - outputs) ** 2).sum(axis=1)
        size = max(1, (outputs**2).sum(axis=1).max())
        rows = engine.loss(W, b, data, per_example=True)
        assert rows.min() >= 0
        np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_model_that_diverged_is_seen_to_have_diverged(bad):
    data = sample(300, 300, 0.9)
    for place in (0, 150, 299):
        W, b = initial_weights(2, 300)
        W[1, place] = bad
        loss, dW, _ = engine.loss_and_grad(W, b, data)
        assert not np.isfinite(loss)
        assert not np.isfinite(dW).all()
    if bad > 0 or np.isnan(bad):
        W, b = initial_weights(2, 300)
        b[7] = bad
        loss, _, db = engine.loss_and_grad(W, b, data)
        assert not np.isfinite(loss)
        assert not np.isfinite(db).all()


# --- Steps --------------------------------------------------------------------------------------


def states_after(counts, data, threads=1, T=None):
    """Take steps in calls of these many, from a fresh state each through its arrays."""
    rates = np.full(sum(counts), 1e-3)
    state = engine.State(*initial_weights(2, data.n))
    for count in counts:
        at = state.steps
        state = engine.State.from_arrays(state.arrays(), at)
        engine.advance(state, data, rates[at : at + count], threads=threads, **STEP)
    assert state.steps == sum(counts)
    return {name: array.tobytes() for name, array in state.arrays().items()}


@pytest.mark.parametrize(
    "data", [sample(1_100, 300, 0.98), stream(300, 300, 0.98)], ids=["data set", "stream"]
)
def test_stopping_anywhere_and_any_number_of_threads_give_the_same_bits(data, leaf, monkeypatch):
    monkeypatch.setattr(choice, "THREAD_PAIRS", 0)  # small steps too take the threads they may
    total = 2 * REORDER + 30
    together = states_after([total], data)
    for counts in ([1, REORDER - 1, total - REORDER], [REORDER + 3, total - REORDER - 3]):
        assert states_after(counts, data) == together
    for threads in (2, 4):
        assert states_after([total], data, threads) == together
    assert states_after([REORDER + 3, total - REORDER - 3], data, 2) == together


@pytest.mark.parametrize(
    "points", [sample(600, 300, 0.98), stream(400, 300, 0.98)], ids=["data set", "stream"]
)
def test_steps_are_those_of_the_dense_kernels(points, leaf):
    W, b = initial_weights(2, 300, dtype="float64")
    rates = np.full(40, 1e-3)
    state = engine.State(W, b)
    engine.advance(state, points, rates, **STEP)
    batches = [points.at(t) if isinstance(points, Stream) else points for t in range(40)]
    W, b = dense_steps(W, b, batches, rates, **STEP)
    np.testing.assert_allclose(state.W, W, rtol=0, atol=1e-10)
    np.testing.assert_allclose(state.b, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_what_fills_up_the_last_vector_stays_silent_whatever_the_decay(m):
    # Where rate · decay exceeds one, every weight changes its sign at every step.
    points = sample(300, 300, 0.98)
    W, b = initial_weights(m, 300, dtype="float64")
    rates, how = np.full(3, 1e-2), STEP | {"weight_decay": 150.0}
    state = engine.State(W, b)
    engine.advance(state, points, rates, **how)
    W, b = dense_steps(W, b, [points] * 3, rates, **how)
    np.testing.assert_allclose(state.W, W, rtol=0, atol=1e-10)
    np.testing.assert_allclose(state.b, b, rtol=0, atol=1e-10)


def test_points_of_another_number_are_ordered_anew():
    state = engine.State(*initial_weights(2, 300))
    for T in (300, 500):
        engine.advance(state, sample(T, 300, 0.98), np.full(2, 1e-3), **STEP)
    assert np.isfinite(state.W).all()
    assert state.orders["points"].size == 500


def test_no_silent_moment_is_left_denormal():
    data = Dataset.from_dense(np.eye(300, dtype=np.float32)[np.arange(280)])
    state = engine.State(*initial_weights(2, 300))
    state.b -= 5  # silent everywhere: gradients are zero, moments only decay
    for moment in state.moments:
        moment += 1e-30
    engine.advance(state, data, np.full(400, 1e-6), **STEP)
    for moment in state.moments:
        tiny = np.finfo(moment.dtype).tiny
        assert not ((moment != 0) & (abs(moment) < tiny)).any()


def test_widths_are_whole_vectors_of_groups():
    assert [padded(n) for n in (1, 256, 257, 10_000)] == [256, 256, 512, 10_240]
