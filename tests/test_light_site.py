"""What the build leaves of styles, images and fonts, and which files it leaves out."""

from base64 import b64decode
from io import BytesIO, StringIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from light_site import PIXELS, characters, cut_font, cut_style, light_image, mentioned
from PIL import Image

FONT = Path(__file__).parents[1] / "book" / "assets" / "fonts" / "latinmodern-math.woff2"


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".used{top:0}.unused{top:0}", ".used{top:0}"),
        (".unused p,.used p{top:0}", ".used p{top:0}"),
        (".used.unused{top:0}p:not(.unused){top:0}", "p:not(.unused){top:0}"),
        ("@media print{.unused{top:0}}@media print{p{top:0}}", "@media print{p{top:0}}"),
        (".tip-above{top:0}.tips{top:0}", ".tip-above{top:0}"),
        ("/*! licence */ /* remark */", "/*! licence */"),
        ("@font-face{src:url(a.woff2)}", "@font-face{src:url(a.woff2)}"),
        ('a{src:url(a.woff2), url(a.ttf) format("truetype")}', "a{src:url(a.woff2)}"),
        ('p:before{content:"a.unused, b"}', 'p:before{content:"a.unused, b"}'),
    ],
)
def test_a_style_sheet_keeps_every_rule_that_may_apply_and_no_rule_for_an_unused_class(css, left):
    assert cut_style(css, {"used"}, ("tip-",)) == left


def test_coordinates_of_an_image_are_rounded_and_nothing_else_in_it():
    svg = (
        '<path d="M 1.23456 7\nL 0.5 10.0071" transform="scale(0.015625)"/>'
        '<use x="12.3456" style="opacity: 0.1234"/><image xlink:href="data:d=1.2345"/>'
    )
    assert light_image(svg) == (
        '<path d="M 1.23 7\nL 0.5 10.00" transform="scale(0.015625)"/>'
        '<use x="12.34" style="opacity: 0.1234"/><image xlink:href="data:d=1.2345"/>'
    )


def test_what_an_image_has_as_pixels_looks_the_same_and_weighs_less():
    fig, ax = plt.subplots(figsize=(2, 2))
    ends = np.random.default_rng(0).normal(size=(300, 2))
    for way in ends:
        ax.plot(*zip((0, 0), way, strict=True), color="tab:blue", alpha=0.25, rasterized=True)
    written = StringIO()
    fig.savefig(written, format="svg", dpi=200)
    before, after = written.getvalue(), light_image(written.getvalue())
    assert len(after) < 0.7 * len(before)
    first, second = (
        np.array(Image.open(BytesIO(b64decode(PIXELS.search(svg)[0]))).convert("RGBA")).astype(int)
        for svg in (before, after)
    )
    assert np.abs(first - second)[..., 3].max() <= 4
    assert np.abs(first - second)[second[..., 3] > 0].max() <= 4


def test_files_that_pages_name_stay_with_those_that_these_name(tmp_path):
    texts = {
        "site.css": "@import 'more.css'",
        "more.css": "a{src:url(../fonts/icons.woff2)}",
        "page.js": 'import "./parts.js"',
        "parts.js": "",
        "fonts/icons.woff2": "names.js",
        "names.js": "",
        "locales/de.json": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    page = '<link href="../_static/site.css?v=1"><script src="_static/page.js"></script>'
    left = {path.relative_to(tmp_path).as_posix() for path in mentioned(tmp_path, [page])}
    assert left == {"site.css", "more.css", "fonts/icons.woff2", "page.js", "parts.js"}


def test_a_font_keeps_the_characters_of_formulas_with_their_italics_and_those_of_icons(tmp_path):
    page = "<p>ω</p><math><msqrt><mi>x</mi></msqrt><mo>&lt;</mo></math>"
    needed = characters([page], ['a{content:"\\2211"}', 'a{content:"∞"}'])
    assert {*map(ord, "x<𝑥∑∞√")} <= needed
    assert ord("ω") not in needed
    font = tmp_path / "font.woff2"
    font.write_bytes(FONT.read_bytes())
    cut_font(font, needed)
    left = TTFont(font)
    assert {*map(ord, "x<𝑥∑∞√")} <= set(left.getBestCmap())
    assert ord("ω") not in left.getBestCmap()
    assert "MATH" in left
