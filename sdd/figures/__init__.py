"""Figures in the paper's form: arrays in, axes out; nothing is saved, shown or measured here."""

from sdd.figures.curves import loss_by_setting
from sdd.figures.engine import leaf_map, leaves, step_times
from sdd.figures.maps import loss_map
from sdd.figures.optimisation import best_of_curves, gallery, seeds_by_size, spread_by_size
from sdd.figures.panels import shade_regimes, three_panels
from sdd.figures.parts import measures_by_size
from sdd.figures.replication import against_ratio, by_training, root_moments
from sdd.figures.sizes import (
    dimensionality_by_size,
    loss_window,
    norms_by_size,
    size_axis,
    test_loss_by_size,
    tgon_radii,
)
from sdd.figures.style import COLORS, STYLE, use_style
from sdd.figures.theory import (
    formulas,
    planted_radii,
    predicted_against_measured,
    ring_changes,
)
from sdd.figures.vectors import strip, vector_columns, vectors

__all__ = [
    "COLORS",
    "STYLE",
    "against_ratio",
    "best_of_curves",
    "by_training",
    "dimensionality_by_size",
    "formulas",
    "gallery",
    "leaf_map",
    "leaves",
    "loss_by_setting",
    "loss_map",
    "loss_window",
    "measures_by_size",
    "norms_by_size",
    "planted_radii",
    "predicted_against_measured",
    "ring_changes",
    "root_moments",
    "seeds_by_size",
    "shade_regimes",
    "size_axis",
    "spread_by_size",
    "step_times",
    "strip",
    "test_loss_by_size",
    "tgon_radii",
    "three_panels",
    "use_style",
    "vector_columns",
    "vectors",
]
