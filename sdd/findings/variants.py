"""Double descent with other losses and other models (C2).

Each variant is a class derived from `sdd.ReLUOutput`, which says what differs from the paper's.
"""

import math
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from sdd import paper
from sdd.data import Dataset, DataSettings
from sdd.findings import grids
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.grids import cell, rise
from sdd.findings.page import mean_sd
from sdd.findings.profiles import FIRST_JUDGING, SMALL, Profile, choose
from sdd.findings.rule import above
from sdd.measures.columns import losses
from sdd.measures.statistics import Estimate, lowest
from sdd.runs.spec import RunSpec
from sdd.training.config import TrainConfig
from sdd.training.run import Run

__all__ = [
    "FORMULAS", "curves", "formulas", "models", "own_loss", "places", "summary", "test_rows",
    "tops",
]  # fmt: skip

# A model trains by autograd on dense points, thirty times slower than the paper's by the engine:
# hence half the features of the small problem, and just as many active ones in a point.
LAW: dict[str, Any] = {"n": 500, "sparsity": 0.98}
TEST_ROWS = 20_000

# Short trainings in which the paper's model has its bump, chosen on data seeds 0 to 3. By
# whether ε is that of the published size, or rescaled to this one.
SHORT: dict[str, dict[str, Any]] = {
    "ε kept": {"eps": paper.EPS, "lr": 4e-3, "steps": 1_500},
    "ε rescaled": {"lr": 3e-2, "steps": 1_000},
}
PAPERS = "the paper's model"
FORMULAS = {
    PAPERS: "Σ (x − x')²",
    "fourth power": "Σ (x − x')⁴",
    "absolute error": "Σ abs(x − x')",
    "cross-entropy": "Σ p log(p/q) − p + q, of p = x + 0.1 and q = x' + 0.1",
    "ReLU between": "Σ (x − x')², h = ReLU(W x)",
    "untied": "Σ (x − x')², x' = ReLU(Vᵀ h + b)",
}


@cache
def models() -> dict[str, Any]:
    """Return the classes by name: three other losses, two other models; None is the paper's."""
    import torch  # in here, as it takes seconds

    import sdd

    class Quartic(sdd.ReLUOutput):
        def objective(self, x):
            return ((x - self(x)) ** 4).sum(1)

    class Absolute(sdd.ReLUOutput):
        def objective(self, x):
            return (x - self(x)).abs().sum(1)

    class CrossEntropy(sdd.ReLUOutput):
        def objective(self, x):
            p, q = x + 0.1, self(x) + 0.1
            return (p * (p / q).log() - p + q).sum(1)

    class HiddenReLU(sdd.ReLUOutput):
        def hidden(self, x):
            return torch.relu(super().hidden(x))

    class Untied(sdd.ReLUOutput):
        def __init__(self, n, m=2):
            super().__init__(n, m)
            self.V = torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(m, n)))

        def forward(self, x):
            return torch.relu(self.hidden(x) @ self.V + self.b)

    classes = None, Quartic, Absolute, CrossEntropy, HiddenReLU, Untied
    return dict(zip(FORMULAS, classes, strict=True))


def places(n: int) -> tuple[int, ...]:
    """Return the T that stand for the paper's 500, 2,000, 5,000, 10,000 and 20,000."""
    return tuple(paper.rescaled_size(T, n) for T in (500, 2_000, 5_000, 10_000, 20_000))


# Where the test loss is highest, in places, if it is not at the paper's (the second): chosen on
# data seed 0, with the larger T that are trained on to see it fall again.
ELSEWHERE = {
    ("cross-entropy", "ε kept"): 2,
    ("cross-entropy", "ε rescaled"): 2,
    ("untied", "ε kept"): 3,
}


@experiment("variants")
def variants(p: Profile) -> list[RunSpec]:
    """C2: other losses and models on few and on many points, at two ε."""
    law = choose(p, LAW, LAW, SMALL)
    n, found = law["n"], []
    for (name, model), (kind, short) in product(models().items(), SHORT.items()):
        usual = short | choose(p, {"steps": 300}, {}, {"lr": paper.LEARNING_RATE, "steps": p.steps})
        many = 5 if name == PAPERS else 2 + ELSEWHERE.get((name, kind), 1)
        count = choose(p, 1, 12 if name == PAPERS else 4)
        for T, seed in product(places(n)[:many], range(FIRST_JUDGING, FIRST_JUDGING + count)):
            data, config = DataSettings(T, seed=seed, **law), TrainConfig(seed=100 * seed, **usual)
            found.append(RunSpec(data, config, model=model, test=test_rows(**law)))
    return found


@cache
def test_rows(n: int, sparsity: float) -> Dataset:
    """Return the points that variants are tested on, dense ones being slow."""
    return DataSettings(TEST_ROWS, n, sparsity, seed=1).rows(0, TEST_ROWS, "test")


def own_loss(run: Run) -> dict[str, Any]:
    """Return the test loss of a run's own kind, ``own_loss``, and its standard error.

    Parameters
    ----------
    run : Run
        Of one of the variants.

    Returns
    -------
    dict of str to float
        ``own_loss`` and ``own_error``; of another model than the paper's, as of the paper's,
        these are the squared error's.
    """
    if run.model is None:
        found = losses(run)
        return {"own_loss": found["test_loss"], "own_error": found["test_error"]}
    import torch

    assert isinstance(run.data, DataSettings)
    rows, module = test_rows(run.data.n, run.data.sparsity), run.torch()
    with torch.no_grad():
        parts = [
            module.objective(torch.from_numpy(rows.take(np.arange(k, k + 1_000)).to_dense()))
            for k in range(0, rows.T, 1_000)
        ]
    each = torch.cat(parts).double()
    return {"own_loss": float(each.mean()), "own_error": float(each.std() / math.sqrt(len(each)))}


def curves(e: Evidence) -> pd.DataFrame:
    """Return the runs, a row each, with their ``variant``, ``kind`` (of ε) and own losses."""
    names = {getattr(model, "__name__", "ReLUOutput"): name for name, model in models().items()}
    found = e.table("variants", own_loss)
    kind = np.where(found["eps"] == paper.EPS, "ε kept", "ε rescaled")
    return found.assign(variant=found["model"].map(names), kind=kind)


def summary(e: Evidence) -> pd.DataFrame:
    """Return as text the own test losses ± sd, a row a variant and ε, a column a T."""
    found = curves(e).groupby(["variant", "kind", "T"], sort=False)["own_loss"]
    rows = found.agg(mean_sd, digits=4).unstack().reset_index()
    rows.columns = [*rows.columns[:2], *(f"T = {T:,.0f}" for T in rows.columns[2:])]
    return rows.rename(columns={"variant": "model or loss", "kind": "AdamW"}).fillna("–")


def formulas() -> pd.DataFrame:
    """Return as text what each model is trained on."""
    return pd.DataFrame(FORMULAS.items(), columns=["model or loss", "trained on"])


def tops(runs: pd.DataFrame, kind: str) -> str:
    """Return in words at which T each variant's mean own loss is highest, if between two others."""
    some = runs[runs["kind"] == kind].assign(test_loss=runs["own_loss"])
    found = grids.tops(some, "variant")
    said = [f"{row.variant} (at T = {row.T:,.0f})" for row in found.itertuples()]
    return ", ".join(said) or "none"


# --- Claims -------------------------------------------------------------------------------------

_C2 = "C2, Hobbhahn's comment"
_OWN = "mean test loss, in each model's own kind of loss (formulas: the page's table),"


def _bump(runs: pd.DataFrame, top: int) -> Estimate:
    """Estimate by how much the loss at the place `top` is above the first and above the next."""
    T = places(int(runs["n"].iloc[0]))
    runs = runs.assign(test_loss=runs["own_loss"], test_error=runs["own_error"])
    return lowest(rise(cell(runs, T=T[k]), cell(runs, T=T[top])) for k in (0, top + 1))


def _judging(e: Evidence) -> dict[tuple[str, str], pd.DataFrame]:
    return {keys: rows for keys, rows in curves(e).groupby(["variant", "kind"], sort=False)}


_HERE = {f"{name}, {kind}": above(0) for name, kind in product(FORMULAS, SHORT)}


@claim("C2-variants", source=_C2, published="also with other losses and with a ReLU between the "
       "layers (text)", figure="comments#fig-variants", region=_HERE, at_quick=False,
       estimand=f"At n = 500, S = 0.98: {_OWN} at T = 100 less the larger of the means at 25 and "
       "250, the counterparts of 2,000, 500 and 5,000; paired by data seed")  # fmt: skip
def _persists(e: Evidence) -> dict[str, Estimate]:
    """Double descent persists where the paper's model has it."""
    return {", ".join(keys): _bump(rows, 1) for keys, rows in _judging(e).items()}


@claim("C2-elsewhere", title="Other losses and untied weights have the bump elsewhere",
       source=_C2, published="also with other losses (text)",
       figure="comments#fig-variants", at_quick=False,
       region={", ".join(keys): above(0) for keys in ELSEWHERE},
       estimand=f"At n = 500, S = 0.98: {_OWN} at T = 250 (cross-entropy) or 500 (untied) less the "
       "larger of the means at 25 and at twice that T (not at 100); paired by data seed. The "
       "places were chosen on data seed 0")  # fmt: skip
def _persists_elsewhere(e: Evidence) -> dict[str, Estimate]:
    """With a cross-entropy, and with untied weights and ε kept, the loss is higher there."""
    found = _judging(e)
    return {", ".join(keys): _bump(found[keys], top) for keys, top in ELSEWHERE.items()}
