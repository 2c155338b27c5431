"""What the engine visits and skips on a given model, as arrays for figures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sdd import engine
from sdd.data import Dataset
from sdd.engine.leaves import GROUP, MARGIN, SMALL_LEAF, bound_groups, padded, sizes_for
from sdd.engine.order import order_features, order_points, typical_size

__all__ = ["ACTIVE", "CUT", "SILENT", "Partition", "partition"]

SILENT, ACTIVE, CUT = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Partition:
    """Points in leaves and features in groups, as a step of the engine finds them."""

    leaf: int  # points a leaf
    points: Float[np.ndarray, "T 2"]  # hidden vectors in the order of the leaves, `leaf` to each
    boxes: Float[np.ndarray, "leaves 4"]  # least x and y of each leaf, its width and height
    lines: Float[np.ndarray, "n 3"]  # (W_1, W_2, b) in the order of the groups, `GROUP` to each
    cut: Bool[np.ndarray, "leaves n"]  # whether the line W · h + b = 0 passes through the box
    sides: Int[np.ndarray, "leaves groups"]  # what the group's bounds say about the leaf

    @property
    def visited(self) -> float:
        """The share of all pairs that are taken one by one: of small leaves, groups whole."""
        sizes = np.full(len(self.boxes), self.leaf)
        sizes[-1] = len(self.points) - self.leaf * (len(self.boxes) - 1)
        groups = GROUP * (self.sides == CUT).sum(1)
        features = groups if self.leaf == SMALL_LEAF else self.cut.sum(1)
        return float(sizes @ features / (len(self.points) * len(self.lines)))


def _group_sides(
    lines: np.ndarray, centres: np.ndarray, halves: np.ndarray, scale: np.floating
) -> np.ndarray:
    """Return the side of every leaf and group, from the engine's own bounds of groups."""
    n, N = len(lines), padded(len(lines))
    F = np.zeros((3, N), np.float32)
    F[2] = -1
    F[:, :n] = lines.T
    bounds, sums = np.empty((2, 6, N // GROUP), np.float32)
    bound_groups(F, np.float32(scale), (np.float32(0),) * 2, bounds, sums, 0, N // GROUP)
    bounds = bounds[:, : -(-n // GROUP)].astype(float)
    middle, wide = bounds[:3], bounds[3:]
    centre = middle[2] + centres @ middle[:2]
    reach = wide[2] + halves @ np.abs(middle[:2]) + (np.abs(centres) + halves) @ wide[:2]
    reach += MARGIN * np.abs(middle[2])
    return np.where(centre > reach, ACTIVE, np.where(centre + reach <= 0, SILENT, CUT))


def partition(W: Float[np.ndarray, "2 n"], b: Float[np.ndarray, "n"], data: Dataset) -> Partition:
    """Return how the engine splits the points of the data and the features of the weights."""
    h = engine.hidden(W, data)
    scale = typical_size(h)
    lines = np.vstack([W, b]).T[order_features(W, b, scale)].astype(float)
    leaf = sizes_for(2, data.n, data.T).leaf
    points = h[order_points(np.ascontiguousarray(h.T), leaf)].astype(float)
    starts = np.arange(0, len(points), leaf)
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    centres, halves = (low + high) / 2, (high - low) / 2
    value = centres @ lines[:, :2].T + lines[:, 2]
    cut = np.abs(value) < halves @ np.abs(lines[:, :2]).T
    boxes, sides = np.hstack([low, high - low]), _group_sides(lines, centres, halves, scale)
    return Partition(leaf, points, boxes, lines, cut, sides)
