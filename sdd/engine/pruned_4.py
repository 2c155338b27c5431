"""The pair term at m = 3 and 4 without the pairs whose sign is known.

As at m = 2 (see `pruned.py`): for a *leaf* of neighbouring points, in a box, a feature is
silent on all of it, and adds nothing; or active on all of it, and adds what the leaf's moments
say; or it cuts the leaf, and is taken point by point, packed side by side with others that do.
What differs follows from boxes in four dimensions: with as many points they are wide. Early in
training a third of all pairs is cut, in half of all vectors of features, so there are no levels
above leaf and vector, and the pairs themselves have to be fast.

Throughout, F (5 · N) holds W_1 … W_4 and b one after the other, padded to N features by silent
ones (and at m = 3 to four rows by zeros); D is the gradient, laid out alike. h and dh are (4, T).
"""

import numba

from sdd.engine.vectors import (
    LANES,
    bits,
    count,
    keep,
    lanes,
    larger,
    load,
    load_packed,
    magnitude,
    splat,
    store,
    store_packed,
    total,
    totals,
)

__all__ = ["LEAF", "PAIR", "ROOM", "add_leaf"]

LEAF = 32  # points a leaf
PAIR = 2 * LANES  # features that `_add_run` holds in registers
ROOM = 4 * LANES * LEAF + LANES  # numbers of space for sums over points, beyond 10 · (N + PAIR)


@numba.njit(cache=True, nogil=True)
def _box(x, first, last, margin):
    """Return centre and half width of some numbers; not a number where one of them is none."""
    low = high = x[first]
    s = x.dtype.type(0)
    for i in range(first, last):
        low, high = min(low, x[i]), max(high, x[i])
        s += abs(x[i])
    half = x.dtype.type(0.5)
    centre = half * (low + high)
    return centre, half * (high - low) + margin * abs(centre) + (s - s)


@numba.njit(cache=True, nogil=True)
def _moment(x, y, first, last):
    s = x.dtype.type(0)
    for i in range(first, last):
        s += x[i] * y[i]
    return s


@numba.njit(cache=True, nogil=True)
def _sum(x, first, last):
    s = x.dtype.type(0)
    for i in range(first, last):
        s += x[i]
    return s


@numba.njit(cache=True, nogil=True)
def _add_run(P, S, size, h, first, last, R, dh, sums):
    """Add to dh the pair sums of some points and the packed features 0 … size − 1; set R.

    P and R hold packed features and their gradients, S numbers apart. Two vectors of features
    and their sums stay in registers while the points pass: per point 24 multiplications with
    additions, which bound the speed, on 8 loads and 4 stores.
    """
    zero = splat(P.dtype.type(0))
    for k in range(0, 4 * LANES * LEAF, LANES):
        store(sums, k, zero)
    h0, h1, h2, h3 = h[0], h[1], h[2], h[3]
    for j in range(0, size, PAIR):
        k = j + LANES
        w0, w1, w2, w3 = load(P, j), load(P, S + j), load(P, 2 * S + j), load(P, 3 * S + j)
        x0, x1, x2, x3 = load(P, k), load(P, S + k), load(P, 2 * S + k), load(P, 3 * S + k)
        c, d = load(P, 4 * S + j), load(P, 4 * S + k)
        e0 = e1 = e2 = e3 = e = f0 = f1 = f2 = f3 = f = zero
        for i in range(first, last):
            p0, p1, p2, p3 = splat(h0[i]), splat(h1[i]), splat(h2[i]), splat(h3[i])
            r = larger(zero, c + w0 * p0 + w1 * p1 + w2 * p2 + w3 * p3)
            s = larger(zero, d + x0 * p0 + x1 * p1 + x2 * p2 + x3 * p3)
            e, e0, e1, e2, e3 = e + r, e0 + r * p0, e1 + r * p1, e2 + r * p2, e3 + r * p3
            f, f0, f1, f2, f3 = f + s, f0 + s * p0, f1 + s * p1, f2 + s * p2, f3 + s * p3
            u = (i - first) * 4 * LANES
            store(sums, u, load(sums, u) + r * w0 + s * x0)
            store(sums, u + LANES, load(sums, u + LANES) + r * w1 + s * x1)
            store(sums, u + 2 * LANES, load(sums, u + 2 * LANES) + r * w2 + s * x2)
            store(sums, u + 3 * LANES, load(sums, u + 3 * LANES) + r * w3 + s * x3)
        store(R, j, e0)
        store(R, k, f0)
        store(R, S + j, e1)
        store(R, S + k, f1)
        store(R, 2 * S + j, e2)
        store(R, 2 * S + k, f2)
        store(R, 3 * S + j, e3)
        store(R, 3 * S + k, f3)
        store(R, 4 * S + j, e)
        store(R, 4 * S + k, f)
    for i in range(first, last, 4):  # (four points at a time; sums past the last are zero)
        u = (i - first) * 4 * LANES
        v = (
            load(sums, u), load(sums, u + 16), load(sums, u + 32), load(sums, u + 48),
            load(sums, u + 64), load(sums, u + 80), load(sums, u + 96), load(sums, u + 112),
            load(sums, u + 128), load(sums, u + 144), load(sums, u + 160), load(sums, u + 176),
            load(sums, u + 192), load(sums, u + 208), load(sums, u + 224), load(sums, u + 240),
        )  # fmt: skip
        store(sums, u, totals(v))
        for k in range(i, min(i + 4, last)):
            for q in range(4):
                dh[q, k] += sums[u + 4 * (k - i) + q]


@numba.njit(cache=True, nogil=True)
def _sides(F, h, first, last, cut, whole, margin):
    """Find the features that cut a leaf, and those that are active on all of it.

    Sets cut and whole (N/16, 2) to the vectors of features that hold some, and which of their
    lanes; returns the number of vectors in either.
    """
    N = F.size // 5
    b0, b1 = _box(h[0], first, last, margin), _box(h[1], first, last, margin)
    b2, b3 = _box(h[2], first, last, margin), _box(h[3], first, last, margin)
    c0, c1, c2, c3 = splat(b0[0]), splat(b1[0]), splat(b2[0]), splat(b3[0])
    e0, e1, e2, e3, slack = splat(b0[1]), splat(b1[1]), splat(b2[1]), splat(b3[1]), splat(margin)
    zero = splat(F.dtype.type(0))
    found, full = 0, 0
    for j in range(0, N, LANES):
        w0, w1, w2, w3 = load(F, j), load(F, N + j), load(F, 2 * N + j), load(F, 3 * N + j)
        c = load(F, 4 * N + j)
        centre = c + w0 * c0 + w1 * c1 + w2 * c2 + w3 * c3
        reach = (
            magnitude(w0) * e0 + magnitude(w1) * e1 + magnitude(w2) * e2 + magnitude(w3) * e3
        ) + magnitude(c) * slack
        active = zero < centre - reach
        some, all_of = bits(~(active | (centre + reach <= zero))), bits(active)
        # (Written whether or not it counts: a branch would be guessed wrong too often.)
        cut[found, 0], cut[found, 1] = j, some
        whole[full, 0], whole[full, 1] = j, all_of
        found += some != 0
        full += all_of != 0
    return found, full


@numba.njit(cache=True, nogil=True)
def _add_whole(F, h, first, last, whole, number, dh, D):
    """Add the pair sums of a leaf and the features active on all of it, by moments of either."""
    real = F.dtype.type
    N = F.size // 5
    h0, h1, h2, h3 = h[0], h[1], h[2], h[3]
    m00, m01 = splat(_moment(h0, h0, first, last)), splat(_moment(h0, h1, first, last))
    m02, m03 = splat(_moment(h0, h2, first, last)), splat(_moment(h0, h3, first, last))
    m11, m12 = splat(_moment(h1, h1, first, last)), splat(_moment(h1, h2, first, last))
    m13, m22 = splat(_moment(h1, h3, first, last)), splat(_moment(h2, h2, first, last))
    m23, m33 = splat(_moment(h2, h3, first, last)), splat(_moment(h3, h3, first, last))
    m0, m1 = splat(_sum(h0, first, last)), splat(_sum(h1, first, last))
    m2, m3 = splat(_sum(h2, first, last)), splat(_sum(h3, first, last))
    one, zero = splat(real(last - first)), splat(real(0))
    for k in range(number):
        j, some = whole[k, 0], lanes(whole[k, 1])
        w0, w1 = keep(some, load(F, j)), keep(some, load(F, N + j))
        w2, w3 = keep(some, load(F, 2 * N + j)), keep(some, load(F, 3 * N + j))
        c = keep(some, load(F, 4 * N + j))
        store(D, j, load(D, j) + m0 * c + m00 * w0 + m01 * w1 + m02 * w2 + m03 * w3)
        j += N
        store(D, j, load(D, j) + m1 * c + m01 * w0 + m11 * w1 + m12 * w2 + m13 * w3)
        j += N
        store(D, j, load(D, j) + m2 * c + m02 * w0 + m12 * w1 + m22 * w2 + m23 * w3)
        j += N
        store(D, j, load(D, j) + m3 * c + m03 * w0 + m13 * w1 + m23 * w2 + m33 * w3)
        j += N
        store(D, j, load(D, j) + one * c + m0 * w0 + m1 * w1 + m2 * w2 + m3 * w3)
    # (Apart from the above, so that either has its sums in registers.)
    s00 = s01 = s02 = s03 = s11 = s12 = s13 = s22 = s23 = s33 = s0 = s1 = s2 = s3 = zero
    for k in range(number):
        j, some = whole[k, 0], lanes(whole[k, 1])
        w0, w1 = keep(some, load(F, j)), keep(some, load(F, N + j))
        w2, w3 = keep(some, load(F, 2 * N + j)), keep(some, load(F, 3 * N + j))
        c = keep(some, load(F, 4 * N + j))
        s00, s01, s02, s03, s0 = (
            s00 + w0 * w0,
            s01 + w0 * w1,
            s02 + w0 * w2,
            s03 + w0 * w3,
            s0 + w0 * c,
        )
        s11, s12, s13, s1 = s11 + w1 * w1, s12 + w1 * w2, s13 + w1 * w3, s1 + w1 * c
        s22, s23, s2, s33, s3 = (
            s22 + w2 * w2,
            s23 + w2 * w3,
            s2 + w2 * c,
            s33 + w3 * w3,
            s3 + w3 * c,
        )
    t00, t01, t02, t03, t11 = total(s00), total(s01), total(s02), total(s03), total(s11)
    t12, t13, t22, t23, t33 = total(s12), total(s13), total(s22), total(s23), total(s33)
    t0, t1, t2, t3 = total(s0), total(s1), total(s2), total(s3)
    for i in range(first, last):
        dh[0, i] += t00 * h0[i] + t01 * h1[i] + t02 * h2[i] + t03 * h3[i] + t0
        dh[1, i] += t01 * h0[i] + t11 * h1[i] + t12 * h2[i] + t13 * h3[i] + t1
        dh[2, i] += t02 * h0[i] + t12 * h1[i] + t22 * h2[i] + t23 * h3[i] + t2
        dh[3, i] += t03 * h0[i] + t13 * h1[i] + t23 * h2[i] + t33 * h3[i] + t3


@numba.njit(cache=True, nogil=True)
def add_leaf(F, h, first, last, dh, D, room, places, margin):
    """Add all pair sums of the points `first` … `last` − 1 of one leaf; return pairs visited.

    Parameters
    ----------
    F : (5 · N,) array
        Features.
    h, dh : (4, T) array
        Hidden vectors, and their gradients, which are added to.
    D : (5 · N,) array
        Gradient of the features, added to.
    room : (10 · (N + 32) + ROOM,) array, places : (2, N/16 + 1, 2) int64 array
        Space to work in.
    """
    N = F.size // 5
    S = N + PAIR
    P, R, sums = room[: 5 * S], room[5 * S : 10 * S], room[10 * S :]
    cut, whole = places[0], places[1]
    found, full = _sides(F, h, first, last, cut, whole, margin)
    if full > 0:
        _add_whole(F, h, first, last, whole, full, dh, D)
    if found == 0:
        return 0
    size = 0
    for k in range(found):
        j, some = cut[k, 0], lanes(cut[k, 1])
        store_packed(P, size, some, load(F, j))
        store_packed(P, S + size, some, load(F, N + j))
        store_packed(P, 2 * S + size, some, load(F, 2 * N + j))
        store_packed(P, 3 * S + size, some, load(F, 3 * N + j))
        store_packed(P, 4 * S + size, some, load(F, 4 * N + j))
        size += count(some)
    # Fill up the last vectors with features that are silent everywhere.
    end = -(-size // PAIR) * PAIR
    for k in range(size, end):
        P[k] = P[S + k] = P[2 * S + k] = P[3 * S + k] = 0
        P[4 * S + k] = -1
    _add_run(P, S, end, h, first, last, R, dh, sums)
    start = 0
    for k in range(found):
        j, some = cut[k, 0], lanes(cut[k, 1])
        for d in range(5):
            q = d * N + j
            store(D, q, load(D, q) + load_packed(R, d * S + start, some))
        start += count(some)
    return size * (last - first)
