"""Small runs for the tests of sweeps, and what is in their store."""

import time
from dataclasses import replace

import numpy as np

from sdd.data import DataSettings
from sdd.runs import store
from sdd.runs.spec import RunSpec
from sdd.training import Run
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


def many(count):
    """Specs of so many tiny runs."""
    law = {"n": 50, "sparsity": 0.9}
    return [RunSpec(DataSettings(5, **law, seed=k), TrainConfig(steps=1)) for k in range(count)]


def store_many(folder, count):
    """Store the runs of `many` without training them (20,000 in a minute); return their specs."""
    specs, blank = many(count), {"W": np.zeros((2, 50), np.float32), "b": np.zeros(50, np.float32)}
    history = {name: np.arange(2.0) for name in ("step", "lr", "loss", "W_norm", "b_norm")}
    rest = {"history": history, "train_loss": 1.0, "restart_losses": np.ones(1)}
    for s in specs:
        store.save_run(Run(**blank, config=s.config, data=s.data, **rest), folder)
    return specs
