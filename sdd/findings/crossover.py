"""From which size on features are worth more than memorised data points."""

import numpy as np
import pandas as pd

from sdd import paper, theory
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import Profile, spec
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["bounds", "gains", "table"]


@experiment("memorising-branch")
def memorising_branch(p: Profile) -> list[RunSpec]:
    """Ten times the learning rate, on the sum, where features are found at the usual one."""
    T, rate = p.size(10_000), 10 * paper.LEARNING_RATE
    return [spec(T, of=p.name, lr=rate, reduction="sum")]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run."""
    return Evidence.stored(of).table("memorising-branch", *measures)


def bounds(e: Evidence) -> pd.DataFrame:
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


def gains(e: Evidence) -> pd.DataFrame:
    """Return by how much each solution lowers the training loss: ``gain`` over ``T``, by ``of``.

    The solutions are a memorising model for each K of `bounds`, and a pentagon with its best bias,
    alone and beside the best constant output.
    """
    known = bounds(e).query("free_bias")
    sizes = np.geomspace(known["low"].min() / 4, known["high"].max() * 4, 60)
    found = {f"{K:,} points stored": K / sizes for K in known["K"]}
    K, low, high = known[["K", "low", "high"]].iloc[0]  # a bound is K over what is gained
    found |= {"pentagon": 0 * sizes + K / high, "pentagon and constant": 0 * sizes + K / low}
    return pd.concat(
        pd.DataFrame({"T": sizes, "gain": gain, "of": name}) for name, gain in found.items()
    )
