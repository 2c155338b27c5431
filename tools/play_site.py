"""Pages that one can play: a directive, its script bundled from plain ES modules, its data.

    ```{play} explore
    What stands here is shown without the script: in notebooks, on paper, with scripts off.
    ```

The script of `explore` is book/assets/explore/main.js with what it imports; explore.css beside it,
where there is one, is its style. Browsers do not load modules from files on disk, so each script is
bundled into one classic file, which they do load.
"""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ASSETS = Path(__file__).resolve().parent.parent / "book" / "assets"
IMPORT = re.compile(r'^import\s+(\{[^}]*\}|\w+)\s+from\s+"([^"?]+)(\?text)?";\n', re.MULTILINE)
EXPORT = re.compile(
    r"^export\s+(?=(?:async\s+)?(?:const|let|class|function\*?)\s+(\w+))", re.MULTILINE
)


class play(nodes.General, nodes.Element):  # noqa: N801 - as docutils names its nodes
    """A place for an interactive piece; its children are shown until the script is there."""


class Play(SphinxDirective):
    """The directive: its argument names the piece, its content stands in for it."""

    required_arguments = 1
    has_content = True
    option_spec = {"form": directives.unchanged, "label": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the place, with its content."""
        found = play("", piece=self.arguments[0], form=self.options.get("form", ""))
        found["label"] = self.options.get("label", "")
        self.state.nested_parse(self.content, self.content_offset, found)
        return [found]


def bundle(main: Path) -> str:
    """Return a module and all that it imports, each once, as one classic script.

    Modules name what they import from others in braces, and by `import words from "./x.js?text"`
    the bundle of another module as text (of a worker).
    """
    names: dict[Path, str] = {}
    parts: list[str] = []

    def add(path: Path) -> str:
        if path in names:
            return names[path]
        text = path.read_text(encoding="utf-8")
        heads = []
        for what, where, as_text in IMPORT.findall(text):
            if as_text:
                heads.append(
                    f"const {what} = {json.dumps(bundle((path.parent / where).resolve()))};"
                )
            else:
                wanted = what.replace(" as ", ": ")
                heads.append(f"const {wanted} = {add((path.parent / where).resolve())};")
        body = EXPORT.sub("", IMPORT.sub("", text))
        if stray := re.search(r"^(?:import|export)\b.*", body, re.MULTILINE):
            raise ValueError(f"{path}: the bundle knows no such line as {stray[0]!r}")
        names[path] = f"module{len(names)}"
        given = ", ".join(EXPORT.findall(text))
        head = "".join(f"{line}\n" for line in heads)
        parts.append(
            f"const {names[path]} = (() => {{\n{head}{body}\nreturn {{{given}}};\n}})();\n"
        )
        return names[path]

    add(main.resolve())
    return '(() => {\n"use strict";\n' + "".join(parts) + "})();\n"


def write_bundles(app: Sphinx) -> None:
    """Write the script of every piece into the site's static files."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "play"
    folder.mkdir(parents=True, exist_ok=True)
    for main in sorted(ASSETS.glob("*/main.js")):
        (folder / f"{main.parent.name}.js").write_text(bundle(main), encoding="utf-8")


def add_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give a page the scripts of its pieces, and no other page any."""
    pieces = {node["piece"] for node in doctree.findall(play)} if doctree is not None else set()
    if pieces:
        app.add_css_file("play/play.css")
    for piece in sorted(pieces):
        if (ASSETS / piece / f"{piece}.css").is_file():
            app.add_css_file(f"{piece}/{piece}.css")
        app.add_js_file(f"play/{piece}.js", loading_method="defer")


def visit_play(self: Any, node: play) -> None:
    """Open the place of a piece."""
    given = {"data-play": node["piece"], "data-form": node["form"], "data-label": node["label"]}
    self.body.append(
        self.starttag(node, "div", CLASS="play", **{k: v for k, v in given.items() if v})
    )
    self.body.append('<div class="play-words">\n')


def depart_play(self: Any, node: play) -> None:
    """Close it."""
    self.body.append("</div></div>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_node(play, html=(visit_play, depart_play))
    app.add_directive("play", Play)
    app.connect("builder-inited", write_bundles)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
