"""A map of the test loss over the number of data points T and of hidden dimensions m."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from sdd.figures.style import short

__all__ = ["loss_map"]

_SPAN = 5  # the scale reaches this many times as far from 1 as the baselines are apart


def loss_map(
    runs: pd.DataFrame,
    more_data: pd.DataFrame,
    bigger_model: pd.DataFrame,
    tops: pd.DataFrame,
    ax: Axes | None = None,
    *,
    baselines: Mapping[str, float],
) -> Axes:
    """Draw the mean test loss over T and m: green below 1, purple above.

    Parameters
    ----------
    runs : DataFrame
        A row a run: ``T``, ``m`` and ``test_loss``.
    more_data, bigger_model : DataFrame
        Steps to the next T, and to the next m, that hurt, by the cell before them (``T``, ``m``): a
        triangle between the two cells, pointing right or up.
    tops : DataFrame
        ``T`` and ``m`` where the bump of a row is highest: a circle.
    ax : Axes or None
        Where to draw; None means the current axes.
    baselines : mapping of label to loss
        Drawn as contour lines, solid and dashed; colours reach five times as far from 1 as they
        are apart, and losses beyond have the last colour.

    Returns
    -------
    Axes

    Examples
    --------
    >>> runs = pd.DataFrame({"T": [5, 50] * 2, "m": [2, 2, 4, 4], "test_loss": [1, 1.2, 1.1, 1.4]})
    >>> nothing, worse = runs[["T", "m"]][:0], runs[["T", "m"]][:1]
    >>> ax = sdd.figures.loss_map(
    ...     runs, worse, worse, nothing, baselines={"no output": 1.0, "best constant": 0.99}
    ... )
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('number of data points T', 'hidden dimensions m')
    """
    ax = ax or plt.gca()
    means = runs.groupby(["m", "T"])["test_loss"].mean().unstack()
    span = _SPAN * (max(baselines.values()) - min(baselines.values()))
    low, high = (f(means.to_numpy().flat) for f in (min, max))
    low, high = min(low, 1 - span / 10), max(high, 1 + span / 10)
    beyond = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}
    sns.heatmap(
        means, ax=ax, cmap="PRGn_r", norm=TwoSlopeNorm(1, max(low, 1 - span), min(high, 1 + span)),
        xticklabels=[short(T) for T in means.columns],
        cbar_kws={"label": "test loss", "extend": beyond[low < 1 - span, high > 1 + span]},
    )  # fmt: skip
    ax.invert_yaxis()
    # The middle of the k-th cell is at k + 1/2.
    x = pd.Series(np.arange(means.shape[1]) + 0.5, means.columns)
    y = pd.Series(np.arange(means.shape[0]) + 0.5, means.index)
    for dash, (name, level) in zip(("-", "--"), baselines.items(), strict=False):
        if means.to_numpy().min() < level < means.to_numpy().max():
            ax.contour(x, y, means, [level], colors="black", linestyles=dash, linewidths=1)
        ax.plot([], [], dash, color="black", lw=1, label=f"loss of {name}".replace("\n", " "))
    for marked, marker, fill, label, right, up in (
        (more_data, ">", "black", "more data hurts", 0.5, 0),
        (bigger_model, "^", "white", "a bigger model hurts", 0, 0.5),
        (tops, "o", "none", "top of the bump", 0, 0),
    ):
        ax.plot(
            marked["T"].map(x) + right, marked["m"].map(y) + up, marker, mfc=fill, mec="black",
            ms=8 if marker == "o" else 6, mew=1.2, label=label,
        )  # fmt: skip
    ax.set(xlabel="number of data points T", ylabel="hidden dimensions m")
    ax.tick_params(rotation=0)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, columnspacing=1.0, handlelength=1.4
    )
    return ax
