"""The training step at m = 2 for large T · n: blocks of points through `pruned.py`.

A step is two passes. The first goes over blocks of points, each encoded, compared with all
features and sent through its non-zeros while it lies in the cache, so that the data are read
from memory once. The second goes over ranges of features: it adds up the gradient, updates the
weights, and bounds the groups for the next step. The work of either is split in a way that hangs
on T and n alone, and summed in a fixed order: the same bits on any number of threads.

Everything here is in the orders of `order.py`: points by where they lie in the plane, features
by direction. A `Workspace` brings weights, moments and data into them, and weights back.
"""

import numba
import numpy as np

from sdd.data import Stream
from sdd.engine.order import place_features, sort_cells
from sdd.engine.pruned import (
    GROUP,
    LEAF,
    MARGIN,
    ROWS,
    add_block,
    add_squares,
    bound_groups,
    leaf_size,
    padded,
    room_size,
    spread_moments,
)
from sdd.engine.sparse import encode
from sdd.engine.step import adamw, factors
from sdd.engine.vectors import load, load_column, load_row, part, quad, store, store_row

__all__ = [
    "REORDER",
    "Workspace",
    "advance_pruned",
    "gradient_pruned",
    "squares_pruned",
    "take_rows",
    "typical_size",
]

REORDER = 64  # steps for which an order serves: points and features move slowly
RANGES = 8  # of features, in the second pass


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
def _update_range(k, F, m1, m2, D, arguments):
    N = F.size // 3
    G = N // GROUP
    first, last = k * G // RANGES * GROUP, (k + 1) * G // RANGES * GROUP
    for d in range(3):
        some = slice(d * N + first, d * N + last)
        adamw(F[some], D[0, some], m1[some], m2[some], *arguments)


@numba.njit(cache=True, nogil=True)
def _second_pass(k, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update):
    _gather(k, F, D, D4, A)
    if update:
        _update_range(k, F, m1, m2, D, arguments)
        _prepare(k, F, F4, scale, bounds, sums)


# Twice, under two names, for the reason given in step.py.


@numba.njit(cache=True, nogil=True)
def _pruned_steps(F, m1, m2, scale, rows, work, rates, done, factor, hyper, tiny, update):
    """Take a step for each learning rate, or leave the gradient in D[0]; add up pairs visited."""
    leaf, F4, bounds, sums, h, D, D4, A, room, places, taken, visited = work
    for s in range(rates.size):
        arguments = factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in range(D.shape[0]):
            visited[k] += _points(
                k, leaf, F, F4, bounds, sums, rows, h, D, D4, A, room, places, taken
            )
        for k in range(RANGES):
            _second_pass(k, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update)


@numba.njit(cache=True, nogil=True, parallel=True)
def _pruned_steps_on_threads(
    F, m1, m2, scale, rows, work, rates, done, factor, hyper, tiny, update
):
    """As `_pruned_steps`, both passes on threads."""
    leaf, F4, bounds, sums, h, D, D4, A, room, places, taken, visited = work
    for s in range(rates.size):
        arguments = factors(done + s + 1, rates[s], F.dtype.type, factor, hyper, tiny)
        for k in numba.prange(D.shape[0]):
            visited[k] += _points(
                k, leaf, F, F4, bounds, sums, rows, h, D, D4, A, room, places, taken
            )
        for k in numba.prange(RANGES):
            _second_pass(k, F, F4, scale, bounds, sums, D, D4, A, m1, m2, arguments, update)


@numba.njit(cache=True, nogil=True)
def _sort_by_length(indptr, names, block, at):
    """Set `at` to the places in `names` of each block in turn, rows of equal length together.

    A block's rows are taken in that order, so that the loop over a row's non-zeros nearly always
    ends where the processor expects it to.
    """
    for first in range(0, names.size, block):
        last = min(first + block, names.size)
        longest = 0
        for i in range(first, last):
            longest = max(longest, indptr[names[i] + 1] - indptr[names[i]])
        places = np.zeros(longest + 2, np.int64)
        for i in range(first, last):
            places[indptr[names[i] + 1] - indptr[names[i]] + 1] += 1
        for length in range(longest):
            places[length + 1] += places[length]
        for i in range(first, last):
            length = indptr[names[i] + 1] - indptr[names[i]]
            at[first + places[length]] = i
            places[length] += 1


@numba.njit(cache=True, nogil=True)
def _move_rows(indptr, indices, values, names, place, rows):
    """Copy the rows of `names` to `rows`, in the order of `at`, with column j renamed place[j]."""
    at, to_indptr, to_indices, to_values = rows
    start = 0
    to_indptr[0] = 0
    for r in range(names.size):
        row = names[at[r]]
        for k in range(indptr[row], indptr[row + 1]):
            to_indices[start] = place[indices[k]]
            to_values[start] = values[k]
            start += 1
        to_indptr[r + 1] = start


def take_rows(data, points, column, block: int, dtype, rows: tuple = ()) -> tuple[np.ndarray, ...]:
    """Return the data's rows for kernels: (at, indptr, indices, values).

    Row r is that of the point at[r] of `points`, with columns renamed by `column`; rows change
    places within blocks of that many. The memory of
    the `rows` returned before is taken again where it suffices, for batch after batch.
    """
    size = data.indices.size
    if not rows or rows[-1].size < size:
        room = size + size // 8 if rows else size
        at, indptr = np.empty(data.T, np.int32), np.empty(data.T + 1, np.int64)
        rows = at, indptr, np.empty(room, np.int32), np.empty(room, dtype)
    _sort_by_length(data.indptr, points, block, rows[0])
    _move_rows(data.indptr, data.indices, data.values, points, column, rows)
    return rows


@numba.njit(cache=True, nogil=True)
def _lay_out(of_W, of_b, features, fill, flat):
    """Set `flat` to W_1, W_2 and b (or their moments) in order, padded by silent features."""
    n, N = features.size, flat.size // 3
    for k in range(n):
        j = features[k]
        flat[k], flat[N + k], flat[2 * N + k] = of_W[0, j], of_W[1, j], of_b[j]
    for k in range(n, N):
        flat[k], flat[N + k], flat[2 * N + k] = 0, 0, fill


@numba.njit(cache=True, nogil=True)
def _put_back(flat, features, of_W, of_b):
    """Undo `_lay_out`."""
    N = flat.size // 3
    for k in range(features.size):
        j = features[k]
        of_W[0, j], of_W[1, j], of_b[j] = flat[k], flat[N + k], flat[2 * N + k]


def order_features(W: np.ndarray, b: np.ndarray, scale) -> np.ndarray:
    """Return the features in the order of their directions: (n,) int32."""
    keys, names = np.empty((3, b.size), W.dtype), np.arange(b.size, dtype=np.int32)
    place_features(W, b, scale, keys)
    sort_cells(keys, names, GROUP, GROUP)
    return names


def typical_size(h: np.ndarray) -> np.floating:
    """Return the root of the mean square of hidden vectors' entries: never zero."""
    return h.dtype.type(max(float(np.sqrt(np.mean(h * h))), 1e-30))


def order_points(h: np.ndarray, leaf: int) -> np.ndarray:
    """Return the points in the order of their place in the plane, h (2, T): (T,) int32."""
    names = np.arange(h.shape[1], dtype=np.int32)
    sort_cells(h, names, leaf, ROWS // leaf)
    return names


def _chunks(T: int) -> int:
    """Into how many parts the points are split: enough for threads, few enough to add up."""
    blocks = -(-T // ROWS)
    return 1 if blocks < 4 else 2 if blocks < 64 else 4 if blocks < 256 else 8


@numba.njit(cache=True, nogil=True)
def _encode_named(F4, place, indptr, indices, values, p, q):
    """Set (p_i, q_i) = W x_i for rows whose columns still have their own names."""
    for i in range(p.size):
        x = y = F4.dtype.type(0)
        for k in range(indptr[i], indptr[i + 1]):
            j = place[indices[k]]
            x += values[k] * F4[j, 0]
            y += values[k] * F4[j, 1]
        p[i], q[i] = x, y


def _room(chunks: int, N: int, real) -> tuple[np.ndarray, np.ndarray]:
    """Return space for `add_block` to work in, for each chunk."""
    numbers, places = room_size(N)
    room, names = np.zeros((chunks, numbers), real), np.empty((chunks, places), np.int32)
    names[:, : N // GROUP] = np.arange(0, N, GROUP)
    return room, names


class Workspace:
    """Weights and moments in the order of features, and space to work in.

    Parameters
    ----------
    W, b : (2, n) and (n,) array
        Weights.
    moments : tuple of arrays
        AdamW's, as in `State`.
    features : (n,) int32 array
        The order of features.
    scale : float
        Typical length of a hidden vector: only weighs directions in bounds.
    T : int
        Number of points.
    """

    def __init__(self, W, b, moments, features, scale, T: int) -> None:
        n, real = b.size, W.dtype
        N, G, chunks = padded(n), padded(n) // GROUP, _chunks(T)
        self.n, self.N, self.features = n, N, features
        self.scale = real.type(scale)
        m1W, m2W, m1b, m2b = moments
        self.F, self.m1, self.m2 = np.empty((3, 3 * N), real)
        for flat, of_W, of_b, fill in (
            (self.F, W, b, -1), (self.m1, m1W, m1b, 0), (self.m2, m2W, m2b, 0)
        ):  # fmt: skip
            _lay_out(of_W, of_b, features, real.type(fill), flat)
        self.column = np.empty(n, np.int32)
        self.column[features] = np.arange(n, dtype=np.int32)
        self.rows: tuple = ()
        self.work = (
            leaf_size(n, T),
            np.zeros((N, 4), real),
            np.empty(6 * G, real),
            np.empty(6 * G, real),
            np.empty((4, T), real),
            np.empty((chunks, 3 * N), real),
            np.empty((chunks, N, 4), real),
            np.empty((chunks, 6 * G), real),
            *_room(chunks, N, real),
            np.empty((chunks, n), real),
            np.zeros(chunks, np.int64),
        )
        self.F4, self.D = self.work[1], self.work[5]
        for k in range(RANGES):
            _prepare(k, self.F, self.F4, self.scale, *self.work[2:4])

    def take(self, data, points) -> None:
        """Take the rows of the data, in the order given."""
        self.rows = take_rows(data, points, self.column, ROWS, self.F.dtype, self.rows)

    def order(self, data) -> np.ndarray:
        """Return the order of the data's points at the present weights."""
        h = np.empty((2, data.T), self.F.dtype)
        source = data.indptr, data.indices, data.values
        _encode_named(self.F4, self.column, *source, h[0], h[1])
        return order_points(h, leaf_size(self.n, data.T))

    def steps(self, rates, done, factor, hyper, tiny, threads, update=True) -> None:
        """Take a step for each learning rate; without `update` leave the gradient in D[0]."""
        run = _pruned_steps_on_threads if threads > 1 else _pruned_steps
        state = self.F, self.m1, self.m2, self.scale, self.rows, self.work
        run(*state, rates, done, factor, hyper, tiny, update)

    def restore(self, flat, of_W, of_b) -> None:
        """Write an array laid out as F is back into one of W's shape and one of b's."""
        _put_back(flat, self.features, of_W, of_b)

    def gradient(self, data, threads) -> tuple[np.ndarray, np.ndarray]:
        """Return half the gradient of Σ_i ‖x_i − x'_i‖², with respect to W and to b."""
        self.take(data, self.order(data))
        self.steps(np.zeros(1), 0, 0.0, (0.0,) * 4, 0.0, threads, update=False)
        dW, db = np.empty((2, self.n), self.F.dtype), np.empty(self.n, self.F.dtype)
        self.restore(self.D[0], dW, db)
        return dW, db

    @property
    def visited(self) -> int:
        """Pairs of a point and a feature that were visited, in all steps together."""
        return int(self.work[-1].sum())


def _set_orders(state, data) -> None:
    """Order features and points anew by where the weights are now."""
    h = np.empty((2, data.T), state.W.dtype)
    encode(state.W, data.indptr, data.indices, data.values.astype(state.W.dtype), 0, data.T, h)
    scale = typical_size(h)
    state.orders["scale"] = np.array([scale])
    state.orders["features"] = order_features(state.W, state.b, scale)
    state.orders["points"] = order_points(h, leaf_size(data.n, data.T))


def advance_pruned(state, data, rates, factor, hyper, tiny, threads) -> None:
    """Take steps; `data` is a data set, or a stream with other points at every step.

    Features, and the points of a data set, are ordered anew at every multiple of `REORDER`
    steps, however many calls the steps are taken in.
    """
    fresh = isinstance(data, Stream)
    while rates.size:
        first = data.at(state.steps, threads) if fresh else data
        known = state.orders and (fresh or state.orders["points"].size == data.T)
        if state.steps % REORDER == 0 or not known:
            _set_orders(state, first)
        space = Workspace(
            state.W, state.b, state.moments, state.orders["features"], state.orders["scale"][0],
            data.T,
        )  # fmt: skip
        count = min(rates.size, REORDER - state.steps % REORDER)
        if not fresh:
            space.take(data, state.orders["points"])
            space.steps(rates[:count], state.steps, factor, hyper, tiny, threads)
        for t in range(count if fresh else 0):
            batch = data.at(state.steps + t, threads) if t else first
            space.take(batch, space.order(batch))
            space.steps(rates[t : t + 1], state.steps + t, factor, hyper, tiny, threads)
        m1W, m2W, m1b, m2b = state.moments
        space.restore(space.F, state.W, state.b)
        space.restore(space.m1, m1W, m1b)
        space.restore(space.m2, m2W, m2b)
        state.steps += count
        rates = rates[count:]


def gradient_pruned(W, b, data, threads) -> tuple[np.ndarray, np.ndarray]:
    """Return half the gradient of Σ_i ‖x_i − x'_i‖², with respect to W and to b."""
    features, scale = order_features(W, b, W.dtype.type(1)), W.dtype.type(1)
    moments = (np.zeros_like(W), np.zeros_like(W), np.zeros_like(b), np.zeros_like(b))
    return Workspace(W, b, moments, features, scale, data.T).gradient(data, threads)


@numba.njit(cache=True, nogil=True)
def _add_all_squares(F, bounds, sums, p, q, out, room, places):
    for first in range(0, p.size, ROWS):
        last = min(first + ROWS, p.size)
        margin = F.dtype.type(MARGIN)
        add_squares(F, bounds, sums, p, q, first, last, out, room[0], places[0], margin)


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
    _add_all_squares(F, bounds, sums, p, q, squares, *_room(1, N, W.dtype))
    out[points] = squares
    return out
