"""Histories have a line a vector, the boundary a dot a data set, and films mark points."""

import pandas as pd
from matplotlib import pyplot as plt

from sdd import figures


def test_a_history_has_a_line_for_each_vector_and_the_repeated_one_is_thick():
    rows = [("a", step, of, number, 0.1 * number) for step in (10, 100) for of, number in (
        ("feature", 1), ("feature", 2), ("point", 3), ("repeated point", 0))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["model", "step", "of", "number", "D"])
    frame = pd.concat([frame, frame.assign(model="b")[:2]])
    first, second = figures.histories(frame).axes
    lines = {tuple(line.get_ydata()): line for line in first.lines if len(line.get_xdata())}
    assert len(lines) == 4
    widths = {y[0]: line.get_linewidth() for y, line in lines.items()}
    assert widths[0.0] > widths[0.1] == widths[0.2] > widths[0.1 * 3]
    assert (first.get_title(), second.get_title()) == ("a", "b")


def test_the_boundary_shows_every_data_set_and_the_published_line():
    found = pd.DataFrame(
        {"n": [1_000, 1_000, 10_000], "ratio": [1.0, 20.0, 3.0], "boundary": [2.5, 9.0, 4.0]}
    )
    ax = figures.repeat_boundary(found, plt.subplots()[1], published=0.4)
    assert ax.lines[0].get_xydata().tolist()[-1] == [20, 8]
    assert sum(len(dots.get_offsets()) for dots in ax.collections) == 3
    assert {"n = 1,000", "n = 10,000"} <= {t.get_text() for t in ax.get_legend().get_texts()}


def test_marked_vectors_get_a_square():
    frame = pd.DataFrame(
        {"model": "a", "of": "hidden vectors", "x": [1.0, 0], "y": [0.0, 1], "marked": [0, 1]}
    )
    frame["marked"] = frame["marked"].astype(bool)
    (ax,) = figures.vector_columns(frame, across=1).axes
    squares = [line for line in ax.lines if line.get_marker() == "s"]
    assert [line.get_xydata().tolist() for line in squares] == [[[0, 1]]]
