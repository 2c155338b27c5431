"""What chance does to a training: arrangements of a few points, spread over seeds, best of k."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D

from sdd.figures.sizes import size_axis
from sdd.figures.style import COLORS
from sdd.figures.vectors import vectors

__all__ = ["best_of_curves", "gallery", "seeds_by_size", "spread_by_size"]

# By m: a colour and a marker, and a shift along T so that neither hides the other.
_WIDTHS = {2: ("example", "o", 1 / 1.05), 4: ("feature", "s", 1.05)}
_MARKS = "osD^vP*X"


def gallery(
    rows: Sequence[tuple[str, Sequence[tuple[Float[np.ndarray, "T 2"], Bool[np.ndarray, " T"]]]]],
    across: int = 3,
) -> Figure:
    """Draw hidden vectors of several models of each kind, a kind a row.

    Parameters
    ----------
    rows : sequence of (name, models)
        Models are (hidden vectors, which of the points are not memorised); these points are drawn
        as open squares.
    across : int
        Models a row at most.

    Returns
    -------
    Figure
    """
    fig, axes = plt.subplots(
        len(rows), across, figsize=(1.6 * across, 1.8 * len(rows)), squeeze=False
    )
    for line, (name, models) in zip(axes, rows, strict=True):
        for k, ax in enumerate(line):
            ax.set_visible(k < len(models))
        for k, (hidden, lost) in enumerate(models[:across]):
            ax = line[k]
            vectors(hidden, ax, color=COLORS["example"])
            if lost.any():
                ax.plot(
                    *hidden[lost].T, "s", mfc="white", mec="black", ms=6, mew=1.3, zorder=5,
                    label="_not memorised",
                )  # fmt: skip
            ax.set_label(f"{name}, model {k + 1}")
        line[0].set_title(name, loc="left")
    return fig


def _name(m: int) -> str:
    return f"m = {m}"


def seeds_by_size(
    losses: Mapping[int, Mapping[float, Sequence[float]]],
    ax: Axes | None = None,
    *,
    ylabel: str = "training loss (summed over features)",
) -> Axes:
    """Draw the final loss of every parameter seed against T, for m = 2 and m = 4.

    Parameters
    ----------
    losses : mapping of m to a mapping of T to losses
        One loss a training.
    ax : Axes or None
        Where to draw; None means the current axes.
    ylabel : str
        Which loss it is.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {T for sizes in losses.values() for T in sizes})
    for m, sizes in losses.items():
        color, marker, shift = _WIDTHS[m]
        for T, values in sizes.items():
            ax.plot(
                [place[T]] * len(values), values, marker, color=COLORS[color], ms=4, mew=0,
                alpha=0.45, transform=Affine2D().scale(shift, 1) + ax.transData,
                label=f"_{_name(m)}",
            )  # fmt: skip
        ax.plot([], [], marker, color=COLORS[color], ms=5, label=_name(m))
    ax.set_ylabel(ylabel)
    ax.legend(loc="best")
    return ax


def spread_by_size(
    spreads: Mapping[int, Mapping[float, Sequence[float]]],
    ax: Axes | None = None,
    *,
    floor: float = 1e-5,
    ylabel: str = "sd of the training loss",
) -> Axes:
    """Draw standard deviations over parameter seeds against T: a dot a data seed, and their means.

    Parameters
    ----------
    spreads : mapping of m to a mapping of T to standard deviations
        One a data seed.
    ax : Axes or None
        Where to draw; None means the current axes.
    floor : float
        Smaller ones are drawn at the lower edge, as arrows.
    ylabel : str
        Of which loss they are.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {T for sizes in spreads.values() for T in sizes})
    ax.set_yscale("log")
    highest = max(v for sizes in spreads.values() for values in sizes.values() for v in values)
    ax.set_ylim(floor, max(2 * highest, 10 * floor))
    for m, sizes in spreads.items():
        color, marker, shift = _WIDTHS[m]
        moved = Affine2D().scale(shift, 1) + ax.transData
        for T, values in sizes.items():
            ax.plot(
                [place[T]] * len(values), values, marker, color=COLORS[color], ms=4, mew=0,
                alpha=0.6, transform=moved, label=f"_{_name(m)}: data seeds",
            )  # fmt: skip
            if min(values) < floor:
                ax.plot(
                    place[T], floor, "v", color=COLORS[color], ms=7, clip_on=False, zorder=6,
                    transform=moved, label="_nolegend_",
                )  # fmt: skip
        x, y = [place[T] for T in sizes], [float(np.mean(v)) for v in sizes.values()]
        line = f"_{_name(m)}: mean of data seeds"
        ax.plot(x, y, "-", color=COLORS[color], transform=moved, label=line)
        ax.plot([], [], marker + "-", color=COLORS[color], ms=5, label=_name(m))
    ax.set_ylabel(ylabel)
    ax.legend(loc="best")
    return ax


def best_of_curves(
    curves: Mapping[float, Sequence[float]],
    ax: Axes | None = None,
    *,
    ylabel: str = "expected lowest training loss,\nas a share of one seed's",
    reference: float = 1.0,
) -> Axes:
    """Draw what to expect of the best of k parameter seeds against k, a line for each T.

    Parameters
    ----------
    curves : mapping of T to values
        For k = 1, 2, and so on.
    ax : Axes or None
        Where to draw; None means the current axes.
    ylabel : str
        What the values are.
    reference : float
        What one seed has: a horizontal line.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.axhline(reference, color=COLORS["mark"], lw=1, ls="--", zorder=1, label="_one seed")
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.8, len(curves)))
    for k, (T, values) in enumerate(sorted(curves.items())):
        ax.plot(
            range(1, len(values) + 1), values, _MARKS[k % len(_MARKS)] + "-", color=shades[k],
            ms=4, label=f"T = {T:,}",
        )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("k, number of parameter seeds tried")
    ax.set_ylabel(ylabel)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.6))
    return ax
