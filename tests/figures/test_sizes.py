"""What is drawn against T is what the table holds, on labelled axes, and nothing else changes."""

import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection

from sdd import figures

INF = math.inf
RNG = np.random.default_rng(0)
RUNS = pd.DataFrame(
    [
        {"T": T, "test_loss": RNG.uniform(0.9, 1.1), "kind": kind}
        for kind in ("mean", "sum") for T in (3.0, 10.0, 100.0, 10_000.0, INF) for _ in range(3)
    ]
)  # fmt: skip
D = pd.DataFrame(
    [
        {"T": T, "of": of, "D": RNG.uniform(0, 0.4)}
        for T in (3.0, 100.0, INF) for of in ("feature", "data point") for _ in range(4)
        if of == "feature" or T < INF
    ]
)  # fmt: skip
BASELINES = {"no output": 1.0, "best\nconstant": 0.99}
CURVE = pd.Series({3: 1.0, 100: 0.5}, name="formula")

DRAW = {
    "by_size": lambda ax: figures.by_size(RUNS, "test_loss", ax, hue="kind", baselines=BASELINES),
    "dots_by_size": lambda ax: figures.dots_by_size(RUNS, "test_loss", ax, ylabel="loss",
                                                    curve=CURVE),
    "dimensionality_by_size": lambda ax: figures.dimensionality_by_size(D, 2, ax),
}  # fmt: skip


def ticks(ax):
    return dict(zip((t.get_text() for t in ax.get_xticklabels()), ax.get_xticks(), strict=True))


def marks(ax):
    """The dots of scatter plots, as an array of (x, y)."""
    offsets = [np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets())]
    return np.concatenate([o for o in offsets if o.any()])


def means(ax):
    """The lines through means: those with a point for each of the four finite sizes."""
    return [line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 4]


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_is_drawn_where_it_is_told_and_labelled(name):
    _, (used, spare) = plt.subplots(1, 2)
    before = mpl.rcParams.copy()
    assert DRAW[name](used) is used
    assert not spare.has_data()
    assert mpl.rcParams == before
    assert used.get_xlabel() == "number of data points T"
    assert used.get_ylabel()
    texts = [t.get_text() for t in used.get_legend().get_texts()]
    assert len(texts) == len(set(texts)) >= 2
    assert all(texts)


@pytest.mark.parametrize("name", DRAW)
def test_without_axes_the_current_ones_are_taken(name):
    _, ax = plt.subplots()
    assert DRAW[name](None) is ax
    ax.figure.canvas.draw()


def test_infinity_stands_beyond_the_largest_size_and_ticks_say_where_they_are():
    _, ax = plt.subplots()
    place = figures.size_axis(ax, [100, INF, 3, 500_000, 100])
    assert {T: x for T, x in place.items() if T < INF} == {3: 3, 100: 100, 500_000: 500_000}
    shown = ticks(ax)
    assert shown.pop("∞") == place[INF] > 2 * 500_000
    assert len(shown) <= 9
    assert all(float(text.replace("k", "e3")) == x for text, x in shown.items())
    with pytest.raises(ValueError, match=r"must hold a finite T, but are \[inf\]"):
        figures.size_axis(ax, [INF])


@pytest.mark.parametrize("log", [False, True])
def test_each_run_is_a_mark_and_lines_go_through_the_means(log):
    ax = figures.by_size(RUNS, "test_loss", plt.subplots()[1], hue="kind", log=log)
    place = {**{T: T for T in RUNS["T"]}, INF: ticks(ax)["∞"]}
    drawn = RUNS.assign(x=RUNS["T"].map(place))[["x", "test_loss"]].to_numpy()
    np.testing.assert_allclose(sorted(map(tuple, marks(ax))), sorted(map(tuple, drawn)))
    expected = RUNS[RUNS["T"] < INF].groupby(["kind", "T"])["test_loss"].mean().unstack()
    np.testing.assert_allclose(means(ax), expected)
    assert ax.get_yscale() == ("log" if log else "linear")


def test_the_band_is_the_95_percent_t_interval_of_three_runs_or_more():
    runs = pd.DataFrame({"T": [10.0] * 3 + [30.0] * 3 + [100.0] * 2,
                         "D1": [1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 0.0, 9.0]})  # fmt: skip
    ax = figures.by_size(runs, "D1", plt.subplots()[1])
    (band,) = [c for c in ax.collections if isinstance(c, PolyCollection)]
    corners = np.concatenate([path.vertices for path in band.get_paths()])
    at = {T: corners[np.isclose(corners[:, 0], T), 1] for T in (10, 30, 100)}
    half = 4.302_653 / math.sqrt(3)  # t at 97.5 %, 2 degrees of freedom; standard deviation 1
    assert (at[10].min(), at[10].max()) == pytest.approx((2 - half, 2 + half))
    assert set(at[30]) == {4.0}
    assert not at[100].size


def test_a_logarithmic_axis_shows_positive_means_and_positive_intervals():
    runs = pd.DataFrame({"T": [10.0] * 3 + [30.0] * 3 + [100.0] * 3,
                         "D1": [4.0, 5.0, 6.0, 1.0, 2.0, 9.0, -1.0, -1.0, -1.0]})  # fmt: skip
    ax = figures.by_size(runs, "D1", plt.subplots()[1], log=True)
    (band,) = [c for c in ax.collections if isinstance(c, PolyCollection)]
    corners = np.concatenate([path.vertices for path in band.get_paths()])
    assert np.allclose(corners[:, 0], 10)  # at 30 the interval reaches below zero
    ax.figure.canvas.draw()
    assert ax.get_ylim()[0] > 0.1


def test_one_curve_alone_needs_no_legend_and_published_values_are_named():
    assert figures.by_size(RUNS, "test_loss", plt.subplots()[1]).get_legend() is None
    published = {10: 1.02, 1_000: 1.01}
    ax = figures.by_size(RUNS, "test_loss", plt.subplots()[1], published=published)
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert names == ["ours", "paper (read off its figure)"]
    (diamonds,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert dict(zip(*diamonds.get_data(), strict=True)) == published


def test_curves_differ_by_more_than_colour():
    frame = pd.concat([RUNS.assign(kind=k) for k in "abcdef"])
    ax = figures.by_size(frame, "test_loss", plt.subplots()[1], hue="kind")
    handles = ax.get_legend().get_lines()
    assert len({h.get_marker() for h in handles}) == len({h.get_color() for h in handles}) == 6
    with pytest.raises(ValueError, match=r"at most 1, one a colour .* not 6"):
        figures.by_size(frame, "test_loss", plt.subplots()[1], hue="kind", palette=["red"])


def test_runs_beyond_the_axis_are_marked_at_its_edges():
    runs = pd.DataFrame({"T": [3.0, 3.0, 10.0, 30.0], "loss": [1.0, 3.0, 1.0, -2.0]})
    ax = figures.by_size(runs, "loss", plt.subplots()[1], ylim=(0.9, 1.1))
    arrows = {
        (line.get_marker(), *map(float, line.get_xydata()[0]))
        for line in ax.lines
        if line.get_marker() in ("^", "v")
    }
    assert arrows == {("^", 3.0, 1.1), ("v", 30.0, 0.9)}
    assert ax.get_ylim() == (0.9, 1.1)


def test_runs_without_a_value_are_left_out():
    runs = RUNS.assign(test_loss=RUNS["test_loss"].where(RUNS["T"] < INF))
    ax = figures.by_size(runs, "test_loss", plt.subplots()[1])
    assert len(marks(ax)) == (RUNS["T"] < INF).sum()
    assert "∞" in ticks(ax)  # so that panels agree


def test_lines_of_reference_are_noted_on_their_outer_sides():
    ax = DRAW["by_size"](plt.subplots()[1])
    notes = {t.get_text(): (t.xy[1], t.get_va()) for t in ax.texts}
    assert notes == {"no output": (1.0, "bottom"), "best\nconstant": (0.99, "top")}
    level = [line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1]]
    assert set(BASELINES.values()) <= set(level)


def test_features_and_data_points_stand_side_by_side_with_the_line_m_over_t():
    ax = DRAW["dimensionality_by_size"](plt.subplots()[1])
    drawn = {y: x for x, y in marks(ax)}
    place = {3: 3, 100: 100, INF: ticks(ax)["∞"]}
    assert set(drawn) == set(D["D"])
    for row in D.itertuples():
        side = 1 if row.of == "feature" else -1
        assert 0 < side * (drawn[row.D] / place[row.T] - 1) < 0.2
    (line,) = [line for line in ax.lines if "m/T" in str(line.get_label())]
    np.testing.assert_allclose(line.get_xydata(), [[3, 2 / 3], [100, 2 / 100]])
    assert ax.get_ylim()[0] == 0


def test_a_formula_is_drawn_beside_the_dots():
    ax = DRAW["dots_by_size"](plt.subplots()[1])
    (line,) = [line for line in ax.lines if line.get_label() == "formula"]
    np.testing.assert_allclose(line.get_xydata(), [[3, 1.0], [100, 0.5]])
    np.testing.assert_allclose(sorted(marks(ax)[:, 1]), sorted(RUNS["test_loss"]))


def test_a_single_run_beside_means_of_several_has_a_ring():
    several = RUNS[RUNS["T"] < INF].assign(kind="one")
    T = several["T"].max()
    single = several[(several["T"] < T) | ~several["T"].duplicated()]
    for runs, marked in ((several, False), (single, True), (single.drop_duplicates("T"), False)):
        ax = figures.by_size(runs, "test_loss", plt.subplots()[1])
        legend = ax.get_legend()
        texts = [t.get_text() for t in legend.get_texts()] if legend else []
        assert ("a single training" in texts) == marked
        ringed = [line.get_xdata() for line in ax.lines if line.get_label() == "a single training"]
        assert [list(x) for x in ringed] == ([[T]] if marked else [])
