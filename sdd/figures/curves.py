"""Families of curves against T: one for each value of an ordered setting."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from sdd.figures.sizes import size_axis
from sdd.figures.style import levels

__all__ = ["curve", "loss_by_setting"]

_MARKERS = "os^Dv<>PX"


def curve(
    ax: Axes,
    place: Mapping[float, float],
    values: Mapping[float, Sequence[float]],
    label: str,
    *,
    of: str = "seeds",
    marker: str,
    dash: str = "-",
    ms: float = 4,
    alpha: float = 0.6,
    **look: Any,
) -> dict[float, float]:
    """Draw a line through means, and a mark for each of the values; return the means.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    place : mapping of key to x
        Where on the axis the values of a key belong.
    values : mapping of key to values
        What is drawn, in the order of the keys.
    label : str
        In the legend.
    of : str
        What there is one value of each.
    marker, dash, ms, alpha, **look
        As in Matplotlib; size and transparency are those of the marks.

    Returns
    -------
    dict of key to mean
    """
    means = {k: float(np.mean(values[k])) for k in sorted(values)}
    ax.plot([place[k] for k in means], [*means.values()], dash, label=f"_{label}: mean", **look)
    xs = [place[k] for k in means for _ in values[k]]
    ys = [value for k in means for value in values[k]]
    ax.plot(xs, ys, marker, ms=ms, mew=0, alpha=alpha, label=f"_{label}: {of}", **look)
    ax.plot([], [], marker + dash, ms=ms, label=label, **look)
    return means


def loss_by_setting(
    curves: Mapping[str, Mapping[float, Sequence[float]]],
    baselines: Mapping[str, float],
    ax: Axes | None = None,
    *,
    title: str,
    ylim: tuple[float, float] | None = None,
) -> Axes:
    """Draw test loss against T for several values of a setting: dots for models, lines for means.

    Parameters
    ----------
    curves : mapping of value to (mapping of T to losses)
        Test losses of the models, summed over features; in the order of the values, which
        go from light to dark.
    baselines : mapping of label to loss
        Drawn as labelled horizontal lines.
    ax : Axes or None
        Where to draw; None means the current axes.
    title : str
        What the setting is: the title of the legend.
    ylim : (float, float) or None
        Losses shown; means beyond are marked by arrows at the edge.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {T for losses in curves.values() for T in losses})
    # Without the palest colours, which would be lost on white.
    colors = mpl.colormaps["viridis_r"](np.linspace(0.2, 1, len(curves)))
    for k, (value, losses) in enumerate(curves.items()):
        look: dict[str, Any] = {"color": colors[k], "zorder": 3 + k / len(curves)}
        marker = _MARKERS[k % len(_MARKERS)]
        means = curve(
            ax, place, losses, value, of="models", marker=marker, ms=4.5, alpha=0.75, **look
        )
        for T, mean in means.items():
            if ylim and not ylim[0] <= mean <= ylim[1]:
                at, arrow = (ylim[1], "^") if mean > ylim[1] else (ylim[0], "v")
                ax.plot(
                    place[T], at, marker=arrow, ms=7, clip_on=False, label="_nolegend_", **look
                )  # fmt: skip
    levels(ax, baselines)
    if ylim:
        ax.set_ylim(*ylim)
    ax.set_ylabel("test loss (summed over features)")
    ax.legend(
        title=title, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, columnspacing=1.2,
        handlelength=1.6,
    )  # fmt: skip
    return ax
