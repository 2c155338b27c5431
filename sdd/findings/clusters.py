"""What a memorising model stores: clusters of points that share a feature (U2), and how much."""

import math

import numpy as np
import pandas as pd

from sdd import paper, theory
from sdd.data import sample
from sdd.findings.branches import lowest
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.experiments import experiment
from sdd.findings.profiles import SMALL, Profile, choose, data_seeds
from sdd.findings.rule import Region, above, below, between
from sdd.findings.transition import searches, usual
from sdd.measures.clusters import clusters, storage
from sdd.measures.exactness import never_exact
from sdd.measures.statistics import Estimate, mean
from sdd.measures.table import load
from sdd.runs.spec import RunSpec

__all__ = [
    "at_published_size", "crossing_found", "crossings", "curves", "exact", "pictured",
    "table",
]  # fmt: skip

PICTURED = 30, 1_000, 2_000, 10_000  # T of the models whose hidden vectors are drawn


@experiment("memorising-clusters")
def memorising_clusters(p: Profile) -> list[RunSpec]:
    """U2: memorising solutions of many data sets, on the sum, at two large learning rates."""
    sizes = choose(
        p, {10: 3, 30: 3, 100: 3, 1_000: 3, 2_000: 3, 10_000: 3},
        dict.fromkeys((10, 30, 100, 200, 1_000, 2_000, 5_000, 10_000), 4),
        dict.fromkeys((10, 30, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000), 16),
    )  # fmt: skip
    return [
        s
        for T, count in sizes.items()
        for seed in data_seeds(0, count)
        for s in searches(p, T, seed)
    ]


@experiment("features-beside-clusters")
def features_beside(p: Profile) -> list[RunSpec]:
    """The paper's settings on the same data, around the size where the two solutions cross."""
    seeds = data_seeds(0, choose(p, 0, 4, 16))
    return [usual(p, T, seed) for T in (5_000, 10_000) for seed in seeds]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None) -> pd.DataFrame:
    """Return the memorising solutions, a row a data set, with what they store (`storage`)."""
    return lowest(Evidence.stored(of).table("memorising-clusters", storage))


def pictured(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the hidden vectors of one model of each of four sizes, as `figures.clusters` draws."""
    chosen = runs.drop_duplicates("T").set_index("T")["run"]
    return pd.concat(
        [
            clusters(run).assign(model=f"T = {T:,}")
            for T, run in zip(PICTURED, load(chosen.loc[list(PICTURED)]), strict=True)
        ],
        ignore_index=True,
    )


def curves(runs: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Return some columns of a table below one another: ``value``, and what it is (``number``)."""
    kept = runs[["T", "data_seed", *names]].rename(columns=names)
    return kept.melt(["T", "data_seed"], var_name="number", value_name="value")


def crossing_found(e: Evidence) -> str:
    """Return in words where the losses of the two solutions cross, over data seeds."""
    try:
        features = e.table("features-beside-clusters")
    except NoRuns:
        return f"not trained at the profile {e.profile.name}"
    found = crossings(e.table("memorising-clusters", storage), features)["found"]
    low, middle, high = (f"{round(v, -2):,.0f}" for v in (found.min(), found.mean(), found.max()))
    return f"{middle} (from {low} to {high})"


def at_published_size(e: Evidence) -> str:
    """Return in words what a memorising model of the published n stores, where there is one."""
    if not e.profile.published_size:
        return f"not trained at the profile {e.profile.name}"
    (run,) = e.table("memorising-branch", storage).itertuples()
    return (
        f"one training on {run.T:,.0f} points, at the learning rate {run.lr:g}, has "
        f"{run.clusters:.0f} clusters of {run.cluster_size:.0f} points, and gives back "
        f"{run.features_each:.1f} features of a stored point"
    )


def _judging(e: Evidence) -> pd.DataFrame:
    return lowest(e.judging("memorising-clusters", storage))


def exact(sets: int = 20) -> pd.DataFrame:
    """Return of how many drawn data sets no model in the plane can be exact (`never_exact`).

    A row for each ``T`` at n = 1,000: ``never`` of so many ``sets``, and ``never_published`` of as
    many at the published n, each of ten times as many points.
    """
    rows = []
    for T in (5, 10, 15, 20, 30, 100):
        small = [never_exact(sample(T, **SMALL, seed=s)) for s in range(sets)]
        large = [never_exact(sample(10 * T, paper.N, paper.SPARSITY, s)) for s in range(sets)]
        rows.append((T, sum(small), sum(large), sets))
    return pd.DataFrame(rows, columns=["T", "never", "never_published", "sets"])


def crossings(memorising: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Return where the solution of features becomes the lower one, found and predicted.

    A row a data seed of both tables: ``found``, the T at which the line through the differences of
    the training losses at the two sizes of `features`, over log T, is zero; ``low`` and ``high``,
    by `theory.crossover` with K what the memorising solution of the larger size is worth.
    """
    keys = ["data_seed", "T"]
    loss = lowest(memorising).set_index(keys)["train_loss"] - features.set_index(keys)["train_loss"]
    worth = lowest(memorising).set_index(keys)["worth"]
    rows = []
    for seed, values in loss.dropna().groupby("data_seed"):
        sizes = np.log(values.index.get_level_values("T").to_numpy(float))
        _, at_zero = np.polyfit(values.to_numpy(), sizes, 1)
        K = worth[(seed, values.index.get_level_values("T").max())]
        law = (SMALL["n"], SMALL["sparsity"])
        rows.append((seed, math.exp(at_zero), K, *theory.crossover(*law, K)))
    return pd.DataFrame(rows, columns=["data_seed", "found", "K", "low", "high"])


# --- Claims -------------------------------------------------------------------------------------

_U2 = "U2, Circuits Updates, July 2023"
_BEST = "over trainings at n = 1,000 (the better of two learning rates by training loss)"


def _named(T: int) -> str:
    """Return a row's name: a size, and the one of the paper that it stands for."""
    return f"T = {T:,} (paper: {T * paper.N // SMALL['n']:,})"


def _by_size(runs: pd.DataFrame, values: pd.Series, rows: dict[str, Region]) -> dict[str, Estimate]:
    groups = values.groupby(runs["T"])
    return {name: mean(v) for T, v in groups if (name := _named(int(T))) in rows and len(v)}


_CLUSTERED = 1_000, 2_000, 5_000, 10_000
_ABOVE_ZERO = {_named(T): above(0) for T in _CLUSTERED}
_TRIANGLES = {_named(T): above(0.9) for T in _CLUSTERED}
_SIZES = {_named(30): below(2), _named(100): below(2)} | {_named(T): above(2) for T in _CLUSTERED}
_EXACT = {_named(T): above(0.9) for T in (10, 30, 100)}
_FRESH = {_named(T): below(0.5) for T in _CLUSTERED}


@claim("U2-clusters", title="Stored points that share a feature share a direction",
       source=_U2, published="points that share features, in clusters (text)",
       figure="fig-shared-directions", region=_ABOVE_ZERO, estimand="Mean cosine between hidden "
       "vectors of points stored in part (worth more than 0.01) that share an active feature, less "
       "that of those that share none, less the same with the columns of W shuffled among the "
       f"features: mean {_BEST}")  # fmt: skip
def _clusters(e: Evidence) -> dict[str, Estimate]:
    """Stored points that share a feature share a direction, beyond what any weights would give."""
    runs = _judging(e)
    return _by_size(runs, runs["sharing"] - runs["sharing_any"], _ABOVE_ZERO)


@claim("U2-from-points", title="Stored are single points, then clusters of points",
       source=_U2, published="single points, then clusters (text)",
       figure="fig-cluster-sizes", region=_SIZES, estimand="In how many points a feature is "
       f"gained, mean over what is gained, {_BEST}. With none shared, 1")  # fmt: skip
def _sizes_of_clusters(e: Evidence) -> dict[str, Estimate]:
    """Up to the paper's 1,000 points what is stored are single points, then clusters of them."""
    runs = _judging(e)
    return _by_size(runs, runs["cluster_size"], _SIZES)


@claim("U2-exact", title="Every point is stored up to the paper's T = 1,000",
       source=_U2, published="exact memorisation possible below about 1,000 (text)",
       figure="fig-worth", region=_EXACT, estimand="Share of the training points worth more than "
       f"1/2, mean {_BEST}")  # fmt: skip
def _exact(e: Evidence) -> dict[str, Estimate]:
    """Up to the paper's 1,000 points the memorising solution stores every point."""
    runs = _judging(e)
    return _by_size(runs, runs["half_right"] / runs["T"], _EXACT)


@claim("U2-triangles", title="Each cluster lies where its own feature fires alone",
       source=_U2, published="arranged as triangles (text)",
       figure="fig-shared-directions", region=_TRIANGLES, estimand="Share of the squared output on "
       "points stored in part that is in each one's strongest output: 1 where each lies beyond the "
       f"threshold of one feature alone, in a triangle. Mean {_BEST}")  # fmt: skip
def _triangles(e: Evidence) -> dict[str, Estimate]:
    """Each cluster lies in the triangle where its own feature fires alone."""
    runs = _judging(e)
    return _by_size(runs, runs["in_one_feature"], _TRIANGLES)


@claim("U2-memory", title="The clusters are memory of the training points",
       source="ours", published="not stated", figure="fig-shared-directions",
       region=_FRESH, estimand="Share of all output on fresh points that goes to features that "
       f"are active in them, over the same share on the training points, mean {_BEST}. Features "
       "that are known would give 1: the region ends half-way")  # fmt: skip
def _memory(e: Evidence) -> dict[str, Estimate]:
    """The clusters are memory: on fresh points the same features fire for others."""
    runs = _judging(e)
    return _by_size(runs, runs["hits_fresh"] / runs["hits"], _FRESH)


# By half of the way, on a scale of factors, from the lower bound of `theory.crossover` to the upper
# one, which is 2.76 times as large: found near the lower bound, or elsewhere.
_HALF_WAY = math.log10(2.76) / 2


@claim("U2-crossing", title="What memories are worth tells where features take over",
       source="ours, by the bounds of the chapter on what features are worth",
       published="a factor of 1 (formula)", figure="fig-worth", at_quick=False,
       region=between(-_HALF_WAY, _HALF_WAY), log=True,
       estimand="T where the solution of features becomes the lower one, over K/(p|Δ| + nμ²) with "
       "what the memorising one of 10,000 points is worth for K: mean over data seeds of the log "
       "of this factor, n = 1,000. By the pentagon's gain alone it would be 2.76: the region ends "
       "half-way")  # fmt: skip
def _crossing(e: Evidence) -> Estimate:
    """What the memorising solution is worth tells where features become the better solution."""
    rows = crossings(
        e.judging("memorising-clusters", storage), e.judging("features-beside-clusters")
    )
    return mean(np.log10(rows["found"] / rows["low"]))
