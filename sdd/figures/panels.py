"""The paper's main figure: losses, dimensionalities and vectors above one another on one T axis."""

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdd.figures.sizes import by_size, dimensionality_by_size
from sdd.figures.style import COLORS
from sdd.figures.vectors import VECTOR_COLORS, vectors

__all__ = ["shade_regimes", "tell_regimes", "three_panels"]


def _spans(ax: Axes, borders: tuple[float, float]) -> tuple[tuple[float, float, str | None], ...]:
    """Return where each regime lies on an axis of T, and its colour."""
    left, right = ax.get_xlim()
    low, high = borders
    return (left, low, COLORS["example"]), (low, high, None), (high, right, COLORS["feature"])


def shade_regimes(ax: Axes, borders: tuple[float, float], names: bool = True) -> Axes:
    """Shade the regimes on an axis of T, and name them at its top.

    Parameters
    ----------
    ax : Axes
        With T on a logarithmic x-axis.
    borders : (float, float)
        T at which the memorising regime ends and the generalising one begins; NaN: nowhere.
    names : bool
        Write the regimes' names above the axes.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = plt.subplot(xscale="log", xlim=(1, 1e5))
    >>> [text.get_text() for text in sdd.figures.shade_regimes(ax, (300, 5_000)).texts]
    ['data points', 'between', 'features']
    """
    left, right = ax.get_xlim()
    for name, (first, last, color) in zip(
        ("data points", "between", "features"), _spans(ax, borders), strict=True
    ):
        if not first < last:
            continue
        if color:
            ax.axvspan(first, last, color=color, alpha=0.07, lw=0, zorder=0)
        if names:
            ax.annotate(
                name, (math.sqrt(first * last), 1), xycoords=("data", "axes fraction"),
                xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=10,
                color=color or "0.35",
            )  # fmt: skip
    ax.set_xlim(left, right)
    return ax


def tell_regimes(
    ax: Axes,
    runs: pd.DataFrame,
    y: str,
    *,
    borders: tuple[float, float],
    labels: Mapping[str, float],
    planar: pd.DataFrame,
) -> Axes:
    """Shade the regimes on a curve and show above it what is stored in each, tied to the curve.

    Parameters
    ----------
    ax : Axes
        With the curve, T on a logarithmic x-axis.
    runs : DataFrame
        A row a run, with ``T`` and the measure.
    y : str
        Column of the measure.
    borders : (float, float)
        As for `shade_regimes`; where one is NaN, the regimes beside it get no label.
    labels : mapping of text to T
        What is said of the memorising regime, of that between, and of the generalising one, and
        the size whose mean each is tied to.
    planar : DataFrame
        What is drawn below the label that is its ``model``, each kind to its own scale: as for
        `vector_columns`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> runs = pd.DataFrame({"T": [5, 500, 50_000], "test_loss": [1.0, 1.02, 0.999]})
    >>> hidden = {"model": "stores points", "of": "hidden vectors", "x": [1, 0], "y": [0, 1]}
    >>> ax = sdd.figures.tell_regimes(
    ...     sdd.figures.by_size(runs, "test_loss"), runs, "test_loss", borders=(100, 10_000),
    ...     labels={"stores points": 5, "neither": 500, "stores features": 50_000},
    ...     planar=pd.DataFrame(hidden),
    ... )
    >>> [picture.get_title() for picture in ax.child_axes]
    ['stores points', 'neither', 'stores features']
    """
    shade_regimes(ax, borders, names=False)
    bottom, top = ax.get_ylim()
    side, gap = 0.19, 0.06
    for (label, T), (first, last, color) in zip(labels.items(), _spans(ax, borders), strict=True):
        if not first < last:
            continue
        middle = math.sqrt(first * last)
        mean = runs.loc[runs["T"] == T, y].mean()
        ax.annotate(
            "", (T, min(max(mean, bottom), top)), xytext=(middle, 1 + gap), annotation_clip=False,
            textcoords=("data", "axes fraction"), zorder=7,
            arrowprops={"arrowstyle": "->", "color": color or "0.35", "shrinkA": 0, "shrinkB": 2},
        )  # fmt: skip
        x, _ = ax.transAxes.inverted().transform(ax.transData.transform((middle, bottom)))
        picture = ax.inset_axes((x - side / 2, 1 + gap, side, 1.4 * side))
        for of, rows in planar[planar["model"] == label].groupby("of"):
            found = rows[["x", "y"]].to_numpy()
            longest = float(np.abs(found).max(initial=0)) or 1.0
            vectors(found / longest, picture, color=VECTOR_COLORS[str(of)], limit=1.15)
        picture.set_title(label, color=color or "0.35", fontsize=10, pad=4)
    return ax


def three_panels(
    runs: pd.DataFrame,
    dimensionalities: pd.DataFrame,
    planar: pd.DataFrame,
    *,
    baselines: Mapping[str, float],
    borders: tuple[float, float],
    published: Mapping[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    m: int = 2,
) -> Figure:
    """Draw test loss, dimensionalities and vectors on one axis of T, with the regimes shaded.

    Parameters
    ----------
    runs : DataFrame
        A row a run, with ``T`` and ``test_loss``.
    dimensionalities : DataFrame
        As for `dimensionality_by_size`.
    planar : DataFrame
        Vectors of the models drawn at the bottom, each to its own scale: as for `vector_columns`.
    baselines : mapping of label to loss
        Drawn as labelled horizontal lines.
    borders : (float, float)
        As for `shade_regimes`.
    published : mapping of T to loss, or None
        Drawn as diamonds.
    ylim : (float, float) or None
        Losses shown, as for `by_size`.
    m : int
        Hidden dimensions.

    Returns
    -------
    Figure

    Examples
    --------
    >>> runs = pd.DataFrame({"T": [5, 50_000], "test_loss": [1.0, 0.999]})
    >>> D = pd.DataFrame({"T": [5] * 5, "of": "data point", "D": [0.4] * 5})
    >>> vectors = pd.DataFrame({"model": "T = 5", "of": "hidden vectors", "x": [1, 0], "y": [0, 1]})
    >>> figure = sdd.figures.three_panels(
    ...     runs, D, vectors, baselines={"no output": 1.0}, borders=(100, 10_000)
    ... )
    >>> len(figure.axes)  # losses, dimensionalities, columns of W, hidden vectors
    4
    """
    models = list(planar["model"].unique())
    fig = plt.figure(figsize=(5.4, 8.8))
    grid = fig.add_gridspec(4, len(models), height_ratios=(3, 3, 1.15, 1.15))
    top, middle = fig.add_subplot(grid[0, :]), fig.add_subplot(grid[1, :])
    # One set of sizes, so that T and ∞ stand below one another.
    sizes = {*runs["T"], *(published or {}), *dimensionalities["T"]}
    by_size(
        runs, "test_loss", top, baselines=baselines, ylim=ylim, sizes=sizes, published=published,
    )  # fmt: skip
    if top.get_legend():  # above it are the names of the regimes
        sns.move_legend(top, "upper center", ncols=1, bbox_to_anchor=None)
    dimensionality_by_size(dimensionalities, m, middle, sizes=sizes)
    top.set_xlabel("")
    top.tick_params(axis="x", labelbottom=False)
    middle.set_xlim(top.get_xlim())
    shade_regimes(top, borders)
    shade_regimes(middle, borders, names=False)
    for k, model in enumerate(models):
        for line, (of, color) in enumerate(VECTOR_COLORS.items()):
            ax = fig.add_subplot(grid[2 + line, k])
            rows = planar[(planar["model"] == model) & (planar["of"] == of)]
            vectors(rows[["x", "y"]].to_numpy(), ax, color=color)
            if k == 0:
                ax.set_ylabel(of.replace(" ", "\n", 1), color=color, fontsize=10)
            if line == 0:
                ax.set_title(model if k == 0 else model.removeprefix("T = "), fontsize=10)
    return fig
