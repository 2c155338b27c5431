"""Small runs for the tests of sweeps, and what is in their store."""

import time
from dataclasses import replace

from sdd.data import DataSettings
from sdd.runs.spec import RunSpec
from sdd.training.config import TrainConfig

DATA = DataSettings(T=5, n=200, sparsity=0.95)


def spec(steps=50, seed=0, T=5, **changes):
    return RunSpec(replace(DATA, T=T, seed=seed), TrainConfig(steps=steps, **changes))


def files(folder):
    """Every run file, with its bytes and the time it was last written."""
    found = sorted(folder.glob("*.safetensors"))
    return {f.name: (f.read_bytes(), f.stat().st_mtime_ns) for f in found}


def contents(folder):
    return {name: content for name, (content, _) in files(folder).items()}


SLOW = [spec(steps, T=40) for steps in (60_000, 59_000, 58_000, 57_000)]


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
