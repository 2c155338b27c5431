"""What determines a data set, and how it is drawn: training sets, test sets, endless streams.

Every row is drawn by a counter-based generator from (seed, stream, row number) alone. So the first
rows of a large draw are the rows of a small one, batches of fresh rows can be resumed at any step,
and training, test and fresh rows never share random numbers.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.sparse import issparse

from sdd import paper
from sdd.data import rows
from sdd.data.dataset import Dataset, whole_number
from sdd.names import one_of, suggesting

__all__ = [
    "DataSettings",
    "Stream",
    "as_data",
    "as_dataset",
    "origin",
    "sample",
    "stream",
    "test_set",
]

STREAMS = {"train": 0, "test": 1, "fresh": 2}


@suggesting
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
    repeats, repeated : int
        The first `repeated` points count `repeats` times each, all others once; T is the number
        of different points.

    Raises
    ------
    ValueError
        Where a value breaks its rule; the message says which and how.

    Examples
    --------
    >>> sdd.DataSettings(T=5, n=50, sparsity=0.9).make()
    Dataset(T=5, n=50, non-zeros=29)
    """

    T: float
    n: int = 10_000
    sparsity: float = 0.999
    seed: int = 0
    split: str = "train"
    batch: int | None = None
    features: int | None = None
    repeats: int = 1
    repeated: int = 1

    def __post_init__(self) -> None:
        fresh = self.T == math.inf
        if fresh and self.batch is None:
            raise ValueError("batch must be given where T is infinite, not None")
        if not fresh and self.batch is not None:
            got = f"T = {self.T} and batch = {self.batch}"
            raise ValueError(f"batch is only for T = infinity, but {got}")
        optional = {"features": 1} if self.features is not None else {}
        wholes = {"batch" if fresh else "T": 1, "n": 1, "seed": 0, "repeats": 1, "repeated": 1}
        for name, least in {**wholes, **optional}.items():
            value = whole_number(name, getattr(self, name), least)
            bits = 64 if name == "seed" else 31
            if value >= 2**bits:
                raise ValueError(f"{name} must be below 2**{bits}, not {value}")
            object.__setattr__(self, name, value)
        if self.features is not None and self.features > self.n:
            raise ValueError(f"features must be at most n = {self.n}, not {self.features}")
        if fresh and self.repeats > 1:
            raise ValueError(f"repeats must be 1 where T is infinite, not {self.repeats}")
        if self.repeats == 1:  # then it makes no difference how many are repeated
            object.__setattr__(self, "repeated", 1)
        if self.repeated > self.T:
            raise ValueError(f"repeated must be at most T = {self.T}, not {self.repeated}")
        if not fresh and self.total >= 2**31:
            raise ValueError(f"points must be below 2**31 with their repeats, not {self.total}")
        real = isinstance(self.sparsity, (int, float, np.floating))
        if not real or not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), not {self.sparsity!r}")
        object.__setattr__(self, "sparsity", float(self.sparsity))
        one_of("split", self.split, ("train", "test"))

    def make(self) -> "Dataset | Stream":
        """Draw the data set, or open the stream of fresh points where T is infinite."""
        return Stream(self) if self.T == math.inf else self.rows(0, int(self.T), self.split)

    def rows(self, first: int, count: int, stream: str, threads: int = 1) -> Dataset:
        """Draw `count` rows from row `first` on.

        Parameters
        ----------
        first, count : int
            Number of the first row, and how many.
        stream : str
            "train", "test" or "fresh": separate random streams of the seed.
        threads : int
            At most so many; rows do not depend on it.

        Returns
        -------
        Dataset
            With these settings.

        Examples
        --------
        >>> law = sdd.DataSettings(T=5, n=50, sparsity=0.9)
        >>> bool(law.rows(3, 2, "train").values[-1] == law.make().values[-1])
        True
        """
        indptr, indices, values = rows.draw(
            first, count, self.n, 1.0 - self.sparsity, self.seed, STREAMS[stream], threads
        )
        if self.features is not None:
            keep = indices < self.features
            indptr = np.concatenate([[0], np.cumsum(keep)])[indptr]
            indices, values = indices[keep], values[keep]
        counts = None
        if self.repeats > 1 and first < self.repeated:
            counts = np.ones(count, np.int64)
            counts[: self.repeated - first] = self.repeats
        return Dataset.unchecked(indptr, indices, values, self.width, self, counts)

    @property
    def total(self) -> int:
        """Number of points a step, each as often as it counts."""
        return int(self.batch or self.T) + self.repeated * (self.repeats - 1)

    @property
    def width(self) -> int:
        """Columns of the data: n, or as many features as are kept."""
        return self.n if self.features is None else self.features


@dataclass(frozen=True)
class Stream:
    """Fresh data points at every step (T = ∞): batch t never meets batch t' ≠ t.

    Parameters
    ----------
    settings : DataSettings
        With T = ∞ and the rows a step, `batch`.

    Examples
    --------
    >>> fresh = sdd.stream(100, n=50, sparsity=0.9)
    >>> fresh.T, fresh.n
    (100, 50)
    """

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
        """Return the batch of a step.

        Parameters
        ----------
        step : int
            Number of the step, from 0.
        threads : int
            At most so many; the rows depend neither on it nor on earlier draws.

        Returns
        -------
        Dataset
            T rows of n features.

        Examples
        --------
        >>> sdd.stream(100, n=50, sparsity=0.9).at(7).T
        100
        """
        return self.settings.rows(step * self.T, self.T, "fresh", threads)


def as_dataset(data: Any) -> Dataset:
    """Return what a function was given as data as a `Dataset`.

    Parameters
    ----------
    data : Dataset, or (T, n) numpy array, PyTorch tensor or scipy.sparse matrix
        Of arrays and matrices, rows are data points, of unit norm or zero.

    Returns
    -------
    Dataset
        T rows of n features.

    Raises
    ------
    ValueError
        Where rows break the rules of a `Dataset`.
    TypeError
        Where it is nothing of the kind.

    Examples
    --------
    >>> from sdd.data import as_dataset
    >>> as_dataset(np.eye(4))
    Dataset(T=4, n=4, non-zeros=4)
    """
    if isinstance(data, Dataset):
        return data
    if issparse(data):
        return Dataset.from_sparse(data)
    if type(data).__module__.partition(".")[0] == "torch" and hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
    if isinstance(data, np.ndarray):
        return Dataset.from_dense(data)
    raise TypeError(
        "data must be a Dataset, such as sdd.sample(T=10), or a (T, n) array, tensor or "
        f"scipy.sparse matrix whose rows are points, not {type(data).__name__}"
    )


def as_data(data: Any) -> "Dataset | Stream":
    """Return data to train on: a stream, what settings describe, or what `as_dataset` makes.

    Parameters
    ----------
    data : Stream or DataSettings, or as for `as_dataset`
        What a function was given.

    Returns
    -------
    Dataset or Stream
        The same data.

    Raises
    ------
    ValueError
        Where rows break the rules of a `Dataset`.
    TypeError
        Where it is nothing of the kind.

    Examples
    --------
    >>> from sdd.data import as_data
    >>> as_data(sdd.DataSettings(T=5, n=50, sparsity=0.9))
    Dataset(T=5, n=50, non-zeros=29)
    """
    if isinstance(data, Stream):
        return data
    return data.make() if isinstance(data, DataSettings) else as_dataset(data)


def origin(data: Any) -> "DataSettings | Dataset":
    """Return the settings that draw the same data again; where there are none, the data itself.

    Parameters
    ----------
    data
        As for `as_data`.

    Returns
    -------
    DataSettings or Dataset
        What a run is named by.

    Raises
    ------
    ValueError, TypeError
        As for `as_data`.

    Examples
    --------
    >>> from sdd.data import origin
    >>> origin(sdd.sample(5, n=50, sparsity=0.9)).T, origin(np.eye(4))
    (5, Dataset(T=4, n=4, non-zeros=4))
    """
    if isinstance(data, DataSettings):
        return data
    data = as_data(data)
    settings = data.settings
    whole = settings is not None and (
        isinstance(data, Stream) or (settings.T, settings.total) == (data.T, data.total)
    )
    return settings if whole else data


def sample(
    T: int, n: int = 10_000, sparsity: float = 0.999, seed: int = 0, split: str = "train"
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
        T rows of n features.

    Raises
    ------
    ValueError
        Where a value breaks its rule.

    Examples
    --------
    >>> data = sdd.sample(T=5, n=50, sparsity=0.9)
    >>> data.to_dense().shape, np.linalg.norm(data.to_dense(), axis=1).round(3)
    ((5, 50), array([1., 1., 1., 1., 1.], dtype=float32))
    """
    if T == math.inf:
        raise ValueError("T must be finite here; for T = infinity use sdd.stream")
    settings = DataSettings(T=T, n=n, sparsity=sparsity, seed=seed, split=split)
    return settings.rows(0, int(settings.T), split)


def stream(batch: int, n: int = 10_000, sparsity: float = 0.999, seed: int = 0) -> Stream:
    """Open the stream of fresh points for T = ∞: ``stream(...).at(step)`` is a step's batch.

    Parameters
    ----------
    batch : int
        Rows a step.
    n, sparsity, seed
        As for `sample`.

    Returns
    -------
    Stream
        What `sdd.train` takes as data.

    Raises
    ------
    ValueError
        Where a value breaks its rule.

    Examples
    --------
    >>> run = sdd.train(sdd.stream(100, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> run.T
    inf
    """
    return Stream(DataSettings(T=math.inf, n=n, sparsity=sparsity, seed=seed, batch=batch))


@lru_cache(maxsize=2)  # a hundred megabytes each
def test_set(n: int, sparsity: float, features: int | None = None) -> Dataset:
    """Return the one test set that serves every run on this kind of data.

    Parameters
    ----------
    n, sparsity, features
        As in `DataSettings`.

    Returns
    -------
    Dataset
        `sdd.paper.TEST_ROWS` rows of the test stream of seed 0.

    Raises
    ------
    ValueError
        Where a value breaks its rule.

    Examples
    --------
    >>> from sdd.data import test_set
    >>> test_set(50, 0.9).T == sdd.paper.TEST_ROWS
    True
    """
    law = DataSettings(paper.TEST_ROWS, n, sparsity, split="test", features=features)
    return law.rows(0, paper.TEST_ROWS, "test")
