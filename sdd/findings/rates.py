"""The learning rate: how it moves both curves, and which training is like Jermyn's (C1)."""

import math

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.epsilon import MARKS, eps_at, twin
from sdd.findings.evidence import Evidence, borders
from sdd.findings.experiments import experiment
from sdd.findings.page import markdown
from sdd.findings.profiles import SMALL, Profile, choose, small_spec, spec
from sdd.findings.prose import Markdown
from sdd.findings.rule import above
from sdd.measures.damping import ratio
from sdd.measures.statistics import Estimate, difference
from sdd.runs.spec import RunSpec

__all__ = [
    "JERMYN", "beside_jermyn", "full_size", "nearest", "on_the_map", "places", "rate_map", "rates",
    "signatures",
]  # fmt: skip

# Learning rates, and the T whose twins are trained with each.
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
MAP = (1e-6, 1e-4, 1e-3, 1e-2, 1.0)  # and the two of `MARKS`
TWINS = (100, 300, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
CONFIRMED = {
    3e-3: (100, 500, 1_000, 2_000, 10_000),
    1e-2: (100, 500, 1_000, 2_000, 5_000, 10_000),
}

# What Jermyn's text says of his replication, in numbers.
JERMYN = {
    "peak": paper.JERMYN_PEAK, "b": paper.JERMYN_B, "middle": paper.JERMYN_MIDDLE,
    "features": paper.JERMYN_FEATURES,
}  # fmt: skip


@experiment("learning-rates")
def learning_rates(p: Profile) -> list[RunSpec]:
    """The sum and the mean at several learning rates: twins along the whole axis of T."""
    seeds = choose(p, 2, 4)
    return [
        small_spec(p, twin(T), seed, reduction=reduction, lr=lr)
        for reduction in ("mean", "sum")
        for lr in RATES
        for T in choose(p, TWINS[:-1], TWINS)
        for seed in range(seeds)
    ]  # fmt: skip


@experiment("rate-map")
def rate_map_runs(p: Profile) -> list[RunSpec]:
    """Between the sum and the mean at other learning rates: the twin of T = 2,000."""
    return [
        small_spec(p, twin(2_000), 0, reduction="sum", eps=eps_at(0.99, ratio), lr=lr)
        for lr in RATES
        for ratio in (*MAP, *MARKS.values())
    ]


@experiment("rates-confirmed")
def rates_confirmed(p: Profile) -> list[RunSpec]:
    """The two learning rates nearest to Jermyn's text on the twins, at the published size."""
    return [
        spec(T, 0, of=p.name, reduction="sum", lr=lr)
        for lr, sizes in (CONFIRMED if p.published_size else {}).items()
        for T in sizes
    ]


def rates(e: Evidence) -> pd.DataFrame:
    """Return the twins at several learning rates, with ``of``: the published T they stand for."""
    runs = e.table("learning-rates")
    return runs.assign(of=runs["T"].map({float(twin(T)): T for T in TWINS}))


def signatures(runs: pd.DataFrame, longest: float) -> pd.Series:
    """Return what Jermyn's text has a number for, of trainings that differ in data and T only.

    ``peak``: the highest mean test loss; ``b``: the highest mean ‖b‖, as a multiple of `longest`;
    ``middle``: where data points cease to have the highest D; ``features``: the first size from
    which on five features stand apart in every training (twice the last where there is none);
    ``rise``: ‖W‖ at T = 1,000 as a multiple of that at 100. ``last`` is the last size, and ``ends``
    are the two that ``middle`` is half way between. ``distance`` from Jermyn's: the root mean
    square, over the first four, of how many times one is to be doubled to give the other.

    Parameters
    ----------
    runs : DataFrame
        With ``of``, the published T that each stands for; from T = 100 on.
    longest : float
        The highest mean ‖b‖ of training on the mean at the published learning rate.
    """
    runs = runs.query("of >= 100").assign(T=lambda f: f["of"])
    means = runs.groupby("T")[["test_loss", "b_norm", "W_norm"]].mean()
    middle, onset = borders(runs)
    sizes = means.index
    found = {
        "peak": means["test_loss"].max(), "b": means["b_norm"].max() / longest,
        "middle": sizes[0] if math.isnan(middle) else middle,
        "features": 2 * sizes[-1] if math.isnan(onset) else min(T for T in sizes if T > onset),
    }  # fmt: skip
    doublings = [math.log2(found[name] / JERMYN[name]) for name in JERMYN]
    around = [sizes[sizes < middle], sizes[sizes > middle]]
    known = not math.isnan(middle)
    ends = f"{around[0][-1]:,.0f} to {around[1][0]:,.0f}" if known else f"{sizes[0]:,.0f} or before"
    found |= {"last": sizes[-1], "ends": ends}
    found["rise"] = means["W_norm"].get(1_000, math.nan) / means["W_norm"].get(100, math.nan)
    return pd.Series(found | {"distance": float(np.sqrt(np.mean(np.square(doublings))))})


def places(e: Evidence) -> pd.DataFrame:
    """Return the `signatures` of the twins by ``reduction`` and ``lr``, the nearest first."""
    runs = rates(e)
    usual = runs.query("reduction == 'mean' and lr == @paper.LEARNING_RATE")
    longest = usual.groupby("T")["b_norm"].mean().max()
    found = {key: signatures(rows, longest) for key, rows in runs.groupby(["reduction", "lr"])}
    table = pd.DataFrame(found).T.rename_axis(["reduction", "lr"])
    return table.sort_values("distance").reset_index()


def full_size(e: Evidence) -> pd.DataFrame:
    """Return the `signatures` at the published size of the sum at two learning rates."""
    own = e.table("dataset-size").query("T >= 100").groupby("T")["b_norm"].mean().max()
    runs = pd.concat([e.table("sum"), e.table("rates-confirmed")])
    runs = runs.assign(of=runs["T"])
    found = {key: signatures(rows, own) for key, rows in runs.groupby(["reduction", "lr"])}
    table = pd.DataFrame(found).T.rename_axis(["reduction", "lr"])
    return table.sort_values("distance").reset_index()


def nearest(e: Evidence) -> pd.Series:
    """Return the `signatures` nearest to Jermyn's: of the published size, or else of the twins."""
    return (full_size(e) if e.profile.published_size else places(e)).iloc[0]


def beside_jermyn(e: Evidence) -> Markdown:
    """Return the `signatures` of the twins, and of the published size, as a table beside his."""
    rows = [("Jermyn", "not stated", *(f"{v:,}" for v in JERMYN.values()), "rises", "")]
    found = places(e).assign(n=int(SMALL["n"]))
    if e.profile.published_size:
        found = pd.concat([found, full_size(e).assign(n=e.profile.n)])
    for _, row in found.iterrows():
        onset, peak = f"{row['features']:,.0f}", row["peak"]
        rows.append((
            f"{row['reduction']}, n = {row['n']:,}", f"{row['lr']:g}",
            f"{peak:,.0f}" if peak > 10 else f"{peak:.3f}",
            f"{row['b']:.1f}", row["ends"],
            onset if row["features"] <= row["last"] else f"after {row['last']:,.0f}",
            f"{row['rise']:.1f} times", f"{row['distance']:.1f}",
        ))  # fmt: skip
    columns = ["trained on", "learning rate", "peak of the test loss", "‖b‖ ÷ the mean's",
               "middle from T", "features from", "‖W‖, 100 to 1,000", "distance"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def rate_map(e: Evidence) -> pd.DataFrame:
    """Return the twins of T = 2,000 by ``ratio`` and ``lr``."""
    runs = e.table("rate-map")
    return runs.assign(ratio=ratio(runs))


def on_the_map(e: Evidence) -> dict[str, tuple[float, float]]:
    """Return where replications lie: ε of the summed loss ÷ (1 − S), and the learning rate."""
    n, rare = int(SMALL["n"]), 1 - SMALL["sparsity"]
    near, usual = nearest(e), paper.LEARNING_RATE
    return {
        "authors": (MARKS["mean"], usual),
        "Jermyn": (MARKS[near["reduction"]], near["lr"]),
        "shrunk, mean": (n * paper.EPS / rare, usual),
        "shrunk, sum": (paper.EPS / rare, usual),
        "Interaction_Law": (paper.EPS / rare, paper.WENJIE_SETTINGS["lr"]),
    }


@claim("R-rate", title="A higher learning rate raises the peaks on the sum, too",
       source="ours, on Jermyn's comment", published="not stated", figure="replications#fig-rates",
       log=True, region={"peak of the test loss": above(0), "peak of ‖b‖": above(0)},
       estimand="log₁₀ of the highest value over the twins' T: mean over series of trainings on "
       "the sum at the learning rate 10⁻², less that at 10⁻³")  # fmt: skip
def _rate_moves(e: Evidence) -> dict[str, Estimate]:
    """A higher learning rate, too, raises the peaks of the test loss and of ‖b‖ on the sum."""
    runs = rates(e).query("reduction == 'sum'").groupby(["lr", "data_seed"])
    top = np.log10(runs[["test_loss", "b_norm"]].max())
    rows = {"peak of the test loss": "test_loss", "peak of ‖b‖": "b_norm"}
    return {
        row: difference(top.loc[1e-2, column], top.loc[1e-3, column])
        for row, column in rows.items()
    }
