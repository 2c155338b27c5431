"""Training sets, test sets and endless streams of sparse points of unit norm."""

from sdd.data.dataset import (
    NORM_TOLERANCE,
    Dataset,
    DataSettings,
    Stream,
    sample,
    stream,
    whole_number,
)

__all__ = [
    "NORM_TOLERANCE",
    "DataSettings",
    "Dataset",
    "Stream",
    "sample",
    "stream",
    "whole_number",
]
