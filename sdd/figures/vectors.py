"""Columns of W and hidden vectors, drawn as what they are: vectors in the plane."""

import math
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from sdd.figures.style import COLORS, MANY, SERIES

__all__ = ["VECTOR_COLORS", "clusters", "gallery", "vector_columns", "vectors"]

VECTOR_COLORS = {"columns of W": COLORS["feature"], "hidden vectors": COLORS["example"]}


def vectors(
    rows: Float[np.ndarray, "k 2"],
    ax: Axes | None = None,
    *,
    color: str = COLORS["feature"],
    limit: float | None = None,
    title: str = "",
) -> Axes:
    """Draw vectors in the plane as lines from the origin with dots at their ends.

    Parameters
    ----------
    rows : (k, 2) array
        Columns of W, or hidden vectors.
    ax : Axes or None
        Where to draw; None means the current axes.
    color : str
        Of lines and dots.
    limit : float or None
        Half the side of the square shown, in units of the vectors; None fits them.
    title : str
        Of the axes.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        Where the rows are not vectors in the plane.

    Examples
    --------
    >>> pentagon = np.exp(2j * np.pi * np.arange(5) / 5)
    >>> ax = sdd.figures.vectors(np.stack([pentagon.real, pentagon.imag], axis=1), title="T = 5")
    >>> len(ax.collections[0].get_segments())
    5
    """
    ax = ax or plt.gca()
    rows = np.asarray(rows, float)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ValueError(f"vectors drawn in the plane must be (k, 2), not {rows.shape}")
    limit = limit or 1.15 * float(np.abs(rows).max(initial=0)) or 1.0
    # Thousands of vectors near zero draw as one blot: leave out what is below a pixel.
    seen = rows[np.hypot(*rows.T) > limit / 400]
    lines = np.stack([np.zeros_like(seen), seen], axis=1)
    many = len(seen) > MANY
    alpha = 0.25 if many else 0.7
    ax.add_collection(
        LineCollection(list(lines), colors=color, linewidths=0.8, alpha=alpha, rasterized=many)
    )
    size, alpha = (2, 0.6) if many else (3.5, 1)
    ax.plot(*seen.T, "o", color=color, ms=size, mew=0, alpha=alpha, rasterized=many)
    ax.axhline(0, color="0.85", lw=0.8, zorder=0)
    ax.axvline(0, color="0.85", lw=0.8, zorder=0)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(visible=True, color="0.8")
    if title:
        ax.set_title(title)
    return ax


def vector_columns(
    frame: pd.DataFrame, *, across: int = 4, width: float = 1.45, common_scale: bool = False
) -> Figure:
    """Draw, for each model, the columns of W (blue) above its hidden vectors (orange).

    Parameters
    ----------
    frame : DataFrame
        A row a vector: ``model``, ``of``, ``x`` and ``y``; see `sdd.measures.vectors`. Where it
        holds vectors of one kind only, these are drawn alone. Where it says which are ``marked``,
        these get an open square at their ends.
    across : int
        Models a line; more go on further lines, so that a panel stays legible on a phone.
    width : float
        Of a panel, in inches.
    common_scale : bool
        One scale for all columns of W and one for all hidden vectors; else each panel is scaled
        to itself, as the paper does in its figures of the regimes.

    Returns
    -------
    Figure

    Examples
    --------
    >>> hidden = {"model": ["T = 5", "T = 6"], "of": "hidden vectors", "x": 1, "y": 0}
    >>> figure = sdd.figures.vector_columns(pd.DataFrame(hidden), across=2)
    >>> [ax.get_title() for ax in figure.axes]
    ['T = 5', 'T = 6']
    """
    models = list(frame["model"].unique())
    kinds = [of for of in VECTOR_COLORS if of in set(frame["of"])]
    lines = math.ceil(len(models) / across)
    fig, axes = plt.subplots(
        len(kinds) * lines, across, squeeze=False,
        figsize=(width * across, (width + 0.12) * len(kinds) * lines),
    )  # fmt: skip
    for ax in axes.flat:
        ax.set_visible(False)
    reach = 1.1 * frame[["x", "y"]].abs().max(axis=1).groupby(frame["of"]).max()
    for (k, model), (row, of) in product(enumerate(models), enumerate(kinds)):
        ax = axes[len(kinds) * (k // across) + row, k % across]
        ax.set_visible(True)
        rows = frame[(frame["model"] == model) & (frame["of"] == of)]
        limit = float(reach[of]) if common_scale else None
        title = model if row == 0 else ""
        vectors(rows[["x", "y"]].to_numpy(), ax, color=VECTOR_COLORS[of], limit=limit, title=title)
        if "marked" in rows:
            at = rows[rows["marked"]]
            ax.plot(at["x"], at["y"], "s", mfc="white", mec="black", ms=5, mew=1.2)
        if k % across == 0:
            ax.set_ylabel(of, color=VECTOR_COLORS[of])
    return fig


def gallery(frame: pd.DataFrame) -> Figure:
    """Draw hidden vectors of several models of each kind, a kind a row, each to its own scale.

    Parameters
    ----------
    frame : DataFrame
        A row a vector: ``kind``, which is the row's title; ``model``, counted from 0; ``x``, ``y``;
        and whether it is ``marked``, by an open square at its end.

    Returns
    -------
    Figure

    Examples
    --------
    >>> hidden = {"kind": ["failed", "perfect"], "model": 0, "x": 1, "y": 0, "marked": False}
    >>> [ax.get_title(loc="left") for ax in sdd.figures.gallery(pd.DataFrame(hidden)).axes]
    ['failed', 'perfect']
    """
    kinds, across = list(frame["kind"].unique()), 1 + int(frame["model"].max())
    fig, axes = plt.subplots(
        len(kinds), across, figsize=(1.6 * across, 1.8 * len(kinds)), squeeze=False
    )
    for ax in axes.flat:
        ax.set_visible(False)
    for (kind, model), rows in frame.groupby(["kind", "model"]):
        ax = axes[kinds.index(kind), model]
        ax.set_visible(True)
        vectors(rows[["x", "y"]].to_numpy(), ax, color=COLORS["example"])
        ax.plot("x", "y", "s", data=rows[rows["marked"]], mfc="white", mec="black", ms=6, mew=1.3)
    for ax, kind in zip(axes[:, 0], kinds, strict=True):
        ax.set_title(kind, loc="left")
    return fig


def clusters(frame: pd.DataFrame, *, across: int = 2, width: float = 2.9) -> Figure:
    """Draw, for each model, hidden vectors as dots, coloured by the feature that is stored of each.

    Features take turns in colour and mark around the circle, so that neighbours are told apart;
    grey dots are points of which nothing is stored. A line, drawn for features of five points or
    more, is where the feature begins to fire.

    Parameters
    ----------
    frame : DataFrame
        A row a point: ``model``, ``x``, ``y``, ``feature`` (or −1), ``wx``, ``wy`` and ``b``; see
        `sdd.measures.clusters`.
    across : int
        Models a line.
    width : float
        Of a panel, in inches.

    Returns
    -------
    Figure

    Examples
    --------
    >>> hidden = {"model": "T = 1", "x": [2.0], "y": 0.0, "feature": 7, "wx": 1, "wy": 0, "b": -1}
    >>> [ax.get_title() for ax in sdd.figures.clusters(pd.DataFrame(hidden), across=1).axes]
    ['T = 1']
    """
    models, around = list(frame["model"].unique()), [c for c in SERIES if c != COLORS["mark"]]
    lines = math.ceil(len(models) / across)
    fig, axes = plt.subplots(
        lines, across, figsize=(width * across, (width + 0.2) * lines), squeeze=False
    )
    for ax in axes.flat[len(models) :]:
        ax.set_visible(False)
    for ax, model in zip(axes.flat, models, strict=False):
        rows = frame[frame["model"] == model]
        none, stored = rows[rows["feature"] < 0], rows[rows["feature"] >= 0]
        ax.plot("x", "y", ".", data=none, color="0.55", ms=2, mew=0, rasterized=len(none) > MANY)
        for k, (_, points) in enumerate(_around(stored)):
            look = {"color": around[k % 4], "zorder": 3, "rasterized": len(stored) > MANY}
            ax.plot("x", "y", "os^D"[k % 4], data=points, ms=3, mew=0, **look)
            if len(points) >= 5:
                ax.plot(*_threshold(points).T, lw=0.8, **look)
        limit = 1.08 * float(rows[["x", "y"]].abs().max().max())
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
        ax.spines[:].set(visible=True, color="0.8")
        ax.set_title(model)
    return fig


def _around(stored: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    """Return the points of each feature, in the order of the angles of their means."""
    groups = list(stored.groupby("feature"))
    return sorted(groups, key=lambda g: math.atan2(g[1]["y"].mean(), g[1]["x"].mean()))


def _threshold(points: pd.DataFrame) -> Float[np.ndarray, "2 2"]:
    """Return the ends of a line on which one feature, that of all the points, begins to fire."""
    wx, wy, b = points[["wx", "wy", "b"]].iloc[0]
    nearest = -b / (wx**2 + wy**2) * np.array([wx, wy])
    half = 0.35 * np.hypot(points["x"], points["y"]).mean() / math.hypot(wx, wy)
    return nearest + half * np.array([[-wy, wx], [wy, -wx]])
