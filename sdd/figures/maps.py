"""Maps of the test loss over the number of data points T and of hidden dimensions m."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from sdd.figures.sizes import size_axis

__all__ = ["loss_map"]

_LINES = ("-", "--")
_SPAN = 5  # the scale reaches this many times as far from 1 as the baselines are apart


def loss_map(
    sizes: Sequence[int],
    widths: Sequence[int],
    losses: Float[np.ndarray, "widths sizes"],
    baselines: Mapping[str, float],
    more_data: Bool[np.ndarray, "widths sizes-1"],
    bigger_model: Bool[np.ndarray, "widths-1 sizes"],
    tops: Mapping[int, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the test loss over T and m: white at 1, purple below, orange above.

    Parameters
    ----------
    sizes, widths : sequence of int
        T and m of the columns and the rows, both increasing.
    losses : (widths, sizes) array
        Mean test losses.
    baselines : mapping of label to loss
        Drawn as contour lines, solid and dashed; colours reach five times as far from 1 as they
        are apart, and losses beyond have the last colour.
    more_data, bigger_model : (widths, sizes - 1) and (widths - 1, sizes) array
        Which steps to the next T, and to the next m, hurt: a triangle between the two cells,
        pointing right or up.
    tops : mapping of m to T, or None
        Where each row's bump is highest: a circle.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    x, y = np.asarray(sizes, float), np.asarray(widths, float)
    losses = np.asarray(losses, float)
    span = _SPAN * (max(baselines.values()) - min(baselines.values()))
    low, high = min(losses.min(), 1 - span / 10), max(losses.max(), 1 + span / 10)
    norm = TwoSlopeNorm(1, max(low, 1 - span), min(high, 1 + span))
    mesh = ax.pcolormesh(_edges(x), _edges(y), losses, cmap="PuOr_r", norm=norm, label="_test loss")
    size_axis(ax, sizes)
    ax.set_yscale("log")
    shown = [m for k, m in enumerate(widths) if k == 0 or m / widths[k - 1] > 1.15]
    ax.yaxis.set_major_locator(FixedLocator(shown))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_yticklabels([str(m) for m in shown])
    handles = []
    for dash, (name, level) in zip(_LINES, baselines.items(), strict=False):
        name = name.replace("\n", " ")
        if losses.min() < level < losses.max():
            lines = ax.contour(x, y, losses, [level], colors="black", linestyles=dash, linewidths=1)
            lines.set_label(f"_{name}")
        handles.append(Line2D([], [], color="black", lw=1, ls=dash, label=f"loss of {name}"))
    middles = np.sqrt(x[1:] * x[:-1]), np.sqrt(y[1:] * y[:-1])
    for marked, marker, fill, name, across in (
        (more_data, ">", "black", "more data hurts", (middles[0], y)),
        (bigger_model, "^", "white", "a bigger model hurts", (x, middles[1])),
    ):
        row, column = np.nonzero(marked)
        handles += ax.plot(
            across[0][column], across[1][row], marker, ms=6, mfc=fill, mec="black", mew=0.9,
            label=name,
        )  # fmt: skip
    if tops:
        handles += ax.plot(
            list(tops.values()), list(tops), "o", ms=8, mfc="none", mec="black", mew=1.4,
            label="top of the bump",
        )  # fmt: skip
    bar = ax.inset_axes((1.03, 0, 0.04, 1), label="<colorbar>")
    beyond = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}
    extend = beyond[low < 1 - span, high > 1 + span]
    ax.figure.colorbar(mesh, cax=bar, extend=extend, label="test loss")
    ax.set(xlim=_edges(x)[[0, -1]], ylim=_edges(y)[[0, -1]], ylabel="hidden dimensions m")
    ax.grid(False)
    ax.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, columnspacing=1.0,
        handlelength=1.4,
    )  # fmt: skip
    return ax


def _edges(middles: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k+1"]:
    """Return the borders of cells on a logarithmic axis, half way between their middles."""
    logs = np.log(middles)
    step = np.diff(logs)
    ends = np.concatenate([[step[0]], step, [step[-1]]]) / 2
    return np.exp(np.concatenate([logs - ends[:-1], [logs[-1] + ends[-1]]]))
