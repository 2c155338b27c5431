"""Gradients and steps by the kernels that visit every pair, in float64: what to compare with."""

import numpy as np

from sdd.engine.pairs import add_pairs
from sdd.engine.sparse import add_sparse, hidden_columns


def dense_gradient(W, b, data):
    """Return half the gradient by W and by b, and the size that rounding is measured by.

    That is the size of the pair sums alone, before the non-zeros pull back.
    """
    W, b = W.astype(np.float64), b.astype(np.float64)
    values = data.values.astype(np.float64)
    h = hidden_columns(W, data)
    dW, db, dh = np.zeros_like(W), np.zeros_like(b), np.zeros_like(h)
    add_pairs(W, b, h, 0, data.T, dW, db, dh)
    size = max(abs(dW).max(), abs(db).max())
    add_sparse(W, b, h, data.indptr, data.indices, values, 0, data.T, dW, db, dh)
    return dW, db, size


def dense_steps(W, b, batches, rates, weight_decay, eps, scale):
    """Return the weights after AdamW's steps along dense gradients, one for each batch."""
    p = np.concatenate([W.ravel(), b]).astype(np.float64)
    m1, m2 = np.zeros_like(p), np.zeros_like(p)
    for t, (batch, rate) in enumerate(zip(batches, rates, strict=True)):
        dW, db, _ = dense_gradient(p[: W.size].reshape(W.shape), p[W.size :], batch)
        g = np.concatenate([dW.ravel(), db]) * 2 * scale / batch.T
        m1, m2 = 0.9 * m1 + 0.1 * g, 0.999 * m2 + 0.001 * g * g
        size = np.sqrt(m2 / (1 - 0.999 ** (t + 1))) + eps
        p = p * (1 - rate * weight_decay) - rate * m1 / (1 - 0.9 ** (t + 1)) / size
    return p[: W.size].reshape(W.shape), p[W.size :]
