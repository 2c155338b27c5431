"""Links to settings of the explorer: ``{setting}`thirty points <T=30>` ``, and below figures.

T is the paper's, and becomes what this profile has in its place. The rest of the address is what
book/assets/explore/state.js reads: seed, reduction, step, scale.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

EXPLORER = "explore.html"  # beside all chapters
TEXT = re.compile(r"(?P<words>.+?)\s*<(?P<setting>\w+=[\w.-]+(?:&\w+=[\w.-]+)*)>", re.DOTALL)
FEW = 30  # data points up to here are as many at every profile: polygons are meant by them
FIGURES = {
    "fig-home-descent": "T=2000",
    "fig-polygons": "T=5",
    "fig-losses": "T=30",
    "fig-columns": "T=10",
    "fig-dimensionality": "T=1000",
    "fig-regimes": "T=500",
    "fig-common-scale": "T=500&scale=common",
    "fig-double-descent": "T=2000",
    "fig-parts": "T=2000",
    "fig-mean-and-sum": "T=2000&reduction=sum",
}


def address(setting: str) -> str:
    """Return the address of a setting, with T at this profile's sizes."""
    from sdd.findings import profile  # in here: importing it takes as long as all the rest

    if "near-misses" in setting:  # which are of the same sizes at every profile
        return f"{EXPLORER}#{setting}"

    def here(found: re.Match) -> str:
        T = int(found[1])
        return f"T={T if T <= FEW else profile().size(T)}"

    return f"{EXPLORER}#" + re.sub(r"\bT=(\d+)", here, setting)


class Setting(SphinxRole):
    """The role."""

    def run(self) -> tuple[list[nodes.Node], list[Any]]:
        """Return the link."""
        found = TEXT.fullmatch(self.text)
        if found is None:
            message = self.inliner.reporter.error(
                f"a setting must be words and an address, such as <T=30>, not {self.text!r}"
            )
            return [], [message]
        link = nodes.reference("", found["words"], refuri=address(found["setting"]), internal=True)
        return [link], []


def link_figures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link below a figure to its setting, where it has one."""
    if app.builder.format != "html":
        return
    for figure in doctree.findall(nodes.figure):
        setting = next((FIGURES[name] for name in figure["ids"] if name in FIGURES), "")
        if setting:
            uri = address(setting)
            link = nodes.reference("", "Open in the explorer", refuri=uri, internal=True)
            if not isinstance(figure[-1], nodes.legend):
                figure += nodes.legend()
            figure[-1] += nodes.paragraph("", "", link, classes=["figure-setting"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx: the links below those to a figure's data."""
    app.add_role("setting", Setting())
    app.connect("doctree-resolved", link_figures, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
