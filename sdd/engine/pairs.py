"""The pair term: every point against every feature, without ever storing a T × n array.

With a_ij = b_j + W_j · h_i and r_ij = max(a_ij, 0), the term Σ_ij r_ij² has the half-gradients

    Σ_i r_ij h_i  with respect to W_j (as decoder),   Σ_i r_ij  with respect to b_j,
    Σ_j r_ij W_j  with respect to h_i.

Both kernels walk tiles of features that stay in the first-level cache and add these three sums
to ``dW``, ``db`` and ``dh``. `add_pairs` takes any m and is the one to read first;
`add_pairs_2` is the same for m = 2 with everything in registers.
"""

import numba
import numpy as np

__all__ = ["add_pairs", "add_pairs_2"]

TILE = 1024  # features a tile: W, b, dW, db of a tile take 24 kB at m = 2 in float32

# The sums may be taken in any order (that is what lets them be vectors), but NaN and infinity
# keep their meaning: a diverging run must be seen to diverge.
FAST = {"reassoc", "contract", "nsz"}


@numba.njit(cache=True, nogil=True, fastmath=FAST)
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


@numba.njit(cache=True, nogil=True, fastmath=FAST)
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
