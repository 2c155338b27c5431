"""What depends on ε is drawn where the table says."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from sdd import figures


def lines(ax):
    """The lines drawn, as lists of points, in the order of drawing; no empty ones."""
    found = [np.asarray(line.get_xydata()) for line in ax.lines]
    return [points for points in found if len(points) > 1]


def texts(ax):
    return [t.get_text() for t in ax.texts]


def test_curves_against_a_ratio_go_through_means_and_name_the_marks():
    runs = pd.DataFrame({"ratio": [1e-3, 1e-3, 0.1], "W_norm": [1.0, 3.0, 5.0], "n": "1,000"})
    ax = figures.against_ratio(
        runs, "W_norm", plt.subplots()[1], hue="n", ylabel="‖W‖", marks={"mean": 0.1}
    )
    assert (ax.get_xscale(), ax.get_ylabel()) == ("log", "‖W‖")
    np.testing.assert_allclose(lines(ax)[0], [[1e-3, 2], [0.1, 5]])
    assert sorted(ax.collections[-1].get_offsets()[:, 1]) == [1, 3, 5]
    assert texts(ax) == ["mean"]


@pytest.mark.parametrize(
    ("values", "shown"), [((2, 40), {"3", "10", "20"}), ((1e-9, 40), {"$\\mathdefault{10^{0}}$"})]
)
def test_numbers_of_a_logarithmic_axis_are_written_out_where_they_are_few(values, shown):
    runs = pd.DataFrame({"ratio": [1e-3, 0.1], "W_norm": values, "n": "1,000"})
    fig, ax = plt.subplots()
    figures.against_ratio(runs, "W_norm", ax, hue="n", ylabel="‖W‖", log=True)
    fig.canvas.draw()
    assert shown <= {label.get_text() for label in ax.yaxis.get_ticklabels(which="both")}


def test_second_moments_show_median_and_middle_half_beside_eps():
    root = [1.0, 2, 3, 4, 5, 2, 4, 6, 8, 10]
    frame = pd.DataFrame({"step": np.repeat([1, 10], 5), "root": root, "trained": "sum"})
    ax = figures.root_moments(frame, {"ε": 1e-4}, plt.subplots()[1], hue="trained")
    np.testing.assert_allclose(lines(ax)[0], [[1, 3], [10, 6]])
    low, high = ax.collections[0].get_paths()[0].get_extents().get_points()[:, 1]
    assert (low, high) == pytest.approx((2, 8))
    assert texts(ax) == ["ε"]


def test_a_difference_of_zero_is_on_the_axis():
    frame = pd.DataFrame(
        {"n": [4, 4, 9, 9], "step": [1, 10] * 2, "difference": [0, 0, 1e-16, 1e-3]}
    )
    ax = figures.drift(frame, plt.subplots()[1])
    low, high = ax.get_ylim()
    assert low < 0 < 1e-3 < high
    np.testing.assert_allclose(lines(ax)[:2], [[[1, 0], [10, 0]], [[1, 1e-16], [10, 1e-3]]])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["n = 4", "n = 9"]
