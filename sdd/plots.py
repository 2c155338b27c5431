"""Figures in the paper's form: arrays in, axes out; nothing is saved, shown or measured here."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator
from matplotlib.transforms import Affine2D

__all__ = [
    "COLORS",
    "STYLE",
    "dimensionality_by_size",
    "leaf_map",
    "leaves",
    "loss_window",
    "norms_by_size",
    "size_axis",
    "step_times",
    "strip",
    "test_loss_by_size",
    "tgon_radii",
    "use_style",
    "vector_columns",
    "vectors",
]

STYLE = Path(__file__).with_name("sdd.mplstyle")

# Okabe and Ito's palette: told apart under every common kind of colour blindness. Features are
# blue and data points red, as in the paper.
COLORS = {"feature": "#0072B2", "example": "#D55E00", "other": "#009E73", "mark": "#555555"}


def use_style() -> None:
    """Switch on the book's look for the figures that follow, drawn as SVG in a notebook."""
    plt.style.use(STYLE)
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", metadata={"Date": None})  # the same bytes every time


def _short(T: float) -> str:
    if T == math.inf:
        return "∞"
    return f"{T / 1000:g}k" if T >= 1000 else f"{T:g}"


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
    powers = [T for T in (3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000)]
    shown = [T for T in powers if min(finite) <= T <= top]
    if len(shown) > 8:
        shown = [T for T in shown if math.log10(T) == round(math.log10(T))]
    ticks = shown + [T for T in sizes if T == math.inf]
    ax.xaxis.set_major_locator(FixedLocator([place.get(T, T) for T in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xticklabels([_short(T) for T in ticks])
    ax.set_xlabel("number of data points T")
    return place


def _note(ax: Axes, y: float, text: str, color: str, *, above: bool = True) -> None:
    """Label a horizontal line in the right-hand margin, where no data can be hidden."""
    ax.annotate(
        text,
        (1, y),
        xycoords=("axes fraction", "data"),
        xytext=(4, 1 if above else -1),
        textcoords="offset points",
        ha="left",
        va="bottom" if above else "top",
        color=color,
        fontsize=9,
        annotation_clip=False,
    )


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

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {*losses, *(published or {})})
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
    for label, value in baselines.items():
        name = "_" + label.replace("\n", " ")
        ax.axhline(value, color=COLORS["mark"], lw=1, ls="--", zorder=1, label=name)
        _note(ax, value, label, COLORS["mark"], above=value == max(baselines.values()))
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

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {*features, *examples})
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
        _note(ax, reference[1], reference[0], COLORS["mark"])
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


def leaves(
    points: Float[np.ndarray, "T 2"],
    boxes: Float[np.ndarray, "leaves 4"],
    lines: Float[np.ndarray, "k 3"],
    cut: Bool[np.ndarray, "leaves k"],
    ax: Axes | None = None,
) -> Axes:
    """Draw hidden vectors in the boxes of their leaves, with the lines of up to three features.

    Parameters
    ----------
    points : (T, 2) array
        Hidden vectors.
    boxes : (leaves, 4) array
        Least x and y, width and height.
    lines : (k, 3) array
        (W_1, W_2, b) of the features whose lines W · h + b = 0 are drawn; k is at most 3.
    cut : (leaves, k) array
        Which boxes each line cuts: filled in its colour.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    ax.plot(
        *np.transpose(points), "o", color=COLORS["mark"], ms=1.8, mew=0, alpha=0.6,
        label="_hidden vectors",
    )  # fmt: skip
    for x, y, width, height in boxes:
        box = Rectangle((x, y), width, height, fill=False, ec="0.6", lw=0.7, label="_leaves")
        ax.add_patch(box)
    looks = (("first", "feature", "-"), ("second", "example", "--"), ("third", "other", ":"))
    for (nth, name, dash), (x, y, c), crossed in zip(looks, lines, np.transpose(cut), strict=False):
        for left, low, width, height in np.asarray(boxes)[crossed]:
            ax.add_patch(
                Rectangle(
                    (left, low), width, height, color=COLORS[name], alpha=0.3, lw=0,
                    label=f"_cut by the {nth}",
                )
            )  # fmt: skip
        foot = -c * np.array([x, y]) / (x * x + y * y)  # the point of the line nearest the origin
        further = foot + np.array([-y, x])
        label = f"{nth}: cuts {crossed.sum()} of {len(boxes)} leaves"
        ax.axline(tuple(foot), tuple(further), color=COLORS[name], ls=dash, lw=1.8, label=label)
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    room = 0.06 * (high - low).max()
    ax.set(xlim=(low[0] - room, high[0] + room), ylim=(low[1] - room, high[1] + room))
    ax.set(xlabel="hidden dimension 1", ylabel="hidden dimension 2", aspect="equal")
    ax.grid(False)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="lines of features")
    return ax


def leaf_map(sides: Int[np.ndarray, "leaves groups"], ax: Axes | None = None) -> Axes:
    """Draw which groups of features are silent (0), active (1) or undecided (2) on which leaves.

    Parameters
    ----------
    sides : (leaves, groups) array
        0, 1 or 2.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    sides = np.asarray(sides)
    colors = ["0.92", "#56B4E9", COLORS["example"]]
    extent = (0, sides.shape[1], sides.shape[0], 0)
    ax.imshow(
        sides, cmap=ListedColormap(colors), vmin=0, vmax=2, aspect="auto", extent=extent,
        interpolation="nearest", label="_0 silent, 1 active, 2 cut",
    )  # fmt: skip
    names = ("silent: skipped", "active: by moments", "cut: visited")
    shares = [(sides == k).mean() for k in range(3)]
    ax.legend(
        handles=[
            Patch(fc=c, ec="0.4", lw=0.5, label=f"{name} ({share:.0%})")
            for c, name, share in zip(colors, names, shares, strict=True)
        ],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=3,
        columnspacing=1.0,
        handlelength=1.2,
    )
    ax.set(xlabel="group of features, by direction", ylabel="leaf of points")
    ax.grid(False)
    return ax


# Of each contender: colour, marker and dash, so that none is told by its colour alone.
_LOOKS = {
    "textbook": ("mark", "s", "-"),
    "chunks of rows": ("mark", "v", "--"),
    "chunks, compiled": ("mark", "^", ":"),
    "dense, 1 core": ("example", "D", "-"),
    "pair loop, 1 core": ("example", "x", ":"),
    "engine, 1 core": ("feature", "o", "-"),
    "engine": ("other", "P", "--"),
}


def step_times(times: Mapping[str, Mapping[int, Sequence[float]]], ax: Axes | None = None) -> Axes:
    """Draw seconds per step against T: medians, with bars from the least to the most.

    Parameters
    ----------
    times : mapping of name to (mapping of T to seconds)
        Repeats of contenders, by the names that `bench` gives them.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    for name, by_T in times.items():
        color, marker, dash = _LOOKS[name]
        sizes = sorted(by_T)
        middle = np.array([np.median(by_T[T]) for T in sizes]) * 1e3
        low, high = (np.array([f(by_T[T]) for T in sizes]) * 1e3 for f in (np.min, np.max))
        ax.errorbar(
            sizes, middle, (middle - low, high - middle), color=COLORS[color], marker=marker,
            ls=dash, ms=5, capsize=2, elinewidth=1, label=name,
        )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="number of data points T", ylabel="ms per step")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
