"""An extra feature changes the loss as it does that of rows with one active feature."""

import math

import numpy as np
import pytest
from plain_model import plain_loss, ring

from sdd.data import DataSettings
from sdd.theory import best_ring, extra_feature_loss_change

LAW = {"n": 1_000, "sparsity": 0.99}


@pytest.mark.parametrize(("length", "turn"), [(0.1, 0.0), (0.3, 0.5), (0.6, 0.0), (0.9, 0.5)])
def test_the_change_of_an_extra_feature_is_that_of_rows_with_one_active_feature(length, turn):
    F, r, b = 5, 1.15, -0.14
    rows = DataSettings(200_000, features=F + 1, seed=3, **LAW).rows(0, 200_000, "train")
    X = rows.to_dense().astype(float)
    X = X[(X > 0).sum(1) == 1]
    angle = 2 * np.pi * turn / F
    new = length * np.array([[math.cos(angle)], [math.sin(angle)]])
    bias = np.append(np.full(F, b), 0.0)
    losses = [plain_loss(np.hstack([ring(F, r), column]), bias, X) for column in (0 * new, new)]
    change = (F + 1) * (losses[1] - losses[0])  # a row is one of F + 1 events, each of frequency p
    assert extra_feature_loss_change(F, r, b, length, turn, **LAW) == pytest.approx(
        change, abs=0.002 + 0.03 * abs(change)
    )


def test_beside_a_pentagon_an_extra_feature_grows_a_little_and_then_no_more():
    best = best_ring(5, True, **LAW)
    lengths = np.linspace(0, 1, 101)
    change = [extra_feature_loss_change(5, best.r, best.b, v, 0.0, **LAW) for v in lengths]
    assert 0.2 < lengths[np.argmin(change)] < 0.4
    assert change[20] < 0 < min(change[60:])
