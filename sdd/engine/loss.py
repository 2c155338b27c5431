"""The loss itself, in float64: for reporting, where four digits after the point matter."""

import numpy as np

from sdd.engine.choice import prunes
from sdd.engine.leaves_loss import sum_squares
from sdd.engine.pairs import FAST, TILE
from sdd.engine.sparse import encode
from sdd.kernels import kernel

__all__ = ["squared_errors"]


@kernel(fastmath=FAST)
def _output_norms(W, b, h, out):
    """Add Σ_j max(b_j + W_j · h_i, 0)² to out[i] for every row."""
    m, n = W.shape
    a = np.empty(TILE, W.dtype)
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        for i in range(h.shape[1]):
            for j in range(size):
                a[j] = b[start + j]
            for c in range(m):
                hc, w = h[c, i], W[c, start : start + size]
                for j in range(size):
                    a[j] += hc * w[j]
            total = 0.0
            for j in range(size):
                r = max(a[j], 0.0)
                total += r * r
            out[i] += total


@kernel()
def _correct_nonzeros(W, b, h, indptr, indices, values, out):
    """Turn Σ_j r_j² into Σ_j (x_j − r_j)² by replacing the terms where x_j ≠ 0."""
    for i in range(out.size):
        total = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            j, x = indices[k], values[k]
            a = b[j]
            for c in range(W.shape[0]):
                a += W[c, j] * h[c, i]
            r = max(a, 0.0)
            out[i] -= r * r
            total += (x - r) * (x - r)
        # What is left of the pair sum is a sum of squares: below zero it is rounding alone.
        out[i] = max(out[i], 0.0) + total


def squared_errors(W, b, data):
    """Return ‖x_i − x'_i‖² for every row, a (T,) float64 array."""
    W, b = np.asarray(W, np.float64), np.asarray(b, np.float64)
    values = data.values.astype(np.float64)
    h = np.empty((W.shape[0], data.T))
    encode(W, data.indptr, data.indices, values, 0, data.T, h)
    if W.shape[0] == 2 and prunes(2, data.n, data.T):
        out = sum_squares(W, b, h)
    else:
        out = np.zeros(data.T)
        _output_norms(W, b, h, out)
    _correct_nonzeros(W, b, h, data.indptr, data.indices, values, out)
    return out
