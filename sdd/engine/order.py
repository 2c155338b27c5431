"""Orders that keep neighbours together: of points in space, of features on a sphere.

Both are median-split (k-d) trees, flattened: every run of `unit` neighbours in the order is a
cell of the tree, and so is every run of `unit · block` of them. The tree itself is never kept.
"""

import numpy as np

from sdd.engine.vectors import LANES
from sdd.kernels import kernel

__all__ = ["CELL", "order_features", "order_points", "sort_cells", "typical_size"]

CELL = 256  # points whose neighbourhood comes before that of the leaves in it


@kernel()
def _select(keys, names, first, last, middle):
    """Rearrange first … last − 1 so that keys before `middle` are not above those after.

    Keys are compared without a branch, as half of all guesses would be wrong: every element
    changes places with the first that is not below the pivot, and only the place moves on.
    """
    while last - first > 1:
        a, b, c = keys[first], keys[(first + last) // 2], keys[last - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        below = first
        for i in range(first, last):
            key, name = keys[i], names[i]
            keys[i], names[i] = keys[below], names[below]
            keys[below], names[below] = key, name
            below += key < pivot
        if middle < below:
            last = below
            continue
        # What equals the pivot goes next, so that equal keys do not stay together for ever.
        equal = below
        for i in range(below, last):
            key, name = keys[i], names[i]
            keys[i], names[i] = keys[equal], names[equal]
            keys[equal], names[equal] = key, name
            equal += key == pivot
        if middle < equal:
            return
        first = equal


@kernel()
def sort_cells(keys, names, unit, block):
    """Reorder names (size,) in place, so that runs of `unit` of them are cells of keys (d, size).

    The wider side of a cell's box is split at its median, moved to a multiple of `unit` (of
    `unit · block` while the cell is larger than that). A key that is not a number leaves its
    cell unsorted.
    """
    starts, stops = np.empty(64, np.int64), np.empty(64, np.int64)
    starts[0], stops[0], depth = 0, names.size, 1
    across = np.empty(names.size, keys.dtype)  # the keys of a cell along its wider side
    while depth > 0:
        depth -= 1
        first, last = starts[depth], stops[depth]
        step = unit * block if last - first > unit * block else unit
        if last - first <= unit:
            continue
        widest, d = -1.0, 0
        for k in range(keys.shape[0]):
            # (From both ends at once: one comparison need not wait for the one before.)
            half = (last - first) // 2
            guard = keys[k, names[first + half]] * 0
            low = high = other_low = other_high = keys[k, names[first + half]]
            for i in range(first, first + half):
                key, other = keys[k, names[i]], keys[k, names[last - 1 - i + first]]
                low, high = min(low, key), max(high, key)
                other_low, other_high = min(other_low, other), max(other_high, other)
                guard += (key - key) + (other - other)
            low, high = min(low, other_low), max(high, other_high)
            if guard != 0:  # then it is not a number, and neither is some key
                widest = np.inf
                break
            if high - low > widest:
                widest, d = high - low, k
        if widest == np.inf:
            continue
        middle = first + max(1, (last - first + step) // (2 * step)) * step
        for i in range(first, last):
            across[i] = keys[d, names[i]]
        _select(across, names, first, last, middle)
        starts[depth], stops[depth] = first, middle
        starts[depth + 1], stops[depth + 1] = middle, last
        depth += 2


@kernel(error_model="numpy")
def _set_directions(W, b, scale, keys):
    """Set keys (m + 1, n) to the directions of (scale · W_j, b_j), on the unit sphere.

    Which points a feature is active for depends on that direction alone: with h in units of
    `scale`, a_j = (scale · W_j) · (h / scale) + b_j.
    """
    m = W.shape[0]
    zero = W.dtype.type(0)
    for j in range(b.size):
        square = zero
        for d in range(m):
            keys[d, j] = W[d, j] * scale
            square += keys[d, j] * keys[d, j]
        keys[m, j] = b[j]
        length = np.sqrt(square + b[j] * b[j])
        inverse = 1 / length if length > 0 else zero
        for d in range(m + 1):
            # (Either is as good: runs keep the bits they had.)
            keys[d, j] = keys[d, j] * inverse if m <= 2 or length <= 0 else keys[d, j] / length


def typical_size(h: np.ndarray) -> np.floating:
    """Return the root of the mean square of hidden vectors' entries: never zero."""
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverged
        return h.dtype.type(max(float(np.sqrt(np.mean(h * h))), 1e-30))


def order_features(W: np.ndarray, b: np.ndarray, scale) -> np.ndarray:
    """Return the features in the order of their directions: (n,) int32."""
    keys, names = np.empty((len(W) + 1, b.size), W.dtype), np.arange(b.size, dtype=np.int32)
    _set_directions(W, b, scale, keys)
    sort_cells(keys, names, LANES, LANES)
    return names


def order_points(h: np.ndarray, leaf: int) -> np.ndarray:
    """Return the points in the order of their place, h (m, T): (T,) int32."""
    names = np.arange(h.shape[1], dtype=np.int32)
    sort_cells(h, names, leaf, CELL // leaf)
    return names
