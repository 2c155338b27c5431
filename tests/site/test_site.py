"""The built site, opened page by page in the system's Chromium: `make book`, then this."""

import csv
import functools
import html
import json
import re
import shutil
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
# Without a site there is still one page to fail on, so that nothing is skipped.
PAGES = [page for page in PAGES if not page.startswith("_static/")] or ["index.html"]
CHAPTERS = [page for page in PAGES if page.startswith("book/")] or ["book/intro.html"]
CLAIM_KEYS = {
    "id", "source", "statement", "published", "ours", "spread", "verdict", "figure", "profile",
}  # fmt: skip
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
# What sticks out of the window, less what scrolls inside something that does not.
WIDE_ELEMENTS = """() => {
    const scrolls = e => e && e.tagName !== "MAIN"
        && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
    return [...document.querySelectorAll("main *")]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
        .slice(0, 3).map(e => e.outerHTML.slice(0, 120));
}"""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files without a line on stderr for each."""

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    if not (SITE / "index.html").exists():
        pytest.fail(f"there is no site in {SITE}: run make book first", pytrace=False)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.fail(f"no Chromium on the path (looked for {', '.join(names)})", pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


def open_page(browser: Browser, url: str, width: int, scheme: Any) -> tuple[Page, list[str]]:
    """Open a page once everything in it has loaded; return it with all that went wrong."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(60_000)
    page, problems = context.new_page(), []
    origin = urlsplit(url).netloc

    def on_request(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != origin:
            problems.append(f"request outside: {request.url}")

    page.on("request", on_request)
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("console", lambda m: m.type == "error" and problems.append(f"console: {m.text}"))
    page.on("response", lambda r: r.status >= 400 and problems.append(f"{r.status}: {r.url}"))
    page.goto(url, wait_until="networkidle")
    page.evaluate("() => window.MathJax?.startup?.promise")
    return page, problems


# Loaded on a phone in dark mode and on a desk in light mode; then the window changes under it.
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1400, "light")])
@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_errors_or_requests_outside_and_never_scrolls_sideways(
    browser: Browser, address: str, name: str, width: int, scheme: str
) -> None:
    page, problems = open_page(browser, address + name, width, scheme)
    try:
        for then in (scheme, "light" if scheme == "dark" else "dark"):
            page.emulate_media(color_scheme=then)
            if name != "index.html":  # which only leads to the first chapter
                page.wait_for_function(f"document.documentElement.dataset.theme === '{then}'")
        for then in {390: (390, 320, 768), 1400: (1400, 1100)}[width]:
            page.set_viewport_size({"width": then, "height": 844})
            scroll, inner = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            why = page.evaluate(WIDE_ELEMENTS)
            assert scroll <= inner, f"{scroll} px wide in a window of {inner}, because of {why}"
        assert not page.query_selector_all("mjx-merror"), "an equation does not render"
        assert not problems
    finally:
        page.context.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_image_loads_has_alt_text_and_stands_on_a_light_card_in_dark_mode(
    browser: Browser, address: str, name: str
) -> None:
    page, _ = open_page(browser, address + name, 1100, "dark")
    try:
        for image in page.query_selector_all("main figure img, main .cell_output img"):
            colour = image.evaluate("e => getComputedStyle(e).backgroundColor")
            assert colour == "rgb(255, 255, 255)"
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


@pytest.mark.parametrize("name", CHAPTERS)
def test_page_has_a_summary_without_raw_latex_and_no_broken_buttons(name: str) -> None:
    with_entities = (SITE / name).read_text(encoding="utf-8")
    text = html.unescape(with_entities)
    head = text.split("</head>")[0]
    for attribute in ('name="description"', 'property="og:description"'):
        metas = [m for m in head.split("<meta ")[1:] if attribute in m.split(">")[0]]
        assert metas, f"no {attribute}"
        for meta in metas:
            assert "\\" not in meta.split(">")[0]
            assert "$" not in meta.split(">")[0]
    for broken in ('href="None', "github.com//", "executablebooks/jupyter-book/edit"):
        assert broken not in text


@functools.cache
def anchors_and_links(name: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the ids in a page, and the addresses it links to or loads."""
    ids: set[str] = set()
    links: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            for key, value in attrs:
                if key == "id" or (key == "name" and tag == "a"):
                    ids.add(value or "")
                elif key in ("href", "src") and value is not None:
                    links.append(value)

    Reader().feed((SITE / name).read_text(encoding="utf-8"))
    return frozenset(ids), tuple(links)


def figures_and_data(name: str) -> dict[str, list[str]]:
    """Return the links to data in the captions of each named figure of a page."""
    text = (SITE / name).read_text(encoding="utf-8")
    found = re.findall(r'<figure [^>]*id="(fig-[^"]+)"(.*?)</figure>', text, flags=re.DOTALL)
    return {
        figure: re.findall(r'href="([^"]*\.csv)"', inside.partition("<figcaption")[2])
        for figure, inside in found
    }


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
    if fragment and file.suffix == ".html":
        ids, _ = anchors_and_links(file.relative_to(SITE).as_posix())
        if unquote(fragment) not in ids:
            return f"{link}: no such anchor"
    return ""


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_anchor_inside_the_site_resolves(name: str) -> None:
    _, links = anchors_and_links(name)
    broken = {why for link in links if link not in ("#", "") and (why := dead_end(name, link))}
    assert not broken


def test_claims_json_holds_complete_claims_whose_figures_exist() -> None:
    file = SITE / "claims.json"
    assert file.exists(), "claims.json is not at the root of the site: run make book first"
    claims = json.loads(file.read_text(encoding="utf-8"))
    assert isinstance(claims, list)
    assert claims
    for claim in claims:
        assert claim.keys() >= CLAIM_KEYS
        assert claim["figure"].startswith("book/"), "a figure is a page and an anchor"
        assert not dead_end("claims.json", claim["figure"])
    ids = [claim["id"] for claim in claims]
    assert len(set(ids)) == len(ids), "two claims share an id"


def test_the_scorecard_links_to_the_figure_of_every_claim() -> None:
    claims = json.loads((SITE / "claims.json").read_text(encoding="utf-8"))
    page = "book/scorecard.html"
    _, links = anchors_and_links(page)
    shown = {urljoin("/" + page, link).lstrip("/") for link in links}
    assert {claim["figure"] for claim in claims} <= shown


def test_below_each_figure_is_a_link_to_its_data_as_csv() -> None:
    with_figures = [name for name in CHAPTERS if figures_and_data(name)]
    assert len(with_figures) > 3
    for name in with_figures:
        for figure, links in figures_and_data(name).items():
            assert links == [f"../data/{figure}.csv"], f"{figure} in {name}"
            with open(SITE / "data" / f"{figure}.csv", encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
            assert {"panel", "series", "x", "y"} <= set(header)
            assert rows, f"{figure}.csv has a header alone"
            assert all(len(row) == len(header) for row in rows)
            assert not [row for row in rows if row[1].isdigit()], f"{figure}: a series has no name"


def test_every_csv_belongs_to_a_figure() -> None:
    files = {path.stem for path in (SITE / "data").iterdir()}
    assert files == {figure for name in CHAPTERS for figure in figures_and_data(name)}


def test_the_site_has_its_chapters() -> None:
    assert "book/intro.html" in CHAPTERS
    assert len(CHAPTERS) > 1
