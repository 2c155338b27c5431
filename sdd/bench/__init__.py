"""Time a training step of the engine against its peers, all in one process and one run.

Methods take turns, so that a machine that slows down slows them alike; medians of the repeats are
compared, their spread is shown, and only ratios are worth quoting.
"""

import datetime
import hashlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import numba
import torch

from sdd import engine, figures, findings, paper
from sdd.bench import measure, resources
from sdd.bench.measure import FULL, SHORT, Plan
from sdd.bench.tables import lines, slope, step_times, summary, summary_table, timings
from sdd.runs.cache import memory
from sdd.runs.journal import machine

__all__ = [
    "FULL", "SHORT", "kept", "main", "measured", "slope", "step_times", "summary_table", "timings",
]  # fmt: skip


def _machine() -> str:
    """Return what the times depend on, in a line."""
    used = {"Python": platform.python_version(), "torch": torch.__version__}
    used["numba"] = numba.__version__
    return ", ".join([machine(), *(f"{name} {version}" for name, version in used.items())])


def kept(plan: Plan, of: str) -> dict[str, Any]:
    """Return results as kept beside the runs: measured once on a machine, and when code changes.

    Parameters
    ----------
    plan : Plan
        What to measure.
    of : str
        Name of the profile; see `measured`.

    Returns
    -------
    dict
        See `measured`.

    Examples
    --------
    >>> results = sdd.bench.kept(sdd.bench.SHORT, "quick")  # doctest: +SKIP
    """
    sources = sorted(Path(__file__).parent.glob("*.py"))  # (`memory` watches those of the engine)
    code = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
    return memory().cache(_measured_at)(plan, of, _machine(), code)


def _measured_at(plan: Plan, of: str, machine: str, code: str) -> dict[str, Any]:
    """Measure; `machine` and `code` are what the results are kept under, too."""
    return measured(plan, of)


def measured(plan: Plan = FULL, of: str = "paper") -> dict[str, Any]:
    """Return the results of a measurement as plain values.

    Parameters
    ----------
    plan : Plan
        What to measure: `FULL` takes up to ten minutes on two cores, `SHORT` less than two.
    of : str
        Name of the profile whose sizes n and S are taken, and whose stored runs give weights.

    Returns
    -------
    dict
        "machine", "n", "cores", "repeats", "notes", "date", "measured_in" (seconds); "sizes": for
        each T the repeats of every method, in seconds per step, "visited" of "pairs", and where the
        weights are from; "summary": see `summary`; and, where the plan has them, "hidden",
        "memory", "small_models_seconds", "sweep".

    Examples
    --------
    >>> results = sdd.bench.measured(sdd.bench.SHORT, "quick")  # doctest: +SKIP
    >>> sdd.bench.timings(results)  # doctest: +SKIP
    """
    p, begin = findings.profile(of), time.perf_counter()
    cores = min(os.cpu_count() or 1, numba.get_num_threads())
    notes: set[str] = set()
    about = {"profile": p.name, "n": p.n, "cores": cores, "repeats": plan.repeats}
    results: dict[str, Any] = {"machine": _machine(), **about}
    if plan.extras:
        sizes = (min(plan.sizes), plan.textbook, *sorted(plan.sizes)[-2:])
        at = (("textbook", plan.textbook), *(("engine", T) for T in sizes))
        results["memory"] = resources.peak_megabytes(p, at)
    results["sizes"] = list(measure.by_size(plan, p, cores, notes))
    if plan.hidden:
        results["hidden"] = list(measure.by_hidden(plan, p, cores))
    if plan.extras:
        results["small_models"] = resources.MODELS
        results["small_models_seconds"] = resources.small_models(p, cores)
        results["sweep"] = resources.beside_other_work(p, cores)
    results["summary"] = summary(results)
    seconds, today = time.perf_counter() - begin, datetime.date.today().isoformat()
    return results | {"notes": sorted(notes), "date": today, "measured_in": seconds}


def main(target: Path | None = None, short: bool = False) -> None:
    """Measure and print the results; write them, with a figure beside, where a target is given.

    Parameters
    ----------
    target : Path or None
        File of the results as JSON; the figure has its name, ending in .svg.
    short : bool
        Measure less: minutes fewer.

    Examples
    --------
    >>> sdd.bench.main(short=True)  # doctest: +SKIP
    """
    plan = SHORT if short else FULL
    engine.warm_up((paper.M, *plan.hidden))
    results = measured(plan)
    for line in lines(results):
        print(line)
    if target is None:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(fname=figures.STYLE):
        figure = Figure(figsize=(6.4, 4.6))
        figures.step_times(step_times(results), figure.subplots())
        figure.savefig(target.with_suffix(".svg"))
    print(f"results in {target}, figure in {target.with_suffix('.svg')}")
