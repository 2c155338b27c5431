"""Test losses over T and one more setting: rises between cells, and which of them hurt."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd

from sdd.findings.page import mean_sd
from sdd.measures.statistics import Mean, mean

__all__ = ["cell", "hurts", "loss_table", "models", "rise", "slope", "tops"]


def models(frame: pd.DataFrame, setting: str) -> int:
    """Return how many models there are of each T and each value of a setting.

    Raises
    ------
    ValueError
        Where cells differ in that, or there are no runs.
    """
    counts = frame.groupby([setting, "T"]).size().unstack(fill_value=0)
    found = sorted({int(count) for count in counts.to_numpy().flat})
    if len(found) != 1:
        raise ValueError(f"every cell must have as many runs, but they have {found}")
    return found[0]


def cell(frame: pd.DataFrame, **values: float) -> pd.DataFrame:
    """Return the runs whose settings have those values, such as m = 4 and T = 500."""
    return frame[(frame[list(values)] == pd.Series(values)).all(axis=1)]


def rise(before: pd.DataFrame, after: pd.DataFrame) -> Mean:
    """Estimate by how much the test loss rises from one cell to another, paired by data seed."""
    a, b = (runs.set_index("data_seed") for runs in (before, after))
    error = math.hypot(a["test_error"].mean(), b["test_error"].mean())
    return mean((b["test_loss"] - a["test_loss"]).dropna(), error=error)


def hurts(frame: pd.DataFrame, setting: str, along: str) -> pd.DataFrame:
    """Return the steps from a cell to the next that hurt: the cells before them.

    A step hurts where the whole 99 % interval for the rise of the test loss is above zero.

    Parameters
    ----------
    frame : DataFrame
        A row a run, with ``T``, the setting, ``data_seed``, ``test_loss`` and ``test_error``.
    setting : str
        Column of the other setting, such as "m".
    along : str
        "T" or the setting: what a step raises.
    """
    (across,) = {setting, "T"} - {along}
    rows = []
    for value, line in frame.groupby(across):
        cells = [(at, runs) for at, runs in line.groupby(along)]
        rows += [
            {across: value, along: at}
            for (at, before), (_, after) in pairwise(cells)
            if rise(before, after).interval()[0] > 0
        ]
    return pd.DataFrame(rows, columns=[setting, "T"])


def tops(frame: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Return for each value of a setting the T of the highest mean test loss.

    Left out where that is the least or the largest T: there is no rise and fall.
    """
    means = frame.groupby([setting, "T"])["test_loss"].mean().unstack()
    found = means.idxmax(axis=1)
    inner = (found > means.columns.min()) & (found < means.columns.max())
    return found[inner].rename("T").reset_index()


def loss_table(frame: pd.DataFrame, setting: str, name: str) -> pd.DataFrame:
    """Return as text mean test loss ± sd, a row a value of a setting (called so), a column a T."""
    found = frame.groupby([setting, "T"])["test_loss"].agg(mean_sd, digits=4).unstack()
    found.columns = [f"T = {T:,.0f}" for T in found.columns]
    found.insert(0, name, [f"{value:,}" for value in found.index])
    return found.fillna("–")


def slope(setting: pd.Series, y: pd.Series) -> float:
    """Return the slope of y per tenfold setting, by least squares (rounded: zero is zero)."""
    return round(float(np.polyfit(np.log10(setting), y, 1)[0]), 9)
