"""Σ_j max(a_ij, 0)² at m = 2 without the pairs whose sign is known: for reported losses."""

import numba
import numpy as np

from sdd.engine.arranged import typical_size
from sdd.engine.pruned import (
    GROUP,
    LEAF,
    MARGIN,
    ROWS,
    block_room,
    bound_groups,
    gather_near,
    padded,
    sort_groups,
)
from sdd.engine.pruned_step import order_features, order_points
from sdd.engine.vectors import LANES, larger, load, splat, total

__all__ = ["squares_pruned"]


@numba.njit(cache=True, nogil=True)
def _add_squares(F, bounds, sums, p, q, first, last, out, room, places, margin):
    """Add Σ_j max(a_ij, 0)² to out[i] for the points of one block.

    The same descent as in `add_block`. Where a feature is active on a whole leaf its square is a
    quadratic form in the point, and those can be added up first.
    """
    N = F.size // 3
    G = N // GROUP
    S = G + LANES
    near, near_sums, A = room[: 6 * S], room[6 * S : 12 * S], room[12 * S : 18 * S]
    all_names, near_names, cut_names = places[:G], places[S : 2 * S], places[2 * S :]
    zero = splat(F.dtype.type(0))
    size, txx, txy, tyy, txc, tyc, tcc = sort_groups(
        bounds, sums, A, G, G, all_names, p, q, first, last, margin, near_names, True
    )
    gather_near(bounds, sums, near_names, size, near, near_sums, A)
    for start in range(first, last, LEAF):
        stop = min(start + LEAF, last)
        found, xx, xy, yy, xc, yc, cc = sort_groups(
            near, near_sums, A, size, S, near_names, p, q, start, stop, margin, cut_names, True
        )
        xx, xy, yy, xc, yc, cc = xx + txx, xy + txy, yy + tyy, xc + txc, yc + tyc, cc + tcc
        for i in range(start, stop):
            pi, qi, squares = splat(p[i]), splat(q[i]), zero
            for k in range(found):
                j = cut_names[k]
                r = larger(zero, load(F, 2 * N + j) + load(F, j) * pi + load(F, N + j) * qi)
                squares = squares + r * r
            quadratic = xx * p[i] * p[i] + 2 * xy * p[i] * q[i] + yy * q[i] * q[i]
            out[i] += total(squares) + quadratic + 2 * (xc * p[i] + yc * q[i]) + cc


@numba.njit(cache=True, nogil=True)
def _add_all_squares(F, bounds, sums, p, q, out, room, places):
    for first in range(0, p.size, ROWS):
        last = min(first + ROWS, p.size)
        _add_squares(F, bounds, sums, p, q, first, last, out, room, places, F.dtype.type(MARGIN))


def squares_pruned(W, b, h) -> np.ndarray:
    """Return Σ_j max(b_j + W_j · h_i, 0)² for every point, h (2, T), in W's precision."""
    scale = typical_size(h)
    N = padded(b.size)
    G = N // GROUP
    features, points = order_features(W, b, scale), order_points(h, LEAF)
    F = np.zeros(3 * N, W.dtype)
    F[2 * N :] = -1
    for k, row in enumerate((*W, b)):
        F[k * N : k * N + b.size] = row[features]
    bounds, sums = np.empty(6 * G, W.dtype), np.empty(6 * G, W.dtype)
    bound_groups(F, scale, bounds, sums, 0, G)
    squares, out = np.zeros(h.shape[1], W.dtype), np.empty(h.shape[1], W.dtype)
    p, q = np.ascontiguousarray(h[:, points])
    room, places = block_room(1, N, W.dtype)
    _add_all_squares(F, bounds, sums, p, q, squares, room[0], places[0])
    out[points] = squares
    return out
