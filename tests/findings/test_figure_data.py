"""The data saved with a figure are what the figure shows: all of it, by name, and nothing else."""

import csv
import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from test_figures import FIGURES, ON_AXES

from sdd import figures
from sdd.findings import figure_data


@pytest.fixture(autouse=True)
def clean():
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


@pytest.fixture
def ax():
    return plt.subplots()[1]


def shown(ax, *columns):
    """The rows of a figure of one panel, as tuples of the given columns."""
    found = figure_data.rows(ax.figure)
    for row in found:
        assert set(row) <= {"panel", *columns}, "a column that was not asked for"
    return [tuple(row.get(c, "") for c in columns) for row in found]


# --- Each kind of mark ----------------------------------------------------------------------------


def test_a_line_is_its_points_under_its_label(ax):
    ax.plot([1, 2], [0.5, 0.25], label="loss")
    assert shown(ax, "series", "x", "y") == [("loss", "1", "0.5"), ("loss", "2", "0.25")]


def test_points_that_are_not_drawn_have_no_row(ax):
    ax.plot([1, 2, 3], [1, np.nan, 3], label="a")
    ax.plot([1, 2], np.ma.masked_equal([1, 2], 1), label="b")
    assert shown(ax, "series", "x", "y") == [("a", "1", "1"), ("a", "3", "3"), ("b", "2", "2")]


def test_a_scatter_has_the_values_of_its_colours(ax):
    ax.scatter([1, 2], [3, 4], label="plain")
    ax.scatter([5], [6], c=[0.75], label="coloured")
    assert shown(ax, "series", "x", "y", "value") == [
        ("plain", "1", "3", ""),
        ("plain", "2", "4", ""),
        ("coloured", "5", "6", "0.75"),
    ]


@pytest.mark.parametrize(("draw", "swap"), [("bar", 1), ("barh", -1)])
def test_a_bar_is_its_middle_and_its_length(ax, draw, swap):
    getattr(ax, draw)([0, 1], [7, 8.5], label="drawn")
    pairs = [("0", "7"), ("1", "8.5")]
    assert shown(ax, "series", "x", "y") == [("drawn", *pair[::swap]) for pair in pairs]


def test_categories_are_written_by_name(ax):
    ax.bar(["textbook", "engine"], [7, 8])
    assert shown(ax, "series", "x", "y") == [("1", "textbook", "7"), ("1", "engine", "8")]


@pytest.mark.parametrize(("draw", "swap"), [("bar", 1), ("barh", -1)])
def test_a_category_may_have_digits_in_its_name(ax, draw, swap):
    getattr(ax, draw)(["once", "2 to 5 times"], [7, 8])
    pairs = [("once", "7"), ("2 to 5 times", "8")]
    assert shown(ax, "series", "x", "y") == [("1", *pair[::swap]) for pair in pairs]


def test_digits_in_a_tick_of_an_axis_of_numbers_are_no_name(ax):
    ax.plot([1000, 2000], [7, 8], label="loss")
    ax.set_xticks([1000, 2000], ["1k", "two thousand"])
    assert shown(ax, "series", "x", "y") == [("loss", "1000", "7"), ("loss", "two thousand", "8")]


def test_error_bars_are_a_low_and_a_high_end(ax):
    ax.errorbar([1, 2], [5, 6], ([1, 2], [3, 4]), label="engine", capsize=2)
    ax.bar([3], [4], yerr=[0.5], label="bar")
    assert sorted(shown(ax, "series", "x", "y", "low", "high")) == [
        ("bar", "3", "4", "3.5", "4.5"),
        ("engine", "1", "5", "4", "8"),
        ("engine", "2", "6", "4", "10"),
    ]


def test_a_point_whose_error_is_unknown_is_kept_without_it(ax):
    one = np.array([1.0, np.nan])
    ax.errorbar([1, 2], [5, 6], one, label="both ends")
    ax.errorbar([1, 2], [5, 6], (one, [2, 3]), label="one end", capsize=2)
    ax.bar([1, 2], [5, 6], yerr=one, label="bar")
    ax.errorbar([1, 2], [5, np.nan], [1, 1], label="no point")
    assert sorted(shown(ax, "series", "x", "y", "low", "high")) == [
        ("bar", "1", "5", "4", "6"),
        ("bar", "2", "6", "", ""),
        ("both ends", "1", "5", "4", "6"),
        ("both ends", "2", "6", "", ""),
        ("no point", "1", "5", "4", "6"),
        ("one end", "1", "5", "4", "7"),
        ("one end", "2", "6", "", "9"),
    ]


def test_a_band_is_a_low_and_a_high_end_at_each_x(ax):
    ax.fill_between([1, 2, 3], [0, 1, 2], [5, 6, 7], label="spread")
    assert sorted(shown(ax, "series", "x", "low", "high")) == [
        ("spread", "1", "0", "5"),
        ("spread", "2", "1", "6"),
        ("spread", "3", "2", "7"),
    ]


def test_segments_are_told_apart(ax):
    ax.vlines([1, 2], [0, 0], [3, 4], label="stems")
    assert shown(ax, "series", "part", "x", "y") == [
        ("stems", "1", "1", "0"),
        ("stems", "1", "1", "3"),
        ("stems", "2", "2", "0"),
        ("stems", "2", "2", "4"),
    ]


def test_a_box_has_a_corner_and_a_size(ax):
    ax.add_patch(plt.Rectangle((1, 2), 3, 4, label="leaf"))
    assert shown(ax, "series", "x", "y", "width", "height") == [("leaf", "1", "2", "3", "4")]


@pytest.mark.parametrize(("origin", "top"), [("upper", "10"), ("lower", "30")])
def test_an_image_is_the_middle_and_the_value_of_each_cell(ax, origin, top):
    ax.imshow([[0, 1, 2], [3, 4, 5]], origin=origin, extent=(0, 3, 40, 0), label="side")
    found = shown(ax, "series", "x", "y", "value")
    assert found[0] == ("side", "0.5", top, "0")
    assert found[5] == ("side", "2.5", {"10": "30", "30": "10"}[top], "5")
    assert len(found) == 6


@pytest.mark.parametrize("shading", ["flat", "nearest", "gouraud"])
def test_a_mesh_is_the_middle_and_the_value_of_each_cell(ax, shading):
    x, y = ([0, 2, 4], [0, 10, 20]) if shading == "flat" else ([1, 3], [5, 15])
    ax.pcolormesh(x, y, [[1, 2], [3, 4]], shading=shading, label="loss")
    plt.colorbar(ax.collections[0])
    assert shown(ax, "series", "x", "y", "value") == [
        ("loss", "1", "5", "1"),
        ("loss", "3", "5", "2"),
        ("loss", "1", "15", "3"),
        ("loss", "3", "15", "4"),
    ]


def test_contours_are_lines_each_with_its_level(ax):
    x = np.linspace(-2, 2, 81)
    ax.contour(x, x, np.hypot(*np.meshgrid(x, x)), levels=[0.5, 1.5])
    found = shown(ax, "series", "part", "x", "y", "value")
    assert {row[-1] for row in found} == {"0.5", "1.5"}
    for _, _, x, y, level in found:
        assert math.hypot(float(x), float(y)) == pytest.approx(float(level), abs=0.01)


def test_what_cannot_be_read_is_refused_and_never_left_out(ax):
    ax.quiver([0, 1], [0, 1], [1, 1], [1, 1])
    with pytest.raises(TypeError, match="cannot read what a Quiver shows"):
        figure_data.rows(ax.figure)
    ax.collections[0].set_label("_nolegend_")
    assert figure_data.rows(ax.figure) == []


# --- What is data, and under which name -----------------------------------------------------------


def test_lines_across_the_axes_are_data_only_if_labelled(ax):
    ax.axhline(0)
    ax.axvline(0)
    ax.axline((0, 0), (1, 1))
    ax.axvspan(1, 2)
    assert figure_data.rows(ax.figure) == []
    ax.axhline(0.5, label="best constant")
    ax.axvline(7, label="_peak")
    ax.axline((0, 1), slope=2, label="law")
    ax.axvspan(1, 3, label="border zone")
    assert shown(ax, "series", "x", "y", "width") == [
        ("best constant", "", "0.5", ""),
        ("peak", "7", "", ""),
        ("law", "0", "1", ""),
        ("law", "1", "3", ""),
        ("border zone", "1", "", "2"),
    ]


def test_grids_texts_legends_and_hidden_or_empty_series_are_not_data(ax):
    ax.grid(True)
    ax.annotate("here", (0, 0), (1, 1), arrowprops={})
    ax.plot([], [], label="only in the legend")
    ax.fill_between([1, 2], [np.nan, np.nan], [3, 4], label="unknown")
    ax.errorbar([], [], [], label="nothing")
    ax.plot([1], [1], label="_nolegend_")
    ax.plot([1], [1], visible=False)
    ax.legend()
    assert figure_data.rows(ax.figure) == []


def test_series_without_a_label_are_numbered(ax):
    for y in (3, 4):
        ax.plot([1], [y])
    ax.plot([1], [5], label="named")
    assert shown(ax, "series", "y", "x") == [("1", "3", "1"), ("2", "4", "1"), ("named", "5", "1")]


def test_panels_are_named_by_label_title_or_number_and_hidden_ones_left_out():
    fig, axes = plt.subplots(1, 5)
    for ax in axes:
        ax.plot([1], [1])
    axes[0].set_visible(False)
    axes[2].set_title("seed 0")
    axes[3].set_title("seed 0")
    axes[4].set(title="T = 3", label="T = 3, hidden vectors")
    panels = [row["panel"] for row in figure_data.rows(fig)]
    assert panels == ["1", "seed 0", "seed 0 (3)", "T = 3, hidden vectors"]


def test_infinity_is_written_as_what_it_is_and_sizes_in_full(ax):
    place = figures.size_axis(ax, [3, 500_000, math.inf])
    ax.plot(list(place.values()), [1 / 3, 2, 1e-9], "o")
    assert [row[:2] for row in shown(ax, "x", "y", "series")] == [
        ("3", "0.333333"),
        ("500000", "2"),
        ("inf", "1e-09"),
    ]


def test_marks_drawn_side_by_side_keep_the_size_that_they_are_of(ax):
    D = {3: np.array([0.5]), math.inf: np.array([0.25])}
    figures.dimensionality_by_size(D, {3: np.array([0.75])}, 2, ax)
    assert shown(ax, "series", "x", "y") == [
        ("features", "3", "0.5"),
        ("features", "inf", "0.25"),
        ("data points", "3", "0.75"),
        ("m/T = 2/T", "3", "0.666667"),
    ]


@pytest.mark.parametrize("name", [*ON_AXES, *FIGURES])
def test_every_plot_of_the_package_names_all_that_it_shows(name, ax):
    fig = FIGURES[name]() if name in FIGURES else ON_AXES[name](ax).figure
    found = figure_data.rows(fig)
    assert found
    assert not [row for row in found if row["series"].isdigit()]
    if name in FIGURES:
        assert not [row for row in found if row["panel"].isdigit()]


# --- Files ----------------------------------------------------------------------------------------


def test_outside_a_build_of_the_book_nothing_is_written(ax, tmp_path, monkeypatch):
    monkeypatch.delenv(figure_data.FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    ax.quiver([0], [0], [1], [1])
    figure_data.save("fig-one")  # not even read
    assert list(tmp_path.iterdir()) == []


def test_a_file_holds_the_columns_that_its_figure_needs(ax, tmp_path, monkeypatch):
    monkeypatch.setenv(figure_data.FOLDER, str(tmp_path / "data"))
    ax.errorbar([1], [5], [1], label="a, b")
    ax.plot([2], [6], label="c")
    figure_data.save("fig-one")
    (path,) = (tmp_path / "data").iterdir()
    assert path.name == "fig-one.csv"
    text = path.read_bytes().decode("utf-8")
    assert list(csv.reader(io.StringIO(text))) == [
        ["panel", "series", "x", "y", "low", "high"],
        ["1", "a, b", "1", "5", "4", "6"],
        ["1", "c", "2", "6", "", ""],
    ]
    figure_data.save("fig-one", ax.figure)  # the same figure, named: the same bytes
    assert path.read_bytes().decode("utf-8") == text


def test_a_figure_without_data_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv(figure_data.FOLDER, str(tmp_path))
    with pytest.raises(ValueError, match="fig-none shows no data"):
        figure_data.save("fig-none")
    assert list(tmp_path.iterdir()) == []


# --- The site -----------------------------------------------------------------------------------

CONFIGURATION = """
import sys

sys.path.insert(0, {tools!r})
extensions = ["sphinx.ext.autodoc", "myst_nb", "book_site"]
html_theme = "sphinx_book_theme"
project, root_doc = "Book", "book/page"
"""
PAGE = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
myst: {html_meta: {description: A page with figures.}}
---

# Page

```{code-cell} ipython3
---
mystnb: {figure: {caption: Saved., name: fig-saved}}
---
import matplotlib.pyplot as plt
from sdd.findings import figure_data
plt.plot([1], [2], label="loss")
figure_data.save("fig-saved")
```

```{code-cell} ipython3
---
mystnb: {figure: {caption: Forgotten., name: fig-forgotten}}
---
plt.plot([1], [2]);
```

| Claim | Published | Ours |
| --- | --- | --- |
| Five stand apart | 5 (fig) | 5 |

| T | Ours |
| --- | --- |
| 3 | 1.0 |
"""


@pytest.mark.slow
def test_the_site_links_to_data_warns_where_they_were_forgotten_and_names_cells(tmp_path):
    tools = Path(__file__).resolve().parents[2] / "tools"
    (tmp_path / "conf.py").write_text(CONFIGURATION.format(tools=str(tools)))
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "page.md").write_text(PAGE)
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", ".", "site"],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k not in (figure_data.FOLDER, "MPLBACKEND")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"WARNING: (fig-\w+) has no data", built.stderr) == ["fig-forgotten"]
    (path,) = (tmp_path / "site" / "data").iterdir()
    assert path.read_text() == "panel,series,x,y\n1,loss,1,2\n"
    page = (tmp_path / "site" / "book" / "page.html").read_text()
    assert re.findall(r'href="([^"]+\.csv)">([^<]+)<', page) == [
        (f"../data/{path.name}", path.name)
    ]
    # Cells of a table of claims are named for the style sheet, those of other tables not.
    assert re.findall(r'<td class="([^"]+)"', page) == [
        "claim-claim", "claim-published", "claim-ours",
    ]  # fmt: skip
    assert len(re.findall(r'<table class="claims', page)) == 1
