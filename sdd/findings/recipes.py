"""Experiments of one's own: the runs that the recipes of the chapter fetch, the same at any size.

The chapter's cells are to be copied, and so say all of this again; a test holds them to ask for
exactly these runs.
"""

from collections.abc import Iterable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from sdd.data import DataSettings
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import Profile
from sdd.runs.spec import RunSpec
from sdd.runs.store import name_of
from sdd.training.config import TrainConfig
from sdd.training.run import Run

__all__ = ["made", "median_rank", "own_law", "silent_share", "table", "untied"]

LAW: dict[str, Any] = {"n": 500, "sparsity": 0.98}
STEPS = (0, 50, 100, 200, 400, 800, 1_600, 5_000)


def _config(seed: int = 0, steps: int = 5_000) -> TrainConfig:
    return TrainConfig(steps=steps, lr=0.01, seed=seed)


def _sizes(sizes: tuple[int, ...], seeds: range) -> list[RunSpec]:
    return [
        RunSpec(DataSettings(T, **LAW, seed=seed), _config(seed))
        for T, seed in product(sizes, seeds)
    ]


@experiment("recipes")
def recipes(p: Profile) -> list[RunSpec]:
    """What the recipes for experiments of your own train, the same at every profile."""
    return [
        *_sizes((3, 10, 30, 100, 200, 300, 1_000), range(4)),
        *_sizes((30, 100), range(20, 28)),
        *_of_another_kind(),
    ]


@cache
def _of_another_kind() -> list[RunSpec]:
    """Return the runs on data of another law, of another model, and that with snapshots."""
    X, models = own_law(), (None, untied())
    points = [DataSettings(5, **LAW, seed=seed) for seed in range(3)]
    film = RunSpec(DataSettings(6, **LAW), _config(), snapshots=STEPS)
    return [
        *(RunSpec(X[:T], _config(k), test=X[3_000:]) for T in (5, 3_000) for k in range(3)),
        *(RunSpec(x, _config(0, 3_000), model=model) for model in models for x in points),
        film,
        RunSpec(DataSettings(7, **LAW), _config(), after=film),
    ]


def table(of: str | None = None) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run."""
    return Evidence.stored(of).table("recipes")


def own_law() -> csr_array:
    """Return 13,000 points whose k-th feature is active at a rate of 1/2k, of 200."""
    often = 0.5 / np.arange(1, 201)
    rng = np.random.default_rng(0)
    X = rng.random((13_000, 200)) * (rng.random((13_000, 200)) < often)
    return csr_array(X / np.linalg.norm(X, axis=1, keepdims=True).clip(1e-9))


@cache
def untied() -> Any:
    """Return the model whose decoder is a matrix of its own."""
    import torch  # in here, as it takes seconds

    import sdd

    class Untied(sdd.ReLUOutput):
        def __init__(self, n, m=2):
            super().__init__(n, m)
            self.V = torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(m, n)))

        def forward(self, x):
            return torch.relu(self.hidden(x) @ self.V + self.b)

    return Untied


def made(runs: Iterable[Run]) -> pd.DataFrame:
    """Return the rows of these runs in the chapter's table."""
    return table().set_index("run", drop=False).loc[[name_of(run) for run in runs]]


def median_rank(columns: pd.DataFrame) -> dict[str, float]:
    """Return, for each T, the median rank by frequency of the four features with the largest D."""
    largest = columns.sort_values("D").groupby(["T", "seed"]).tail(4)
    return largest.groupby("T")["feature"].median().to_dict()


def silent_share(run: Run) -> float:
    """Return the share of the training loss that is of active features whose output is zero."""
    import torch

    x = torch.from_numpy(run.training_set().to_dense())
    with torch.no_grad():
        out = run.torch()(x)
    errors = (x - out) ** 2
    return float(errors[(x > 0) & (out == 0)].sum() / errors.sum())
