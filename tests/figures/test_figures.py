"""Plots draw what they are given where they are told, label it, and touch nothing else."""

import math
from inspect import unwrap
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdd import figures, paper

INF = math.inf
RNG = np.random.default_rng(0)
SIZES = (3, 10, 100, 10_000, INF)
SEEDS = {T: RNG.uniform(0.9, 1.1, 3) for T in SIZES}
D = {T: RNG.uniform(0, 0.4, 7) for T in SIZES}
ROWS = RNG.normal(size=(7, 2))
COLUMNS = [(f"T = {k}", RNG.normal(size=(9, 2)), RNG.normal(size=(k, 2))) for k in range(3, 8)]
BASELINES = {"no output at all": 1.0, "best constant": 0.999}
BOXES = np.array([[-1.0, -1.0, 1.0, 2.0], [0.5, -1.0, 1.0, 1.0]])
LINES = np.array([[1.0, 0.0, 0.5], [3.0, 4.0, -10.0]])  # x = −0.5, and 2 from the origin
CUT = np.array([[True, False], [False, False]])
TIMES = {
    "textbook": {10: [1.0, 2.0, 4.0], 1_000: [8.0]},
    "engine": {10: [0.001], 100: [0.002, 0.004]},
}

ON_AXES = {
    "vectors": lambda ax: figures.vectors(ROWS, ax, title="seed 0"),
    "test_loss_by_size": lambda ax: figures.test_loss_by_size(
        SEEDS, BASELINES, {10: 1.0, 1_000: 1.01}, ax, ylim=(0.9, 1.05)
    ),
    "dimensionality_by_size": lambda ax: figures.dimensionality_by_size(
        D, {T: v for T, v in D.items() if T < INF}, 2, ax
    ),
    "norms_by_size": lambda ax: figures.norms_by_size(SEEDS, SEEDS, ax, reference=("√5", 2.24)),
    "measures_by_size": lambda ax: figures.measures_by_size(
        {"cost": SEEDS, "gain": SEEDS}, ax, ylabel="part of the loss", baselines=BASELINES
    ),
    "tgon_radii": lambda ax: figures.tgon_radii(
        range(3, 9), {3: np.ones(3), 5: np.ones(5)}, [1.0] * 6, ax
    ),
    "leaves": lambda ax: figures.leaves(ROWS, BOXES, LINES, CUT, ax),
    "leaf_map": lambda ax: figures.leaf_map(np.arange(12).reshape(4, 3) % 3, ax),
    "step_times": lambda ax: figures.step_times(TIMES, ax),
}
ON_AXES |= {
    "by_training": lambda ax: figures.by_training(
        {"mean": SEEDS, "sum": SEEDS}, ax, ylabel="test loss", log=True, points={"paper": {10: 1.0}}
    ),
}
BY_WIDTH = {2: {8: [0.1, 0.2], 30: [0.5]}, 4: {8: [1e-9], 30: [0.01, 0.02]}}
ON_AXES |= {
    "seeds_by_size": lambda ax: figures.seeds_by_size(BY_WIDTH, ax),
    "spread_by_size": lambda ax: figures.spread_by_size(BY_WIDTH, ax),
    "best_of_curves": lambda ax: figures.best_of_curves({8: [1, 0.5], 30: [1, 0.9, 0.85]}, ax),
}
ON_AXES |= {
    "loss_by_setting": lambda ax: figures.loss_by_setting(
        {"1": SEEDS, "2": SEEDS}, BASELINES, ax, title="m", ylim=(0.9, 1.0)
    ),
    "loss_map": lambda ax: figures.loss_map(
        (10, 100), (1, 2), np.array([[1.5, 1.1], [1.2, 0.9]]), BASELINES,
        np.ones((2, 1), bool), np.ones((1, 2), bool), {1: 10}, ax,
    ),
}  # fmt: skip
ON_AXES |= {
    "planted_radii": lambda ax: figures.planted_radii(
        {"decay 0": [(0.8, 1.0), (1.2, 1.2)], "decay 1": [(0.8, 0.9)]}, ax
    ),
    "ring_changes": lambda ax: figures.ring_changes(
        {"formula": {4: -0.4, 5: -0.5}}, {"free": {4: [-0.4, -0.3]}, "planted": {5: [-0.5]}}, ax
    ),
    "formulas": lambda ax: figures.formulas(
        np.arange(3.0), {"one": [0, 1, 2], "two": [2, 1, 0]}, ax, xlabel="length", ylabel="change"
    ),
    "predicted_against_measured": lambda ax: figures.predicted_against_measured(
        {
            "first": [("a", 0.2, 0.3), ("a", 0.25, 0.3), ("usual", 0.4, 0.3)],
            "second": [("b", 0.3, 0.3)],
        },
        ax,
    ),
}
X_LABELS = {  # where it is not the number of data points
    "planted_radii": "planted radius",
    "ring_changes": "number of features",
    "formulas": "length",
    "predicted_against_measured": "predicted D",
}
FIGURES = {
    "gallery": lambda: figures.gallery([("ring: 1 of 1", [(ROWS, ROWS[:, 0] > 0)])]),
    "three_panels": lambda: figures.three_panels(
        SEEDS,
        D,
        {T: v for T, v in D.items() if T < INF},
        [(T, ROWS, ROWS) for T in (3, 100, INF)],
        baselines=BASELINES,
        borders=(30.0, 1_000.0),
    ),
    "vector_columns": lambda: figures.vector_columns(COLUMNS),
    "strip": lambda: figures.strip(COLUMNS),
}


@pytest.fixture(autouse=True)
def clean():
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


def ticks(ax):
    return dict(zip((t.get_text() for t in ax.get_xticklabels()), ax.get_xticks(), strict=True))


# --- Manners ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ON_AXES)
def test_a_plot_draws_into_the_axes_it_is_given_and_returns_them(name):
    fig, (used, spare) = plt.subplots(1, 2)
    before = mpl.rcParams.copy()
    assert ON_AXES[name](used) is used
    assert used.has_data()
    assert not spare.has_data()
    assert plt.get_fignums() == [fig.number]
    assert mpl.rcParams == before
    fig.canvas.draw()


@pytest.mark.parametrize("name", ON_AXES)
def test_without_axes_a_plot_takes_the_current_ones(name):
    fig, ax = plt.subplots()
    assert ON_AXES[name](None) is ax
    assert plt.get_fignums() == [fig.number]


@pytest.mark.parametrize("name", sorted(ON_AXES.keys() - {"vectors"}))
def test_both_axes_are_labelled_and_the_parts_named(name):
    ax = ON_AXES[name](plt.subplots()[1])
    x = {"leaves": "hidden dimension 1", "leaf_map": "group of features"}
    x["best_of_curves"] = "number of parameter seeds"
    x |= X_LABELS
    assert x.get(name, "number of data points T") in ax.get_xlabel()
    assert len(ax.get_ylabel()) > 5
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert len(texts) == len(set(texts)) >= 2
    assert all(texts)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_many_panels_is_one_figure_and_changes_no_settings(name):
    before = mpl.rcParams.copy()
    fig = FIGURES[name]()
    assert isinstance(fig, Figure)
    assert plt.get_fignums() == [fig.number]
    assert mpl.rcParams == before
    fig.canvas.draw()


def test_sizes_stand_below_one_another_in_the_three_panels():
    fig = figures.three_panels(
        SEEDS, D, {}, [(INF, ROWS, ROWS)], baselines=BASELINES, borders=(30.0, 1_000.0),
        published={500_000: 0.999},
    )  # fmt: skip
    top, middle, *_ = fig.axes
    assert ticks(top) == ticks(middle)
    assert ticks(top)["∞"] > 500_000
    assert top.get_xlim() == middle.get_xlim()
    middle_x = {float(line.get_xdata()[0]) for line in middle.lines if len(line.get_xdata())}
    assert ticks(top)["∞"] in middle_x


def test_every_public_plot_is_tested_here():
    rest = {
        "COLORS",
        "STYLE",
        "against_ratio",
        "root_moments",
        "shade_regimes",
        "loss_window",
        "size_axis",
        "use_style",
    }
    assert set(figures.__all__) == {*ON_AXES, *FIGURES, *rest}


def test_only_use_style_changes_the_settings_and_to_those_of_the_style_file():
    plt.rcParams["axes.grid"] = False
    figures.use_style()
    style = mpl.rc_params_from_file(figures.STYLE, use_default_template=False)
    assert len(style) > 10
    assert {k: mpl.rcParams[k] for k in style} == dict(style)


# --- Vectors ------------------------------------------------------------------------------------


def test_vectors_are_lines_from_the_origin_to_dots():
    ax = figures.vectors(ROWS, plt.subplots()[1], title="seed 0", color="#123456")
    (lines,) = ax.collections
    np.testing.assert_allclose([s[0] for s in lines.get_segments()], np.zeros((7, 2)))
    np.testing.assert_allclose([s[1] for s in lines.get_segments()], ROWS)
    dots = ax.lines[0]
    np.testing.assert_allclose(np.transpose(dots.get_data()), ROWS)
    assert dots.get_color() == "#123456"
    assert ax.get_title() == "seed 0"
    assert ax.get_aspect() == 1  # a polygon must look like one
    low, high = ax.get_xlim()
    assert high == -low > np.abs(ROWS).max()
    assert ax.get_ylim() == (low, high)


def test_a_given_limit_is_the_scale_of_the_panel():
    assert figures.vectors(ROWS, plt.subplots()[1], limit=7.5).get_xlim() == (-7.5, 7.5)


def test_vectors_too_short_to_be_seen_are_left_out():
    rows = np.vstack([ROWS, 1e-6 * RNG.normal(size=(5_000, 2))])
    ax = figures.vectors(rows, plt.subplots()[1])
    assert len(ax.collections[0].get_segments()) == 7


@pytest.mark.parametrize("rows", [np.zeros((4, 2)), np.zeros((0, 2))])
def test_nothing_to_see_is_an_empty_panel_and_no_error(rows):
    ax = figures.vectors(rows, plt.subplots()[1])
    assert ax.collections[0].get_segments() == []
    assert ax.get_xlim() == (-1, 1)


@pytest.mark.parametrize("shape", [(7, 3), (7,), (2, 7, 2)])
def test_vectors_of_another_shape_are_refused_in_one_sentence(shape):
    with pytest.raises(ValueError, match=r"\(k, 2\), not \(") as caught:
        unwrap(figures.vectors)(np.zeros(shape), plt.subplots()[1])
    assert str(shape) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_model_is_a_pair_of_panels_features_above_points():
    fig = figures.vector_columns(COLUMNS, across=4)
    seen = [ax for ax in fig.axes if ax.get_visible()]
    assert len(seen) == 2 * len(COLUMNS)
    drawn = {ax.get_title(): ax for ax in seen if ax.get_title()}
    assert list(drawn) == [title for title, _, _ in COLUMNS]
    grid = np.array(fig.axes).reshape(4, 4)
    for k, (title, W, H) in enumerate(COLUMNS):
        above, below = grid[2 * (k // 4) : 2 * (k // 4) + 2, k % 4]
        assert above.get_title() == title
        for ax, rows, color in ((above, W, "feature"), (below, H, "example")):
            np.testing.assert_allclose(np.transpose(ax.lines[0].get_data()), rows)
            assert ax.lines[0].get_color() == figures.COLORS[color]
    for ax, text in zip(grid[:, 0], ["columns of W", "hidden vectors"] * 2, strict=True):
        assert ax.get_ylabel() == text


def test_one_scale_can_be_asked_for():
    fig = figures.strip(COLUMNS, limits=(5.0, 20.0))
    widths = [ax.get_xlim()[1] for ax in fig.axes if ax.get_visible()]
    assert sorted(widths) == [5.0] * 5 + [20.0] * 5
    free = [ax.get_xlim()[1] for ax in figures.strip(COLUMNS).axes if ax.get_visible()]
    assert len(set(free)) == 10


def test_a_strip_has_three_models_a_line():
    assert figures.strip(COLUMNS).axes[0].get_gridspec().get_geometry() == (4, 3)


# --- Against T ----------------------------------------------------------------------------------


def test_infinity_stands_beyond_the_largest_size_after_a_gap():
    ax = plt.subplots()[1]
    place = figures.size_axis(ax, [100, INF, 3, 10_000, 100])
    assert {T: x for T, x in place.items() if T < INF} == {3: 3, 100: 100, 10_000: 10_000}
    assert place[INF] > 2 * 10_000
    assert ax.get_xscale() == "log"
    assert ticks(ax)["∞"] == place[INF]
    (gap,) = ax.lines
    assert 10_000 < gap.get_xdata()[0] < place[INF]


def test_ticks_say_where_they_are():
    ax = plt.subplots()[1]
    figures.size_axis(ax, [3, 500_000])
    shown = ticks(ax)
    assert "∞" not in shown
    assert len(shown) <= 9
    for text, x in shown.items():
        assert float(text.replace("k", "e3")) == x
        assert 3 <= x <= 500_000
    assert list(ax.lines) == []


def test_each_data_seed_is_a_dot_and_the_line_goes_through_their_means():
    ax = figures.test_loss_by_size(SEEDS, BASELINES, None, plt.subplots()[1])
    x = figures.size_axis(plt.subplots()[1], SIZES)
    dots = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) == 3]
    assert {tuple(line.get_ydata()) for line in dots} == {tuple(v) for v in SEEDS.values()}
    assert {line.get_xdata()[0] for line in dots} == set(x.values())
    (mean,) = [line for line in ax.lines if len(line.get_xdata()) == 4 and line.get_ls() == "-"]
    np.testing.assert_allclose(mean.get_ydata(), [SEEDS[T].mean() for T in SIZES[:-1]])
    (end,) = [line for line in ax.lines if line.get_marker() == "_"]
    np.testing.assert_allclose(end.get_ydata(), SEEDS[INF].mean())


def test_baselines_and_published_losses_are_drawn_where_they_are():
    published = {10: 1.02, 1_000: 1.01}
    ax = figures.test_loss_by_size(SEEDS, BASELINES, published, plt.subplots()[1])
    (diamonds,) = [line for line in ax.lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert dict(zip(*diamonds.get_data(), strict=True)) == published
    notes = {text.get_text(): text.xy[1] for text in ax.texts}
    assert notes == BASELINES
    across = [
        line for line in ax.lines if line.get_ls() == "--" and list(line.get_xdata()) == [0, 1]
    ]
    level = [line.get_ydata()[0] for line in across]
    assert sorted(level) == sorted(BASELINES.values())


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax, lines: figures.test_loss_by_size(SEEDS, lines, ax=ax),
        lambda ax, lines: figures.loss_by_setting({"1": SEEDS}, lines, ax, title="m"),
        lambda ax, lines: figures.measures_by_size(
            {"a": SEEDS}, ax, ylabel="loss", baselines=lines
        ),
        lambda ax, lines: figures.root_moments([1, 10], {"a": np.ones((2, 3))}, lines, ax),
    ],
)
def test_lines_of_reference_are_noted_on_their_outer_sides_and_named_in_one_line(draw):
    ax = draw(plt.subplots()[1], {"no output": 1.0, "best\nconstant": 0.5})
    notes = {t.get_text(): (t.xy[1], t.get_va()) for t in ax.texts}
    assert notes == {"no output": (1.0, "bottom"), "best\nconstant": (0.5, "top")}
    labels = [line.get_label() for line in ax.lines]
    assert {"_no output", "_best constant"} <= set(labels)
    assert not [label for label in labels if "\n" in label]


def test_losses_beyond_the_axis_are_marked_at_its_edge():
    losses = {3: [1.0, 3.0], 10: [1.0, 1.01], 30: [2.0]}
    ax = figures.test_loss_by_size(losses, {}, None, plt.subplots()[1], ylim=(0.9, 1.1))
    marks = [line for line in ax.lines if line.get_marker() == "^"]
    assert {(float(m.get_xdata()[0]), float(m.get_ydata()[0])) for m in marks} == {
        (3.0, 1.1),
        (30.0, 1.1),
    }
    assert ax.get_ylim() == (0.9, 1.1)


def test_features_and_points_stand_side_by_side_with_the_line_m_over_t():
    examples = {T: D[T] for T in (3, 10, 100, 10_000)}
    ax = figures.dimensionality_by_size(D, examples, 2, plt.subplots()[1])
    for values, color, side in ((D, "feature", 1), (examples, "example", -1)):
        lines = [line for line in ax.lines if line.get_color() == figures.COLORS[color]]
        drawn = {}
        for line in lines:
            if len(line.get_xdata()):
                on_screen = line.get_transform().transform(line.get_xydata())
                drawn[tuple(line.get_ydata())] = ax.transData.inverted().transform(on_screen)[0, 0]
        assert set(drawn) == {tuple(v) for v in values.values()}
        for T in (3, 10, 100, 10_000):
            assert side * (drawn[tuple(values[T])] - T) > 0
    (line,) = [line for line in ax.lines if line.get_color() == figures.COLORS["mark"]]
    np.testing.assert_allclose(line.get_ydata(), [2 / 3, 2 / 10, 2 / 100, 2 / 10_000])
    assert ax.get_ylim()[0] == 0


def test_both_norms_are_drawn_and_the_reference_is_labelled():
    W = {3: [5.0, 6.0], 30: [20.0, 22.0], INF: [2.2, 2.3]}
    b = {3: [3.0, 3.5], 30: [18.0, 19.0], INF: [0.6, 0.7]}
    ax = figures.norms_by_size(W, b, plt.subplots()[1], reference=("√5", math.sqrt(5)))
    drawn = {tuple(line.get_ydata()) for line in ax.lines if line.get_marker() in "os"}
    assert drawn >= {tuple(v) for v in (*W.values(), *b.values())}
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["√5"]
    assert ax.texts[0].xy[1] == math.sqrt(5)


def test_radii_are_drawn_beside_the_formula():
    predicted = [1 / math.sqrt(1 - math.cos(2 * math.pi / T)) for T in range(3, 9)]
    measured = {3: np.array([0.8, 0.9, 0.8]), 5: np.array([1.2, 1.3])}
    ax = figures.tgon_radii(range(3, 9), measured, predicted, plt.subplots()[1])
    (formula,) = [line for line in ax.lines if line.get_ls() == "-"]
    np.testing.assert_allclose(formula.get_data(), [range(3, 9), predicted])
    dots = {int(line.get_xdata()[0]): line.get_ydata() for line in ax.lines if line is not formula}
    for T, lengths in measured.items():
        np.testing.assert_allclose(dots[T], lengths)


# --- Theory ---------------------------------------------------------------------------------------


def test_planted_radii_are_beside_the_lines_of_staying_and_of_the_least():
    ax = figures.planted_radii({"no": [(0.8, 1.0), (1.2, 1.1)]}, plt.subplots()[1])
    lines = {line.get_label(): line for line in ax.lines}
    x, y = lines["as planted"].get_data()
    np.testing.assert_allclose(x, y)
    assert list(lines["the least that memorises"].get_ydata()) == [1, 1]
    assert list(lines["no"].get_ydata()) == [1.0, 1.1]
    np.testing.assert_allclose(lines["no"].get_xdata(), [0.8, 1.2], atol=0.02)


def test_changes_of_rings_stand_at_their_number_of_features():
    ax = ON_AXES["ring_changes"](plt.subplots()[1])
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["formula"].get_data(), [[4, 5], [-0.4, -0.5]])
    assert list(lines["free"].get_xdata().round()) == [4, 4]
    assert list(lines["free"].get_ydata()) == [-0.4, -0.3]
    assert lines["free"].get_color() != lines["planted"].get_color()


def test_agreement_is_the_diagonal_and_each_name_has_a_marker():
    ax = ON_AXES["predicted_against_measured"](plt.subplots()[1])
    lines = {line.get_label(): line for line in ax.lines}
    x, y = lines["agreement"].get_data()
    assert list(x) == list(y)
    np.testing.assert_array_equal(lines["_first: a"].get_data(), [[0.2, 0.25], [0.3] * 2])
    np.testing.assert_array_equal(lines["_first: usual"].get_data(), [[0.4], [0.3]])
    assert "_second: a" not in lines
    names = ("a", "usual", "b")
    assert len({lines[name].get_marker() for name in names}) == 3
    assert lines["_second: b"].get_marker() == lines["b"].get_marker()
    assert {*names, "first", "second"} < {t.get_text() for t in ax.get_legend().get_texts()}


# --- The engine -----------------------------------------------------------------------------------


def test_points_stand_in_boxes_and_a_line_fills_those_that_it_cuts():
    ax = figures.leaves(ROWS, BOXES, LINES, CUT, plt.subplots()[1])
    np.testing.assert_allclose(np.transpose(ax.lines[0].get_data()), ROWS)
    empty = [patch.get_bbox().bounds for patch in ax.patches if not patch.get_fill()]
    filled = [patch.get_bbox().bounds for patch in ax.patches if patch.get_fill()]
    assert empty == [tuple(box) for box in BOXES]
    assert filled == [tuple(BOXES[0])]
    for drawn, (x, y, c) in zip(ax.lines[1:], LINES, strict=True):
        for point in (drawn.get_xy1(), drawn.get_xy2()):
            assert x * point[0] + y * point[1] + c == pytest.approx(0)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["first: cuts 1 of 2 leaves", "second: cuts 0 of 2 leaves"]


def test_the_map_of_leaves_says_how_much_is_of_each_kind():
    sides = np.array([[0, 0, 1], [2, 0, 0]])
    ax = figures.leaf_map(sides, plt.subplots()[1])
    (image,) = ax.images
    assert (image.get_array() == sides).all()
    shares = [text.get_text().split("(")[1] for text in ax.get_legend().get_texts()]
    assert shares == ["67%)", "17%)", "17%)"]


def test_step_times_are_medians_with_their_spread():
    ax = figures.step_times(TIMES, plt.subplots()[1])
    slow, fast = ax.containers
    np.testing.assert_allclose(slow[0].get_ydata(), [2_000, 8_000])
    np.testing.assert_allclose(fast[0].get_ydata(), [1, 3])
    assert [list(line.get_xdata()) for line in (slow[0], fast[0])] == [[10, 1_000], [10, 100]]
    np.testing.assert_allclose(slow[2][0].get_segments()[0][:, 1], [1_000, 4_000])
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["textbook", "engine"]


# --- Colours ------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
}  # fmt: skip


def lab(color, deficiency):
    """Return a colour as seen with a deficiency, in CIE L*a*b* (D65)."""
    rgb = np.array(colors.to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(DEFICIENCIES[deficiency] @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    f = np.cbrt(to_xyz @ seen / (to_xyz @ np.ones(3)))  # (no colour here is near black)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_are_told_apart_by_colour_blind_readers(deficiency):
    data = {name: lab(color, deficiency) for name, color in figures.COLORS.items()}
    for (one, a), (other, b) in combinations(data.items(), 2):
        # A difference of 2.3 is just noticeable, one of 20 is unmistakable on small dots.
        assert np.linalg.norm(a - b) > 20, f"{one} and {other}"


def test_the_simulation_would_catch_red_beside_green():
    red, green = "#c04040", "#6b7a30"
    assert np.linalg.norm(lab(red, "normal") - lab(green, "normal")) > 40
    assert np.linalg.norm(lab(red, "deuteranopia") - lab(green, "deuteranopia")) < 20


@pytest.mark.parametrize("name", ["feature", "example", "other", "mark"])
def test_colours_stand_out_from_the_white_ground(name):
    rgb = np.array(colors.to_rgb(figures.COLORS[name]))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3  # WCAG 2.1, 1.4.11: graphical objects


def test_an_axes_is_what_comes_back():
    for make in ON_AXES.values():
        assert isinstance(make(plt.subplots()[1]), Axes)


def test_the_loss_window_holds_every_low_loss_and_the_published_bump():
    low, high = figures.loss_window({3: [1.4, 1.2], 10: [0.99, 1.0]})
    assert low < 0.99
    assert paper.TEST_LOSS[2_000] < high < 1.2


# --- ε ------------------------------------------------------------------------------------------


def test_curves_against_a_ratio_go_through_their_means_and_name_the_marks():
    ax = figures.against_ratio(
        {"n = 1,000": {1e-3: [1.0, 3.0], 1e-1: [5.0]}}, ylabel="‖W‖", marks={"mean": 0.1}
    )
    assert ax.get_xscale() == "log"
    assert "ε" in ax.get_xlabel()
    line = next(li for li in ax.lines if li.get_label() == "_n = 1,000: mean")
    np.testing.assert_allclose(line.get_xydata(), [[1e-3, 2], [1e-1, 5]])
    marks = next(li for li in ax.lines if li.get_label() == "_n = 1,000: seeds")
    assert sorted(marks.get_ydata()) == [1, 3, 5]
    assert [t.get_text() for t in ax.texts] == ["mean"]


def test_second_moments_show_median_and_middle_half_beside_eps():
    root = np.array([[1.0, 2, 3, 4, 5], [2.0, 4, 6, 8, 10]])
    ax = figures.root_moments([1, 10], {"sum": root}, {"ε": 1e-4})
    line = next(li for li in ax.lines if li.get_label() == "sum")
    np.testing.assert_allclose(line.get_ydata(), [3, 6])
    low, high = ax.collections[0].get_paths()[0].get_extents().get_points()[:, 1]
    assert (low, high) == (2, 8)
    assert [t.get_text() for t in ax.texts] == ["ε"]


def test_regimes_are_shaded_between_their_borders_and_named():
    ax = figures.test_loss_by_size(SEEDS, BASELINES)
    limits = ax.get_xlim()
    figures.shade_regimes(ax, (30.0, 1_000.0))
    names = [t.get_text() for t in ax.texts]
    assert {"data points", "between", "features"} <= set(names)
    assert ax.get_xlim() == limits
    spans = {
        p.get_label(): p.get_extents().transformed(ax.transData.inverted()) for p in ax.patches
    }
    assert spans["_data points"].x1 == pytest.approx(30)
    assert spans["_features"].x0 == pytest.approx(1_000)
    unknown = figures.shade_regimes(
        figures.test_loss_by_size(SEEDS, BASELINES, ax=plt.figure().gca()), (math.nan, math.nan)
    )
    assert not unknown.patches


# --- Several measures ---------------------------------------------------------------------------

MEASURES = {
    "cost": {10: [1.0, 3.0], 1_000: [9.0], INF: [2.0]},
    "gain": {10: [-1.0, -1.0], 1_000: [-7.0]},
}


def drawn(ax):
    """The points of each line with a label, by label."""
    return {line.get_label(): np.transpose(line.get_data()) for line in ax.lines}


def test_measures_are_dots_for_seeds_and_lines_through_means():
    ax = figures.measures_by_size(MEASURES, plt.subplots()[1], ylabel="part of the loss")
    found = drawn(ax)
    np.testing.assert_allclose(found["_gain: mean"], [(10, -1), (1_000, -7)])
    np.testing.assert_allclose(found["_gain: data seeds"], [(10, -1), (10, -1), (1_000, -7)])
    np.testing.assert_allclose(found["_cost: data seeds"][:3], [(10, 1), (10, 3), (1_000, 9)])
    lines = [line for line in ax.lines if line.get_label() == "_cost: mean"]
    finite, end = sorted(lines, key=lambda line: -len(line.get_xdata()))
    np.testing.assert_allclose(np.transpose(finite.get_data()), [(10, 2), (1_000, 9)])
    assert end.get_xdata()[0] == ticks(ax)["∞"]
    assert ax.get_ylabel() == "part of the loss"


def test_measures_differ_by_colour_marker_and_dash():
    many = {name: MEASURES["cost"] for name in "abcd"}
    ax = figures.measures_by_size(many, plt.subplots()[1], ylabel="part of the loss")
    looks = [(h.get_color(), h.get_marker()) for h in ax.get_legend().get_lines()]
    assert len(set(looks)) == len({c for c, _ in looks}) == len({m for _, m in looks}) == 4


def test_means_beyond_the_axis_are_marked_at_its_edges():
    ax = figures.measures_by_size(MEASURES, plt.subplots()[1], ylabel="loss", ylim=(-5.0, 5.0))
    arrows = {
        (line.get_marker(), x, y)
        for line in ax.lines
        if line.get_marker() in ("^", "v") and line.get_label() == "_nolegend_"
        for x, y in zip(*line.get_data(), strict=True)
    }
    assert arrows == {("^", 1_000, 5), ("v", 1_000, -5)}


def test_a_logarithmic_axis_takes_values_that_are_not_positive():
    ax = figures.measures_by_size(MEASURES, plt.subplots()[1], ylabel="loss", log=True)
    assert ax.get_yscale() == "log"
    ax.figure.canvas.draw()
