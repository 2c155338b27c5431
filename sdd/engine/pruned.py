"""The pair term at m = 2 without the pairs whose sign is known: exact, and far below T · n.

The points for which feature j is active, b_j + W_j · h > 0, are those on one side of a line. So
for a *leaf* of neighbouring points, in a box, most features are either silent on all of it, and
add nothing, or active on all of it, and then their sums need only the leaf's moments:

    Σ_i r_ij h_i = (Σ_i h_i h_iᵀ) W_j + (Σ_i h_i) b_j,
    Σ_i r_ij = (Σ_i h_i) · W_j + (Σ_i 1) b_j,
    Σ_j r_ij W_j = (Σ_j W_j W_jᵀ) h_i + (Σ_j b_j W_j).

Only features whose line may cut the box are taken point by point. Finding out which those are is
itself done for many at a time: *blocks* of points against *groups* of features alike in
direction, then leaves against the groups that cut the block. A group that cuts a leaf is taken
whole; where points are many, its features are sorted out one by one, and those that cut the leaf
are packed side by side.

Throughout, F (3 · N) holds W_1, W_2 and b one after the other in the order of `order.py`,
padded to N features by silent ones; D is the gradient, laid out alike.
"""

import numba
import numpy as np

from sdd.engine.vectors import (
    LANES,
    bits,
    count,
    keep,
    lanes,
    larger,
    largest,
    least,
    load,
    load_packed,
    magnitude,
    root,
    splat,
    store,
    store_packed,
    total,
    totals,
)

__all__ = [
    "GROUP",
    "LEAF",
    "MANY_FEATURES",
    "MANY_POINTS",
    "MARGIN",
    "ROWS",
    "WIDE",
    "add_block",
    "block_room",
    "bound_groups",
    "gather_near",
    "leaf_size",
    "padded",
    "sort_groups",
    "spread_moments",
]

ROWS = 256  # points a block
LEAF, WIDE = 8, 32  # points a leaf: as many as stay in registers, or more (see `leaf_size`)
GROUP = LANES  # features a group: one vector
MANY_FEATURES, MANY_POINTS = 4_000, 50_000  # measured: where either kind of leaf takes as long
# Bounds are widened by this share of their terms, so that rounding never hides a cut pair.
MARGIN = 1e-5


def leaf_size(n: int, T: int) -> int:
    """Return the number of points a leaf, for n features and T points.

    Small leaves take the groups that cut them whole. Where groups are wide beside leaves, as
    features are few or points many, it pays to take the features that cut a leaf out of their
    groups, and then leaves may be larger.
    """
    return LEAF if n >= MANY_FEATURES and T < MANY_POINTS else WIDE


def padded(n: int) -> int:
    """Return n rounded up to whole vectors of groups."""
    return -(-n // (GROUP * LANES)) * GROUP * LANES


@numba.njit(cache=True, nogil=True, error_model="numpy")
def bound_groups(F, scale, bounds, sums, first, last):
    """Set boxes of the directions of groups `first` … `last` − 1, and sums over their features.

    bounds (6 · N/16) holds the centres of x, y, c, then half the widths; directions are scaled
    to x² + y² + (c / scale)² = 1, as only signs are asked of them. sums (6 · N/16) holds
    Σ W_1², Σ W_1 W_2, Σ W_2², Σ b W_1, Σ b W_2, Σ b².
    """
    real = F.dtype.type
    N = F.size // 3
    G = N // GROUP
    half, wide = real(0.5), real(0.5 * (1 + MARGIN))
    zero, one, inverse_scale = splat(real(0)), splat(real(1)), splat(real(1) / scale)
    for g in range(first, last):
        j = g * GROUP
        x, y, c = load(F, j), load(F, N + j), load(F, 2 * N + j)
        sums[g], sums[G + g], sums[2 * G + g] = total(x * x), total(x * y), total(y * y)
        sums[3 * G + g], sums[4 * G + g], sums[5 * G + g] = total(x * c), total(y * c), total(c * c)
        # (First by the sum of sizes: squares of small numbers would be zero.)
        size = magnitude(x) + magnitude(y) + magnitude(c) * inverse_scale
        unit = keep(zero < size, one / size)
        ux, uy, uc = x * unit, y * unit, c * unit
        length = ux * ux + uy * uy + uc * inverse_scale * (uc * inverse_scale)
        unit = keep(zero < length, one / root(length))
        # Zero; but where anything is infinite or not a number, not a number.
        guard = total((size - size) + (ux - ux) + (uy - uy) + (uc - uc))
        for d in range(3):
            v = (ux if d == 0 else uy if d == 1 else uc) * unit
            low, high = least(v), largest(v)
            bounds[d * G + g] = half * (low + high)
            bounds[(3 + d) * G + g] = wide * (high - low) + guard


@numba.njit(cache=True, nogil=True)
def _box(p, q, first, last, margin):
    """Return centre and half widths of the box of some points."""
    p0 = p1 = p[first]
    q0 = q1 = q[first]
    s = p.dtype.type(0)
    for i in range(first, last):
        p0, p1 = min(p0, p[i]), max(p1, p[i])
        q0, q1 = min(q0, q[i]), max(q1, q[i])
        s += abs(p[i]) + abs(q[i])
    half, guard = p.dtype.type(0.5), s - s  # zero, but not a number where a point is none
    cp, cq = half * (p0 + p1), half * (q0 + q1)
    ep, eq = half * (p1 - p0) + margin * abs(cp), half * (q1 - q0) + margin * abs(cq)
    return cp, cq, ep + guard, eq + guard


@numba.njit(cache=True, nogil=True)
def _moments(p, q, first, last):
    """Return Σ1, Σp, Σq, Σpp, Σpq, Σqq over some points."""
    zero = p.dtype.type(0)
    sp = sq = pp = pq = qq = zero
    for i in range(first, last):
        sp += p[i]
        sq += q[i]
        pp += p[i] * p[i]
        pq += p[i] * q[i]
        qq += q[i] * q[i]
    return p.dtype.type(last - first), sp, sq, pp, pq, qq


@numba.njit(cache=True, nogil=True)
def _side(bounds, G, k, cp, cq, ep, eq, margin):
    """Return masks of the groups k … k + 15 of `bounds`: active on a whole box; cut by it.

    The box is (cp ± ep, cq ± eq). Where anything is not a number the group counts as cut.
    """
    x, y, c = load(bounds, k), load(bounds, G + k), load(bounds, 2 * G + k)
    wx, wy, wc = load(bounds, 3 * G + k), load(bounds, 4 * G + k), load(bounds, 5 * G + k)
    ax, ay = magnitude(x), magnitude(y)
    centre = c + x * splat(cp) + y * splat(cq)
    reach = (
        wc + ax * splat(ep) + ay * splat(eq) + wx * splat(abs(cp) + ep) + wy * splat(abs(cq) + eq)
    )
    reach = reach + splat(margin) * magnitude(c)
    zero = centre - centre
    active = zero < centre - reach
    return active, ~(active | (centre + reach <= zero))


@numba.njit(cache=True, nogil=True)
def _add_run(F, D, groups, found, p, q, first, last, u, v, spare):
    """Add the pair sums of points `first` … `last` − 1 and the groups that start at groups[:found].

    Eight points at a time: per group that is 64 arithmetic instructions on 3 loads, and 3 more
    loads and stores for the sums.
    """
    N = F.size // 3
    zero = splat(p.dtype.type(0))
    i = first
    while i + 8 <= last:
        p0, p1, p2, p3 = splat(p[i]), splat(p[i + 1]), splat(p[i + 2]), splat(p[i + 3])
        p4, p5, p6, p7 = splat(p[i + 4]), splat(p[i + 5]), splat(p[i + 6]), splat(p[i + 7])
        q0, q1, q2, q3 = splat(q[i]), splat(q[i + 1]), splat(q[i + 2]), splat(q[i + 3])
        q4, q5, q6, q7 = splat(q[i + 4]), splat(q[i + 5]), splat(q[i + 6]), splat(q[i + 7])
        u0 = u1 = u2 = u3 = u4 = u5 = u6 = u7 = zero
        v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = zero
        for k in range(found):
            j = groups[k]
            x, y, c = load(F, j), load(F, N + j), load(F, 2 * N + j)
            dx, dy, dc = load(D, j), load(D, N + j), load(D, 2 * N + j)
            r = larger(zero, c + x * p0 + y * q0)
            dx, dy, dc, u0, v0 = dx + r * p0, dy + r * q0, dc + r, u0 + r * x, v0 + r * y
            r = larger(zero, c + x * p1 + y * q1)
            dx, dy, dc, u1, v1 = dx + r * p1, dy + r * q1, dc + r, u1 + r * x, v1 + r * y
            r = larger(zero, c + x * p2 + y * q2)
            dx, dy, dc, u2, v2 = dx + r * p2, dy + r * q2, dc + r, u2 + r * x, v2 + r * y
            r = larger(zero, c + x * p3 + y * q3)
            dx, dy, dc, u3, v3 = dx + r * p3, dy + r * q3, dc + r, u3 + r * x, v3 + r * y
            r = larger(zero, c + x * p4 + y * q4)
            dx, dy, dc, u4, v4 = dx + r * p4, dy + r * q4, dc + r, u4 + r * x, v4 + r * y
            r = larger(zero, c + x * p5 + y * q5)
            dx, dy, dc, u5, v5 = dx + r * p5, dy + r * q5, dc + r, u5 + r * x, v5 + r * y
            r = larger(zero, c + x * p6 + y * q6)
            dx, dy, dc, u6, v6 = dx + r * p6, dy + r * q6, dc + r, u6 + r * x, v6 + r * y
            r = larger(zero, c + x * p7 + y * q7)
            dx, dy, dc, u7, v7 = dx + r * p7, dy + r * q7, dc + r, u7 + r * x, v7 + r * y
            store(D, j, dx)
            store(D, N + j, dy)
            store(D, 2 * N + j, dc)
        sums = (u0, u1, u2, u3, u4, u5, u6, u7, v0, v1, v2, v3, v4, v5, v6, v7)
        store(spare, 0, totals(sums))
        for k in range(8):
            u[i + k] += spare[k]
            v[i + k] += spare[8 + k]
        i += 8
    while i < last:
        p0, q0, u0, v0 = splat(p[i]), splat(q[i]), zero, zero
        for k in range(found):
            j = groups[k]
            x, y, c = load(F, j), load(F, N + j), load(F, 2 * N + j)
            r = larger(zero, c + x * p0 + y * q0)
            store(D, j, load(D, j) + r * p0)
            store(D, N + j, load(D, N + j) + r * q0)
            store(D, 2 * N + j, load(D, 2 * N + j) + r)
            u0, v0 = u0 + r * x, v0 + r * y
        u[i] += total(u0)
        v[i] += total(v0)
        i += 1


@numba.njit(cache=True, nogil=True)
def sort_groups(
    bounds, sums, A, size, stride, names, p, q, first, last, margin, cut_names, squares
):
    """Find on which side of the points `first` … `last` − 1 the first `size` groups are.

    To the groups active on all of them, the points' moments are added in A, and those groups'
    sums are returned (the last only for `squares`); those that cut their box are listed in
    `cut_names`, and counted. All without a branch: a wrong guess costs as much as sixteen groups.
    """
    cp, cq, ep, eq = _box(p, q, first, last, margin)
    n1, sp, sq, pp, pq, qq = _moments(p, q, first, last)
    zero = splat(p.dtype.type(0))
    sxx = sxy = syy = sxc = syc = scc = zero
    n1, sp, sq, pp, pq, qq = splat(n1), splat(sp), splat(sq), splat(pp), splat(pq), splat(qq)
    G = stride
    found = 0
    for k in range(0, size, LANES):
        active, cut = _side(bounds, G, k, cp, cq, ep, eq, margin)
        store(A, k, load(A, k) + keep(active, n1))
        store(A, G + k, load(A, G + k) + keep(active, sp))
        store(A, 2 * G + k, load(A, 2 * G + k) + keep(active, sq))
        store(A, 3 * G + k, load(A, 3 * G + k) + keep(active, pp))
        store(A, 4 * G + k, load(A, 4 * G + k) + keep(active, pq))
        store(A, 5 * G + k, load(A, 5 * G + k) + keep(active, qq))
        sxx = sxx + keep(active, load(sums, k))
        sxy = sxy + keep(active, load(sums, G + k))
        syy = syy + keep(active, load(sums, 2 * G + k))
        sxc = sxc + keep(active, load(sums, 3 * G + k))
        syc = syc + keep(active, load(sums, 4 * G + k))
        if squares:
            scc = scc + keep(active, load(sums, 5 * G + k))
        store_packed(cut_names, found, cut, load(names, k))
        found += count(cut)
    return found, total(sxx), total(sxy), total(syy), total(sxc), total(syc), total(scc)


@numba.njit(cache=True, nogil=True)
def gather_near(bounds, sums, names, size, near, near_sums, near_A):
    """Bring what is known of the first `size` groups of `names` side by side."""
    G, S = bounds.size // 6, near.size // 6
    full = -(-size // LANES) * LANES
    for k in range(size):
        g = names[k] // GROUP
        for d in range(6):
            near[d * S + k] = bounds[d * G + g]
            near_sums[d * S + k] = sums[d * G + g]
    for k in range(size, full):
        names[k] = 0
    for d in range(6):
        for k in range(size, full):  # what fills up the last vector is silent everywhere
            near[d * S + k] = -1 if d == 2 else 0
            near_sums[d * S + k] = 0
        for k in range(full):
            near_A[d * S + k] = 0


@numba.njit(cache=True, nogil=True)
def _pack(F, D, names, size, p, q, first, last, margin, P, masks):
    """Sort the features of the first `size` groups of `names` by side, one by one.

    What those that are active on all of the points add goes to D; those that are cut go to P,
    side by side, and `masks` says which lanes they came from. Returns how many those are, and
    the sums over features that are active on all points.
    """
    N = F.size // 3
    cp, cq, ep, eq = _box(p, q, first, last, margin)
    n1, sp, sq, pp, pq, qq = _moments(p, q, first, last)
    cp, cq, ep, eq, slack = splat(cp), splat(cq), splat(ep), splat(eq), splat(margin)
    n1, sp, sq, pp, pq, qq = splat(n1), splat(sp), splat(sq), splat(pp), splat(pq), splat(qq)
    zero = splat(F.dtype.type(0))
    sxx = sxy = syy = sxc = syc = zero
    found = 0
    for k in range(size):
        j = names[k]
        x, y, c = load(F, j), load(F, N + j), load(F, 2 * N + j)
        centre = c + x * cp + y * cq
        reach = magnitude(x) * ep + magnitude(y) * eq + magnitude(c) * slack
        whole = zero < centre - reach
        some = ~(whole | (centre + reach <= zero))
        dx, dy, dc = load(D, j), load(D, N + j), load(D, 2 * N + j)
        store(D, j, dx + keep(whole, pp * x + pq * y + sp * c))
        store(D, N + j, dy + keep(whole, pq * x + qq * y + sq * c))
        store(D, 2 * N + j, dc + keep(whole, sp * x + sq * y + n1 * c))
        x1, y1 = keep(whole, x), keep(whole, y)
        sxx, sxy, syy = sxx + x1 * x, sxy + x1 * y, syy + y1 * y
        sxc, syc = sxc + x1 * c, syc + y1 * c
        store_packed(P, found, some, x)
        store_packed(P, N + LANES + found, some, y)
        store_packed(P, 2 * (N + LANES) + found, some, c)
        masks[k] = bits(some)
        found += count(some)
    return found, total(sxx), total(sxy), total(syy), total(sxc), total(syc)


@numba.njit(cache=True, nogil=True)
def _add_packed(F, D, names, size, P, R, masks, found, p, q, first, last, all_names, u, v, spare):
    """Add the pair sums of the `found` features in P, and take their gradient from R to D."""
    N = F.size // 3
    S = P.size // 3
    full = -(-found // LANES) * LANES
    for d in range(3):
        for k in range(found, full):  # what fills up the last vector is silent everywhere
            P[d * S + k] = -1 if d == 2 else 0
        for k in range(full):
            R[d * S + k] = 0
    _add_run(P, R, all_names, full // LANES, p, q, first, last, u, v, spare)
    start = 0
    for k in range(size):
        j, some = names[k], lanes(masks[k])
        store(D, j, load(D, j) + load_packed(R, start, some))
        store(D, N + j, load(D, N + j) + load_packed(R, S + start, some))
        store(D, 2 * N + j, load(D, 2 * N + j) + load_packed(R, 2 * S + start, some))
        start += count(some)


def block_room(chunks: int, N: int, dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return space for blocks to work in, numbers and int32, for each chunk; N features."""
    S = N // GROUP + LANES  # (packing may write past the end)
    room = np.zeros((chunks, 18 * S + LANES + 6 * (N + LANES)), dtype)
    places = np.empty((chunks, 4 * S), np.int32)
    places[:, : N // GROUP] = np.arange(0, N, GROUP)
    return room, places


@numba.njit(cache=True, nogil=True)
def add_block(F, bounds, sums, p, q, first, last, leaf, u, v, D, A, room, places, margin):
    """Add all pair sums of the points `first` … `last` − 1 of one block; return pairs visited.

    Parameters
    ----------
    F, bounds, sums
        Features, and `bound_groups` of them.
    p, q : (T,) array
        Hidden vectors; u and v, their gradients, are added to.
    leaf : int
        Points a leaf, as `leaf_size` has it.
    D : (3 · N,) array
        Gradient of the features, added to.
    A : (6 · N/16,) array
        Moments of the points on which a whole group is active, added to: `spread_moments`
        brings them to the features when all blocks are done.
    room, places
        Space to work in: a row of either from `block_room`.
    """
    N = F.size // 3
    G = N // GROUP
    S = G + LANES  # (packing may write past the end)
    near, near_sums, near_A = room[: 6 * S], room[6 * S : 12 * S], room[12 * S : 18 * S]
    spare, packed = room[18 * S : 18 * S + LANES], room[18 * S + LANES :]
    P, R = packed[: 3 * (N + LANES)], packed[3 * (N + LANES) :]
    all_names, near_names = places[:G], places[S : 2 * S]
    cut_names, masks = places[2 * S : 3 * S], places[3 * S :]

    size, txx, txy, tyy, txc, tyc, _ = sort_groups(
        bounds, sums, A, G, G, all_names, p, q, first, last, margin, near_names, False
    )
    gather_near(bounds, sums, near_names, size, near, near_sums, near_A)
    visited = 0
    for start in range(first, last, leaf):
        stop = min(start + leaf, last)
        found, xx, xy, yy, xc, yc, _ = sort_groups(
            near,
            near_sums,
            near_A,
            size,
            S,
            near_names,
            p,
            q,
            start,
            stop,
            margin,
            cut_names,
            False,
        )
        xx, xy, yy, xc, yc = xx + txx, xy + txy, yy + tyy, xc + txc, yc + tyc
        if leaf == LEAF:
            _add_run(F, D, cut_names, found, p, q, start, stop, u, v, spare)
            visited += found * GROUP * (stop - start)
        else:
            some, wxx, wxy, wyy, wxc, wyc = _pack(
                F, D, cut_names, found, p, q, start, stop, margin, P, masks
            )
            _add_packed(
                F, D, cut_names, found, P, R, masks, some, p, q, start, stop, all_names, u, v, spare
            )
            xx, xy, yy, xc, yc = xx + wxx, xy + wxy, yy + wyy, xc + wxc, yc + wyc
            visited += some * (stop - start)
        for i in range(start, stop):
            u[i] += xx * p[i] + xy * q[i] + xc
            v[i] += xy * p[i] + yy * q[i] + yc
    for d in range(6):
        for k in range(size):
            A[d * G + near_names[k] // GROUP] += near_A[d * S + k]
    return visited


@numba.njit(cache=True, nogil=True)
def spread_moments(F, A, g):
    """Return the gradient that the moments A (chunks, 6 · N/16) mean for group g's features."""
    N = F.size // 3
    G = N // GROUP
    zero = F.dtype.type(0)
    n1 = sp = sq = pp = pq = qq = zero
    for c in range(A.shape[0]):
        n1, sp, sq = n1 + A[c, g], sp + A[c, G + g], sq + A[c, 2 * G + g]
        pp, pq, qq = pp + A[c, 3 * G + g], pq + A[c, 4 * G + g], qq + A[c, 5 * G + g]
    j = g * GROUP
    x, y, c = load(F, j), load(F, N + j), load(F, 2 * N + j)
    return (
        splat(pp) * x + splat(pq) * y + splat(sp) * c,
        splat(pq) * x + splat(qq) * y + splat(sq) * c,
        splat(sp) * x + splat(sq) * y + splat(n1) * c,
    )
