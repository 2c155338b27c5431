"""The built site, opened page by page in the system's Chromium: `make book`, then this."""

import functools
import json
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from browsing import CHAPTERS, PAGES, SITE, open_page
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

PACKAGE = Path(__file__).resolve().parents[2] / "sdd"
# Generated pages are all of one kind: they are opened where space is scarce.
LOOKS = [
    (page, width, scheme)
    for page in PAGES
    for width, scheme in ((390, "dark"), (1400, "light"))
    if width == 390 or not page.startswith(("book/api/", "_modules/"))
]
CLAIM_KEYS = {
    "id", "row", "source", "title", "statement", "estimand", "region", "published", "ours",
    "trainings", "values", "value", "low", "high", "true_from", "true_to", "note", "verdict",
    "headline", "figure", "code", "profile",
}  # fmt: skip
# What sticks out of the window, less what scrolls inside something that does not.
WIDE_ELEMENTS = """() => {
    const scrolls = e => e && e.tagName !== "MAIN"
        && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
    return [...document.querySelectorAll("main *")]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
        .slice(0, 3).map(e => e.outerHTML.slice(0, 120));
}"""


# Loaded on a phone in dark mode and on a desk in light mode; then the window changes under it.
@pytest.mark.parametrize(("name", "width", "scheme"), LOOKS)
def test_page_opens_without_errors_or_requests_outside_and_never_scrolls_sideways(
    browser: Browser, address: str, name: str, width: int, scheme: str
) -> None:
    page, problems = open_page(browser, address + name, width, scheme)
    try:
        for then in (scheme, "light" if scheme == "dark" else "dark"):
            page.emulate_media(color_scheme=then)
            if name not in ("index.html", "404.html"):  # which have no theme
                page.wait_for_function(f"document.documentElement.dataset.theme === '{then}'")
        for then in {390: (390, 320, 768), 1400: (1400, 1100)}[width]:
            page.set_viewport_size({"width": then, "height": 844})
            scroll, inner = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            why = page.evaluate(WIDE_ELEMENTS)
            assert scroll <= inner, f"{scroll} px wide in a window of {inner}, because of {why}"
        assert not problems
    finally:
        page.context.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_image_loads_has_alt_text_and_stands_on_the_dark_ground_in_dark_mode(
    browser: Browser, address: str, name: str
) -> None:
    page, _ = open_page(browser, address + name, 1100, "dark")
    try:
        for image in page.query_selector_all("main figure img, main .cell_output img"):
            style = image.evaluate(
                "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).filter]"
            )
            assert style == ["rgba(0, 0, 0, 0)", "invert(0.92) hue-rotate(180deg)"]
        for image in page.query_selector_all("img"):
            source, alt = image.get_attribute("src") or "", image.get_attribute("alt") or ""
            assert alt.strip(), f"no alt text: {source}"
            is_path = "/" in alt and " " not in alt.strip()
            assert not is_path, f"alt text is a path: {alt}"
            assert not alt.strip().endswith((".svg", ".png")), f"alt text is a path: {alt}"
            image.evaluate("e => e.complete || (e.loading = 'eager', e.decode())")
            assert image.evaluate("e => e.naturalWidth") > 0, f"does not load: {source}"
    finally:
        page.context.close()


@pytest.mark.parametrize(("asked", "scheme"), [("", "light"), ("", "dark"), ("?code", "dark")])
def test_on_paper_a_chapter_is_dark_on_white_with_its_code_if_asked_and_afterwards_as_it_was(
    browser: Browser, address: str, asked: str, scheme: str
) -> None:
    page, _ = open_page(browser, f"{address}book/data-points.html{asked}", 1100, scheme)
    try:
        page.emulate_media(media="print", color_scheme=scheme)
        page.evaluate("""() => addEventListener("beforeprint", () => {
            const text = document.querySelector("main p");
            window.printed = {
                white: getComputedStyle(document.body).backgroundColor,
                dark: getComputedStyle(text).color.match(/[0-9]+/g).map(Number),
                figure: getComputedStyle(document.querySelector("main figure img")).filter,
                code: [...document.querySelectorAll("details.hide pre")].map(code => [
                    code.checkVisibility(),
                    getComputedStyle(code.closest("summary ~ *")).animationName,
                ]),
                handles: [...document.querySelectorAll("details.hide > summary")]
                    .map(handle => getComputedStyle(handle).display),
            };
        })""")
        page.pdf()
        printed = page.evaluate("window.printed")
        assert printed["white"] in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
        assert max(printed["dark"][:3]) < 100
        assert printed["figure"] == "none"
        assert {shown for shown, _ in printed["code"]} == {asked == "?code"}
        assert asked == "" or {fades for _, fades in printed["code"]} == {"none"}
        assert set(printed["handles"]) == {"none"}
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
    finally:
        page.context.close()


@functools.cache
def read(name: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(name: str) -> frozenset[str]:
    page = read(name)
    return frozenset(
        {e["id"] for e in page.select("[id]")} | {e["name"] for e in page.select("a[name]")}
    )


@pytest.mark.parametrize("name", CHAPTERS)
def test_page_has_a_summary_without_raw_latex_and_no_broken_buttons(name: str) -> None:
    for attribute in ('name="description"', 'property="og:description"'):
        metas = read(name).select(f"head meta[{attribute}]")
        assert metas, f"no {attribute}"
        assert not [m for m in metas if {"$", "\\"} & set(m["content"])]
    for link in read(name).select("a[href]"):
        assert not link["href"].startswith("None")
        for broken in ("github.com//", "executablebooks/jupyter-book/edit"):
            assert broken not in link["href"]


def dead_end(start: str, link: str) -> str:
    """Return why a link from a page leads nowhere inside the site ("" where it does not)."""
    if urlsplit(link).scheme or link.startswith("//"):
        return ""
    target, fragment = urldefrag(urljoin("/" + start, link))
    path = unquote(urlsplit(target).path).lstrip("/")
    file = SITE / path
    if file.is_dir():
        file = file / "index.html"
    if not file.is_file():
        return f"{link}: no such file"
    page = file.relative_to(SITE).as_posix()
    if page == "book/explore.html" and "=" in fragment:  # a setting; see test_explore.py
        return ""
    if fragment and file.suffix == ".html" and unquote(fragment) not in anchors(page):
        return f"{link}: no such anchor"
    return ""


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_anchor_inside_the_site_resolves(name: str) -> None:
    links = {e.get("href") or e.get("src") for e in read(name).select("[href], [src]")}
    assert not {why for link in links - {"#", "", None} if (why := dead_end(name, link))}


@functools.cache
def claims() -> list[dict[str, str]]:
    return json.loads((SITE / "claims.json").read_text(encoding="utf-8"))


def test_claims_json_holds_complete_rows_each_once() -> None:
    assert claims()
    for claim in claims():
        assert claim.keys() >= CLAIM_KEYS
    assert len({(claim["id"], claim["row"]) for claim in claims()}) == len(claims())


def test_the_reference_has_a_page_for_every_package() -> None:
    packages = {f"sdd.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    assert packages
    assert {f"book/api/{package}.html" for package in packages} <= set(PAGES)


def test_the_site_has_its_chapters() -> None:
    assert "book/intro.html" in CHAPTERS
    assert len(CHAPTERS) > 1
