"""The diagram of the model shows what a row of features becomes."""

import numpy as np
import pandas as pd

from sdd import figures

ROW = pd.DataFrame(
    {"feature": [3, 7, 9], "x": [0.6, 0.8, 0.0], "output": [0.0, 0.7, 0.1],
     "wx": [0.0, 1.0, -1.0], "wy": [2.0, 0.0, 0.5]}
)  # fmt: skip


def test_only_active_features_stand_above_and_only_what_comes_out_below():
    above, _, below = figures.one_row(ROW, n=20).axes
    for ax, seen, heights in ((above, [3, 7], [0.6, 0.8]), (below, [7, 9], [0.7, 0.1])):
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), seen)
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), heights)
    assert above.get_ylim() == below.get_ylim()


def test_the_arrow_is_the_sum_of_the_columns_times_the_values():
    plane = figures.one_row(ROW, n=20).axes[1]
    assert plane.texts[0].xy == (0.8, 1.2)
    (left, right), (low, high) = plane.get_xlim(), plane.get_ylim()
    assert left < -1 < 1 < right
    assert low < 0.5 < 2 < high
