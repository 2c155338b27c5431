"""Maps and families of curves draw each number at its place, and mark what they are told to."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb

from sdd import figures
from sdd.findings import figure_data

SIZES, WIDTHS = (10, 30, 100, 1_000), (1, 2, 8)
LOSSES = np.array([[1.4, 1.1, 1.0, 0.99], [1.01, 1.02, 1.0, 0.98], [0.99, 1.0, 1.03, 0.97]])
BASELINES = {"no output": 1.0, "best\nconstant": 0.985}
MORE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]], bool)
BIGGER = np.array([[0, 0, 0, 0], [0, 0, 1, 0]], bool)
CURVES = {
    "0.1": {10: [1.0, 1.01], 100: [0.99, 0.98]},
    "0.01": {10: [1.1, 1.1], 100: [2.0, 0.9]},
}


@pytest.fixture(autouse=True)
def clean():
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


def drawn(**changes):
    options = {"losses": LOSSES, "tops": {2: 30, 8: 100}} | changes
    return figures.loss_map(
        SIZES, WIDTHS, options["losses"], BASELINES, MORE, BIGGER, options["tops"],
        plt.subplots()[1],
    )  # fmt: skip


def marks(ax, marker):
    (line,) = [line for line in ax.lines if line.get_marker() == marker]
    return sorted(zip(*map(list, line.get_data()), strict=True))


# --- Maps -----------------------------------------------------------------------------------------


def test_each_loss_fills_the_cell_around_its_t_and_m():
    ax = drawn()
    (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    np.testing.assert_allclose(mesh.get_array(), LOSSES)
    corners = mesh.get_coordinates()
    for (i, m), (j, T) in ((a, b) for a in enumerate(WIDTHS) for b in enumerate(SIZES)):
        assert corners[i, j, 0] < T < corners[i, j + 1, 0]
        assert corners[i, j, 1] < m < corners[i + 1, j, 1]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert dict(zip(labels, ax.get_yticks(), strict=True)) == {str(m): m for m in WIDTHS}


def test_one_is_white_and_more_and_less_are_told_apart_by_darkness_and_hue():
    (mesh,) = [c for c in drawn().collections if isinstance(c, QuadMesh)]
    low, one, high = (np.array(to_rgb(mesh.to_rgba(v))) for v in (0.97, 1.0, 1.06))
    assert one.min() > 0.94
    assert low[2] > low[0] + 0.1  # purple: more blue than red
    assert high[0] > high[2] + 0.1  # orange: more red than blue


def test_a_few_huge_losses_leave_the_scale_to_the_others():
    huge = LOSSES.copy()
    huge[0, 0] = 500.0
    (mesh,) = [c for c in drawn(losses=huge).collections if isinstance(c, QuadMesh)]
    assert mesh.norm.vmax == pytest.approx(1 + 5 * (1 - BASELINES["best\nconstant"]))
    assert (mesh.norm.vmin, mesh.norm.vcenter) == (0.97, 1)


def test_steps_that_hurt_are_marked_between_their_two_cells():
    ax = drawn()
    for marker, expected in (
        (">", [(np.sqrt(10 * 30), 2), (np.sqrt(10 * 30), 8), (np.sqrt(30 * 100), 8)]),
        ("^", [(100, 4)]),
        ("o", [(30, 2), (100, 8)]),
    ):
        np.testing.assert_allclose(marks(ax, marker), expected)
    shown = [t.get_text() for t in ax.get_legend().get_texts()]
    assert shown == [
        "loss of no output", "loss of best constant", "more data hurts", "a bigger model hurts",
        "top of the bump",
    ]  # fmt: skip
    faces = {line.get_marker(): line.get_markerfacecolor() for line in ax.lines}
    assert faces[">"] != faces["^"]  # told apart without their direction, too


def test_nothing_marked_is_no_error():
    ax = figures.loss_map(
        SIZES, WIDTHS, LOSSES, BASELINES, ~MORE & False, ~BIGGER & False, None, plt.subplots()[1]
    )
    assert len(ax.get_legend().get_texts()) == 4


def test_contours_run_where_the_loss_is_a_baseline():
    panels = {row["series"]: [] for row in figure_data.rows(drawn().figure)}
    assert set(panels) == {
        "test loss", "no output", "best constant", "more data hurts", "a bigger model hurts",
        "top of the bump",
    }  # fmt: skip
    for row in figure_data.rows(drawn().figure):
        if row["series"] in ("no output", "best constant"):
            assert float(row["value"]) == BASELINES[row["series"].replace("best ", "best\n")]


# --- Families of curves ---------------------------------------------------------------------------


def test_each_model_is_a_dot_and_each_line_goes_through_the_means():
    ax = figures.loss_by_setting(CURVES, BASELINES, plt.subplots()[1], title="weight decay")
    by_label = {line.get_label(): line for line in ax.lines}
    for value, curve in CURVES.items():
        mean, models = by_label[f"_{value}: mean"], by_label[f"_{value}: models"]
        np.testing.assert_allclose(mean.get_ydata(), [np.mean(v) for v in curve.values()])
        assert list(mean.get_xdata()) == list(curve)
        assert list(models.get_ydata()) == [loss for v in curve.values() for loss in v]
        assert list(models.get_xdata()) == [T for T, v in curve.items() for _ in v]
        assert by_label[value].get_marker() == models.get_marker()
    assert ax.get_legend().get_title().get_text() == "weight decay"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(CURVES)
    assert {t.get_text(): t.xy[1] for t in ax.texts} == BASELINES


def test_settings_go_from_light_to_dark_and_have_markers_of_their_own():
    curves = {str(k): {10: [1.0], 100: [0.9]} for k in range(8)}
    ax = figures.loss_by_setting(curves, {}, plt.subplots()[1], title="m")
    lines = [next(line for line in ax.lines if line.get_label() == k) for k in curves]
    linear = [np.array(to_rgb(line.get_color())) ** 2.2 for line in lines]
    bright = [float(rgb @ [0.2126, 0.7152, 0.0722]) for rgb in linear]
    assert bright == sorted(bright, reverse=True)
    assert 1.05 / (bright[0] + 0.05) > 1.8  # the lightest is still seen on white
    assert len({line.get_marker() for line in lines}) == len(curves)


def test_means_beyond_the_axis_are_marked_at_its_edge():
    ax = figures.loss_by_setting(CURVES, {}, plt.subplots()[1], title="m", ylim=(0.99, 1.2))
    arrows = [line for line in ax.lines if line.get_label() == "_nolegend_"]
    found = [(line.get_xdata()[0], line.get_ydata()[0], line.get_marker()) for line in arrows]
    assert found == [(100, 0.99, "v"), (100, 1.2, "^")]
    assert ax.get_ylim() == (0.99, 1.2)
