"""The pair term at m = 2 without the pairs whose sign is known: exact, and far below T · n.

The points for which feature j is active, b_j + W_j · h > 0, are those on one side of a line. So
for a *leaf* of neighbouring points, in a box, most features are either silent on all of it, and
add nothing, or active on all of it, and then their sums need only the leaf's moments:

    Σ_i r_ij h_i = (Σ_i h_i h_iᵀ) W_j + (Σ_i h_i) b_j,
    Σ_i r_ij = (Σ_i h_i) · W_j + (Σ_i 1) b_j,
    Σ_j r_ij W_j = (Σ_j W_j W_jᵀ) h_i + (Σ_j b_j W_j).

Only features whose line cuts the box are taken point by point. Finding out which those are is
itself done for many at a time: *blocks* of leaves against *groups* of features alike in
direction, then leaves against the groups that cut the block, then leaves against the single
features of the groups that cut the leaf. Features found to cut a leaf are packed side by side,
so that the pairs run at full speed.

Throughout, F (3 · N) holds W_1, W_2 and b one after the other in the order of `order.py`,
padded to N features by silent ones; D is the gradient, laid out alike.
"""

import numba

from sdd.engine.vectors import (
    LANES,
    any_lane,
    bits,
    count,
    keep,
    lanes,
    larger,
    largest,
    least,
    load,
    load_packed,
    lowest,
    magnitude,
    splat,
    store,
    store_packed,
    total,
    totals,
)

__all__ = [
    "BLOCK",
    "GROUP",
    "LEAF",
    "ROWS",
    "add_block",
    "add_squares",
    "bound_groups",
    "padded",
    "spread_moments",
]

LEAF = 32  # points a leaf
BLOCK = 8  # leaves a block
ROWS = LEAF * BLOCK
GROUP = LANES  # features a group: one vector
# Bounds are widened by this share of their terms, so that rounding never hides a cut pair.
MARGIN = 1e-5


def padded(n: int) -> int:
    """Return n rounded up to whole vectors of groups."""
    return -(-n // (GROUP * LANES)) * GROUP * LANES


@numba.njit(cache=True, nogil=True, error_model="numpy")
def bound_groups(F, scale, bounds, sums, first, last):
    """Set boxes of the directions of groups `first` … `last` − 1, and sums over their features.

    bounds (6 · N/16) holds the centres of x, y, c, then half the widths; directions are scaled
    to |x| + |y| + |c| / scale = 1, as only signs are asked of them. sums (6 · N/16) holds
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
        size = magnitude(x) + magnitude(y) + magnitude(c) * inverse_scale
        unit = keep(zero < size, one / size)
        # Zero; but where anything is infinite or not a number, not a number.
        guard = total(size) - total(size)
        for d in range(3):
            v = (x if d == 0 else y if d == 1 else c) * unit
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
def _add_moments(A, G, k, active, n1, sp, sq, pp, pq, qq):
    """Add moments of points to the groups k … k + 15 of A that are active on all of them."""
    store(A, k, load(A, k) + keep(active, splat(n1)))
    store(A, G + k, load(A, G + k) + keep(active, splat(sp)))
    store(A, 2 * G + k, load(A, 2 * G + k) + keep(active, splat(sq)))
    store(A, 3 * G + k, load(A, 3 * G + k) + keep(active, splat(pp)))
    store(A, 4 * G + k, load(A, 4 * G + k) + keep(active, splat(pq)))
    store(A, 5 * G + k, load(A, 5 * G + k) + keep(active, splat(qq)))


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
def _add_run(P, S, size, p, q, first, last, R, u, v, spare):
    """Add the pair sums of points `first` … `last` − 1 and the packed features 0 … size − 1.

    P and R hold packed features and their gradients, S numbers apart. Eight points at a time:
    per vector of features that is 64 arithmetic instructions on 3 loads, and 3 more loads and
    stores for the sums.
    """
    zero = splat(p.dtype.type(0))
    i = first
    while i + 8 <= last:
        p0, p1, p2, p3 = splat(p[i]), splat(p[i + 1]), splat(p[i + 2]), splat(p[i + 3])
        p4, p5, p6, p7 = splat(p[i + 4]), splat(p[i + 5]), splat(p[i + 6]), splat(p[i + 7])
        q0, q1, q2, q3 = splat(q[i]), splat(q[i + 1]), splat(q[i + 2]), splat(q[i + 3])
        q4, q5, q6, q7 = splat(q[i + 4]), splat(q[i + 5]), splat(q[i + 6]), splat(q[i + 7])
        u0 = u1 = u2 = u3 = u4 = u5 = u6 = u7 = zero
        v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = zero
        for j in range(0, size, LANES):
            x, y, c = load(P, j), load(P, S + j), load(P, 2 * S + j)
            dx, dy, dc = load(R, j), load(R, S + j), load(R, 2 * S + j)
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
            store(R, j, dx)
            store(R, S + j, dy)
            store(R, 2 * S + j, dc)
        sums = (u0, u1, u2, u3, u4, u5, u6, u7, v0, v1, v2, v3, v4, v5, v6, v7)
        store(spare, 0, totals(sums))
        for k in range(8):
            u[i + k] += spare[k]
            v[i + k] += spare[8 + k]
        i += 8
    while i < last:
        p0, q0, u0, v0 = splat(p[i]), splat(q[i]), zero, zero
        for j in range(0, size, LANES):
            x, y, c = load(P, j), load(P, S + j), load(P, 2 * S + j)
            r = larger(zero, c + x * p0 + y * q0)
            store(R, j, load(R, j) + r * p0)
            store(R, S + j, load(R, S + j) + r * q0)
            store(R, 2 * S + j, load(R, 2 * S + j) + r)
            u0, v0 = u0 + r * x, v0 + r * y
        u[i] += total(u0)
        v[i] += total(v0)
        i += 1


@numba.njit(cache=True, nogil=True)
def add_block(F, bounds, sums, p, q, first, last, u, v, D, A, room, places, margin):
    """Add all pair sums of the points `first` … `last` − 1 of one block; return pairs visited.

    Parameters
    ----------
    F, bounds, sums
        Features, and `bound_groups` of them.
    p, q : (T,) array
        Hidden vectors; u and v, their gradients, are added to.
    D : (3 · N,) array
        Gradient of the features, added to.
    A : (6 · N/16,) array
        Moments of the points on which a whole group is active, added to: `spread_moments`
        brings them to the features when all blocks are done.
    room : (6 · N + 17 · N/16 + 16,) array, places : (3 · N/16,) int64 array
        Space to work in.
    """
    real = F.dtype.type
    N = F.size // 3
    G = N // GROUP
    P, R = room[: 3 * N], room[3 * N : 6 * N]
    near = room[6 * N : 6 * N + 6 * G]  # bounds, sums and moments of the groups that cut the block
    near_sums = room[6 * N + 6 * G : 6 * N + 11 * G]
    near_A = room[6 * N + 11 * G : 6 * N + 17 * G]
    spare = room[6 * N + 17 * G :]
    zero = splat(real(0))

    # The block against all groups.
    cp, cq, ep, eq = _box(p, q, first, last, margin)
    n1, sp, sq, pp, pq, qq = _moments(p, q, first, last)
    sxx = sxy = syy = sxc = syc = zero
    close = 0
    for k in range(0, G, LANES):
        active, cut = _side(bounds, G, k, cp, cq, ep, eq, margin)
        if any_lane(active):
            _add_moments(A, G, k, active, n1, sp, sq, pp, pq, qq)
            sxx = sxx + keep(active, load(sums, k))
            sxy = sxy + keep(active, load(sums, G + k))
            syy = syy + keep(active, load(sums, 2 * G + k))
            sxc = sxc + keep(active, load(sums, 3 * G + k))
            syc = syc + keep(active, load(sums, 4 * G + k))
        left = bits(cut)
        while left != 0:
            g = k + lowest(left)
            left &= left - 1
            places[close] = g
            for d in range(6):
                near[d * G + close] = bounds[d * G + g]
                near_A[d * G + close] = 0
            for d in range(5):
                near_sums[d * G + close] = sums[d * G + g]
            close += 1
    txx, txy, tyy, txc, tyc = total(sxx), total(sxy), total(syy), total(sxc), total(syc)
    # Groups that fill up the last vector: silent everywhere.
    for k in range(close, min(G, -(-close // LANES) * LANES)):
        for d in range(6):
            near[d * G + k] = 0
        near[2 * G + k] = -1

    visited = 0
    for start in range(first, last, LEAF):
        stop = min(start + LEAF, last)
        cp, cq, ep, eq = _box(p, q, start, stop, margin)
        n1, sp, sq, pp, pq, qq = _moments(p, q, start, stop)
        m1, mp, mq = splat(n1), splat(sp), splat(sq)
        mpp, mpq, mqq = splat(pp), splat(pq), splat(qq)
        vcp, vcq, vep, veq = splat(cp), splat(cq), splat(ep), splat(eq)
        slack = splat(margin)
        sxx = sxy = syy = sxc = syc = zero
        size, found = 0, 0
        for k in range(0, close, LANES):
            active, cut = _side(near, G, k, cp, cq, ep, eq, margin)
            if any_lane(active):
                _add_moments(near_A, G, k, active, n1, sp, sq, pp, pq, qq)
                sxx = sxx + keep(active, load(near_sums, k))
                sxy = sxy + keep(active, load(near_sums, G + k))
                syy = syy + keep(active, load(near_sums, 2 * G + k))
                sxc = sxc + keep(active, load(near_sums, 3 * G + k))
                syc = syc + keep(active, load(near_sums, 4 * G + k))
            left = bits(cut)
            while left != 0:
                j = places[k + lowest(left)] * GROUP
                left &= left - 1
                # One group cuts the leaf: its features, one in each lane.
                x, y, c = load(F, j), load(F, N + j), load(F, 2 * N + j)
                centre = c + x * vcp + y * vcq
                reach = magnitude(x) * vep + magnitude(y) * veq + magnitude(c) * slack
                whole = zero < centre - reach
                some = ~(whole | (centre + reach <= zero))
                if any_lane(whole):
                    dx, dy, dc = load(D, j), load(D, N + j), load(D, 2 * N + j)
                    store(D, j, dx + keep(whole, mpp * x + mpq * y + mp * c))
                    store(D, N + j, dy + keep(whole, mpq * x + mqq * y + mq * c))
                    store(D, 2 * N + j, dc + keep(whole, mp * x + mq * y + m1 * c))
                    x1, y1 = keep(whole, x), keep(whole, y)
                    sxx, sxy, syy = sxx + x1 * x, sxy + x1 * y, syy + y1 * y
                    sxc, syc = sxc + x1 * c, syc + y1 * c
                if any_lane(some):
                    store_packed(P, size, some, x)
                    store_packed(P, N + size, some, y)
                    store_packed(P, 2 * N + size, some, c)
                    places[G + found], places[2 * G + found] = j, bits(some)
                    found += 1
                    size += count(some)
        if size > 0:
            # Fill up the last vector with features that are silent everywhere.
            full = -(-size // LANES) * LANES
            for k in range(size, full):
                P[k], P[N + k], P[2 * N + k] = 0, 0, -1
            for k in range(0, full, LANES):
                store(R, k, zero)
                store(R, N + k, zero)
                store(R, 2 * N + k, zero)
            _add_run(P, N, full, p, q, start, stop, R, u, v, spare)
            size = 0
            for k in range(found):
                j, some = places[G + k], lanes(places[2 * G + k])
                store(D, j, load(D, j) + load_packed(R, size, some))
                store(D, N + j, load(D, N + j) + load_packed(R, N + size, some))
                store(D, 2 * N + j, load(D, 2 * N + j) + load_packed(R, 2 * N + size, some))
                size += count(some)
            visited += size * (stop - start)
        xx, xy, yy = txx + total(sxx), txy + total(sxy), tyy + total(syy)
        xc, yc = txc + total(sxc), tyc + total(syc)
        for i in range(start, stop):
            u[i] += xx * p[i] + xy * q[i] + xc
            v[i] += xy * p[i] + yy * q[i] + yc
    for k in range(close):
        g = places[k]
        for d in range(6):
            A[d * G + g] += near_A[d * G + k]
    return visited


@numba.njit(cache=True, nogil=True)
def spread_moments(F, A, D, first, last):
    """Add to D what the moments A of the groups `first` … `last` − 1 mean for their features."""
    N = F.size // 3
    G = N // GROUP
    for g in range(first, last):
        n1, sp, sq = A[g], A[G + g], A[2 * G + g]
        pp, pq, qq = A[3 * G + g], A[4 * G + g], A[5 * G + g]
        for j in range(g * GROUP, (g + 1) * GROUP):
            x, y, c = F[j], F[N + j], F[2 * N + j]
            D[j] += pp * x + pq * y + sp * c
            D[N + j] += pq * x + qq * y + sq * c
            D[2 * N + j] += sp * x + sq * y + n1 * c


@numba.njit(cache=True, nogil=True)
def add_squares(F, bounds, sums, p, q, out, P, margin):
    """Add Σ_j max(a_ij, 0)² to out[i] for every point; P (3 · N) is space to work in.

    The same descent as in `add_block`, without its upper level. Where a feature is active on a
    whole leaf its square is a quadratic form in the point, and those can be added up first.
    """
    real = F.dtype.type
    N = F.size // 3
    G = N // GROUP
    zero, slack = splat(real(0)), splat(margin)
    for start in range(0, p.size, LEAF):
        stop = min(start + LEAF, p.size)
        cp, cq, ep, eq = _box(p, q, start, stop, margin)
        vcp, vcq, vep, veq = splat(cp), splat(cq), splat(ep), splat(eq)
        sxx = sxy = syy = sxc = syc = scc = zero
        size = 0
        for k in range(0, G, LANES):
            active, cut = _side(bounds, G, k, cp, cq, ep, eq, margin)
            if any_lane(active):
                sxx = sxx + keep(active, load(sums, k))
                sxy = sxy + keep(active, load(sums, G + k))
                syy = syy + keep(active, load(sums, 2 * G + k))
                sxc = sxc + keep(active, load(sums, 3 * G + k))
                syc = syc + keep(active, load(sums, 4 * G + k))
                scc = scc + keep(active, load(sums, 5 * G + k))
            left = bits(cut)
            while left != 0:
                j = (k + lowest(left)) * GROUP
                left &= left - 1
                x, y, c = load(F, j), load(F, N + j), load(F, 2 * N + j)
                centre = c + x * vcp + y * vcq
                reach = magnitude(x) * vep + magnitude(y) * veq + magnitude(c) * slack
                whole = zero < centre - reach
                some = ~(whole | (centre + reach <= zero))
                x1, y1, c1 = keep(whole, x), keep(whole, y), keep(whole, c)
                sxx, sxy, syy = sxx + x1 * x, sxy + x1 * y, syy + y1 * y
                sxc, syc, scc = sxc + x1 * c, syc + y1 * c, scc + c1 * c
                store_packed(P, size, some, x)
                store_packed(P, N + size, some, y)
                store_packed(P, 2 * N + size, some, c)
                size += count(some)
        full = -(-size // LANES) * LANES
        for k in range(size, full):
            P[k], P[N + k], P[2 * N + k] = 0, 0, -1
        xx, xy, yy = total(sxx), total(sxy), total(syy)
        xc, yc, cc = total(sxc), total(syc), total(scc)
        for i in range(start, stop):
            pi, qi, squares = splat(p[i]), splat(q[i]), zero
            for k in range(0, full, LANES):
                r = larger(zero, load(P, 2 * N + k) + load(P, k) * pi + load(P, N + k) * qi)
                squares = squares + r * r
            quadratic = xx * p[i] * p[i] + 2 * xy * p[i] * q[i] + yy * q[i] * q[i]
            out[i] += total(squares) + quadratic + 2 * (xc * p[i] + yc * q[i]) + cc
