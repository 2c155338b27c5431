"""Planted polygons of data points: where they end, and whether a lost point comes back."""

from itertools import product

import numpy as np
import pandas as pd

from sdd import paper, theory
from sdd.data import Dataset
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import Profile, choose, spec
from sdd.findings.rule import within
from sdd.measures import lost
from sdd.measures.statistics import Estimate, mean
from sdd.measures.table import Measure
from sdd.runs.cache import memory
from sdd.runs.spec import RunSpec
from sdd.training import train
from sdd.training.config import TrainConfig

__all__ = ["found_again", "one_hot", "planted_tgons", "saddle", "table"]

# T: a data seed at which the T points share no feature (at n = 10,000, S = 0.999).
DISJOINT = {5: 0, 8: 1, 12: 1}
TGON_FACTORS = (0.8, 0.95, 1.05, 1.2)  # of the least radius that memorises


@experiment("planted-polygons")
def planted_polygons(p: Profile) -> list[RunSpec]:
    """Lookup tables planted around the least radius that memorises, then trained."""
    sizes = choose(p, (8,), tuple(DISJOINT))
    return [
        spec(
            T, DISJOINT[T], of=p.name, n=paper.N, sparsity=paper.SPARSITY,
            steps=choose(p, 4_000, 20_000), weight_decay=decay, start=f"tgon:{factor}",
        )
        for T, factor, decay in product(sizes, TGON_FACTORS, (0.0, 0.1))
    ]  # fmt: skip


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run."""
    return Evidence.stored(of).table("planted-polygons", *measures)


def planted_tgons(e: Evidence) -> pd.DataFrame:
    """Return the planted polygons with their radii, in units of the least that memorises.

    ``factor``: where each was planted; ``radius``: where it ended, the mean length of its hidden
    vectors; ``expected``: where it should end. Below the least radius it should grow to it; above,
    stay, or with decay shrink to it.
    """
    runs = e.table("planted-polygons")
    factor = runs["start"].str.split(":").str[1].astype(float)
    stays = (factor > 1) & (runs["weight_decay"] == 0)
    radius = runs["h_mean"] / [theory.tgon_threshold(int(T)) for T in runs["T"]]
    return runs.assign(factor=factor, radius=radius, expected=factor.where(stays, 1.0))


def one_hot(n: int, decay: float, trainings: int = 32, steps: int = 50_000) -> pd.DataFrame:
    """Return what trainings on n one-hot points come to, on the sum: ``loss``, longest, shortest.

    A row a training from other initial weights. The table is kept beside the stored runs.
    """
    return memory().cache(_train_one_hot)(n, decay, trainings, steps)


def _train_one_hot(n: int, decay: float, trainings: int, steps: int) -> pd.DataFrame:
    points, rows = Dataset.from_dense(np.eye(n, dtype=np.float32)), []
    for seed in range(trainings):
        config = TrainConfig(steps=steps, weight_decay=decay, reduction="sum", seed=seed)
        run = train(points, config)
        lengths = np.linalg.norm(run.W, axis=0)
        rows.append((run.train_loss, lengths.max(), lengths.min()))
    return pd.DataFrame(rows, columns=["loss", "longest", "shortest"])


def found_again(n: int, decay: float, steps: int, starts: int = 10) -> int:
    """Return how many trainings from near a dropped feature end with every point memorised.

    They train on n ≥ 6 one-hot points, on the sum over features with that weight decay, from
    `theory.dropped_feature` at the least radius and small random changes of it. The count is kept
    beside the stored runs.
    """
    return memory().cache(_count_found)(n, decay, steps, starts)


def _count_found(n: int, decay: float, steps: int, starts: int) -> int:
    W, b = theory.dropped_feature(n, theory.tgon_threshold(n - 1))
    points = Dataset.from_dense(np.eye(n, dtype=np.float32))
    config = TrainConfig(steps=steps, weight_decay=decay, reduction="sum")
    rng = np.random.default_rng(0)
    count = 0
    for _ in range(starts):
        start = W + rng.normal(0, 1e-3, W.shape), b + rng.normal(0, 1e-3, n)
        count += train(points, config, init=start).train_loss < 0.5 / n
    return int(count)


def saddle(n: int) -> np.ndarray:
    """Return the eigenvalues of the loss's Hessian at `theory.dropped_feature`, rising."""
    return lost.curvatures(*theory.dropped_feature(n), np.eye(n))[0]


# --- Claims -------------------------------------------------------------------------------------


@claim("T-tgon", title="A planted T-gon ends at the least radius",
       source="ours, tested on planted T-gons", published="1 (formula)",
       figure="fig-planted-polygons", region=within(1, 0.02),
       estimand="Trained radius over that expected, mean over polygons planted at 0.8, 0.95, 1.05 "
       "and 1.2 of the least radius. Wrong would be one that stays, or does not, 0.05 away"
       )  # fmt: skip
def _polygons(e: Evidence) -> dict[str, Estimate]:
    """A planted T-gon grows to the least radius, and from above shrinks to it under decay alone."""
    runs = planted_tgons(e)
    ratio, larger, decays = (
        runs["radius"] / runs["expected"], runs["factor"] > 1, runs["weight_decay"] > 0,
    )  # fmt: skip
    return {
        "from below": mean(ratio[~larger]),
        "from above, no decay": mean(ratio[larger & ~decays]),
        "from above, decay": mean(ratio[larger & decays]),
    }
