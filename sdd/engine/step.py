"""One full-batch gradient, the AdamW update, and the compiled loop over both.

The rows are split into a number of chunks that depends on T alone. Each chunk has its own
partial sums, added in a fixed order, so a run has the same bits on any number of threads.
"""

import math

import numba
import numpy as np

from sdd.engine.pairs import add_pairs, add_pairs_2, add_pairs_4
from sdd.engine.sparse import add_sparse, add_sparse_2, encode
from sdd.kernels import kernel

__all__ = ["CHUNKS", "CHUNK_ROWS", "adamw", "compiled", "adamw_scalars", "per_parameter"]

CHUNK_ROWS = 1024  # rows a chunk at least, so that small problems have one
CHUNKS = 16  # and at most so many, so that the partial sums stay small


@kernel()
def _chunk(k, chunks, W, b, indptr, indices, values, h, dh, dW, db):
    """Half the gradient of Σ_i ‖x_i − x'_i‖² over the rows of chunk k, into dW[k] and db[k]."""
    T = indptr.size - 1
    first, last = k * T // chunks, (k + 1) * T // chunks
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
def _add_up(dW, db):
    """Add the partial sums of all chunks to those of the first, in order."""
    # (Written out: sums of whole arrays take seconds to compile.)
    for k in range(1, db.shape[0]):
        for j in range(db.shape[1]):
            for c in range(dW.shape[1]):
                dW[0, c, j] += dW[k, c, j]
            db[0, j] += db[k, j]


@kernel()
def adamw_scalars(t, rate, real, scale, hyper, tiny):
    """Return what `adamw` is given at step number t (from 1 on), as numbers of the type `real`.

    For the weights, and last the decay of the bias: see `per_parameter`. (A tuple of tuples could not be
    handed to threads.)
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
def per_parameter(numbers):
    """Return what `adamw` is given for the weights, and for the bias, from `adamw_scalars`."""
    scale, decay, beta1, beta2, step_size, inverse_root, eps, tiny, bias_decay = numbers
    rest = (beta1, beta2, step_size, inverse_root, eps, tiny)
    return (scale, decay, *rest), (scale, bias_decay, *rest)


@kernel()
def _update(W, b, moments, dW, db, t, rate, scale, hyper, tiny):
    """Take the AdamW step number t (from 1 on) along dW[0] and db[0]."""
    m1W, m2W, m1b, m2b = moments
    for_W, for_b = per_parameter(adamw_scalars(t, rate, W.dtype.type, scale, hyper, tiny))
    for c in range(W.shape[0]):
        adamw(W[c], dW[0, c], m1W[c], m2W[c], *for_W)
    adamw(b, db[0], m1b, m2b, *for_b)


# Each kernel stands twice, under two names: numba's cache on disk does not tell two functions of
# one name apart by `parallel` (the one stored first would serve for both), and never finds a
# function again that closes over another compiled one.


@kernel()
def _gradient(W, b, indptr, indices, values, h, dh, dW, db):
    """Half the gradient of Σ_i ‖x_i − x'_i‖², into dW[0] and db[0]."""
    chunks = db.shape[0]
    for k in range(chunks):
        _chunk(k, chunks, W, b, indptr, indices, values, h, dh, dW, db)
    _add_up(dW, db)


@kernel(parallel=True)
def _gradient_on_threads(W, b, indptr, indices, values, h, dh, dW, db):
    """As `_gradient`, the chunks on threads."""
    chunks = db.shape[0]
    for k in numba.prange(chunks):
        _chunk(k, chunks, W, b, indptr, indices, values, h, dh, dW, db)
    _add_up(dW, db)


@kernel()
def _steps(W, b, moments, indptr, indices, values, work, rates, done, scale, hyper, tiny):
    """Take one AdamW step for each learning rate in `rates`, `done` steps into the run."""
    h, dh, dW, db = work
    for s in range(rates.size):
        _gradient(W, b, indptr, indices, values, h, dh, dW, db)
        _update(W, b, moments, dW, db, done + s + 1, rates[s], scale, hyper, tiny)


@kernel()
def _steps_on_threads(
    W, b, moments, indptr, indices, values, work, rates, done, scale, hyper, tiny
):
    """As `_steps`, the chunks on threads."""
    h, dh, dW, db = work
    for s in range(rates.size):
        _gradient_on_threads(W, b, indptr, indices, values, h, dh, dW, db)
        _update(W, b, moments, dW, db, done + s + 1, rates[s], scale, hyper, tiny)


def compiled(parallel: bool):
    """Return the compiled (gradient, steps) pair, with chunks on threads or one after another."""
    return (_gradient_on_threads, _steps_on_threads) if parallel else (_gradient, _steps)
