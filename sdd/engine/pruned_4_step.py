"""The training step at m = 3 and 4 for large T · n: leaves of points through `pruned_4.py`.

As at m = 2 (see `pruned_step.py`) a step is two passes: over leaves of points, each encoded,
compared with all features and sent through its non-zeros; and over ranges of features, which
adds up the gradient and updates the weights. Leaves are dealt to a number of chunks that hangs
on T alone, and sums are taken in a fixed order: the same bits on any number of threads.
"""

import numba
import numpy as np

from sdd.engine.arranged import RANGES, Workspace, typical_size
from sdd.engine.order import sort_cells
from sdd.engine.pruned import MARGIN
from sdd.engine.pruned_4 import LEAF, PAIR, ROOM, add_leaf
from sdd.engine.step import adamw, factors, parted
from sdd.engine.vectors import LANES, load_row, part, quad, store_row

__all__ = ["Boxes"]

BLOCK = 8  # leaves whose points are neighbours, too


@numba.njit(cache=True, nogil=True)
def _encode_rows(E, rows, first, last, h):
    """Set h[:, i] = W x_i for the points of some rows."""
    at, indptr, indices, values = rows
    zero = E.dtype.type(0)
    for row in range(first, last):
        i, s = at[row], quad(zero, zero, zero, zero)
        for k in range(indptr[row], indptr[row + 1]):
            x = values[k]
            s = s + quad(x, x, x, x) * load_row(E, 2 * indices[k])
        h[0, i], h[1, i], h[2, i], h[3, i] = part(s, 0), part(s, 1), part(s, 2), part(s, 3)


@numba.njit(cache=True, nogil=True)
def _add_sparse_rows(E, rows, first, last, h, dh, DE, taken):
    """Add the half-gradients at the non-zeros of some rows to DE.

    −2 x_ij r_ij first, which completes ∂L/∂h_i; with that, the way back through the encoder.
    """
    at, indptr, indices, values = rows
    real = E.dtype.type
    for row in range(first, last):
        i, start = at[row], indptr[row]
        p = quad(h[0, i], h[1, i], h[2, i], h[3, i])
        u = quad(dh[0, i], dh[1, i], dh[2, i], dh[3, i])
        for k in range(start, indptr[row + 1]):
            j = 2 * indices[k]
            w = load_row(E, j)
            s = w * p
            a = E[j + 1, 0] + ((part(s, 0) + part(s, 1)) + (part(s, 2) + part(s, 3)))
            x = values[k] * real(a > 0)  # (a branch would be guessed wrong too often)
            taken[k - start] = x
            u = u - quad(x, x, x, x) * w
        for k in range(start, indptr[row + 1]):
            j, x, t = 2 * indices[k], values[k], taken[k - start]
            store_row(DE, j, load_row(DE, j) + quad(x, x, x, x) * u - quad(t, t, t, t) * p)
            DE[j + 1, 0] -= t


@numba.njit(cache=True, nogil=True)
def _points(k, F, E, rows, h, dh, D, DE, room, places):
    """First pass: the leaves k, k + chunks, k + 2 chunks, … of points; return pairs visited."""
    T = h.shape[1]
    chunks = D.shape[0]
    margin = F.dtype.type(MARGIN)
    mine = DE[k]
    D[k] = 0
    DE[k] = 0
    visited = 0
    for first in range(k * LEAF, T, chunks * LEAF):
        last = min(first + LEAF, T)
        _encode_rows(E, rows, first, last, h)
        dh[:, first:last] = 0
        visited += add_leaf(F, h, first, last, dh, D[k], room[k], places[k], margin)
        _add_sparse_rows(E, rows, first, last, h, dh, mine, room[k])
    return visited


@numba.njit(cache=True, nogil=True)
def _gather(D, DE, first, last):
    """Bring the gradient of the features `first` … `last` − 1 from all chunks into D[0]."""
    N = D.shape[1] // 5
    for c in range(D.shape[0]):
        for d in range(5 if c > 0 else 0):
            for j in range(d * N + first, d * N + last):
                D[0, j] += D[c, j]
        for j in range(first, last):
            for d in range(4):
                D[0, d * N + j] += DE[c, 2 * j, d]
            D[0, 4 * N + j] += DE[c, 2 * j + 1, 0]


@numba.njit(cache=True, nogil=True)
def _set_rows(F, E, first, last):
    """Bring E, which holds what belongs to one feature side by side, up to date."""
    N = F.size // 5
    for j in range(first, last):
        for d in range(4):
            E[2 * j, d] = F[d * N + j]
        E[2 * j + 1, 0] = F[4 * N + j]


@numba.njit(cache=True, nogil=True)
def _second_pass(k, sizes, F, E, D, DE, m1, m2, arguments, update):
    """Gather the gradient of the k-th range of features, and update them."""
    m, n = sizes
    N = F.size // 5
    first, last = k * n // RANGES, (k + 1) * n // RANGES
    _gather(D, DE, first, last)
    if update:
        for_W, for_b = parted(arguments)
        for d in range(5):
            if d < m or d == 4:
                some = slice(d * N + first, d * N + last)
                its = for_b if d == 4 else for_W
                adamw(F[some], D[0, some], m1[some], m2[some], *its)
        _set_rows(F, E, first, last)


# Twice, under two names, for the reason given in step.py.


@numba.njit(cache=True, nogil=True)
def _pruned_4_steps(sizes, F, m1, m2, rows, work, rates, done, factor, hyper, tiny, update):
    """Take a step for each learning rate, or leave the gradient in D[0]."""
    E, h, dh, D, DE, room, places, visited = work
    for s in range(rates.size):
        arguments = factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in range(D.shape[0]):
            visited[k] += _points(k, F, E, rows, h, dh, D, DE, room, places)
        for k in range(RANGES):
            _second_pass(k, sizes, F, E, D, DE, m1, m2, arguments, update)


@numba.njit(cache=True, nogil=True, parallel=True)
def _pruned_4_steps_on_threads(
    sizes, F, m1, m2, rows, work, rates, done, factor, hyper, tiny, update
):
    """As `_pruned_4_steps`, both passes on threads."""
    E, h, dh, D, DE, room, places, visited = work
    for s in range(rates.size):
        arguments = factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in numba.prange(D.shape[0]):
            visited[k] += _points(k, F, E, rows, h, dh, D, DE, room, places)
        for k in numba.prange(RANGES):
            _second_pass(k, sizes, F, E, D, DE, m1, m2, arguments, update)


def _order_features(W: np.ndarray, b: np.ndarray, scale) -> np.ndarray:
    """Return the features in the order of the directions of (scale · W_j, b_j): (n,) int32."""
    names = np.arange(b.size, dtype=np.int32)
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverged
        keys = np.concatenate([W * scale, b[None]])
        keys /= np.maximum(np.sqrt((keys * keys).sum(axis=0)), np.finfo(W.dtype).tiny)
    sort_cells(keys, names, LANES, LANES)
    return names


def _chunks(T: int) -> int:
    """Into how many parts the leaves are dealt: enough for threads, few enough to add up."""
    leaves = -(-T // LEAF)
    return 1 if leaves < 16 else 2 if leaves < 64 else 4 if leaves < 1024 else 8


class Boxes(Workspace):
    """The workspace of a step at m = 3 or 4."""

    def __init__(self, W, b, moments, orders, T: int) -> None:
        real, chunks, N = W.dtype, _chunks(T), -(-b.size // LANES) * LANES
        super().__init__(W, b, moments, orders, N, 4, LEAF)
        self.work = (
            np.zeros((2 * N, 4), real),
            np.empty((4, T), real),
            np.empty((4, T), real),
            np.empty((chunks, 5 * N), real),
            np.empty((chunks, 2 * N, 4), real),
            np.empty((chunks, 10 * (N + PAIR) + ROOM), real),
            np.empty((chunks, 2, N // LANES + 1, 2), np.int64),
            np.zeros(chunks, np.int64),
        )
        self.D = self.work[3][0]
        _set_rows(self.F, self.work[0], 0, N)

    @classmethod
    def find_orders(cls, W, b, h) -> dict[str, np.ndarray]:
        """Return orders of features and points."""
        features = _order_features(W, b, typical_size(h))
        return {"features": features, "points": cls.order_points(h, b.size)}

    @staticmethod
    def order_points(h: np.ndarray, n: int) -> np.ndarray:
        """Return the points in the order of their place, h (m, T): (T,) int32."""
        names = np.arange(h.shape[1], dtype=np.int32)
        sort_cells(h, names, LEAF, BLOCK)
        return names

    def steps(self, rates, done, factor, hyper, tiny, threads, update=True) -> None:
        """Take a step for each learning rate; without `update` leave the gradient in D."""
        run = _pruned_4_steps_on_threads if threads > 1 else _pruned_4_steps
        state = (self.m, self.n), self.F, self.m1, self.m2, self.rows, self.work
        run(*state, rates, done, factor, hyper, tiny, update)
