"""Repeated, interleaved timings of the methods, by T and by m."""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sdd import data, paper
from sdd.bench import methods
from sdd.bench.methods import Method
from sdd.bench.weights import Start, planted, starts, trained
from sdd.data import Dataset
from sdd.engine.choice import prunes, tiled
from sdd.findings import Profile

__all__ = ["FULL", "SHORT", "Plan", "by_hidden", "by_size", "interleaved"]


@dataclass(frozen=True)
class Plan:
    """What is measured: each method up to a largest T, and how often.

    Parameters
    ----------
    sizes : tuple of int
        Sizes T; the engine is timed at all of them.
    textbook, chunked, dense : int
        The largest T of textbook PyTorch, of chunks of rows, and of what visits every pair.
    repeats : int
        Turns that the methods take.
    on_the_spot : int
        T up to which weights are trained where no run is stored.
    hidden : tuple of int
        Numbers m of hidden dimensions to compare at, at T = `hidden_size`.
    extras : bool
        Whether torch.compile, memory, small models and a busy core are measured too.
    """

    sizes: tuple[int, ...]
    textbook: int
    chunked: int
    dense: int
    repeats: int
    on_the_spot: int
    hidden: tuple[int, ...] = ()
    hidden_size: int = 10_000
    extras: bool = False


FULL = Plan(
    (10, 100, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000),
    textbook=10_000,
    chunked=10_000,
    dense=100_000,
    repeats=5,
    on_the_spot=20_000,
    hidden=(2, 3, 4, 8, 32, 128),
    extras=True,
)
SHORT = Plan(
    (10, 100, 1_000, 2_000, 10_000, 100_000),
    textbook=2_000,
    chunked=2_000,
    dense=10_000,
    repeats=3,
    on_the_spot=2_000,
)


def _clock(method: Method, count: int) -> float:
    start = time.perf_counter()
    method.call(count)
    return time.perf_counter() - start


class _Timer:
    """Seconds per step of one method, from calls long enough to be timed."""

    def __init__(self, method: Method, least: float = 0.1) -> None:
        step = _clock(method, 1)  # compiled now, and in memory
        if step < 1:
            trial = min(8, method.cycle)
            step = _clock(method, trial) / trial
        self.method = method
        self.calls = max(1, min(1_000, int(least / step))) if method.cycle == 1 else 1
        self.count = int(np.clip(2 * least / step, 8, method.cycle))

    def __call__(self) -> float:
        method, cycle = self.method, self.method.cycle
        if cycle == 1:
            return float(np.mean([_clock(method, 1) for _ in range(self.calls)]))
        if self.count == cycle:
            return _clock(method, cycle) / cycle
        # Too long to time whole: what comes once, and what comes at every step.
        first, many = _clock(method, 1), _clock(method, 1 + self.count)
        return (first + max(many - first, 0.0) * (cycle - 1) / self.count) / cycle


def interleaved(found: dict[str, Method], repeats: int) -> dict[str, list[float]]:
    """Return the seconds per step of each method, measured in turns."""
    timers = {name: _Timer(method) for name, method in found.items()}
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(repeats):
        for name, timer in timers.items():
            times[name].append(timer())
    return times


def _slowest(points: Dataset, found: list[Start]) -> tuple[Start, dict[str, float]]:
    """Return the weights at which a step takes longest, and the seconds at each."""
    seconds = {}
    for start in found:
        timer = _Timer(methods.fast(points, start, 1))
        seconds[str(start.step)] = min(timer() for _ in range(2))
    return max(found, key=lambda s: seconds[str(s.step)]), seconds


def _chunked(X: torch.Tensor, start: Start, notes: set[str], compiled: bool) -> dict[str, Method]:
    """Return chunks of rows, with the best number of rows, and the same compiled on request."""
    tried = [methods.chunked(X, start.W, start.b, rows) for rows in methods.CHUNKS]
    seconds = [_Timer(method, least=0)() for method in tried]
    best = int(np.argmin(seconds))
    rows = methods.CHUNKS[best]
    notes.add(f"chunks at T = {X.shape[0]:,}: {rows} rows, the best of {methods.CHUNKS}")
    found = {"chunks of rows": tried[best]}
    if compiled and methods.compiler() is None:
        notes.add("torch.compile is left out: there is no C++ compiler here")
    elif compiled:
        ready = methods.chunked(X, start.W, start.b, rows, compiled=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ready.call(1)
            found["chunks, compiled"] = ready
        except Exception as error:  # (whatever a compiler may say)
            notes.add(f"torch.compile is left out: {type(error).__name__}")
    return found


def _at(points: Dataset, start: Start, plan: Plan, cores: int, notes: set[str]) -> dict[str, Any]:
    """Return the timings of everything at one T."""
    T = points.T
    weights = start.W, start.b
    found: dict[str, Method] = {}
    if T <= max(plan.textbook, plan.chunked):
        X = torch.from_numpy(points.to_dense())
        if T <= plan.textbook:
            found["textbook"] = methods.textbook(X, *weights)
        if max(methods.CHUNKS) <= T <= plan.chunked:
            found |= _chunked(X, start, notes, plan.extras)
    if T <= plan.dense:
        found["dense, 1 core"] = methods.dense(points, *weights)
        found["pair loop, 1 core"] = methods.pair_loop(points, *weights)
    found["engine, 1 core"] = methods.fast(points, start, 1)
    found["engine"] = methods.fast(points, start, cores)
    pruned = prunes(paper.M, points.n, T)
    if pruned:
        found["sparse terms, 1 core"], found["reading the data"] = methods.sparse_terms(
            points, *weights
        )
    seconds = interleaved(found, plan.repeats)
    visited = methods.visited(points, *weights) if pruned else T * points.n
    return {"seconds": seconds, "pairs": T * points.n, "visited": visited}


def by_size(plan: Plan, p: Profile, cores: int, notes: set[str]) -> Iterator[dict[str, Any]]:
    """Measure at every T of the plan; yield a row of results for each."""
    start: Start | None = None
    for T in plan.sizes:
        points = data.sample(T, p.n, p.sparsity)
        threads = cores if T >= 10_000 else 1  # (below, waiting for each other costs more)
        found = starts(p, points, start, threads, plan.on_the_spot)
        start, by_step = _slowest(points, found)
        measured = _at(points, start, plan, cores, notes)
        about = {"T": T, "weights": start.origin, "step": start.step, "by_step": by_step}
        yield about | measured


def by_hidden(plan: Plan, p: Profile, cores: int) -> Iterator[dict[str, Any]]:
    """Measure engine and textbook at every m of the plan, with planted weights.

    At m = 4 also with weights that were trained, as what is skipped there depends on them most.
    Where the engine goes through tiles, also the products of matrices alone.
    """
    points = data.sample(plan.hidden_size, p.n, p.sparsity)
    X = torch.from_numpy(points.to_dense())
    for m in plan.hidden:
        for regime in ("memorising", "generalising", *(["trained"] if m == 4 else [])):
            if regime == "trained":
                start = trained(p, points, m, cores)
            else:
                start = Start(*planted(points, m, regime), 0, 1e-6, "")
            found = {
                "textbook": methods.textbook(X, start.W, start.b),
                "engine, 1 core": methods.fast(points, start, 1),
                "engine": methods.fast(points, start, cores),
            }
            if tiled(m, points.n, points.T):
                found["sgemm"] = methods.products(points, start.W)
            seconds = interleaved(found, max(1, plan.repeats // 2))
            yield {"m": m, "regime": regime, "T": points.T, "seconds": seconds}
