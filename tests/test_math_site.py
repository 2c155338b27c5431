"""Formulas of the book become MathML, and one that cannot is warned of."""

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from math_site import mathml


def shown(tex, block=True):
    node = (nodes.math_block if block else nodes.math)(tex, tex)
    return BeautifulSoup(mathml(node), "html.parser").math


def test_a_formula_stands_alone_or_in_a_line_as_it_was_written():
    assert shown("x < y")["display"] == "block"
    assert not shown("x < y", block=False).has_attr("display")
    assert shown("x < y").text == "x<y"


@pytest.mark.parametrize(
    "tex",
    [r"a &= b \\ c &= d", r"\begin{align} a &= b \\ c &= d \end{align}"],
)
def test_lines_are_aligned_and_numbered_by_sphinx_alone(tex):
    rows = [row.text for row in shown(tex).select("mtr")]
    assert rows == ["a=b", "c=d"]


def test_an_underbrace_has_its_text_below():
    assert shown(r"\underbrace{a + b}_{\text{gain}}").select("munder > mtext")[0].text == "gain"


def test_a_formula_that_cannot_be_shown_is_left_as_it_is_and_warned_of_in_one_sentence(caplog):
    node = nodes.math(r"\unheard < 1", r"\unheard < 1")
    assert mathml(node) == r"\unheard &lt; 1"
    (record,) = caplog.records
    assert record.getMessage() == (
        r'the formula \unheard < 1 cannot be shown: unknown command "\unheard"'
    )
