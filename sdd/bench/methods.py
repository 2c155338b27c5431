"""The ways to take a step that are timed against each other."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

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

__all__ = [
    "CHUNKS",
    "Method",
    "chunked",
    "compiler",
    "dense",
    "fast",
    "pair_loop",
    "products",
    "settings",
    "sparse_terms",
    "textbook",
    "visited",
]

CHUNKS = (50, 200, 1_000)  # rows a chunk: the best of them is taken
FLUSHED = 10.0 * float(np.finfo(np.float32).tiny)  # as the engine flushes small moments


@dataclass(frozen=True)
class Method:
    """A way to take steps: `call(k)` takes k of them.

    `cycle` is the number of steps after which costs recur: the engine orders points and features
    again every so many steps, and a step's share of that cost is counted.
    """

    call: Callable[[int], None]
    cycle: int = 1


def settings(n: int) -> dict[str, float]:
    """Return the settings of `engine.advance` at n features, trained on the mean."""
    return {"weight_decay": paper.WEIGHT_DECAY, "eps": paper.EPS, "scale": 1 / n}


def _optimizer(model: ReLUOutput) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        model.parameters(), lr=1e-6, weight_decay=paper.WEIGHT_DECAY, eps=paper.EPS
    )


def textbook(X: torch.Tensor, W: np.ndarray, b: np.ndarray) -> Method:
    """Return one step as a textbook writes it: dense data, autograd, torch.optim.AdamW."""
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    optimizer = _optimizer(model)

    def one(_: int) -> None:
        optimizer.zero_grad()
        model.loss(X, reduction="mean").backward()
        optimizer.step()

    return Method(one)


def chunked(
    X: torch.Tensor, W: np.ndarray, b: np.ndarray, rows: int, compiled: bool = False
) -> Method:
    """Return the same over chunks of rows, which stay in the caches; torch.compile on request."""
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    optimizer = _optimizer(model)

    def loss(part: torch.Tensor) -> torch.Tensor:
        return model.loss(part, reduction="mean") * (rows / X.shape[0])

    of = torch.compile(loss, dynamic=False) if compiled else loss

    def one(_: int) -> None:
        optimizer.zero_grad()
        for part in X.split(rows):
            of(part).backward()
        optimizer.step()

    return Method(one)


def compiler() -> str | None:
    """Return the C++ compiler that torch.compile would call, if there is one."""
    return next(filter(None, map(shutil.which, ("g++", "c++", "clang++"))), None)


def fast(points: Dataset, start: Start, threads: int) -> Method:
    """Return the engine, continuing from weights in training at their own learning rate."""
    state = engine.State(start.W, start.b, start.step)
    upto = -(-start.step // REORDER) * REORDER - start.step  # to where it orders them again ...
    how = settings(points.n)
    # ... or one step, so that moments are not those of a first step.
    engine.advance(state, points, np.full(upto or 1, start.rate), threads=threads, **how)
    steps = -(-state.steps // REORDER) * REORDER
    before = [array.copy() for array in (state.W, state.b, *state.moments)]

    def some(count: int) -> None:
        for array, saved in zip((state.W, state.b, *state.moments), before, strict=True):
            array[...] = saved
        state.steps = steps
        engine.advance(state, points, np.full(count, start.rate), threads=threads, **how)

    return Method(some, REORDER)


def dense(points: Dataset, W: np.ndarray, b: np.ndarray) -> Method:
    """Return the fused kernel that visits every pair, on one core."""
    m, n = W.shape
    state, steps = engine.State(W, b), step.AllPairs(m, n, points, W.dtype)
    hyper = paper.WEIGHT_DECAY, paper.WEIGHT_DECAY, *engine.BETAS, paper.EPS

    def some(count: int) -> None:
        scale = 2.0 / (points.n * points.T)
        steps.advance(state, np.full(count, 1e-6), scale, hyper, FLUSHED)

    return Method(some, REORDER)


def pair_loop(points: Dataset, W: np.ndarray, b: np.ndarray) -> Method:
    """Return the pair loop alone, on one core: arithmetic no dense step can avoid."""
    h = np.ascontiguousarray(engine.hidden(W, points).T)
    dW, db, dh = np.zeros_like(W), np.zeros_like(b), np.zeros_like(h)
    return Method(lambda _: add_pairs_2(W, b, h, 0, points.T, dW, db, dh))


def products(points: Dataset, W: np.ndarray) -> Method:
    """Return the three dense products of matrices that a step at any m is made of, by sgemm."""
    h, weights = torch.from_numpy(engine.hidden(W, points)), torch.from_numpy(W)
    outputs = torch.empty(points.T, points.n)

    def one(_: int) -> None:
        torch.mm(h, weights, out=outputs)
        outputs.T @ h
        outputs @ weights.T

    return Method(one)


def visited(points: Dataset, W: np.ndarray, b: np.ndarray) -> int:
    """Return how many pairs of a point and a feature a step that skips pairs visits."""
    space = arrange(W, b, points)
    space.steps(np.zeros(1), 0, 0.0, (0.0,) * 5, 0.0, 1, update=False)
    return space.visited


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


def sparse_terms(points: Dataset, W: np.ndarray, b: np.ndarray) -> tuple[Method, Method]:
    """Return the engine's sparse terms alone, and one reading of the arrays that they go over."""
    space = arrange(W, b, points)
    work = space.work
    work.dh[:] = 0
    work.DE[0] = 0
    arrays = work.E, space.rows, work.h, work.dh, work.DE[0], work.outputs[0], space.axes
    return Method(lambda _: _sparse(*arrays)), Method(lambda _: _read(space.rows))
