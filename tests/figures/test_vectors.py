"""Vectors are drawn as what they are, and panels of one figure agree with one another."""

import math
from inspect import unwrap
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sdd import figures

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(7, 2))
OF = "columns of W", "hidden vectors"
PLANAR = pd.concat(
    [
        pd.DataFrame({"model": f"T = {k}", "of": of, "x": k * RNG.normal(size=k), "y": 1.0})
        for k in range(3, 8) for of in OF
    ]
)  # fmt: skip
RUNS = pd.DataFrame({"T": [3.0, 100.0, 10_000.0, math.inf], "test_loss": [1.0, 1.01, 1.02, 0.99]})
D = pd.DataFrame({"T": [3.0, 3.0, math.inf], "of": ["feature", "data point", "feature"],
                  "D": [0.1, 0.6, 0.2]})  # fmt: skip


def three_panels(**options):
    return figures.three_panels(
        RUNS, D, PLANAR, baselines={"no output": 1.0}, borders=(30.0, 1_000.0), **options
    )


def dots(ax):
    return np.transpose(ax.lines[0].get_data())


def seen(fig):
    return [ax for ax in fig.axes if ax.get_visible()]


# --- Vectors ------------------------------------------------------------------------------------


def test_only_many_vectors_are_drawn_as_pixels():
    for count, pixels in ((7, False), (1_000, True)):
        ax = figures.vectors(RNG.normal(size=(count, 2)), plt.subplots()[1])
        parts = ax.collections[0], ax.lines[0]
        assert [bool(part.get_rasterized()) for part in parts] == [pixels, pixels]


def test_vectors_are_lines_from_the_origin_to_dots():
    _, (used, spare) = plt.subplots(1, 2)
    assert figures.vectors(ROWS, used, title="seed 0") is used
    assert not spare.has_data()
    segments = np.array(used.collections[0].get_segments())
    np.testing.assert_allclose(segments, np.stack([np.zeros((7, 2)), ROWS], axis=1))
    np.testing.assert_allclose(dots(used), ROWS)
    assert used.get_title() == "seed 0"
    assert used.get_aspect() == 1  # a polygon must look like one
    low, high = used.get_xlim()
    assert high == -low > np.abs(ROWS).max()
    assert used.get_ylim() == (low, high)
    assert figures.vectors(ROWS, spare, limit=7.5).get_xlim() == (-7.5, 7.5)


def test_vectors_too_short_to_be_seen_are_left_out():
    rows = np.vstack([ROWS, 1e-6 * RNG.normal(size=(5_000, 2))])
    assert len(dots(figures.vectors(rows, plt.subplots()[1]))) == 7


@pytest.mark.parametrize("rows", [np.zeros((4, 2)), np.zeros((0, 2))])
def test_nothing_to_see_is_an_empty_panel_and_no_error(rows):
    ax = figures.vectors(rows)
    assert len(dots(ax)) == 0
    assert ax.get_xlim() == (-1, 1)


@pytest.mark.parametrize("shape", [(7, 3), (7,), (2, 7, 2)])
def test_vectors_of_another_shape_are_refused_in_one_sentence(shape):
    with pytest.raises(ValueError, match=r"^[^\n]*\(k, 2\), not \([^\n]*$") as caught:
        unwrap(figures.vectors)(np.zeros(shape))
    assert str(shape) in str(caught.value)


def test_each_model_is_a_pair_of_panels_columns_above_points():
    before = mpl.rcParams.copy()
    fig = figures.vector_columns(PLANAR, across=4)
    assert mpl.rcParams == before
    assert plt.get_fignums() == [fig.number]
    assert len(seen(fig)) == 10
    grid = np.array(fig.axes).reshape(4, 4)
    for k, (model, rows) in enumerate(PLANAR.groupby("model")):
        pair = grid[2 * (k // 4) : 2 * (k // 4) + 2, k % 4]
        assert pair[0].get_title() == model
        for ax, of in zip(pair, OF, strict=True):
            np.testing.assert_allclose(dots(ax), rows[rows["of"] == of][["x", "y"]])
    assert [ax.get_ylabel() for ax in grid[:, 0]] == [*OF, *OF]


def test_each_panel_has_its_own_scale_or_each_kind_one():
    free = {ax.get_xlim()[1] for ax in seen(figures.vector_columns(PLANAR))}
    assert len(free) == 10
    common = seen(figures.vector_columns(PLANAR, common_scale=True))
    assert len({ax.get_xlim()[1] for ax in common}) == 2
    assert all(np.abs(dots(ax)).max() < ax.get_xlim()[1] for ax in common)


def test_vectors_of_one_kind_are_drawn_alone():
    fig = figures.vector_columns(PLANAR[PLANAR["of"] == OF[0]], across=5)
    assert fig.axes[0].get_gridspec().get_geometry() == (1, 5)


# --- The main figure ----------------------------------------------------------------------------


def test_sizes_stand_below_one_another_in_the_three_panels():
    before = mpl.rcParams.copy()
    fig = three_panels(published={500_000: 0.999})
    assert isinstance(fig, Figure)
    assert mpl.rcParams == before
    top, middle, *rest = fig.axes
    assert list(top.get_xticks()) == list(middle.get_xticks())
    assert top.get_xlim() == middle.get_xlim()
    assert top.get_xticks()[-1] > 500_000
    first, *others = PLANAR["model"].unique()  # others without the "T = " there is no room for
    titles = [first, *(model.removeprefix("T = ") for model in others)]
    assert [ax.get_title() for ax in rest if ax.get_title()] == titles
    fig.canvas.draw()
    names = [
        t.get_window_extent() for t in top.texts if t.get_text() in ("data points", "features")
    ]
    legend = top.get_legend().get_window_extent()
    assert not any(legend.overlaps(box) for box in names)


def test_each_of_the_three_panels_has_its_share_of_the_page():
    with plt.style.context(figures.STYLE):
        fig = three_panels()
        fig.canvas.draw()
    heights = [ax.get_position().height for ax in fig.axes]
    assert min(heights[:2]) > 0.2
    assert min(heights[2:]) > 0.05


def test_regimes_are_shaded_between_their_borders_and_named():
    ax = figures.by_size(RUNS, "test_loss", plt.subplots()[1])
    limits = ax.get_xlim()
    figures.shade_regimes(ax, (30.0, 1_000.0))
    assert {"data points", "between", "features"} <= {t.get_text() for t in ax.texts}
    assert ax.get_xlim() == limits
    spans = [p.get_extents().transformed(ax.transData.inverted()) for p in ax.patches]
    assert {(round(s.x0, 6), round(s.x1, 6)) for s in spans} == {
        (round(limits[0], 6), 30), (1_000, round(limits[1], 6))
    }  # fmt: skip


def test_unknown_borders_shade_nothing():
    ax = figures.by_size(RUNS, "test_loss", plt.subplots()[1])
    assert not figures.shade_regimes(ax, (math.nan, math.nan)).patches


HIDDEN, COLUMNS = ("hidden vectors",), ("columns of W",)
KINDS = HIDDEN + COLUMNS


def test_regimes_are_told_by_a_picture_each_tied_to_the_curve():
    runs = pd.DataFrame({"T": [6.0, 6.0, 200.0, 2_000.0], "test_loss": [1.0, 1.002, 1.5, 0.99]})
    labels = {"few": 6, "neither": 200, "many": 2_000}
    planar = pd.DataFrame(
        [
            {"model": label, "of": of, "x": 3.0, "y": -4.0}
            for label, kinds in (("few", HIDDEN), ("neither", KINDS), ("many", COLUMNS))
            for of in kinds
        ]
    )
    ax = figures.by_size(runs, "test_loss", plt.subplots()[1], ylim=(0.98, 1.03))

    def tell(borders):
        return figures.tell_regimes(
            ax, runs, "test_loss", borders=borders, labels=labels, planar=planar
        )

    assert tell((30.0, 1_000.0)) is ax
    assert [child.get_title() for child in ax.child_axes] == list(labels)
    drawn = [len(child.collections) for child in ax.child_axes]
    assert drawn == [1, 2, 1]  # each kind of vector once
    tips = [text.xy for text in ax.texts if text.get_text() == ""]
    assert tips == [(6, 1.001), (200, 1.03), (2_000, 0.99)]  # what is beyond: at the edge
    before = len(ax.child_axes)
    tell((math.nan, 1_000.0))
    assert [child.get_title() for child in ax.child_axes[before:]] == ["many"]


# --- Clusters -----------------------------------------------------------------------------------


def clustered(count):
    """Five features around a circle, of so many points each, and ten points that are not stored."""
    angles = np.repeat(2 * np.pi * np.array([3, 0, 2, 4, 1]) / 5, count)
    x, y = np.cos(angles), np.sin(angles)
    stored = pd.DataFrame({"x": 2 * x, "y": 2 * y, "feature": np.repeat(np.arange(5), count),
                           "wx": 3 * x, "wy": 3 * y, "b": -4.5})  # fmt: skip
    others = pd.DataFrame({"x": 0.1 * np.arange(10), "y": 0.0, "feature": -1})
    return pd.concat([stored, others], ignore_index=True).assign(model="T = 1")


def test_neighbouring_clusters_differ_and_lines_are_where_their_feature_begins_to_fire():
    (ax,) = figures.clusters(clustered(6), across=1).axes
    grey, *drawn = ax.lines
    assert len(grey.get_xdata()) == 10
    dots_of, lines_of = drawn[::2], drawn[1::2]
    angles = [math.atan2(dot.get_ydata()[0], dot.get_xdata()[0]) for dot in dots_of]
    assert angles == sorted(angles)
    looks = [(dot.get_color(), dot.get_marker()) for dot in dots_of]
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in pairwise(looks))
    for dot, line in zip(dots_of, lines_of, strict=True):
        w = 1.5 * np.array([dot.get_xdata()[0], dot.get_ydata()[0]])
        np.testing.assert_allclose(w @ np.array(line.get_data()), 4.5)  # W h + b = 0
        assert line.get_color() == dot.get_color()


def test_small_clusters_have_no_line():
    (ax,) = figures.clusters(clustered(4), across=1).axes
    assert len(ax.lines) == 1 + 5
