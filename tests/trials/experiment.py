"""An experiment of small runs to be interrupted; SDD_FINDINGS names this module."""

import os
from collections.abc import Iterator

from sdd.data import DataSettings
from sdd.findings.experiments import experiment
from sdd.runs.spec import RunSpec
from sdd.training.config import TrainConfig

N, SPARSITY = 200, 0.95


def small(seed: int, steps: int, T: int = 40) -> RunSpec:
    return RunSpec(DataSettings(T, N, SPARSITY, seed), TrainConfig(steps=steps))


def sweep() -> Iterator[RunSpec]:
    """As many runs as TRIAL_RUNS says, of at least TRIAL_STEPS steps, each of another length."""
    count, steps = (int(os.environ.get(f"TRIAL_{k}", 0)) for k in ("RUNS", "STEPS"))
    return (small(k, steps + k) for k in range(count))


@experiment("trial")
def of_the_trial(p) -> list[RunSpec]:
    """Small runs, to be interrupted."""
    return list(sweep())
