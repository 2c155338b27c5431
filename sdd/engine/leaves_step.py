"""The training step at m of 1 to 4 for large T · n: blocks of points through `leaves.py`.

A step is two passes. The first goes over blocks of points, each encoded, compared with all
features and sent through its non-zeros while it lies in the cache, so that the data are read
from memory once. The second goes over ranges of features: it adds up the gradient, updates the
weights, and bounds the groups for the next step. The work of either is split in a way that depends
on the problem's size alone, and summed in a fixed order: the same bits on any number of threads.

Everything here is in the orders of `order.py`: points by where they lie, features by direction.
`arranged.py` brings it there and back.
"""

from typing import NamedTuple

import numpy as np

from sdd.engine.leaves import (
    GROUP,
    SPARE,
    Scratch,
    Sizes,
    add_block,
    bound_groups,
    padded,
    scratch_for,
)
from sdd.engine.step import adamw, per_parameter, scalars_for
from sdd.engine.vectors import (
    add_each,
    column,
    load_columns,
    load_row,
    load_rows,
    multiply,
    outer,
    part,
    quad,
    splat,
    store_row,
    store_rows,
)
from sdd.kernels import kernel

__all__ = [
    "RANGES",
    "Work",
    "add_sparse_rows",
    "encode_rows",
    "first_pass",
    "prepare",
    "second_pass",
    "take_steps",
    "work_for",
]

RANGES = 8  # of features, over which a step's second pass is split


class Work(NamedTuple):
    """What the passes of a step work in, beside weights and data; `chunks` parts of the points.

    E and DE hold what belongs to one feature side by side, in as many quads as it takes: W_j and
    b_j, and the part of their gradient that comes from non-zeros.
    """

    E: np.ndarray  # (quads · N, 4)
    bounds: np.ndarray
    sums: np.ndarray
    h: np.ndarray  # (dimensions, T)
    dh: np.ndarray
    D: np.ndarray  # (chunks, dimensions + 1, N + SPARE)
    DE: np.ndarray  # (chunks, quads · N, 4)
    group_moments: np.ndarray
    scratch: Scratch
    outputs: np.ndarray  # (chunks, n)
    visited: np.ndarray  # (chunks,) pairs, in all steps together


def work_for(sizes: Sizes, n: int, T: int, dtype) -> Work:
    """Return arrays for a problem of this size."""
    N, chunks, dimensions = padded(n), sizes.chunks, sizes.dimensions
    rows = dimensions + 1
    quads, triangle = -(-rows // 4), rows * (rows + 1) // 2
    return Work(
        np.zeros((quads * N, 4), dtype),
        np.empty((2 * rows, N // GROUP), dtype),
        np.empty((triangle, N // GROUP), dtype),
        np.empty((dimensions, T), dtype),
        np.empty((dimensions, T), dtype),
        np.zeros((chunks, rows, N + SPARE), dtype),
        np.empty((chunks, quads * N, 4), dtype),
        np.empty((chunks, triangle, N // GROUP), dtype),
        scratch_for(sizes, N, dtype),
        np.empty((chunks, n), dtype),
        np.zeros(chunks, np.int64),
    )


@kernel()
def encode_rows(E, rows, first, last, h):
    """Set h[:, i] = W x_i for the points of some rows."""
    at, indptr, indices, values = rows
    zero = E.dtype.type(0)
    for row in range(first, last):
        i, s = at[row], quad(zero, zero, zero, zero)
        for k in range(indptr[row], indptr[row + 1]):
            x = values[k]
            s = s + quad(x, x, x, x) * load_row(E, indices[k])
        for d in range(h.shape[0]):
            h[d, i] = part(s, d)


@kernel()
def add_sparse_rows(E, rows, first, last, h, dh, DE, outputs, axes):
    """Add the half-gradients at the non-zeros of some rows to DE.

    −2 x_ij r_ij first, which completes ∂L/∂h_i; with that, the way back through the encoder.
    """
    at, indptr, indices, values = rows
    zero, one, real = E.dtype.type(0), E.dtype.type(1), E.dtype.type
    flat = len(axes) == 2  # a quad holds the bias, too
    N = E.shape[0] // 2
    for row in range(first, last):
        i, start = at[row], indptr[row]
        if flat:
            point, d = quad(h[0, i], h[1, i], one, zero), quad(dh[0, i], dh[1, i], zero, zero)
        else:
            point = quad(h[0, i], h[1, i], h[2, i], h[3, i])
            d = quad(dh[0, i], dh[1, i], dh[2, i], dh[3, i])
        for k in range(start, indptr[row + 1]):
            w = load_row(E, indices[k])
            s = w * point
            if flat:
                a = part(w, 2) + part(s, 0) + part(s, 1)
            else:
                b = E[N + indices[k], 0]
                a = b + ((part(s, 0) + part(s, 1)) + (part(s, 2) + part(s, 3)))
            x = values[k] * real(a > 0)  # (a branch would be guessed wrong too often)
            outputs[k - start] = x
            d = d - quad(x, x, x, x) * w
        if flat:
            d = quad(part(d, 0), part(d, 1), zero, zero)
        for k in range(start, indptr[row + 1]):
            j, x, t = indices[k], values[k], outputs[k - start]
            store_row(DE, j, load_row(DE, j) + quad(x, x, x, x) * d - quad(t, t, t, t) * point)
            if not flat:
                DE[N + j, 0] -= t


@kernel()
def first_pass(first_chunk, stride, F, leaf, block, rows, work, axes):
    """Take every stride-th chunk of points: of every chunks-th block of points each."""
    chunks, T = work.D.shape[0], work.h.shape[1]
    for k in range(first_chunk, chunks, stride):
        D, DE, moments = work.D[k], work.DE[k], work.group_moments[k]
        D[:] = 0
        DE[:] = 0
        moments[:] = 0
        for first in range(k * block, T, chunks * block):
            last = min(first + block, T)
            encode_rows(work.E, rows, first, last, work.h)
            work.dh[:, first:last] = 0
            work.visited[k] += add_block(
                F, work.bounds, work.sums, work.h, first, last, leaf, work.dh, D, moments,
                work.scratch, k, axes,
            )  # fmt: skip
            add_sparse_rows(work.E, rows, first, last, work.h, work.dh, DE, work.outputs[k], axes)


@kernel()
def prepare(F, scale, work, axes, first, last):
    """Bring what follows from the weights of groups `first` … `last` − 1 up to date."""
    if len(axes) == 2:
        bound_groups(F, scale, axes, work.bounds, work.sums, first, last)
    N = work.bounds.shape[1] * GROUP
    for j in range(first * GROUP, last * GROUP):
        for d in range(len(axes) + 1):
            work.E[d // 4 * N + j, d % 4] = F[d, j]


@kernel()
def _gather(F, work, axes, first, last):
    """Bring the gradient of groups `first` … `last` − 1 from all chunks into D[0]."""
    rows = axes + axes[:1]
    D, moments = work.D, work.group_moments
    for g in range(first, last):
        j, of_points = g * GROUP, outer(rows, rows)
        d = splat(rows)
        if len(axes) == 2:
            for c in range(D.shape[0]):
                of_points = add_each(of_points, column(moments[c], g, of_points))
            d = multiply(splat(of_points), load_rows(F, j, rows))
        for c in range(D.shape[0]):
            d = add_each(add_each(d, load_rows(D[c], j, rows)), load_columns(work.DE[c], j, rows))
        store_rows(D[0], j, d)


@kernel()
def second_pass(first_range, stride, sizes, F, m1, m2, scale, work, axes, numbers, update):
    """Gather the gradient of every stride-th range of features, and update those."""
    m, n = sizes
    G = work.bounds.shape[1]
    for k in range(first_range, RANGES, stride):
        first, last = k * G // RANGES, (k + 1) * G // RANGES
        _gather(F, work, axes, first, last)
        if update:
            for_W, for_b = per_parameter(numbers)
            # (Not those that fill up the last groups, nor rows of zeros.)
            some = slice(first * GROUP, min(n, last * GROUP))
            for d in range(len(axes) + 1):
                if d < m or d == len(axes):
                    its = for_W if d < m else for_b
                    adamw(F[d, some], work.D[0, d, some], m1[d, some], m2[d, some], *its)
            prepare(F, scale, work, axes, first, last)


@kernel()
def take_steps(points, features, rates, done, factor, hyper, tiny, update):
    """Take a step for each learning rate, or leave the gradient in D[0].

    `points` and `features` are what the first and the second pass are given.
    """
    for s in range(rates.size):
        numbers = scalars_for(points[0], done + s + 1, rates[s], factor, hyper, tiny)
        first_pass(0, 1, *points)
        second_pass(0, 1, *features, numbers, update)
