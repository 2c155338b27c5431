"""The ways to take a step that are timed against each other."""

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
import torch

from sdd import engine, paper
from sdd.bench.weights import Start
from sdd.data import Dataset
from sdd.engine import step
from sdd.engine.arranged import REORDER, arrange
from sdd.engine.leaves import BLOCK
from sdd.engine.leaves_step import add_sparse_rows, encode_rows
from sdd.engine.pairs import add_pairs_2
from sdd.model import ReLUOutput

__all__ = ["Method", "dense", "fast", "pair_loop", "products", "sparse_terms", "textbook"]

FLUSHED = 10.0 * float(np.finfo(np.float32).tiny)  # as the engine flushes small moments


class Method(NamedTuple):
    """A way to take steps: `call(k)` takes k of them.

    `cycle` is the number of steps after which costs recur: the engine orders points and features
    again every so many steps, and a step's share of that cost is counted.
    """

    call: Callable[[int], object]
    cycle: int = 1


def textbook(X: torch.Tensor, start: Start, rows: int | None = None, compiled=False) -> Method:
    """Return one step as a textbook writes it: dense data, autograd, torch.optim.AdamW.

    With `rows`, over chunks of so many rows, which stay in the caches; torch.compile on request.
    """
    model = ReLUOutput.from_weights(torch.tensor(start.W), torch.tensor(start.b))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-6, weight_decay=paper.WEIGHT_DECAY, eps=paper.EPS
    )
    parts = X.split(rows or len(X))

    def loss(part: torch.Tensor) -> torch.Tensor:
        return model.loss(part, reduction="mean") * (len(parts[0]) / len(X))

    of = torch.compile(loss, dynamic=False) if compiled else loss

    def one(_: int) -> None:
        optimizer.zero_grad()
        for part in parts:
            of(part).backward()
        optimizer.step()

    return Method(one)


def fast(points: Dataset, start: Start, threads: int) -> Method:
    """Return the engine, continuing from weights in training at their own learning rate."""
    state = engine.State(start.W, start.b, start.step)
    how = {"weight_decay": paper.WEIGHT_DECAY, "eps": paper.EPS, "scale": 1 / points.n}

    def advance(count: int) -> None:
        engine.advance(state, points, np.full(count, start.rate), threads=threads, **how)

    # To where it orders points again, or one step: moments are then not those of a first step.
    advance(-start.step % REORDER or 1)
    steps, arrays = -(-state.steps // REORDER) * REORDER, (state.W, state.b, *state.moments)
    before = [array.copy() for array in arrays]

    def some(count: int) -> None:
        for array, saved in zip(arrays, before, strict=True):
            array[...] = saved
        state.steps = steps
        advance(count)

    return Method(some, REORDER)


def dense(points: Dataset, start: Start) -> Method:
    """Return the fused kernel that visits every pair, on one core."""
    state, (m, n) = engine.State(start.W, start.b), start.W.shape
    steps = step.AllPairs(m, n, points, start.W.dtype)
    hyper = paper.WEIGHT_DECAY, paper.WEIGHT_DECAY, *engine.BETAS, paper.EPS
    scale = 2.0 / (points.n * points.T)
    return Method(lambda k: steps.advance(state, np.full(k, 1e-6), scale, hyper, FLUSHED), REORDER)


def pair_loop(points: Dataset, start: Start) -> Method:
    """Return the pair loop alone, on one core: arithmetic no dense step can avoid."""
    h = np.ascontiguousarray(engine.hidden(start.W, points).T)
    sums = np.zeros_like(start.W), np.zeros_like(start.b), np.zeros_like(h)
    return Method(lambda _: add_pairs_2(start.W, start.b, h, 0, points.T, *sums))


def products(points: Dataset, W: np.ndarray) -> Method:
    """Return the three dense products of matrices that a step at any m is made of, by sgemm."""
    h, weights = torch.from_numpy(engine.hidden(W, points)), torch.from_numpy(W)
    outputs = torch.empty(points.T, points.n)
    return Method(lambda _: (torch.mm(h, weights, out=outputs), outputs.T @ h, outputs @ weights.T))


@numba.njit(nogil=True)
def _sparse(E, rows, h, dh, DE, outputs, axes):
    for first in range(0, h.shape[1], BLOCK):
        last = min(first + BLOCK, h.shape[1])
        encode_rows(E, rows, first, last, h)
        add_sparse_rows(E, rows, first, last, h, dh, DE, outputs, axes)


@numba.njit(nogil=True, fastmath=True)
def _read(rows):
    at, indptr, indices, values = rows
    places, starts, columns, total = 0, 0, 0, values.dtype.type(0)
    for i in range(at.size):
        places ^= at[i]
    for i in range(indptr.size):
        starts ^= indptr[i]
    for k in range(indices.size):
        columns ^= indices[k]
    for k in range(values.size):
        total += values[k]
    return places, starts, columns, total


def sparse_terms(points: Dataset, start: Start) -> tuple[Method, Method, int]:
    """Return the engine's sparse terms alone, one reading of their arrays, and the pairs visited.

    The last is how many pairs of a point and a feature a step at these weights visits.
    """
    space = arrange(start.W, start.b, points)
    space.steps(np.zeros(1), 0, 0.0, (0.0,) * 5, 0.0, 1, update=False)
    visited, work = space.visited, space.work
    work.dh[:] = 0
    work.DE[0] = 0
    arrays = work.E, space.rows, work.h, work.dh, work.DE[0], work.outputs[0], space.axes
    return Method(lambda _: _sparse(*arrays)), Method(lambda _: _read(space.rows)), visited
