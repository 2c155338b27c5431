"""Σ_j max(a_ij, 0)² at m = 2 without the pairs whose sign is known: for reported losses."""

import numpy as np

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

__all__ = ["sum_squares"]


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


def sum_squares(W, b, h) -> np.ndarray:
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
