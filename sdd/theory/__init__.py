"""Closed forms that the trained models are compared with, each with where it comes from.

Letters as in the package's glossary; p = 1 − S is the probability that a feature is active, and
losses are summed over features. Where n < 1 or S is not in [0, 1), or a T-gon has fewer than two
points, functions raise a ValueError.
"""

from sdd.theory.constants import (
    constant_baseline,
    constant_loss,
    feature_mean,
    linear_loss,
    zero_baseline,
)
from sdd.theory.decayed_initialisation import (
    decayed_norm_sq,
    pentagon_dimensionality,
    predicted_pentagon_dimensionality,
)
from sdd.theory.dropped import dropped_curvature, dropped_descent, dropped_feature, dropped_moved
from sdd.theory.other_columns import (
    RingWithWeak,
    best_ring_with_weak,
    interference,
    loss_change_with_weak,
)
from sdd.theory.polygons import (
    overlap_probability,
    tgon_loss,
    tgon_norms,
    tgon_solution,
    tgon_threshold,
)
from sdd.theory.rings import (
    Ring,
    best_ring,
    crossover,
    extra_feature_loss_change,
    ring_loss_change,
)

__all__ = [
    "Ring",
    "RingWithWeak",
    "best_ring",
    "best_ring_with_weak",
    "constant_baseline",
    "constant_loss",
    "crossover",
    "decayed_norm_sq",
    "dropped_curvature",
    "dropped_descent",
    "dropped_feature",
    "dropped_moved",
    "extra_feature_loss_change",
    "feature_mean",
    "interference",
    "linear_loss",
    "loss_change_with_weak",
    "overlap_probability",
    "pentagon_dimensionality",
    "predicted_pentagon_dimensionality",
    "ring_loss_change",
    "tgon_loss",
    "tgon_norms",
    "tgon_solution",
    "tgon_threshold",
    "zero_baseline",
]
