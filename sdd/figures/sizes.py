"""What depends on the number of data points T, on one kind of axis: losses, D, norms, lengths."""

import math
from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator
from matplotlib.transforms import Affine2D

from sdd.figures.style import COLORS, levels, note, short

__all__ = [
    "dimensionality_by_size",
    "loss_window",
    "norms_by_size",
    "size_axis",
    "test_loss_by_size",
    "tgon_radii",
]


def size_axis(ax: Axes, sizes: Iterable[float]) -> dict[float, float]:
    """Make x a logarithmic axis of dataset sizes with ∞ after a gap; return T → position."""
    sizes = sorted(set(sizes))
    finite = [T for T in sizes if T != math.inf]
    place = {T: T for T in finite}
    top = max(finite)
    if math.inf in sizes:
        place[math.inf] = top * 4
        ax.axvline(top * 2, color="0.6", lw=0.8, ls=(0, (1, 3)))
    ax.set_xscale("log")
    powers = (3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
    shown = [T for T in powers if min(finite) <= T <= top]
    if len(shown) > 8:
        shown = [T for T in shown if math.log10(T) == round(math.log10(T))]
    ticks = shown + [T for T in sizes if T == math.inf]
    ax.xaxis.set_major_locator(FixedLocator([place.get(T, T) for T in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xticklabels([short(T) for T in ticks])
    ax.set_xlabel("number of data points T")
    return place


def loss_window(losses: Mapping[float, Sequence[float]]) -> tuple[float, float]:
    """Return the part of the loss axis that shows the bump: far higher losses run off its top."""
    return min(min(values) for values in losses.values()) - 0.001, 1.03


def test_loss_by_size(
    losses: Mapping[float, Sequence[float]],
    baselines: Mapping[str, float],
    published: Mapping[float, float] | None = None,
    ax: Axes | None = None,
    *,
    ylim: tuple[float, float] | None = None,
    sizes: Iterable[float] = (),
) -> Axes:
    """Draw test loss against T: a dot for each data seed, a line through their means.

    Parameters
    ----------
    losses : mapping of T to losses
        Test losses of the data seeds, summed over features.
    baselines : mapping of label to loss
        Drawn as labelled horizontal lines.
    published : mapping of T to loss, or None
        Read off the paper's figure; drawn as open diamonds.
    ax : Axes or None
        Where to draw; None means the current axes.
    ylim : (float, float) or None
        Losses shown; values beyond are marked by arrows at the edge.
    sizes : iterable of T
        Sizes that the axis has besides, to agree with that of another panel.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {*losses, *(published or {}), *sizes})
    means = {T: float(np.mean(v)) for T, v in losses.items()}
    finite = [T for T in sorted(means) if T != math.inf]
    blue = COLORS["feature"]
    x, y, name = [place[T] for T in finite], [means[T] for T in finite], "_ours: mean of data seeds"
    ax.plot(x, y, "-", color=blue, zorder=3, label=name)
    if math.inf in means:
        end = place[math.inf], means[math.inf]
        ax.plot(*end, "_", color=blue, ms=16, mew=2, zorder=3, label=name)
    for T, values in losses.items():
        ax.plot(
            [place[T]] * len(values), values, "o", color=blue, ms=4, alpha=0.55, mew=0, zorder=4,
            label="_ours: data seeds",
        )  # fmt: skip
    ax.plot([], [], "o-", color=blue, ms=4, label="ours: data seeds, and their mean")
    if published:
        ax.plot(
            [place[T] for T in published],
            list(published.values()),
            "D",
            mfc="none",
            mec=COLORS["example"],
            ms=6,
            mew=1.2,
            zorder=5,
            label="paper (read off its figure)",
        )
    levels(ax, baselines)
    if ylim:
        ax.set_ylim(*ylim)
        for T, values in losses.items():
            if max(values) > ylim[1]:
                ax.plot(
                    place[T], ylim[1], "^", color=blue, ms=7, clip_on=False, zorder=6,
                    label="_nolegend_",
                )  # fmt: skip
    ax.set_ylabel("test loss (summed over features)")
    ax.legend(loc="upper right")
    return ax


def dimensionality_by_size(
    features: Mapping[float, Float[np.ndarray, "n"]],
    examples: Mapping[float, Float[np.ndarray, "T"]],
    m: int,
    ax: Axes | None = None,
    *,
    sizes: Iterable[float] = (),
) -> Axes:
    """Draw D of every feature (blue) and every example (red) against T, with the line m/T.

    Parameters
    ----------
    features, examples : mapping of T to dimensionalities
        Of one model for each T.
    m : int
        Hidden dimensions.
    ax : Axes or None
        Where to draw; None means the current axes.
    sizes : iterable of T
        Sizes that the axis has besides, to agree with that of another panel.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {*features, *examples, *sizes})
    # Drawn side by side at each T, so that neither hides the other; their x is T all the same.
    for values, shift, color, label in (
        (features, 1.07, "feature", "features"),
        (examples, 1 / 1.07, "example", "data points"),
    ):
        for T, D in values.items():
            ax.plot(
                np.full(len(D), place[T]),
                D,
                "o",
                transform=Affine2D().scale(shift, 1) + ax.transData,
                label=f"_{label}",
                color=COLORS[color],
                ms=3,
                mew=0,
                alpha=0.6,
                rasterized=len(D) > 500,
            )
        ax.plot([], [], "o", color=COLORS[color], ms=5, label=label)
    several = np.array(sorted(t for t in examples if m < t < math.inf), float)
    ax.plot(several, m / several, "-", color=COLORS["mark"], lw=1, label=f"m/T = {m}/T")
    ax.set_ylim(0, None)
    ax.set_ylabel("dimensionality D")
    ax.legend(loc="upper right")
    return ax


def norms_by_size(
    W_norms: Mapping[float, Sequence[float]],
    b_norms: Mapping[float, Sequence[float]],
    ax: Axes | None = None,
    *,
    reference: tuple[str, float] | None = None,
) -> Axes:
    """Draw ‖W‖_F and ‖b‖₂ against T: dots for data seeds, lines through their means.

    Parameters
    ----------
    W_norms, b_norms : mapping of T to norms
        Of the data seeds.
    ax : Axes or None
        Where to draw; None means the current axes.
    reference : (label, value) or None
        A labelled horizontal line.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {*W_norms, *b_norms})
    ax.set_yscale("log")
    for norms, color, marker, label in (
        (W_norms, "feature", "o", "‖W‖"),
        (b_norms, "other", "s", "‖b‖"),
    ):
        finite = [T for T in sorted(norms) if T != math.inf]
        mean = [float(np.mean(norms[T])) for T in finite]
        ax.plot(
            [place[T] for T in finite],
            mean,
            "-",
            color=COLORS[color],
            label=f"_{label}: mean of data seeds",
        )
        for T, values in norms.items():
            ax.plot(
                [place[T]] * len(values),
                values,
                marker,
                color=COLORS[color],
                ms=4,
                mew=0,
                alpha=0.6,
                label=f"_{label}: data seeds",
            )
        ax.plot([], [], marker + "-", color=COLORS[color], ms=4, label=label)
    if reference:
        ax.axhline(reference[1], color=COLORS["mark"], lw=1, ls="--", label=f"_{reference[0]}")
        note(ax, reference[1], reference[0], COLORS["mark"])
    ax.set_ylabel("Euclidean norm (no unit)")
    ax.legend(loc="upper right")
    return ax


def tgon_radii(
    T: Sequence[int],
    measured: Mapping[int, Float[np.ndarray, "k"]],
    predicted: Sequence[float],
    ax: Axes | None = None,
) -> Axes:
    """Draw the lengths of hidden vectors against T, beside the T-gon's least radius.

    Parameters
    ----------
    T : sequence of int
        Where the formula is drawn.
    measured : mapping of T to lengths
        Of the hidden vectors of one trained model each.
    predicted : sequence of float
        The least radius that memorises T points, at each T.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    size_axis(ax, [*T, *measured])
    ax.plot(T, predicted, "-", color=COLORS["mark"], label="T-gon: 1/√(1 − cos 2π/T)")
    for k, (size, lengths) in enumerate(measured.items()):
        ax.plot(
            [size] * len(lengths),
            lengths,
            "o",
            color=COLORS["example"],
            ms=4,
            mew=0,
            alpha=0.6,
            label=("_" if k else "") + "trained: each data point",  # once in the legend
        )
    ax.set_ylim(0, None)
    ax.set_ylabel("length ‖h‖ of the hidden vectors")
    ax.legend(loc="upper left")
    return ax
