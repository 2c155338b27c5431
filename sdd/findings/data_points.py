"""Small training sets: data points in superposition (F2)."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import specs
from sdd.findings.page import beside, mean_sd
from sdd.findings.profiles import profile
from sdd.findings.rule import NOT, REPRODUCED, Verdict, combine, judge_each, judge_value
from sdd.measures import table as tables
from sdd.measures.columns import hidden_vectors
from sdd.measures.damping import times_seen
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


def _polygon(T: int) -> Callable[[Evidence], Verdict]:
    def check(e: Evidence) -> Verdict:
        found = e.at(T)
        low, high = found["point_D_min"], found["point_D_max"]
        furthest = np.maximum(abs(low - 2 / T), abs(high - 2 / T))
        # Wrong would be a point off the ring (D near 0), or a corner fewer for the others.
        return combine(
            {
                "lowest D": judge_value(low, 2 / T, reading=paper.D_READING, effect=2 / T),
                "highest D": judge_value(
                    high, 2 / T, reading=paper.D_READING, effect=2 / (T - 1) - 2 / T
                ),
                # The spread over seeds must not excuse polygons that are all irregular.
                "regular": judge_each(
                    furthest <= 2 * paper.D_READING,
                    f"every D within {2 * paper.D_READING} of 2/{T}",
                ),
                "ring": judge_each(found["on_ring"] == T, f"all {T} on it"),
            }
        )

    return check


for _T in (5, 6, 10):
    claim(
        f"F2-T{_T}", source=_F2, published=f"{2 / _T:.3f} ± {paper.D_READING} (fig)",
        figure=_POLYGONS,
        statement=f"At T = {_T} data points form a regular {_T}-gon, each with D = 2/{_T}",
    )(_polygon(_T))  # fmt: skip


@claim("F2-T8", source=_F2, figure=_POLYGONS,
       published="the one model shown: a fan of 6, and 2 inner points (fig)")  # fmt: skip
def _eight_fails(e: Evidence) -> Verdict:
    """At T = 8 training can fail: some points are left off the ring."""
    found = e.at(8)
    lost, kept = found["restarts_lost"].sum(), lost_a_point(found).sum()
    inner = ", ".join(f"{8 - k:.0f}" for k in found["on_ring"])
    return Verdict(
        REPRODUCED if lost else NOT,
        f"{lost} of {found['restarts'].sum()} trainings failed; of the {len(found)} kept ones "
        f"{kept}; inner points in those kept: {inner}",
        "failed: training loss above 1/16, half of one point's share; one failure suffices",
    )


@claim("F2-T30", source=_F2, published="21 to 22 ± 1 (fig)", figure=_POLYGONS, at_quick=False)
def _ring_of_30(e: Evidence) -> Verdict:
    """At T = 30 about 21 points are on the ring (longer than half the longest)."""
    middle = float(np.mean(paper.RING_OF_30))
    counts = list(e.at(30)["on_ring"])
    return judge_value(counts, middle, reading=1.0, effect=30 - middle, digits=1, unit=" of 30")
