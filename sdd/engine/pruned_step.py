"""The training step at m = 2 for large T · n: blocks of points through `pruned.py`.

A step is two passes. The first goes over blocks of points, each encoded, compared with all
features and sent through its non-zeros while it lies in the cache, so that the data are read
from memory once. The second goes over ranges of features: it adds up the gradient, updates the
weights, and bounds the groups for the next step. The work of either is split in a way that hangs
on T and n alone, and summed in a fixed order: the same bits on any number of threads.

Everything here is in the orders of `order.py`: points by where they lie in the plane, features
by direction. `arranged.py` brings it there and back.
"""

import numba
import numpy as np

from sdd.engine.arranged import RANGES, Workspace, typical_size
from sdd.engine.order import place_features, sort_cells
from sdd.engine.pruned import (
    GROUP,
    MARGIN,
    ROWS,
    add_block,
    block_room,
    bound_groups,
    leaf_size,
    padded,
    spread_moments,
)
from sdd.engine.step import adamw, factors, parted
from sdd.engine.vectors import load, load_column, load_row, part, quad, store, store_row

__all__ = ["HalfPlanes", "add_sparse_rows", "encode_rows", "order_features", "order_points"]


@numba.njit(cache=True, nogil=True)
def encode_rows(F4, rows, first, last, p, q):
    """Set (p_i, q_i) = W x_i for the points of some rows."""
    at, indptr, indices, values = rows
    zero = F4.dtype.type(0)
    for row in range(first, last):
        h = quad(zero, zero, zero, zero)
        for k in range(indptr[row], indptr[row + 1]):
            x = values[k]
            h = h + quad(x, x, x, x) * load_row(F4, indices[k])
        i = at[row]
        p[i], q[i] = part(h, 0), part(h, 1)


@numba.njit(cache=True, nogil=True)
def add_sparse_rows(F4, rows, first, last, p, q, u, v, D4, taken):
    """Add the half-gradients at the non-zeros of some rows to D4 (N, 4).

    −2 x_ij r_ij first, which completes ∂L/∂h_i; with that, the way back through the encoder.
    """
    at, indptr, indices, values = rows
    zero, one = F4.dtype.type(0), F4.dtype.type(1)
    for row in range(first, last):
        i, start = at[row], indptr[row]
        pi, qi = p[i], q[i]
        dh = quad(u[i], v[i], zero, zero)
        for k in range(start, indptr[row + 1]):
            w = load_row(F4, indices[k])
            a = part(w, 2) + part(w, 0) * pi + part(w, 1) * qi
            x = values[k] * F4.dtype.type(a > 0)  # (a branch would be guessed wrong too often)
            taken[k - start] = x
            dh = dh - quad(x, x, x, x) * w
        dh = quad(part(dh, 0), part(dh, 1), zero, zero)
        h = quad(pi, qi, one, zero)
        for k in range(start, indptr[row + 1]):
            j, x, t = indices[k], values[k], taken[k - start]
            d = load_row(D4, j) + quad(x, x, x, x) * dh - quad(t, t, t, t) * h
            store_row(D4, j, d)


@numba.njit(cache=True, nogil=True)
def _points(k, leaf, F, F4, bounds, sums, rows, h, D, D4, A, room, places, taken):
    """First pass: the blocks k, k + chunks, k + 2 chunks, … of points; return pairs visited."""
    p, q, u, v = h[0], h[1], h[2], h[3]
    T = p.size
    chunks = D.shape[0]
    margin = F.dtype.type(MARGIN)
    D[k] = 0
    D4[k] = 0
    A[k] = 0
    visited = 0
    for first in range(k * ROWS, T, chunks * ROWS):
        last = min(first + ROWS, T)
        encode_rows(F4, rows, first, last, p, q)
        u[first:last] = 0
        v[first:last] = 0
        visited += add_block(
            F, bounds, sums, p, q, first, last, leaf, u, v, D[k], A[k], room[k], places[k], margin
        )
        add_sparse_rows(F4, rows, first, last, p, q, u, v, D4[k], taken[k])
    return visited


@numba.njit(cache=True, nogil=True)
def _gather(k, F, D, D4, A):
    """Second pass, first half: the gradient of a range of features, into D[0]."""
    N = F.size // 3
    G = N // GROUP
    for g in range(k * G // RANGES, (k + 1) * G // RANGES):
        j = g * GROUP
        dx, dy, dc = spread_moments(F, A, g)
        for c in range(D.shape[0]):
            dx = dx + load(D[c], j) + load_column(D4[c], j, 0)
            dy = dy + load(D[c], N + j) + load_column(D4[c], j, 1)
            dc = dc + load(D[c], 2 * N + j) + load_column(D4[c], j, 2)
        store(D[0], j, dx)
        store(D[0], N + j, dy)
        store(D[0], 2 * N + j, dc)


@numba.njit(cache=True, nogil=True)
def _prepare(k, F, F4, scale, bounds, sums):
    """Bring what follows from the weights up to date, for a range of features."""
    N = F.size // 3
    G = N // GROUP
    first, last = k * G // RANGES, (k + 1) * G // RANGES
    bound_groups(F, scale, bounds, sums, first, last)
    for j in range(first * GROUP, last * GROUP):
        F4[j, 0], F4[j, 1], F4[j, 2] = F[j], F[N + j], F[2 * N + j]


@numba.njit(cache=True, nogil=True)
def _update_range(k, n, F, m1, m2, D, arguments):
    """Update a range of the n features, but not those that fill up the last groups."""
    N = F.size // 3
    G = N // GROUP
    first, last = k * G // RANGES * GROUP, min(n, (k + 1) * G // RANGES * GROUP)
    for_W, for_b = parted(arguments)
    for d in range(3):
        some = slice(d * N + first, d * N + last)
        its = for_W if d < 2 else for_b
        adamw(F[some], D[0, some], m1[some], m2[some], *its)


@numba.njit(cache=True, nogil=True)
def _second_pass(k, n, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update):
    _gather(k, F, D, D4, A)
    if update:
        _update_range(k, n, F, m1, m2, D, arguments)
        _prepare(k, F, F4, scale, bounds, sums)


# Twice, under two names, for the reason given in step.py.


@numba.njit(cache=True, nogil=True)
def _pruned_steps(F, m1, m2, scale, rows, work, rates, done, factor, hyper, tiny, update):
    """Take a step for each learning rate, or leave the gradient in D[0]; add up pairs visited."""
    leaf, F4, bounds, sums, h, D, D4, A, room, places, taken, visited = work
    n = taken.shape[1]
    for s in range(rates.size):
        arguments = factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in range(D.shape[0]):
            visited[k] += _points(
                k, leaf, F, F4, bounds, sums, rows, h, D, D4, A, room, places, taken
            )
        for k in range(RANGES):
            _second_pass(k, n, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update)


@numba.njit(cache=True, nogil=True, parallel=True)
def _pruned_steps_on_threads(
    F, m1, m2, scale, rows, work, rates, done, factor, hyper, tiny, update
):
    """As `_pruned_steps`, both passes on threads."""
    leaf, F4, bounds, sums, h, D, D4, A, room, places, taken, visited = work
    n = taken.shape[1]
    for s in range(rates.size):
        arguments = factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in numba.prange(D.shape[0]):
            visited[k] += _points(
                k, leaf, F, F4, bounds, sums, rows, h, D, D4, A, room, places, taken
            )
        for k in numba.prange(RANGES):
            _second_pass(k, n, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update)


def order_features(W: np.ndarray, b: np.ndarray, scale) -> np.ndarray:
    """Return the features in the order of their directions: (n,) int32."""
    keys, names = np.empty((3, b.size), W.dtype), np.arange(b.size, dtype=np.int32)
    place_features(W, b, scale, keys)
    sort_cells(keys, names, GROUP, GROUP)
    return names


def order_points(h: np.ndarray, leaf: int) -> np.ndarray:
    """Return the points in the order of their place in the plane, h (2, T): (T,) int32."""
    names = np.arange(h.shape[1], dtype=np.int32)
    sort_cells(h, names, leaf, ROWS // leaf)
    return names


def _chunks(T: int) -> int:
    """Into how many parts the points are split: enough for threads, few enough to add up."""
    blocks = -(-T // ROWS)
    return 1 if blocks < 4 else 2 if blocks < 64 else 4 if blocks < 256 else 8


class HalfPlanes(Workspace):
    """The workspace of a step at m = 2."""

    def __init__(self, W, b, moments, orders, T: int) -> None:
        n, real, N, chunks = b.size, W.dtype, padded(b.size), _chunks(T)
        G = N // GROUP
        super().__init__(W, b, moments, orders, N, 2, ROWS)
        self.scale = real.type(orders["scale"][0])
        self.work = (
            leaf_size(n, T),
            np.zeros((N, 4), real),
            np.empty(6 * G, real),
            np.empty(6 * G, real),
            np.empty((4, T), real),
            np.empty((chunks, 3 * N), real),
            np.empty((chunks, N, 4), real),
            np.empty((chunks, 6 * G), real),
            *block_room(chunks, N, real),
            np.empty((chunks, n), real),
            np.zeros(chunks, np.int64),
        )
        self.D = self.work[5][0]
        for k in range(RANGES):
            _prepare(k, self.F, self.work[1], self.scale, *self.work[2:4])

    @classmethod
    def find_orders(cls, W, b, h) -> dict[str, np.ndarray]:
        """Return orders of features and points, and the size of h, which bounds hang on."""
        scale = typical_size(h)
        return {
            "scale": np.array([scale]),
            "features": order_features(W, b, scale),
            "points": cls.order_points(h, b.size),
        }

    @staticmethod
    def order_points(h: np.ndarray, n: int) -> np.ndarray:
        """Return the points in the order of their place, h (2, T): (T,) int32."""
        return order_points(h, leaf_size(n, h.shape[1]))

    def steps(self, rates, done, factor, hyper, tiny, threads, update=True) -> None:
        """Take a step for each learning rate; without `update` leave the gradient in D."""
        run = _pruned_steps_on_threads if threads > 1 else _pruned_steps
        state = self.F, self.m1, self.m2, self.scale, self.rows, self.work
        run(*state, rates, done, factor, hyper, tiny, update)
