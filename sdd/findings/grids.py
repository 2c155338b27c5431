"""Test losses over T and one more setting: which steps of either hurt, and how high a bump is."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage, stats

from sdd.data import whole_number
from sdd.findings.page import mean_sd

__all__ = [
    "bump",
    "bump_table",
    "bumps",
    "chance",
    "models",
    "region_by_chance",
    "region_sizes",
    "slope",
    "steps",
]


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


def steps(frame: pd.DataFrame, setting: str, along: str) -> pd.DataFrame:
    """Return by how much the mean test loss rises from each cell to the next.

    A step hurts where the mean rises by more than two standard deviations over models, pooled over
    both cells, plus two standard errors of a test loss, the larger of both cells.

    Parameters
    ----------
    frame : DataFrame
        A row a run, with ``T``, the setting, ``test_loss``, ``test_error``; as many runs a cell.
    setting : str
        Column of the other setting, such as "m".
    along : str
        "T" or the setting: what a step raises.

    Returns
    -------
    DataFrame
        A row a step: the cell before it (`setting` and ``T``), its ``rise``, ``spread`` (two
        pooled deviations; NaN where a cell has one model), ``noise`` (two errors), whether it
        ``hurts``, and ``region``: the number of steps that hurt and lie side by side with it,
        itself included.

    Raises
    ------
    ValueError
        Where cells differ in their numbers of runs.
    """
    count, axis = models(frame, setting), [setting, "T"].index(along)
    ordered = frame.sort_values([setting, "T", "data_seed"])
    values, sizes = np.unique(ordered[setting]), np.unique(ordered["T"])
    shape = len(values), len(sizes), count
    losses, errors = (ordered[c].to_numpy().reshape(shape) for c in ("test_loss", "test_error"))
    rise, spread, noise = _rises(losses, errors, axis)
    hurts = rise > spread + noise  # (never with one model a cell: its spread is NaN)
    before = [(values[:-1], sizes), (values, sizes[:-1])][axis]
    cells = pd.MultiIndex.from_product(before, names=[setting, "T"])
    found = {"rise": rise, "spread": spread, "noise": noise, "hurts": hurts,
             "region": region_sizes(hurts)}  # fmt: skip
    return pd.DataFrame({k: v.ravel() for k, v in found.items()}, cells).reset_index()


def _rises(
    losses: Float[np.ndarray, "rows sizes models"],
    errors: Float[np.ndarray, "rows sizes models"],
    axis: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rises of the mean from cell to cell along an axis, their spread, and noise."""
    one = losses.shape[2] == 1
    variance = np.full(losses.shape[:2], math.nan) if one else losses.var(axis=2, ddof=1)
    pooled = sliding_window_view(variance, 2, axis).mean(axis=-1)
    largest = sliding_window_view(errors.max(axis=2), 2, axis).max(axis=-1)
    return np.diff(losses.mean(axis=2), axis=axis), 2 * np.sqrt(pooled), 2 * largest


def region_sizes(marked: Bool[np.ndarray, "rows columns"]) -> Int[np.ndarray, "rows columns"]:
    """Return for each marked entry how many are connected to it by sides (0 for others)."""
    labels, _ = ndimage.label(marked)
    return np.where(marked, np.bincount(labels.ravel())[labels], 0)


def chance(models: int) -> float:
    """Return how often `steps` marks one that changes nothing, where losses are normal.

    With k models a cell the rule asks for a t of 2/√(2/k) at 2(k − 1) degrees of freedom.

    Raises
    ------
    ValueError
        Where there are fewer than two models a cell: one has no spread.
    """
    models = whole_number("models", models, 2)
    return float(stats.t.sf(math.sqrt(2 * models), 2 * (models - 1)))


def region_by_chance(frame: pd.DataFrame, setting: str, along: str) -> int:
    """Return from how many steps on a region of steps that hurt is more than chance.

    Regions at least as large arise in less than one of twenty grids of this shape whose losses are
    all drawn from one normal distribution, in each cell anew. (In a grid whose cells share data
    seeds, neighbours are more alike than that.)

    Parameters are those of `steps`.
    """
    shape = frame[setting].nunique(), frame["T"].nunique(), models(frame, setting)
    return _region_by_chance(shape, [setting, "T"].index(along))


@lru_cache
def _region_by_chance(shape: tuple[int, int, int], axis: int) -> int:
    rng, errors, largest = np.random.default_rng(0), np.zeros(shape), []
    for losses in rng.normal(size=(1_000, *shape)):
        rise, spread, _ = _rises(losses, errors, axis)
        largest.append(region_sizes(rise > spread).max())
    return int(np.quantile(largest, 0.95, method="higher")) + 1


def bump(losses: Sequence[float]) -> tuple[float, tuple[int, int, int]]:
    """Return the height of a curve's bump, and where its left foot, top and right foot are.

    A loss may stand above the lowest loss at smaller T, and above the lowest at larger T: by the
    lesser of the two the curve rises *and* falls again. The height is the largest such number
    along the curve. A curve that only falls, only rises or sags has no bump: height zero, and
    its top is a foot. The losses are by increasing T.
    """
    curve = np.asarray(losses, float)
    before = np.minimum.accumulate(curve)
    after = np.minimum.accumulate(curve[::-1])[::-1]
    height = curve - np.maximum(before, after)
    top = int(np.argmax(height))
    feet = int(np.argmin(curve[: top + 1])), top + int(np.argmin(curve[top:]))
    return float(height[top]), (feet[0], top, feet[1])


def bumps(frame: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Return the bump of each data seed at each value of a setting.

    Parameters
    ----------
    frame : DataFrame
        A row a run, with ``T``, the setting, ``data_seed``, ``test_loss`` and ``test_error``.
    setting : str
        Column of the other setting, such as "m".

    Returns
    -------
    DataFrame
        A row for each value and data seed. ``T``: the top of the bump in the mean curve over
        seeds; ``found``: whether that is higher than its ``noise``, two standard errors of a test
        loss. ``test_loss``: the seed's at that top; ``height``: of the seed's curve, with top and
        feet where the mean curve has them, as a seed that chose its own places would find a bump
        in mere noise. ``own_T`` and ``own_height``: with places of its own.

    Raises
    ------
    ValueError
        Where cells differ in their numbers of runs.
    """
    models(frame, setting)
    rows = []
    for value, cell in frame.groupby(setting):
        curves = cell.pivot(index="T", columns="data_seed", values="test_loss")
        mean_height, (left, top, right) = bump(curves.mean(axis=1))
        noise = 2 * cell["test_error"].max()
        for seed, curve in curves.items():
            own_height, (_, own_top, _) = bump(curve)
            rows.append({
                setting: value, "data_seed": seed, "T": curves.index[top],
                "found": mean_height > noise, "noise": noise, "test_loss": curve.iloc[top],
                "height": curve.iloc[top] - curve.iloc[[left, right]].max(),
                "own_T": curves.index[own_top], "own_height": own_height,
            })  # fmt: skip
    return pd.DataFrame(rows)


def bump_table(frame: pd.DataFrame, setting: str, name: str) -> pd.DataFrame:
    """Return as text, for each value of a setting, where its bump is and how high.

    There the setting is called by the name given.
    """
    means = frame.groupby([setting, "T"])["test_loss"].mean().unstack()
    rows = []
    for value, seeds in bumps(frame, setting).groupby(setting):
        curve, found = means.loc[value], seeds["found"].all()
        none = "still rising at the end" if curve.idxmax() == curve.index[-1] else "no bump"
        rows.append({
            name: f"{value:,}",
            "T at the top": f"{seeds['T'].iloc[0]:,.0f}" if found else none,
            "test loss there ± sd": mean_sd(seeds["test_loss"], 4) if found else "–",
            "height of the bump ± sd": mean_sd(seeds["height"], 4),
        })  # fmt: skip
    return pd.DataFrame(rows)


def slope(setting: pd.Series, y: pd.Series) -> float:
    """Return the slope of y per tenfold setting, by least squares (rounded: zero is zero)."""
    return round(float(np.polyfit(np.log10(setting), y, 1)[0]), 9)
