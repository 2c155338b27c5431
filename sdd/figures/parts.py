"""Several measures of the models against T, side by side: parts of a loss, refits."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from sdd.figures.sizes import size_axis
from sdd.figures.style import COLORS, levels

__all__ = ["measures_by_size"]

# Of series, in the order in which they are given: colour, marker and dash.
_SERIES = (
    (COLORS["mark"], "o", "-"),
    (COLORS["example"], "s", "-"),
    (COLORS["feature"], "^", "--"),
    (COLORS["other"], "D", ":"),
)


def measures_by_size(
    series: Mapping[str, Mapping[float, Sequence[float]]],
    ax: Axes | None = None,
    *,
    ylabel: str,
    baselines: Mapping[str, float] | None = None,
    ylim: tuple[float, float] | None = None,
    log: bool = False,
) -> Axes:
    """Draw up to four measures against T: dots for data seeds, lines through their means.

    Parameters
    ----------
    series : mapping of label to (mapping of T to values)
        Of each measure, the values of the data seeds.
    ax : Axes or None
        Where to draw; None means the current axes.
    ylabel : str
        What is measured.
    baselines : mapping of label to value, or None
        Drawn as labelled horizontal lines.
    ylim : (float, float) or None
        Values shown; means beyond are marked by arrows at the edge.
    log : bool
        On a logarithmic axis, which shows positive values only.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {T for by_T in series.values() for T in by_T})
    if log:
        ax.set_yscale("log", nonpositive="mask")
    for (name, by_T), (color, marker, dash) in zip(series.items(), _SERIES, strict=False):
        means = {T: float(np.mean(by_T[T])) for T in sorted(by_T)}
        finite = [T for T in means if T != math.inf]
        x, y = [place[T] for T in finite], [means[T] for T in finite]
        ax.plot(x, y, dash, color=color, zorder=3, label=f"_{name}: mean")
        for T in means.keys() - finite:
            ax.plot(
                place[T], means[T], "_", color=color, ms=16, mew=2, zorder=3,
                label=f"_{name}: mean",
            )  # fmt: skip
        pairs = [(place[T], v) for T, values in by_T.items() for v in values]
        ax.plot(
            *np.transpose(pairs), marker, color=color, ms=4, alpha=0.55, mew=0, zorder=4,
            label=f"_{name}: data seeds",
        )  # fmt: skip
        ax.plot([], [], marker + dash, color=color, ms=4, label=name)
        for edge, arrow in zip(ylim or (), "v^", strict=False):
            beyond = [T for T, v in means.items() if (v > edge if arrow == "^" else v < edge)]
            ax.plot(
                [place[T] for T in beyond], [edge] * len(beyond), arrow, color=color, ms=7,
                clip_on=False, zorder=6, label="_nolegend_",
            )  # fmt: skip
    levels(ax, baselines or {})
    if ylim:
        ax.set_ylim(*ylim)
    ax.set_ylabel(ylabel)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax
