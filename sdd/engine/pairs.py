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
    stores for the sums, so arithmetic is the limit. (With one point at a time, loads and stores
    are.) The last one to three points are taken one by one.
    """
    n = b.size
    zero = W.dtype.type(0)
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        w0, w1, c = W[0, start:stop], W[1, start:stop], b[start:stop]
        dw0, dw1, dc = dW[0, start:stop], dW[1, start:stop], db[start:stop]
        i = first
        while i + 4 <= last:
            h00, h01, h02, h03 = h[0, i], h[0, i + 1], h[0, i + 2], h[0, i + 3]
            h10, h11, h12, h13 = h[1, i], h[1, i + 1], h[1, i + 2], h[1, i + 3]
            dh00 = dh01 = dh02 = dh03 = zero
            dh10 = dh11 = dh12 = dh13 = zero
            for j in range(c.size):
                w0j, w1j, cj = w0[j], w1[j], c[j]
                r0 = max(cj + w0j * h00 + w1j * h10, zero)
                r1 = max(cj + w0j * h01 + w1j * h11, zero)
                r2 = max(cj + w0j * h02 + w1j * h12, zero)
                r3 = max(cj + w0j * h03 + w1j * h13, zero)
                dc[j] += (r0 + r1) + (r2 + r3)
                dw0[j] += r0 * h00 + r1 * h01 + r2 * h02 + r3 * h03
                dw1[j] += r0 * h10 + r1 * h11 + r2 * h12 + r3 * h13
                dh00 += r0 * w0j
                dh01 += r1 * w0j
                dh02 += r2 * w0j
                dh03 += r3 * w0j
                dh10 += r0 * w1j
                dh11 += r1 * w1j
                dh12 += r2 * w1j
                dh13 += r3 * w1j
            dh[0, i] += dh00
            dh[0, i + 1] += dh01
            dh[0, i + 2] += dh02
            dh[0, i + 3] += dh03
            dh[1, i] += dh10
            dh[1, i + 1] += dh11
            dh[1, i + 2] += dh12
            dh[1, i + 3] += dh13
            i += 4
        while i < last:
            h00, h10, dh00, dh10 = h[0, i], h[1, i], zero, zero
            for j in range(c.size):
                r0 = max(c[j] + w0[j] * h00 + w1[j] * h10, zero)
                dc[j] += r0
                dw0[j] += r0 * h00
                dw1[j] += r0 * h10
                dh00 += r0 * w0[j]
                dh10 += r0 * w1[j]
            dh[0, i] += dh00
            dh[1, i] += dh10
            i += 1


@kernel()
def add_pairs_4(W, b, h, first, last, dW, db, dh):
    """As `add_pairs`, for m = 4, and for m = 3 as m = 4 with a row of zeros.

    Four points at a time against vectors of features: 60 arithmetic instructions on 5 loads, and
    5 more loads and stores for the sums. The compiler does not find these vectors by itself.
    """
    m, n = W.shape
    real = W.dtype.type
    zero = real(0)
    zeros = splat(zero)
    row_of_zeros = np.zeros(n if m == 3 else 0, W.dtype)
    unused_row = np.zeros(n if m == 3 else 0, W.dtype)
    W0, W1, W2, W3 = W[0], W[1], W[2], W[3] if m == 4 else row_of_zeros
    d0, d1, d2, d3 = dW[0], dW[1], dW[2], dW[3] if m == 4 else unused_row
    whole = n - n % LANES
    for start in range(0, whole, TILE // 2):
        stop = min(start + TILE // 2, whole)
        for i in range(first, last, 4):
            # With fewer than four points left, the last one fills up the four, and counts once.
            i0, i1, i2, i3 = i, min(i + 1, last - 1), min(i + 2, last - 1), min(i + 3, last - 1)
            h00, h10, h20 = splat(h[0, i0]), splat(h[1, i0]), splat(h[2, i0])
            h01, h11, h21 = splat(h[0, i1]), splat(h[1, i1]), splat(h[2, i1])
            h02, h12, h22 = splat(h[0, i2]), splat(h[1, i2]), splat(h[2, i2])
            h03, h13, h23 = splat(h[0, i3]), splat(h[1, i3]), splat(h[2, i3])
            h30 = h31 = h32 = h33 = zeros
            if m == 4:
                h30, h31 = splat(h[3, i0]), splat(h[3, i1])
                h32, h33 = splat(h[3, i2]), splat(h[3, i3])
            count1 = splat(real(1) if i + 1 < last else zero)
            count2 = splat(real(1) if i + 2 < last else zero)
            count3 = splat(real(1) if i + 3 < last else zero)
            dh00 = dh10 = dh20 = dh30 = dh01 = dh11 = dh21 = dh31 = zeros
            dh02 = dh12 = dh22 = dh32 = dh03 = dh13 = dh23 = dh33 = zeros
            for j in range(start, stop, LANES):
                w0, w1, w2, w3, c = load(W0, j), load(W1, j), load(W2, j), load(W3, j), load(b, j)
                g0, g1, g2, g3, g = load(d0, j), load(d1, j), load(d2, j), load(d3, j), load(db, j)
                r = larger(zeros, c + w0 * h00 + w1 * h10 + w2 * h20 + w3 * h30)
                g, g0, g1, g2, g3 = g + r, g0 + r * h00, g1 + r * h10, g2 + r * h20, g3 + r * h30
                dh00, dh10, dh20, dh30 = dh00 + r * w0, dh10 + r * w1, dh20 + r * w2, dh30 + r * w3
                r = larger(zeros, c + w0 * h01 + w1 * h11 + w2 * h21 + w3 * h31) * count1
                g, g0, g1, g2, g3 = g + r, g0 + r * h01, g1 + r * h11, g2 + r * h21, g3 + r * h31
                dh01, dh11, dh21, dh31 = dh01 + r * w0, dh11 + r * w1, dh21 + r * w2, dh31 + r * w3
                r = larger(zeros, c + w0 * h02 + w1 * h12 + w2 * h22 + w3 * h32) * count2
                g, g0, g1, g2, g3 = g + r, g0 + r * h02, g1 + r * h12, g2 + r * h22, g3 + r * h32
                dh02, dh12, dh22, dh32 = dh02 + r * w0, dh12 + r * w1, dh22 + r * w2, dh32 + r * w3
                r = larger(zeros, c + w0 * h03 + w1 * h13 + w2 * h23 + w3 * h33) * count3
                g, g0, g1, g2, g3 = g + r, g0 + r * h03, g1 + r * h13, g2 + r * h23, g3 + r * h33
                dh03, dh13, dh23, dh33 = dh03 + r * w0, dh13 + r * w1, dh23 + r * w2, dh33 + r * w3
                store(d0, j, g0)
                store(d1, j, g1)
                store(d2, j, g2)
                store(d3, j, g3)
                store(db, j, g)
            dh[0, i0] += total(dh00)
            dh[1, i0] += total(dh10)
            dh[2, i0] += total(dh20)
            dh[0, i1] += total(dh01)
            dh[1, i1] += total(dh11)
            dh[2, i1] += total(dh21)
            dh[0, i2] += total(dh02)
            dh[1, i2] += total(dh12)
            dh[2, i2] += total(dh22)
            dh[0, i3] += total(dh03)
            dh[1, i3] += total(dh13)
            dh[2, i3] += total(dh23)
            if m == 4:
                dh[3, i0] += total(dh30)
                dh[3, i1] += total(dh31)
                dh[3, i2] += total(dh32)
                dh[3, i3] += total(dh33)
    for i in range(first, last):
        for j in range(whole, n):
            r = b[j]
            for c in range(m):
                r += W[c, j] * h[c, i]
            r = max(r, zero)
            db[j] += r
            for c in range(m):
                dW[c, j] += r * h[c, i]
                dh[c, i] += r * W[c, j]
