"""Sparse, unit-norm data points, checked and kept as compressed sparse rows."""

import hashlib
import operator
import sys
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

__all__ = ["EXACT", "NORM_TOLERANCE", "Dataset", "real_number", "whole_number"]

EXACT = 2**53  # whole numbers up to here are exact as floats
NORM_TOLERANCE = 1e-3  # a row's norm may differ from 1 by float32 rounding, not by more


def whole_number(name: str, value: Any, least: int) -> int:
    """Return `value` as an int; raise ValueError unless it is whole and at least `least`.

    Parameters
    ----------
    name : str
        What the error calls it.
    value : number
        An int, or a float that is whole.
    least : int
        The least that is allowed.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        Where it is no such number.

    Examples
    --------
    >>> from sdd.data import whole_number
    >>> whole_number("T", 1e4, 1)
    10000
    """
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    exact = isinstance(value, float | np.floating) and abs(float(value)) < EXACT
    exact = exact and float(value).is_integer()
    if not (whole or exact) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def real_number(name: str, value: Any) -> float:
    """Return `value` as a float; raise ValueError unless it is finite and at least 0.

    Parameters
    ----------
    name : str
        What the error calls it.
    value : number
        Of Python or of numpy.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        Where it is no such number.

    Examples
    --------
    >>> from sdd.data import real_number
    >>> real_number("lr", np.float32(0.5))
    0.5
    """
    real = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if not real or not 0 <= value <= sys.float_info.max:
        raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")
    return float(value)


def _require_real(dtype: np.dtype, name: str = "X") -> None:
    if not np.issubdtype(dtype, np.number) or np.issubdtype(dtype, np.complexfloating):
        raise ValueError(f"{name} must hold real numbers, not {dtype}")


def _row_index(indptr: Int[np.ndarray, "T_plus_1"]) -> Int[np.ndarray, "nnz"]:
    return np.repeat(np.arange(indptr.size - 1), np.diff(indptr))


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
    counts : (T,) int or None
        How many times each point counts in a loss, which is Σ_i c_i L_i / Σ_i c_i; None for once.

    Raises
    ------
    ValueError
        Where the arrays are not such rows; the message says which rule is broken, and where.

    Examples
    --------
    >>> data = sdd.Dataset(indptr=[0, 1, 2], indices=[3, 0], values=[1.0, 1.0], n=4)
    >>> data.T, data[0]
    (2, array([0., 0., 0., 1.], dtype=float32))
    """

    indptr: Int[np.ndarray, "T_plus_1"]
    indices: Int[np.ndarray, "nnz"]
    values: Float[np.ndarray, "nnz"]
    n: int
    settings: Any = None
    counts: Int[np.ndarray, "T"] | None = None

    def __post_init__(self) -> None:
        n = whole_number("n", self.n, 1)
        if n >= 2**31:
            raise ValueError(f"n must be below 2**31, not {n}")
        _require_real(np.asarray(self.values).dtype, "values")
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
        row = _row_index(indptr)
        falls = (np.diff(indices) <= 0) & (np.diff(row) == 0)
        if falls.any():
            raise ValueError(
                f"indices must increase within a row; row {row[np.argmax(falls)]} repeats or "
                "disorders one"
            )
        if not (finite := np.isfinite(values)).all():
            where = int(row[np.argmin(finite)])
            of_row = values[indptr[where] : indptr[where + 1]]
            raise ValueError(
                f"row {where} is NaN throughout, as a row of zeros is that was divided by its "
                "norm: leave such rows alone"
                if of_row.size == n > 1 and np.isnan(of_row).all()
                else f"values must be finite; row {where} holds a NaN or an infinity"
            )
        if values.size and (least := values.min()) < 0:
            where = int(row[np.argmin(values)])
            raise ValueError(f"values must not be negative; row {where} holds {least:g}")
        lengths = np.sqrt(np.bincount(row, values.astype(np.float64) ** 2, indptr.size - 1))
        wrong = (np.abs(lengths - 1) > NORM_TOLERANCE) & (lengths > 0)
        if wrong.any():
            where = int(np.argmax(wrong))
            raise ValueError(
                f"rows must have unit norm or be all zero; row {where} has norm "
                f"{lengths[where]:.6g}: divide each row by "
                "np.linalg.norm(X, axis=1, keepdims=True).clip(1e-9), which leaves zeros alone"
            )
        counts = None if self.counts is None else np.array(self.counts)
        if counts is not None:
            if counts.shape != lengths.shape or not np.issubdtype(counts.dtype, np.integer):
                raise ValueError(
                    f"counts must be one whole number a row, ({lengths.size},), not "
                    f"{counts.shape} of {counts.dtype}"
                )
            if counts.min() < 1 or counts.sum(dtype=float) >= 2**31:
                raise ValueError("counts must be at least 1, and below 2**31 in all")
        arrays = indptr.astype(np.int64), indices.astype(np.int32), values.astype(np.float32)
        self._set(*arrays, n, self.settings, counts)

    def _set(self, indptr, indices, values, n, settings, counts) -> None:
        if counts is not None:  # (all of them 1 are none: such data are the same)
            counts = counts.astype(np.int64) if counts.max() > 1 else None
        for array in (indptr, indices, values, *(() if counts is None else (counts,))):
            array.flags.writeable = False  # runs are named by their data: it must not change
        self.__dict__.update(indptr=indptr, indices=indices, values=values, n=n)
        self.__dict__.update(settings=settings, counts=counts)

    @classmethod
    def unchecked(cls, indptr, indices, values, n, settings=None, counts=None) -> "Dataset":
        """Wrap rows that are right by construction, without checking them again.

        Parameters
        ----------
        indptr, indices, values, n, settings, counts
            As of `Dataset`, of its own types: int64, int32 and float32. They become read-only.

        Returns
        -------
        Dataset
            These rows.

        Examples
        --------
        >>> data = sdd.sample(5, n=50, sparsity=0.9)
        >>> again = sdd.Dataset.unchecked(data.indptr, data.indices, data.values, data.n)
        >>> again.content_hash() == data.content_hash()
        True
        """
        data = cls.__new__(cls)
        data._set(indptr, indices, values, n, settings, counts)
        return data

    @classmethod
    def from_dense(cls, X: Float[np.ndarray, "T n"]) -> "Dataset":
        """Make a data set of your own from a dense array of unit-norm (or zero) rows.

        Parameters
        ----------
        X : (T, n) array
            Points as rows, real numbers of at least 0.

        Returns
        -------
        Dataset
            The same rows, as float32.

        Raises
        ------
        ValueError
            Where it is no matrix of real numbers, or its rows break a rule of `Dataset`.

        Examples
        --------
        >>> X = np.random.default_rng(0).random((5, 20))
        >>> sdd.Dataset.from_dense(X / np.linalg.norm(X, axis=1, keepdims=True))
        Dataset(T=5, n=20, non-zeros=100)
        """
        if np.ma.is_masked(X):
            raise ValueError("X must have a value everywhere, but entries of it are masked")
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must be a matrix of T rows and n columns, not of shape {X.shape}")
        _require_real(X.dtype)
        return cls.from_sparse(csr_array(X.astype(np.float64)))  # (scipy has no float16)

    @classmethod
    def from_sparse(cls, X: Any) -> "Dataset":
        """Make a data set of your own from a `scipy.sparse` matrix or array, of any format.

        Entries of one place are summed, as scipy does, and explicit zeros are left out.

        Parameters
        ----------
        X : (T, n) scipy.sparse matrix or array
            Points as rows, of unit norm or zero.

        Returns
        -------
        Dataset
            The same rows, as float32.

        Raises
        ------
        ValueError
            Where it does not hold real numbers, or its rows break a rule of `Dataset`.

        Examples
        --------
        >>> import scipy.sparse
        >>> sdd.Dataset.from_sparse(scipy.sparse.eye(4))
        Dataset(T=4, n=4, non-zeros=4)
        """
        X = csr_array(X, copy=True)
        _require_real(X.dtype)
        X.sum_duplicates()
        X.eliminate_zeros()
        return cls(X.indptr, X.indices, X.data, X.shape[1])

    def to_sparse(self) -> csr_array:
        """Return the rows as a (T, n) `scipy.sparse.csr_array` of the same, read-only values."""
        return csr_array((self.values, self.indices, self.indptr), shape=(self.T, self.n))

    def to_dense(self) -> Float[np.ndarray, "T n"]:
        """Return the rows as a dense float32 array: T·n·4 bytes, so for small data only."""
        return self.to_sparse().toarray()

    def row_index(self) -> Int[np.ndarray, "nnz"]:
        """Return the row of each non-zero, as `indices` has its column."""
        return _row_index(self.indptr)

    def __len__(self) -> int:
        """Return T."""
        return self.T

    def __getitem__(self, i: Any) -> Any:
        """Return point i as a dense (n,) float32 vector; of a slice, mask or array, a Dataset."""
        if isinstance(i, slice):
            return self.take(np.arange(self.T)[i])
        if np.ndim(i):
            return self.take(i)
        row = operator.index(i)
        if not -self.T <= row < self.T:  # (an IndexError also ends a loop over the points)
            raise IndexError(f"a data set of T = {self.T} points has no point {row}")
        start, end = self.indptr[row % self.T : row % self.T + 2]
        point = np.zeros(self.n, np.float32)
        point[self.indices[start:end]] = self.values[start:end]
        return point

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same rows, in the same order."""
        return isinstance(other, Dataset) and self.content_hash() == other.content_hash()

    def __hash__(self) -> int:
        return hash(self.content_hash())

    def __reduce__(self) -> Any:  # so that a copy in another process is read-only, too
        arrays = self.indptr, self.indices, self.values
        return Dataset.unchecked, (*arrays, self.n, self.settings, self.counts)

    def take(self, rows) -> "Dataset":
        """Return the data set of the given rows, in the given order; rows may repeat.

        Parameters
        ----------
        rows : (k,) int array, or (T,) bool array
            Their numbers, in [0, T), or which of all rows; at least one.

        Returns
        -------
        Dataset
            Data of your own: without `settings`. Each row counts as often as it did.

        Raises
        ------
        ValueError
            Where these are no such numbers, or not one truth value a row.

        Examples
        --------
        >>> data = sdd.sample(5, n=50, sparsity=0.9)
        >>> data.take([0, 0, 3]).T
        3
        """
        rows = np.asarray(rows)
        if rows.dtype == bool:
            if rows.shape != (self.T,):
                raise ValueError(f"rows must have one entry per row, {self.T}, not {rows.shape}")
            rows = np.flatnonzero(rows)
        whole = rows.ndim == 1 and rows.size and np.issubdtype(rows.dtype, np.integer)
        if not whole or rows.min() < 0 or rows.max() >= self.T:
            raise ValueError(f"rows must be row numbers in [0, {self.T}), and at least one")
        taken = self.to_sparse()[rows]
        indptr, indices = taken.indptr.astype(np.int64), taken.indices.astype(np.int32)
        counts = None if self.counts is None else self.counts[rows]
        return Dataset.unchecked(indptr, indices, taken.data, self.n, counts=counts)

    @cached_property
    def copies(self) -> "Dataset":
        """The same points with as many copies of each as it counts: what a training step takes."""
        if self.counts is None:
            return self
        some = self.take(np.repeat(np.arange(self.T), self.counts))
        return Dataset.unchecked(some.indptr, some.indices, some.values, self.n)

    def mean(self, values: Float[np.ndarray, "T"]) -> float:
        """Return the mean of one value a point, each counted as often as its point.

        Parameters
        ----------
        values : (T,) array
            Such as losses.

        Returns
        -------
        float

        Examples
        --------
        >>> data = sdd.DataSettings(T=3, n=50, sparsity=0.9, repeats=2).make()
        >>> data.mean(np.array([1.0, 0.0, 0.0]))
        0.5
        """
        return float(
            values.mean() if self.counts is None else np.average(values, weights=self.counts)
        )

    @property
    def T(self) -> int:
        """Number of data points, each once."""
        return self.indptr.size - 1

    @property
    def total(self) -> int:
        """Number of data points, each as often as it counts."""
        return self.T if self.counts is None else int(self.counts.sum())

    @cached_property
    def _hash(self) -> str:
        digest = hashlib.sha256(f"{self.n}".encode())
        counts = () if self.counts is None else (self.counts,)
        for array in (self.indptr, self.indices, self.values, *counts):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def content_hash(self) -> str:
        """Return a hash of the rows themselves: names the runs on data of your own."""
        return self._hash

    @property
    def sparsity(self) -> float:
        """The S that it was drawn with; of data of your own, the share of entries that are zero."""
        if self.settings is not None:
            return self.settings.sparsity
        return 1 - self.values.size / (self.T * self.n)

    def __repr__(self) -> str:
        counted = "" if self.counts is None else f", counted {self.total} times"
        return f"Dataset(T={self.T}, n={self.n}, non-zeros={self.values.size}{counted})"
