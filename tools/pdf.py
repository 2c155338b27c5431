"""Print the built book as one PDF, sdd.pdf in its site, with the system's Chromium: `make pdf`.

All chapters go into one page in their order, without the reference of the package, which is printed
twice: the second time with the numbers of pages that the first time has given.

    python tools/pdf.py
"""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from html import escape
from io import BytesIO
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urldefrag, urlsplit

from bs4 import BeautifulSoup, Tag
from page import ROOT, pages

NAME = "sdd.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEFT_OUT = "book/api"  # its pages are as many as all others
# What is folded on the site stays out, as does what only a screen can use.
SCREEN_ONLY = "details, script, a.headerlink, button, input, select, canvas, .d-print-none"
UNFOLDED = "details.judging"
STYLE = """
@page { size: A4; margin: 18mm 16mm 20mm; }
html { font-size: 13px; }
body { background: white; }
section.chapter, .contents { break-before: page; }
.title { padding-top: 25vh; text-align: center; }
.contents li { display: flex; justify-content: space-between; }
.contents ol { list-style: none; padding: 0; }
.bd-content h1 { font-size: 1.9rem; }
h1, h2, h3 { break-after: avoid; line-height: 1.3; padding-top: 0.25em; }
dt { break-after: avoid; }
figure, img, tr, .math, .admonition, div.cell_output > div.output { break-inside: avoid; }
figure img, .cell_output img { max-height: 225mm; width: auto; }
.bd-content .pst-scrollable-table-container, .bd-content div.cell_output { overflow: visible; }
.bd-content table.table { font-size: 0.75rem; }
.bd-content table :is(td, th) { padding: 0.2rem; white-space: normal; overflow-wrap: break-word; }
.bd-content table :is(td, th) p { margin: 0; overflow-wrap: break-word; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""
FOOTER = (
    '<div style="width: 100%; text-align: center; font: 9px sans-serif">'
    '<span class="pageNumber"></span></div>'
)


class NoBrowser(Exception):
    """What prints is missing."""


def read(site: Path, page: str) -> BeautifulSoup:
    """Return a page of the built site."""
    return BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")


def article(soup: BeautifulSoup, page: str, included: set[str]) -> Tag:
    """Return what a page says, with its names and the links to other pages as those of one file."""
    found = soup.select_one("article.bd-article")
    for tag in found.select(UNFOLDED):  # text that a page folds
        tag.name = "div"
        tag.summary.name = "p"
    for tag in found.select(SCREEN_ONLY):
        tag.decompose()
    for tag in found.select("noscript"):
        tag.unwrap()
    for tag in found.select("[id]"):
        tag["id"] = f"{page}--{tag['id']}"
    for image in found.select("img[loading]"):
        del image["loading"]
    for link in found.select("a[href]"):
        target = in_one_file(link["href"], page, included)
        if target:
            link["href"] = target
        else:  # to a file of the site, which the reader of a PDF does not have
            link.unwrap()
    return found


def in_one_file(href: str, page: str, included: set[str]) -> str:
    """Return where a link of a page leads in the one file, or "" where that lacks the page."""
    if urlsplit(href).scheme:
        return href
    path, anchor = urldefrag(href)
    parts: list[str] = []
    for part in PurePosixPath(page).parent.joinpath(unquote(path)).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    other = "/".join(parts).removesuffix(".html") if path else page
    if other not in included:
        return ""
    return f"#{other}--{unquote(anchor)}" if anchor else f"#{other}"


def one_page(site: Path, chapters: list[str], numbers: dict[str, int]) -> str:
    """Return the whole book as one page, which belongs beside its first chapter."""
    head: dict[str, None] = {}  # style sheets of all pages, which have those that they need
    lines, bodies = [], []
    for page in chapters:
        soup = read(site, page)
        head |= dict.fromkeys(map(str, soup.select('head link[rel="stylesheet"]')))
        body = article(soup, page, set(chapters))
        title = escape(body.h1.get_text().strip())
        number = numbers.get(page, "")
        lines.append(f'<li><a href="#{page}">{title}</a> <span>{number}</span></li>')
        bodies.append(f'<section class="chapter" id="{page}">{body}</section>')
    first = read(site, chapters[0])
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>{escape(first.title.get_text().partition(" — ")[2])}</title>'
        f"{''.join(head)}<style>{STYLE}</style></head><body>"
        f'<main class="bd-content"><div class="title"><p style="font-size: 2.6rem">'
        f"{escape(first.h1.get_text().strip('#'))}</p><p>An executable reproduction</p>"
        f'<p>{escape(made(site))}</p></div><div class="contents"><h1>Contents</h1>'
        f"<ol>{''.join(lines)}</ol></div>{''.join(bodies)}</main></body></html>"
    )


def made(site: Path) -> str:
    """Return in words from what the site was built, and when."""
    words = []
    if (claims := site / "claims.json").is_file():
        words.append(f"Profile {json.loads(claims.read_text(encoding='utf-8'))[0]['profile']}")
    built = datetime.fromtimestamp((site / "index.html").stat().st_mtime, UTC)
    words.append(f"built on {built:%d %B %Y}")
    git = shutil.which("git")
    asked = [git, "-C", ROOT, "rev-parse", "--short", "HEAD"]
    if git and (said := subprocess.run(asked, capture_output=True, text=True)).returncode == 0:
        words.append(f"commit {said.stdout.strip()}")
    return ", ".join(words)


def printed(file: Path) -> bytes:
    """Return a page as Chromium prints it, with bookmarks, tags and numbers of pages."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("make pdf needs the package playwright: make install gets it.") from None
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        raise NoBrowser(
            f"make pdf needs Chromium on the path, and there is none of {', '.join(BROWSERS)}: "
            "install it (Debian, Ubuntu: apt install chromium)."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(600_000)
        page.goto(file.as_uri(), wait_until="load")
        data = page.pdf(
            prefer_css_page_size=True, print_background=True, outline=True, tagged=True,
            display_header_footer=True, header_template="<span></span>", footer_template=FOOTER,
        )  # fmt: skip
        browser.close()
    return data


def first_pages(data: bytes, chapters: list[str]) -> dict[str, int]:
    """Return on which page of a PDF each chapter begins, counted from one."""
    from pypdf import PdfReader

    reader = PdfReader(BytesIO(data))
    at = reader.named_destinations
    return {
        page: reader.get_destination_page_number(at[f"/{page}"]) + 1
        for page in chapters
        if f"/{page}" in at
    }


def write(site: Path, file: Path, chapters: list[str]) -> None:
    """Write the chapters of a built site into a PDF."""
    whole = site / PurePosixPath(chapters[0]).parent / "_whole.html"
    try:
        whole.write_text(one_page(site, chapters, {}), encoding="utf-8")
        numbers = first_pages(printed(whole), chapters)
        whole.write_text(one_page(site, chapters, numbers), encoding="utf-8")
        file.write_bytes(printed(whole))
    finally:
        whole.unlink(missing_ok=True)


def link_from_home(site: Path, home: str) -> None:
    """Link the PDF below the title of the first page, once."""
    path, mark = site / f"{home}.html", '<p class="whole-book">'
    text = path.read_text(encoding="utf-8")
    if mark not in text:
        up = "../" * home.count("/")
        line = f'{mark}<a href="{up}{NAME}">The whole book as one PDF</a></p>'
        path.write_text(text.replace("</h1>", f"</h1>\n{line}", 1), encoding="utf-8")


def main(root: Path = ROOT) -> int:
    """Print the built book and link it; return 0, or 2 where a sentence says what is missing."""
    site = root / "_build" / "html"
    chapters = [page for page in pages(root) if page != LEFT_OUT]
    if absent := [page for page in chapters if not (site / f"{page}.html").is_file()]:
        print(f"There is no {absent[0]}.html in {site}: run make book first.", file=sys.stderr)
        return 2
    try:
        write(site, site / NAME, chapters)
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 2
    link_from_home(site, chapters[0])
    print(f"The book as one file is {site / NAME}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
