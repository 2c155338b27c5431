"""What the theme leaves out for readers who hear a page or move in it by keys.

Scripts and colours are in book/assets/access.js and access.css; the logo's landmark is a template.
"""

import functools
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def name_folds(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Name the handles of the contents' folds, which show an arrow alone."""
    if not (draw := context.get("generate_toctree_html")):
        return

    @functools.wraps(draw)
    def named(*args: Any, **options: Any) -> Any:
        contents = draw(*args, **options)
        for handle in contents.find_all("summary") if hasattr(contents, "find_all") else ():
            title = handle.find_parent("li").find("a").get_text().strip()
            handle["aria-label"] = f"Pages of {title}"
        return contents

    context["generate_toctree_html"] = named


def nest_modules(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put the inner lists of the list of sources into its items, where lists must be."""
    if pagename == "_modules/index":
        body = context["body"].replace("</li>\n<ul>", "\n<ul>")
        context["body"] = body.replace("</ul><li>", "</ul></li><li>")


def visit_citation(self: Any, node: nodes.Element) -> None:
    """Make a reference an item of its list: the role that docutils gives it is no longer used."""
    if not isinstance(node.previous_sibling(), nodes.citation):
        self.body.append('<div role="list" class="citation-list">\n')
    self.body.append(self.starttag(node, "div", classes=["citation"], role="listitem"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, after the theme."""
    app.add_node(nodes.citation, override=True, html=(visit_citation, None))
    app.connect("html-page-context", name_folds, priority=900)
    app.connect("html-page-context", nest_modules, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
