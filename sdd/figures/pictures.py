"""Pictures side by side."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

__all__ = ["pictures"]


def pictures(frame: pd.DataFrame) -> Figure:
    """Draw square pictures, a kind a row, dark on light, each with its label and its D*.

    Parameters
    ----------
    frame : DataFrame
        A row a picture: ``kind``, which is the row's title; ``label``, ``D*``, and grey values in
        columns ``p0``, ``p1``, …

    Returns
    -------
    Figure

    Examples
    --------
    >>> found = pd.DataFrame({"kind": ["odd", "usual"], "label": 3, "D*": [0.25, 0.04], "p0": 1})
    >>> [ax.get_title() for ax in sdd.figures.pictures(found).axes]
    ['3: 0.25', '3: 0.04']
    """
    grey = frame.filter(regex=r"^p\d+$").to_numpy()
    side = math.isqrt(grey.shape[1])
    kinds = list(frame["kind"].unique())
    across = int(frame["kind"].value_counts().max())
    fig, axes = plt.subplots(
        len(kinds), across, figsize=(0.9 * across, 1.5 * len(kinds)), squeeze=False
    )
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[], frame_on=False)
    place = frame.groupby("kind").cumcount()
    for row, kind, k, label, D in zip(
        grey, frame["kind"], place, frame["label"], frame["D*"], strict=True
    ):
        ax = axes[kinds.index(kind), k]
        ax.imshow(row.reshape(side, side), cmap="gray_r")
        ax.set_title(f"{label}: {D:.2f}", fontsize=10)
    for ax, kind in zip(axes[:, 0], kinds, strict=True):
        ax.set_ylabel(kind)
    return fig
