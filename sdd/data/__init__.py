"""Training sets, test sets and endless streams of sparse points of unit norm."""

from sdd.data.dataset import EXACT, NORM_TOLERANCE, Dataset, real_number, whole_number
from sdd.data.rows import binomial_cdf
from sdd.data.settings import (
    DataSettings,
    Stream,
    as_data,
    as_dataset,
    origin,
    sample,
    stream,
    test_set,
)

__all__ = [
    "EXACT",
    "NORM_TOLERANCE",
    "DataSettings",
    "Dataset",
    "Stream",
    "as_data",
    "as_dataset",
    "binomial_cdf",
    "origin",
    "real_number",
    "sample",
    "stream",
    "test_set",
    "whole_number",
]
