"""What depends on the number of data points T, on one kind of axis: losses, D, norms, lengths."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator
from scipy import stats

from sdd.figures.style import COLORS, SERIES, levels, short

__all__ = ["by_size", "dimensionality_by_size", "size_axis"]

MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">"]


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


def t_interval(sample: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % t interval of a mean; the mean itself where there are fewer than three."""
    values = np.asarray(sample, float)
    if values.size < 3 or not values.std():
        return float(values.mean()), float(values.mean())
    low, high = stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values))
    return float(low), float(high)


def by_size(
    frame: pd.DataFrame,
    y: str,
    ax: Axes | None = None,
    *,
    hue: str | None = None,
    label: str | None = None,
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

    The interval is that of the mean over three runs or more (Student's t), as a band; at T = ∞ a
    bar.

    Parameters
    ----------
    frame : DataFrame
        A row a run, with ``T``, the measure, and `hue`.
    y : str
        Column of the measure.
    ax : Axes or None
        Where to draw; None means the current axes.
    hue : str or None
        Column that parts the runs into curves; None draws one.
    label : str or None
        In the legend, for a single curve.
    palette : str, mapping or None
        Seaborn's palette of the curves; None takes the book's colours, or shades of one map where
        `hue` is a number.
    ylabel : str
        What is measured.
    baselines : mapping of label to value, or None
        Drawn as labelled horizontal lines.
    ylim : (float, float) or None
        Values shown; means beyond are marked by arrows at the edge.
    log : bool
        On a logarithmic axis, which shows positive values only.
    sizes : iterable of T
        Sizes that the axis has besides, to agree with that of another panel.
    published : mapping of T to value, or None
        Read off the paper's figure; drawn as open diamonds.
    legend_title : str or None
        What the curves differ in.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    published = published or {}
    place = size_axis(ax, {*frame["T"], *published, *sizes})
    if log:
        ax.set_yscale("log", nonpositive="mask")
    name = hue or "series"
    drawn = frame if hue else frame.assign(series=label or y)
    drawn = drawn.assign(place=drawn["T"].map(place))
    kinds = list(drawn[name].unique())
    numbers = all(isinstance(k, (int, float, np.number)) for k in kinds)
    if palette is None:
        palette = "viridis_r" if numbers and len(kinds) > 1 else SERIES[: len(kinds)]
    if isinstance(palette, str):  # without the palest colours, which would be lost on white
        palette = sns.color_palette(palette, len(kinds) + 1)[1:]
    look = {"hue": name, "hue_order": kinds, "palette": palette, "style": name,
            "style_order": kinds, "markers": MARKERS[: len(kinds)]}  # fmt: skip
    finite = drawn[drawn["T"] < math.inf]
    sns.lineplot(
        finite, x="place", y=y, ax=ax, **look, dashes=len(kinds) <= 4 and len(kinds) > 1,
        errorbar=t_interval, estimator="mean", markersize=0, legend=False, zorder=3,
        err_kws={"alpha": 0.15, "lw": 0},
    )  # fmt: skip
    sns.scatterplot(
        drawn, x="place", y=y, ax=ax, **look, s=18, alpha=0.6, lw=0, zorder=4,
        legend="full" if hue or label else False,
    )  # fmt: skip
    means = drawn.groupby([name, "T", "place"], as_index=False)[y].mean()
    colors = palette if isinstance(palette, dict) else dict(zip(kinds, palette, strict=False))
    for row in means.itertuples():
        kind, mean = getattr(row, name), getattr(row, y)
        if row.T == math.inf:
            values = drawn[(drawn["T"] == math.inf) & (drawn[name] == kind)][y]
            ends = np.abs(np.subtract(t_interval(values), mean))[:, None]
            ax.errorbar(row.place, mean, ends, fmt="_", ms=14, mew=2, color=colors[kind], zorder=3)
        if ylim and not ylim[0] <= mean <= ylim[1]:
            edge, arrow = (ylim[1], "^") if mean > ylim[1] else (ylim[0], "v")
            ax.plot(row.place, edge, arrow, color=colors[kind], ms=7, clip_on=False, zorder=6)
    if published:
        ax.plot(
            [place[T] for T in published], list(published.values()), "D", mfc="none", mec="black",
            ms=6, mew=1.2, zorder=5, label="paper (read off its figure)",
        )  # fmt: skip
    levels(ax, baselines or {})
    if ylim:
        ax.set_ylim(*ylim)
    ax.set(xlabel="number of data points T", ylabel=ylabel)
    if hue or label or published:
        # Long labels side by side would be wider than the figure, which would shrink the axes.
        handles, names = ax.get_legend_handles_labels()
        if numbers:
            names[: len(kinds)] = [f"{kind:,g}" for kind in kinds]
        ax.legend(
            handles, names, title=legend_title, loc="lower center", bbox_to_anchor=(0.5, 1.0),
            ncols=min(2 if max(map(len, names)) > 12 else 4, len(names)), markerscale=1.5,
        )  # fmt: skip
    return ax


def dimensionality_by_size(
    frame: pd.DataFrame, m: int, ax: Axes | None = None, *, sizes: Iterable[float] = ()
) -> Axes:
    """Draw D of every feature (blue) and every data point (red) against T, with the line m/T.

    Parameters
    ----------
    frame : DataFrame
        A row a feature or data point: ``T``, ``of`` ("feature" or "data point") and ``D``; see
        `sdd.measures.vectors.dimensionalities`.
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
    place = size_axis(ax, {*frame["T"], *sizes})
    colors = {"feature": COLORS["feature"], "data point": COLORS["example"]}
    # Side by side at each T, so that neither hides the other.
    shift = frame["of"].map({"feature": 1.07, "data point": 1 / 1.07})
    sns.scatterplot(
        frame.assign(place=frame["T"].map(place) * shift), x="place", y="D", hue="of",
        hue_order=list(colors), palette=colors, s=10, lw=0, alpha=0.6, ax=ax, rasterized=True,
    )  # fmt: skip
    points = frame.loc[(frame["of"] == "data point") & (frame["T"] > m), "T"].unique()
    several = np.sort(points[points < math.inf])
    ax.plot(several, m / several, "-", color=COLORS["mark"], lw=1, label=f"m/T = {m}/T")
    ax.set_ylim(0, None)
    ax.set(xlabel="number of data points T", ylabel="dimensionality D")
    ax.legend(loc="upper right", markerscale=1.5)
    return ax
