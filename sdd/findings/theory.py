"""Closed forms beside what training does: polygons, rings, and what sets D."""

from itertools import product

import numpy as np
import pandas as pd

from sdd import paper, theory
from sdd.data import Dataset
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import Profile, choose, small_spec, spec
from sdd.findings.rule import USUALLY, above, within
from sdd.measures import lost
from sdd.measures.columns import ring_columns, ring_loss_change
from sdd.measures.statistics import Estimate, mean, share
from sdd.measures.table import Measure
from sdd.runs.cache import memory
from sdd.runs.spec import RunSpec
from sdd.training import train
from sdd.training.config import TrainConfig

__all__ = [
    "BEST_RINGS", "among_all", "best_rings", "crossovers", "found_again", "free_rings", "one_hot",
    "planted_tgons", "saddle", "table",
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
        for seed in range(choose(p, 2, 5))
    ]  # fmt: skip


@experiment("planted-rings")
def planted_rings(p: Profile) -> list[RunSpec]:
    """Rings of the most used features planted among all n, then trained; and a usual start."""
    T = choose(p, 2_000, 3_000)
    return [
        small_spec(p, T, seed, steps=choose(p, 5_000, 20_000), start=start)
        for start in ("", *(f"top-ring:{K}:0.93:-0.12" for K in choose(p, (5, 6), (5, 6, 7))))
        for seed in range(choose(p, 2, 6))
    ]


@experiment("memorising-branch")
def memorising_branch(p: Profile) -> list[RunSpec]:
    """Ten times the learning rate, on the sum, where features are found at the usual one."""
    T, rate = p.size(10_000), 10 * paper.LEARNING_RATE
    return [spec(T, of=p.name, lr=rate, reduction="sum")]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs of three experiments of the chapter, a row a run, by ``experiment``."""
    e = Evidence.stored(of)
    names = ("planted-polygons", "free-features", "planted-rings")
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


def crossovers(e: Evidence) -> pd.DataFrame:
    """Return where generalising should overtake memorising K points, by `theory.crossover`.

    A row for each ``K`` (on the ring at T = 30 in the published figure; stored by the run of
    "memorising-branch", T (1 − loss) of its training loss) and for each bias of the pentagon.
    """
    n, sparsity = e.profile.n, e.profile.sparsity
    (run,) = e.table("memorising-branch").itertuples()
    known = {
        "at T = 30": paper.RING_OF_30[0],
        f"at T = {run.T:,.0f}": round(run.T * (1 - run.train_loss)),
    }
    rows = [
        (where, K, free, *theory.crossover(n, sparsity, K, free))
        for where, K in known.items()
        for free in (False, True)
    ]
    return pd.DataFrame(rows, columns=["where", "K", "free_bias", "low", "high"])


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


@claim("T-tgon", source="ours, tested on planted T-gons", published="1 (formula)",
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


# Half of what part the formulas with a free bias and with none.
_RINGS = {
    "F = 5, b = 0": within(0, 0.026),
    "F = 5, b free": within(0, 0.026),
    "F = 6, b free": within(0, 0.048),
}


@claim("T-rings", source="ours, tested on models of F features", published="0 (formula)",
       figure="fig-rings", region=_RINGS, estimand="Change of the training loss that F features on "
       "a ring make, over p, less the formula's, mean over trainings of models with F features "
       "only: a usual start for b = 0, planted rings for b free")  # fmt: skip
def _rings(e: Evidence) -> dict[str, Estimate]:
    """The change in loss by F features on a ring is the formula's."""
    runs = free_rings(e)
    found: dict[str, Estimate] = {}
    n, sparsity = runs[["n", "sparsity"]].iloc[0]
    for (name, _), (F, kind) in zip(
        _RINGS.items(), ((5, "zero"), (5, "planted"), (6, "planted")), strict=True
    ):
        expected = theory.best_ring(F, kind != "zero", n=int(n), sparsity=sparsity).loss_change
        rows = runs[(runs["features"] == F) & (runs["kind"] == kind)]
        found[name] = mean(rows["loss_change"] - expected)
    return found


_SIX_ALONE = {
    "usual start: five long columns": USUALLY,
    "planted hexagon: six long columns": USUALLY,
    "loss of the usual less of the planted": above(0),
}


@claim("T-six-alone", source="ours, tested on models of six features", figure="fig-rings",
       published="six lower (formula)", region=_SIX_ALONE, estimand="Share of trainings with so "
       "many columns longer than half the longest; and the change of the loss over p, of a usual "
       "start less of a planted hexagon on the same data")  # fmt: skip
def _six_alone(e: Evidence) -> dict[str, Estimate]:
    """Six features alone end in five from a usual start, though a hexagon stays and is lower."""
    runs = free_rings(e).query("features == 6").set_index("data_seed")
    usual, planted = (runs[runs["kind"] == kind] for kind in ("free", "planted"))
    values = (
        share(usual["columns_standing"] == 5),
        share(planted["columns_standing"] == 6),
        mean((usual["loss_change"] - planted["loss_change"]).dropna()),
    )
    return dict(zip(_SIX_ALONE, values, strict=True))


@claim("T-five-among-all", source="ours, tested on planted rings", published="five lower (formula)",
       figure="other-columns#fig-five-six", region=above(0), estimand="Training loss from a "
       "planted hexagon less from a planted pentagon on the same data, mean over data sets"
)  # fmt: skip
def _five_among_all(e: Evidence) -> Estimate:
    """Among all features a planted pentagon ends in a lower training loss than a hexagon."""
    losses = among_all(e).pivot(index="data_seed", columns="corners", values="train_loss")
    return mean((losses[6] - losses[5]).dropna())
