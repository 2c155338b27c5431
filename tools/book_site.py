"""What the site needs beyond _config.yml: summaries, a front door, buttons that can work."""

import os
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")
NOTEBOOKS_BRANCH = "notebooks"  # where the publishing workflow puts what `make notebooks` writes
LAB_PORT = os.environ.get("LABPORT", "8895")  # as in the Makefile
REPOSITORY_OPTIONS = ("repository_url", "repository_branch", "path_to_docs", "launch_buttons")


def set_buttons(app: Sphinx, config: Config) -> None:
    """Show repository buttons, and launch buttons for the web, if `repository: url:` is set."""
    options = config.html_theme_options
    has_repository = bool(options.get("repository_url"))
    for button in BUTTONS:
        options[button] = has_repository
    if not has_repository:
        for key in REPOSITORY_OPTIONS:
            options.pop(key, None)


def launch_from_notebooks(app: Sphinx) -> None:
    """Have the theme build launch buttons for the branch of notebooks, its others being done."""
    options = app.config.html_theme_options
    if options.get("repository_url"):
        options["repository_branch"] = NOTEBOOKS_BRANCH


def launch_notebooks(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Point launch buttons, which name the page's source, at its notebook; add JupyterLab here."""
    if "kernelspec" not in (app.env.metadata.get(pagename) or {}):
        return
    notebook = f"{Path(pagename).name}.ipynb"
    here = {
        "type": "link",
        "text": "JupyterLab on this machine",
        "tooltip": "Start it first: make lab, in the folder of the repository",
        "icon": "fas fa-laptop-code",
        "url": f"http://localhost:{LAB_PORT}/lab/tree/{notebook}",
    }
    for group in context["header_buttons"]:
        if group["label"] == "launch-buttons":
            for button in group["buttons"]:
                button["url"] = button["url"].replace(f"{pagename}.md", notebook)
            group["buttons"].append(here)
            return
    group = {"type": "group", "tooltip": "Launch this chapter", "icon": "fas fa-rocket"}
    context["header_buttons"].insert(0, group | {"buttons": [here], "label": "launch-buttons"})


def add_open_graph(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give link previews the page's own `description`, never an excerpt with raw LaTeX."""
    if doctree is None:  # search, index and source pages
        return
    found = [n["content"] for n in doctree.findall(nodes.meta) if n.get("name") == "description"]
    if not found:
        logging.getLogger(__name__).warning(
            "no description: write one under `myst: html_meta: description:`", location=pagename
        )
        return
    context["page_description"] = found[0]
    properties = {
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:title": app.env.titles[pagename].astext(),
        "og:description": found[0],
    }
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<meta property="{name}" content="{escape(value)}" />\n'
        for name, value in properties.items()
    )


def escape_bars(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keep the |x| of a docstring from being read as a substitution, outside of code."""
    for number, line in enumerate(lines):
        parts = line.split("`")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[number] = "`".join(parts)


def refer_to_page_left_out(
    app: Sphinx, env: BuildEnvironment, node: nodes.Element, contnode: nodes.TextElement
) -> nodes.TextElement | None:
    """Leave a reference to a page of the book that this build leaves out as text (`make page`).

    That page must exist, and hold the label, figure or equation that is asked for; otherwise the
    reference is warned of, as in a build of the whole book.
    """
    toc = yaml.safe_load((Path(app.srcdir) / "_toc.yml").read_text(encoding="utf-8"))
    book = {toc["root"], *(chapter["file"] for chapter in toc["chapters"])}
    others, target = book - env.found_docs, node["reftarget"]
    if node["reftype"] == "doc":
        page = env.relfn2path(f"{target}.md", node["refdoc"])[0].removesuffix(".md")
        return contnode if page in others else None
    label = re.escape(target)
    named = re.compile(
        rf"^\({label}\)=$|\$\$ \({label}\)$|\b(?:name|label): {label}$", re.MULTILINE
    )
    sources = ((Path(app.srcdir) / f"{page}.md").read_text(encoding="utf-8") for page in others)
    return contnode if any(map(named.search, sources)) else None


def write_front_door(app: Sphinx, error: Exception | None) -> None:
    """Lead from the site's root to its first page, with title and icon (the default has none)."""
    if error is not None or app.builder.format != "html":
        return
    first, title = f"{app.config.root_doc}.html", escape(app.config.html_title)
    (Path(app.outdir) / "index.html").write_text(
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<link rel="icon" href="_static/favicon.svg" type="image/svg+xml">'
        f'<meta http-equiv="refresh" content="0; url={first}"></head>'
        f'<body><a href="{first}">{title}</a></body></html>\n',
        encoding="utf-8",
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx: buttons ahead of the theme, summaries after it."""
    # Pages that a build generates are not in _toc.yml: the next one would take them for stray ones.
    shutil.rmtree(Path(app.srcdir) / "book" / "api", ignore_errors=True)
    app.connect("config-inited", set_buttons, priority=100)
    app.connect("builder-inited", launch_from_notebooks, priority=900)
    app.connect("missing-reference", refer_to_page_left_out)
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("html-page-context", add_open_graph, priority=900)
    app.connect("html-page-context", launch_notebooks, priority=900)
    app.connect("build-finished", write_front_door, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
