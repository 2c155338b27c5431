"""No corner of a polygon has three neighbours: cases made by hand, which differ by one entry."""

import numpy as np
import pytest

from sdd.data import Dataset, sample
from sdd.measures.exactness import never_exact


def rows(*supports):
    X = np.zeros((len(supports), 1 + max(map(max, supports))))
    for row, support in zip(X, supports, strict=True):
        row[list(support)] = len(support) ** -0.5
    return Dataset.from_dense(X)


@pytest.mark.parametrize(
    ("data", "never"),
    [
        # Point 0 shares a feature with each of three others; all have one of their own.
        (rows({0, 4, 5, 6}, {1, 4}, {2, 5}, {3, 6}), True),
        (rows({0, 4, 5}, {1, 4}, {2, 5}, {3}), False),  # with two others
        (rows({0, 4, 5, 6}, {1, 4, 5}, {2, 6}, {3}), False),  # with one of them twice
        (rows({0, 4, 5, 6}, {1, 4}, {2, 5}, {6}), False),  # the third has none of its own
        (rows({0, 4, 5, 6}, {1, 4, 5, 6}, {2, 4}, {3, 5}), False),  # a feature of three points
    ],
)
def test_a_point_with_three_partners_cannot_be_a_corner_beside_each(data, never):
    assert never_exact(data) == never


def test_rings_of_partners_and_few_points_are_not_called_impossible():
    ring = rows(*({k, 12 + k, 12 + (k - 1) % 12} for k in range(12)))
    assert not never_exact(ring)
    assert not any(never_exact(sample(5, 1_000, 0.99, seed=s)) for s in range(20))
