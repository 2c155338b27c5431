"""The training step at m = 2 for large T · n: blocks of points through `pruned.py`.

A step is two passes. The first goes over blocks of points, each encoded, compared with all
features and sent through its non-zeros while it lies in the cache, so that the data are read
from memory once. The second goes over ranges of features: it adds up the gradient, updates the
weights, and bounds the groups for the next step. The work of either is split in a way that hangs
on T and n alone, and summed in a fixed order: the same bits on any number of threads.

Everything here is in the orders of `order.py`: points by where they lie in the plane, features
by direction. `arrange` brings weights, moments and data into them, `restore` brings them back.
"""

import math

import numba
import numpy as np

from sdd.engine.order import place_features, sort_cells
from sdd.engine.pruned import (
    BLOCK,
    GROUP,
    LEAF,
    MARGIN,
    ROWS,
    add_block,
    bound_groups,
    padded,
    spread_moments,
)
from sdd.engine.step import adamw

__all__ = ["REORDER", "Workspace", "order_features", "order_points", "pruned_steps"]

REORDER = 128  # steps for which an order serves: points and features move slowly
RANGES = 8  # of features, in the second pass


@numba.njit(cache=True, nogil=True)
def encode_rows(F4, indptr, indices, values, first, last, p, q):
    """Set (p_i, q_i) = W x_i for some rows."""
    for i in range(first, last):
        x = y = F4.dtype.type(0)
        for k in range(indptr[i], indptr[i + 1]):
            j = np.uint32(indices[k])
            x += values[k] * F4[j, 0]
            y += values[k] * F4[j, 1]
        p[i], q[i] = x, y


@numba.njit(cache=True, nogil=True)
def add_sparse_rows(F4, indptr, indices, values, first, last, p, q, u, v, D4, taken):
    """Add the half-gradients at the non-zeros of some rows to D4 (N, 4).

    −2 x_ij r_ij first, which completes ∂L/∂h_i; with that, the way back through the encoder.
    """
    zero = F4.dtype.type(0)
    for i in range(first, last):
        pi, qi, ui, vi = p[i], q[i], u[i], v[i]
        start = indptr[i]
        for k in range(start, indptr[i + 1]):
            j = np.uint32(indices[k])
            wx, wy = F4[j, 0], F4[j, 1]
            x = values[k] if F4[j, 2] + wx * pi + wy * qi > 0 else zero
            taken[k - start] = x
            ui -= x * wx
            vi -= x * wy
        for k in range(start, indptr[i + 1]):
            j, x = np.uint32(indices[k]), taken[k - start]
            D4[j, 0] += values[k] * ui - x * pi
            D4[j, 1] += values[k] * vi - x * qi
            D4[j, 2] -= x


@numba.njit(cache=True, nogil=True)
def _points(k, F, F4, bounds, sums, indptr, indices, values, h, D, D4, A, room, places):
    """First pass: the blocks k, k + chunks, k + 2 chunks, … of points; return pairs visited."""
    p, q, u, v = h[0], h[1], h[2], h[3]
    T = indptr.size - 1
    chunks = D.shape[0]
    margin = F.dtype.type(MARGIN)
    D[k] = 0
    D4[k] = 0
    A[k] = 0
    visited = 0
    for first in range(k * ROWS, T, chunks * ROWS):
        last = min(first + ROWS, T)
        encode_rows(F4, indptr, indices, values, first, last, p, q)
        u[first:last] = 0
        v[first:last] = 0
        visited += add_block(
            F, bounds, sums, p, q, first, last, u, v, D[k], A[k], room[k], places[k], margin
        )
        add_sparse_rows(F4, indptr, indices, values, first, last, p, q, u, v, D4[k], room[k])
    return visited


@numba.njit(cache=True, nogil=True)
def _gather(k, F, D, D4, A):
    """Second pass, first half: the gradient of a range of features, into D[0]."""
    N = F.size // 3
    G = N // GROUP
    first, last = k * G // RANGES, (k + 1) * G // RANGES
    for c in range(1, D.shape[0]):
        for d in range(6):
            A[0, d * G + first : d * G + last] += A[c, d * G + first : d * G + last]
        for d in range(3):
            part = slice(d * N + first * GROUP, d * N + last * GROUP)
            D[0, part] += D[c, part]
        D4[0, first * GROUP : last * GROUP] += D4[c, first * GROUP : last * GROUP]
    spread_moments(F, A[0], D[0], first, last)
    for j in range(first * GROUP, last * GROUP):
        D[0, j] += D4[0, j, 0]
        D[0, N + j] += D4[0, j, 1]
        D[0, 2 * N + j] += D4[0, j, 2]


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
def _update_range(k, F, m1, m2, D, arguments):
    N = F.size // 3
    G = N // GROUP
    first, last = k * G // RANGES * GROUP, (k + 1) * G // RANGES * GROUP
    for d in range(3):
        part = slice(d * N + first, d * N + last)
        adamw(F[part], D[0, part], m1[part], m2[part], *arguments)


@numba.njit(cache=True, nogil=True)
def _second_pass(k, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update):
    _gather(k, F, D, D4, A)
    if update:
        _update_range(k, F, m1, m2, D, arguments)
        _prepare(k, F, F4, scale, bounds, sums)


@numba.njit(cache=True, nogil=True)
def _factors(t, rate, real, factor, hyper, tiny):
    """Return what AdamW multiplies by at step number t (from 1 on)."""
    weight_decay, beta1, beta2, eps = hyper
    return (
        real(factor),
        real(1 - rate * weight_decay),
        real(1 - beta1),
        real(1 - beta2),
        real(rate / (1 - beta1**t)),
        real(1 / math.sqrt(1 - beta2**t)),
        real(eps),
        real(tiny),
    )


# Twice, under two names, for the reason given in step.py.


@numba.njit(cache=True, nogil=True)
def _pruned_steps(F, m1, m2, scale, rows, work, rates, done, factor, hyper, tiny, update):
    """Take a step for each learning rate, or leave the gradient in D[0]; return pairs visited."""
    indptr, indices, values = rows
    F4, bounds, sums, h, D, D4, A, room, places, visited = work
    for k in range(RANGES):
        _prepare(k, F, F4, scale, bounds, sums)
    for s in range(rates.size):
        arguments = _factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in range(D.shape[0]):
            visited[k] += _points(
                k, F, F4, bounds, sums, indptr, indices, values, h, D, D4, A, room, places
            )
        for k in range(RANGES):
            _second_pass(k, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update)


@numba.njit(cache=True, nogil=True, parallel=True)
def _pruned_steps_on_threads(
    F, m1, m2, scale, rows, work, rates, done, factor, hyper, tiny, update
):
    """As `_pruned_steps`, both passes on threads."""
    indptr, indices, values = rows
    F4, bounds, sums, h, D, D4, A, room, places, visited = work
    for k in range(RANGES):
        _prepare(k, F, F4, scale, bounds, sums)
    for s in range(rates.size):
        arguments = _factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in numba.prange(D.shape[0]):
            visited[k] += _points(
                k, F, F4, bounds, sums, indptr, indices, values, h, D, D4, A, room, places
            )
        for k in numba.prange(RANGES):
            _second_pass(k, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update)


def pruned_steps(threads: int):
    """Return the compiled loop over steps."""
    return _pruned_steps_on_threads if threads > 1 else _pruned_steps


@numba.njit(cache=True, nogil=True)
def _move_rows(indptr, indices, values, names, place, to_indptr, to_indices, to_values):
    """Copy rows in the order of `names`, with column j renamed to place[j]."""
    start = 0
    to_indptr[0] = 0
    for i in range(names.size):
        row = names[i]
        for k in range(indptr[row], indptr[row + 1]):
            to_indices[start] = place[indices[k]]
            to_values[start] = values[k]
            start += 1
        to_indptr[i + 1] = start


def order_features(W: np.ndarray, b: np.ndarray, scale) -> np.ndarray:
    """Return the features in the order of their directions: (n,) int32."""
    keys, names = np.empty((3, b.size), W.dtype), np.arange(b.size, dtype=np.int32)
    place_features(W, b, scale, keys)
    sort_cells(keys, names, GROUP, GROUP)
    return names


def order_points(h: np.ndarray) -> np.ndarray:
    """Return the points in the order of their place in the plane, h (2, T): (T,) int32."""
    names = np.arange(h.shape[1], dtype=np.int32)
    sort_cells(h.copy(), names, LEAF, BLOCK)
    return names


def _chunks(T: int) -> int:
    """Into how many parts the points are split: enough for threads, few enough to add up."""
    blocks = -(-T // ROWS)
    return 1 if blocks < 4 else 2 if blocks < 16 else 4 if blocks < 64 else 8 if blocks < 256 else 16


class Workspace:
    """Weights, moments and data in the orders of an engine's state, and space to work in.

    Parameters
    ----------
    W, b : (2, n) and (n,) array
        Weights.
    moments : tuple of arrays
        AdamW's, as in `State`.
    data : Dataset
        The points.
    points, features : (T,) and (n,) int32 array
        The orders.
    scale : float
        Typical length of a hidden vector: only weighs directions in bounds.
    """

    def __init__(self, W, b, moments, data, points, features, scale) -> None:
        n, T, real = b.size, data.T, W.dtype
        N, G, chunks = padded(n), padded(n) // GROUP, _chunks(T)
        self.n, self.N, self.features = n, N, features
        self.scale = real.type(scale)
        m1W, m2W, m1b, m2b = moments
        self.F, self.m1, self.m2 = (
            self._laid_out(of_W, of_b, fill)
            for of_W, of_b, fill in ((W, b, -1), (m1W, m1b, 0), (m2W, m2b, 0))
        )
        place = np.empty(n, np.int32)
        place[features] = np.arange(n, dtype=np.int32)
        self.rows = (
            np.empty(T + 1, np.int64),
            np.empty(data.indices.size, np.int32),
            np.empty(data.values.size, real),
        )
        _move_rows(data.indptr, data.indices, data.values, points, place, *self.rows)
        self.work = (
            np.zeros((N, 4), real),
            np.empty(6 * G, real),
            np.empty(5 * G, real),
            np.empty((4, T), real),
            np.empty((chunks, 3 * N), real),
            np.empty((chunks, N, 4), real),
            np.empty((chunks, 6 * G), real),
            np.empty((chunks, 6 * N + 17 * G + GROUP), real),
            np.empty((chunks, 3 * G), np.int64),
            np.zeros(chunks, np.int64),
        )

    def _laid_out(self, of_W, of_b, fill) -> np.ndarray:
        """Return W_1, W_2 and b (or their moments) in order, padded by silent features."""
        flat = np.zeros((3, self.N), of_W.dtype)
        flat[2] = fill
        flat[:2, : self.n], flat[2, : self.n] = of_W[:, self.features], of_b[self.features]
        return flat.reshape(-1)

    def restore(self, flat, of_W, of_b) -> None:
        """Write an array laid out as F is back into one of W's shape and one of b's."""
        flat = flat.reshape(3, self.N)
        of_W[:, self.features], of_b[self.features] = flat[:2, : self.n], flat[2, : self.n]

    @property
    def gradient(self) -> np.ndarray:
        """Where the gradient lies, in the layout of F."""
        return self.work[4][0]

    @property
    def visited(self) -> int:
        """Pairs of a point and a feature that were visited, in all steps together."""
        return int(self.work[-1].sum())
