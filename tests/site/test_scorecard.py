"""The scorecard: lines, tiles and filters, and the ways from a claim to its evidence and back."""

import functools
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
from browsing import SITE, open_page
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser, Page

SCORECARD = "book/scorecard.html"
LONGEST = 7_000  # pixels, on a desk


@functools.cache
def claims() -> list[dict]:
    return json.loads((SITE / "claims.json").read_text(encoding="utf-8"))


@functools.cache
def read(name: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")


def line(name: str, id: str) -> Tag:
    """The one line of a claim on a page."""
    (found,) = read(name).select(f'details.claim[data-claim="{id}"]')
    return found


def links(name: str, part: Tag) -> set[str]:
    return {urljoin(f"/{name}", a["href"])[1:] for a in part.select("a[href]")}


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    pages = []

    def at(rest: str = "", root: str = address, width: int = 1400) -> Page:
        page, problems = open_page(browser, root + SCORECARD + rest, width, "light")
        # (Of a file some browsers take no fonts.)
        assert not [p for p in problems if root == address or p.startswith("script error")]
        pages.append(page)
        return page

    yield at
    for page in pages:
        page.context.close()


def shown(page: Page) -> list[str]:
    return page.eval_on_selector_all(
        "details.claim", "all => all.filter(e => e.offsetHeight).map(e => e.dataset.claim)"
    )


def test_there_is_a_line_for_each_claim_and_a_tile_for_each_check_with_its_verdict() -> None:
    lines = [e["data-claim"] for e in read(SCORECARD).select("details.claim")]
    assert sorted(lines) == sorted({claim["id"] for claim in claims()})
    tiles = [(a["href"], a["aria-label"]) for a in read(SCORECARD).select(".tiles a")]
    assert sorted(tiles) == sorted(
        (
            f"#claim-{c['id']}",
            f"{c['verdict']}: {c['title']}" + (f": {c['row']}" if c["row"] else ""),
        )
        for c in claims()
    )


def test_a_line_has_the_numbers_of_its_claim() -> None:
    for claim in claims():
        text = " ".join(line(SCORECARD, claim["id"]).text.split())
        for part in ("title", "statement", "published", "ours", "estimand", "source", "note"):
            assert " ".join(claim[part].split()) in text, (claim["id"], part)


def test_the_signs_of_the_findings_follow_from_their_headlines() -> None:
    verdicts = {c["id"]: [] for c in claims()}
    for claim in claims():
        verdicts[claim["id"]].append(claim["verdict"])
    findings = read(SCORECARD).select("ul.findings > li")
    assert len(findings) == 3
    for finding in findings:
        rests = {a["href"].removeprefix("scorecard.html#claim-") for a in finding.select("a")}
        found = [verdict for id in rests for verdict in verdicts[id]]
        said = finding.select_one(".verdict > span").text
        mixed = f"{found.count('reproduced')} of {len(found)} reproduced"
        assert said == (found[0] if len(set(found)) == 1 else mixed) or said in found[0]


def test_one_click_leads_from_a_claim_to_its_figure_its_code_and_its_chapter_and_back() -> None:
    for claim in claims():
        to = links(SCORECARD, line(SCORECARD, claim["id"]))
        assert {claim["figure"], claim["code"]} <= to
        page, anchor = claim["code"].split("#")
        assert read(page).find(id=anchor), claim["code"]
        chapter = claim["figure"].partition("#")[0]
        address = f"{SCORECARD}#claim-{claim['id']}"
        assert address in links(chapter, line(chapter, claim["id"]))
        if re.search(rf'@claim\(\s*"{claim["id"]}"', read(page).text):  # others are in a loop
            assert address in links(page, read(page))


def test_an_address_opens_its_claim_and_no_other(opened: Callable[..., Page]) -> None:
    for root in (None, f"{SITE.as_uri()}/"):
        page = opened("#claim-F3-bump", **({"root": root} if root else {}))
        unfolded = "all => all.map(e => e.dataset.claim)"
        assert page.eval_on_selector_all("details.claim[open]", unfolded) == ["F3-bump"]
        assert page.locator("#claim-F3-bump").is_visible()
        top = "e => e.getBoundingClientRect().top"
        assert 0 < page.locator('[data-claim="F3-bump"] > summary').evaluate(top) < 844
        page.locator('.tiles a[href="#claim-F2-T5"]').first.click()
        assert page.locator("#claim-F2-T5").is_visible()


def test_filters_hide_lines_say_how_many_are_left_and_stand_in_the_address(
    opened: Callable[..., Page],
) -> None:
    page = opened()
    everything = shown(page)
    page.get_by_label("Source").select_option("appendix")
    assert set(shown(page)) == {c["id"] for c in claims() if c["group"] == "appendix"}
    assert page.locator(".claim-filters output").inner_text().startswith(f"{len(shown(page))} of ")
    page.get_by_label("Source").select_option("")
    page.get_by_label("Verdict").select_option("contradicted")
    contradicted = {c["id"] for c in claims() if c["verdict"] == "contradicted"}
    assert set(shown(page)) == contradicted
    again = opened("?" + page.url.partition("?")[2])
    assert set(shown(again)) == contradicted
    hidden = next(id for id in everything if id not in contradicted)
    again.locator(f'.tiles a[href="#claim-{hidden}"]').first.click()
    assert again.locator(f"#claim-{hidden}").is_visible()
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function(f"!document.querySelector('details.claim[hidden]') && {len(everything)}")
    assert shown(page) == everything
    assert "?" not in page.url


def test_without_script_every_claim_is_shown_and_no_filter(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}{SCORECARD}")
    ids = {claim["id"] for claim in claims()}
    assert all(page.locator(f'[data-claim="{id}"] > summary').is_visible() for id in ids)
    assert not page.locator(".claim-filters").is_visible()
    context.close()


def test_closed_it_is_short_and_on_a_phone_nothing_of_a_line_is_cut(
    opened: Callable[..., Page],
) -> None:
    assert opened().evaluate("document.documentElement.scrollHeight") < LONGEST
    page = opened(width=390)
    assert page.eval_on_selector_all(
        "details.claim > summary > .title",
        "all => all.every(e => e.scrollHeight <= e.clientHeight + 2)",
    )
