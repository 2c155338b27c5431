"""Closed forms beside what training does: polygons, rings, and what sets D."""

import math
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from sdd import paper, theory
from sdd.data import Dataset
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import SMALL, Profile, choose, small_spec, spec
from sdd.findings.setup import predicted_D
from sdd.measures.columns import ring_columns, ring_loss_change
from sdd.measures.table import Measure
from sdd.runs.cache import memory
from sdd.runs.spec import RunSpec
from sdd.training import train
from sdd.training.config import TrainConfig

__all__ = [
    "BEST_RINGS", "among_all", "best_rings", "found_again", "free_rings",
    "pentagons", "planted_tgons", "rings_among_others", "table",
]  # fmt: skip

# T: a data seed at which the T points share no feature (at n = 10,000, S = 0.999).
DISJOINT = {5: 0, 8: 1, 12: 1}
TGON_FACTORS = (0.8, 0.95, 1.05, 1.2)  # of the least radius that memorises

# F: r and b of `theory.best_ring` with a free bias, at n = 1,000, S = 0.99.
BEST_RINGS = {
    3: (1.0, 0.0), 4: (1.0, 0.0), 5: (1.153, -0.143), 6: (1.237, -0.268), 7: (1.237, -0.321),
    8: (1.166, -0.297),
}  # fmt: skip


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


@experiment("free-features")
def free_features(p: Profile) -> list[RunSpec]:
    """Models that have F features only: free biases, biases held at zero, and planted rings."""
    lr = 3e-3  # short trainings of few weights: a length of one must be in reach
    return [
        small_spec(
            p, choose(p, 10_000, 20_000), seed, features=F, steps=choose(p, 1_500, 3_000),
            lr=lr, weight_decay=0.0, bias_decay=decay, reduction="sum", start=start,
        )
        for F, (r, b) in BEST_RINGS.items()
        # (A decay of 1/lr takes back at each step what a bias has become: it stays below lr.)
        for decay, start in ((0.0, ""), (1 / lr, ""), (0.0, f"ring:{F}:{r}:{b}"))
        for seed in range(choose(p, 2, 3))
    ]  # fmt: skip


@experiment("decayed-initialisation")
def decayed_initialisation(p: Profile) -> list[RunSpec]:
    """Pentagons at other weight decays, steps and Xavier gains, which should set their D."""
    changes: list[dict[str, Any]] = [
        {"weight_decay": 0.0}, {"steps": round(0.5 * p.steps)}, {"gain": 0.5},
    ]  # fmt: skip
    return [
        *(
            small_spec(p, math.inf, seed, batch=100, **{"steps": p.steps, **change})
            for change in ({}, *changes)
            for seed in (2, 3)  # (0 and 1 are F1's at quick)
        ),
        # At the paper's own size, beside F3's models of T = 10,000; these runs are long.
        *(spec(10_000, of=p.name, **change) for change in choose(p, (), (), changes)),
    ]


@experiment("planted-rings")
def planted_rings(p: Profile) -> list[RunSpec]:
    """Rings of the most used features planted among all n, then trained; and a usual start."""
    T = choose(p, 2_000, 3_000)
    return [
        small_spec(p, T, seed, steps=choose(p, 5_000, 20_000), start=start)
        for start in ("", *(f"top-ring:{K}:0.93:-0.12" for K in choose(p, (5, 6), (5, 6, 7))))
        for seed in range(choose(p, 2, 3))
    ]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs of all four experiments of the chapter, a row a run, by ``experiment``."""
    e = Evidence.stored(of)
    names = ("planted-polygons", "free-features", "planted-rings", "decayed-initialisation")
    found = [e.table(name, *measures).assign(experiment=name) for name in names]
    return pd.concat(found, ignore_index=True)


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


def free_rings(e: Evidence) -> pd.DataFrame:
    """Return the models of a few features, by ``kind``: biases "free" or "zero", or "planted"."""
    runs = e.table("free-features", ring_columns, ring_loss_change)
    free = np.where(runs["bias_decay"] > 0, "zero", "free")
    return runs.assign(kind=np.where(runs["start"] != "", "planted", free))


def best_rings(n: int, sparsity: float) -> pd.DataFrame:
    """Return the loss change ÷ p of the best ring by the formula, for each ``F`` and ``bias``."""
    rows = [
        (F, f"formula, {name}", theory.best_ring(F, free, n=n, sparsity=sparsity).loss_change)
        for name, free in (("b free", True), ("b = 0", False))
        for F in BEST_RINGS
    ]
    return pd.DataFrame(rows, columns=["F", "bias", "change"])


def among_all(e: Evidence) -> pd.DataFrame:
    """Return the models with a ring planted among all features; 0 ``corners``: a usual start."""
    runs = e.table("planted-rings", ring_columns)
    corners = runs["start"].str.extract(r"top-ring:(\d+):")[0]
    return runs.assign(corners=corners.fillna("0").astype(int))


def rings_among_others(R2: np.ndarray) -> pd.DataFrame:
    """Return by how much the best ring of 6, 4 or 7 features is worse than that of 5.

    A row for each of the (k,) squared norms ``R2`` of all other columns and each ``ring`` (such as
    "6 features"): ``worse``, in loss ÷ p.
    """
    change = pd.DataFrame(
        {
            F: [theory.best_ring_among_others(F, v, **SMALL).loss_change for v in R2]
            for F in (6, 4, 7, 5)
        },
        pd.Index(R2, name="R2"),
    )
    worse = change.sub(change.pop(5), axis=0).rename(columns="{} features".format)
    return worse.melt(var_name="ring", value_name="worse", ignore_index=False).reset_index()


def pentagons(runs: pd.DataFrame) -> pd.DataFrame:
    """Add what a run changes (its ``variant``, "" for nothing), and the D of its five by formulas.

    ``from_initial``: the D that decay should leave of the initial weights; ``from_R2``: the D of
    the measured lengths, if all other columns point everywhere alike.
    """
    variant = np.select(
        [runs["weight_decay"] == 0, runs["gain"] != 1, runs["steps"] < paper.STEPS],
        ["no decay", runs["gain"].map("{:g} × weights".format), "half the steps"],
        "",
    )
    isotropic = [
        theory.pentagon_dimensionality(math.sqrt(r2), R2)
        for r2, R2 in zip(runs["five_r2"], runs["other_R2"], strict=True)
    ]
    return runs.assign(variant=variant, from_initial=predicted_D(runs), from_R2=isotropic)


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
