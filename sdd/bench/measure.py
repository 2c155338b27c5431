"""Repeated, interleaved timings of the methods, by T and by m."""

import shutil
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
from sdd.engine.choice import prunes, tiled
from sdd.findings import Profile

__all__ = ["FULL", "SHORT", "Plan", "by_hidden", "by_size"]


@dataclass(frozen=True)
class Plan:
    """What is measured: each method up to a largest T, and how often."""

    sizes: tuple[int, ...]  # the engine is timed at all of these T
    textbook: int  # the largest T of textbook PyTorch, whole and in chunks of rows
    dense: int  # the largest T of what visits every pair
    repeats: int  # turns that the methods take
    on_the_spot: int  # T up to which weights are trained where no run is stored
    chunks: tuple[int, ...]  # rows a chunk in PyTorch: the best of them is taken
    hidden: tuple[int, ...] = ()  # numbers m of hidden dimensions to compare at ...
    hidden_size: int = 10_000  # ... at this T
    extras: bool = False  # torch.compile, memory, small models and a busy core are measured too


FULL = Plan(
    (10, 100, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000),
    textbook=10_000,
    dense=100_000,
    repeats=5,
    on_the_spot=20_000,
    chunks=(50, 200, 1_000),
    hidden=(2, 3, 4, 8, 32, 128),
    extras=True,
)
SHORT = Plan(
    (10, 100, 1_000, 2_000, 10_000, 100_000),
    textbook=1_000,
    dense=10_000,
    repeats=3,
    on_the_spot=2_000,
    chunks=(200,),
)


class _Timer:
    """Seconds per step of one method, from calls long enough to be timed."""

    def __init__(self, method: Method, least: float = 0.1) -> None:
        self.method, self.cycle = method, method.cycle
        step = self.seconds(1)  # compiled now, and in memory
        if step < 1:
            trial = min(8, self.cycle)
            step = self.seconds(trial) / trial
        self.calls = max(1, min(1_000, int(least / step)))
        self.count = int(np.clip(2 * least / step, 8, self.cycle))

    def seconds(self, count: int) -> float:
        start = time.perf_counter()
        self.method.call(count)
        return time.perf_counter() - start

    def __call__(self) -> float:
        if self.cycle == 1:
            return float(np.mean([self.seconds(1) for _ in range(self.calls)]))
        if self.count == self.cycle:
            return self.seconds(self.cycle) / self.cycle
        # Too long to time whole: what comes once, and what comes at every step.
        first, many = self.seconds(1), self.seconds(1 + self.count)
        return (first + max(many - first, 0.0) * (self.cycle - 1) / self.count) / self.cycle


def _in_turns(found: dict[str, Method], repeats: int) -> dict[str, list[float]]:
    """Return the seconds per step of each method, measured in turns."""
    timers = {name: _Timer(method) for name, method in found.items()}
    turns = [[timer() for timer in timers.values()] for _ in range(repeats)]
    return dict(zip(timers, map(list, zip(*turns, strict=True)), strict=True))


def _chunked(X: torch.Tensor, start: Start, notes: set[str], plan: Plan) -> dict[str, Method]:
    """Return chunks of rows, with the best number of rows, and the same compiled on request."""
    tried = [methods.textbook(X, start, rows) for rows in plan.chunks]
    best = int(np.argmin([_Timer(method, least=0)() for method in tried]))
    notes.add(f"chunks at T = {len(X):,}: {plan.chunks[best]} rows, the best of {plan.chunks}")
    found = {"chunks of rows": tried[best]}
    if plan.extras and not any(map(shutil.which, ("g++", "c++", "clang++"))):
        notes.add("torch.compile is left out: there is no C++ compiler here")
    elif plan.extras:
        ready = methods.textbook(X, start, plan.chunks[best], compiled=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ready.call(1)
            found["chunks, compiled"] = ready
        except Exception as error:  # (whatever a compiler may say)
            notes.add(f"torch.compile is left out: {type(error).__name__}")
    return found


def by_size(plan: Plan, p: Profile, cores: int, notes: set[str]) -> Iterator[dict[str, Any]]:
    """Measure at every T of the plan, where a step takes longest; yield a row for each."""
    start: Start | None = None
    for T in plan.sizes:
        points = data.sample(T, p.n, p.sparsity)
        threads = cores if T >= 10_000 else 1  # (below, waiting for each other costs more)
        tried = starts(p, points, start, threads, plan.on_the_spot)
        timers = (_Timer(methods.fast(points, at, 1)) for at in tried)
        by_step = [min(timer(), timer()) for timer in timers]
        start = tried[int(np.argmax(by_step))]
        found: dict[str, Method] = {}
        if T <= plan.textbook:
            X = torch.from_numpy(points.to_dense())
            found["textbook"] = methods.textbook(X, start)
            if max(plan.chunks) <= T:
                found |= _chunked(X, start, notes, plan)
        if T <= plan.dense:
            found["dense, 1 core"] = methods.dense(points, start)
            found["pair loop, 1 core"] = methods.pair_loop(points, start)
        found["engine, 1 core"] = methods.fast(points, start, 1)
        found["engine"] = methods.fast(points, start, cores)
        visited = T * points.n
        if prunes(paper.M, points.n, T):
            sparse, reading, visited = methods.sparse_terms(points, start)
            found |= {"sparse terms, 1 core": sparse, "reading the data": reading}
        yield {
            "T": T,
            "weights": start.origin,
            "step": start.step,
            "by_step": {str(at.step): s for at, s in zip(tried, by_step, strict=True)},
            "seconds": _in_turns(found, plan.repeats),
            "pairs": T * points.n,
            "visited": visited,
        }


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
                start = planted(points, m, regime)
            found = {
                "textbook": methods.textbook(X, start),
                "engine, 1 core": methods.fast(points, start, 1),
                "engine": methods.fast(points, start, cores),
            }
            if tiled(m, points.n, points.T):
                found["sgemm"] = methods.products(points, start.W)
            seconds = _in_turns(found, max(1, plan.repeats // 2))
            yield {"m": m, "regime": regime, "T": points.T, "seconds": seconds}
