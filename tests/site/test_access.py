"""The built site for readers who hear it, move in it by keys, or see it larger or otherwise."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import CHAPTERS, PAGES, SITE, open_page
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page

WRITTEN = [page for page in CHAPTERS if not page.startswith("book/api/")]
# Of pages of one kind, which a build generates, one each.
KINDS = ("book/api/sdd.data.html", "_modules/index.html", "_modules/sdd/engine.html", "search.html")
READ = [*WRITTEN, *(page for page in PAGES if page in KINDS)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
COLOURS = {"type": "rule", "values": ["color-contrast"]}
BESIDE = {"include": [[".bd-sidebar-primary"], [".bd-header-article"], [".bd-sidebar-secondary"]]}
PHONE = 390
LEAST_TEXT = 8.95  # nine pixels, less what rounding takes
AXE = Axe()
# What can be used with a mouse, is seen, and is no stop of the keyboard.
BY_MOUSE_ALONE = """() => [...document.querySelectorAll(
    "a[href], button, summary, select, input, [onclick], [role=button]")]
    .filter(e => e.checkVisibility({visibilityProperty: true}) && e.tabIndex < 0 && !e.disabled)
    .map(e => e.outerHTML.slice(0, 120))"""
# Where the keyboard is: in the main part or not, and whether one sees it.
STOP = """() => {
    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    return {
        name: e.outerHTML.slice(0, 120),
        main: !!e.closest("main"),
        marked: style.outlineStyle !== "none" || style.boxShadow !== "none",
        seen: box.width > 0 && box.height > 0,
    };
}"""


@pytest.fixture(scope="module", params=READ)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A page, opened once for all tests that need no new one."""
    opened, _ = open_page(browser, address + request.param, 1400, "light")
    yield opened
    opened.context.close()


def look(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})


def test_axe_finds_no_fault_in_light_or_dark_mode_on_a_desk_or_a_phone(page: Page) -> None:
    faults = []
    for scheme, width, part, rules in (
        ("light", 1400, None, RULES),
        ("dark", 1400, BESIDE, COLOURS),  # what a phone does not show
        ("dark", PHONE, None, RULES),
    ):
        look(page, scheme, width)
        page.wait_for_timeout(400)  # the theme takes 300 ms to look at what scrolls
        options = {"resultTypes": ["violations"], "runOnly": rules}
        found = AXE.run(page, part, options).response["violations"]
        faults += [
            f"{scheme}, {width} px: {fault['id']}: {node['html'][:200]} {node['failureSummary']}"
            for fault in found
            for node in fault["nodes"]
        ]
    assert not faults, "\n".join(faults)


def test_text_in_figures_has_nine_pixels_on_a_phone(page: Page) -> None:
    look(page, "light", PHONE)
    widths = page.eval_on_selector_all(
        "main figure img, main .cell_output img",
        "all => all.filter(e => e.checkVisibility())"
        ".map(e => [e.getAttribute('src'), e.getBoundingClientRect().width])",
    )
    for source, shown in widths:
        if not source.endswith(".svg"):
            continue
        figure = (SITE / "_images" / source.rpartition("/")[2]).read_text(encoding="utf-8")
        drawn = float(re.findall(r'<svg [^>]*width="([\d.]+)pt"', figure)[0])
        # Of text as outlines, and as text. (Exponents are smaller.)
        sizes = [100 * float(size) for size in re.findall(r"scale\(([\d.]+) -[\d.]+\)", figure)]
        sizes += map(float, re.findall(r"font(?:-size)?: ([\d.]+)px", figure))
        assert min(sizes) * shown / drawn >= LEAST_TEXT, f"{source}, {drawn / 72:.2f} in wide"


def test_text_twice_as_large_makes_no_page_scroll_sideways(page: Page) -> None:
    sheet = page.add_style_tag(content="html { font-size: 200% }")
    try:
        for width in (1280, 768):
            look(page, "light", width)
            scroll, inner = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert scroll <= inner, f"{scroll} px wide in a window of {inner}"
    finally:
        sheet.evaluate("e => e.remove()")


def test_all_that_a_mouse_can_use_is_a_stop_of_the_keyboard(page: Page) -> None:
    for width in (1400, PHONE):
        look(page, "light", width)
        assert page.evaluate(BY_MOUSE_ALONE) == []


def test_the_skip_link_leads_to_the_text_and_every_stop_of_the_keyboard_is_seen(
    browser: Browser, address: str
) -> None:
    page, _ = open_page(browser, address + "book/data-points.html", 1400, "light")
    try:
        page.keyboard.press("Tab")
        assert "#main-content" in page.evaluate(STOP)["name"]
        page.keyboard.press("Enter")
        for _ in range(40):
            page.keyboard.press("Tab")
            stop = page.evaluate(STOP)
            assert stop["main"]
            assert stop["seen"], stop["name"]
            assert stop["marked"], stop["name"]
    finally:
        page.context.close()


@pytest.mark.parametrize("name", READ)
def test_a_page_has_one_title_and_its_headings_leave_no_level_out(name: str) -> None:
    soup = BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")
    headings = (soup.article or soup.main).find_all(re.compile("^h[1-6]$"))
    levels = [int(heading.name[1]) for heading in headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))


@pytest.mark.parametrize("name", ["book/intro.html", "book/data-points.html", "book/bump.html"])
def test_without_script_figures_are_there_and_code_unfolds(
    browser: Browser, address: str, name: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(address + name)
        figures = page.locator("main figure img").all()
        assert figures
        for figure in figures:
            figure.scroll_into_view_if_needed()
            assert figure.bounding_box()["height"] > 50
        fold = page.locator("main div.cell details.hide").first
        fold.locator("summary").click()
        assert fold.locator("pre").first.is_visible()
    finally:
        context.close()
