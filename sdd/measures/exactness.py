"""Whether a data set can be memorised exactly at all, with two hidden dimensions."""

import numpy as np

from sdd.data import Dataset

__all__ = ["never_exact"]


def never_exact(data: Dataset) -> bool:
    """Return whether no model of two hidden dimensions can give back all rows exactly.

    Let a row hold a feature that no other row holds. Where that is given back, a line parts the
    row's hidden vector from all others: such rows are corners of one convex polygon. Where two of
    them hold a feature that only they hold, a line parts both from all others: they are
    neighbours on the polygon. So none may have three such partners. (False says nothing.)

    Parameters
    ----------
    data : Dataset
        The rows.

    Returns
    -------
    bool
        True where a row has three such partners.

    Examples
    --------
    >>> from sdd.measures.exactness import never_exact
    >>> never_exact(sdd.sample(5, n=1_000, sparsity=0.99)), never_exact(sdd.sample(50, 1_000, 0.99))
    (False, True)
    """
    holders = data.to_sparse().tocsc()
    count = np.diff(holders.indptr)
    alone = np.zeros(data.T, bool)
    alone[holders.indices[holders.indptr[:-1][count == 1]]] = True
    first = holders.indptr[:-1][count == 2]
    pairs = np.sort(np.stack([holders.indices[first], holders.indices[first + 1]]), axis=0)
    pairs = np.unique(pairs[:, alone[pairs].all(0)], axis=1)
    return bool(np.bincount(pairs.ravel(), minlength=1).max() >= 3)
