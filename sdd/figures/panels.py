"""The paper's main figure: losses, dimensionalities and vectors above one another on one T axis."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdd.figures.sizes import dimensionality_by_size, test_loss_by_size
from sdd.figures.style import COLORS, short
from sdd.figures.vectors import vectors

__all__ = ["shade_regimes", "three_panels"]

Column = tuple[float, Float[np.ndarray, "n 2"], Float[np.ndarray, "T 2"]]


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
    """
    left, right = ax.get_xlim()
    low, high = borders
    spans = (
        ("data points", left, low, COLORS["example"]),
        ("between", low, high, None),
        ("features", high, right, COLORS["feature"]),
    )
    for name, first, last, color in spans:
        if math.isnan(first) or math.isnan(last) or first >= last:
            continue
        if color:
            ax.axvspan(first, last, color=color, alpha=0.07, lw=0, zorder=0, label=f"_{name}")
        if names:
            ax.annotate(
                name,
                (math.sqrt(first * last), 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=9,
                color=color or "0.35",
            )
    ax.set_xlim(left, right)
    return ax


def three_panels(
    losses: Mapping[float, Sequence[float]],
    features: Mapping[float, Float[np.ndarray, "n"]],
    examples: Mapping[float, Float[np.ndarray, "T"]],
    columns: Sequence[Column],
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
    losses, baselines, published, ylim
        As for `test_loss_by_size`.
    features, examples, m
        As for `dimensionality_by_size`.
    columns : sequence of (T, columns of W as rows, hidden vectors)
        Models drawn at the bottom, each to its own scale.
    borders : (float, float)
        As for `shade_regimes`.

    Returns
    -------
    Figure
    """
    fig = plt.figure(figsize=(6.2, 8.6))
    grid = fig.add_gridspec(4, len(columns), height_ratios=(3, 3, 1.15, 1.15))
    top = fig.add_subplot(grid[0, :])
    middle = fig.add_subplot(grid[1, :])
    # One set of sizes, so that T and ∞ stand below one another.
    sizes = {*losses, *(published or {}), *features, *examples}
    test_loss_by_size(losses, baselines, published, top, ylim=ylim, sizes=sizes)
    dimensionality_by_size(features, examples, m, middle, sizes=sizes)
    top.set_label("test loss")
    middle.set_label("dimensionality")
    top.set_xlabel("")
    # (Unseen, not absent: the data of the figure name ∞ by them.)
    top.tick_params(axis="x", labelcolor="none", labelsize=1)
    top.legend(loc="upper center")
    middle.set_xlim(top.get_xlim())
    shade_regimes(top, borders)
    shade_regimes(middle, borders, names=False)
    for k, (T, W, H) in enumerate(columns):
        for line, (rows, color, name) in enumerate(
            ((W, "feature", "columns of W"), (H, "example", "hidden vectors"))
        ):
            ax = fig.add_subplot(grid[2 + line, k])
            vectors(rows, ax, color=COLORS[color])
            ax.set_label(f"{name}, T = {'inf' if T == math.inf else int(T)}")
            if k == 0:
                ax.set_ylabel(name.replace(" ", "\n", 1), color=COLORS[color], fontsize=9)
            if line == 0:
                ax.set_title(f"T = {short(T)}", fontsize=10)
    return fig
