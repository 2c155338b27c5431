"""The pair term at m of 1 to 4 without the pairs whose sign is known: exact, far below T · n.

The points for which feature j is active, W_j · h + b_j > 0, lie on one side of a hyperplane. This
is bounding-volume culling, as in computer graphics: points are kept in *leaves* of neighbours,
each in its bounding box. Most features are silent on all of a leaf, and add nothing, or active on
all of it, and then all that they add follows from *second moments*. With (h_i, 1) for a point and
w_j = (W_j, b_j) for a feature, so that a_ij = w_j · (h_i, 1),

    Σ_i a_ij (h_i, 1) = (Σ_i (h_i, 1) (h_i, 1)ᵀ) w_j        for the feature,
    Σ_j a_ij w_j = (Σ_j w_j w_jᵀ) (h_i, 1)                  for the point.

Only features whose hyperplane may cut the box are compared with each point of the leaf. They are
found in up to three stages:

1. at m of 1 and 2, *groups* of 16 features alike in direction are tested against *blocks* of
   leaves;
2. also at m of 1 and 2, those that may cut a block are tested against each of its leaves;
3. in leaves of 32 points, the features of the groups that are left are tested one by one, and those
   that may cut the leaf are packed side by side. In leaves of 8 that costs more than it saves.

Kernels are written for any number of dimensions and compiled for 2 and 4 (see `axes` in
`vectors.py`: a tuple of zeros, as long as there are dimensions); m = 1 and 3 have a row of zeros.

Throughout, F (dimensions + 1, N + SPARE) holds W and b in the order of `order.py`, filled up by
silent features to N = `padded(n)` and beyond. D is the gradient, laid out alike. h and dh are
(dimensions, T).
"""

from typing import NamedTuple

import numpy as np

from sdd.engine.vectors import (
    LANES,
    add_each,
    add_multiplied,
    add_outer,
    add_scaled,
    bits,
    column,
    combine,
    count,
    dot,
    keep,
    lane_totals,
    lanes,
    larger,
    largest,
    least,
    load,
    load_packed,
    load_rows,
    magnitude,
    multiply,
    outer,
    root,
    scale_each,
    smaller,
    splat,
    store,
    store_packed,
    store_rows,
    total,
)
from sdd.kernels import kernel

__all__ = [
    "BLOCK",
    "GROUP",
    "LEAF",
    "MANY_FEATURES",
    "MANY_POINTS",
    "MARGIN",
    "SMALL_LEAF",
    "SPARE",
    "Scratch",
    "Sizes",
    "add_block",
    "bound_groups",
    "bound_points",
    "classify_groups",
    "gather_groups",
    "padded",
    "scratch_for",
    "sizes_for",
]

SMALL_LEAF, LEAF = 8, 32  # points a leaf
BLOCK = 256  # points a block
GROUP = LANES  # features a group: one vector
# Silent features after the last: one group makes their number even; the rest keep rows of W from
# lying a multiple of 4 kB apart, where they would evict each other from the first-level cache.
SPARE = 13 * GROUP
MANY_FEATURES, MANY_POINTS = 4_000, 50_000  # measured: where both sizes of leaf take as long
# Bounds are widened by this share of their terms, so that rounding never hides a pair.
MARGIN = 1e-5


class Sizes(NamedTuple):
    """How a problem is divided, which depends on its size alone.

    Parameters
    ----------
    dimensions : int
        Rows of W, with those of zeros.
    leaf, block : int
        Points in a leaf and in a block of leaves.
    chunks : int
        Parts of the points with partial sums of their own: enough for threads, few enough to add.
    """

    dimensions: int
    leaf: int
    block: int
    chunks: int


def sizes_for(m: int, n: int, T: int) -> Sizes:
    """Return how n features and T points in m dimensions are divided.

    Small leaves pay where groups are narrow beside leaves, as features are many and points few.
    In four dimensions boxes are wide: there a third of all pairs is cut early in training, in half
    of all groups, so that neither groups nor blocks of leaves are worth a test.
    """
    if m > 2:
        leaves = -(-T // LEAF)
        chunks = 1 if leaves < 16 else 2 if leaves < 64 else 4 if leaves < 1024 else 8
        return Sizes(4, LEAF, LEAF, chunks)
    blocks = -(-T // BLOCK)
    chunks = 1 if blocks < 4 else 2 if blocks < 64 else 4 if blocks < 256 else 8
    return Sizes(2, SMALL_LEAF if n >= MANY_FEATURES and T < MANY_POINTS else LEAF, BLOCK, chunks)


def padded(n: int) -> int:
    """Return n rounded up to whole vectors of groups."""
    return -(-n // (GROUP * LANES)) * GROUP * LANES


@kernel(error_model="numpy")
def bound_groups(F, scale, axes, bounds, sums, first, last):
    """Set boxes of the directions of groups `first` … `last` − 1, and their second moments.

    bounds (2 · (dimensions + 1), N/16) holds the centres, then half the widths, of directions
    scaled to |W_j|² + (b_j / scale)² = 1, as only signs are asked of them. sums holds the upper
    triangle of Σ_j w_j w_jᵀ.
    """
    real = F.dtype.type
    rows = axes + axes[:1]
    half, wide = real(0.5), real(0.5 * (1 + MARGIN))
    zero, one, inverse_scale = splat(real(0)), splat(real(1)), splat(real(1) / scale)
    for g in range(first, last):
        w = load_rows(F, g * GROUP, rows)
        moments = total(outer(w, w))
        for k in range(len(moments)):
            sums[k, g] = moments[k]
        # (First by the sum of sizes: squares of small numbers would be zero.)
        size = zero
        for d in range(len(axes)):
            size = size + magnitude(load(F, d * F.shape[1] + g * GROUP))
        size = size + magnitude(w[-1]) * inverse_scale
        unit = keep(zero < size, one / size)
        u = scale_each(unit, w)
        last_u = u[-1] * inverse_scale
        length = dot(u[:-1], u[:-1]) + last_u * last_u
        unit = keep(zero < length, one / root(length))
        # Zero; but where anything is infinite or not a number, not a number.
        guard = total((size - size) + (length - length))
        u = scale_each(unit, u)
        for d in range(len(rows)):
            low, high = least(u[d]), largest(u[d])
            bounds[d, g] = half * (low + high)
            bounds[len(rows) + d, g] = wide * (high - low) + guard


@kernel()
def bound_points(h, first, last, axes, margin, box):
    """Set the box of points `first` … `last` − 1; return Σ_i (h_i, 1) (h_i, 1)ᵀ, as `outer` does.

    box (dimensions, 3) holds centres, half widths, and the largest magnitudes.
    """
    one = (h.dtype.type(1),)
    point = column(h, first, axes)
    low, high = point, point
    moments = outer(point + one, point + one)
    for i in range(first + 1, last):
        point = column(h, i, axes)
        low, high = smaller(point, low), larger(point, high)
        moments = add_outer(moments, point + one, point + one)
    half, guard = h.dtype.type(0.5), h.dtype.type(0)
    for d in range(len(moments)):
        guard += moments[d]
    guard -= guard  # zero, but not a number where a point is none
    for d in range(len(axes)):
        centre = half * (low[d] + high[d])
        width = half * (high[d] - low[d]) + margin * abs(centre) + guard
        box[d, 0], box[d, 1], box[d, 2] = centre, width, abs(centre) + width
    return moments


@kernel()
def classify_groups(bounds, sums, active_moments, names, size, moments, box, axes, margin, cut):
    """Find on which side of the points in `box` the first `size` groups of `names` are.

    To the groups active on all of the points their `moments` are added in `active_moments`, and
    those groups' sums are returned. Those that may cut the box are listed in `cut`, and counted.
    All without a branch: a wrong guess costs as much as sixteen groups.
    """
    rows = axes + axes[:1]
    triangle = outer(rows, rows)
    centre, half = splat(column(box, 0, axes)), splat(column(box, 1, axes))
    farthest, slack = splat(column(box, 2, axes)), splat(margin)
    of_points, of_groups = splat(moments), splat(triangle)
    width = bounds.shape[1]
    zero = splat(bounds.dtype.type(0))
    found = 0
    for k in range(0, size, LANES):
        w, e = load_rows(bounds, k, rows), load_rows(bounds, len(rows) * width + k, rows)
        value = combine(w[-1], w, centre)
        reach = combine(combine(e[-1], magnitude(w), half), e, farthest)
        reach = reach + slack * magnitude(w[-1])
        active = zero < value - reach
        added = keep(active, of_points)
        store_rows(active_moments, k, add_each(load_rows(active_moments, k, triangle), added))
        of_groups = add_each(of_groups, keep(active, load_rows(sums, k, triangle)))
        some = ~(active | (value + reach <= zero))
        store_packed(cut, found, some, load(names, k))
        found += count(some)
    return found, total(of_groups)


@kernel()
def gather_groups(bounds, sums, names, size, near_bounds, near_sums, near_moments):
    """Bring what is known of the first `size` groups of `names` side by side."""
    full = -(-size // LANES) * LANES
    for k in range(size):
        g = names[k] // GROUP
        for d in range(bounds.shape[0]):
            near_bounds[d, k] = bounds[d, g]
        for d in range(sums.shape[0]):
            near_sums[d, k] = sums[d, g]
    for k in range(size, full):  # what fills up the last vector is silent everywhere
        names[k] = 0
        near_bounds[:, k] = 0
        near_bounds[bounds.shape[0] // 2 - 1, k] = -1
        near_sums[:, k] = 0
    near_moments[:, :full] = 0


@kernel()
def _classify_features(F, names, size, box, axes, margin, cut, active):
    """Find the features of `size` groups that may cut a box, and those active on all of it.

    Sets cut and active (N/16, 2) to the groups that hold some, and which of their lanes; returns
    the number of groups in either.
    """
    rows = axes + axes[:1]
    centre = splat(column(box, 0, axes))
    half = splat((*column(box, 1, axes), margin))
    zero = splat(F.dtype.type(0))
    number_cut, number_active = 0, 0
    for k in range(size):
        w = load_rows(F, names[k], rows)
        value = combine(w[-1], w, centre)
        reach = dot(magnitude(w), half)
        above = zero < value - reach
        some, all_of = bits(~(above | (value + reach <= zero))), bits(above)
        # (Written whether or not it counts: a branch would be guessed wrong too often.)
        cut[number_cut, 0], cut[number_cut, 1] = names[k], some
        active[number_active, 0], active[number_active, 1] = names[k], all_of
        number_cut += some != 0
        number_active += all_of != 0
    return number_cut, number_active


@kernel()
def _add_active(F, D, active, number, moments, axes):
    """Add to D what active features get from a leaf's moments; return those features' moments."""
    rows = axes + axes[:1]
    of_points, of_features = splat(moments), splat(outer(rows, rows))
    for k in range(number):
        j, some = active[k, 0], lanes(active[k, 1])
        w, d = load_rows(F, j, rows), load_rows(D, j, rows)
        if len(axes) == 2:  # (Either way of adding is as good: runs keep the bits they had.)
            d = add_each(d, keep(some, multiply(of_points, w)))
        else:
            d = add_multiplied(d, of_points, keep(some, w))
        store_rows(D, j, d)
    # (Apart from the above, so that either has its sums in registers.)
    for k in range(number):
        w = load_rows(F, active[k, 0], rows)
        of_features = add_outer(of_features, keep(lanes(active[k, 1]), w), w)
    return total(of_features)


@kernel()
def _add_pairs(F, D, fresh, names, size, h, first, last, dh, point_sums, axes):
    """Add the pair sums of points `first` … `last` − 1 and an even number of groups.

    If `fresh`, D is set to the features' sums, and what it held is not read. Two groups and their
    sums stay in registers while the points pass, so that multiplications bound the speed, not
    loads and stores.
    """
    zero, dimensions = splat(F.dtype.type(0)), len(axes)
    rows = axes + axes[:1]
    points_a_vector = LANES // dimensions
    stop = -(-(last - first) // points_a_vector) * LANES
    for k in range(0, stop):
        store(point_sums, k * LANES, zero)
    for k in range(0, size, 2):
        one, two = names[k], names[k + 1]
        v, w = load_rows(F, one, rows), load_rows(F, two, rows)
        if fresh:
            dv, dw = splat(rows), splat(rows)
        else:
            dv, dw = load_rows(D, one, rows), load_rows(D, two, rows)
        for i in range(first, last):
            point = splat(column(h, i, axes))
            r = larger(zero, combine(v[-1], v, point))
            s = larger(zero, combine(w[-1], w, point))
            dv, dw = add_scaled(dv, r, point), add_scaled(dw, s, point)
            at = (i - first) * dimensions * LANES
            sums = add_scaled(load_rows(point_sums, at, axes), r, v)
            store_rows(point_sums, at, add_scaled(sums, s, w))
        store_rows(D, one, dv)
        store_rows(D, two, dw)
    for k in range(0, stop, LANES):  # (as many points at a time as fill a vector)
        start = first + k // dimensions
        store(point_sums, k * LANES, lane_totals(point_sums, k * LANES))
        for i in range(start, min(start + points_a_vector, last)):
            for d in range(dimensions):
                dh[d, i] += point_sums[k, (i - start) * dimensions + d]


@kernel()
def _add_packed(F, D, cut, number, h, first, last, dh, all_groups, packed, of_packed, sums, axes):
    """Add the pair sums of the features `cut`, packed side by side; return how many they are."""
    rows, N, S = len(axes) + 1, F.shape[1], packed.shape[1]
    size = 0
    for k in range(number):
        j, some = cut[k, 0], lanes(cut[k, 1])
        for d in range(rows):
            store_packed(packed, d * S + size, some, load(F, d * N + j))
        size += count(some)
    full = -(-size // (2 * LANES)) * 2 * LANES
    for d in range(rows):
        for k in range(size, full):  # what fills up the last vectors is silent everywhere
            packed[d, k] = -1 if d == rows - 1 else 0
    _add_pairs(packed, of_packed, True, all_groups, full // LANES, h, first, last, dh, sums, axes)
    start = 0
    for k in range(number):
        j, some = cut[k, 0], lanes(cut[k, 1])
        for d in range(rows):
            j_d = d * N + j
            store(D, j_d, load(D, j_d) + load_packed(of_packed, d * S + start, some))
        start += count(some)
    return size


class Scratch(NamedTuple):
    """What `add_block` writes on its way, for each chunk, and needs no longer afterwards."""

    all_groups: np.ndarray  # where each group starts: the same for all chunks
    box: np.ndarray
    near_bounds: np.ndarray  # of the groups that may cut the block, side by side
    near_sums: np.ndarray
    near_moments: np.ndarray
    names: np.ndarray  # of the groups that may cut the block, and the leaf
    cut: np.ndarray  # groups with features that may cut the leaf, and which those are
    active: np.ndarray  # groups with features that are active on all of it
    packed: np.ndarray  # features that may cut the leaf, and their gradient
    point_sums: np.ndarray


def scratch_for(sizes: Sizes, N: int, dtype) -> Scratch:
    """Return arrays for `add_block`, for N features."""
    chunks, dimensions = sizes.chunks, sizes.dimensions
    rows = dimensions + 1
    triangle = rows * (rows + 1) // 2
    S = N // GROUP + LANES  # (packing may write past the end)
    return Scratch(
        np.arange(0, N + 2 * LANES, GROUP, dtype=np.int32),
        np.empty((chunks, dimensions, 3), dtype),
        np.zeros((chunks, 2 * rows, S), dtype),
        np.zeros((chunks, triangle, S), dtype),
        np.zeros((chunks, triangle, S), dtype),
        np.empty((chunks, 2, S), np.int32),
        np.empty((chunks, S, 2), np.int64),
        np.empty((chunks, S, 2), np.int64),
        np.empty((chunks, 2, rows, N + SPARE), dtype),
        np.empty((chunks, LEAF * dimensions, LANES), dtype),
    )


@kernel()
def add_block(F, bounds, sums, h, first, last, leaf, dh, D, group_moments, scratch, chunk, axes):
    """Add all pair sums of the points `first` … `last` − 1 of one block; return pairs visited.

    Parameters
    ----------
    F, bounds, sums
        Features, and `bound_groups` of them.
    h, dh : (dimensions, T) array
        Hidden vectors, and their gradients, which are added to.
    leaf : int
        Points a leaf, as `sizes_for` has it.
    D : (dimensions + 1, N + SPARE) array
        Gradient of the features, added to.
    group_moments : (…, N/16) array
        Moments of the points on which a whole group is active, added to; they are brought to the
        features when all blocks are done.
    scratch, chunk
        Arrays from `scratch_for`, and which of them are free.
    axes : tuple
        As many zeros as there are dimensions.
    """
    margin, G = F.dtype.type(MARGIN), bounds.shape[1]
    one = (F.dtype.type(1),)
    box, point_sums = scratch.box[chunk], scratch.point_sums[chunk]
    near_bounds, near_sums = scratch.near_bounds[chunk], scratch.near_sums[chunk]
    near_moments, all_groups = scratch.near_moments[chunk], scratch.all_groups
    near, names = scratch.names[chunk, 0], scratch.names[chunk, 1]
    cut, active, packed = scratch.cut[chunk], scratch.active[chunk], scratch.packed[chunk]
    rows = axes + axes[:1]
    of_block = outer(rows, rows)
    size, visited = 0, 0
    if len(axes) == 2:
        moments = bound_points(h, first, last, axes, margin, box)
        size, of_block = classify_groups(
            bounds, sums, group_moments, all_groups, G, moments, box, axes, margin, near
        )
        gather_groups(bounds, sums, near, size, near_bounds, near_sums, near_moments)
    for start in range(first, last, leaf):
        stop = min(start + leaf, last)
        moments = bound_points(h, start, stop, axes, margin, box)
        found, of_active = G, of_block
        if len(axes) == 2:
            found, of_leaf = classify_groups(
                near_bounds, near_sums, near_moments, near, size, moments, box, axes, margin, names
            )
            of_active = add_each(of_active, of_leaf)
        if leaf == SMALL_LEAF:
            names[found] = G * GROUP  # a silent group
            even = found + found % 2
            _add_pairs(F, D, False, names, even, h, start, stop, dh, point_sums, axes)
            visited += found * GROUP * (stop - start)
        else:
            number, whole = _classify_features(
                F, names if len(axes) == 2 else all_groups, found, box, axes, margin, cut, active
            )
            of_features = _add_active(F, D, active, whole, moments, axes)
            of_active = add_each(of_active, of_features)
            visited += (stop - start) * _add_packed(
                F, D, cut, number, h, start, stop, dh, all_groups, packed[0], packed[1],
                point_sums, axes,
            )  # fmt: skip
        for i in range(start, stop):
            push = multiply(of_active, column(h, i, axes) + one)
            for d in range(len(axes)):
                dh[d, i] += push[d]
    for d in range(near_moments.shape[0]):
        for k in range(size):
            group_moments[d, near[k] // GROUP] += near_moments[d, k]
    return visited
