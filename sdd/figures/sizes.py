"""What depends on the number of data points T, on one kind of axis: losses, D, norms, lengths."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator
from scipy import stats

from sdd.figures.style import COLORS, MANY, SERIES, levels, plain_numbers, shades, short

__all__ = ["by_size", "dimensionality_by_size", "dots_by_size", "loss_window", "size_axis"]

MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">"]
DASHES: list[Any] = ["", (4, 1.5), (1, 1), (3, 1, 1.5, 1)]
FEWEST = 3  # runs of an interval: with two, 95 % is 13 standard errors to either side


def size_axis(ax: Axes, sizes: Iterable[float]) -> dict[float, float]:
    """Make x a logarithmic axis of dataset sizes, with ∞ after a gap.

    Parameters
    ----------
    ax : Axes
        Whose x-axis it is.
    sizes : iterable of T
        Sizes to have on it.

    Returns
    -------
    dict of T to float
        Where each size is on the axis.

    Raises
    ------
    ValueError
        Where no size is finite.

    Examples
    --------
    >>> sdd.figures.size_axis(plt.gca(), [5, 50, np.inf])
    {5: 5, 50: 50, inf: 200}
    """
    sizes = sorted(set(sizes))
    finite = [T for T in sizes if T != math.inf]
    if not finite:
        raise ValueError(f"sizes must hold a finite T, but are {sizes}")
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


def loss_window(losses: pd.Series) -> tuple[float, float]:
    """Return the part of the loss axis that shows the bump: far higher losses run off its top.

    Parameters
    ----------
    losses : Series
        Test losses.

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> print("{:.4f} to {:.2f}".format(*sdd.figures.loss_window(pd.Series([0.9988, 1.01, 3.0]))))
    0.9978 to 1.03
    """
    return losses.min() - 0.001, 1.03


def t_interval(sample: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % t interval of a mean; NaN where there are fewer than `FEWEST` values."""
    values = np.asarray(sample, float)
    if values.size < FEWEST:
        return math.nan, math.nan
    half = stats.t.ppf(0.975, values.size - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)


def _positive_interval(sample: Sequence[float]) -> tuple[float, float]:
    """Return `t_interval` where it is positive, as a logarithmic axis shows it; else NaN."""
    low, high = t_interval(sample)
    return (low, high) if low > 0 else (math.nan, math.nan)


def by_size(
    frame: pd.DataFrame,
    y: str,
    ax: Axes | None = None,
    *,
    hue: str | None = None,
    label: str = "ours",
    palette: Any = None,
    ylabel: str = "test loss (summed over features)",
    baselines: Mapping[str, float] | None = None,
    ylim: tuple[float, float] | None = None,
    log: bool = False,
    sizes: Iterable[float] = (),
    published: Mapping[float, float] | None = None,
    legend_title: str | None = None,
) -> Axes:
    """Draw a measure against T: a mark for each run, a line and its 95 % interval through means.

    The interval is that of the mean over three or more runs (Student's t), as a band; at T = ∞ a
    bar. Where a curve passes through a single run beside means of several, that run has a ring.

    Parameters
    ----------
    frame : DataFrame
        A row a run, with ``T``, the measure, and `hue`.
    y : str
        Column of the measure; rows without a value are left out.
    ax : Axes or None
        Where to draw; None means the current axes.
    hue : str or None
        Column that parts the runs into curves; None draws one.
    label : str
        In the legend, for a single curve beside published values.
    palette : str, list, mapping or None
        Seaborn's palette of the curves; None takes the book's colours, or shades of one map where
        `hue` is a number.
    ylabel : str
        What is measured.
    baselines : mapping of label to value, or None
        Drawn as labelled horizontal lines.
    ylim : (float, float) or None
        Values shown; where a run is beyond, an arrow stands at the edge.
    log : bool
        On a logarithmic axis, which shows positive values only, and positive intervals.
    sizes : iterable of T
        Sizes that the axis has besides, to agree with that of another panel.
    published : mapping of T to value, or None
        Read off the paper's figure; drawn as open diamonds.
    legend_title : str or None
        What the curves differ in.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        Where no run has a finite T, or there are more curves than colours.

    Examples
    --------
    >>> runs = pd.DataFrame({"T": [5, 50] * 2, "m": [2, 2, 3, 3], "test_loss": [1, 1.2, 1.3, 1.5]})
    >>> ax = sdd.figures.by_size(runs, "test_loss", hue="m", baselines={"no output": 1.0})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['2', '3']
    """
    ax = ax or plt.gca()
    published = published or {}
    place = size_axis(ax, {*frame["T"], *published, *sizes})
    name = hue or "series"
    drawn = (frame if hue else frame.assign(series=label)).dropna(subset=[y])
    drawn = drawn.assign(place=drawn["T"].map(place))
    kinds = list(drawn[name].unique())
    colors = _colors(kinds, palette)
    markers = dict(zip(kinds, itertools.cycle(MARKERS)))
    dashes = dict(zip(kinds, itertools.cycle(DASHES if len(kinds) <= 4 else [""])))
    look = {"x": "place", "y": y, "hue": name, "hue_order": kinds, "palette": colors,
            "style": name, "style_order": kinds, "markers": markers, "ax": ax,
            "legend": False}  # fmt: skip
    sns.lineplot(
        drawn[drawn["T"] < math.inf], **look, dashes=dashes, markersize=0, zorder=3,
        errorbar=_positive_interval if log else t_interval, err_kws={"alpha": 0.15, "lw": 0},
    )  # fmt: skip
    sns.scatterplot(drawn, **look, s=20, alpha=0.6, lw=0, zorder=4, rasterized=len(drawn) > MANY)
    most = drawn.groupby([name, "T"]).size().groupby(name).max()
    alone = []
    for (kind, T), values in drawn.groupby([name, "T"])[y]:
        if len(values) == 1 and most[kind] >= FEWEST:
            alone = ax.plot(
                place[T], values.iloc[0], "o", mfc="none", mec="0.3", ms=9, mew=1, zorder=5,
                label="a single training",
            )  # fmt: skip
        if T == math.inf:
            ends = np.abs(np.subtract(t_interval(values), values.mean()))[:, None]
            ax.errorbar(
                place[T], values.mean(), ends, fmt="_", ms=14, mew=2, color=colors[kind], zorder=3
            )
        for edge, arrow, beyond in (
            (ylim[0], "v", values.min() < ylim[0]), (ylim[1], "^", values.max() > ylim[1]),
        ) if ylim else ():  # fmt: skip
            if beyond:
                ax.plot(place[T], edge, arrow, color=colors[kind], ms=7, clip_on=False, zorder=6)
    handles = [
        Line2D([], [], color=colors[k], marker=markers[k], ms=5, ls=(0, dashes[k] or ()), label=k)
        for k in kinds
    ]
    if published:
        handles += ax.plot(
            [place[T] for T in published], list(published.values()), "D", mfc="none", mec="black",
            ms=6, mew=1.2, zorder=5, label="paper (read off its figure)",
        )  # fmt: skip
    handles += alone
    levels(ax, baselines or {})
    if log:  # only now: on a logarithmic axis seaborn would take geometric means
        ax.set_yscale("log", nonpositive="mask")
    if ylim:
        ax.set_ylim(*ylim)
    if log:
        plain_numbers(ax)
    ax.set(xlabel="number of data points T", ylabel=ylabel)
    if len(handles) > 1:
        # Above the axes no curve can be hidden; in two columns where one line would be too wide.
        narrow = sum(len(str(h.get_label())) + 7 for h in handles) <= 60
        ax.legend(
            handles=handles, title=legend_title, loc="lower center", bbox_to_anchor=(0.5, 1.0),
            ncols=len(handles) if narrow else 2,
        )  # fmt: skip
    return ax


def _colors(kinds: Sequence[Any], palette: Any) -> dict[Any, Any]:
    """Return a colour for each curve; shades of one map where they are numbers."""
    if isinstance(palette, Mapping):
        return dict(palette)
    if palette is None and all(isinstance(k, (int, float, np.number)) for k in kinds):
        palette = list(shades(len(kinds)))
    if isinstance(palette, str):  # without the palest colours, which would be lost on white
        palette = sns.color_palette(palette, len(kinds) + 2)[2:]
    palette = palette or SERIES
    if len(kinds) > len(palette):
        raise ValueError(
            f"curves must be at most {len(palette)}, one a colour of the palette, not {len(kinds)}"
        )
    return dict(zip(kinds, palette, strict=False))


def dots_by_size(
    frame: pd.DataFrame,
    y: str,
    ax: Axes | None = None,
    *,
    ylabel: str,
    hue: str | None = None,
    palette: Mapping[str, Any] | None = None,
    label: str = "ours",
    curve: pd.Series | None = None,
    sizes: Iterable[float] = (),
    loc: Literal["upper left", "upper right"] = "upper right",
) -> Axes:
    """Draw a dot for every row against T, kinds side by side, and a formula's curve.

    Parameters
    ----------
    frame : DataFrame
        A row a dot, with ``T``, the measure, and `hue`.
    y : str
        Column of the measure.
    ax : Axes or None
        Where to draw; None means the current axes.
    ylabel, hue : str
        As for `by_size`.
    palette : mapping of kind to colour, or None
        In the order in which kinds stand beside one another at each T.
    label : str
        As for `by_size`.
    curve : Series or None
        Values by T, drawn as a line; its name is in the legend.
    sizes : iterable of T
        As for `by_size`.
    loc : str
        Where the legend is: "upper left" or "upper right".

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        Where no row has a finite T.

    Examples
    --------
    >>> lengths = pd.DataFrame({"T": [5, 5, 50, 50], "length": [1.1, 1.2, 5.3, 5.5]})
    >>> shared = pd.Series([1.2, 5.4], [5, 50], name="formula")
    >>> ax = sdd.figures.dots_by_size(lengths, "length", ylabel="length of h", curve=shared)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['ours', 'formula']
    """
    ax = ax or plt.gca()
    place = size_axis(ax, {*frame["T"], *sizes, *(() if curve is None else curve.index)})
    if palette is None:
        palette = _colors(list(frame[hue].unique()), None) if hue else {label: SERIES[0]}
    kind = frame[hue] if hue else pd.Series(label, frame.index)
    # Side by side at each T, so that no kind hides another.
    step = (max(place.values()) / min(place.values())) ** (1 / 60)
    shift = {kind: step ** (k - (len(palette) - 1) / 2) for k, kind in enumerate(palette)}
    many = len(frame) > 500
    sns.scatterplot(
        frame.assign(place=frame["T"].map(place) * kind.map(shift)), x="place", y=y, hue=kind,
        hue_order=list(palette), palette=dict(palette), s=12 if many else 24, lw=0, alpha=0.6,
        ax=ax, rasterized=len(frame) > MANY,
    )  # fmt: skip
    if curve is not None:
        ax.plot(curve.index, curve, "-", color=COLORS["mark"], lw=1, label=curve.name)
    ax.set_ylim(0, None)
    ax.set(xlabel="number of data points T", ylabel=ylabel)
    ax.legend(loc=loc, markerscale=1.5, title="")
    return ax


def dimensionality_by_size(
    frame: pd.DataFrame, m: int, ax: Axes | None = None, *, sizes: Iterable[float] = ()
) -> Axes:
    """Draw D of every feature (blue) and every data point (orange) against T, with the line m/T.

    Parameters
    ----------
    frame : DataFrame
        A row a value: ``T``, ``of`` ("feature" or "data point") and ``D``; see
        `sdd.measures.vectors.dimensionalities`.
    m : int
        Hidden dimensions.
    ax : Axes or None
        Where to draw; None means the current axes.
    sizes : iterable of T
        As for `by_size`.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        Where no row has a finite T.

    Examples
    --------
    >>> D = pd.DataFrame({"T": [5] * 5, "of": "data point", "D": [0.4] * 5})
    >>> ax = sdd.figures.dimensionality_by_size(D, m=2)
    >>> ax.get_ylabel()
    'dimensionality D'
    """
    several = np.sort(frame.loc[(frame["of"] == "data point") & (frame["T"] > m), "T"].unique())
    return dots_by_size(
        frame, "D", ax, hue="of",
        palette={"data point": COLORS["example"], "feature": COLORS["feature"]},
        ylabel="dimensionality D", curve=pd.Series(m / several, several, name=f"m/T = {m}/T"),
        sizes=sizes,
    )  # fmt: skip
