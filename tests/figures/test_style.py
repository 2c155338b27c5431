"""The style is set by one call, and its colours are told apart by all readers."""

import re
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from sdd import figures

CSS = Path(__file__).parents[2] / "book" / "assets" / "access.css"
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


def in_dark_mode(color):
    """Return a colour as the site's style sheet shows it in dark mode (W3C, Filter Effects 1)."""
    (share,) = re.findall(r"filter: invert\((.*)\) hue-rotate\(180deg\)", CSS.read_text())
    inverted = float(share) + (1 - 2 * float(share)) * np.array(colors.to_rgb(color))
    grey = np.array([0.213, 0.715, 0.072])  # of these parts, by the specification
    return np.clip(2 * grey @ inverted - inverted, 0, 1)


def contrast(one, other):
    low, high = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] + 0.05 for c in (one, other))
    return high / low


GROUNDS = {"white": (lambda color: color, "#ffffff"), "dark": (in_dark_mode, "#121212")}


@pytest.mark.parametrize("ground", GROUNDS)
def test_colours_stand_out_from_both_grounds(ground):
    shown, of = GROUNDS[ground]
    marks = {*figures.COLORS.values(), *figures.SERIES, *map(tuple, figures.shades(8))}
    assert len(marks) >= 16
    for color in marks:
        assert contrast(shown(color), of) >= 3, color  # WCAG 2.1, 1.4.11: graphical objects
    for name in ("feature", "example", "mark"):  # in which words are written, too
        assert contrast(shown(figures.COLORS[name]), of) >= 4.5, name  # 1.4.3
    assert contrast(shown("black"), of) > 12


def test_dark_mode_makes_white_the_ground_of_the_page_and_keeps_hues():
    assert contrast(in_dark_mode("white"), GROUNDS["dark"][1]) < 1.1
    for color in figures.COLORS.values():
        before, after = (
            colors.rgb_to_hsv(c)[0] for c in (colors.to_rgb(color), in_dark_mode(color))
        )
        assert abs((before - after + 0.5) % 1 - 0.5) < 0.08, color


def test_no_series_has_a_colour_that_means_something_or_that_looks_like_the_one_before():
    assert not {"#0072B2", "#C24E00", "#000000"} & set(figures.SERIES)
    assert {figures.COLORS["feature"], figures.COLORS["example"]} == {"#0072B2", "#C24E00"}
    for shown, _ in GROUNDS.values():
        for one, other in combinations(figures.SERIES[:3], 2):
            for deficiency in DEFICIENCIES:
                a, b = (lab(shown(color), deficiency) for color in (one, other))
                assert np.linalg.norm(a - b) > 13, f"{one} and {other}: {deficiency}"


def test_only_use_style_changes_the_settings_and_to_those_of_the_style_file():
    with mpl.rc_context():
        plt.rcParams["axes.grid"] = False
        plt.rcParams["axes.linewidth"] = 9  # as a matplotlibrc may say
        figures.use_style()
        assert mpl.rcParams["axes.linewidth"] == mpl.rcParamsDefault["axes.linewidth"]
        style = mpl.rc_params_from_file(figures.STYLE, use_default_template=False)
        assert len(style) > 10
        assert {k: mpl.rcParams[k] for k in style} == dict(style)
