"""Figures in the paper's form: tables in, axes out; nothing is saved, shown or measured here."""

from sdd.figures.engine import leaf_map, leaves, step_times
from sdd.figures.maps import loss_map
from sdd.figures.panels import shade_regimes, three_panels
from sdd.figures.sizes import by_size, dimensionality_by_size, size_axis
from sdd.figures.style import COLORS, SERIES, STYLE, levels, use_style
from sdd.figures.vectors import vector_columns, vectors

__all__ = [
    "COLORS",
    "SERIES",
    "STYLE",
    "by_size",
    "dimensionality_by_size",
    "leaf_map",
    "leaves",
    "levels",
    "loss_map",
    "shade_regimes",
    "size_axis",
    "step_times",
    "three_panels",
    "use_style",
    "vector_columns",
    "vectors",
]
