"""How the engine works and how fast it is."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle

from sdd.figures.style import COLORS, MANY, SERIES

__all__ = ["LOOKS", "leaf_map", "leaves", "step_times"]


def leaves(
    points: Float[np.ndarray, "T 2"],
    boxes: Float[np.ndarray, "leaves 4"],
    lines: Float[np.ndarray, "k 3"],
    cut: Bool[np.ndarray, "leaves k"],
    ax: Axes | None = None,
) -> Axes:
    """Draw hidden vectors in the boxes of their leaves, with the lines of up to three features.

    Parameters
    ----------
    points : (T, 2) array
        Hidden vectors.
    boxes : (leaves, 4) array
        Least x and y, width and height.
    lines : (k, 3) array
        (W_1, W_2, b) of the features whose lines W · h + b = 0 are drawn; k is at most 3.
    cut : (leaves, k) array
        Which boxes each line cuts: filled in its colour.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes

    Examples
    --------
    >>> points, boxes = np.array([[0, 0], [1, 1], [3, 3]]), np.array([[0, 0, 1, 1], [3, 3, 0, 0]])
    >>> line, cuts = np.array([[1, 0, -0.5]]), np.array([[True], [False]])
    >>> ax = sdd.figures.leaves(points, boxes, line, cuts)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['first: cuts 1 of 2 leaves']
    """
    ax = ax or plt.gca()
    ax.plot(
        *np.transpose(points), "o", color=COLORS["mark"], ms=1.8, mew=0, alpha=0.6,
        rasterized=len(points) > MANY,
    )  # fmt: skip
    for x, y, width, height in boxes:
        ax.add_patch(Rectangle((x, y), width, height, fill=False, ec="0.6", lw=0.7))
    looks = (("first", SERIES[0], "-"), ("second", SERIES[1], "--"), ("third", SERIES[2], ":"))
    for (nth, color, dash), (x, y, c), crossed in zip(
        looks, lines, np.transpose(cut), strict=False
    ):
        for left, low, width, height in np.asarray(boxes)[crossed]:
            box = Rectangle((left, low), width, height, color=color, alpha=0.3, lw=0)
            ax.add_patch(box)
        foot = -c * np.array([x, y]) / (x * x + y * y)  # the point of the line nearest the origin
        further = foot + np.array([-y, x])
        label = f"{nth}: cuts {crossed.sum()} of {len(boxes)} leaves"
        ax.axline(tuple(foot), tuple(further), color=color, ls=dash, lw=1.8, label=label)
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    margin = 0.06 * (high - low).max()
    ax.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
    ax.set(xlabel="hidden dimension 1", ylabel="hidden dimension 2", aspect="equal")
    ax.grid(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), title="lines of features")
    return ax


def leaf_map(sides: Int[np.ndarray, "leaves groups"], ax: Axes | None = None) -> Axes:
    """Draw which groups of features are silent (0), active (1) or undecided (2) on which leaves.

    Parameters
    ----------
    sides : (leaves, groups) int array
        0, 1 or 2 for each leaf and group.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = sdd.figures.leaf_map(np.array([[0, 0, 1, 2], [0, 1, 1, 0]]))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['silent: skipped (50%)', 'active: by moments (38%)', 'cut: visited (12%)']
    """
    ax = ax or plt.gca()
    sides = np.asarray(sides)
    colors = ["0.92", "#7FCFB9", SERIES[1]]
    extent = (0, sides.shape[1], sides.shape[0], 0)
    ax.imshow(
        sides, cmap=ListedColormap(colors), vmin=0, vmax=2, aspect="auto", extent=extent,
        interpolation="nearest",
    )  # fmt: skip
    names = ("silent: skipped", "active: by moments", "cut: visited")
    handles = [
        Patch(fc=color, ec="0.4", lw=0.5, label=f"{name} ({(sides == k).mean():.0%})")
        for k, (color, name) in enumerate(zip(colors, names, strict=True))
    ]
    ax.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, columnspacing=1.0,
        handlelength=1.2,
    )  # fmt: skip
    ax.set(xlabel="group of features, by direction", ylabel="leaf of points")
    ax.grid(False)
    return ax


# Of each method: colour, marker and dash, so that none is told by its colour alone.
LOOKS = {
    "textbook": (COLORS["mark"], "s", ""),
    "chunks of rows": (COLORS["mark"], "v", (4, 2)),
    "chunks, compiled": (COLORS["mark"], "^", (1, 1)),
    "dense, 1 core": (SERIES[1], "D", ""),
    "pair loop, 1 core": (SERIES[1], "X", (1, 1)),
    "engine, 1 core": (SERIES[0], "o", ""),
    "engine": (SERIES[2], "P", (4, 2)),
}


def step_times(times: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw milliseconds per step against T: medians, with bars from the least to the most.

    Parameters
    ----------
    times : DataFrame
        A row a repeat: ``method``, by the name that `sdd.bench` gives it, ``T`` and ``ms``.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes

    Examples
    --------
    >>> times = pd.DataFrame({"method": "engine", "T": [100, 1_000], "ms": [0.2, 1.5]})
    >>> sdd.figures.step_times(times).get_ylabel()
    'ms per step'
    """
    ax = ax or plt.gca()
    colors, markers, dashes = ({name: look[k] for name, look in LOOKS.items()} for k in range(3))
    sns.lineplot(
        times, x="T", y="ms", hue="method", style="method", palette=colors, markers=markers,
        dashes=dashes, estimator="median", errorbar=("pi", 100), err_style="bars", ax=ax,
    )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="number of data points T", ylabel="ms per step")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return ax
