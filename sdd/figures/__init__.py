"""Figures in the paper's form: tables in, axes out; nothing is saved, shown or measured here.

Functions with a parameter ``ax`` draw there, or in the current axes where it is None, and return
it.
"""

from sdd.figures.counts import by_count, recognised
from sdd.figures.damping import against_ratio, drift, rate_map, root_moments
from sdd.figures.diagram import one_row
from sdd.figures.engine import leaf_map, leaves, step_times
from sdd.figures.maps import loss_map
from sdd.figures.panels import shade_regimes, tell_regimes, three_panels
from sdd.figures.pictures import pictures
from sdd.figures.repeats import histories, repeat_boundary
from sdd.figures.sizes import by_size, dimensionality_by_size, dots_by_size, loss_window, size_axis
from sdd.figures.style import COLORS, REDUCTIONS, SERIES, STYLE, levels, shades, use_style
from sdd.figures.vectors import clusters, gallery, vector_columns, vectors

__all__ = [
    "COLORS",
    "REDUCTIONS",
    "SERIES",
    "STYLE",
    "against_ratio",
    "by_count",
    "by_size",
    "clusters",
    "dimensionality_by_size",
    "dots_by_size",
    "drift",
    "gallery",
    "histories",
    "leaf_map",
    "leaves",
    "levels",
    "loss_map",
    "loss_window",
    "one_row",
    "pictures",
    "rate_map",
    "recognised",
    "repeat_boundary",
    "root_moments",
    "shade_regimes",
    "shades",
    "size_axis",
    "step_times",
    "tell_regimes",
    "three_panels",
    "use_style",
    "vector_columns",
    "vectors",
]
