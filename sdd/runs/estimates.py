"""How long training will take: a step of each size is timed, then scaled by measured ratios."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import joblib
import numpy as np

from sdd import engine, paper
from sdd.data import DataSettings
from sdd.engine.choice import LEAST
from sdd.runs.spec import RunSpec
from sdd.training import initial_weights
from sdd.training.loop import RECORDS

__all__ = ["estimate", "seconds"]

START_UP = 3  # seconds until processes are at work
UNMULTIPLIED = 18  # m that the part of a dense step takes that does not grow with m, as measured
TIMED = 2e8  # rows · features · m of the largest step that is timed for an estimate


@lru_cache(maxsize=1024)
def _costs(m: int, rows: int, law: DataSettings) -> tuple[float, float]:
    """Return the seconds of a step on so many rows, and of the loss of one, at initial weights.

    They are measured here and now, in CPU time of this thread, which other work on the machine
    lengthens less. Of large sizes fewer rows are timed, and the time is taken in proportion.
    """

    def cpu_time(call: Callable[[], Any]) -> float:
        start = time.thread_time()
        call()
        return time.thread_time() - start

    timed = min(rows, max(1_000, int(TIMED / (law.width * m))))
    fresh = law.T == math.inf  # then drawing the rows is a part of the step
    data = replace(law, batch=timed).make() if fresh else law.rows(0, timed, "train")
    state = engine.State(*initial_weights(m, law.width))
    step, count = math.inf, 1
    for _ in range(3):  # (The first one tells how many steps make five milliseconds.)
        rates = np.full(count, 1e-6)
        advance = partial(engine.advance, state, data, rates, weight_decay=0.0, eps=1e-8)
        step = min(step, cpu_time(advance) / count)
        count = max(1, min(1_000, int(0.005 / max(step, 1e-9))))
    seen = law.rows(0, max(timed, 1_000), "train")
    loss = min(cpu_time(lambda: engine.loss(state.W, state.b, seen)) for _ in range(2))
    return step * rows / timed, loss / seen.T


def _near(m: int, rows: int) -> tuple[int, int]:
    """Return the size that is timed in place of this one: large m, of many sizes, share a few."""
    if m <= 4:
        return m, rows
    return max(8, 2 ** round(math.log2(m))), round(10 ** (round(3 * math.log10(rows)) / 3))


def _pace(m: int, n: int, rows: int, fresh: bool) -> tuple[int, float]:
    """Return how many steps take as long as at initial weights, and the share that later ones take.

    Measured on complete runs: as a model learns, more pairs are skipped.
    """
    if m == 1 or min(n, rows) < LEAST:
        return 0, 1.03  # all pairs are visited
    if fresh:
        return 1_750, 0.75  # drawing the rows takes as long as ever
    if n < 3_000 or m > 4:
        return 1_750, 0.7
    if rows < 50_000:
        return 1_750, 0.5 if m == 2 else 0.3
    return 500, 0.3


def seconds(spec: RunSpec) -> float:
    """Return the CPU seconds that a run should take, evaluation and all.

    Parameters
    ----------
    spec : RunSpec
        The run; a step of its size is timed, once in a process.
    """
    config, m, rows = spec.config, spec.config.m, spec.rows
    m_near, rows_near = _near(m, rows)
    fresh = spec.data.T == math.inf
    size = {"batch": 1} if fresh else {"T": 1}  # (the size is told apart)
    step, loss = _costs(m_near, rows_near, replace(spec.data, seed=0, split="train", **size))
    wider = 1.0 if m == m_near else (m + UNMULTIPLIED) / (m_near + UNMULTIPLIED)
    step *= wider * rows / rows_near
    loss *= wider
    early, later = _pace(m, spec.data.width, rows, fresh)
    steps = min(config.steps, early) + later * max(0, config.steps - early)
    recorded = min(config.steps, RECORDS) * rows
    return config.restarts * (steps * step + recorded * loss) + paper.TEST_ROWS * loss


def estimate(specs: Iterable[RunSpec], jobs: int | None = None) -> float:
    """Return the seconds that training these runs should take on an otherwise idle machine.

    A step of each size is timed at initial weights, on one thread. What later steps take, of
    which most skip more pairs, is that by a measured ratio: see `_pace`.
    """
    specs = list(specs)
    engine.warm_up({s.config.m for s in specs})
    each = [seconds(s) for s in specs]
    jobs = jobs or joblib.cpu_count()
    start = START_UP if min(jobs, len(specs)) > 1 else 0.0
    # (That the last ones take more threads is left out: small ones gain little from it.)
    longest = max((t / s.config.restarts for s, t in zip(specs, each, strict=True)), default=0.0)
    return max(sum(each) / jobs, longest) + start
