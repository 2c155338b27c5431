"""Links to settings of the explorer."""

import re
from pathlib import Path

import pytest
import setting_site

BOOK = Path(__file__).resolve().parents[1] / "book"


@pytest.mark.parametrize(
    ("profile", "asked", "found"),
    [
        ("quick", "T=2000&reduction=sum", "T=200&reduction=sum"),
        ("quick", "T=30", "T=30"),
        ("paper", "T=2000", "T=2000"),
        ("quick", "T=400&reduction=near-misses", "T=400&reduction=near-misses"),
    ],
)
def test_a_setting_of_the_paper_is_that_of_the_profile(monkeypatch, profile, asked, found):
    monkeypatch.setenv("PROFILE", profile)
    assert setting_site.address(asked) == f"explore.html#{found}"


def test_every_figure_with_a_setting_is_in_the_book():
    named = re.findall(
        r"name: (fig-[\w-]+)", "".join(p.read_text(encoding="utf-8") for p in BOOK.glob("*.md"))
    )
    assert set(setting_site.FIGURES) <= set(named)


@pytest.mark.parametrize("text", ["no address", "words <T>", "words <T=5&>"])
def test_a_link_that_is_none_is_not_understood(text):
    assert setting_site.TEXT.fullmatch(text) is None
