"""Test losses over two settings, T and one more: where they rise, and how high a bump is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from sdd import theory
from sdd.data import whole_number
from sdd.measures.summary import Summary
from sdd.runs import spec as runspec

__all__ = ["Grid", "baselines", "bump", "chance", "grid", "region_by_chance", "regions"]


@dataclass(frozen=True, eq=False)
class Grid:
    """Test losses of several models for each T and each value of one more setting.

    Parameters
    ----------
    values : tuple of float
        The other setting, such as m: one a row.
    sizes : tuple of int
        T: one a column.
    losses, errors : (rows, sizes, models) array
        Test losses and their standard errors; models in the order of their data seeds.
    """

    values: tuple[float, ...]
    sizes: tuple[int, ...]
    losses: Float[np.ndarray, "rows sizes models"]
    errors: Float[np.ndarray, "rows sizes models"]

    @cached_property
    def mean(self) -> Float[np.ndarray, "rows sizes"]:
        """Mean over the models of a cell."""
        return self.losses.mean(axis=2)

    @cached_property
    def sd(self) -> Float[np.ndarray, "rows sizes"]:
        """Sample standard deviation over the models of a cell; NaN where there is one only."""
        if self.losses.shape[2] == 1:
            return np.full(self.mean.shape, math.nan)
        return self.losses.std(axis=2, ddof=1)

    @property
    def tops(self) -> dict[float, int]:
        """T at the top of the bump in the mean of each row; rows without a bump are left out."""
        found = {v: bump(row) for v, row in zip(self.values, self.mean, strict=True)}
        return {v: self.sizes[at[1]] for v, (height, at) in found.items() if height > self.noise(v)}

    def noise(self, value: float) -> float:
        """Return two standard errors of a test loss, the largest of one row.

        Raises
        ------
        ValueError
            Where the grid has no row of that value.
        """
        return 2 * float(self.errors[self._at(value)].max())

    def curve(self, value: float) -> dict[float, list[float]]:
        """Return the losses of one row, by T.

        Raises
        ------
        ValueError
            Where the grid has no row of that value.
        """
        return {T: list(v) for T, v in zip(self.sizes, self.losses[self._at(value)], strict=True)}

    def heights(self, value: float) -> Float[np.ndarray, "models"]:
        """Return the height of the bump in one row, for each data seed.

        Where its foot on either side and its top are is taken from the mean over seeds: a seed
        that chose its own places would find a bump in mere noise.

        Raises
        ------
        ValueError
            Where the grid has no row of that value.
        """
        losses = self.losses[self._at(value)]
        left, top, right = bump(losses.mean(axis=1))[1]
        return losses[top] - np.maximum(losses[left], losses[right])

    def own_bumps(
        self, value: float
    ) -> tuple[Float[np.ndarray, "models"], Int[np.ndarray, "models"]]:
        """Return the height of each data seed's own bump in one row, and the T at its top.

        Raises
        ------
        ValueError
            Where the grid has no row of that value.
        """
        found = [bump(curve) for curve in self.losses[self._at(value)].T]
        return np.array([h for h, _ in found]), np.array([self.sizes[at[1]] for _, at in found])

    def _at(self, value: float) -> int:
        if value not in self.values:
            raise ValueError(f"the grid must have a row of {value}, but has {self.values}")
        return self.values.index(value)

    def rises(
        self, axis: int
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Return by how much the mean rises from a cell to the next, its spread and its noise.

        Parameters
        ----------
        axis : int
            0: from one row to the next; 1: from one T to the next.

        Returns
        -------
        rise : array
            One shorter than the grid along the axis.
        spread : array
            Two standard deviations over models, pooled over both cells.
        noise : array
            Two standard errors of a test loss, the larger of both cells.
        """
        before, after = (np.delete(np.arange(self.mean.shape[axis]), k) for k in (-1, 0))
        square, error = self.sd**2, self.errors.max(axis=2)
        pooled = (square.take(before, axis) + square.take(after, axis)) / 2
        largest = np.maximum(error.take(before, axis), error.take(after, axis))
        return np.diff(self.mean, axis=axis), 2 * np.sqrt(pooled), 2 * largest

    def hurts(self, axis: int) -> Bool[np.ndarray, "..."]:
        """Tell which steps hurt: the mean rises by more than the spread and the noise together."""
        rise, spread, noise = self.rises(axis)
        return rise > spread + noise  # (never with one model a cell: its spread is NaN)


def grid(summaries: Sequence[Summary], setting: str) -> Grid:
    """Arrange runs by T and by one setting of `TrainConfig`.

    Raises
    ------
    ValueError
        Where there are no runs, or cells differ in their numbers of them.
    """
    if not summaries:
        raise ValueError("a grid must have at least one run, but there are none")
    cells: dict[tuple[float, int], list[Summary]] = {}
    for s in sorted(summaries, key=lambda s: s.seed):
        cells.setdefault((getattr(s.run.config, setting), int(s.T)), []).append(s)
    values, sizes = (tuple(sorted(set(column))) for column in zip(*cells, strict=True))
    counts = {len(cells.get((v, T), [])) for v in values for T in sizes}
    if len(counts) > 1:
        raise ValueError(f"every cell must have as many runs, but they have {sorted(counts)}")
    found = [[[s.run for s in cells[v, T]] for T in sizes] for v in values]
    losses = np.array([[[r.test_loss for r in cell] for cell in row] for row in found])
    errors = np.array([[[r.test_error for r in cell] for cell in row] for row in found])
    return Grid(values, sizes, losses, errors)


def bump(losses: Float[np.ndarray, "sizes"]) -> tuple[float, tuple[int, int, int]]:
    """Return the height of a curve's bump, and where its left foot, top and right foot are.

    A loss may stand above the lowest loss at smaller T, and above the lowest at larger T: by the
    lesser of the two the curve rises *and* falls again. The height is the largest such number
    along the curve. A curve that only falls, only rises or sags has no bump: height zero, and
    its top is a foot.

    Parameters
    ----------
    losses : (sizes,) array
        By increasing T.

    Returns
    -------
    (float, (int, int, int))
    """
    losses = np.asarray(losses, float)
    before = np.minimum.accumulate(losses)
    after = np.minimum.accumulate(losses[::-1])[::-1]
    height = losses - np.maximum(before, after)
    top = int(np.argmax(height))
    feet = int(np.argmin(losses[: top + 1])), top + int(np.argmin(losses[top:]))
    return float(height[top]), (feet[0], top, feet[1])


def regions(marked: Bool[np.ndarray, "rows columns"]) -> list[int]:
    """Return the sizes of connected parts (by sides) of what is marked, largest first."""
    left = {(int(i), int(j)) for i, j in zip(*np.nonzero(marked), strict=True)}
    found = []
    while left:
        edge, count = [left.pop()], 0
        while edge:
            i, j = edge.pop()
            count += 1
            near = {(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)} & left
            left -= near
            edge += near
        found.append(count)
    return sorted(found, reverse=True)


def chance(models: int) -> float:
    """Return how often `Grid.hurts` marks a step that changes nothing, where losses are normal.

    With k models a cell the rule asks for a t of 2/√(2/k) at 2(k − 1) degrees of freedom. That
    number is even, for which the distribution is a finite sum (Abramowitz and Stegun, 26.7.4).

    Raises
    ------
    ValueError
        Where there are fewer than two models a cell: one has no spread.
    """
    models = whole_number("models", models, 2)
    t, freedom = math.sqrt(2 * models), 2 * (models - 1)
    angle = math.atan(t / math.sqrt(freedom))
    term, total = 1.0, 0.0
    for k in range(freedom // 2):
        total += term
        term *= math.cos(angle) ** 2 * (2 * k + 1) / (2 * k + 2)
    return (1 - math.sin(angle) * total) / 2


@lru_cache
def region_by_chance(rows: int, sizes: int, models: int, axis: int, draws: int = 1_000) -> int:
    """Return from how many steps on a region of `Grid.hurts` is more than chance.

    Regions at least as large arise in less than one of twenty grids whose losses are all drawn
    from one normal distribution, in each cell anew. (In a grid whose cells share data seeds,
    neighbours are more alike than that.)

    Parameters
    ----------
    rows, sizes, models : int
        Shape of the losses.
    axis : int
        As for `Grid.rises`.
    draws : int
        Number of such grids.
    """
    rng, shape = np.random.default_rng(0), (rows, sizes, models)
    largest = [
        max(regions(Grid((), (), losses, np.zeros(shape)).hurts(axis)), default=0)
        for losses in rng.normal(size=(draws, *shape))
    ]
    return int(np.quantile(largest, 0.95, method="higher")) + 1


@lru_cache
def baselines(n: int, sparsity: float) -> dict[str, float]:
    """Return what no output and the best constant output score on the test set of that law."""
    test, mean = runspec.test_set(n, sparsity), theory.feature_mean(n, sparsity)
    return {
        "no output": float(theory.constant_loss(test, 0.0)),
        "best\nconstant": float(theory.constant_loss(test, mean)),
    }
