"""Columns of W and hidden vectors, drawn as what they are: vectors in the plane."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from sdd.figures.style import COLORS

__all__ = ["strip", "vector_columns", "vectors"]


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
        Above the axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    rows = np.asarray(rows, float)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise ValueError(f"vectors drawn in the plane must be (k, 2), not {rows.shape}")
    limit = limit or 1.15 * float(np.abs(rows).max(initial=0)) or 1.0
    # Thousands of vectors near zero draw as one blot: leave out what is below a pixel.
    seen = rows[np.hypot(*rows.T) > limit / 400]
    lines = np.stack([np.zeros_like(seen), seen], axis=1)
    many = len(seen) > 100
    alpha = 0.25 if many else 0.7
    ax.add_collection(
        LineCollection(list(lines), colors=color, linewidths=0.8, alpha=alpha, label="_nolegend_")
    )
    size, alpha = (2, 0.6) if many else (3.5, 1)
    ax.plot(*seen.T, "o", color=color, ms=size, mew=0, alpha=alpha, label="_vectors")
    ax.axhline(0, color="0.85", lw=0.8, zorder=0)
    ax.axvline(0, color="0.85", lw=0.8, zorder=0)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(visible=True, color="0.8")
    if title:
        ax.set_title(title)
    return ax


def vector_columns(
    columns: Sequence[tuple[str, Float[np.ndarray, "n 2"], Float[np.ndarray, "T 2"]]],
    *,
    across: int = 4,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw, for each model, the columns of W (blue) above its hidden vectors (red).

    Parameters
    ----------
    columns : sequence of (title, columns of W as rows, hidden vectors)
        One model each.
    across : int
        Models a line; more go on further lines, so that a panel stays legible on a phone.
    limits : (float, float) or None
        One common scale for all columns of W and one for all hidden vectors; None scales each
        panel to itself, as the paper does in its figures of the regimes.

    Returns
    -------
    Figure
    """
    lines = math.ceil(len(columns) / across)
    fig, axes = plt.subplots(
        2 * lines, across, figsize=(1.55 * across, 3.35 * lines), squeeze=False
    )
    for ax in axes.flat:
        ax.set_visible(False)
    for k, (title, W, H) in enumerate(columns):
        pair = axes[2 * (k // across) : 2 * (k // across) + 2, k % across]
        for ax, rows, color, limit, what in zip(
            pair,
            (W, H),
            (COLORS["feature"], COLORS["example"]),
            limits or (None, None),
            ("columns of W", "hidden vectors"),
            strict=True,
        ):
            ax.set_visible(True)
            ax.set_label(f"{title}, {what}")
            vectors(rows, ax, color=color, limit=limit)
            if k % across == 0:
                ax.set_ylabel(what, color=color)
        pair[0].set_title(title)
    return fig


def strip(
    columns: Sequence[tuple[str, Float[np.ndarray, "n 2"], Float[np.ndarray, "T 2"]]],
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw as `vector_columns`, three models a line: for the figures of the regimes."""
    return vector_columns(columns, across=3, limits=limits)
