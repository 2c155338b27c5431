"""What depends on a small count, such as how many trainings were tried: a line a setting."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sdd.figures.sizes import MARKERS
from sdd.figures.style import COLORS

__all__ = ["by_count"]


def by_count(frame: pd.DataFrame, y: str, ax: Axes | None = None, *, hue: str, ylabel: str) -> Axes:
    """Draw means against k, the number of parameter seeds tried, beside what one seed has.

    Parameters
    ----------
    frame : DataFrame
        Rows with ``k``, the measure, and `hue`, a number; means are taken of rows that agree in
        both.
    y : str
        Column of the measure.
    hue : str
        Column that parts the lines.
    ylabel : str
        What is measured.
    """
    ax = ax or plt.gca()
    names = frame[hue].map(f"{hue} = {{:,.0f}}".format)
    count = names.nunique()
    ax.axhline(frame.loc[frame["k"] == 1, y].mean(), color=COLORS["mark"], lw=1, ls="--", zorder=1)
    sns.lineplot(
        frame, x="k", y=y, hue=names, style=names, markers=MARKERS[:count], dashes=False, mew=0,
        palette=sns.color_palette("viridis", count + 1)[:count], errorbar=None, ax=ax,
    )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="k, number of parameter seeds tried", ylabel=ylabel)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.6))
    return ax
