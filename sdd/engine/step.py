"""A full-batch gradient and AdamW's steps along it, and both for problems that visit all pairs.

The rows are split into a number of chunks that depends on T alone. Each chunk has its own
partial sums, added in a fixed order, so a run has the same bits on any number of threads.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from sdd.data import Dataset
from sdd.engine.pairs import add_pairs, add_pairs_2, add_pairs_4
from sdd.engine.sparse import add_sparse, add_sparse_2, encode
from sdd.kernels import kernel
from sdd.threads import on_threads

__all__ = ["BETAS", "AllPairs", "Step", "adamw", "adamw_scalars", "per_parameter"]

BETAS = (0.9, 0.999)  # AdamW's; the paper is silent, so PyTorch's defaults
MAX_CHUNKS = 16  # so that the partial sums stay small
FEATURES = 1024  # that a thread adds up and updates at a time


# (NumPy's error model: a check for division by zero would keep the loop from being vectors.)
@kernel(fastmath={"contract"}, error_model="numpy")
def adamw(p, g, m1, m2, scale, decay, beta1, beta2, step_size, inverse_root, eps, tiny):
    """PyTorch's AdamW on flat arrays; step_size is lr/(1 − β₁ᵗ), inverse_root 1/√(1 − β₂ᵗ)."""
    for k in range(p.size):
        gk = g[k] * scale
        a = m1[k] + (gk - m1[k]) * beta1
        v = m2[k] + (gk * gk - m2[k]) * beta2
        # The moments of features that stay silent decay for ever. As denormal numbers they
        # would make the step forty times slower; so far below ε they change nothing.
        a = a if abs(a) > tiny else p.dtype.type(0)
        v = v if v > tiny else p.dtype.type(0)
        m1[k], m2[k] = a, v
        p[k] = p[k] * decay - step_size * a / (np.sqrt(v) * inverse_root + eps)


@kernel()
def adamw_scalars(t, rate, real, scale, hyper, tiny):
    """Return what `adamw` is given at step number t (from 1 on), as numbers of the type `real`.

    First what is given for the weights, and last the decay of the bias: see `per_parameter`.
    """
    weight_decay, bias_decay, beta1, beta2, eps = hyper
    return (
        real(scale),
        real(1 - rate * weight_decay),
        real(1 - beta1),
        real(1 - beta2),
        real(rate / (1 - beta1**t)),
        real(1 / math.sqrt(1 - beta2**t)),
        real(eps),
        real(tiny),
        real(1 - rate * bias_decay),
    )


@kernel()
def scalars_for(W, t, rate, scale, hyper, tiny):
    """Return `adamw_scalars` as compiled code has them: Python's powers differ in the last bit."""
    return adamw_scalars(t, rate, W.dtype.type, scale, hyper, tiny)


@kernel()
def per_parameter(scalars):
    """Return what `adamw` is given for the weights, and for the bias, from `adamw_scalars`."""
    scale, decay, beta1, beta2, step_size, inverse_root, eps, tiny, bias_decay = scalars
    rest = (beta1, beta2, step_size, inverse_root, eps, tiny)
    return (scale, decay, *rest), (scale, bias_decay, *rest)


@kernel()
def _update(W, b, moments, dW, db, scalars, first, last):
    """Take the AdamW step for features `first` … `last` − 1."""
    m1W, m2W, m1b, m2b = moments
    for_W, for_b = per_parameter(scalars)
    for c in range(W.shape[0]):
        adamw(
            *(W[c, first:last], dW[c, first:last], m1W[c, first:last], m2W[c, first:last]),
            *for_W,
        )
    adamw(b[first:last], db[first:last], m1b[first:last], m2b[first:last], *for_b)


class Step(ABC):
    """The steps on one training set, in chunks of rows and ranges of features that threads share.

    Parameters
    ----------
    m, n : int
        Hidden dimensions and features.
    data : Dataset
        The training set.
    dtype : numpy dtype
        Of the weights.
    threads : int
        Threads it may use.
    chunk_rows : int
        Rows a chunk at least.
    """

    def __init__(
        self, m: int, n: int, data: Dataset, dtype: np.dtype, threads: int, chunk_rows: int
    ) -> None:
        self.data, self.threads, T = data, threads, data.T
        self.rows = data.indptr, data.indices, data.values.astype(dtype)
        count = max(1, min(MAX_CHUNKS, T // chunk_rows))
        self.chunks = [(k * T // count, (k + 1) * T // count) for k in range(count)]
        self.dW, self.db = np.empty((m, n), dtype), np.empty(n, dtype)
        self.features = [(j, min(j + FEATURES, n)) for j in range(0, n, FEATURES)]

    @abstractmethod
    def differentiate(self, W: np.ndarray, b: np.ndarray) -> None:
        """Set dW and db to half the gradient of Σ_i ‖x_i − x'_i‖², at contiguous W and b."""

    def scalars(self, W: np.ndarray, *numbers) -> tuple:
        """Return `adamw_scalars` at W's precision, with the powers that Python computes."""
        t, rate, *rest = numbers
        return adamw_scalars.py_func(t, rate, W.dtype.type, *rest)

    def each(self, function: Callable[..., None], items: list[tuple]) -> None:
        """Call function(*item) for every item, on threads."""
        threads = min(self.threads, len(items))

        def some(k: int) -> None:
            for item in items[k::threads]:
                function(*item)

        on_threads(some, threads)

    def advance(self, state, rates, scale: float, hyper: tuple[float, ...], tiny: float) -> None:
        """Take an AdamW step for each learning rate in `rates`: see `adamw_scalars`."""
        for rate in rates:
            self.differentiate(state.W, state.b)
            scalars = self.scalars(state.W, state.steps + 1, rate, scale, hyper, tiny)
            arrays = state.W, state.b, state.moments, self.dW, self.db, scalars
            self.each(lambda *span, arrays=arrays: _update(*arrays, *span), self.features)
            state.steps += 1


@kernel()
def _add_chunk(k, first, last, W, b, rows, h, dh, dW, db):
    """Set dW[k] and db[k] to half the gradient over the rows `first` … `last` − 1."""
    indptr, indices, values = rows
    dW[k] = 0
    db[k] = 0
    dh[:, first:last] = 0
    encode(W, indptr, indices, values, first, last, h)
    if W.shape[0] == 2:
        add_pairs_2(W, b, h, first, last, dW[k], db[k], dh)
        add_sparse_2(W, b, h, indptr, indices, values, first, last, dW[k], db[k], dh)
    else:
        if W.shape[0] == 3 or W.shape[0] == 4:
            add_pairs_4(W, b, h, first, last, dW[k], db[k], dh)
        else:
            add_pairs(W, b, h, first, last, dW[k], db[k], dh)
        add_sparse(W, b, h, indptr, indices, values, first, last, dW[k], db[k], dh)


@kernel()
def _add_up(dW, db):
    """Add the partial sums of all chunks to those of the first, in order."""
    # (Written out: sums of whole arrays take seconds to compile.)
    for k in range(1, db.shape[0]):
        for j in range(db.shape[1]):
            for c in range(dW.shape[1]):
                dW[0, c, j] += dW[k, c, j]
            db[0, j] += db[k, j]


@kernel()
def _take_steps(W, b, moments, chunks, rows, scratch, rates, done, scale, hyper, tiny):
    """Take an AdamW step for each learning rate, `done` steps into the run, on one thread."""
    h, dh, dW, db = scratch
    for s in range(rates.size):
        for k in range(len(chunks)):
            _add_chunk(k, chunks[k, 0], chunks[k, 1], W, b, rows, h, dh, dW, db)
        _add_up(dW, db)
        scalars = adamw_scalars(done + s + 1, rates[s], W.dtype.type, scale, hyper, tiny)
        _update(W, b, moments, dW[0], db[0], scalars, 0, b.size)


class AllPairs(Step):
    """Steps that visit every pair of a point and a feature, on one thread without any Python."""

    def __init__(self, m: int, n: int, data: Dataset, dtype: np.dtype, threads: int = 1) -> None:
        super().__init__(m, n, data, dtype, threads, chunk_rows=1024)
        count = len(self.chunks)
        h, dh = np.empty((2, m, data.T), dtype)
        self.scratch = h, dh, np.empty((count, m, n), dtype), np.empty((count, n), dtype)
        self.dW, self.db = self.scratch[2][0], self.scratch[3][0]

    def differentiate(self, W: np.ndarray, b: np.ndarray) -> None:
        """Set dW and db."""
        self.each(
            lambda k, first, last: _add_chunk(k, first, last, W, b, self.rows, *self.scratch),
            [(k, *chunk) for k, chunk in enumerate(self.chunks)],
        )
        _add_up(*self.scratch[2:])

    def scalars(self, W: np.ndarray, *numbers) -> tuple:
        """Return `adamw_scalars` as the loop on one thread has them (compiled: as floats)."""
        return tuple(map(W.dtype.type, scalars_for(W, *numbers)))

    def advance(self, state, rates, scale: float, hyper: tuple[float, ...], tiny: float) -> None:
        """Take an AdamW step for each learning rate in `rates`."""
        if min(self.threads, len(self.chunks)) > 1:
            super().advance(state, rates, scale, hyper, tiny)
            return
        arrays = state.W, state.b, state.moments, np.array(self.chunks), self.rows, self.scratch
        _take_steps(*arrays, rates, state.steps, scale, hyper, tiny)
        state.steps += len(rates)
