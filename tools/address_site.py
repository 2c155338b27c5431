"""What needs to know where the site will stand: pictures in link previews, and its page 404.

The address is `html: baseurl:` of _config.yml, or else that of GitHub Pages for the repository, if
that is known. Without one, links are previewed without a picture, and 404.html takes the site to
stand at the root of its server.
"""

import os
import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

PREVIEW = "preview.png"  # as in sdd.findings.home, which writes it while the first page is built
NOT_FOUND = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="icon" href="{icon}" type="image/svg+xml">
<title>No such page: {title}</title></head>
<body style="max-width: 36rem; margin: 15vh auto; padding: 0 1rem; font: 1.1rem/1.6 sans-serif">
<main><h1>There is no such page</h1>
<p>It may have been renamed. The book begins at <a href="{first}">its first page</a>, which leads to
all others; <a href="{search}">search</a> looks for words on them.</p></main></body></html>
"""


def address(config: Config) -> str:
    """Return where the site will stand, with a slash at its end, or "" where that is not known."""
    if config.html_baseurl:
        return config.html_baseurl.rstrip("/") + "/"
    url = config.html_theme_options.get("repository_url") or ""
    here = re.sub(r"^https://github\.com/", "", url) or os.environ.get("GITHUB_REPOSITORY", "")
    found = re.fullmatch(r"([\w.-]+)/([\w.-]+?)(?:\.git)?/?", here)
    return f"https://{found[1].lower()}.github.io/{found[2]}/" if found else ""


def add_preview(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give link previews the figure of the first page."""
    site = address(app.config)
    if doctree is None or not site:
        return
    first = app.env.get_doctree(app.config.root_doc)
    alt = next((image["alt"] for image in first.findall(nodes.image) if image.get("alt")), "")
    properties = {
        "og:url": urljoin(site, app.builder.get_target_uri(pagename)),
        "og:image": urljoin(site, PREVIEW),
        "og:image:alt": alt,
        "twitter:card": "summary_large_image",
    }
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<meta property="{name}" content="{escape(value)}" />\n'
        for name, value in properties.items()
    )


def write_not_found(app: Sphinx, error: Exception | None) -> None:
    """Write 404.html, whose links are not relative: it is shown for addresses of any depth."""
    if error is not None or app.builder.format != "html":
        return
    site = address(app.config) or "/"
    page = NOT_FOUND.format(
        title=escape(app.config.html_title),
        first=escape(urljoin(site, f"{app.config.root_doc}.html")),
        icon=escape(urljoin(site, "_static/favicon.svg")),
        search=escape(urljoin(site, "search.html")),
    )
    (Path(app.outdir) / "404.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx: after the summaries, and after the pages."""
    app.connect("html-page-context", add_preview, priority=950)
    app.connect("build-finished", write_not_found, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
