"""How AdamW's ε acts: what depends on it, and the second moments that it is added to."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from sdd.figures.sizes import MARKERS, t_interval
from sdd.figures.style import MANY, SERIES, levels, plain_numbers

__all__ = ["against_ratio", "drift", "rate_map", "root_moments"]


def against_ratio(
    runs: pd.DataFrame,
    y: str,
    ax: Axes | None = None,
    *,
    hue: str,
    ylabel: str,
    marks: Mapping[str, float] | None = None,
    log: bool = False,
) -> Axes:
    """Draw a measure against (ε of the summed loss) ÷ (1 − S): a mark a run, a line of means.

    Parameters
    ----------
    runs : DataFrame
        A row a run, with ``ratio``, the measure, and `hue`.
    y : str
        Column of the measure.
    ax : Axes or None
        Where to draw; None means the current axes.
    hue : str
        Column that parts the runs into curves.
    ylabel : str
        What is measured.
    marks : mapping of label to ratio, or None
        Drawn as labelled vertical lines.
    log : bool
        The measure on a logarithmic axis, too.

    Returns
    -------
    Axes

    Examples
    --------
    >>> runs = pd.DataFrame({"ratio": [1e-4, 1e-2], "test_loss": [1.0, 1.2], "n": "1,000"})
    >>> ax = sdd.figures.against_ratio(
    ...     runs, "test_loss", hue="n", ylabel="test loss", marks={"paper": 1e-1}
    ... )
    >>> [text.get_text() for text in ax.texts]
    ['paper']
    """
    ax = ax or plt.gca()
    ax.set_xscale("log", subs=[])
    kinds = list(runs[hue].unique())
    look = {"x": "ratio", "y": y, "hue": hue, "hue_order": kinds, "style": hue,
            "style_order": kinds, "markers": MARKERS[: len(kinds)],
            "palette": list(SERIES[: len(kinds)]), "ax": ax}  # fmt: skip
    sns.lineplot(runs, **look, errorbar=t_interval, markersize=0, err_kws={"alpha": 0.15, "lw": 0})
    sns.scatterplot(
        runs, **look, s=18, alpha=0.6, lw=0, zorder=3, legend=False, rasterized=len(runs) > MANY
    )
    if log:  # (On an axis that is logarithmic before, seaborn would take means of logarithms.)
        ax.set_yscale("log", nonpositive="clip")
        plain_numbers(ax)
    for name, ratio in (marks or {}).items():
        ax.axvline(ratio, color="0.4", lw=1, ls="--")
        ax.annotate(
            name, (ratio, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="center", va="bottom", fontsize=10, color="0.25",
        )  # fmt: skip
    ax.set(xlabel="ε of the summed loss ÷ (1 − S)", ylabel=ylabel)
    handles, labels = ax.get_legend_handles_labels()
    plt.setp(handles, markersize=5)
    # Above the axes, clear of the curves, and of the names of the marks.
    ax.legend(
        handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3,
        borderaxespad=1.6 if marks else 0.5,
    )  # fmt: skip
    return ax


def drift(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how far pairs of trainings are apart against the step, on an axis that shows zero.

    Parameters
    ----------
    frame : DataFrame
        A row a snapshot: ``step``, ``difference`` (a share), and ``n``, which parts the pairs.
    ax : Axes or None
        Where to draw; None means the current axes.

    Returns
    -------
    Axes

    Examples
    --------
    >>> pairs = pd.DataFrame({"step": [1, 10, 100], "difference": [0.0, 1e-9, 1e-3], "n": 1_000})
    >>> sdd.figures.drift(pairs).get_yscale()
    'symlog'
    """
    ax = ax or plt.gca()
    names = frame["n"].map("n = {:,}".format)
    sns.lineplot(
        frame, x="step", y="difference", hue=names, style=names, ax=ax, mew=0,
        markers=MARKERS[: names.nunique()], palette=list(SERIES[: names.nunique()]), errorbar=None,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=1e-17, linscale=3)
    ax.set(ylim=(-3e-18, 10), xlabel="step", ylabel="relative difference of W")
    ax.set_yticks([0, *(10.0**k for k in (-16, -12, -8, -4, 0))])
    ax.legend()
    return ax


def root_moments(
    frame: pd.DataFrame, eps: Mapping[str, float], ax: Axes | None = None, *, hue: str
) -> Axes:
    """Draw √v̂ of the features over training (median, and the middle half), beside ε.

    Parameters
    ----------
    frame : DataFrame
        A row a feature and snapshot: ``step``, ``root``, and `hue`; see
        `sdd.measures.damping.by_feature`.
    eps : mapping of label to ε
        Drawn as labelled horizontal lines.
    ax : Axes or None
        Where to draw; None means the current axes.
    hue : str
        Column that parts the trainings.

    Returns
    -------
    Axes

    Examples
    --------
    >>> roots = pd.DataFrame({"step": [1, 1, 10, 10], "root": [1e-6, 2e-6, 1e-7, 3e-7], "T": 100})
    >>> ax = sdd.figures.root_moments(roots, {"ε": 1e-8}, hue="T")
    >>> bool(ax.get_ylim()[0] < 1e-8)
    True
    """
    ax = ax or plt.gca()
    count = frame[hue].nunique()
    sns.lineplot(
        frame, x="step", y=frame["root"].clip(lower=1e-30), hue=hue, style=hue, ax=ax, mew=0,
        markers=MARKERS[:count], palette=list(SERIES[:count]), estimator="median",
        errorbar=("pi", 50), err_kws={"alpha": 0.18, "lw": 0},
    )  # fmt: skip
    levels(ax, eps)
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="√v̂ of the features' weights")
    sns.move_legend(ax, "lower center", bbox_to_anchor=(0.5, 1), ncols=2, title=None)
    return ax


def rate_map(
    runs: pd.DataFrame,
    y: str,
    ax: Axes | None = None,
    *,
    label: str,
    places: Mapping[str, tuple[float, float]],
) -> Axes:
    """Draw the mean of a measure as squares on the map of ``ratio`` and ``lr``, and named places.

    Parameters
    ----------
    runs : DataFrame
        A row a run, with ``ratio``, ``lr`` and the measure, which must be positive.
    y : str
        Column of the measure.
    ax : Axes or None
        Where to draw; None means the current axes.
    label : str
        What the measure is called.
    places : mapping of name to (ratio, lr)
        Drawn as labelled crosses.

    Returns
    -------
    Axes

    Examples
    --------
    >>> runs = pd.DataFrame({"ratio": [1e-3, 1e-1], "lr": 1e-3, "test_loss": [1.0, 1.2]})
    >>> at = {"paper": (0.1, 1e-3)}
    >>> ax = sdd.figures.rate_map(runs, "test_loss", label="test loss", places=at)
    >>> ax.get_ylabel()
    'learning rate'
    """
    ax = ax or plt.gca()
    means = runs.groupby(["ratio", "lr"])[y].mean().reset_index()
    drawn = ax.scatter(
        means["ratio"], means["lr"], c=means[y], s=520, marker="s", cmap="viridis", norm="log"
    )
    plt.colorbar(drawn, ax=ax, label=label)
    for name, place in places.items():
        ax.plot(*place, "X", color="white", mec="black", ms=10, zorder=4)
        ax.annotate(
            name, place, xytext=(0, 12), textcoords="offset points", ha="center", fontsize=10,
            bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1}, zorder=5,
        )  # fmt: skip
    ax.set_xscale("log", subs=[])
    ax.set(yscale="log", xlabel="ε of the summed loss ÷ (1 − S)", ylabel="learning rate")
    ax.margins(0.12, 0.2)
    return ax
