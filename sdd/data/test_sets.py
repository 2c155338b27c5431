"""The test sets: one for all runs on one kind of data."""

from functools import lru_cache

from sdd import paper
from sdd.data.dataset import Dataset
from sdd.data.settings import DataSettings

__all__ = ["test_set"]


@lru_cache(maxsize=2)  # a hundred megabytes each
def test_set(n: int, sparsity: float, features: int | None = None) -> Dataset:
    """Return the one test set that serves every run on this kind of data.

    Parameters
    ----------
    n, sparsity
        Law of the data, as for `sdd.sample`.
    features : int or None
        Keep the first so many features only, as in `DataSettings`.

    Returns
    -------
    Dataset
        `sdd.paper.TEST_ROWS` rows of the test stream of seed 0.
    """
    law = DataSettings(paper.TEST_ROWS, n, sparsity, seed=0, split="test", features=features)
    return law.rows(0, paper.TEST_ROWS, law.split)
