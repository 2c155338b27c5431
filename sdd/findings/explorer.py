"""What the explorer shows (book/explore.md): every training by T, and what the models look like.

The index has a row for each training. The vectors are in a file for each T, and films, of trainings
whose weights were kept during training, in a file each: a page loads those that it shows.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset
from sdd.figures.sizes import loss_window
from sdd.findings.bump import taken_apart
from sdd.findings.evidence import Evidence, NoRuns, baselines, gaps
from sdd.findings.experiments import experiment
from sdd.findings.playing import publish_data
from sdd.findings.profiles import Profile, spec
from sdd.measures import vectors
from sdd.measures.columns import FRESH_SHOWN, loss_parts, point_losses, test_rows
from sdd.measures.damping import drawn_data
from sdd.measures.table import load, measured
from sdd.runs.spec import RunSpec
from sdd.training.run import Run
from sdd.training.starts import config_weights

__all__ = ["SERIES", "film", "film_losses", "index", "models", "publish", "series"]

# What is drawn of a model, at most.
COLUMNS, POINTS = 320, 200
VISIBLE = 0.05  # of the longest column's length: what is shorter is little more than a dot
DRAWN = 10  # trainings of each T whose vectors are kept, in the order of their data seeds
DETAILED = 200  # data points of each T whose features and reconstructions are told
FILM_COLUMNS, FILM_POINTS, FRAMES = 200, 120, 28
STEP = 0.005  # of D, in the picture of all trainings
DIGITS = 6

SERIES = {
    "mean": "the mean over features, as the paper does",
    "sum": "the sum over features",
    "near-misses": "near misses: short trainings at a high learning rate",
}
PARTS = ("constant_gain", "feature_gain", "false_firing")
KEPT = (
    "T", "data_seed", "test_loss", "train_loss", "W_norm", "D1", "D2", "D3", "D4", "D5",
    "point_D_max", "point_D_median", "point_D_min", "repeats", *PARTS,
)  # fmt: skip

# Of films of the body's trainings: sizes at the paper's n, data seed 0, and how many weights are
# kept during training.
FILMED, SNAPSHOTS = (5, 30, 500, 2_000, 10_000), 40


@experiment("films")
def kept_during_training(p: Profile) -> list[RunSpec]:
    """Trainings of the body once more, with their weights after steps that grow by a factor."""
    steps = np.geomspace(p.steps / 1_000, p.steps, SNAPSHOTS)
    kept = tuple(np.unique(steps.round().astype(int).clip(1)).tolist())
    return [spec(p.size(T), 0, of=p.name, snapshots=kept) for T in FILMED]


def series(e: Evidence) -> dict[str, pd.DataFrame]:
    """Return the trainings of each of `SERIES`, a row each by T and data seed, with their parts.

    The parts of the loss are those of `bump.taken_apart` and of all trainings on the sum, else NaN.
    """
    found = {"mean": e.body().merge(taken_apart(e)[["run", *PARTS]], on="run", how="left")}
    for name, measures in (("sum", [loss_parts]), ("near-misses", [])):
        try:
            found[name] = e.table(name, *measures)
        except NoRuns:
            continue
    return {
        name: runs.reindex(columns=list(dict.fromkeys([*runs, *PARTS]))).sort_values(
            ["T", "data_seed"], kind="stable", ignore_index=True
        )
        for name, runs in found.items()
    }


def index(
    e: Evidence, found: Mapping[str, pd.DataFrame], longest: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Return what a page needs to know before it shows a model: series, baselines, rows, D.

    `longest` has the lengths of the longest vectors of each series, for a scale that all share.
    """
    return {
        "profile": e.profile.name,
        "start": e.profile.size(2_000),
        "columns": list(KEPT),
        "series": [
            _series(e, name, runs) | {"longest": longest[name]} for name, runs in found.items()
        ],
    }


def _series(e: Evidence, name: str, runs: pd.DataFrame) -> dict[str, Any]:
    """Return what the index has of one of `SERIES`."""
    law = runs.iloc[0]
    first, second = gaps(runs[runs["T"] < math.inf]) if name != "near-misses" else [(math.nan,)] * 2
    D = vectors.dimensionalities(runs["run"])
    D["step"] = (D["D"] / STEP).round().astype(int)
    kinds = D.groupby(["of", "T"])["step"].unique()
    no_output, constant = baselines(int(law["n"]), law["sparsity"]).values()
    return {
        "name": name, "title": SERIES[name], "n": law["n"], "sparsity": law["sparsity"],
        "steps": law["steps"], "no_output": no_output, "constant": constant,
        "window": loss_window(runs["test_loss"]),
        "borders": [_number(math.sqrt(np.prod(gap))) for gap in (first, second)],
        "D_step": STEP,
        "D": {of: [found.tolist() for found in kinds[of]] for of in ("feature", "data point")},
        "films": filmed(e, name, runs).index.tolist(),
        "rows": [[_number(v) for v in row] for row in runs[list(KEPT)].itertuples(index=False)],
    }  # fmt: skip


def _number(value: float) -> float | None:
    """Return a number to the digits that pages print and one more; what is not finite as null."""
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) else round(float(value), DIGITS)


def filmed(e: Evidence, name: str, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with snapshots for the trainings of a series that have a film, indexed alike.

    Near misses have one of a kind.
    """
    if name == "mean":
        of = ["T", "data_seed"]
        found = e.table("films")[[*of, "run"]]
        return runs[of].reset_index().merge(found, on=of).set_index("index")
    kept = runs["snapshots"] > 0
    if name == "near-misses":
        kept &= ~runs.duplicated(["T", "repeats"])
    return runs.loc[kept, ["T", "data_seed", "run"]]


# --- One model ----------------------------------------------------------------------------------


class Chosen(NamedTuple):
    """What is drawn of a model: features, those with longer columns first, and data points."""

    columns: np.ndarray
    points: np.ndarray
    data: Dataset  # those points
    hidden: np.ndarray  # of all points, drawn or not


def _choose(run: Run, lengths: Float[np.ndarray, " n"], columns: int, points: int) -> Chosen:
    """Choose the longest columns, and of the points half for long hidden vectors, half as drawn."""
    seen = np.argsort(-lengths, kind="stable")[:columns]
    seen = seen[lengths[seen] >= VISIBLE * lengths.max(initial=0)]
    data = run.training_set() if run.T < math.inf else drawn_data(run).rows(0, FRESH_SHOWN, "fresh")
    hidden = run.hidden(data).astype(float)
    order = np.argsort(-np.linalg.norm(hidden, axis=1), kind="stable")
    others = np.sort(order[points // 2 :])[: points - points // 2]
    shown = np.sort(np.concatenate([order[: points // 2], others]))
    return Chosen(seen, shown, data.take(shown), hidden)


def models(runs: pd.DataFrame) -> dict[str, Any]:
    """Return what is drawn of the models of one T, by data seed: vectors, and details of points.

    Those of the first `DRAWN` are; `DETAILED` data points are shared out in the same order.
    """
    found, left = {}, DETAILED
    drawn = runs[:DRAWN]
    for run, row in zip(load(drawn["run"]), drawn.itertuples(), strict=True):
        chosen = _choose(run, np.linalg.norm(run.W, axis=0), COLUMNS, POINTS)
        detailed = min(left, chosen.data.T)
        left -= detailed
        found[str(int(row.data_seed))] = _model(run, chosen, detailed)
    return found


def _model(run: Run, chosen: Chosen, detailed: int) -> dict[str, Any]:
    """Return the vectors of a model, and for so many points what they have and what comes back."""
    W, b, data = run.W.astype(float), run.b.astype(float), chosen.data
    hidden = chosen.hidden[chosen.points]
    end = data.indptr[detailed]
    feature, point = data.indices[:end], data.row_index()[:end]
    back = np.maximum((W[:, feature] * hidden[point].T).sum(0) + b[feature], 0)
    found = {
        "columns": W[:, chosen.columns].T,
        "features": chosen.columns,
        "hidden": hidden,
        "next_point": np.diff(chosen.points, prepend=0),  # small enough to be packed exactly
        # D = ‖v‖⁴ / vᵀGv, with G the sum of v vᵀ over all vectors, drawn or not.
        "gram_columns": W @ W.T,
        "gram_hidden": chosen.hidden.T @ chosen.hidden,
        "counts": np.diff(data.indptr)[:detailed],
        "feature": feature,
        "x": data.values[:end],
        "back": back,
    }
    if run.T < math.inf:
        all_points = run.training_set()
        times = np.ones(all_points.T) if all_points.counts is None else all_points.counts
        seen = np.bincount(all_points.indices, times[all_points.row_index()], minlength=data.n)
        found |= {
            "seen": seen[chosen.columns],
            "loss": np.asarray(point_losses(run))[chosen.points[:detailed]],
        }
    return found


# --- Films --------------------------------------------------------------------------------------


def frames(run: Run) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Return steps of a training with W and b: its initial weights, where known, and snapshots."""
    kept = run.snapshots
    steps = kept["step"].tolist()
    shown = sorted({*np.linspace(0, len(steps) - 1, min(FRAMES, len(steps))).round().astype(int)})
    found = [(int(steps[k]), kept["W"][k], kept["b"][k]) for k in shown]
    if not run.start:
        found.insert(0, (0, *config_weights(run.config, run.W.shape[1])))
    return found


def film_losses(run: Run) -> dict[str, Any]:
    """Return training and test loss at each of the `frames` of a run, for `measured`."""
    data, test = run.training_set(), test_rows(run)
    return {
        "step": [step for step, _, _ in frames(run)],
        "train": [float(engine.loss(W, b, data)) for _, W, b in frames(run)],
        "test": [float(engine.loss(W, b, test)) for _, W, b in frames(run)],
    }


def film(run: Run, name: str) -> dict[str, Any]:
    """Return a training as frames: step, losses, columns and hidden vectors, the same in each."""
    shown = frames(run)
    lengths = np.max([np.linalg.norm(W, axis=0) for _, W, _ in shown[1:]], axis=0)
    chosen = _choose(run, lengths, FILM_COLUMNS, FILM_POINTS)
    losses = measured(name, film_losses)
    return {
        "step": losses["step"],
        "train": [round(loss, DIGITS) for loss in losses["train"]],
        "test": [round(loss, DIGITS) for loss in losses["test"]],
        "features": chosen.columns,
        "next_point": np.diff(chosen.points, prepend=0),
        "columns": np.array([W[:, chosen.columns].T for _, W, _ in shown]),
        "hidden": np.array([engine.hidden(W, chosen.data) for _, W, _ in shown]),
    }


# --- All of it ----------------------------------------------------------------------------------


def key(name: str, T: float, data_seed: int | None = None) -> str:
    """Return what the data of a T, or the film of one training of it, are called."""
    size = "inf" if T == math.inf else f"{T:.0f}"
    return f"explore-{name}-{size}" + ("" if data_seed is None else f"-film-{data_seed}")


def publish(e: Evidence) -> dict[str, Any]:
    """Write all data of the explorer; return what the chapter says of them, by name."""
    found, films = series(e), 0
    longest = {name: {"columns": 0.0, "hidden": 0.0} for name in found}
    for name, runs in found.items():
        for T, of_T in runs.groupby("T"):
            shown = models(of_T)
            publish_data(key(name, T), shown)
            for kind, most in longest[name].items():
                lengths = (np.linalg.norm(model[kind], axis=1).max() for model in shown.values())
                longest[name][kind] = max(most, *lengths)
        kept = filmed(e, name, runs)
        films += len(kept)
        for run, row in zip(load(kept["run"]), kept.itertuples(), strict=True):
            publish_data(key(name, row.T, row.data_seed), film(run, row.run))
    publish_data("explore", index(e, found, longest))
    p, others = e.profile, found.get("near-misses")
    return {
        "trainings": sum(map(len, found.values())), "films": films, "columns": COLUMNS,
        "points": POINTS, "visible": VISIBLE, "detailed": DETAILED, "drawn": DRAWN,
        "profile": p.name, "n": p.n, "n-others": p.n if others is None else others["n"].iloc[0],
    }  # fmt: skip
