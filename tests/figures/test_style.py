"""The style is set by one call, and its colours are told apart by all readers."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from sdd import figures

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


def linear(color):
    rgb = np.array(colors.to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(color, deficiency):
    """Return a colour as seen with a deficiency, in CIE L*a*b* (D65)."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    seen = np.clip(DEFICIENCIES[deficiency] @ linear(color), 0, 1)
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


@pytest.mark.parametrize("name", figures.COLORS)
def test_colours_stand_out_from_the_white_ground(name):
    luminance = linear(figures.COLORS[name]) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3  # WCAG 2.1, 1.4.11: graphical objects


def test_only_use_style_changes_the_settings_and_to_those_of_the_style_file():
    with mpl.rc_context():
        plt.rcParams["axes.grid"] = False
        plt.rcParams["axes.linewidth"] = 9  # as a matplotlibrc may say
        figures.use_style()
        assert mpl.rcParams["axes.linewidth"] == mpl.rcParamsDefault["axes.linewidth"]
        style = mpl.rc_params_from_file(figures.STYLE, use_default_template=False)
        assert len(style) > 10
        assert {k: mpl.rcParams[k] for k in style} == dict(style)
