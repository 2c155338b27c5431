"""Five features on a ring or six: alone, and planted among all others."""

import numpy as np
import pandas as pd

from sdd import theory
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import Profile, choose, small_spec
from sdd.findings.rule import USUALLY, above, within
from sdd.measures.columns import ring_columns, ring_loss_change
from sdd.measures.statistics import Estimate, mean, share
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["BEST_RINGS", "among_all", "best_rings", "free_rings", "table"]

# F: r and b of `theory.best_ring` with a free bias, at n = 1,000, S = 0.99.
BEST_RINGS = {
    3: (1.0, 0.0), 4: (1.0, 0.0), 5: (1.153, -0.143), 6: (1.237, -0.268), 7: (1.237, -0.321),
    8: (1.166, -0.297),
}  # fmt: skip


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


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs of both experiments of the chapter, a row a run, by ``experiment``."""
    e = Evidence.stored(of)
    names = ("free-features", "planted-rings")
    found = [e.table(name, *measures).assign(experiment=name) for name in names]
    return pd.concat(found, ignore_index=True)


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


# --- Claims -------------------------------------------------------------------------------------


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


@claim("T-six-alone", title="Six features alone end in five, though six would be lower",
       source="ours, tested on models of six features", figure="fig-rings",
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


@claim("T-five-among-all", title="Among all features five in a ring are better than six",
       source="ours, tested on planted rings", published="five lower (formula)",
       figure="other-columns#fig-five-six", region=above(0), estimand="Training loss from a "
       "planted hexagon less from a planted pentagon on the same data, mean over data sets"
)  # fmt: skip
def _five_among_all(e: Evidence) -> Estimate:
    """Among all features a planted pentagon ends in a lower training loss than a hexagon."""
    losses = among_all(e).pivot(index="data_seed", columns="corners", values="train_loss")
    return mean((losses[6] - losses[5]).dropna())
