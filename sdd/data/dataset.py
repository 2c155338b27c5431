"""Sparse, unit-norm data points: drawn, checked, and kept as compressed sparse rows.

Every row is drawn by a counter-based generator from (seed, stream, row number) alone. So a row
is the same on every platform, the first rows of a large draw are the rows of a small one,
batches of fresh rows can be resumed at any step, and training, test and fresh rows never share
random numbers.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sdd.data import rows

__all__ = [
    "DataSettings",
    "Dataset",
    "Stream",
    "binomial_cdf",
    "sample",
    "stream",
    "whole_number",
]

STREAMS = {"train": 0, "test": 1, "fresh": 2}
DRAWN_TOGETHER = 30_000  # rows of coming batches: a few MB
NORM_TOLERANCE = 1e-3  # a row's norm may differ from 1 by float32 rounding, not by more


@lru_cache(maxsize=32)
def binomial_cdf(n: int, p: float) -> np.ndarray:
    """Return P(K ≤ k) for K ~ binomial(n, p), k = 0 … n − 1.

    Outwards from the mode by the ratio of neighbours: no underflow, and only basic arithmetic,
    which rounds alike on every platform.
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


@lru_cache(maxsize=32)
def _law(n: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the law of the number of non-zeros, as `rows.draw` takes it."""
    cdf = binomial_cdf(n, p)
    return cdf, rows.guide_to(cdf)


def whole_number(name: str, value: Any, least: int) -> int:
    """Return `value` as an int; raise ValueError unless it is whole and at least `least`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not (whole or (isinstance(value, float) and value.is_integer())) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


@dataclass(frozen=True)
class DataSettings:
    """What determines a training set: enough to draw it again, and to name a run by it.

    Parameters
    ----------
    T : int or math.inf
        Number of data points; infinite means fresh points at every step.
    n : int
        Number of features.
    sparsity : float
        Probability S in [0, 1) that a feature is zero.
    seed : int
        Seed of the draw.
    split : str
        "train" or "test"; ignored where T is infinite.
    batch : int or None
        Rows per step where T is infinite; None otherwise.
    features : int or None
        Keep the first so many features only: the data of a model that has no others. Rows are then
        shorter than one, and many are zero. None keeps all n.

    Raises
    ------
    ValueError
        Where a value breaks its rule; the message says which and how.
    """

    T: float
    n: int = 10_000
    sparsity: float = 0.999
    seed: int = 0
    split: str = "train"
    batch: int | None = None
    features: int | None = None

    def __post_init__(self) -> None:
        if self.T == math.inf:
            if self.batch is None:
                raise ValueError("batch must be given where T is infinite, not None")
            object.__setattr__(self, "batch", whole_number("batch", self.batch, 1))
        else:
            object.__setattr__(self, "T", whole_number("T", self.T, 1))
            if self.batch is not None:
                raise ValueError(
                    f"batch is only for T = infinity, but T = {self.T} and batch = {self.batch}"
                )
        object.__setattr__(self, "n", whole_number("n", self.n, 1))
        for name, value in (("T", self.batch or self.T), ("n", self.n)):
            if value >= 2**31:
                raise ValueError(f"{name} must be below 2**31, not {value:,}")
        if self.features is not None:
            object.__setattr__(self, "features", whole_number("features", self.features, 1))
            if self.features > self.n:
                raise ValueError(f"features must be at most n = {self.n}, not {self.features}")
        object.__setattr__(self, "seed", whole_number("seed", self.seed, 0))
        if self.seed >= 2**64:
            raise ValueError(f"seed must be below 2**64, not {self.seed}")
        real = isinstance(self.sparsity, (int, float, np.floating))
        if not real or not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), not {self.sparsity!r}")
        object.__setattr__(self, "sparsity", float(self.sparsity))
        if self.split not in ("train", "test"):
            raise ValueError(f'split must be "train" or "test", not {self.split!r}')

    def make(self) -> "Dataset | Stream":
        """Draw the data set, or open the stream of fresh points where T is infinite."""
        return Stream(self) if self.T == math.inf else self.rows(0, int(self.T), self.split)

    def rows(self, first: int, count: int, stream: str, threads: int = 1) -> "Dataset":
        """Draw `count` rows from row `first` on, of one of the `STREAMS`, on some threads."""
        number = STREAMS[stream]
        law = _law(self.n, 1.0 - self.sparsity)
        indptr, indices, values = rows.draw(first, count, *law, self.seed, number, threads)
        if self.features is not None:
            keep = indices < self.features
            indptr = np.concatenate([[0], np.cumsum(keep)])[indptr]
            indices, values = indices[keep], values[keep]
        return Dataset._trusted(indptr, indices, values, self.width, self)

    @property
    def width(self) -> int:
        """Columns of the data: n, or as many features as are kept."""
        return self.n if self.features is None else self.features


@dataclass(frozen=True, eq=False)
class Dataset:
    """T data points of n features, as compressed sparse rows (CSR).

    Row i has the non-zeros ``values[indptr[i]:indptr[i + 1]]`` in the columns
    ``indices[indptr[i]:indptr[i + 1]]``, which increase within a row. Rows have unit norm, or
    are all zero; values are not negative (section "Experiment Setup"). (Only where settings keep
    a part of the features are rows shorter.)

    Parameters
    ----------
    indptr : (T + 1,) int
        Where each row starts.
    indices : (nnz,) int
        Column of each non-zero, in [0, n).
    values : (nnz,) float
        Value of each non-zero.
    n : int
        Number of features.
    settings : DataSettings or None
        How it was drawn; None for data of your own.

    Raises
    ------
    ValueError
        Where the arrays are not such rows; the message says which rule is broken, and where.
    """

    indptr: Int[np.ndarray, "T_plus_1"]
    indices: Int[np.ndarray, "nnz"]
    values: Float[np.ndarray, "nnz"]
    n: int
    settings: DataSettings | None = field(default=None)

    def __post_init__(self) -> None:
        n = whole_number("n", self.n, 1)
        indptr = np.array(self.indptr)  # a copy: the caller's own array stays writeable
        indices, values = np.asarray(self.indices), np.asarray(self.values)
        for name, array in (("indptr", indptr), ("indices", indices)):
            if array.size and not np.issubdtype(array.dtype, np.integer):
                raise ValueError(f"{name} must be whole numbers, not {array.dtype}")
        if indptr.ndim != 1 or indptr.size < 2:
            raise ValueError(f"a data set must have at least one row; indptr is {indptr.shape}")
        if indices.shape != values.shape or indices.ndim != 1:
            raise ValueError(
                "indices and values must be vectors of one length, "
                f"not of shapes {indices.shape} and {values.shape}"
            )
        if indptr[0] != 0 or indptr[-1] != values.size or (np.diff(indptr) < 0).any():
            raise ValueError(
                f"indptr must rise from 0 to the number of non-zeros ({values.size}); "
                f"it goes from {indptr[0]} to {indptr[-1]}"
            )
        if indices.size and (indices.min() < 0 or indices.max() >= n):
            bad = indices.min() if indices.min() < 0 else indices.max()
            raise ValueError(f"indices must be in [0, {n}), but one is {bad}")
        row = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
        falls = (np.diff(indices) <= 0) & (np.diff(row) == 0)
        if falls.any():
            raise ValueError(
                f"indices must increase within a row; row {row[np.argmax(falls)]} repeats or "
                "disorders one"
            )
        if not np.isfinite(values).all():
            where = int(row[np.argmin(np.isfinite(values))])
            raise ValueError(f"values must be finite; row {where} holds a NaN or an infinity")
        if values.size and values.min() < 0:
            where = int(row[np.argmin(values)])
            raise ValueError(f"values must not be negative; row {where} holds {values.min():g}")
        lengths = np.sqrt(np.bincount(row, values.astype(np.float64) ** 2, indptr.size - 1))
        wrong = (np.abs(lengths - 1) > NORM_TOLERANCE) & (lengths > 0)
        if wrong.any():
            where = int(np.argmax(wrong))
            raise ValueError(
                f"rows must have unit norm or be all zero; row {where} has norm "
                f"{lengths[where]:.6g}: divide each row by np.linalg.norm(X, axis=1, keepdims=True)"
            )
        arrays = indptr.astype(np.int64), indices.astype(np.int32), values.astype(np.float32)
        self._set(*arrays, n, self.settings)

    def _set(self, indptr, indices, values, n, settings) -> None:
        for array in (indptr, indices, values):
            array.flags.writeable = False  # runs are named by their data: it must not change
        for name, value in zip(
            ("indptr", "indices", "values", "n", "settings"),
            (indptr, indices, values, n, settings),
            strict=True,
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def _trusted(cls, indptr, indices, values, n, settings) -> "Dataset":
        """Wrap rows that are right by construction, without checking them again."""
        data = cls.__new__(cls)
        data._set(indptr, indices, values, n, settings)
        return data

    @classmethod
    def from_dense(cls, X: Float[np.ndarray, "T n"]) -> "Dataset":
        """Make a data set of your own from a dense array of unit-norm (or zero) rows."""
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must be a matrix of T rows and n columns, not of shape {X.shape}")
        if not np.issubdtype(X.dtype, np.number) or np.issubdtype(X.dtype, np.complexfloating):
            raise ValueError(f"X must hold real numbers, not {X.dtype}")
        rows, columns = np.nonzero(X)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(X)))])
        return cls(indptr, columns, X[rows, columns].astype(np.float64), X.shape[1])

    def to_dense(self) -> Float[np.ndarray, "T n"]:
        """Return the rows as a dense float32 array: T·n·4 bytes, so for small data only."""
        X = np.zeros((self.T, self.n), np.float32)
        X[np.repeat(np.arange(self.T), np.diff(self.indptr)), self.indices] = self.values
        return X

    def take(self, rows) -> "Dataset":
        """Return the data set of the given rows, in the given order; rows may repeat."""
        rows = np.asarray(rows)
        if rows.dtype == bool:
            if rows.shape != (self.T,):
                raise ValueError(f"rows must have one entry per row, {self.T}, not {rows.shape}")
            rows = np.flatnonzero(rows)
        whole = rows.ndim == 1 and rows.size and np.issubdtype(rows.dtype, np.integer)
        if not whole or rows.min() < 0 or rows.max() >= self.T:
            raise ValueError(f"rows must be row numbers in [0, {self.T}), and at least one")
        counts = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(counts)])
        source = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], counts)
        return Dataset(indptr, self.indices[source], self.values[source], self.n)

    @property
    def T(self) -> int:
        """Number of data points."""
        return self.indptr.size - 1

    def content_hash(self) -> str:
        """Return a hash of the rows themselves: names the runs on data of your own."""
        digest = hashlib.sha256(f"{self.n}".encode())
        for array in (self.indptr, self.indices, self.values):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Dataset(T={self.T}, n={self.n}, non-zeros={self.values.size})"


@dataclass(frozen=True)
class Stream:
    """Fresh data points at every step (T = ∞): batch t never meets batch t' ≠ t."""

    settings: DataSettings

    @property
    def n(self) -> int:
        """Number of features."""
        return self.settings.width

    @property
    def T(self) -> int:
        """Rows per step."""
        return int(self.settings.batch or 0)

    def at(self, step: int, threads: int = 1) -> Dataset:
        """Return the batch of a step, whatever was drawn before it, and on whatever threads."""
        return self.settings.rows(step * self.T, self.T, "fresh", threads)

    def between(self, first: int, last: int, threads: int = 1) -> Iterator[Dataset]:
        """Yield the batches of steps `first` … `last` − 1, as `at` returns them.

        They are drawn many at a time, which suits threads: handing a thread its part of one
        batch takes nearly as long as drawing it.
        """
        together = max(1, DRAWN_TOGETHER // self.T)
        for step in range(first, last, together):
            steps = min(together, last - step)
            data = self.settings.rows(step * self.T, steps * self.T, "fresh", threads)
            for begin in range(0, steps * self.T, self.T):
                indptr = data.indptr[begin : begin + self.T + 1]
                part = slice(indptr[0], indptr[-1])
                arrays = indptr - indptr[0], data.indices[part], data.values[part]
                yield Dataset._trusted(*arrays, self.n, self.settings)


def sample(
    T: int,
    n: int = 10_000,
    sparsity: float = 0.999,
    seed: int = 0,
    split: str = "train",
) -> Dataset:
    """Draw T data points (section "Experiment Setup").

    Each feature is zero with probability S and otherwise uniform on (0, 1); then the row is
    scaled to unit norm. A row without any non-zero (probability Sⁿ) stays zero. It is drawn as
    a binomial(n, 1 − S) number of non-zeros at positions without replacement, so the cost grows
    with the non-zeros, not with T·n.

    Parameters
    ----------
    T : int
        Number of data points.
    n : int
        Number of features.
    sparsity : float
        Probability S in [0, 1) that a feature is zero.
    seed : int
        One seed gives the same data on every platform; the first rows of a larger draw are the
        rows of a smaller one.
    split : str
        "train" or "test": separate random streams of the same seed.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        Where a value breaks its rule.
    """
    if T == math.inf:
        raise ValueError("T must be finite here; for T = infinity use sdd.stream")
    data = DataSettings(T=T, n=n, sparsity=sparsity, seed=seed, split=split).make()
    assert isinstance(data, Dataset)
    return data


def stream(batch: int, n: int = 10_000, sparsity: float = 0.999, seed: int = 0) -> Stream:
    """Open the stream of fresh points for T = ∞: ``stream(...).at(step)`` is a step's batch.

    Parameters
    ----------
    batch : int
        Rows per step.
    n, sparsity, seed
        As for `sample`.

    Returns
    -------
    Stream
    """
    return Stream(DataSettings(T=math.inf, n=n, sparsity=sparsity, seed=seed, batch=batch))
