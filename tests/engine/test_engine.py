"""The fused engine computes what the plain PyTorch model computes, and does so reproducibly."""

import os
import resource
import subprocess
import sys
from dataclasses import dataclass

import numba
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdd import engine
from sdd.data import Dataset, sample
from sdd.engine.pairs import add_pairs, add_pairs_2, add_pairs_4
from sdd.engine.sparse import add_sparse, add_sparse_2, encode
from sdd.kernels import MESSAGE, announced
from sdd.model import ReLUOutput
from sdd.theory import tgon_solution, tgon_threshold

torch.set_num_threads(1)  # on problems this small, threads only wait for each other


def oracle(W, b, data):
    """Per-row losses and gradients of the plain model, in float64, from dense data."""
    model = ReLUOutput.from_weights(
        torch.tensor(W, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    )
    x = torch.tensor(data.to_dense(), dtype=torch.float64)
    model.loss(x).backward()
    with torch.no_grad():
        outputs = model(x)
        losses = ((x - outputs) ** 2).sum(1).numpy()
        sizes = (outputs**2).sum(1).numpy()
    return losses, sizes, model.W.grad.numpy(), model.b.grad.numpy()


def output_slope(W, b, data):
    """Largest entry of the gradient of the squared outputs alone: what rounding is measured by.

    Where a set is memorised exactly, the gradient is zero as the difference of two large ones:
    the push of the outputs and the pull of the non-zeros.
    """
    model = ReLUOutput.from_weights(
        torch.tensor(W, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    )
    x = torch.tensor(data.to_dense(), dtype=torch.float64)
    (model(x) ** 2).sum(1).mean().backward()
    return max(float(model.W.grad.abs().max()), float(model.b.grad.abs().max()))


# --- Drawn problems -----------------------------------------------------------------------------


@dataclass
class Problem:
    """Weights and data, shown by their sizes where a test fails on them."""

    W: np.ndarray
    b: np.ndarray
    data: Dataset

    def __repr__(self):
        (m, n), weights = self.W.shape, f"|W| <= {np.abs(self.W).max(initial=0):.3g}"
        low, high = self.b.min(), self.b.max()
        return f"Problem(T={self.data.T}, {m=}, {n=}, {weights}, {low:.3g} <= b <= {high:.3g})"


@st.composite
def data_sets(draw, most=2_000):
    """Sparse rows with what real ones have: empty rows, repeated rows, features in no row."""
    T = draw(st.one_of(st.integers(1, 9), st.integers(10, 200), st.integers(200, most)))
    # Sizes on both sides of a tile of 1,024 features, where the rows are few enough.
    widths = [st.integers(1, 40), st.sampled_from([255, 256, 257])]
    if T <= 200:
        widths.append(st.sampled_from([1_023, 1_024, 1_025, 2_049]))
    n = draw(st.one_of(widths))
    seed = draw(st.integers(0, 2**32 - 1))
    data = sample(T, n, draw(st.sampled_from([0.0, 0.3, 0.8, 0.99])) if n <= 257 else 0.99, seed)
    rng = np.random.default_rng(seed)
    if draw(st.booleans()):  # duplicate points
        data = data.take(rng.integers(0, T, T))
    if draw(st.booleans()):  # zero rows and features that occur in no row
        X = data.to_dense()
        X[rng.random(T) < 0.2] = 0
        X[:, rng.random(n) < 0.5] = 0
        norms = np.linalg.norm(X, axis=1, keepdims=True)
        data = Dataset.from_dense(X / np.where(norms > 0, norms, 1))
    return data


@st.composite
def problems(draw):
    """Models with m from 1 to 16, small and large weights, biases of either sign."""
    data = draw(data_sets())
    m = draw(st.one_of(st.sampled_from([1, 2, 3]), st.integers(4, 16)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    W = rng.standard_normal((m, data.n)) * draw(st.sampled_from([0.0, 0.01, 0.3, 3.0]))
    b = rng.standard_normal(data.n) * draw(st.sampled_from([0.0, 0.1, 1.0, 100.0]))
    b = b + draw(st.sampled_from([0.0, -0.2, -50.0, 50.0]))
    if draw(st.booleans()):  # dead features
        dead = rng.random(data.n) < 0.5
        W[:, dead], b[dead] = 0, draw(st.sampled_from([0.0, -1.0]))
    return Problem(W, b, data)


@pytest.mark.slow
@given(problems())
def test_loss_and_gradient_are_those_of_the_plain_model(problem):
    W, b, data = problem.W, problem.b, problem.data
    losses, sizes, of_W, of_b = oracle(W, b, data)
    loss, dW, db = engine.loss_and_grad(W, b, data)
    assert dW.dtype == db.dtype == np.float64
    assert loss >= 0
    assert abs(loss - losses.mean()) <= 1e-9 * max(1, sizes.mean())
    rows = engine.loss(W, b, data, per_example=True)
    assert rows.shape == (data.T,)
    assert rows.min() >= 0
    assert (np.abs(rows - losses) <= 1e-9 * np.maximum(1, sizes)).all()
    assert engine.loss(W, b, data) == loss == pytest.approx(rows.mean(), rel=1e-12)
    # 1e-4 of the largest entry is what is asked for; float64 does much better.
    largest = max(np.abs(of_W).max(), np.abs(of_b).max())
    tolerance = max(1e-9 * largest, 1e-12 * output_slope(W, b, data), 1e-15)
    assert np.abs(dW - of_W).max() <= tolerance
    assert np.abs(db - of_b).max() <= tolerance


@given(problems())
def test_hidden_vectors_are_the_rows_times_w(problem):
    W, data = problem.W, problem.data
    expected = data.to_dense().astype(np.float64) @ W.T
    h = engine.hidden(W, data)
    assert h.shape == (data.T, W.shape[0])
    np.testing.assert_allclose(h, expected, rtol=0, atol=1e-12 * max(1, np.abs(W).max()))
    assert engine.hidden(W.astype(np.float32), data).dtype == np.float32


@st.composite
def memorised(draw):
    """A planted T-gon over disjoint points: exactly memorised, however large the weights."""
    T = draw(st.one_of(st.integers(2, 30), st.integers(31, 200)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width = draw(st.integers(1, 4))
    X = np.zeros((T, width * T + draw(st.integers(0, 5))))  # the last features in no row
    for k in range(T):
        X[k, width * k : width * (k + 1)] = rng.random(width) + 0.01
    data = Dataset.from_dense(X / np.linalg.norm(X, axis=1, keepdims=True))
    radius = tgon_threshold(T) * draw(st.sampled_from([1 + 1e-4, 1.5]))
    return Problem(*tgon_solution(data, radius), data)


@given(memorised())
def test_an_exactly_memorised_polygon_has_no_loss_and_no_gradient(problem):
    W, b, data = problem.W, problem.b, problem.data
    losses, _, of_W, of_b = oracle(W, b, data)
    rows = engine.loss(W, b, data, per_example=True)
    assert rows.min() >= 0
    # The outputs x (r² + 1 − r²) hold the rounding of r², which is 2,000 at T = 200.
    scale = np.abs(b).max() ** 2 + 1
    assert rows.max() <= 1e-13 * scale
    assert (np.abs(rows - losses) <= 1e-13 * scale).all()
    loss, dW, db = engine.loss_and_grad(W, b, data)
    assert loss == rows.mean()
    floor = 1e-12 * output_slope(W, b, data) * np.sqrt(scale)
    assert max(np.abs(of_W).max(), np.abs(of_b).max()) <= floor  # the oracle agrees
    assert np.abs(dW).max() <= floor
    assert np.abs(db).max() <= floor


def kink_allowance(W, b, data, rounding=2e-6):
    """How far each entry of the gradient moves if every output that rounds to ±0 switches.

    Only the term −2 x r of a non-zero x jumps where its output a crosses zero, by 2x times the
    slope of r. This adds up such jumps, by the chain rule and entry by entry, with their signs
    taken away, wherever a is within the rounding of its own terms.
    """
    X = data.to_dense().astype(np.float64)
    h = X @ W.T
    terms = (X @ np.abs(W).T) @ np.abs(W) + np.abs(b)  # of dead features with b = 0: none
    unsure = (np.abs(h @ W + b) < rounding * terms) & (X > 0)
    jump = np.where(unsure, 2 * X / data.T, 0)
    through_h = jump @ np.abs(W).T  # (T, m)
    return np.abs(h).T @ jump + through_h.T @ X, jump.sum(0), unsure.mean()


@pytest.mark.slow
@given(problems())
def test_single_precision_gradients_lie_between_the_slopes_on_both_sides_of_a_kink(problem):
    # (Weights within ±3: sums of terms a million times the result are no test of the engine.)
    data = problem.data
    W, b = (np.clip(a, -3, 3).astype(np.float32) for a in (problem.W, problem.b))
    losses, sizes, of_W, of_b = oracle(W, b, data)
    loss, dW, db = engine.loss_and_grad(W, b, data)
    assert dW.dtype == db.dtype == np.float32
    assert loss >= 0
    assert abs(loss - losses.mean()) <= 1e-6 * max(1, sizes.mean())
    kinks_W, kinks_b, share = kink_allowance(W.astype(np.float64), b.astype(np.float64), data)
    assert share < 1e-3 or data.T * data.n < 10_000  # for a few entries, not for all of them
    largest = max(np.abs(of_W).max(), np.abs(of_b).max())
    tolerance = max(1e-4 * largest, 1e-6 * output_slope(W, b, data))
    assert (np.abs(dW - of_W) <= tolerance + kinks_W * (1 + 1e-6)).all()
    assert (np.abs(db - of_b) <= tolerance + kinks_b * (1 + 1e-6)).all()


# --- Kernels ------------------------------------------------------------------------------------


def written_out(W, b, h, first, last):
    """The three pair sums of rows `first` … `last` − 1, from the whole T × n array."""
    part = h[:, first:last]
    r = np.maximum(part.T @ W + b, 0)
    dh = np.zeros_like(h)
    dh[:, first:last] = W @ r.T
    return part @ r, r.sum(0), dh


KERNELS = [(add_pairs, 1), (add_pairs, 2), (add_pairs, 16), (add_pairs_2, 2)]
KERNELS += [(add_pairs_4, 3), (add_pairs_4, 4)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("first", "last"), [(0, 23), (0, 4), (3, 6), (5, 5), (22, 23)])
@pytest.mark.parametrize(("kernel", "m"), KERNELS)
def test_every_pair_kernel_adds_the_sums_written_out(kernel, m, first, last, dtype):
    rng = np.random.default_rng(m)
    for n in (15, 16, 37, 1_500):  # the last takes a tile and a half
        W, b, h = rng.normal(size=(m, n)), rng.normal(size=n), rng.normal(size=(m, 23))
        sums = [np.full_like(a, 2, dtype) for a in (W, b, h)]  # they are added to what is there
        kernel(*(a.astype(dtype) for a in (W, b, h)), first, last, *sums)
        sizes = written_out(np.abs(W), np.abs(b), np.abs(h), first, last)  # without cancelling
        expected = written_out(W, b, h, first, last)
        for one, other, size in zip(sums, expected, sizes, strict=True):
            assert (np.abs(one - 2 - other) <= 30 * np.finfo(dtype).eps * (size + 2)).all()
        outside = np.r_[0:first, last:23]
        assert (sums[2][:, outside] == 2).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sparse_kernel_for_m_2_gives_the_bits_of_the_general_one(dtype):
    data = sample(300, 80, 0.8)
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(2, 80)).astype(dtype), rng.normal(size=80).astype(dtype)
    rows = data.indptr, data.indices, data.values.astype(dtype)
    h = np.empty((2, 300), dtype)
    encode(W, *rows, 0, 300, h)
    np.testing.assert_allclose(h.T, data.to_dense() @ W.T, rtol=0, atol=1e-5)
    start = [rng.normal(size=shape).astype(dtype) for shape in [(2, 80), (80,), (2, 300)]]
    sums = {}
    for kernel in (add_sparse, add_sparse_2):
        sums[kernel] = [a.copy() for a in start]
        kernel(W, b, h, *rows, 20, 290, *sums[kernel])
    for one, other, before in zip(sums[add_sparse], sums[add_sparse_2], start, strict=True):
        assert one.tobytes() == other.tobytes()
        assert (one != before).any()


# --- Threads and chunks -------------------------------------------------------------------------


def model_for(data, m, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return (0.3 * rng.normal(size=(m, data.n))).astype(dtype), rng.normal(size=data.n).astype(dtype)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("T", "n"), [(9_000, 250), (2_600, 800)])  # worth threads
def test_any_number_of_threads_gives_the_same_bits(T, n, m):
    data = sample(T, n, 0.9)
    W, b = model_for(data, m)
    results = []
    for threads in (1, 2, 10 * (os.cpu_count() or 1)):
        loss, dW, db = engine.loss_and_grad(W, b, data, threads=threads)
        state = engine.State(W, b)
        rates = np.full(3, 1e-2)
        engine.advance(state, data, rates, weight_decay=0.01, eps=1e-8, threads=threads)
        arrays = dW, db, state.W, state.b, *state.moments
        results.append([loss, *(a.tobytes() for a in arrays)])
    assert results[0] == results[1] == results[2]
    assert results[0][3] != W.tobytes()


def test_rows_in_chunks_are_all_counted_once():
    data = sample(9_003, 250, 0.97)
    W, b = model_for(data, 2, np.float64)
    losses, sizes, of_W, of_b = oracle(W, b, data)
    loss, dW, db = engine.loss_and_grad(W, b, data, threads=2)
    assert loss == pytest.approx(losses.mean(), rel=1e-12)
    np.testing.assert_allclose(dW, of_W, rtol=0, atol=1e-14 * sizes.mean())
    np.testing.assert_allclose(db, of_b, rtol=0, atol=1e-14 * sizes.mean())


def test_compiling_is_announced_once_and_a_warm_cache_is_not(capsys):
    with announced():
        numba.njit(lambda x: x + 1)(1)
        numba.njit(lambda x: x + 2)(1)
    assert capsys.readouterr() == ("", MESSAGE + "\n")
    ways = (2, 3, 8)
    engine.warm_up(ways, quiet=True)
    engine.warm_up(ways)
    assert capsys.readouterr() == ("", "")


def step_every_way():
    """Take steps and losses of every kind on one thread, and say so where something is compiled."""
    with announced():
        for m in (1, 2, 3, 4, 5, 8, 32):
            for data in (sample(20, 300, 0.9), sample(400, 300, 0.9)):
                state = engine.State(*model_for(data, m))
                engine.advance(state, data, np.full(20, 1e-4), weight_decay=0.01, eps=1e-8)
                engine.loss(state.W, state.b, data)


@pytest.mark.slow
def test_after_warming_up_nothing_is_left_to_compile_in_any_process(tmp_path):
    warming = "from sdd import engine; engine.warm_up((2, 3, 8))"
    stepping = "import sys; sys.path.insert(0, 'tests/engine'); import test_engine as t; "
    for program, said in ((warming, MESSAGE + "\n"), (stepping + "t.step_every_way()", "")):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", said)


# --- Training steps -----------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_steps_taken_together_are_the_steps_taken_one_by_one(m):
    data = sample(40, 100, 0.9)
    W, b = model_for(data, m)
    rates = np.linspace(1e-3, 1e-2, 30)
    options = {"weight_decay": 0.1, "eps": 1e-8, "scale": 1 / 100}
    together, apart = engine.State(W, b), engine.State(W, b)
    engine.advance(together, data, rates, **options)
    for rate in rates:
        engine.advance(apart, data, [rate], **options)
    assert together.steps == apart.steps == 30
    for one, other in zip((together.W, together.b), (apart.W, apart.b), strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_state_holds_copies():
    W, b = np.zeros((2, 3), np.float32), np.zeros(3, np.float32)
    state = engine.State(W, b)
    engine.advance(state, Dataset.from_dense(np.eye(3)), [0.1], weight_decay=0.0, eps=1e-8)
    state.W += 1
    assert not W.any()
    assert not b.any()


class Adam:
    """AdamW as published (Loshchilov and Hutter, 2019), in float64 and without any flushing."""

    def __init__(self, shape):
        self.m, self.v, self.t = np.zeros(shape), np.zeros(shape), 0

    def move(self, p, g, lr, decay, eps):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g * g
        m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
        return p * (1 - lr * decay) - lr * m / (np.sqrt(v) + eps)


@pytest.mark.slow
@pytest.mark.parametrize(("m", "T"), [(2, 40), (3, 40), (5, 40), (5, 120)])
def test_steps_are_those_of_pytorchs_adamw_on_the_plain_model(m, T):
    data = sample(T, 80, 0.9)
    W, b = model_for(data, m, np.float64)
    state, rates = engine.State(W, b), np.linspace(1e-3, 1e-2, 20)
    engine.advance(state, data, rates, weight_decay=0.1, eps=1e-8, scale=1 / 80)
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1, eps=1e-8)
    x = torch.tensor(data.to_dense(), dtype=torch.float64)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (model.loss(x) / 80).backward()
        optimizer.step()
    for one, other in ((state.W, model.W), (state.b, model.b)):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("T", [30, 300])  # all pairs; leaves, and at m = 5 tiles
@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_points_that_count_several_times_are_so_many_copies(m, T):
    rows = sample(T, 300, 0.97)
    counts = np.random.default_rng(m).integers(1, 6, T)
    data = Dataset(rows.indptr, rows.indices, rows.values, 300, counts=counts)
    W, b = model_for(rows, m, np.float64)
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    x = torch.tensor(np.repeat(rows.to_dense(), counts, axis=0), dtype=torch.float64)
    model.loss(x).backward()
    loss, dW, db = engine.loss_and_grad(W, b, data)
    assert loss == engine.loss(W, b, data) == pytest.approx(model.loss(x).item(), rel=1e-12)
    for one, other in ((dW, model.W.grad), (db, model.b.grad)):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * other.abs().max().item())
    assert np.abs(dW - engine.loss_and_grad(W, b, rows)[1]).max() > 1e-3  # they make a difference
    state, rates = engine.State(W, b), np.linspace(1e-3, 1e-2, 20)
    engine.advance(state, data, rates, weight_decay=0.1, eps=1e-6, scale=1 / 300)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1, eps=1e-6)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (model.loss(x) / 300).backward()
        optimizer.step()
    np.testing.assert_allclose(state.W, model.W.detach(), rtol=0, atol=1e-9)
    assert engine.hidden(W, data).shape == (T, m)  # of each point once


@pytest.mark.parametrize("T", [4, 100])  # all pairs, and at m = 5 tiles
@pytest.mark.parametrize("m", [2, 5])
def test_silent_features_leave_no_denormal_moments_and_flushing_changes_nothing(m, T):
    # Features 4 … 7 get one push (from the state's moments) and are silent ever after: below a
    # negative bias, in no row. Their W starts at zero, so that each trace of the push shows.
    data = Dataset.from_dense(np.eye(4, 8)[np.arange(T) % 4])
    W = np.zeros((m, 8), np.float32)
    W[:2, :4] = [[1, -1, 0, 0], [0, 0, 1, -1]]
    b = np.full(8, -1.0, np.float32)
    state = engine.State(W, b)
    # Gradients of 1e-3 … 1e-21, and with them moments down to the smallest normal numbers.
    push = np.array([1e-3, 1e-10, 1e-15, 1e-18])
    for moment, value in zip(state.moments[:2], (0.1 * push, 0.001 * push**2), strict=True):
        moment[:, 4:] = value
    state.steps = 1
    by_hand = Adam((m, 4))
    by_hand.m[:], by_hand.v[:], by_hand.t = state.moments[0][:, 4:], state.moments[1][:, 4:], 1
    expected, tiny = np.zeros((m, 4)), np.finfo(np.float32).tiny
    eps = 1e-8
    for _ in range(40):
        for _ in range(50):
            expected = by_hand.move(expected, 0.0, 1e-3, 0.01, eps)
        engine.advance(state, data, np.full(50, 1e-3), weight_decay=0.01, eps=eps)
        for moment in state.moments:
            assert (np.abs(moment[moment != 0]) >= tiny).all()
    assert (by_hand.m != 0).all()
    assert np.abs(by_hand.m).max() < tiny  # without flushing these would be denormal now
    assert not state.moments[0][:, 4:].any()
    difference = np.abs(state.W[:, 4:] - expected)
    rounding = 2_000 * np.finfo(np.float32).eps * np.abs(expected)
    assert (difference <= 1e-30 + rounding).all()
    assert (expected[:, :3] != 0).all()


def test_training_a_memorising_model_leaves_no_denormal_moments():
    data = sample(6, 400, 0.99)
    rng = np.random.default_rng(0)
    state = engine.State((0.1 * rng.normal(size=(2, 400))).astype(np.float32), np.zeros(400, "f4"))
    for _ in range(20):
        engine.advance(state, data, np.full(200, 1e-2), weight_decay=0.01, eps=1e-8, scale=1 / 400)
        for moment in state.moments:
            assert (np.abs(moment[moment != 0]) >= np.finfo(np.float32).tiny).all()
    assert (state.moments[0] == 0).any()  # some features have fallen silent
    assert engine.loss(state.W, state.b, data) < 0.2


# --- Memory, NaN, bad input ---------------------------------------------------------------------


def test_no_array_of_points_times_features_is_made():
    data = sample(20_000, 20_000, 0.9995)
    W, b = np.full((2, 20_000), 0.01, np.float32), np.zeros(20_000, np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    engine.loss_and_grad(W, b, data)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) / 1024 < 200  # MB; one dense matrix would take 1,600


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_model_that_diverged_is_seen_to_have_diverged(m, bad):
    data = sample(9, 30, 0.8)
    W, b = model_for(data, m)
    W[1, data.indices[0]] = bad
    loss, dW, _ = engine.loss_and_grad(W, b, data)
    assert not np.isfinite(loss)
    assert not np.isfinite(dW).all()
    W, b = model_for(data, m)
    b[-1] = bad
    loss, _, db = engine.loss_and_grad(W, b, data)
    assert not np.isfinite(loss)
    assert not np.isfinite(db).all()


def test_weights_in_any_memory_order_are_understood():
    data = sample(9, 30, 0.8)
    W, b = model_for(data, 3)
    expected = engine.loss_and_grad(W, b, data)
    for other in (np.asfortranarray(W), np.repeat(W, 2, axis=1)[:, ::2]):
        loss, dW, _ = engine.loss_and_grad(other, b, data)
        assert loss == expected[0]
        assert dW.tobytes() == expected[1].tobytes()
        assert engine.hidden(other, data).tobytes() == engine.hidden(W, data).tobytes()
        assert engine.loss(other, b, data) == expected[0]


@pytest.mark.parametrize(
    ("W", "b", "message"),
    [
        (np.zeros((2, 5)), np.zeros(4), r"W must be \(m, n\) and b \(n,\).* \(2, 5\) and \(4,\)"),
        (np.zeros(5), np.zeros(5), r"W must be \(m, n\).* \(5,\) and \(5,\)"),
        (np.zeros((2, 5)), np.zeros((5, 1)), r"b \(n,\).* \(2, 5\) and \(5, 1\)"),
        (np.zeros((0, 5)), np.zeros(5), r"W must be \(m, n\).* \(0, 5\)"),
        (np.zeros((2, 4)), np.zeros(4), "W has 4 columns, but the data have n = 5 features"),
        (np.zeros((2, 5), int), np.zeros(5, int), "both be float32 or both float64, not int64"),
        (np.zeros((2, 5), "f2"), np.zeros(5, "f2"), "not float16 and float16"),
        (np.zeros((2, 5), "f4"), np.zeros(5), "not float32 and float64"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_sentence(W, b, message):
    data = Dataset.from_dense(np.eye(5))
    for call in (engine.loss, engine.loss_and_grad):
        with pytest.raises(ValueError, match=message) as caught:
            call(W, b, data)
        assert "\n" not in str(caught.value)


def test_hidden_refuses_weights_that_do_not_fit():
    data = Dataset.from_dense(np.eye(5))
    for W in (np.zeros((2, 4)), np.zeros(5), np.zeros((2, 5), int)):
        with pytest.raises(ValueError, match="W "):
            engine.hidden(W, data)
