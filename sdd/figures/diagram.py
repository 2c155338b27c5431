"""The model as a diagram: a data point, its hidden vector, and the output, one below the other."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sdd.figures.style import COLORS

__all__ = ["one_row"]


def one_row(frame: pd.DataFrame, n: int) -> Figure:
    """Draw a data point x as its n features, h = W x as an arrow in the plane, and the output x'.

    Parameters
    ----------
    frame : DataFrame
        A row a feature: ``feature`` (its number), ``x``, ``output``, and its column of W, ``wx``
        and ``wy``. Features that are left out are taken to be zero in x and in the output.
    n : int
        How many features there are.

    Returns
    -------
    Figure

    Examples
    --------
    >>> row = {"feature": [7, 9], "x": [0.6, 0.8], "output": [0, 0.8], "wx": 1.0, "wy": [0, 1.0]}
    >>> figure = sdd.figures.one_row(pd.DataFrame(row), n=10)
    >>> figure.axes[1].texts[0].xy  # where the arrow of the hidden vector ends
    (1.4, 0.8)
    """
    fig, (above, plane, below) = plt.subplots(3, figsize=(4.4, 6.2), height_ratios=(1, 1.9, 1))
    top = 1.1 * float(frame[["x", "output"]].to_numpy().max())
    for ax, of, color in (
        (above, "x", COLORS["example"]),
        (below, "output", COLORS["feature"]),
    ):
        seen = frame[frame[of] > 0]
        ax.vlines(seen["feature"], 0, seen[of], color=color, lw=1.6)
        ax.plot(seen["feature"], seen[of], "o", color=color, ms=4)
        ax.set(xlim=(-0.02 * n, 1.02 * n), ylim=(0, top), xlabel=f"feature, of {n:,}")
        ax.grid(False)
    above.set_title("a data point x")
    below.set_title("↓  x' = ReLU(Wᵀh + b)")
    columns = frame[["wx", "wy"]].to_numpy()
    x, y = (round(float(v), 9) for v in frame["x"].to_numpy() @ columns)
    plane.annotate(
        "", (x, y), (0, 0), zorder=3,
        arrowprops={"arrowstyle": "-|>", "color": COLORS["example"], "lw": 2.5, "shrinkA": 0,
                    "shrinkB": 0, "mutation_scale": 16},
    )  # fmt: skip
    for column in columns:
        plane.plot(*zip((0, 0), column, strict=True), color=COLORS["feature"], lw=1)
    plane.plot(*columns.T, "o", color=COLORS["feature"], ms=4)
    reach = 1.15 * float(np.abs([*columns.flat, x, y]).max())
    plane.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    plane.set_title("↓  h = Wx: two numbers")
    plane.spines[:].set(visible=True, color="0.8")
    return fig
