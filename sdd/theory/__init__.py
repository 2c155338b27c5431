"""Closed forms that the trained models are compared with, each with where it comes from.

Letters as in the package's glossary; p = 1 − S is the probability that a feature is active, and
losses are summed over features.
"""

from sdd.theory.constants import constant_baseline, constant_loss, feature_mean, zero_baseline
from sdd.theory.crossover import crossover
from sdd.theory.dropped import dropped_curvature, dropped_descent, dropped_feature, dropped_moved
from sdd.theory.haze import HazyRing, hazy_loss_change, ring_in_haze
from sdd.theory.leftover import (
    leftover_norm_sq,
    pentagon_dimensionality,
    predicted_pentagon_dimensionality,
)
from sdd.theory.newcomer import newcomer_change
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
    "HazyRing",
    "Ring",
    "Tgon",
    "best_ring",
    "constant_baseline",
    "constant_loss",
    "crossover",
    "dropped_curvature",
    "dropped_descent",
    "dropped_feature",
    "dropped_moved",
    "feature_mean",
    "hazy_loss_change",
    "is_memorised",
    "leftover_norm_sq",
    "newcomer_change",
    "overlap_probability",
    "pentagon_dimensionality",
    "predicted_pentagon_dimensionality",
    "ring_in_haze",
    "ring_loss_change",
    "tgon",
    "tgon_dimensionality",
    "tgon_loss",
    "tgon_solution",
    "tgon_threshold",
    "zero_baseline",
]
