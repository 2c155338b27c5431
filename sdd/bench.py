"""Time one training step of the engine against its peers, all in one process and one run.

Peers and engine take turns, so that a drifting machine slows them alike; medians of the repeats
are compared, and only ratios are worth quoting.
"""

import json
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

from sdd import data, engine, paper, training
from sdd.engine.pairs import add_pairs_2
from sdd.model import ReLUOutput

__all__ = ["main", "measure"]

REPEATS = 5
ENGINE_STEPS = 20  # a call of the compiled loop, as training makes it: hundreds in truth
STEP = {"weight_decay": paper.WEIGHT_DECAY, "eps": paper.EPS, "scale": 1 / paper.N}


def _textbook(X: torch.Tensor, W: np.ndarray, b: np.ndarray) -> Callable[[], None]:
    """One step as a textbook writes it: dense data, autograd, torch.optim.AdamW."""
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=paper.WEIGHT_DECAY)

    def step() -> None:
        optimizer.zero_grad()
        model.loss(X, reduction="mean").backward()
        optimizer.step()

    return step


def _engine(points: data.Dataset, W: np.ndarray, b: np.ndarray, threads: int) -> Callable[[], None]:
    state = engine.State(W, b)
    rates = np.full(ENGINE_STEPS, 1e-3)
    return lambda: engine.advance(state, points, rates, threads=threads, **STEP)


def _pair_loop(points: data.Dataset, W: np.ndarray, b: np.ndarray) -> Callable[[], None]:
    """Return the pair loop alone: arithmetic no dense step can avoid, on one core."""
    h = np.ascontiguousarray(engine.hidden(W, points).T)
    dW, db, dh = np.zeros_like(W), np.zeros_like(b), np.zeros_like(h)
    return lambda: add_pairs_2(W, b, h, 0, points.T, dW, db, dh)


def _seconds(call: Callable[[], None], least: float = 0.02) -> float:
    """Seconds a call takes: the mean over as many as fill `least` seconds."""
    start, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - start < least:
        call()
        count += 1
    return (time.perf_counter() - start) / count


def measure(sizes: tuple[int, ...] = (10, 100, 1_000, 10_000), n: int = paper.N) -> dict[str, Any]:
    """Return step times by T, in seconds: textbook PyTorch, engine on 1 core and on all, pair loop.

    Parameters
    ----------
    sizes : tuple of int
        Numbers of data points T. Textbook PyTorch needs several T × n arrays: 400 MB each at
        T = 10,000 and n = 10,000.
    n : int
        Number of features.

    Returns
    -------
    dict
        "machine"; "peak_MB"; "steps": for each T the repeats of every contender; and
        "T10_run_seconds": a whole run at T = 10 with the paper's settings, on one core.
    """
    cores = min(os.cpu_count() or 1, numba.get_num_threads())
    steps = []
    for T in sizes:
        points = data.sample(T, n)
        W, b = training.initial_weights(2, n)
        X = torch.from_numpy(points.to_dense())
        contenders = {
            "textbook": _textbook(X, W, b),
            "engine": _engine(points, W, b, cores),
            "engine, 1 core": _engine(points, W, b, 1),
            "pair loop, 1 core": _pair_loop(points, W, b),
        }
        for call in contenders.values():
            call()
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(REPEATS):
            for name, call in contenders.items():
                count = ENGINE_STEPS if name.startswith("engine") else 1
                times[name].append(_seconds(call) / count)
        steps.append({"T": T, "n": n, "seconds": times})
        del X, contenders
    small = data.sample(10, n)
    start = time.perf_counter()
    training.train(small, training.TrainConfig())
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, torch {torch.__version__}, numba {numba.__version__}",
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "steps": steps,
        "T10_run_seconds": time.perf_counter() - start,
    }


def main(target: Path | None = None) -> None:
    """Print the table of `measure`, and write its figures as JSON where a target is given."""
    figures = measure()
    print(f"{figures['machine']}; medians of {REPEATS} interleaved repeats, n = {paper.N:,}, m = 2")
    print(f"{'T':>7}  {'textbook':>10}  {'engine':>10}  {'ratio':>7}  {'engine, 1 core':>14}  "
          f"{'pair loop':>10}  {'share of limit':>14}")  # fmt: skip
    for row in figures["steps"]:
        middle = {k: float(np.median(v)) for k, v in row["seconds"].items()}
        text, fast, one, pairs = middle.values()
        print(f"{row['T']:>7,}  {text * 1e3:>7.2f} ms  {fast * 1e3:>7.3f} ms  "
              f"{text / min(fast, one):>6.0f}×  {one * 1e3:>11.3f} ms  {pairs * 1e3:>7.3f} ms  "
              f"{pairs / one:>14.0%}")  # fmt: skip
    seconds, peak = figures["T10_run_seconds"], figures["peak_MB"]
    print(f"a T = 10 model of {paper.STEPS:,} steps on one core: {seconds:.1f} s")
    print(f"peak memory {peak:,.0f} MB")
    if target:
        target.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
