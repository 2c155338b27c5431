"""Weights and data in the orders of `order.py`, and the loop over steps taken in them."""

from functools import partial

import numpy as np

from sdd.data import Stream
from sdd.engine.leaves import GROUP, padded, sizes_for
from sdd.engine.leaves_step import (
    first_pass,
    prepare,
    second_pass,
    take_steps,
    work_for,
)
from sdd.engine.order import order_features, order_points, typical_size
from sdd.engine.sparse import hidden_columns
from sdd.engine.step import scalars_for
from sdd.kernels import kernel
from sdd.threads import on_threads

__all__ = ["REORDER", "Workspace", "advance", "arrange", "gradient"]

REORDER = 64  # steps for which an order serves: points and features move slowly


@kernel()
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


@kernel()
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
        capacity = size + size // 8 if rows else size
        at, indptr = np.empty(data.T, np.int32), np.empty(data.T + 1, np.int64)
        rows = at, indptr, np.empty(capacity, np.int32), np.empty(capacity, dtype)
    _sort_by_length(data.indptr, points, block, rows[0])
    _move_rows(data.indptr, data.indices, data.values, points, column, rows)
    return rows


@kernel()
def _lay_out(of_W, of_b, features, fill, flat):
    """Set `flat` (R + 1, N) to W and b (or their moments) in order, padded by silent features."""
    (m, n), (R, N) = of_W.shape, flat.shape
    for c in range(R):
        for k in range(n):
            j = features[k]
            flat[c, k] = of_b[j] if c == R - 1 else of_W[c, j] if c < m else 0
        for k in range(n, N):
            flat[c, k] = fill if c == R - 1 else 0


@kernel()
def _put_back(flat, features, of_W, of_b):
    """Undo `_lay_out`."""
    for k in range(features.size):
        j = features[k]
        for c in range(of_W.shape[0]):
            of_W[c, j] = flat[c, k]
        of_b[j] = flat[-1, k]


def _call(kernel, threads: int, arguments: tuple, k: int) -> None:
    """Run the part of a pass that is thread k's."""
    kernel(k, threads, *arguments)


class Workspace:
    """Weights and moments in the order of features, and rows in the order of points.

    Parameters
    ----------
    W, b : (m, n) and (n,) array
        Weights.
    moments : tuple of arrays
        AdamW's, as in `State`.
    orders : dict of arrays
        As `find_orders` returns them.
    T : int
        Points.
    """

    def __init__(self, W, b, moments, orders, T: int) -> None:
        (self.m, self.n), dtype = W.shape, W.dtype
        self.sizes = sizes_for(self.m, self.n, T)
        self.work = work_for(self.sizes, self.n, T, dtype)
        self.features = orders["features"]
        self.scale = dtype.type(orders["scale"][0] if "scale" in orders else 1)
        self.axes = (dtype.type(0),) * self.sizes.dimensions
        self.F, self.m1, self.m2 = np.empty((3, *self.work.D.shape[1:]), dtype)
        m1W, m2W, m1b, m2b = moments
        for flat, of_W, of_b, fill in (
            (self.F, W, b, -1), (self.m1, m1W, m1b, 0), (self.m2, m2W, m2b, 0)
        ):  # fmt: skip
            _lay_out(of_W, of_b, self.features, dtype.type(fill), flat)
        prepare(self.F, self.scale, self.work, self.axes, 0, padded(self.n) // GROUP)
        self.column = np.empty(self.n, np.int32)
        self.column[self.features] = np.arange(self.n, dtype=np.int32)
        self.rows: tuple = ()

    def take(self, data, points) -> None:
        """Take the rows of the data, in the order given."""
        rows = self.rows
        self.rows = _take_rows(data, points, self.column, self.sizes.block, self.F.dtype, rows)

    def order(self, data) -> np.ndarray:
        """Return the order of the data's points at the present weights."""
        W = np.empty((self.m, self.n), self.F.dtype)
        _put_back(self.F, self.features, W, np.empty_like(W[0]))
        return order_points(hidden_columns(W, data), self.sizes.leaf)

    def steps(self, rates, done, factor, hyper, tiny, threads, update=True) -> None:
        """Take a step for each learning rate; without `update` leave the gradient in D[0]."""
        threads = min(threads, self.sizes.chunks)
        F, work, axes = self.F, self.work, self.axes
        points = F, self.sizes.leaf, self.sizes.block, self.rows, work, axes
        features = (self.m, self.n), F, self.m1, self.m2, self.scale, work, axes
        if threads == 1:
            take_steps(points, features, rates, done, factor, hyper, tiny, update)
            return
        for t, rate in enumerate(rates, done + 1):
            # (Compiled functions return float32 as float.)
            scalars = scalars_for(F, t, rate, factor, hyper, tiny)
            numbers = tuple(F.dtype.type(scalar) for scalar in scalars)
            rest = *features, numbers, update
            on_threads(partial(_call, first_pass, threads, points), threads)
            on_threads(partial(_call, second_pass, threads, rest), threads)

    @property
    def visited(self) -> int:
        """Pairs of a point and a feature that were visited, in all steps together."""
        return int(self.work.visited.sum())


def find_orders(W, b, h) -> dict[str, np.ndarray]:
    """Return orders of features and of points, by name, where weights and points now are."""
    m, n = W.shape
    scale = typical_size(h)
    orders = {"features": order_features(W, b, scale)}
    orders["points"] = order_points(h, sizes_for(m, n, h.shape[1]).leaf)
    return {"scale": np.array([scale])} | orders if m <= 2 else orders


def advance(state, data, rates, factor, hyper, tiny, threads) -> None:
    """Take steps in order; a stream has other points at every step.

    Features, and the points of a data set, are ordered anew at every multiple of `REORDER`
    steps, however many calls the steps are taken in; the points of a stream at every step.
    """
    fresh = isinstance(data, Stream)
    while rates.size:
        first = data.at(state.steps, threads) if fresh else data
        known = state.orders and (fresh or state.orders["points"].size == data.T)
        if state.steps % REORDER == 0 or not known:
            state.orders = find_orders(state.W, state.b, hidden_columns(state.W, first))
        workspace = Workspace(state.W, state.b, state.moments, state.orders, data.T)
        count = min(rates.size, REORDER - state.steps % REORDER)
        if not fresh:
            workspace.take(data, state.orders["points"])
            workspace.steps(rates[:count], state.steps, factor, hyper, tiny, threads)
        for t in range(count if fresh else 0):
            batch = data.at(state.steps + t, threads) if t else first
            workspace.take(batch, workspace.order(batch))
            workspace.steps(rates[t : t + 1], state.steps + t, factor, hyper, tiny, threads)
        m1W, m2W, m1b, m2b = state.moments
        _put_back(workspace.F, workspace.features, state.W, state.b)
        _put_back(workspace.m1, workspace.features, m1W, m1b)
        _put_back(workspace.m2, workspace.features, m2W, m2b)
        state.steps += count
        rates = rates[count:]


def arrange(W, b, data) -> Workspace:
    """Return weights, moments of zero and the data in their present orders."""
    moments = (np.zeros_like(W), np.zeros_like(W), np.zeros_like(b), np.zeros_like(b))
    orders = find_orders(W, b, hidden_columns(W, data))
    workspace = Workspace(W, b, moments, orders, data.T)
    workspace.take(data, orders["points"])
    return workspace


def gradient(W, b, data, threads) -> tuple[np.ndarray, np.ndarray]:
    """Return half the gradient of Σ_i ‖x_i − x'_i‖², with respect to W and to b."""
    workspace = arrange(W, b, data)
    workspace.steps(np.zeros(1), 0, 0.0, (0.0,) * 5, 0.0, threads, update=False)
    dW, db = np.empty_like(W), np.empty_like(b)
    _put_back(workspace.work.D[0], workspace.features, dW, db)
    return dW, db
