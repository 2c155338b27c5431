"""Formulas beside what was trained: where planted solutions go, and predicted against measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sdd.figures.style import COLORS

__all__ = ["formulas", "planted_radii", "predicted_against_measured", "ring_changes"]

# Told apart by colour, dash and marker.
_LOOKS = (("feature", "-", "o"), ("example", "--", "s"), ("other", "-.", "^"), ("mark", ":", "D"))
_FILLS = ("full", "none")
_MARKERS = "os^DvPX*"


def planted_radii(
    radii: Mapping[str, Sequence[tuple[float, float]]], ax: Axes | None = None
) -> Axes:
    """Draw where polygons end that were planted at other radii than the least.

    Parameters
    ----------
    radii : mapping of label to (planted, trained) radii
        In units of the least radius that memorises.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    planted = sorted({start for pairs in radii.values() for start, _ in pairs})
    ends = planted[0] - 0.03, planted[-1] + 0.03
    ax.plot(ends, ends, ":", color=COLORS["mark"], lw=1.2, label="as planted")
    ax.axhline(1, color=COLORS["mark"], lw=1, ls="--", label="the least that memorises")
    shifts = np.linspace(-0.008, 0.008, len(radii)) if len(radii) > 1 else [0.0]
    for (label, pairs), (color, _, marker), shift in zip(
        radii.items(), _LOOKS, shifts, strict=False
    ):
        x, y = np.transpose(pairs)
        ax.plot(x + shift, y, marker, color=COLORS[color], ms=6, mew=0, alpha=0.7, label=label)
    ax.set(xlabel="planted radius ÷ least radius", ylabel="trained radius ÷ least radius")
    ax.legend(loc="upper left")
    return ax


def ring_changes(
    theory: Mapping[str, Mapping[int, float]],
    trained: Mapping[str, Mapping[int, Sequence[float]]],
    ax: Axes | None = None,
) -> Axes:
    """Draw by how much F features on a ring lower the loss: formulas, and trained models.

    Parameters
    ----------
    theory : mapping of label to (mapping of F to change)
        Drawn as lines.
    trained : mapping of label to (mapping of F to changes)
        Drawn as dots, one a model.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    for (label, curve), (color, dash, _) in zip(theory.items(), _LOOKS, strict=False):
        ax.plot(list(curve), list(curve.values()), dash, color=COLORS[color], label=label)
    shifts = np.linspace(-0.12, 0.12, len(trained)) if len(trained) > 1 else [0.0]
    for (label, groups), (color, _, marker), shift in zip(
        trained.items(), _LOOKS, shifts, strict=False
    ):
        x = [F + shift for F, values in groups.items() for _ in values]
        y = [v for values in groups.values() for v in values]
        ax.plot(x, y, marker, color=COLORS[color], ms=5, mew=0, alpha=0.7, label=label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="number of features F", ylabel="change of the loss ÷ p")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return ax


def formulas(
    x: Float[np.ndarray, " k"],
    curves: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    *,
    xlabel: str,
    ylabel: str,
) -> Axes:
    """Draw a few formulas of one variable, and the line where nothing changes.

    Parameters
    ----------
    x : (k,) array
        Where they are evaluated.
    curves : mapping of label to k values
        At most four.
    ax : Axes or None
        Where to draw; None means the current axes.
    xlabel, ylabel : str
        What the axes show.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.axhline(0, color="0.6", lw=0.8, label="_nolegend_")
    for (label, values), (color, dash, _) in zip(curves.items(), _LOOKS, strict=False):
        ax.plot(x, values, dash, color=COLORS[color], label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="upper left")
    return ax


def predicted_against_measured(
    points: Mapping[str, Sequence[tuple[str, float, float]]], ax: Axes | None = None
) -> Axes:
    """Draw measured D against predicted D, with the line on which they agree.

    Parameters
    ----------
    points : mapping of prediction to (name, predicted, measured)
        Predictions differ in colour and fill, names (at most eight) in their markers.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    every = [v for group in points.values() for _, *pair in group for v in pair]
    ends = min(every) - 0.03, max(every) + 0.03
    ax.plot(ends, ends, "--", color=COLORS["mark"], lw=1, label="agreement")
    names = dict.fromkeys(name for group in points.values() for name, *_ in group)
    marker_of = dict(zip(names, _MARKERS, strict=False))
    for (key, *_), fill, (label, group) in zip(_LOOKS, _FILLS, points.items(), strict=False):
        look: dict[str, Any] = {"color": COLORS[key], "fillstyle": fill, "ms": 6, "alpha": 0.8}
        ax.plot([], [], "o", label=label, **look)
        for name, marker in marker_of.items():
            pairs = [pair for variant, *pair in group if variant == name]
            if pairs:
                ax.plot(*np.transpose(pairs), marker, label=f"_{label}: {name}", **look)
    for name, marker in marker_of.items():
        ax.plot([], [], marker, color=COLORS["mark"], fillstyle="none", ms=6, label=name)
    ax.set(xlabel="predicted D of the five", ylabel="measured D of the five")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return ax
