"""Pages with the code of the checks: an anchor at each, and a link from a claim to its line.

`sphinx.ext.viewcode` makes pages only for what the reference documents, and anchors only for public
names; modules of findings are private to the book, and so are the functions that check a claim.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures_site import findings
from sphinx.application import Sphinx

PREFIX = "_modules/sdd/findings/"
CHECK = re.compile(
    r'^(<span class="k">def</span>(?:<span class="w"> </span>| ))<span class="nf">(_\w+)</span>',
    re.MULTILINE,
)
CLAIM = re.compile(
    r'(<span class="nd">@claim</span><span class="p">\(</span>\s*)'
    r'(<span class="s2">(?:&quot;|")([\w-]+)(?:&quot;|")</span>)'
)


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Show each module with runs or claims that `viewcode` does not show."""
    shown = getattr(app.env, "_viewcode_modules", {})
    for stem, source in findings(Path(app.srcdir)).items():
        name = f"sdd.findings.{stem}"
        if shown.get(name):
            continue
        body = app.builder.highlighter.highlight_block(source, "python", linenos=False)
        title = f"Source code for {name}"
        context = {"title": name, "body": f"<h1>{title}</h1>{body}"}
        yield PREFIX + stem, context, "page.html"


def link(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give each check an anchor, and lead from its claim to the line of the scorecard."""
    if pagename.startswith(PREFIX):
        body = CHECK.sub(r'\1<span class="nf" id="\2">\2</span>', context["body"])
        line = r'\1<a href="../../../book/scorecard.html#claim-\3">\2</a>'
        context["body"] = CLAIM.sub(line, body)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-collect-pages", pages)
    app.connect("html-page-context", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
