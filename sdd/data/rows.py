"""Rows of sparse, unit-norm points, drawn by counter: row i needs no row before it.

Every random number is a function of seed, stream, row number and its place in the row (the
counter-based generator Philox), so that neither the rows drawn with it nor threads change a row.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from sdd.kernels import kernel
from sdd.threads import on_threads

__all__ = ["binomial_cdf", "draw", "philox"]

MIN_NNZ_PER_THREAD = 10_000  # starting a thread takes 40 µs, drawing so many non-zeros 100 µs

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_KEY_STEP_0, _KEY_STEP_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@lru_cache(maxsize=32)
def binomial_cdf(n: int, p: float) -> Float[np.ndarray, "n"]:
    """Return P(K ≤ k) for K ~ binomial(n, p), k = 0 … n − 1.

    Outwards from the mode by the ratio of neighbours: no underflow, and only basic arithmetic,
    which rounds alike on every platform. (`scipy.stats.binom` rounds otherwise, and the rows of a
    seed must never change.)

    Parameters
    ----------
    n : int
        Number of trials.
    p : float
        Probability of each, in (0, 1].

    Returns
    -------
    (n,) array
        Rising, at most 1.

    Examples
    --------
    >>> from sdd.data import binomial_cdf
    >>> binomial_cdf(2, 0.5)
    array([0.25, 0.75])
    """
    if p == 1.0:
        return np.zeros(n)
    pmf = np.zeros(n + 1)
    mode = int((n + 1) * p)
    pmf[mode] = 1.0
    for k in range(mode, 0, -1):
        pmf[k - 1] = pmf[k] * k * (1 - p) / ((n - k + 1) * p)
    for k in range(mode, n):
        pmf[k + 1] = pmf[k] * (n - k) * p / ((k + 1) * (1 - p))
    cumulative = np.cumsum(pmf)
    return cumulative[:-1] / cumulative[-1]


@kernel(inline="always")  # LLVM makes no vectors of a loop with calls
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 (Salmon et al., SC 2011): four random 32-bit words from counter and key.

    Parameters
    ----------
    c0, c1, c2, c3 : uint64
        Words of the counter, each below 2**32.
    k0, k1 : uint64
        Words of the key, each below 2**32.

    Returns
    -------
    tuple of four uint64
        Each below 2**32.

    Examples
    --------
    The first answer that its authors publish:

    >>> from sdd.data.rows import philox
    >>> [f"{word:x}" for word in philox(*np.zeros(6, np.uint64))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    for _ in range(10):
        p0, p1 = _MULTIPLIER_0 * c0, _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _MASK, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _KEY_STEP_0) & _MASK, (k1 + _KEY_STEP_1) & _MASK
    return c0, c1, c2, c3


@kernel()
def _draw_uniforms(first, u, key, stream):
    """Draw a uniform number in [0, 1) for each row: it decides how many non-zeros the row has."""
    k0, k1 = key & _MASK, key >> _SHIFT
    for i in range(u.size):
        row = np.uint64(first + i)
        w = philox(row & _MASK, row >> _SHIFT, np.uint64(0), stream, k0, k1)
        u[i] = np.float64((w[0] << np.uint64(21)) | (w[1] >> np.uint64(11))) * 2.0**-53


@kernel(error_model="numpy")
def _draw_rows(first, indptr, indices, values, n, key, stream):
    """Draw rows `first`, `first + 1`, … into the parts of the arrays that `indptr` gives them."""
    k0, k1 = key & _MASK, key >> _SHIFT
    most = 0
    for i in range(indptr.size - 1):
        most = max(most, indptr[i + 1] - indptr[i])
    words = np.empty(2 * most + 32, np.uint32)
    taken = np.zeros(n if most * most > 2 * n else 0, np.uint8)
    for i in range(indptr.size - 1):
        row, start, k = np.uint64(first + i), indptr[i], indptr[i + 1] - indptr[i]
        for block in range((2 * k + 31) // 32 * 8):  # a multiple of 8: whole vector registers
            w = philox(row & _MASK, row >> _SHIFT, np.uint64(block + 1), stream, k0, k1)
            for j in range(4):
                words[4 * block + j] = w[j]
        # Floyd's algorithm: k distinct positions from k words, each set equally likely. (A 32-bit
        # word times the range leaves a bias of at most n / 2^32.)
        if k * k > 2 * n:  # many: mark them, at a cost of n and not of k²
            for t in range(k):
                drawn = np.int64((np.uint64(words[t]) * np.uint64(n - k + t + 1)) >> _SHIFT)
                taken[n - k + t if taken[drawn] else drawn] = 1
            rank = start
            for position in range(n):
                if taken[position]:
                    indices[rank] = position
                    rank += 1
                taken[position] = 0
        else:
            for t in range(k):
                word = np.uint32((np.uint64(words[t]) * np.uint64(n - k + t + 1)) >> _SHIFT)
                repeated = False
                for s in range(t):
                    repeated |= words[s] == word
                words[t] = n - k + t if repeated else word  # a position from here on
            for t in range(k):  # sorted by counting the smaller ones: no branch to mispredict
                rank = start
                for s in range(k):
                    rank += words[s] < words[t]
                indices[rank] = words[t]
        square_sum = 0.0
        for t in range(k):
            u = (np.float64(words[k + t]) + 0.5) * 2.0**-32
            square_sum += u * u
        norm = np.sqrt(square_sum)
        for t in range(k):
            values[start + t] = (np.float64(words[k + t]) + 0.5) * 2.0**-32 / norm


def _in_parts(task: Callable[[int, int], None], count: int, threads: int) -> None:
    """Call ``task(begin, end)`` for ranges that make up `count`, each on a thread."""
    threads = max(1, min(threads, count))
    ranges = list(pairwise(count * k // threads for k in range(threads + 1)))
    on_threads(lambda k: task(*ranges[k]), threads)


def draw(
    first: int, count: int, n: int, p: float, seed: int, stream: int, threads: int = 1
) -> tuple[Int[np.ndarray, "count_plus_1"], Int[np.ndarray, "nnz"], Float[np.ndarray, "nnz"]]:
    """Draw rows `first` … `first + count` − 1 of a stream, as compressed sparse rows.

    Their law is that of `sdd.sample`, with probability p that a feature is active. Few rows are
    drawn on fewer threads.

    Parameters
    ----------
    first, count : int
        Number of the first row, and how many.
    n : int
        Number of features.
    p : float
        Probability 1 − S that a feature is active.
    seed, stream : int
        Key, and last word of the counter: 0, 1 or 2 for training, test or fresh rows.
    threads : int
        At most so many; rows do not depend on it.

    Returns
    -------
    indptr : (count + 1,) int array
        Where each row starts.
    indices, values : (nnz,) int and (nnz,) float32 array
        Column and value of each non-zero.

    Examples
    --------
    >>> from sdd.data.rows import draw
    >>> indptr, indices, values = draw(0, 5, n=50, p=0.1, seed=0, stream=0)
    >>> np.array_equal(indices, sdd.sample(5, n=50, sparsity=0.9).indices)
    True
    """
    key = np.uint64(seed), np.uint64(stream)
    cdf = binomial_cdf(n, p)
    cdf = cdf[: np.searchsorted(cdf, 1.0) + 1]  # no u is above 1
    indptr = np.zeros(count + 1, np.int64)

    def draw_counts(begin: int, end: int) -> None:
        u = np.empty(end - begin)
        _draw_uniforms(first + begin, u, *key)
        indptr[1 + begin : 1 + end] = np.searchsorted(cdf, u, side="right")  # inversion

    _in_parts(draw_counts, count, min(threads, count // MIN_NNZ_PER_THREAD))
    np.cumsum(indptr, out=indptr)
    indices, values = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)

    def draw_rows(begin: int, end: int) -> None:
        _draw_rows(first + begin, indptr[begin : end + 1], indices, values, n, *key)

    _in_parts(draw_rows, count, min(threads, indices.size // MIN_NNZ_PER_THREAD))
    return indptr, indices, values
