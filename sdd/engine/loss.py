"""The loss itself, in float64: for reporting, where four digits after the point matter."""

import numpy as np

from sdd.engine.choice import prunes
from sdd.engine.leaves import (
    BLOCK,
    GROUP,
    MARGIN,
    SMALL_LEAF,
    Sizes,
    bound_groups,
    bound_points,
    classify_groups,
    gather_groups,
    padded,
    scratch_for,
)
from sdd.engine.order import order_features, order_points, typical_size
from sdd.engine.pairs import FAST, TILE
from sdd.engine.sparse import encode
from sdd.engine.vectors import (
    add_each,
    column,
    combine,
    larger,
    load_rows,
    splat,
    total,
)
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
def _add_squares(F, bounds, sums, h, out, scratch, axes):
    """Add Σ_j max(a_ij, 0)² to out[i] for every point.

    The same descent as in `add_block`. Where a feature is active on a whole leaf its square is a
    quadratic form in the point, and those can be added up first.
    """
    G, margin, rows = bounds.shape[1], F.dtype.type(MARGIN), axes + axes[:1]
    near, cut, box = scratch.names[0, 0], scratch.names[0, 1], scratch.box[0]
    near_bounds, near_sums = scratch.near_bounds[0], scratch.near_sums[0]
    unused, zero = scratch.near_moments[0], splat(F.dtype.type(0))
    for first in range(0, h.shape[1], BLOCK):
        last = min(first + BLOCK, h.shape[1])
        moments = bound_points(h, first, last, axes, margin, box)
        size, of_block = classify_groups(
            bounds, sums, unused, scratch.all_groups, G, moments, box, axes, margin, near
        )
        gather_groups(bounds, sums, near, size, near_bounds, near_sums, unused)
        for start in range(first, last, SMALL_LEAF):
            stop = min(start + SMALL_LEAF, last)
            moments = bound_points(h, start, stop, axes, margin, box)
            found, of_leaf = classify_groups(
                near_bounds, near_sums, unused, near, size, moments, box, axes, margin, cut
            )
            xx, xy, xc, yy, yc, cc = add_each(of_leaf, of_block)
            for i in range(start, stop):
                point, squares = splat(column(h, i, axes)), zero
                for k in range(found):
                    w = load_rows(F, cut[k], rows)
                    r = larger(zero, combine(w[-1], w, point))
                    squares = squares + r * r
                p, q = h[0, i], h[1, i]
                quadratic = xx * p * p + 2 * xy * p * q + yy * q * q
                out[i] += total(squares) + quadratic + 2 * (xc * p + yc * q) + cc


def _sum_squares(W, b, h) -> np.ndarray:
    """Return Σ_j max(b_j + W_j · h_i, 0)² for every point, h (2, T), in W's precision."""
    scale = typical_size(h)
    N, dtype = padded(b.size), W.dtype
    axes = (dtype.type(0),) * len(W)
    features, points = order_features(W, b, scale), order_points(h, SMALL_LEAF)
    F = np.zeros((len(W) + 1, N), dtype)
    F[-1] = -1
    F[:, : b.size] = np.vstack([W, b])[:, features]
    bounds, sums = np.empty((2, 6, N // GROUP), dtype)
    bound_groups(F, scale, axes, bounds, sums, 0, N // GROUP)
    squares, out = np.zeros(h.shape[1], dtype), np.empty(h.shape[1], dtype)
    scratch = scratch_for(Sizes(len(W), SMALL_LEAF, BLOCK, 1), N, dtype)
    _add_squares(F, bounds, sums, np.ascontiguousarray(h[:, points]), squares, scratch, axes)
    out[points] = squares
    return out


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
        out = _sum_squares(W, b, h)
    else:
        out = np.zeros(data.T)
        _output_norms(W, b, h, out)
    _correct_nonzeros(W, b, h, data.indptr, data.indices, values, out)
    return out
