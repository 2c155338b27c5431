"""Two solutions over T, as tables and words: which has the lower training loss, and from where."""

import contextlib
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from sdd import paper
from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.page import between, size
from sdd.measures.stored import PLANTED, stored_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BIG", "BUMP", "FOUND_BY", "at_twin", "best_told", "crossings", "differences", "draw_followed",
    "draw_pair", "followed", "further", "grown", "kept", "lowest", "minimum", "solutions",
    "survived", "tested", "told", "wider",
]  # fmt: skip

FOUND_BY = {"mean": "the paper's settings", "sum": "the sum, at a large rate"}
BUMP = 200  # the twin of T = 2,000
BIG = 1_000  # from this T on the solutions are told apart; on fewer points both memorise


def solutions(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs with ``by``: which of `FOUND_BY` each was trained with."""
    return runs.assign(by=runs["reduction"].map(FOUND_BY))


def lowest(runs: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Return of each T and data set (and of each value of `by`) the run of least training loss."""
    ordered = runs.sort_values("train_loss", kind="stable")
    return ordered.drop_duplicates(["T", "data_seed", *by]).sort_values(["T", "data_seed"])


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Return training losses found on the sum less those found on the mean, paired.

    A row a T and data seed: ``difference``, below zero where memorising has the lower loss.
    """
    best = lowest(runs, "reduction")
    losses = best.pivot(index=["T", "data_seed"], columns="reduction", values="train_loss").dropna()
    return (losses["sum"] - losses["mean"]).rename("difference").reset_index()


def crossings(runs: pd.DataFrame) -> pd.DataFrame:
    """Return for each data seed the T between which memorising ceases to have the lower loss.

    ``low`` is the last T, of those from `BIG` on, at which it has (zero for none), and ``high`` the
    next one (infinite for none): the data do not say more. Data sets that were not trained on at
    the largest T are left out.
    """
    rows, most = [], runs["T"].max()
    for seed, found in differences(runs[runs["T"] >= BIG]).groupby("data_seed"):
        if found["T"].max() < most:
            continue
        low = found.loc[found["difference"] < 0, "T"].max()
        low = 0.0 if math.isnan(low) else float(low)
        rows.append((seed, low, float(min(found.loc[found["T"] > low, "T"], default=math.inf))))
    return pd.DataFrame(rows, columns=["data_seed", "low", "high"])


def told(crossed: pd.DataFrame) -> str:
    """Return `crossings` as a sentence, with what the runs do not say."""
    parts = []
    for (low, high), rows in crossed.groupby(["low", "high"]):
        where = f"for a T {between((low or math.nan, high if high < math.inf else math.nan))}"
        parts.append(f"{where}, in {len(rows)} data set{'s' * (len(rows) > 1)}")
    return f"Memorising ceases to have the lower loss {'; '.join(parts)}."


def tested(runs: pd.DataFrame) -> pd.DataFrame:
    """Return of each T and data set the solution of least training loss, and the usual training.

    A row each, by ``which``.
    """
    mean = runs[runs["reduction"] == "mean"].assign(which=FOUND_BY["mean"])
    return pd.concat([lowest(runs).assign(which="lowest training loss"), mean])


def best_told(runs: pd.DataFrame) -> str:
    """Return what becomes of double descent with the best optimiser tried, in a sentence or two."""
    best = lowest(runs)
    found = (best["reduction"] == "sum").groupby(best["T"]).agg(["sum", "size"])
    always = found["sum"] == found["size"]
    last_always = always.index[always].max()  # (at three points either search may find the lower)
    others = always.index[~always & (always.index < last_always)]
    since = always.index[always & (always.index > max(others, default=0.0))][0]
    losses = best.groupby("T")["test_loss"].median()
    usual = runs[runs["reduction"] == "mean"].groupby("T")["test_loss"].median()
    peak = losses.idxmax()
    n, top, last = runs["n"].iloc[0], size(peak), size(losses.index[-1])
    later = found[found.index > last_always]
    then = ", ".join(f"in {some} of {of} at {size(T)}" for T, some, of in later.itertuples())
    return (
        f"At n = {n:,} a search for memorising solutions finds the lowest training loss, in every "
        f"data set from T = {size(since)} to {size(last_always)}"
        f"{', ' + then if then else ', the largest here'}. The median of their "
        f"test losses is {losses[peak]:,.3g} at T = {top}, where the paper's settings give "
        f"{usual[peak]:.3g}, and {losses.iloc[-1]:,.3g} at T = {last}."
    )


def minimum(runs: pd.DataFrame) -> pd.DataFrame:
    """Return for each T, as text, the least training loss over everything, and what found it."""
    groups = lowest(runs).groupby("T")
    return pd.DataFrame({
        "T": [size(T) for T in groups.size().index],
        "lowest training loss, mean": groups["train_loss"].mean().map("{:.4f}".format),
        "found on the sum": [
            f"{(rows['reduction'] == 'sum').sum()} of {len(rows)}" for _, rows in groups
        ],
        "at learning rates": [
            ", ".join(f"{lr:g}" for lr in sorted(rows["lr"].unique())) for _, rows in groups
        ],
        "in points, T (1 − loss)": [
            f"{(rows['T'] * (1 - rows['train_loss'])).mean():.0f}" for _, rows in groups
        ],
        "points restored by half, median": groups["stored"].median().map("{:.0f}".format),
        "five features apart": [f"{rows['five_apart'].sum()} of {len(rows)}" for _, rows in groups],
        "test loss, median": groups["test_loss"].median().map("{:.4g}".format),
    })  # fmt: skip


def followed(e: Evidence) -> pd.DataFrame:
    """Return the solutions that were followed, a row a training, by ``path``."""
    names = {
        "features, down": "features-followed-down", "memory, down": "memory-followed-down",
        "memory, up": "memory-followed-up",
    }  # fmt: skip
    parts = [e.table(name).assign(path=path) for path, name in names.items()]
    with contextlib.suppress(NoRuns):  # not at quick
        parts.append(e.table("memory-followed-further").assign(path="memory, further up"))
    return pd.concat(parts, ignore_index=True)


def survived(polygons: pd.DataFrame) -> dict[str, Any]:
    """Return what the chapter says of the planted polygons where they have the most points."""
    last = polygons[polygons["T"] == polygons["T"].max()]
    whole = last["first_stored"] == PLANTED
    return {
        "end": int(last["T"].max()), "whole": f"{whole.sum()} of {len(last)}", "planted": PLANTED,
        "new": int(last.loc[whole, "stored"].max() - PLANTED) if whole.any() else 0,
        "end-train": last["train_loss"].median(), "end-silent": 1 - PLANTED / last["T"].max(),
    }  # fmt: skip


def further(paths: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Return in a sentence what becomes of a memorising solution beyond where it was found last."""
    path = paths[paths["path"] == "memory, further up"].groupby("T")[["train_loss", "test_loss"]]
    if not len(path):
        return "(Where losses cross, none was followed at this profile.)"
    means = path.mean()
    at = [f"{row.train_loss:.4f} at T = {size(T)}" for T, row in means.iloc[[0, 1, -1]].iterrows()]
    last, usual = means.iloc[-1], runs[runs["reduction"] == "mean"]
    features = usual.loc[usual["T"] == means.index[-1], "train_loss"].mean()
    return (
        f"Where losses cross it is another matter: followed a tenth at a time, the mean training "
        f"loss is {', '.join(at)}; there the test loss is {last.test_loss:.3g}, and features have "
        f"{features:.4f}. (The learning rate is lower there, too.)"
    )


def at_twin(e: Evidence, runs: pd.DataFrame) -> str:
    """Return in a sentence how much more a memorising solution holds at the published size."""
    if not e.profile.published_size:
        return "(At the published size nothing was trained at this profile.)"
    (there,) = e.table("memorising-branch").itertuples()
    here = lowest(runs[runs["T"] * paper.N == there.T * runs["n"]])
    held, twins = there.T * (1 - there.train_loss), (here["T"] * (1 - here["train_loss"])).mean()
    return (
        f"By T (1 − loss) the one memorising training of T = {there.T:,.0f} at n = {there.n:,} in "
        f"this book holds as much as {held:.0f} points, those of its twin {twins:.0f}."
    )


def wider(e: Evidence) -> str:
    """Return in a sentence which search has the lower training loss at m = 3."""
    try:
        found = differences(e.table("three-dimensions"))
    except NoRuns:
        return "(At m = 3 nothing was trained at this profile.)"
    parts = [f"{rows['difference'].mean():+.4f} at T = {size(T)}" for T, rows in found.groupby("T")]
    return (
        "With three hidden dimensions, one search each, the training loss on the sum less that of "
        f"the paper's settings is {', '.join(parts)}."
    )


def kept(paths: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Any]:
    """Return what the chapter says of followed solutions, and of those from scratch on the bump."""
    down = paths[paths["path"] == "features, down"].sort_values("T", ascending=False)
    apart = [
        f"{rows['five_apart'].sum()} of {len(rows)} at T = {size(T)}"
        for T, rows in down.groupby("T", sort=False)
    ]
    up = paths[paths["path"] == "memory, up"].groupby("T")["train_loss"].mean()
    there, scratch = (
        down[down["T"] == BUMP],
        runs[(runs["reduction"] == "mean") & (runs["T"] == BUMP)],
    )
    return {
        "first": int(down["T"].max()), "at": BUMP, "apart": ", ".join(apart),
        "down-loss": there["test_loss"].mean(), "scratch-loss": scratch["test_loss"].mean(),
        "up-from": int(up.index[0]), "up-to": int(up.index[1]), "up-end": int(up.index[-1]),
        **dict(zip(("up-a", "up-b", "up-c"), up.iloc[[0, 1, -1]], strict=True)),
        "down-train": there["train_loss"].mean(), "scratch-train": scratch["train_loss"].mean(),
    }  # fmt: skip


def grown(e: Evidence) -> pd.DataFrame:
    """Return the planted polygons that were grown, with the ``share`` of their points stored."""
    runs = e.table("grown-polygons", stored_points)
    return solutions(runs).assign(share=runs["first_stored"] / PLANTED)


def draw_pair(runs: pd.DataFrame, by: str) -> "list[Axes]":
    """Draw the training losses of both searches, told apart by a column, and their difference."""
    import matplotlib.pyplot as plt  # in here, as the command line draws nothing

    from sdd import figures

    _, axes = plt.subplots(2, figsize=(5.4, 7.2), layout="constrained")
    best = lowest(runs, by)
    palette = dict(zip(best[by], best["reduction"].map(figures.REDUCTIONS), strict=True))
    figures.by_size(
        best, "train_loss", axes[0], hue=by, palette=palette, ylabel="training loss (summed)"
    )
    figures.by_size(
        differences(runs), "difference", axes[1], baselines={"equal": 0.0},
        palette=[figures.COLORS["mark"]], ylabel="memorising less generalising",
    )  # fmt: skip
    return list(axes)


def draw_followed(paths: pd.DataFrame, scratch: pd.DataFrame) -> "list[Axes]":
    """Draw training and test loss of followed solutions beside means of those from scratch."""
    import matplotlib.pyplot as plt

    from sdd import figures

    _, axes = plt.subplots(2, figsize=(5.4, 7.2), layout="constrained")
    means = scratch[scratch["T"].between(paths["T"].min(), paths["T"].max())]
    for ax, y in zip(axes, ("train_loss", "test_loss"), strict=True):
        name = {"train_loss": "training", "test_loss": "test"}[y]
        figures.by_size(
            paths, y, ax, hue="path", log=y == "test_loss", ylabel=f"{name} loss (summed)"
        )
        for reduction, dots in (("mean", (0, (1, 1.5))), ("sum", (0, (4, 2)))):
            line = lowest(means[means["reduction"] == reduction]).groupby("T")[y].mean()
            ax.plot(line.index, line, color="0.4", ls=dots, lw=1.2, zorder=2)
    axes[1].get_legend().remove()  # it is that of the upper panel
    return list(axes)
