"""Each figure of the built site can be checked: by its fold, its table, and figures.json."""

import json
from functools import cache
from typing import Any
from urllib.parse import urljoin

import pandas as pd
import pytest
from browsing import CHAPTERS, SITE, open_page
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser

DRAWN_FROM_SETTINGS = {"fig-data", "fig-rule", "fig-schedule"}  # without a training
MOST = 5e6  # bytes of all tables together


@cache
def folds() -> dict[str, tuple[str, Tag]]:
    """The page of each figure and its only fold."""
    found = {}
    for name in CHAPTERS:
        page = BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")
        for figure in page.select('figure[id^="fig-"]'):
            (fold,) = figure.select("details.made")
            found[figure["id"]] = name, fold
    return found


@cache
def content() -> dict[str, Any]:
    return json.loads((SITE / "figures.json").read_text(encoding="utf-8"))


def figures() -> dict[str, dict[str, Any]]:
    """What figures.json holds of each figure."""
    return {record["figure"]: record for record in content()["figures"]}


def test_figures_json_holds_every_figure_in_their_order() -> None:
    assert folds().keys() == figures().keys()
    numbers = [record["number"] for record in figures().values()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(r["page"] == f"{folds()[name][0]}#{name}" for name, r in figures().items())


def test_a_fold_says_what_figures_json_holds_of_its_trainings() -> None:
    without = set()
    for name, (_, fold) in folds().items():
        record = figures()[name]
        told = {dt.text: dt.find_next_sibling("dd").text for dt in fold.select("dt")}
        assert f"profile {record['profile']}" in fold.summary.text
        if not (count := record["trainings"]):
            without.add(name)
            assert told["What"]
            continue
        assert f"{count:,} training" in fold.summary.text
        assert record["command"] in told["Command"]
        assert len(set(record["runs"])) == len(record["runs"]) <= count
        for run in record["runs"][:3]:
            assert (
                f"{run}.safetensors (SHA-256 {content()['sha256'][run][:12]}" in told["Run files"]
            )
        assert told["Code"].startswith("sdd ")
    assert without == DRAWN_FROM_SETTINGS


def test_from_a_figure_it_is_a_click_to_the_claims_that_rest_on_it() -> None:
    rows = json.loads((SITE / "claims.json").read_text(encoding="utf-8"))
    for name, (page, fold) in folds().items():
        resting = {row["id"] for row in rows if row["figure"] == f"{page}#{name}"}
        links = {a.text: urljoin(page, a["href"]) for a in fold.select("a[href]")}
        assert figures()[name]["claims"] == {id: links[id] for id in resting}


def test_each_table_says_what_is_in_it_and_is_read_by_pandas() -> None:
    files = {record["csv"] for record in figures().values()}
    assert {f"data/{path.name}" for path in (SITE / "data").iterdir()} == files
    for file in files:
        table = pd.read_csv(SITE / file, index_col=False, comment="#")
        assert len(table), f"{file} has a header alone"
        assert not [c for c in table if c.startswith("Unnamed")], f"{file}: a column has no name"
        first, *header = (SITE / file).read_text(encoding="utf-8").splitlines()[: len(table)]
        assert first.startswith("# A row is ")
        assert header
    assert sum((SITE / file).stat().st_size for file in files) <= MOST


@pytest.mark.parametrize("width", [390, 1400])
def test_a_fold_is_one_line_until_it_is_opened_and_on_paper(
    browser: Browser, address: str, width: int
) -> None:
    page, _ = open_page(browser, address + "book/regimes.html", width, "light")
    try:
        fold = page.locator("details.made").first
        line = fold.bounding_box()["height"]
        page.evaluate("""() => addEventListener("beforeprint", () => {
            window.opened = document.querySelectorAll("details.made[open]").length;
        })""")
        page.pdf()
        assert page.evaluate("window.opened") == 0
        fold.locator("summary").click()
        assert fold.bounding_box()["height"] > 4 * line
        assert fold.evaluate("e => e.scrollWidth <= e.clientWidth")
    finally:
        page.context.close()
