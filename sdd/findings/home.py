"""The home page: the curve with a model of each regime above it, and how checks came out."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sdd import paper
from sdd.findings.cards import SIGNS
from sdd.findings.evidence import Evidence
from sdd.findings.provenance import FOLDER
from sdd.findings.scorecard import Judgement
from sdd.measures import vectors
from sdd.measures.table import load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["counts", "curve", "models", "pictures", "preview"]

LABELS = ("data points\nare stored", "neither", "features\nare stored")


def models(e: Evidence) -> pd.DataFrame:
    """Return a run for each of `LABELS`: of six points, on the bump, and where features begin.

    Of the trainings of that size it is the one with the lowest training loss.
    """
    sizes = (6, e.profile.size(2_000), e.profile.size(10_000))
    runs = e.table("dataset-size").sort_values("train_loss", kind="stable")
    return pd.concat([runs[runs["T"] == T][:1] for T in sizes], ignore_index=True)


def pictures(e: Evidence) -> pd.DataFrame:
    """Return what is drawn of these models, a row a vector: what each stores; else both kinds."""
    found = vectors.planar_vectors(load(models(e)["run"]), LABELS)
    left_out = {LABELS[0]: "columns of W", LABELS[2]: "hidden vectors"}
    return found[found["of"] != found["model"].map(left_out)]


def curve(e: Evidence, ax: "Axes | None" = None) -> "Axes":
    """Draw test loss against T, with a picture of what is stored in each regime."""
    import matplotlib.pyplot as plt  # in here, as the command line draws nothing
    import seaborn as sns

    from sdd import figures

    ax = ax or plt.subplots(figsize=(5.4, 4.6))[1]
    runs = e.body()
    figures.by_size(
        runs, "test_loss", ax, ylim=figures.loss_window(runs["test_loss"]),
        baselines={"no output": e.zero, "best\nconstant": e.constant[0]},
        published=e.profile.published(paper.TEST_LOSS),
    )  # fmt: skip
    if ax.get_legend():  # above the axes are the pictures
        sns.move_legend(ax, "upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    labels = dict(zip(LABELS, models(e)["T"], strict=True))
    return figures.tell_regimes(
        ax, runs, "test_loss", borders=e.borders, labels=labels, planar=pictures(e)
    )


def preview(ax: "Axes") -> None:
    """Write a figure as the site's picture in link previews, while the book is built."""
    figure = ax.get_figure(root=True)
    if (folder := os.environ.get(FOLDER)) and figure:
        site = Path(folder).parent
        site.mkdir(parents=True, exist_ok=True)
        figure.savefig(site / "preview.png", dpi=200)


def counts(judged: Sequence[Judgement], *groups: str) -> str:
    """Return in words how many rows of the scorecard of some groups got which verdict."""
    found = [j.verdict for j in judged if j.group in groups]
    parts = [f"{found.count(verdict)} {verdict}" for verdict in SIGNS if verdict in found]
    number = f"{len(found)} check{'s' * (len(found) != 1)}"
    return f"{number}: {', '.join(parts)}" if parts else number
