"""At the bounds of the crossover, memorising gains what generalising does."""

import pytest

from sdd.theory import best_ring, constant_baseline, crossover, zero_baseline


def test_at_the_crossover_bounds_the_gains_are_equal():
    low, high = crossover(10_000, 0.999, K=20)
    pentagon = -best_ring(5, free_bias=False, n=10_000, sparsity=0.999).loss_change / 1_000
    gain = zero_baseline(10_000, 0.999) - constant_baseline(10_000, 0.999)
    assert 20 / high == pytest.approx(pentagon)
    assert 20 / low == pytest.approx(pentagon + gain, rel=1e-3)
    # About n/4 and n/11 points for each one memorised: the gains are worked out by hand as well.
    assert (high / 20, low / 20) == pytest.approx((10_000 / 4, 10_000 / 11), rel=0.08)


def test_a_crossover_needs_memorised_points():
    with pytest.raises(ValueError, match="K must be positive, not 0"):
        crossover(10, 0.5, 0)
