"""Near misses: what a training learns and does not keep (C8); shown with the repeats."""

import numpy as np
import pandas as pd

from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import size
from sdd.findings.profiles import Profile, choose, data_seeds
from sdd.findings.repeats import STEPS, T, fast
from sdd.findings.rule import above, below
from sdd.measures.repeats import film, forgotten, history
from sdd.measures.statistics import Estimate, mean, share
from sdd.measures.table import load
from sdd.runs.spec import RunSpec

__all__ = ["films", "histories", "misses", "numbers"]

KEPT = tuple(np.unique(np.geomspace(STEPS // 200, STEPS, 40).round().astype(int)).tolist())
# Of films: (T, repeats, reduction) and the data seed shown, chosen among those to look at.
FILMED = {(T, 5, "mean"): 0, (T, 4, "mean"): 7, (400, 1, "mean"): 3}


@experiment("near-misses")
def near_misses(p: Profile) -> list[RunSpec]:
    """Trainings with snapshots, in which features or a point may be learnt and forgotten."""
    seeds = {
        (T, 5, "mean"): [],
        (T, 4, "mean"): data_seeds(0, choose(p, 2, 16)),
        (1_000, 1, "mean"): data_seeds(0, choose(p, 3, 12)),
        (400, 1, "mean"): data_seeds(0, choose(p, 4, 12)),
        (700, 1, "sum"): data_seeds(0, choose(p, 3, 12)),
    }
    return [
        fast(p, t, seed, repeats=R, reduction=reduction, snapshots=KEPT)
        for (t, R, reduction), judging in seeds.items()
        for seed in [*[s for of, s in FILMED.items() if of == (t, R, reduction)], *judging]
    ]


# --- Tables -------------------------------------------------------------------------------------


def misses(e: Evidence) -> pd.DataFrame:
    """Return the trainings with snapshots, with what `forgotten` says, and which are ``filmed``."""
    runs = e.table("near-misses", forgotten)
    shown = {(*of, seed) for of, seed in FILMED.items()}
    settings = runs[["T", "repeats", "reduction", "data_seed"]].itertuples(index=False, name=None)
    return runs.assign(filmed=[of in shown for of in settings])


def histories(runs: pd.DataFrame) -> pd.DataFrame:
    """Return D at all snapshots of the runs that are filmed, see `history`."""
    found = [history(run).assign(model=_title(run.T, run.data.repeats)) for run in _filmed(runs)]
    kinds = {"example": "point", "repeated example": "repeated point"}
    return pd.concat(found, ignore_index=True).replace({"of": kinds})


def films(runs: pd.DataFrame, T: float, repeats: int) -> pd.DataFrame:
    """Return the vectors at some snapshots of the filmed run of that size, see `film`."""
    chosen = runs[(runs["T"] == T) & (runs["repeats"] == repeats)]
    return film(_filmed(chosen)[0])


def numbers(e: Evidence) -> dict[str, object]:
    """Return the numbers of the chapter's prose, by the names that they are glued under."""
    runs = e.judging("near-misses", forgotten)
    four, rest = runs.query("repeats == 4"), runs.query("repeats == 1")
    low, high = share(four["dropped"]).interval()
    lost = rest.groupby(["T", "reduction"])["lost"].mean()
    return {
        "four": len(four), "four-dropped": int(four["dropped"].sum()),
        "four-low": low, "four-high": high,
        "lost-400": lost[400, "mean"], "lost-1000": lost[1_000, "mean"],
        "lost-sum": lost[700, "sum"],
        "peak-400": rest.query("T == 400")["peak_D"].mean(),
        "end-400": rest.query("T == 400")["end_D"].mean(),
    }  # fmt: skip


def _filmed(runs: pd.DataFrame) -> list:
    return list(load(runs.query("filmed")["run"]))


def _title(T: float, repeats: int) -> str:
    return f"T = {size(T)}" + (f", one point {repeats} times" if repeats > 1 else "")


# --- Claims -------------------------------------------------------------------------------------

_LOST = {
    "T/n = 1": above(0.5), "T/n = 0.4": above(0.5), "T/n = 0.7, the sum": above(0.5),
}  # fmt: skip


@claim("C8-features", title="Features are learnt, and most of them forgotten",
       source="C8, comment by Jermyn (T/n = 1); ours", region=_LOST,
       published="learnt, then forgotten (one training)", figure="repeats#fig-repeats-histories",
       estimand="Share of the features with D of at least 0.1, when the third largest D was at its "
       "highest, that end with less than half of that D; mean over trainings")  # fmt: skip
def _features(e: Evidence) -> dict[str, Estimate]:
    """Without repeats a model learns features and forgets most of them."""
    runs = e.judging("near-misses", forgotten).query("repeats == 1").dropna(subset="lost")
    rows = runs.groupby(["T", "reduction"])["lost"]
    which = ((1_000, "mean"), (400, "mean"), (700, "sum"))
    return {
        name: mean(rows.get_group(of)) for name, of in zip(_LOST, which, strict=True)
        if of in rows.groups
    }  # fmt: skip


@claim("C8-examples", title="A point learnt and dropped again is the exception",
       source="C8, comment by Jermyn", published="happens (one training)",
       region=below(0.5), figure="repeats#fig-repeats-histories", estimand="Share of trainings in "
       "which the point's loss had fallen by a quarter or more, and ends with less than half of "
       "the fall; one point four times, at T/n = 3")  # fmt: skip
def _examples(e: Evidence) -> Estimate:
    """A point that was learnt and is dropped again is the exception."""
    return share(e.judging("near-misses", forgotten).query("repeats == 4")["dropped"])
