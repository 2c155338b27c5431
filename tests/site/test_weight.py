"""What a first visit to a page transfers, as a plain server sends it, uncompressed."""

import unicodedata
from collections import Counter
from io import BytesIO
from urllib.parse import urlsplit

import pdf
import pytest
from browsing import CHAPTERS, PAGES, SITE
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from playwright.sync_api import Browser, Response

PAGE_AT_MOST = 1_000_000  # bytes, its own interactive data apart
SITE_AT_MOST = 25_000_000
PLAYED = "/play/"  # data of interactive pieces
GENERATED = ("book/api/", "_modules/")
# index.html only leads to the first chapter.
WEIGHED = [page for page in PAGES if not page.startswith((*GENERATED, "index.html"))]
for kind in GENERATED:  # the largest of each
    of_kind = [page for page in PAGES if page.startswith(kind)]
    WEIGHED += sorted(of_kind, key=lambda page: (SITE / page).stat().st_size)[-1:]
MATH_FONT = SITE / "_static" / "fonts" / "latinmodern-math.woff2"


@pytest.mark.parametrize("name", WEIGHED)
def test_a_page_with_all_of_its_images_weighs_at_most_a_megabyte(
    browser: Browser, address: str, name: str
) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 844})
    got: dict[str, int] = {}

    def weigh(response: Response) -> None:
        path = urlsplit(response.url).path
        if not path.startswith(PLAYED):
            got[path] = int(response.headers.get("content-length", 0))

    page.on("response", weigh)
    try:
        page.goto(address + name)
        page.eval_on_selector_all("img", "all => all.forEach(e => { e.loading = 'eager' })")
        page.wait_for_function("[...document.images].every(e => e.complete)")
        page.evaluate("document.fonts.ready.then(() => 0)")
    finally:
        page.close()
    kinds = Counter[str]()
    for path, size in got.items():
        kinds[path.rpartition(".")[2]] += size
    assert kinds.total() <= PAGE_AT_MOST, f"{kinds.total():,} bytes, of which {dict(kinds)}"


def test_the_site_weighs_at_most_25_megabytes() -> None:
    folders = Counter[str]()
    for path in filter(lambda path: path.is_file(), SITE.rglob("*")):
        if path == SITE / pdf.NAME:  # which `make pdf` adds, for whoever wants all of it
            continue
        folders[path.relative_to(SITE).parts[0]] += path.stat().st_size
    assert folders.total() <= SITE_AT_MOST, f"{folders.total():,} bytes, {dict(folders)}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_images_load_as_they_come_into_view_and_room_is_kept_for_them(name: str) -> None:
    page = BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")
    for image in page.select('main img[src*="_images/"]'):
        assert image["loading"] == "lazy", image["src"]
        assert int(image["width"]) > 0, image["src"]
        assert int(image["height"]) > 0, image["src"]


def test_the_font_of_formulas_has_every_character_of_theirs() -> None:
    shown = set(TTFont(BytesIO(MATH_FONT.read_bytes())).getBestCmap())
    for name in CHAPTERS:
        page = BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")
        text = {c for formula in page.select("math") for c in formula.text}
        text |= {"√" for _ in page.select("msqrt, mroot")}
        # (A selector of a variant is no character of its own.)
        drawn = {c for c in text if not (c.isspace() or unicodedata.category(c) == "Mn")}
        assert {c for c in drawn if ord(c) not in shown} == set(), name


def test_icons_are_in_the_font_that_draws_them(browser: Browser, address: str) -> None:
    page = browser.new_page()
    try:
        page.goto(address + CHAPTERS[0])
        codes = page.eval_on_selector_all(
            ".fa-solid, .fas",
            "all => all.map(e => getComputedStyle(e, '::before').content.codePointAt(1))",
        )
    finally:
        page.close()
    (font,) = SITE.glob("_static/vendor/fontawesome/*/webfonts/fa-solid-900.woff2")
    assert codes
    assert set(codes) <= set(TTFont(font).getBestCmap())
