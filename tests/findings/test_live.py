"""What the live model starts from is what this book trains."""

import math

import pytest

from sdd import paper
from sdd.findings import live
from sdd.findings.profiles import spec


def test_its_usual_settings_are_those_of_the_quick_profile():
    given, config = live.content(), spec(8, 3, of="quick").config
    assert given["usual"]["lr"] == config.lr
    assert given["usual"]["decay"] == config.weight_decay
    assert given["usual"]["steps"] == config.steps
    assert given["apart"] * 3 == config.seed


def test_the_mean_is_the_sum_with_n_times_its_epsilon():
    given = live.content()
    assert given["eps"]["mean"] == pytest.approx(1_000 * paper.rescaled_eps(1_000, 0.99))
    assert given["eps"]["sum"] == paper.rescaled_eps(1_000, 0.99, reduction="sum")
    assert given["usual"]["eps"] == given["eps"]["mean"]


def test_presets_start_from_weights_that_the_page_is_given():
    given = live.content()
    assert {preset["seed"] for preset in given["presets"]} <= set(given["seeds"])
    assert [p["name"] for p in given["presets"] if p["T"] == math.inf] == ["Pentagon of features"]
