"""The pair term: every point against every feature, without ever storing a T × n array.

With a_ij = b_j + W_j · h_i and r_ij = max(a_ij, 0), the term Σ_ij r_ij² has the half-gradients

    Σ_i r_ij h_i  with respect to W_j (as decoder),   Σ_i r_ij  with respect to b_j,
    Σ_j r_ij W_j  with respect to h_i.

All kernels walk tiles of features that stay in the first-level cache and add these three sums
to ``dW``, ``db`` and ``dh``. `add_pairs` takes any m and is the one to read first;
`add_pairs_2` and `add_pairs_4` are the same for m = 2 and for m = 3 or 4, with everything in
registers.
"""

import numpy as np

from sdd.engine.vectors import LANES, larger, load, splat, store, total
from sdd.kernels import kernel

__all__ = ["add_pairs", "add_pairs_2", "add_pairs_4"]

TILE = 1024  # features a tile: W, b, dW, db of a tile take 24 kB at m = 2 in float32

# The sums may be taken in any order (that is what lets them be vectors), but NaN and infinity
# keep their meaning: a diverging run must be seen to diverge.
FAST = {"reassoc", "contract", "nsz"}


@kernel(fastmath=FAST)
def add_pairs(W, b, h, first, last, dW, db, dh):
    """Add the pair sums of rows `first` … `last` − 1; h and dh are (m, T)."""
    m, n = W.shape
    zero = W.dtype.type(0)
    r = np.empty(TILE, W.dtype)
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        for i in range(first, last):
            for j in range(size):
                r[j] = b[start + j]
            for c in range(m):
                hc = h[c, i]
                w = W[c, start : start + size]
                for j in range(size):
                    r[j] += hc * w[j]
            for j in range(size):
                r[j] = max(r[j], zero)
                db[start + j] += r[j]
            for c in range(m):
                hc, total = h[c, i], zero
                w, d = W[c, start : start + size], dW[c, start : start + size]
                for j in range(size):
                    d[j] += hc * r[j]
                    total += r[j] * w[j]
                dh[c, i] += total


@kernel(fastmath=FAST)
def add_pairs_2(W, b, h, first, last, dW, db, dh):
    """As `add_pairs`, for m = 2: four points at a time against a run of features.

    Per vector of features that is 32 arithmetic instructions on 3 loads, and 3 more loads and
    stores for the sums, so arithmetic is the limit. (Unrolled by one point instead of four,
    loads and stores are.) Points short of four are taken singly.
    """
    n = b.size
    zero = W.dtype.type(0)
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        x, y, c = W[0, start:stop], W[1, start:stop], b[start:stop]
        dx, dy, dc = dW[0, start:stop], dW[1, start:stop], db[start:stop]
        i = first
        while i + 4 <= last:
            p0, p1, p2, p3 = h[0, i], h[0, i + 1], h[0, i + 2], h[0, i + 3]
            q0, q1, q2, q3 = h[1, i], h[1, i + 1], h[1, i + 2], h[1, i + 3]
            u0, u1, u2, u3, v0, v1, v2, v3 = zero, zero, zero, zero, zero, zero, zero, zero
            for j in range(x.size):
                xj, yj, cj = x[j], y[j], c[j]
                r0 = max(cj + xj * p0 + yj * q0, zero)
                r1 = max(cj + xj * p1 + yj * q1, zero)
                r2 = max(cj + xj * p2 + yj * q2, zero)
                r3 = max(cj + xj * p3 + yj * q3, zero)
                dc[j] += (r0 + r1) + (r2 + r3)
                dx[j] += r0 * p0 + r1 * p1 + r2 * p2 + r3 * p3
                dy[j] += r0 * q0 + r1 * q1 + r2 * q2 + r3 * q3
                u0 += r0 * xj
                u1 += r1 * xj
                u2 += r2 * xj
                u3 += r3 * xj
                v0 += r0 * yj
                v1 += r1 * yj
                v2 += r2 * yj
                v3 += r3 * yj
            dh[0, i] += u0
            dh[0, i + 1] += u1
            dh[0, i + 2] += u2
            dh[0, i + 3] += u3
            dh[1, i] += v0
            dh[1, i + 1] += v1
            dh[1, i + 2] += v2
            dh[1, i + 3] += v3
            i += 4
        while i < last:
            p0, q0, u0, v0 = h[0, i], h[1, i], zero, zero
            for j in range(x.size):
                r0 = max(c[j] + x[j] * p0 + y[j] * q0, zero)
                dc[j] += r0
                dx[j] += r0 * p0
                dy[j] += r0 * q0
                u0 += r0 * x[j]
                v0 += r0 * y[j]
            dh[0, i] += u0
            dh[1, i] += v0
            i += 1


@kernel()
def add_pairs_4(W, b, h, first, last, dW, db, dh):
    """As `add_pairs`, for m = 4, and for m = 3 as m = 4 with a row of zeros.

    Four points at a time against vectors of features: 60 arithmetic instructions on 5 loads, and
    5 more loads and stores for the sums. The compiler does not find these vectors by itself.
    """
    m, n = W.shape
    real = W.dtype.type
    zero, nought = splat(real(0)), real(0)
    nothing, spare = np.zeros(n if m == 3 else 0, W.dtype), np.zeros(n if m == 3 else 0, W.dtype)
    W0, W1, W2, W3 = W[0], W[1], W[2], W[3] if m == 4 else nothing
    d0, d1, d2, d3 = dW[0], dW[1], dW[2], dW[3] if m == 4 else spare
    whole = n - n % LANES
    for start in range(0, whole, TILE // 2):
        stop = min(start + TILE // 2, whole)
        for i in range(first, last, 4):
            # Fewer than four points left: the last stands in for the others, and counts once.
            i0, i1, i2, i3 = i, min(i + 1, last - 1), min(i + 2, last - 1), min(i + 3, last - 1)
            h00, h10, h20 = splat(h[0, i0]), splat(h[1, i0]), splat(h[2, i0])
            h01, h11, h21 = splat(h[0, i1]), splat(h[1, i1]), splat(h[2, i1])
            h02, h12, h22 = splat(h[0, i2]), splat(h[1, i2]), splat(h[2, i2])
            h03, h13, h23 = splat(h[0, i3]), splat(h[1, i3]), splat(h[2, i3])
            h30 = h31 = h32 = h33 = zero
            if m == 4:
                h30, h31 = splat(h[3, i0]), splat(h[3, i1])
                h32, h33 = splat(h[3, i2]), splat(h[3, i3])
            one1 = splat(real(1) if i + 1 < last else nought)
            one2 = splat(real(1) if i + 2 < last else nought)
            one3 = splat(real(1) if i + 3 < last else nought)
            u00 = u10 = u20 = u30 = u01 = u11 = u21 = u31 = zero
            u02 = u12 = u22 = u32 = u03 = u13 = u23 = u33 = zero
            for j in range(start, stop, LANES):
                w0, w1, w2, w3, c = load(W0, j), load(W1, j), load(W2, j), load(W3, j), load(b, j)
                g0, g1, g2, g3, g = load(d0, j), load(d1, j), load(d2, j), load(d3, j), load(db, j)
                r = larger(zero, c + w0 * h00 + w1 * h10 + w2 * h20 + w3 * h30)
                g, g0, g1, g2, g3 = g + r, g0 + r * h00, g1 + r * h10, g2 + r * h20, g3 + r * h30
                u00, u10, u20, u30 = u00 + r * w0, u10 + r * w1, u20 + r * w2, u30 + r * w3
                r = larger(zero, c + w0 * h01 + w1 * h11 + w2 * h21 + w3 * h31) * one1
                g, g0, g1, g2, g3 = g + r, g0 + r * h01, g1 + r * h11, g2 + r * h21, g3 + r * h31
                u01, u11, u21, u31 = u01 + r * w0, u11 + r * w1, u21 + r * w2, u31 + r * w3
                r = larger(zero, c + w0 * h02 + w1 * h12 + w2 * h22 + w3 * h32) * one2
                g, g0, g1, g2, g3 = g + r, g0 + r * h02, g1 + r * h12, g2 + r * h22, g3 + r * h32
                u02, u12, u22, u32 = u02 + r * w0, u12 + r * w1, u22 + r * w2, u32 + r * w3
                r = larger(zero, c + w0 * h03 + w1 * h13 + w2 * h23 + w3 * h33) * one3
                g, g0, g1, g2, g3 = g + r, g0 + r * h03, g1 + r * h13, g2 + r * h23, g3 + r * h33
                u03, u13, u23, u33 = u03 + r * w0, u13 + r * w1, u23 + r * w2, u33 + r * w3
                store(d0, j, g0)
                store(d1, j, g1)
                store(d2, j, g2)
                store(d3, j, g3)
                store(db, j, g)
            dh[0, i0] += total(u00)
            dh[1, i0] += total(u10)
            dh[2, i0] += total(u20)
            dh[0, i1] += total(u01)
            dh[1, i1] += total(u11)
            dh[2, i1] += total(u21)
            dh[0, i2] += total(u02)
            dh[1, i2] += total(u12)
            dh[2, i2] += total(u22)
            dh[0, i3] += total(u03)
            dh[1, i3] += total(u13)
            dh[2, i3] += total(u23)
            if m == 4:
                dh[3, i0] += total(u30)
                dh[3, i1] += total(u31)
                dh[3, i2] += total(u32)
                dh[3, i3] += total(u33)
    for i in range(first, last):
        for j in range(whole, n):
            r = b[j]
            for c in range(m):
                r += W[c, j] * h[c, i]
            r = max(r, nought)
            db[j] += r
            for c in range(m):
                dW[c, j] += r * h[c, i]
                dh[c, i] += r * W[c, j]
