"""Small training sets: data points in superposition (F2)."""

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import specs
from sdd.findings.page import beside, mean_sd
from sdd.findings.profiles import profile
from sdd.findings.rule import below
from sdd.measures import table as tables
from sdd.measures.columns import hidden_vectors
from sdd.measures.damping import times_seen
from sdd.measures.statistics import Estimate, mean
from sdd.measures.table import Measure, load
from sdd.training.config import Run

__all__ = ["bias_by_use", "evidence", "lengths", "polygons", "table", "trainings"]

MOST = 30  # data points of what is called a small training set here
KEPT, NOT_KEPT = "kept: the best of them", "not kept"


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: training sets of up to 30 points."""
    return tables.table([s for s in specs("dataset-size", of) if s.data.T <= MOST], *measures)


def evidence(of: str | None = None) -> Evidence:
    """Return the evidence of small training sets alone, which takes no run of a larger one."""
    return Evidence(profile(of), {"dataset-size": table(of, bias_by_use)})


def bias_by_use(run: Run) -> dict[str, float]:
    """Return the norm of the bias on features that some training point has, and on all others."""
    used = times_seen(run) > 0
    b = run.b.astype(float)
    return {"b_used": float(np.linalg.norm(b[used])), "b_unused": float(np.linalg.norm(b[~used]))}


def lost_a_point(frame: pd.DataFrame) -> pd.Series:
    """Tell which runs lost a point: a training loss above half of one point's share, 1/2T."""
    return frame["train_loss"] > 0.5 / frame["T"]


def trainings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return every single training of runs: ``T``, ``train_loss``, and whether it was kept."""
    parts = []
    for run in load(frame["run"]):
        losses = run.restart_losses
        kept = np.where(np.arange(losses.size) == np.argmin(losses), KEPT, NOT_KEPT)
        parts.append(pd.DataFrame({"T": run.T, "train_loss": losses, "training": kept}))
    return pd.concat(parts, ignore_index=True)


def lengths(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the ``length`` of every hidden vector of runs, by ``T``."""
    parts = [
        pd.DataFrame({"T": run.T, "length": np.linalg.norm(hidden_vectors(run), axis=1)})
        for run in load(frame["run"])
    ]
    return pd.concat(parts, ignore_index=True)


def polygons(e: Evidence) -> pd.DataFrame:
    """Return F2 as a table of text: D against 2/T, the ring, and trainings that lost a point."""
    ring = {8: "6 (and 2 inner points)", 30: "{} to {}".format(*paper.RING_OF_30)}
    published = {T: " / ".join(f"{D:.3g}" for D in values) for T, values in paper.EXAMPLE_D.items()}
    columns = ["D, published (fig)", "on the ring, published (fig)"]
    theirs = pd.concat([pd.Series(published), pd.Series(ring)], axis=1, keys=columns)
    groups = e.table("dataset-size").groupby("T")
    counts = groups[["restarts_lost", "restarts"]].sum()
    ours = pd.DataFrame(
        {
            "2/T": [f"{2 / T:.3f}" for T in counts.index],
            "lowest D": groups["point_D_min"].agg(mean_sd, digits=3),
            "highest D": groups["point_D_max"].agg(mean_sd, digits=3),
            "on the ring": groups["on_ring"].agg(mean_sd, digits=1),
            "trainings that lost a point": [f"{a} of {b}" for a, b in counts.to_numpy()],
        },
        index=counts.index,
    )
    return beside(e.profile, theirs, ours)


# --- Claims -------------------------------------------------------------------------------------

_F2 = "F2, section on data points in superposition"
_POLYGONS = "fig-polygons"


@claim("F2-T5", source=_F2, published=f"every D 0.4 ± {paper.D_READING} (fig)", figure=_POLYGONS,
       headline=True, region=below((2 / 5 - 2 / 6) / 2), estimand="Distance from 2/5 of the D of the data "
       "point that is furthest from it, mean over single trainings at T = 5. Half-way to the next "
       "polygon's 2/6 is 0.033")  # fmt: skip
def _five_points(e: Evidence) -> Estimate:
    """At T = 5 data points form a regular pentagon, each with D = 2/5."""
    return mean(_furthest(e.at(5)))


def _furthest(runs: pd.DataFrame) -> pd.Series:
    """Return how far the D of any data point of each run is from 2/T."""
    regular = 2 / runs["T"]
    return np.maximum(abs(runs["point_D_min"] - regular), abs(runs["point_D_max"] - regular))
