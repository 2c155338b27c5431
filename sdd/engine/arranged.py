"""Weights and data in the orders of `order.py`, and the loop over steps taken in them.

What the steps at m = 2 (`pruned_step.py`) and at m = 3 and 4 (`pruned_4_step.py`) have in common.
A `Workspace` brings weights, moments and data into order, and weights back; either step has a
subclass of its own, with the space and the kernels it needs.
"""

from abc import ABC, abstractmethod

import numba
import numpy as np

from sdd.data import Stream
from sdd.engine.sparse import hidden_columns

__all__ = ["RANGES", "REORDER", "Workspace", "advance", "arrange", "gradient", "typical_size"]

REORDER = 64  # steps for which an order serves: points and features move slowly
RANGES = 8  # of features, over which a step's second pass is split


def typical_size(h: np.ndarray) -> np.floating:
    """Return the root of the mean square of hidden vectors' entries: never zero."""
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverged
        return h.dtype.type(max(float(np.sqrt(np.mean(h * h))), 1e-30))


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


def _take_rows(data, points, column, block: int, dtype, rows: tuple = ()) -> tuple[np.ndarray, ...]:
    """Return the data's rows for kernels: (at, indptr, indices, values).

    Row r is that of the point at[r] of `points`, with columns renamed by `column`; rows change
    places within each `block` of them. The memory of the `rows` returned before is taken again
    where it suffices, for batch after batch.
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
    """Set `flat` (R + 1, N) to W and b (or their moments) in order, padded by silent features."""
    (m, n), (R, N) = of_W.shape, flat.shape
    for c in range(R):
        for k in range(n):
            j = features[k]
            flat[c, k] = of_b[j] if c == R - 1 else of_W[c, j] if c < m else 0
        for k in range(n, N):
            flat[c, k] = fill if c == R - 1 else 0


@numba.njit(cache=True, nogil=True)
def _put_back(flat, features, of_W, of_b):
    """Undo `_lay_out`."""
    for k in range(features.size):
        j = features[k]
        for c in range(of_W.shape[0]):
            of_W[c, j] = flat[c, k]
        of_b[j] = flat[-1, k]


@numba.njit(cache=True, nogil=True)
def _encode_named(flat, place, indptr, indices, values, h):
    """Set h[:, i] = W x_i for rows whose columns still have their own names."""
    for i in range(h.shape[1]):
        for c in range(h.shape[0]):
            x = flat.dtype.type(0)
            for k in range(indptr[i], indptr[i + 1]):
                x += values[k] * flat[c, place[indices[k]]]
            h[c, i] = x


class Workspace(ABC):
    """Weights and moments in the order of features, and rows in the order of points.

    Parameters
    ----------
    W, b : (m, n) and (n,) array
        Weights.
    moments : tuple of arrays
        AdamW's, as in `State`.
    orders : dict of arrays
        As `find_orders` returns them.
    N, R : int
        Features with those that fill up the last vector, and rows of W with those that are zero.
    block : int
        Points within which rows may change places.
    """

    work: tuple  # space for the kernels; last in it, the pairs visited by each chunk
    D: np.ndarray  # the gradient, laid out as F is, after `steps`

    def __init__(self, W, b, moments, orders, N: int, R: int, block: int) -> None:
        (self.m, self.n), self.N, self.block = W.shape, N, block
        self.features = orders["features"]
        m1W, m2W, m1b, m2b = moments
        self.F, self.m1, self.m2 = np.empty((3, (R + 1) * N), W.dtype)
        for flat, of_W, of_b, fill in (
            (self.F, W, b, -1), (self.m1, m1W, m1b, 0), (self.m2, m2W, m2b, 0)
        ):  # fmt: skip
            _lay_out(of_W, of_b, self.features, W.dtype.type(fill), flat.reshape(-1, N))
        self.column = np.empty(self.n, np.int32)
        self.column[self.features] = np.arange(self.n, dtype=np.int32)
        self.rows: tuple = ()

    @classmethod
    @abstractmethod
    def find_orders(cls, W, b, h) -> dict[str, np.ndarray]:
        """Return orders of features and of points, by name, where weights and points now are."""

    @staticmethod
    @abstractmethod
    def order_points(h: np.ndarray, n: int) -> np.ndarray:
        """Return the points in the order of their place, h (m, T): (T,) int32."""

    @abstractmethod
    def steps(self, rates, done, factor, hyper, tiny, threads, update=True) -> None:
        """Take a step for each learning rate; without `update` leave the gradient in D."""

    def take(self, data, points) -> None:
        """Take the rows of the data, in the order given."""
        self.rows = _take_rows(data, points, self.column, self.block, self.F.dtype, self.rows)

    def order(self, data) -> np.ndarray:
        """Return the order of the data's points at the present weights."""
        h = np.empty((self.m, data.T), self.F.dtype)
        flat = self.F.reshape(-1, self.N)
        _encode_named(flat, self.column, data.indptr, data.indices, data.values, h)
        return self.order_points(h, self.n)

    def restore(self, flat, of_W, of_b) -> None:
        """Write an array laid out as F is back into one of W's shape and one of b's."""
        _put_back(flat.reshape(-1, self.N), self.features, of_W, of_b)

    @property
    def visited(self) -> int:
        """Pairs of a point and a feature that were visited, in all steps together."""
        return int(self.work[-1].sum())


def advance(kind, state, data, rates, factor, hyper, tiny, threads) -> None:
    """Take steps in a `kind` of Workspace; a stream has other points at every step.

    Features, and the points of a data set, are ordered anew at every multiple of `REORDER`
    steps, however many calls the steps are taken in; the points of a stream at every step.
    """
    fresh = isinstance(data, Stream)
    while rates.size:
        first = data.at(state.steps, threads) if fresh else data
        known = state.orders and (fresh or state.orders["points"].size == data.T)
        if state.steps % REORDER == 0 or not known:
            state.orders = kind.find_orders(state.W, state.b, hidden_columns(state.W, first))
        space = kind(state.W, state.b, state.moments, state.orders, data.T)
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


def arrange(kind, W, b, data) -> Workspace:
    """Return weights, moments of zero and the data in their present orders."""
    moments = (np.zeros_like(W), np.zeros_like(W), np.zeros_like(b), np.zeros_like(b))
    orders = kind.find_orders(W, b, hidden_columns(W, data))
    space = kind(W, b, moments, orders, data.T)
    space.take(data, orders["points"])
    return space


def gradient(kind, W, b, data, threads) -> tuple[np.ndarray, np.ndarray]:
    """Return half the gradient of Σ_i ‖x_i − x'_i‖², with respect to W and to b."""
    space = arrange(kind, W, b, data)
    space.steps(np.zeros(1), 0, 0.0, (0.0,) * 5, 0.0, threads, update=False)
    dW, db = np.empty_like(W), np.empty_like(b)
    space.restore(space.D, dW, db)
    return dW, db
