"""The training step for larger m: three matrix products over tiles of points and features.

With h = X Wᵀ (a row a point), a = h W + b and r = max(a, 0), the pair sums are products of
matrices: rᵀ h for the features and r Wᵀ for the points. All three are made here of one loop, a
few rows of one matrix against a run of another with every sum in registers (`_products`). The
outputs r of a tile of points and a *panel* of features are used twice while they are in the
first-level cache and then forgotten.

Every sum is taken one term after another with fused multiplications, a feature's over the points
of a chunk in order, a point's over the features in order. So the bits of a result depend neither
on tile sizes, nor on how wide a machine's vectors are, nor on threads; and as adding a zero
changes no bit, they do not depend either on whether silent pairs are computed or skipped
(`nearby.py`).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sdd.engine.nearby import Nearby
from sdd.engine.step import adamw, adamw_scalars, per_parameter
from sdd.kernels import kernel

__all__ = ["CHUNKS", "CHUNK_ROWS", "TILE", "Work", "advance", "gradient"]

CHUNK_ROWS = 512  # rows a chunk at least
CHUNKS = 16  # and at most so many, so that the partial sums stay small
TILE = 128  # points a tile: at m = 32 its outputs and hidden vectors take 16 kB each
BETAS = (0.9, 0.999)  # AdamW's

# Sums that fit into registers: of 32 with AVX-512, 16 otherwise. The bits are the same.
_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
ROWS = 8 if _WIDE else 4
PANEL_BYTES = 128 if _WIDE else 64


def panel_width(dtype) -> int:
    """Return how many features stand side by side in a panel."""
    return PANEL_BYTES // np.dtype(dtype).itemsize


@intrinsic
def _fma(typingctx, x, y, z):
    """Return x y + z, rounded once."""

    def emit(context, builder, signature, args):
        return builder.fma(*args)

    return z(z, z, z), emit


fma: Callable = _fma  # (to a type checker the intrinsic is the function above)


def _products(rows: int, width: int):
    """Return a function that sets out[p, :] = start[p, :] + Σ_k scalars[p, k] vectors[k, :].

    That is for `rows` values of p and runs of `width` bytes. Arrays are flat; each comes with the
    offset of its first number and with its strides.
    """

    @intrinsic
    def products(typingctx, out, o, op, start, s, sp, scalars, c, cp, ck, vectors, v, vk, count):
        bits = out.dtype.bitwidth
        scalar = ir.FloatType() if bits == 32 else ir.DoubleType()
        size = 8 * width // bits
        vector = ir.VectorType(scalar, size)
        index = types.intp
        signature = types.void(
            *(out, index, index, start, index, index),
            *(scalars, index, index, index, vectors, index, index, index),
        )

        def emit(context, builder, signature, args):
            def data(k):
                return context.make_array(signature.args[k])(context, builder, args[k]).data

            def run(base, *terms):
                """Address of the run that begins at the sum of the terms."""
                at = terms[0]
                for term in terms[1:]:
                    at = builder.add(at, term)
                return builder.bitcast(builder.gep(base, [at]), vector.as_pointer())

            def fused(x, y, z):
                name = f"llvm.fma.v{size}f{bits}"
                kind = ir.FunctionType(vector, [vector] * 3)
                function = cgutils.get_or_insert_function(builder.module, kind, name)
                return builder.call(function, [x, y, z])

            def times(p, stride):
                return builder.mul(ir.Constant(stride.type, p), stride)

            first, order = ir.Constant(ir.IntType(32), 0), ir.VectorType(ir.IntType(32), size)
            undefined = ir.Constant(vector, ir.Undefined)

            def splat(number):
                one = builder.insert_element(undefined, number, first)
                return builder.shuffle_vector(one, undefined, ir.Constant(order, [0] * size))

            out, o, op, start, s, sp, scalars, c, cp, ck, vectors, v, vk, count = args
            out, start, scalars, vectors = data(0), data(3), data(6), data(10)
            align = bits // 8
            sums = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
            for p, total in enumerate(sums):
                builder.store(builder.load(run(start, s, times(p, sp)), align=align), total)
            with cgutils.for_range(builder, count) as loop:
                right = builder.load(run(vectors, v, builder.mul(loop.index, vk)), align=align)
                column = builder.add(c, builder.mul(loop.index, ck))
                for p, total in enumerate(sums):
                    left = builder.gep(scalars, [builder.add(column, times(p, cp))])
                    left = splat(builder.load(left))
                    builder.store(fused(left, right, builder.load(total)), total)
            for p, total in enumerate(sums):
                builder.store(builder.load(total), run(out, o, times(p, op)), align=align)
            return context.get_dummy_value()

        return signature, emit

    return products


_sums = _products(ROWS, PANEL_BYTES)
_sums_8, _sums_4, _sums_2, _sums_1 = (_products(rows, PANEL_BYTES) for rows in (8, 4, 2, 1))
_points_128, _points_64, _points_32, _points_16 = (_products(ROWS, w) for w in (128, 64, 32, 16))
_short = _products(1, 16)

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
def _note_near(r, row, count, first, reach, counts, columns):
    """Append to columns[i] each feature of the panel whose output may yet become positive."""
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

    If `starts` is not empty, list the pairs that are near by: those of row i become
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
                _note_near(r, start, count, panel * width, reach, counts, columns)
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
            _keep(counts, columns, count, start - first, starts, listed)
    for panel in range(panels):
        for c in range(m):
            at = (panel * m + c) * width
            for j in range(width):
                dW[panel * width + j, c] = sums[at + j]


@kernel()
def _keep(counts, columns, count, row, starts, listed):
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
    """Write the union of two rising lists to `out` and return its length."""
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
def _add_listed(WT, bp, h, dh, first, last, dW, db, starts, listed, restless, whole):
    """As `_add_pairs`, with the same bits, from the listed pairs alone: the others are silent.

    Pairs of the features `restless` and of the points in `whole` are computed all the same.
    (Eight pairs at a time: the products of one pair wait for each other.)
    """
    H = h.shape[1]
    flat_W, flat_h, flat_dW, flat_dh = WT.ravel(), h.ravel(), dW.ravel(), dh.ravel()
    a, at = np.empty(8, WT.dtype), np.zeros(8, np.int64)
    chosen = np.empty(len(WT), np.int32)
    for i in range(first, last):
        dh[i] = 0
        own = listed[starts[i - first] : starts[i - first + 1]]
        stop = len(own)
        if whole[i]:
            stop = len(WT)
            for j in range(stop):
                chosen[j] = j
            own = chosen
        elif restless.size:
            stop = _merge(own, restless, chosen)
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
    """Copy W into rows of features and into panels, and b; what pads them stays zero."""
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


@kernel()
def _update(W, b, moments, dW, db, numbers, first, last):
    """Take the AdamW step for features `first` … `last` − 1."""
    m1W, m2W, m1b, m2b = moments
    for_W, for_b = per_parameter(numbers)
    for c in range(W.shape[0]):
        adamw(
            *(W[c, first:last], dW[c, first:last], m1W[c, first:last], m2W[c, first:last]),
            *for_W,
        )
    adamw(b[first:last], db[first:last], m1b[first:last], m2b[first:last], *for_b)


class Work:
    """Room for the sums of one training problem, and the lists of pairs that carry over.

    Keep one for as long as a model trains; results have the same bits with a fresh one.
    """

    def __init__(self, m: int, n: int, data, dtype, threads: int = 1, skip: bool = True) -> None:
        self.threads = threads
        self.indptr, self.indices = data.indptr, data.indices
        self.values = data.values.astype(dtype)
        T = len(self.indptr) - 1
        chunks = max(1, min(CHUNKS, T // CHUNK_ROWS))
        self.rows = [(k * T // chunks, (k + 1) * T // chunks) for k in range(chunks)]
        width = PANEL_BYTES // np.dtype(dtype).itemsize
        panels, H = -(-n // width), -(-m // 4) * 4
        self.Wp = np.zeros((panels, m, width), dtype)
        self.WT, self.bp = np.zeros((panels * width, H), dtype), np.zeros(panels * width, dtype)
        self.h, self.dh = np.zeros((T, H), dtype), np.zeros((T, H), dtype)
        self.dW_chunks = np.zeros((chunks, panels * width, H), dtype)
        self.db_chunks = np.zeros((chunks, panels * width), dtype)
        self.dW, self.db = np.empty((m, n), dtype), np.empty(n, dtype)
        block = 1024
        self.columns = [(j, min(j + block, n)) for j in range(0, n, block)]
        self.nearby = Nearby(self.rows, n) if skip else None

    def each(self, function, items) -> None:
        """Call the function for every item, on threads."""
        if self.threads == 1 or len(items) == 1:
            for item in items:
                function(item)
        else:
            list(_pool(self.threads).map(function, items))

    def differentiate(self, W: np.ndarray, b: np.ndarray) -> None:
        """Set dW and db to half the gradient of Σ_i ‖x_i − x'_i‖²."""
        _pack(W, b, self.WT, self.Wp, self.bp)
        rows = self.indptr, self.indices, self.values
        self.each(lambda part: _encode(self.WT, *rows, part[0], part[1], self.h), self.rows)
        plan = self.nearby.plan(self.WT, self.bp, self.h) if self.nearby else "all"
        self.each(partial(self._chunk, plan), range(len(self.rows)))
        if self.nearby and plan == "list":
            self.nearby.take_stock()
        sums = self.dW_chunks, self.db_chunks
        self.each(lambda part: _add_up(*sums, part[0], part[1], self.dW, self.db), self.columns)

    def _chunk(self, plan: str, k: int) -> None:
        first, last = self.rows[k]
        dW, db = self.dW_chunks[k], self.db_chunks[k]
        dW[:] = 0
        db[:] = 0
        if self.nearby and plan == "listed":
            lists = self.nearby.lists(k)
            _add_listed(self.WT, self.bp, self.h, self.dh, first, last, dW, db, *lists)
        else:
            lists = self.nearby.room(k) if self.nearby and plan == "list" else _no_lists(W=self.WT)
            _add_pairs(self.WT, self.Wp, self.bp, self.h, self.dh, first, last, dW, db, *lists)
        rows = self.indptr, self.indices, self.values
        _add_sparse(self.WT, self.bp, self.h, *rows, first, last, dW, db, self.dh)


def _no_lists(W: np.ndarray):
    none = np.empty(0, W.dtype)
    return (none,) * 5, np.empty(0, np.int64), np.empty(0, np.int32)


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "sdd-engine")


def gradient(W: np.ndarray, b: np.ndarray, data, threads: int = 1):
    """Return (dW, db), half the gradient of Σ_i ‖x_i − x'_i‖², in W's precision.

    `data` has `indptr`, `indices` and `values`. Any number of threads gives the same bits.
    """
    m, n = W.shape
    work = Work(m, n, data, W.dtype, threads, skip=False)
    work.differentiate(np.ascontiguousarray(W), b)
    return work.dW, work.db


def advance(
    state,
    data,
    rates,
    *,
    weight_decay: float,
    eps: float,
    scale: float = 1.0,
    bias_decay: float | None = None,
    threads: int = 1,
    work: Work | None = None,
) -> None:
    """Take one full-batch AdamW step for each learning rate, in place: see `engine.advance`.

    Pass the same `work` to every call on one model and its lists of pairs carry over.
    """
    dtype = state.W.dtype
    m, n = state.W.shape
    work = work or Work(m, n, data, dtype, threads)
    hyper = weight_decay, weight_decay if bias_decay is None else bias_decay, *BETAS, eps
    tiny = 10 * float(np.finfo(dtype).tiny)  # flushed before it can become denormal
    factor = 2.0 * scale / (len(data.indptr) - 1)
    for rate in np.asarray(rates, np.float64):
        work.differentiate(state.W, state.b)
        t = state.steps + 1
        numbers = adamw_scalars.py_func(t, rate, dtype.type, factor, hyper, tiny)
        move = partial(_update, state.W, state.b, state.moments, work.dW, work.db, numbers)
        work.each(lambda part, move=move: move(part[0], part[1]), work.columns)
        state.steps = t
