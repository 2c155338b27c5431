"""Figures in the paper's form: arrays in, axes out; nothing is saved, shown or measured here."""

from sdd.plots.curves import loss_by_setting
from sdd.plots.engine import leaf_map, leaves, step_times
from sdd.plots.maps import loss_map
from sdd.plots.optimisation import best_of_curves, gallery, seeds_by_size, spread_by_size
from sdd.plots.panels import shade_regimes, three_panels
from sdd.plots.parts import measures_by_size
from sdd.plots.replication import against_ratio, by_training, root_moments
from sdd.plots.sizes import (
    dimensionality_by_size,
    loss_window,
    norms_by_size,
    size_axis,
    test_loss_by_size,
    tgon_radii,
)
from sdd.plots.style import COLORS, STYLE, use_style
from sdd.plots.theory import (
    formulas,
    planted_radii,
    predicted_against_measured,
    ring_changes,
)
from sdd.plots.vectors import strip, vector_columns, vectors

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
