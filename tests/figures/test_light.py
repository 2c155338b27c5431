"""However many marks a figure has, its file stays light."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sdd import figures
from sdd.figures.style import MANY

RNG = np.random.default_rng(0)
AT_MOST = 200_000  # bytes


def runs(count):
    seeds = pd.DataFrame(
        {"T": RNG.choice([5, 50, 500], count), "kind": RNG.choice(["a", "b"], count)}
    )
    return seeds.assign(y=1 + RNG.random(count), ratio=seeds["T"] / 1e3)


DRAWN = {
    "by_size": lambda count: figures.by_size(runs(count), "y", hue="kind"),
    "dots_by_size": lambda count: figures.dots_by_size(runs(count), "y", ylabel="y"),
    "against_ratio": lambda count: figures.against_ratio(runs(count), "y", hue="kind", ylabel="y"),
    "vectors": lambda count: figures.vectors(RNG.normal(size=(count, 2))),
    "clusters": lambda count: figures.clusters(
        pd.DataFrame(RNG.normal(size=(count, 5)), columns=["x", "y", "wx", "wy", "b"]).assign(
            model="T", feature=RNG.integers(-1, 300, count)
        )
    ),
}  # fmt: skip


def written(draw, count):
    figures.use_style()
    plt.close("all")
    draw(count)
    file = io.BytesIO()
    plt.savefig(file, format="svg", dpi=200)
    return file.getvalue()


@pytest.mark.parametrize("name", DRAWN)
def test_thousands_of_marks_are_pixels_and_a_hundred_are_not(name):
    many = written(DRAWN[name], 5_000)
    assert b"data:image/png" in many
    assert len(many) < AT_MOST
    assert b"data:image/png" not in written(DRAWN[name], MANY)
