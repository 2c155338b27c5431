"""Why replications disagree: curves against ε, and second moments beside it."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from sdd.figures.curves import curve
from sdd.figures.sizes import size_axis
from sdd.figures.style import COLORS, levels

__all__ = ["against_ratio", "by_training", "root_moments"]

# Colour, marker and dash of the k-th curve, so that none is told by its colour alone.
_LOOKS = (
    (COLORS["feature"], "o", "-"),
    (COLORS["example"], "s", "--"),
    (COLORS["other"], "^", "-."),
    (COLORS["mark"], "D", ":"),
    ("#CC79A7", "v", "-"),
)


def _plain(ax: Axes) -> None:
    """Write the numbers of a logarithmic y-axis out, where they need no powers of ten."""
    low, high = ax.get_ylim()
    if 1e-3 < low and high < 1e5:
        for set_it in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            set_it(LogFormatter(minor_thresholds=(2, 0.7)))


def by_training(
    curves: Mapping[str, Mapping[float, Sequence[float]]],
    ax: Axes | None = None,
    *,
    ylabel: str,
    log: bool = False,
    points: Mapping[str, Mapping[float, float]] | None = None,
    ylim: tuple[float, float] | None = None,
) -> Axes:
    """Draw a quantity against T for several ways to train: marks for seeds, lines for means.

    Parameters
    ----------
    curves : mapping of label to (mapping of T to values)
        Values of the data seeds.
    ax : Axes or None
        Where to draw; None means the current axes.
    ylabel : str
        Label of the quantity, with its unit.
    log : bool
        Draw it on a logarithmic axis.
    points : mapping of label to (mapping of T to value), or None
        Published values, as open diamonds and crosses.
    ylim : (float, float) or None
        Values shown.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {T for c in [*curves.values(), *(points or {}).values()] for T in c})
    for (color, marker, dash), (label, values) in zip(_LOOKS, curves.items(), strict=False):
        curve(ax, place, values, label, color=color, marker=marker, dash=dash)
    for marker, (label, known) in zip("DXP", (points or {}).items(), strict=False):
        xs = [place[T] for T in known]
        ax.plot(
            xs, list(known.values()), marker, mfc="none", mec="black", ms=7, label=label, zorder=5
        )
    if log:
        ax.set_yscale("log")
        _plain(ax)
    if ylim:
        ax.set_ylim(*ylim)
    ax.set_ylabel(ylabel)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)  # clear of the curves
    return ax


def against_ratio(
    curves: Mapping[str, Mapping[float, Sequence[float]]],
    ax: Axes | None = None,
    *,
    ylabel: str,
    marks: Mapping[str, float] | None = None,
    log: bool = False,
) -> Axes:
    """Draw a quantity against (sum-form ε) ÷ (1 − S), on a logarithmic axis.

    Parameters
    ----------
    curves : mapping of label to (mapping of ratio to values)
        Values of the data seeds.
    ax : Axes or None
        Where to draw; None means the current axes.
    ylabel : str
        Label of the quantity, with its unit.
    marks : mapping of label to ratio, or None
        Drawn as labelled vertical lines.
    log : bool
        Draw the quantity on a logarithmic axis, too.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.set_xscale("log")
    for (color, marker, dash), (label, values) in zip(_LOOKS, curves.items(), strict=False):
        curve(ax, {r: r for r in values}, values, label, color=color, marker=marker, dash=dash)
    for name, ratio in (marks or {}).items():
        ax.axvline(ratio, color="0.4", lw=1, ls="--", label=f"_{name}")
        ax.annotate(
            name,
            (ratio, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9,
            color="0.25",
        )
    if log:
        ax.set_yscale("log")
        _plain(ax)
    ax.set(xlabel="ε of the summed loss ÷ (1 − S)", ylabel=ylabel)
    # Above the axes, clear of the curves, and of the names of the marks.
    pad = 1.6 if marks else 0.5
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, borderaxespad=pad)
    return ax


def root_moments(
    steps: Sequence[int],
    groups: Mapping[str, Float[np.ndarray, "k features"]],
    eps: Mapping[str, float],
    ax: Axes | None = None,
) -> Axes:
    """Draw √v̂ of groups of features over training (median, and the middle half), beside ε.

    Parameters
    ----------
    steps : sequence of int
        Of the k snapshots.
    groups : mapping of label to (k, features) array
        √v̂, in units of the summed loss's gradient.
    eps : mapping of label to ε
        Drawn as labelled horizontal lines.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.set(xscale="log", yscale="log")
    for (color, marker, dash), (label, root) in zip(_LOOKS, groups.items(), strict=False):
        low, middle, high = np.quantile(np.maximum(root, 1e-30), (0.25, 0.5, 0.75), axis=1)
        ax.fill_between(steps, low, high, color=color, alpha=0.18, lw=0, label=f"_{label}: half")
        ax.plot(steps, middle, marker + dash, color=color, ms=4, label=label)
    levels(ax, eps)
    ax.set(xlabel="step", ylabel="√v̂ of the features' weights")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)  # clear of the lines
    return ax
