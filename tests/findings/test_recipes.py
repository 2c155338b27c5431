"""What the page of recipes says in numbers is what the runs hold."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import sdd
from sdd.findings import recipes


def test_the_share_of_silent_outputs_counts_active_features_only():
    x = np.array([[1.0, 0.0], [0.6, 0.8]], np.float32)
    out = torch.tensor([[0.0, 0.5], [0.6, 0.0]])
    run = SimpleNamespace(
        training_set=lambda: sdd.Dataset.from_dense(x), torch=lambda: lambda points: out
    )
    assert recipes.silent_share(run) == pytest.approx((1.0 + 0.64) / (1.0 + 0.64 + 0.25))


def test_the_median_rank_is_that_of_the_four_largest_of_each_training():
    rank = np.arange(1, 11)
    first = pd.DataFrame({"feature": rank, "D": 1 / rank, "T": "5", "seed": 0})
    last = pd.DataFrame({"feature": rank, "D": rank, "T": "5", "seed": 1})
    assert recipes.median_rank(first) == {"5": 2.5}
    assert recipes.median_rank(pd.concat([first, last])) == {"5": 5.5}


def test_points_of_the_other_law_are_rows_of_unit_length_that_are_drawn_alike_each_time():
    X = recipes.own_law()
    assert (X != recipes.own_law()).nnz == 0
    rate = (X[:, :3] > 0).mean(axis=0)
    np.testing.assert_allclose(rate, [1 / 2, 1 / 4, 1 / 6], atol=0.02)
    assert sdd.Dataset.from_sparse(X).T == 13_000
