"""The training step for larger m: three matrix products over tiles of points and features.

With h = X Wᵀ (a row a point), a = h W + b and r = max(a, 0), the pair sums are products of
matrices: rᵀ h for the features and r Wᵀ for the points. The outputs r of a tile of points and a
*panel* of features (those side by side in registers) are used for both while they are in the
first-level cache, and never stored elsewhere.

A feature's sums run over the points of a chunk in order, a point's over the features in order, one
term after another (see `products` in `vectors.py`). So the bits of a result depend neither on tile
sizes, nor on the machine's vectors, nor on threads; and as adding a zero changes no bit, they do
not depend either on whether silent pairs are computed or skipped (`neighbors.py`).
"""

from typing import Any

import numpy as np

from sdd.data import Dataset
from sdd.engine.neighbors import NeighborList
from sdd.engine.step import Step
from sdd.engine.vectors import PANEL_BYTES, ROWS, fma, products
from sdd.kernels import kernel

__all__ = ["Tiles"]

TILE = 128  # points a tile: at m = 32 its outputs and hidden vectors take 16 kB each

_sums = products(ROWS, PANEL_BYTES)
_sums_8, _sums_4, _sums_2, _sums_1 = (products(rows, PANEL_BYTES) for rows in (8, 4, 2, 1))
_points_128, _points_64, _points_32, _points_16 = (products(ROWS, w) for w in (128, 64, 32, 16))
_short = products(1, 16)

# Copies of rows are written out below: between slices they take seconds to compile.


@kernel()
def _outputs(h, Wp, bp, panel, width, count, r):
    """Set r[i, :] to W_j · h_i + b_j for one panel; the rows up to the next ROWS too."""
    m, H = Wp.shape[1], h.shape[1]
    for i in range(0, count, ROWS):
        _sums(
            *(r.ravel(), i * width, width, bp, panel * width, 0),
            *(h.ravel(), i * H, H, 1, Wp.ravel(), panel * m * width, width, m),
        )


@kernel()
def _add_to_features(h, r, count, width, m, dW, at):
    """Add Σ_i r_ij h_i to the panel of dW that begins at offset `at`."""
    H, h, r = h.shape[1], h.ravel(), r.ravel()
    c = 0
    while ROWS == 8 and c + 8 <= m:
        o = at + c * width
        _sums_8(dW, o, width, dW, o, width, h, c, 1, H, r, 0, width, count)
        c += 8
    while c + 4 <= m:
        o = at + c * width
        _sums_4(dW, o, width, dW, o, width, h, c, 1, H, r, 0, width, count)
        c += 4
    if c + 2 <= m:
        o = at + c * width
        _sums_2(dW, o, width, dW, o, width, h, c, 1, H, r, 0, width, count)
        c += 2
    if c < m:
        o = at + c * width
        _sums_1(dW, o, width, dW, o, width, h, c, 1, H, r, 0, width, count)


@kernel()
def _add_to_points(WT, r, first, count, width, dh):
    """Add Σ_j r_ij W_j, over the panel of features from `first` on, to dh[i, :]."""
    H, size = WT.shape[1], WT.itemsize
    WT, r, dh = WT.ravel(), r.ravel(), dh.ravel()
    for i in range(0, count, ROWS):
        o, v, end, s = i * H, first * H, (i + 1) * H, i * width
        while PANEL_BYTES == 128 and o + 128 // size <= end:
            _points_128(dh, o, H, dh, o, H, r, s, width, 1, WT, v, H, width)
            o, v = o + 128 // size, v + 128 // size
        while o + 64 // size <= end:
            _points_64(dh, o, H, dh, o, H, r, s, width, 1, WT, v, H, width)
            o, v = o + 64 // size, v + 64 // size
        if o + 32 // size <= end:
            _points_32(dh, o, H, dh, o, H, r, s, width, 1, WT, v, H, width)
            o, v = o + 32 // size, v + 32 // size
        if o + 16 // size <= end:
            _points_16(dh, o, H, dh, o, H, r, s, width, 1, WT, v, H, width)


@kernel()
def _list_near(r, row, count, first, reach, counts, columns):
    """Append to columns[i] each feature of the panel whose output may become positive."""
    width = r.shape[1]
    lift, per_size, per_move, sizes, moves = reach
    lift, per_size = lift[first : first + width], per_size[first : first + width]
    per_move = per_move[first : first + width]
    for i in range(count):
        k, size, move = counts[i], sizes[row + i], moves[row + i]
        for j in range(width):
            columns[i, k] = first + j
            k += r[i, j] + (lift[j] + per_size[j] * size + per_move[j] * move) > 0
        counts[i] = k


@kernel()
def _add_pairs(WT, Wp, bp, h, dh, first, last, dW, db, reach, starts, listed):
    """Set dW, db and dh of the rows `first` … `last` − 1 to their pair sums.

    If `starts` is not empty, also list the near pairs: the features of row i become
    listed[starts[i]:starts[i + 1]]. Where they do not fit, starts[-1] becomes −1.
    """
    panels, m, width = Wp.shape
    H, real = h.shape[1], WT.dtype.type
    listing = starts.size > 0
    sums = np.zeros(panels * m * width, WT.dtype)
    tile_h, tile_dh = np.zeros((TILE, H), WT.dtype), np.empty((TILE, H), WT.dtype)
    r = np.empty((TILE, width), WT.dtype)
    counts = np.zeros(TILE, np.int64)
    columns = np.empty((TILE if listing else 0, panels * width + 1), np.int32)
    for start in range(first, last, TILE):
        count = min(TILE, last - start)
        for i in range(count):
            for c in range(H):
                tile_h[i, c] = h[start + i, c]
        tile_dh[:] = 0
        counts[:] = 0
        for panel in range(panels):
            _outputs(tile_h, Wp, bp, panel, width, count, r)
            if listing:
                _list_near(r, start, count, panel * width, reach, counts, columns)
            part = db[panel * width : (panel + 1) * width]
            for i in range(-(-count // ROWS) * ROWS):
                for j in range(width):  # (NaN is not below zero: it stays)
                    r[i, j] = real(0) if r[i, j] <= 0 else r[i, j]
            for i in range(count):
                for j in range(width):
                    part[j] += r[i, j]
            _add_to_features(tile_h, r, count, width, m, sums, panel * m * width)
            _add_to_points(WT, r, panel * width, count, width, tile_dh)
        for i in range(count):
            for c in range(H):
                dh[start + i, c] = tile_dh[i, c]
        if listing and starts[-1] >= 0:
            _append_lists(counts, columns, count, start - first, starts, listed)
    for panel in range(panels):
        for c in range(m):
            at = (panel * m + c) * width
            for j in range(width):
                dW[panel * width + j, c] = sums[at + j]


@kernel()
def _append_lists(counts, columns, count, row, starts, listed):
    """Append the lists of a tile's rows to those of its chunk."""
    for i in range(count):
        start = starts[row + i]
        stop = start + counts[i]
        if stop > listed.size:
            starts[-1] = -1
            return
        for k in range(counts[i]):
            listed[start + k] = columns[i, k]
        starts[row + i + 1] = stop


@kernel()
def _merge(one, other, out):
    """Write the union of two sorted lists to `out` and return its length."""
    p, q, k = 0, 0, 0
    while p < len(one) and q < len(other):
        x, y = one[p], other[q]
        out[k] = min(x, y)
        p += x <= y
        q += y <= x
        k += 1
    for x in one[p:]:
        out[k] = x
        k += 1
    for y in other[q:]:
        out[k] = y
        k += 1
    return k


@kernel()
def _add_row(flat, o, factors, f, other, v, H):
    """Set flat[o:o + H] += factors[f] · other[v:v + H], fused as the large products are."""
    size = flat.itemsize
    stop = o + H
    while o + PANEL_BYTES // size <= stop:
        _sums_1(flat, o, 0, flat, o, 0, factors, f, 0, 0, other, v, 0, 1)
        o, v = o + PANEL_BYTES // size, v + PANEL_BYTES // size
    while o < stop:  # H is a multiple of four
        _short(flat, o, 0, flat, o, 0, factors, f, 0, 0, other, v, 0, 1)
        o, v = o + 16 // size, v + 16 // size


@kernel()
def _add_listed(WT, bp, h, dh, first, last, dW, db, starts, listed, stale_features, stale_points):
    """As `_add_pairs`, with the same bits, from the listed pairs alone: the others are silent.

    All pairs of stale features and points are computed. (Eight pairs at a time: the products of
    one pair wait for each other.)
    """
    H = h.shape[1]
    flat_W, flat_h, flat_dW, flat_dh = WT.ravel(), h.ravel(), dW.ravel(), dh.ravel()
    a, at = np.empty(8, WT.dtype), np.zeros(8, np.int64)
    chosen = np.empty(len(WT), np.int32)
    for i in range(first, last):
        dh[i] = 0
        own = listed[starts[i - first] : starts[i - first + 1]]
        stop = len(own)
        if stale_points[i]:
            stop = len(WT)
            for j in range(stop):
                chosen[j] = j
            own = chosen
        elif stale_features.size:
            stop = _merge(own, stale_features, chosen)
            own = chosen
        for start in range(0, stop, 8):
            count = min(8, stop - start)
            for k in range(count):
                at[k] = own[start + k]
            b0, b1, b2, b3 = bp[at[0]], bp[at[1]], bp[at[2]], bp[at[3]]
            b4, b5, b6, b7 = bp[at[4]], bp[at[5]], bp[at[6]], bp[at[7]]
            w0, w1, w2, w3 = WT[at[0]], WT[at[1]], WT[at[2]], WT[at[3]]
            w4, w5, w6, w7 = WT[at[4]], WT[at[5]], WT[at[6]], WT[at[7]]
            for c in range(H):
                hc = h[i, c]
                b0, b1, b2, b3 = (
                    *(fma(hc, w0[c], b0), fma(hc, w1[c], b1)),
                    *(fma(hc, w2[c], b2), fma(hc, w3[c], b3)),
                )
                b4, b5, b6, b7 = (
                    *(fma(hc, w4[c], b4), fma(hc, w5[c], b5)),
                    *(fma(hc, w6[c], b6), fma(hc, w7[c], b7)),
                )
            a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7] = b0, b1, b2, b3, b4, b5, b6, b7
            for k in range(count):
                if a[k] > 0:
                    j = at[k]
                    db[j] += a[k]
                    _add_row(flat_dW, j * H, a, k, flat_h, i * H, H)
                    _add_row(flat_dh, i * H, a, k, flat_W, j * H, H)


@kernel()
def _add_sparse(WT, bp, h, indptr, indices, values, first, last, dW, db, dh):
    """Add the half-gradients of −2 x_ij r_ij, then send dL/dh back through the encoder."""
    H = h.shape[1]
    flat_W, flat_h, flat_dW, flat_dh = WT.ravel(), h.ravel(), dW.ravel(), dh.ravel()
    negated = np.empty(1, WT.dtype)
    for i in range(first, last):
        for k in range(indptr[i], indptr[i + 1]):
            j, x = np.int64(indices[k]), values[k]
            a, negated[0] = bp[j], -x
            for c in range(H):  # the order of the pairs' sums: both see the same sign
                a = fma(h[i, c], WT[j, c], a)
            if a > 0:
                db[j] -= x
                _add_row(flat_dW, j * H, negated, 0, flat_h, i * H, H)
                _add_row(flat_dh, i * H, negated, 0, flat_W, j * H, H)
        # dh[i] is complete only now, so the encoder's share needs a second pass.
        for k in range(indptr[i], indptr[i + 1]):
            _add_row(flat_dW, np.int64(indices[k]) * H, values, k, flat_dh, i * H, H)


@kernel()
def _encode(WT, indptr, indices, values, first, last, h):
    """Set h[i] = Σ_j x_ij W_j for the rows `first` … `last` − 1."""
    H, flat_W, flat_h = h.shape[1], WT.ravel(), h.ravel()
    for i in range(first, last):
        h[i] = 0
        for k in range(indptr[i], indptr[i + 1]):
            _add_row(flat_h, i * H, values, k, flat_W, np.int64(indices[k]) * H, H)


@kernel()
def _pack(W, b, WT, Wp, bp):
    """Copy W to WT, a row a feature, and to panels Wp, and b to bp; their padding stays zero."""
    m, n = W.shape
    width = Wp.shape[2]
    for start in range(0, n, width):
        stop = min(start + width, n)
        for j in range(start, stop):
            bp[j] = b[j]
        for c in range(m):
            for j in range(start, stop):
                WT[j, c] = Wp[start // width, c, j - start] = W[c, j]


@kernel()
def _add_up(dW_chunks, db_chunks, first, last, dW, db):
    """Set dW and db, of features `first` … `last` − 1, to the sums over chunks, in order."""
    m = dW.shape[0]
    total = np.empty_like(dW_chunks[0, first:last])
    total[:] = dW_chunks[0, first:last]
    db[first:last] = db_chunks[0, first:last]
    for k in range(1, len(db_chunks)):
        total += dW_chunks[k, first:last]
        db[first:last] += db_chunks[k, first:last]
    for c in range(m):
        for j in range(last - first):
            dW[c, first + j] = total[j, c]


class Tiles(Step):
    """Steps through tiles of pairs, and the lists of near pairs that carry over from step to step.

    Results have the same bits with fresh lists, or where no pairs are to be skipped.
    """

    def __init__(
        self, m: int, n: int, data: Dataset, dtype: np.dtype, threads: int = 1, skip: bool = True
    ) -> None:
        super().__init__(m, n, data, dtype, threads, chunk_rows=512)
        width = PANEL_BYTES // np.dtype(dtype).itemsize
        panels, H = -(-n // width), -(-m // 4) * 4
        self.Wp = np.zeros((panels, m, width), dtype)
        self.WT, self.bp = np.zeros((panels * width, H), dtype), np.zeros(panels * width, dtype)
        self.h, self.dh = np.zeros((data.T, H), dtype), np.zeros((data.T, H), dtype)
        self.dW_chunks = np.zeros((len(self.chunks), panels * width, H), dtype)
        self.db_chunks = np.zeros((len(self.chunks), panels * width), dtype)
        self.neighbors = NeighborList(self.chunks, n) if skip else None
        none = np.empty(0, dtype)
        self.no_lists: tuple[Any, ...] = (none,) * 5, np.empty(0, np.int64), np.empty(0, np.int32)

    def differentiate(self, W: np.ndarray, b: np.ndarray) -> None:
        """Set dW and db."""
        _pack(W, b, self.WT, self.Wp, self.bp)
        self.each(
            lambda first, last: _encode(self.WT, *self.rows, first, last, self.h), self.chunks
        )
        plan = self.neighbors.plan(self.WT, self.bp, self.h) if self.neighbors else "all"
        self.each(
            lambda k, first, last: self._add_chunk(plan, k, first, last),
            [(k, *chunk) for k, chunk in enumerate(self.chunks)],
        )
        if self.neighbors and plan == "list":
            self.neighbors.accept_lists()
        sums = self.dW_chunks, self.db_chunks
        self.each(lambda first, last: _add_up(*sums, first, last, self.dW, self.db), self.features)

    def _add_chunk(self, plan: str, k: int, first: int, last: int) -> None:
        dW, db = self.dW_chunks[k], self.db_chunks[k]
        dW[:] = 0
        db[:] = 0
        sums = first, last, dW, db
        if self.neighbors and plan == "listed":
            lists = self.neighbors.lists(k)
            _add_listed(self.WT, self.bp, self.h, self.dh, *sums, *lists)
        else:
            lists = self.no_lists
            if self.neighbors and plan == "list":
                lists = self.neighbors.new_lists(k)
            _add_pairs(self.WT, self.Wp, self.bp, self.h, self.dh, *sums, *lists)
        _add_sparse(self.WT, self.bp, self.h, *self.rows, *sums, self.dh)
