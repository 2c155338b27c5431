"""What training does to single features and examples, and how often an example has to occur."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from sdd.figures.style import COLORS, SERIES

__all__ = ["histories", "repeat_boundary"]

LINES = {
    "feature": (COLORS["feature"], 1.2),
    "point": (COLORS["example"], 0.6),
    "repeated point": (COLORS["example"], 2.6),
}


def histories(frame: pd.DataFrame) -> Figure:
    """Draw D of features (blue) and of examples (orange) over training, a panel a model.

    Parameters
    ----------
    frame : DataFrame
        A row a vector and snapshot: ``model``, ``step``, ``of`` ("feature", "point" or "repeated
        point", which has the thick line), ``number`` and ``D``.

    Returns
    -------
    Figure

    Examples
    --------
    >>> one = {"model": "T = 5", "step": [10, 100], "of": "feature", "number": 0, "D": [0, 0.2]}
    >>> [ax.get_title() for ax in sdd.figures.histories(pd.DataFrame(one)).axes]
    ['T = 5']
    """
    models = list(frame["model"].unique())
    fig, axes = plt.subplots(
        len(models), sharex=True, sharey=True, figsize=(5.4, 1.9 * len(models)), squeeze=False
    )
    for ax, model in zip(axes[:, 0], models, strict=True):
        rows = frame[frame["model"] == model]
        sns.lineplot(
            rows, x="step", y="D", hue="of", size="of", units="number", estimator=None, ax=ax,
            palette={of: color for of, (color, _) in LINES.items()},
            sizes={of: width for of, (_, width) in LINES.items()},
            hue_order=(kinds := [of for of in LINES if of in set(rows["of"])]), size_order=kinds,
        )  # fmt: skip
        ax.set(xscale="log", ylabel="dimensionality D", title=model)
        ax.legend(loc="upper left", title=None)
    axes[-1, 0].set(xlabel="training step", ylim=(0, 1.08 * frame["D"].max() or 1))
    return fig


def repeat_boundary(frame: pd.DataFrame, ax: Axes | None = None, *, published: float) -> Axes:
    """Draw from how many repeats on an example is memorised against T/n, and a published slope.

    Parameters
    ----------
    frame : DataFrame
        A row a data set: ``n``, ``ratio``, which is T/n, and ``boundary``.
    ax : Axes or None
        Where to draw; None means the current axes.
    published : float
        Repeats for each T/n, as published.

    Returns
    -------
    Axes

    Examples
    --------
    >>> found = pd.DataFrame({"n": 1_000, "ratio": [5.0, 20.0], "boundary": [4.5, 9.0]})
    >>> ax = sdd.figures.repeat_boundary(found, published=0.4)
    >>> ax.get_xlabel()
    'T/n'
    """
    ax = ax or plt.gca()
    ratios = np.sort(frame["ratio"].unique())
    ax.plot(ratios, published * ratios, color="black", lw=1.2, label=f"published: {published} T/n")
    names = frame["n"].map("n = {:,}".format)
    palette = dict(zip(sorted(names.unique()), SERIES, strict=False))
    sns.stripplot(
        x=frame["ratio"], y=frame["boundary"], hue=names, palette=palette, native_scale=True,
        jitter=0.08, log_scale=True, alpha=0.8, size=6, ax=ax,
    )  # fmt: skip
    for axis, at in ((ax.xaxis, ratios), (ax.yaxis, (1, 2, 3, 4, 6, 8, 10, 15))):
        axis.set_major_locator(FixedLocator(list(at)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(ScalarFormatter())
    ax.set(xlabel="T/n", ylabel="repeats from which on it is memorised")
    ax.legend(loc="upper left")
    return ax
