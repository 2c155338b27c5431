"""The built site: its pages, a server of it, and a page opened with all that goes wrong in it."""

from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
# Without a site there is still one page to fail on, so that nothing is skipped.
PAGES = [page for page in PAGES if not page.startswith("_static/")] or ["index.html"]
CHAPTERS = [page for page in PAGES if page.startswith("book/")] or ["book/intro.html"]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files without a line on stderr for each."""

    def log_message(self, *args: Any) -> None:
        pass


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
    return page, problems
