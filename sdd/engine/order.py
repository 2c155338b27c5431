"""Orders that keep neighbours together: of points in the plane, of features on a sphere.

Both are median-split (k-d) trees, flattened: every run of `unit` neighbours in the order is a
cell of the tree, and so is every run of `unit · block` of them. The tree itself is never kept.
"""

import numba
import numpy as np

__all__ = ["place_features", "sort_cells"]


@numba.njit(cache=True, nogil=True)
def _swap(keys, names, i, j):
    for d in range(keys.shape[0]):
        keys[d, i], keys[d, j] = keys[d, j], keys[d, i]
    names[i], names[j] = names[j], names[i]


@numba.njit(cache=True, nogil=True)
def _select(keys, names, d, first, last, middle):
    """Rearrange first … last − 1 so that keys[d] before `middle` are not above those after."""
    low, high = first, last - 1
    while low < high:
        a, b, c = keys[d, low], keys[d, (low + high) // 2], keys[d, high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while keys[d, i] < pivot:
                i += 1
            while keys[d, j] > pivot:
                j -= 1
            if i <= j:
                _swap(keys, names, i, j)
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@numba.njit(cache=True, nogil=True)
def sort_cells(keys, names, unit, block):
    """Reorder keys (d, size) and names (size,) in place, so that cells are runs of `unit`.

    The wider side of a cell's box is split at its median, moved to a multiple of `unit` (of
    `unit · block` while the cell is larger than that). A key that is not a number leaves its
    cell unsorted.
    """
    starts, stops = np.empty(64, np.int64), np.empty(64, np.int64)
    starts[0], stops[0], depth = 0, names.size, 1
    while depth > 0:
        depth -= 1
        first, last = starts[depth], stops[depth]
        step = unit * block if last - first > unit * block else unit
        if last - first <= unit:
            continue
        widest, d = -1.0, 0
        for k in range(keys.shape[0]):
            low = high = keys[k, first]
            for i in range(first + 1, last):
                low, high = min(low, keys[k, i]), max(high, keys[k, i])
            if not np.isfinite(high - low):
                widest = np.inf
                break
            if high - low > widest:
                widest, d = high - low, k
        middle = first + max(1, (last - first + step) // (2 * step)) * step
        if widest == np.inf:
            continue
        _select(keys, names, d, first, last, middle)
        starts[depth], stops[depth] = first, middle
        starts[depth + 1], stops[depth + 1] = middle, last
        depth += 2


@numba.njit(cache=True, nogil=True, error_model="numpy")
def place_features(W, b, scale, keys):
    """Set keys (3, n) to the directions of (scale · W_j, b_j), on the unit sphere.

    Which points a feature is active for hangs on that direction alone: with h in units of
    `scale`, a_j = (scale · W_j) · (h / scale) + b_j.
    """
    for j in range(b.size):
        x, y, c = W[0, j] * scale, W[1, j] * scale, b[j]
        length = np.sqrt(x * x + y * y + c * c)
        inverse = 1 / length if length > 0 else W.dtype.type(0)
        keys[0, j], keys[1, j], keys[2, j] = x * inverse, y * inverse, c * inverse
