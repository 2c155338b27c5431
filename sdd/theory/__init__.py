"""Closed forms that the trained models are compared with, each with where it comes from.

Letters as in the package's glossary; p = 1 − S is the probability that a feature is active, and
losses are summed over features.
"""

from sdd.theory.constants import constant_baseline, constant_loss, feature_mean, zero_baseline
from sdd.theory.crossover import crossover
from sdd.theory.decayed_initialisation import (
    decayed_norm_sq,
    pentagon_dimensionality,
    predicted_pentagon_dimensionality,
)
from sdd.theory.dropped import dropped_curvature, dropped_descent, dropped_feature, dropped_moved
from sdd.theory.extra_feature import extra_feature_loss_change
from sdd.theory.other_columns import (
    RingAmongOthers,
    best_ring_among_others,
    loss_change_among_others,
)
from sdd.theory.polygons import (
    Tgon,
    is_memorised,
    overlap_probability,
    tgon,
    tgon_dimensionality,
    tgon_loss,
    tgon_solution,
    tgon_threshold,
)
from sdd.theory.rings import Ring, best_ring, ring_loss_change

__all__ = [
    "Ring",
    "RingAmongOthers",
    "Tgon",
    "best_ring",
    "best_ring_among_others",
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
    "is_memorised",
    "loss_change_among_others",
    "overlap_probability",
    "pentagon_dimensionality",
    "predicted_pentagon_dimensionality",
    "ring_loss_change",
    "tgon",
    "tgon_dimensionality",
    "tgon_loss",
    "tgon_solution",
    "tgon_threshold",
    "zero_baseline",
]
