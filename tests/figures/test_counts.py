"""The best of several is drawn from one on; a curve an effect and a rule; galleries."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from sdd import figures
from sdd.findings.rule import behaviour


def test_the_best_of_k_begins_at_one_seed():
    frame = pd.DataFrame(
        {"T": [8, 8, 8, 30, 30], "k": [1, 2, 3, 1, 2], "lowest": [1, 0.5, 0.25, 1, 0.9]}
    )
    ax = figures.by_count(frame, "lowest", plt.subplots()[1], hue="T", ylabel="lowest")
    drawn = [np.asarray(line.get_xydata()).tolist() for line in ax.lines]
    assert [[1, 1], [2, 0.5], [3, 0.25]] in drawn
    assert [[1, 1], [2, 0.9]] in drawn
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["T = 8", "T = 30"]


def test_a_curve_stands_for_an_effect_and_a_rule():
    frame = behaviour((0.0, 1.2), (2, 8), repeats=20)
    ax = figures.recognised(frame, plt.subplots()[1])
    drawn = [np.asarray(line.get_xydata()).tolist() for line in ax.lines]
    for _, rows in frame.groupby(["effect", "rule"]):
        assert rows[["trainings", "reproduced"]].to_numpy().tolist() in drawn
    named = [t.get_text() for t in ax.get_legend().get_texts()]
    assert sorted(named) == ["0", "0, former rule", "1.2", "1.2, former rule"]


def test_a_gallery_has_a_row_for_each_kind_and_marks_what_is_marked():
    one = pd.DataFrame({"x": [1.0, 0.0], "y": [0.0, 1.0], "marked": False})
    frame = pd.concat(
        [
            one.assign(kind="ring: 2 of 3", model=0),
            one.assign(kind="ring: 2 of 3", model=1),
            one.assign(kind="failed", model=0, marked=[False, True]),
        ]
    )
    fig = figures.gallery(frame)
    seen = [ax for ax in fig.axes if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in seen] == ["ring: 2 of 3", "", "failed"]
    squares = [
        np.asarray(line.get_xydata()).tolist() for line in fig.axes[2].lines
        if line.get_marker() == "s"
    ]  # fmt: skip
    assert squares == [[[0.0, 1.0]]]
