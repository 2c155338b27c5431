"""A compass search ends where no step helps."""

import numpy as np
import pytest

from sdd.measures.search import compass


@pytest.mark.parametrize("finest", [1 / 32, 1 / 512])
def test_a_compass_search_ends_where_no_step_helps(finest):
    target = np.array([1.3, -2.2])
    found = compass(lambda v: ((v - target) ** 2 * [1, 5]).sum(), (0.0, 0.0), (1.0, 0.5), finest)
    assert (np.abs(found - target) <= np.array([1.0, 0.5]) * finest).all()
