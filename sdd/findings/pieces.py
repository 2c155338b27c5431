"""The data of the small interactive pieces: the dial of ε, and the volume of one test point."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sdd.findings.epsilon import MARKS, path
from sdd.findings.evidence import Evidence
from sdd.measures.columns import test_rows
from sdd.measures.damping import of_the_paper
from sdd.measures.decomposition import outputs
from sdd.measures.table import load, measured
from sdd.training.run import Run

__all__ = ["ABSENT", "LOUDEST", "dial", "loud_points", "volume"]

COLUMNS, POINTS = 500, 200  # how many are drawn of a run at most
IN_PART = 0.1  # share of a training point by which its squared error must be below that of silence
LOUDEST = {"the loudest": 0, "one in 1,000 is louder": 1e-3, "one in 100 is louder": 1e-2}
ABSENT = 12  # outputs for absent features that are drawn


def dial(e: Evidence) -> dict[str, Any]:
    """Return what the dial of ε shows: a run for each twin and each ε of the path.

    Parameters
    ----------
    e : Evidence
        With the runs of the path.

    Returns
    -------
    dict
        ``marks``, where mean and sum lie; and ``twins``, each with the ``ratios`` of its ``runs``
        (the first training at each: its longest columns, some hidden vectors, and numbers) and the
        ``losses`` of all trainings, as pairs of ratio and test loss.
    """
    twins = []
    for twin, runs in (
        path(e).sort_values(["T", "ratio"], kind="stable").groupby("twin", sort=False)
    ):
        first = runs.drop_duplicates("ratio")
        pairs = zip(load(first["run"]), first.to_dict("records"), strict=True)
        twins.append(
            {
                "name": twin,
                "ratios": first["ratio"].tolist(),
                "runs": [_shown(run, row) for run, row in pairs],
                "losses": runs[["ratio", "test_loss"]].to_numpy().tolist(),
            }
        )
    return {"marks": MARKS, "twins": twins}


def _shown(run: Run, row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return what is drawn and said of a run of the path."""
    columns, hidden = run.W.T.astype(float), run.hidden().astype(float)
    long = np.argsort(-np.linalg.norm(columns, axis=1), kind="stable")[:COLUMNS]
    return {
        "T": len(hidden),
        "columns": columns[long],
        "hidden": hidden[:POINTS],
        "test_loss": row["test_loss"],
        "train_loss": row["train_loss"],
        "W_norm": row["W_norm"],
        "in_part": int((run.errors() < 1 - IN_PART).sum()),
        "five_apart": bool(row["five_apart"]),
    }


def volume(runs: pd.DataFrame) -> dict[str, Any]:
    """Return `loud_points` of the first of these runs."""
    return measured(runs["run"].iloc[0], loud_points)


def loud_points(run: Run) -> dict[str, Any]:
    """Return how the loss of the output α r depends on α, on all test points and on loud ones.

    It is ``xx`` − 2α ``xr`` + α² ``rr`` on a point, and with means of these on all of them.

    Parameters
    ----------
    run : Run
        Trained on drawn data.

    Returns
    -------
    dict
        ``mean``, those of all test points; ``tests``, how many there are; and ``points``: those
        at the ranks of `LOUDEST` by the sum of squared outputs, each with its features ``x``, the
        outputs ``r`` for them, and the loudest outputs for ``absent`` features.

    Raises
    ------
    ValueError
        Where the run is of data, or of a model, of one's own.
    """
    rows = test_rows(of_the_paper(run))
    o = outputs(run.W, run.b, rows)
    xx, xr = o.by_row(o.x**2), o.by_row(o.x * o.r)
    rr = np.maximum(o.errors - xx + 2 * xr, 0)
    order = np.argsort(-rr, kind="stable")
    points = []
    for name, share in LOUDEST.items():
        row = order[round(share * rows.T)]
        here = np.flatnonzero(o.row == row)[np.argsort(-o.x[o.row == row], kind="stable")]
        x, column = o.x[here], o.column[here]
        h = run.W[:, column].astype(float) @ x
        output = np.maximum(run.W.T.astype(float) @ h + run.b, 0)
        present = output[column]
        output[column] = 0
        absent = np.sort(output)[::-1]
        points.append(
            {
                "name": name,
                "x": x,
                "r": present,
                "absent": absent[:ABSENT],
                "fires": int((absent > 0).sum()),
                "xx": float(x @ x),
                "xr": float(x @ present),
                "rr": float(present @ present + absent @ absent),
            }
        )
    mean = {"xx": xx.mean(), "xr": xr.mean(), "rr": rr.mean()}
    return {"tests": rows.T, "mean": {k: float(v) for k, v in mean.items()}, "points": points}
