"""Plots of parameter seeds show each of them where it is."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from sdd import figures
from sdd.findings import figure_data

LOSSES = {2: {8: [0.1, 0.2], 30: [0.5, 0.6]}, 4: {8: [1e-9, 3e-9], 30: [0.01, 0.03]}}


@pytest.fixture(autouse=True)
def clean():
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


def series(name):
    """What the current figure's data say of a series, as (x, y)."""
    rows = [r for r in figure_data.rows(plt.gcf()) if r["series"] == name]
    return [(float(r["x"]), float(r["y"])) for r in rows]


def test_every_seed_is_a_dot_at_its_size_and_width():
    figures.seeds_by_size(LOSSES)
    assert series("m = 2") == [(8, 0.1), (8, 0.2), (30, 0.5), (30, 0.6)]
    assert series("m = 4") == [(8, 1e-9), (8, 3e-9), (30, 0.01), (30, 0.03)]


def test_deviations_below_the_axis_are_marked_at_its_edge_and_kept_in_the_data():
    ax = figures.spread_by_size(LOSSES, floor=1e-5)
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] == 1e-5
    arrows = [line for line in ax.lines if line.get_marker() == "v"]
    assert [line.get_ydata() for line in arrows] == [[1e-5]]
    assert series("m = 4: data seeds")[:2] == [(8, 1e-9), (8, 3e-9)]
    means = np.array(series("m = 2: mean of data seeds"))
    np.testing.assert_allclose(means, [(8, 0.15), (30, 0.55)])


def test_the_best_of_k_begins_at_one_seed():
    figures.best_of_curves({30: [1, 0.9], 8: [1, 0.5, 0.25]})
    assert series("T = 8") == [(1, 1), (2, 0.5), (3, 0.25)]
    assert series("T = 30") == [(1, 1), (2, 0.9)]


def test_a_gallery_has_a_row_for_each_kind_and_marks_what_is_not_memorised():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    lost = np.array([False, True, False])
    none = np.zeros(3, bool)
    fig = figures.gallery(
        [("ring: 2 of 3", [(rows, none), (rows, none)]), ("failed", [(rows, lost)])]
    )
    seen = [ax for ax in fig.axes if ax.get_visible()]
    assert [ax.get_label() for ax in seen] == [
        "ring: 2 of 3, model 1", "ring: 2 of 3, model 2", "failed, model 1",
    ]  # fmt: skip
    assert [ax.get_title(loc="left") for ax in seen] == ["ring: 2 of 3", "", "failed"]
    assert series("not memorised") == [(0, 1)]
