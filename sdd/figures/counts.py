"""What depends on a small count, such as of trainings: a line a setting."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, ScalarFormatter

from sdd.figures.sizes import MARKERS
from sdd.figures.style import COLORS, shades

__all__ = ["by_count", "recognised"]


def by_count(frame: pd.DataFrame, y: str, ax: Axes | None = None, *, hue: str, ylabel: str) -> Axes:
    """Draw means against k, the number of parameter seeds tried, beside what one seed has.

    Parameters
    ----------
    frame : DataFrame
        Rows with ``k``, the measure, and `hue`, a number; means are taken of rows that agree in
        both.
    y : str
        Column of the measure.
    ax : Axes or None
        Where to draw; None means the current axes.
    hue : str
        Column that parts the lines.
    ylabel : str
        What is measured.

    Returns
    -------
    Axes

    Examples
    --------
    >>> tried = pd.DataFrame({"k": [1, 4, 1, 4], "T": [5, 5, 8, 8], "loss": [0.2, 0.0, 0.4, 0.1]})
    >>> ax = sdd.figures.by_count(tried, "loss", hue="T", ylabel="training loss")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['T = 5', 'T = 8']
    """
    ax = ax or plt.gca()
    names = frame[hue].map(f"{hue} = {{:,.0f}}".format)
    count = names.nunique()
    ax.axhline(frame.loc[frame["k"] == 1, y].mean(), color=COLORS["mark"], lw=1, ls="--", zorder=1)
    sns.lineplot(
        frame, x="k", y=y, hue=names, style=names, markers=MARKERS[:count], dashes=False, mew=0,
        palette=list(shades(count)[::-1]), errorbar=None, ax=ax,
    )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="k, number of parameter seeds tried", ylabel=ylabel)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.6))
    return ax


def recognised(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often an effect is recognised against the number of trainings.

    Parameters
    ----------
    frame : DataFrame
        As of `sdd.findings.rule.behaviour`: a colour an ``effect``; a second ``rule`` is the
        former one, and dashed.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes

    Examples
    --------
    >>> chances = pd.DataFrame({
    ...     "rule": "ours", "effect": 1.0, "trainings": [4, 16], "reproduced": [0.1, 0.9],
    ... })
    >>> sdd.figures.recognised(chances).get_ylabel()
    'chance to be recognised'
    """
    ax = ax or plt.gca()
    effects, former = sorted(frame["effect"].unique(), reverse=True), frame["rule"].unique()[1:]
    colors = dict(zip(effects, shades(len(effects))[::-1], strict=True))
    name = "effect, in\nstandard deviations"
    named = frame["effect"].map("{:g}".format)
    frame = frame.assign(
        **{name: named.where(~frame["rule"].isin(former), named + ", former rule")}
    )
    curves = frame.drop_duplicates(name).sort_values(["effect", "rule"], ascending=False)
    sns.lineplot(
        frame, x="trainings", y="reproduced", hue=name, style=name, mew=0, errorbar=None, ax=ax,
        hue_order=curves[name], markers=dict.fromkeys(curves[name], "o"),
        palette=dict(zip(curves[name], curves["effect"].map(colors), strict=True)),
        dashes={c: (4, 1.5) if r in former else "" for c, r in curves[[name, "rule"]].to_numpy()},
    )  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(FixedLocator([2, 4, 8, 16, 32]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.set(xlabel="number of trainings", ylabel="chance to be recognised", ylim=(-0.02, 1.02))
    ax.legend(title=name.replace("\n", " "), loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return ax
