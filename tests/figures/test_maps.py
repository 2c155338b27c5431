"""The map of the test loss draws each loss in its cell, and marks what it is told to."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import QuadMesh

from sdd import figures

SIZES, WIDTHS = (10, 30, 100, 1_000), (1, 2, 8)
LOSSES = np.array([[1.4, 1.1, 1.0, 0.99], [1.01, 1.02, 1.0, 0.98], [0.99, 1.0, 1.03, 0.97]])
BASELINES = {"no output": 1.0, "best\nconstant": 0.985}


def cells(*pairs):
    return pd.DataFrame(pairs, columns=["T", "m"])


def drawn(losses=LOSSES, tops=((30, 2), (100, 8))):
    runs = [
        {"T": T, "m": m, "test_loss": losses[i, j] + jitter}
        for i, m in enumerate(WIDTHS) for j, T in enumerate(SIZES) for jitter in (-1e-3, 1e-3)
    ]  # fmt: skip
    return figures.loss_map(
        pd.DataFrame(runs).sample(frac=1, random_state=0), cells((10, 2), (10, 8), (30, 8)),
        cells((100, 2)), cells(*tops), plt.subplots()[1], baselines=BASELINES,
    )  # fmt: skip


def mesh_of(ax):
    (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    return mesh


def test_each_mean_is_in_the_cell_of_its_t_and_m_which_grow_right_and_up():
    ax = drawn()
    np.testing.assert_allclose(mesh_of(ax).get_array(), LOSSES)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["10", "30", "100", "1k"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1", "2", "8"]
    assert ax.get_xlim()[0] < ax.get_xlim()[1]
    assert ax.get_ylim()[0] < ax.get_ylim()[1]


def test_a_few_huge_losses_leave_the_scale_to_the_others():
    huge = LOSSES.copy()
    huge[0, 0] = 500.0
    norm = mesh_of(drawn(huge)).norm
    assert norm.vmax == pytest.approx(1 + 5 * (1 - BASELINES["best\nconstant"]))
    assert (norm.vmin, norm.vcenter) == pytest.approx((0.97, 1))


def test_steps_that_hurt_are_marked_between_their_two_cells():
    ax = drawn()
    # Cells are one wide, the first from 0 to 1.
    for label, expected in (
        ("more data hurts", [(1, 1.5), (1, 2.5), (2, 2.5)]),
        ("a bigger model hurts", [(2.5, 2)]),
        ("top of the bump", [(1.5, 1.5), (2.5, 2.5)]),
    ):
        (line,) = [line for line in ax.lines if line.get_label() == label]
        assert list(zip(*line.get_data(), strict=True)) == expected
    shown = [t.get_text() for t in ax.get_legend().get_texts()]
    assert shown[:2] == ["loss of no output", "loss of best constant"]
    assert len(shown) == 5


def test_nothing_marked_is_no_error():
    assert len(drawn(tops=()).get_legend().get_texts()) == 5
