"""What hidden vectors tell of the features, whatever a model's own decoder makes of it.

The best guess of a feature x_j from the hidden vector h is E[x_j | h]; of its variance it explains
the share Var(E[x_j | h]) / Var(x_j). Two rows whose hidden vectors agree are, given h, two
independent draws, so that the mean of x_j x'_j over such pairs is E[E[x_j | h]²]; over any two rows
it is E[x_j]². The difference of these two means is the explained variance: nothing is fitted, and
nothing has to be held out but the rows themselves from training.

Hidden vectors agree only nearly. The rows are parted into cells of equal counts, and pairs are
those of one cell. Where E[x_j | h] varies within a cell, the explained variance comes out too low,
never too high (in expectation, as a mean of products over pairs is at most that of squares).

Summed over features and divided by the mean variance of one, it is in *features' worth*: five
features known exactly make 5. Had a linear decoder to do it, the sum would be m for every W of
rank m, where features are uncorrelated and of one variance: Σ_j W_jᵀ (W Wᵀ)⁻¹ W_j = m.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from sdd.data import Dataset

__all__ = ["CELL", "Knowledge", "cells"]

CELL = 20  # rows a cell


class Knowledge:
    """What the hidden vectors of some rows tell of their features.

    Parameters
    ----------
    H : (T, m) array
        Hidden vectors of the rows.
    data : Dataset
        The rows: T of n features.
    size : int
        Rows a cell, about.

    Attributes
    ----------
    explained, variance : (n,) array
        Explained and whole variance of each feature; the former may be below zero by chance.
    left : float
        Mean squared error of the best decoder: E‖x − E[x | h]‖².
    error : float
        Standard error of the sum of those explained, over cells.

    Raises
    ------
    ValueError
        Where there are not two rows for a cell.

    Examples
    --------
    Hidden vectors that are two of the features themselves make these two known:

    >>> from sdd.measures.knowledge import Knowledge
    >>> data = sdd.sample(10_000, n=50, sparsity=0.9)
    >>> found = Knowledge(data.to_dense()[:, :2], data)
    >>> bool((found.best(2) > 0.9).all())
    True
    """

    def __init__(self, H: Float[np.ndarray, "T m"], data: Dataset, size: int = CELL) -> None:
        label = cells(H, size)
        counts = np.bincount(label)
        X = sparse.csr_matrix((data.values.astype(float), data.indices, data.indptr))
        X.resize(data.T, data.n)
        into = sparse.csr_matrix((np.ones(data.T), (label, np.arange(data.T))))
        sums, squares = into @ X, into @ X.multiply(X)
        # Of each cell: Σ x_j x'_j over its ordered pairs of rows, divided by the other rows.
        pairs = sparse.diags(1 / (counts - 1)) @ (sums.multiply(sums) - squares)
        total, square = (np.asarray(a.sum(axis=0)).ravel() for a in (sums, squares))
        mean_square = (total**2 - square) / (data.T * (data.T - 1))
        within = np.asarray(pairs.sum(axis=0)).ravel() / data.T
        self.explained = within - mean_square
        self.variance = square / data.T - mean_square
        self.left = float(square.sum() / data.T - within.sum())
        each = np.asarray(pairs.sum(axis=1)).ravel() / counts
        self.error = float(each.std(ddof=1) / np.sqrt(len(counts)))

    @property
    def features(self) -> float:
        """How many features' worth of variance is explained."""
        return float(self.explained.sum() / self.variance.mean())

    def best(self, count: int = 5) -> Float[np.ndarray, " count"]:
        """Return the largest shares explained of a feature, the largest first.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        (count,) array
            Explained ÷ whole variance.

        Examples
        --------
        >>> from sdd.measures.knowledge import Knowledge
        >>> data = sdd.sample(1_000, n=50, sparsity=0.9)
        >>> nothing = Knowledge(np.random.default_rng(0).normal(size=(1_000, 2)), data)
        >>> bool(nothing.best(1)[0] < 0.2)
        True
        """
        with np.errstate(invalid="ignore"):
            shares = np.nan_to_num(self.explained / self.variance)
        return np.sort(shares)[::-1][:count]


def cells(H: Float[np.ndarray, "T m"], size: int) -> Int[np.ndarray, " T"]:
    """Part points into cells of about equal counts, and return the cell of each.

    Into strips along the first coordinate, each of these along the second, and so on.

    Parameters
    ----------
    H : (T, m) array
        Points as rows.
    size : int
        Points a cell, about.

    Returns
    -------
    (T,) int array
        Number of each point's cell, from 0.

    Raises
    ------
    ValueError
        Where there are not two rows for a cell.

    Examples
    --------
    >>> from sdd.measures.knowledge import cells
    >>> cells(np.array([[0.3], [0.1], [0.9], [0.8]]), size=2)
    array([0, 0, 1, 1])
    """
    T, m = H.shape
    count = max(1, round((T / size) ** (1 / m)))
    if T < 2 * count**m:
        raise ValueError(f"cells take two rows or more each, but are {count**m} of {T} rows")
    found = [np.arange(T)]
    for x in H.T:
        found = [
            part
            for rows in found
            for part in np.array_split(rows[np.argsort(x[rows], kind="stable")], count)
        ]
    label = np.empty(T, int)
    for k, rows in enumerate(found):
        label[rows] = k
    return label
