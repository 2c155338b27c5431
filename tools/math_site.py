"""Formulas as MathML, made by the build: shown, read aloud and printed without a script."""

import re
from html import escape

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

CONVERTER = LatexToMathML(fancy_error=False)
NUMBERED = re.compile(r"(\\(?:begin|end)\{(?:equation|multline|gather|align|alignat|flalign))\}")


def mathml(node: nodes.math | nodes.math_block) -> str:
    """Return a formula as MathML, or as it was written where it cannot be, which is warned of."""
    tex, block = node.astext(), isinstance(node, nodes.math_block)
    if block and r"\\" in tex and r"\begin" not in tex:  # several lines
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    tex = NUMBERED.sub(r"\1*}", tex)  # Sphinx numbers equations
    try:
        return CONVERTER.convert_with_local_state(tex, displaystyle=block)
    except LatexError as error:
        why = str(error).partition(": ")[2].rstrip(".")
        logging.getLogger(__name__).warning(
            "the formula %s cannot be shown: %s", node.astext(), why[:1].lower() + why[1:],
            location=node,
        )  # fmt: skip
        return escape(tex)


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    start = self.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    self.body.append(f"{start}{mathml(node)}</span>")
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula that stands alone, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append(f"{mathml(node)}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer that `html_math_renderer` names."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
