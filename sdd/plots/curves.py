"""Families of curves against T: one for each value of an ordered setting."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from sdd.plots.sizes import size_axis
from sdd.plots.style import COLORS, note

__all__ = ["loss_by_setting"]

_MARKERS = "os^Dv<>PX"


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
    place = size_axis(ax, {T for curve in curves.values() for T in curve})
    # Without the palest colours, which would be lost on white.
    colors = mpl.colormaps["viridis_r"](np.linspace(0.2, 1, len(curves)))
    for k, (value, curve) in enumerate(curves.items()):
        sizes, marker = sorted(curve), _MARKERS[k % len(_MARKERS)]
        means = [float(np.mean(curve[T])) for T in sizes]
        look: dict[str, Any] = {"color": colors[k], "zorder": 3 + k / len(curves)}
        ax.plot([place[T] for T in sizes], means, "-", label=f"_{value}: mean", **look)
        xs = [place[T] for T in sizes for _ in curve[T]]
        ys = [loss for T in sizes for loss in curve[T]]
        ax.plot(xs, ys, marker, ms=4.5, mew=0, alpha=0.75, label=f"_{value}: models", **look)
        ax.plot([], [], marker + "-", ms=4.5, label=value, **look)
        for T, mean in zip(sizes, means, strict=True):
            if ylim and not ylim[0] <= mean <= ylim[1]:
                at, arrow = (ylim[1], "^") if mean > ylim[1] else (ylim[0], "v")
                ax.plot(
                    place[T], at, marker=arrow, ms=7, clip_on=False, label="_nolegend_", **look
                )  # fmt: skip
    for label, level in baselines.items():
        name = "_" + label.replace("\n", " ")
        ax.axhline(level, color=COLORS["mark"], lw=1, ls="--", zorder=1, label=name)
        note(ax, level, label, COLORS["mark"], above=level == max(baselines.values()))
    if ylim:
        ax.set_ylim(*ylim)
    ax.set_ylabel("test loss (summed over features)")
    ax.legend(
        title=title, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, columnspacing=1.2,
        handlelength=1.6,
    )  # fmt: skip
    return ax
