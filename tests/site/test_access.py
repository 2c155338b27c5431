"""The built site for readers who hear it, move in it by keys, or see colours and sizes otherwise."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import CHAPTERS, PAGES, SITE, open_page
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page

# Generated pages are all of one kind: one of each.
GENERATED = ["genindex.html", "search.html", "_modules/index.html", "_modules/sdd/runs/spec.html"]
READ = [*(p for p in CHAPTERS if not p.startswith("book/api/")), "book/api/sdd.data.html"]
READ += [page for page in GENERATED if page in PAGES]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
LEAST_PX = 8.95  # nine, less what rounding takes
AXE = Axe()


def faults(page: Page, scheme: str, width: int, **options: object) -> list[str]:
    """Return what axe finds at a width in a colour scheme, a line for each fault."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    page.wait_for_timeout(500)  # the theme takes 300 ms to look at what scrolls
    context = {"exclude": [["mjx-container"]]}
    found = AXE.run(page, context, {"resultTypes": ["violations"], **options}).response
    return [
        f"{scheme}, {width} px: {fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("name", READ)
def test_axe_finds_no_fault_in_light_or_dark_mode_on_a_desk_or_a_phone(
    browser: Browser, address: str, name: str
) -> None:
    page, _ = open_page(browser, address + name, 1400, "light")
    try:
        found = faults(page, "light", 1400, runOnly=RULES)
        colours = {"type": "rule", "values": ["color-contrast"]}
        found += faults(page, "dark", 1400, runOnly=colours)
        found += faults(page, "dark", 390, runOnly=RULES)
        assert not found, "\n".join(found)
    finally:
        page.context.close()
