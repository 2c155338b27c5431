"""The book's look: colours, and the style sheet beside this file."""

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

__all__ = [
    "COLORS",
    "REDUCTIONS",
    "SERIES",
    "STYLE",
    "levels",
    "note",
    "plain_numbers",
    "shades",
    "short",
    "use_style",
]

STYLE = Path(__file__).with_name("sdd.mplstyle")

# Of curves in the order in which they are given: never the colours of features and data points.
SERIES = tuple(
    mpl.rc_params_from_file(STYLE, use_default_template=False)["axes.prop_cycle"].by_key()["color"]
)
# Features are blue and data points orange (in the paper: red) wherever they are drawn; black is
# kept for published values. All are told apart under the common kinds of colour blindness, on a
# white ground and on a dark one.
COLORS = {"feature": "#0072B2", "example": "#C24E00", "other": SERIES[0], "mark": SERIES[3]}
# Of trainings on the mean and on the sum over features.
REDUCTIONS = {"mean": SERIES[0], "sum": SERIES[1]}
# More marks than these are drawn as pixels: each apart, they would make a page of megabytes.
MANY = 100
PIXELS_PER_INCH = 200


def use_style() -> None:
    """Switch on the book's look for the figures that follow, drawn as SVG in a notebook."""
    plt.style.use(["default", STYLE])  # whatever a matplotlibrc says
    with contextlib.suppress(ImportError):  # without Jupyter there are no notebooks
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Without a date they are the same bytes every time.
        set_matplotlib_formats("svg", metadata={"Date": None}, dpi=PIXELS_PER_INCH)


def shades(count: int) -> Float[np.ndarray, "count 4"]:
    """Return so many colours of one scale, from pale to dark, none too pale to be seen.

    Parameters
    ----------
    count : int
        One or more.

    Returns
    -------
    (count, 4) array
        Red, green, blue and opacity.

    Examples
    --------
    >>> pale, dark = sdd.figures.shades(2)[:, :3].sum(axis=1)
    >>> bool(pale > dark)
    True
    """
    return plt.get_cmap("viridis")(np.linspace(0.54, 0, count))


def short(T: float) -> str:
    """Return T as ticks show it, such as 5k.

    Parameters
    ----------
    T : float
        Number of data points, or infinity.

    Returns
    -------
    str

    Examples
    --------
    >>> [sdd.figures.style.short(T) for T in (5, 2_000, np.inf)]
    ['5', '2k', '∞']
    """
    if T == math.inf:
        return "∞"
    return f"{T / 1000:g}k" if T >= 1000 else f"{T:g}"


def note(ax: Axes, y: float, text: str, color: str, *, above: bool = True) -> None:
    """Label a horizontal line in the right-hand margin, where no data can be hidden.

    Parameters
    ----------
    ax : Axes
        With the line.
    y : float
        Where the line is.
    text, color : str
        What is written, and how.
    above : bool
        Above the line or below it.

    Examples
    --------
    >>> ax = plt.gca()
    >>> sdd.figures.style.note(ax, 0.5, "no output", "black")
    >>> [text.get_text() for text in ax.texts]
    ['no output']
    """
    ax.annotate(
        text, (1, y), xycoords=("axes fraction", "data"), xytext=(4, 1 if above else -1),
        textcoords="offset points", ha="left", va="bottom" if above else "top", color=color,
        fontsize=10, annotation_clip=False,
    )  # fmt: skip


class _Plain(LogFormatter):
    """Numbers without powers of ten, below one as well, at the ticks that matplotlib labels."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def plain_numbers(ax: Axes) -> None:
    """Write the numbers of a logarithmic y-axis out, where they need no powers of ten.

    Parameters
    ----------
    ax : Axes
        With a logarithmic y-axis, whose limits are set.

    Examples
    --------
    >>> ax = plt.subplot(yscale="log", ylim=(0.5, 20))
    >>> sdd.figures.style.plain_numbers(ax)
    >>> ax.yaxis.get_major_formatter()(10), ax.yaxis.get_major_formatter()(0.5)
    ('10', '0.5')
    """
    low, high = ax.get_ylim()
    if 1e-3 < low and high < 1e5:
        for set_it in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            set_it(_Plain(minor_thresholds=(2, 0.7)))


def levels(ax: Axes, values: Mapping[str, float]) -> None:
    """Draw horizontal lines, each with its label: that of the highest above it, others below.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    values : mapping of label to height
        A line each.

    Examples
    --------
    >>> ax = plt.gca()
    >>> sdd.figures.levels(ax, {"no output": 1.0, "best constant": 0.99921})
    >>> [text.get_text() for text in ax.texts]
    ['no output', 'best constant']
    """
    for label, value in values.items():
        ax.axhline(value, color=COLORS["mark"], lw=1, ls="--", zorder=1)
        note(ax, value, label, COLORS["mark"], above=value == max(values.values()))
