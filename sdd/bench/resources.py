"""What else is measured: memory, small models on all cores, and a sweep beside other work."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from joblib.externals.loky import ProcessPoolExecutor

from sdd import data, findings, training
from sdd.bench import methods
from sdd.bench.weights import Start
from sdd.findings import Profile
from sdd.runs import sweep
from sdd.training import TrainConfig

__all__ = ["beside_other_work", "peak_megabytes", "small_models"]

MODELS = 8
STEPS = 60_000  # of the models of a small sweep


def _peak() -> float:
    """Return the most memory this process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss starts from that of the parent process
        return float(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes


def _megabytes(name: str, T: int, n: int, sparsity: float) -> float:
    """Take a step in this process, and return what memory grew by; a process serves once."""
    start = Start(*training.initial_weights(2, n))
    methods.fast(data.sample(10, n, sparsity), start, 1).call(1)
    before = _peak()
    points = data.sample(T, n, sparsity)
    if name == "engine":
        methods.fast(points, start, 1).call(1)
    else:
        methods.textbook(torch.from_numpy(points.to_dense()), start).call(1)
    return _peak() - before


def peak_megabytes(p: Profile, sizes: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    """Return the memory that a step takes at its peak, data included, by method and T.

    Each is measured in a process of its own, as a process never forgets its peak.
    """
    rows = []
    for name, T in sizes:
        with ProcessPoolExecutor(1) as process:
            took = process.submit(_megabytes, name, T, p.n, p.sparsity).result()
        rows.append({"method": name, "T": T, "megabytes": took})
    return rows


def small_models(p: Profile, cores: int) -> float:
    """Return the seconds that eight models of T = 10 and all their steps take on all cores."""
    points = data.sample(10, p.n, p.sparsity)
    start = time.perf_counter()
    training.train(points, TrainConfig(steps=p.steps, eps=p.eps, restarts=MODELS), threads=cores)
    return time.perf_counter() - start


def _sweep_seconds(p: Profile, cores: int) -> float:
    law = {"n": 1_000, "sparsity": 0.99, "steps": STEPS}
    wanted = [findings.spec(50, seed, of=p.name, **law) for seed in range(2 * cores)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        sweep.train_missing(wanted, Path(folder), jobs=cores, quiet=True)
        return time.perf_counter() - start


def beside_other_work(p: Profile, cores: int) -> dict[str, float]:
    """Return the seconds of a small sweep alone, and while another process keeps a core busy."""
    _sweep_seconds(p, cores)  # starts the worker processes
    alone = _sweep_seconds(p, cores)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            time.sleep(1.0)  # until it is running
            return {"alone": alone, "busy": _sweep_seconds(p, cores)}
        finally:
            other.kill()
