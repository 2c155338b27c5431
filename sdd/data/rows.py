"""Rows of sparse, unit-norm points, drawn by counter: row i needs no row before it.

Two kernels draw the rows of a range into arrays given to them: first the numbers of non-zeros,
which say where each row starts, then the rows. Python threads call them for disjoint ranges. The
loops run over whole groups of lanes, past the end of a row into scratch, and so become vector
instructions without branches to guess. Functions that they call are inlined by numba, as LLVM
makes no vectors of a loop with a call in it. Neither that nor the number of threads changes a bit.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import numba
import numpy as np
from jaxtyping import Float, Int
from llvmlite import ir
from numba.extending import intrinsic

from sdd.kernels import kernel

__all__ = ["draw", "guide_to", "philox"]

LANES = 16  # 32-bit numbers in the widest vectors
CORES = os.cpu_count() or 1  # asked once: it takes as long as to draw a hundred rows
GUIDE = 2**12  # parts of (0, 1) for which the search in the cdf is done beforehand
ALONE = 10_000  # a thread gets no fewer non-zeros: handing them over takes 40 µs, drawing them 100

_NOWHERE = np.int32(2**31 - 1)  # behind every position: fills the lanes past the end of a row
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_KEY_STEP_0, _KEY_STEP_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@kernel(inline="always")
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 (Salmon et al., SC 2011): four random 32-bit words from counter and key."""
    for _ in range(10):
        p0, p1 = _MULTIPLIER_0 * c0, _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _MASK, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _KEY_STEP_0) & _MASK, (k1 + _KEY_STEP_1) & _MASK
    return c0, c1, c2, c3


@kernel()
def _draw_counts(first, counts, cdf, guide, key, stream):
    """Draw the number of non-zeros of each row: the first k with P(K <= k) > u (inversion)."""
    k0, k1 = key & _MASK, key >> _SHIFT
    u = np.empty(256)
    for begin in range(0, counts.size, u.size):
        size = min(u.size, counts.size - begin)
        for i in range(size):
            row = np.uint64(first + begin + i)
            w = philox(row & _MASK, row >> _SHIFT, np.uint64(0), stream, k0, k1)
            u[i] = np.float64((w[0] << np.uint64(21)) | (w[1] >> np.uint64(11))) * 2.0**-53
        for i in range(size):
            part = np.int64(u[i] * GUIDE)
            low, high = guide[part], guide[part + 1]
            while low < high:  # seldom: most parts have one answer only
                middle = (low + high) >> 1
                if cdf[middle] > u[i]:
                    high = middle
                else:
                    low = middle + 1
            counts[begin + i] = low


@kernel(inline="always")
def _draw_words(words, row, k, k0, k1, stream):
    """Draw a row's random words, k for positions and k for values, in whole groups of lanes."""
    for block in range((2 * k + 2 * LANES - 1) // (2 * LANES) * (LANES // 2)):
        w = philox(row & _MASK, row >> _SHIFT, np.uint64(block + 1), stream, k0, k1)
        place = np.uint64(4 * block)  # unsigned: no negative index to provide for
        words[place] = w[0]
        words[place + _ONE] = w[1]
        words[place + _TWO] = w[2]
        words[place + _THREE] = w[3]


@intrinsic
def _smaller(_, numbers, first, than):
    """Count the numbers below `than` among `LANES` 32-bit ones, in three vector instructions.

    LLVM takes the plain loop apart before it could find a vector in it.
    """

    def generate(context, builder, signature, arguments):
        numbers, first, than = arguments
        lanes = ir.VectorType(ir.IntType(32), LANES)
        start = context.make_array(signature.args[0])(context, builder, numbers).data
        start = builder.bitcast(builder.gep(start, [first]), lanes.as_pointer())
        group = builder.load(start)
        group.align = 4
        one = builder.insert_element(ir.Constant(lanes, ir.Undefined), than, ir.IntType(32)(0))
        all_alike = builder.shuffle_vector(one, one, ir.Constant(lanes, [0] * LANES))
        below = builder.bitcast(builder.icmp_signed("<", group, all_alike), ir.IntType(LANES))
        return builder.zext(builder.ctpop(below), ir.IntType(64))

    return numba.int64(numbers, numba.int64, numba.int32), generate


@kernel(inline="always")
def _place_sorted(positions, k, width, out):
    """Put k positions into `out` in order; return whether they are distinct.

    A position's place is the number of smaller ones: no branch to guess.
    """
    total = 0
    for t in range(width):
        place = 0
        for group in range(0, width, LANES):
            place += _smaller(positions, group, positions[t])  # type: ignore[call-arg]
        out[place] = positions[t]
        total += place
    # Places are 0 … k − 1, and k for each lane past the end; two that are equal miss one.
    return total == k * (k - 1) // 2 + (width - k) * k


@kernel(inline="always")
def _replace_repeated(positions, k, n):
    """Replace each position met before by the last of its range (Floyd's algorithm)."""
    for t in range(1, k):
        same = 0
        for s in range(t):
            same += positions[s] == positions[t]
        if same:
            positions[t] = n - k + t


@kernel(inline="always")
def _mark_and_collect(positions, k, n, taken, out):
    """As the two functions above together, at a cost of n and not of k²."""
    for t in range(k):
        taken[n - k + t if taken[positions[t]] else positions[t]] = 1
    place = 0
    for position in range(n):
        if taken[position]:
            out[place] = position
            place += 1
        taken[position] = 0


@kernel(error_model="numpy")
def _draw_rows(first, indptr, indices, values, n, key, stream):
    """Draw rows `first`, `first + 1`, … into the places that `indptr` gives them."""
    k0, k1 = key & _MASK, key >> _SHIFT
    count = indptr.size - 1
    most = 0
    for i in range(count):
        most = max(most, indptr[i + 1] - indptr[i])
    words = np.zeros(2 * (most + LANES), np.uint32)
    positions = np.zeros(most + LANES, np.int32)
    ordered = np.zeros(most + LANES, np.int32)
    taken = np.zeros(n if most * most > 2 * n else 0, np.uint8)
    for i in range(count):
        start, k = indptr[i], indptr[i + 1] - indptr[i]
        width = (k + LANES - 1) // LANES * LANES
        _draw_words(words, np.uint64(first + i), k, k0, k1, stream)
        # Floyd's algorithm: k distinct positions from k draws, each set equally likely. (A
        # 32-bit word times the range leaves a bias of at most n / 2^32.)
        for t in range(width):
            position = (np.uint64(words[t]) * np.uint64(n - k + t + 1)) >> _SHIFT
            positions[t] = np.int32(position) if t < k else _NOWHERE
        if k * k > 2 * n:
            _mark_and_collect(positions, k, n, taken, ordered)
        else:
            while not _place_sorted(positions, k, width, ordered):
                _replace_repeated(positions, k, n)
        square_sum = 0.0
        for t in range(width):
            u = (np.float64(words[k + t]) + 0.5) * 2.0**-32
            square_sum += u * u if t < k else 0.0
        norm = np.sqrt(square_sum)
        # What is written past the end of a row, the next row of the range writes over.
        size = width if start + width <= indptr[count] else k
        for t in range(size):
            indices[start + t] = ordered[t]
        for t in range(size):
            values[start + t] = (np.float64(words[k + t]) + 0.5) * 2.0**-32 / norm


def guide_to(cdf: Float[np.ndarray, "n"]) -> Int[np.ndarray, "parts_plus_1"]:
    """Return the number of entries ≤ u for u = 0, 1 / GUIDE, … 1: a search needs no more."""
    return np.searchsorted(cdf, np.arange(GUIDE + 1) / GUIDE, side="right")


@lru_cache(maxsize=8)
def _helpers(process: int, threads: int) -> ThreadPoolExecutor:
    """Return threads that wait for work; a forked process (by its number) needs its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix="draw")


def _spread(task: Callable[[int, int], None], count: int, threads: int) -> None:
    """Call ``task(begin, end)`` for ranges that make up `count`, one of them on this thread."""
    threads = max(1, min(threads, CORES, count))
    ends = [count * k // threads for k in range(threads + 1)]
    ranges = list(pairwise(ends))
    if threads == 1:
        return task(*ranges[0])
    waiting = [_helpers(os.getpid(), threads - 1).submit(task, *r) for r in ranges[1:]]
    task(*ranges[0])
    for future in waiting:
        future.result()


def draw(
    first: int,
    count: int,
    cdf: Float[np.ndarray, "n"],
    guide: Int[np.ndarray, "parts_plus_1"],
    seed: int,
    stream: int,
    threads: int = 1,
) -> tuple[Int[np.ndarray, "count_plus_1"], Int[np.ndarray, "nnz"], Float[np.ndarray, "nnz"]]:
    """Draw rows `first` … `first + count` − 1 of a stream; see `sdd.sample` for their law.

    Parameters
    ----------
    first, count : int
        Which rows.
    cdf : (n,) array
        P(K ≤ k) of the number K of non-zeros among n features.
    guide : array
        Of `cdf`, by `guide_to`.
    seed, stream : int
        Key and last word of the counter: other ones give other random numbers.
    threads : int
        Threads to use at most; few rows are drawn on fewer.

    Returns
    -------
    indptr, indices, values : arrays
        The rows as compressed sparse rows; see `sdd.Dataset`.
    """
    words = np.uint64(seed), np.uint64(stream)
    indptr = np.zeros(count + 1, np.int64)

    def draw_counts(begin: int, end: int) -> None:
        _draw_counts(first + begin, indptr[1 + begin : 1 + end], cdf, guide, *words)

    _spread(draw_counts, count, min(threads, count // ALONE))  # a count costs half a non-zero
    np.cumsum(indptr, out=indptr)
    indices, values = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)

    def draw_rows(begin: int, end: int) -> None:
        _draw_rows(first + begin, indptr[begin : end + 1], indices, values, cdf.size, *words)

    _spread(draw_rows, count, min(threads, indices.size // ALONE))
    return indptr, indices, values
