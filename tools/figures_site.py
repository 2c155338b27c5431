"""Below each figure how it was made, folded; the same of all in figures.json; code to link to.

The chapters write what is known of their figures while they run (`sdd.findings.provenance`).
"""

import json
import os
import re
import subprocess
from functools import cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

# As in sdd.findings.provenance, which is not imported here: that takes seconds of every build.
DATA_FOLDER = "SDD_FIGURE_DATA"
SCORECARD = "book/scorecard.html"
CODE = "_modules/sdd/findings/"
SHOWN = 3  # run files and modules that a fold names; figures.json has all


def ask_for_data(app: Sphinx) -> None:
    """Have the chapters, which inherit the environment, write their figures' data into the site."""
    if app.builder.format == "html":
        os.environ[DATA_FOLDER] = str(Path(app.outdir) / "data")


@cache
def software(root: Path) -> dict[str, Any]:
    """Return the package's version, and the commit of its sources where they have one."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True)
        return done.stdout.strip()

    try:
        commit, changed = git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "-uno"))
    except OSError:  # there is no git
        commit, changed = "", False
    found: dict[str, Any] = {"sdd": version("sdd")}
    return found | ({"commit": commit, "changed": changed} if commit else {})


def read(app: Sphinx, name: str) -> dict[str, Any] | None:
    """Return what a chapter wrote of a figure, with addresses from the site's root."""
    file = Path(app.outdir) / "data" / f"{name}.json"
    if not file.is_file():
        return None
    record = json.loads(file.read_text(encoding="utf-8"))
    for page, kinds in app.env.toc_fignumbers.items():
        if name in kinds.get("figure", {}):
            record["number"] = kinds["figure"][name][0]
            record["page"] = f"{app.builder.get_target_uri(page)}#{name}"
            own = f"sdd.findings.{Path(page).name.replace('-', '_')}"
            record["code"] = dict.fromkeys([own, *record["code"]])
    record["csv"] = f"data/{record['csv']}"
    record["claims"] = {claim: f"{SCORECARD}#claim-{claim}" for claim in record["claims"]}
    stems = {module: module.removeprefix("sdd.findings.") for module in record["code"]}
    shown = findings(Path(app.srcdir))
    record["code"] = {
        module: f"{CODE}{stem}.html" for module, stem in stems.items() if stem in shown
    }
    return record


def fold(record: dict[str, Any], here: str, made_by: dict[str, Any]) -> str:
    """Return the fold of a figure on the page at `here`, as HTML."""

    def link(name: str, to: str) -> str:
        file, mark, anchor = to.partition("#")
        return f'<a href="{escape(relative_uri(here, file) + mark + anchor)}">{escape(name)}</a>'

    def links(found: dict[str, str]) -> str:
        return ", ".join(link(name, to) for name, to in found.items())

    head, rows = [f"profile {record['profile']}"], {"What": escape(record["said"])}
    if count := record["trainings"]:
        head = [f"{count:,} training{'s' * (count > 1)}", f"n = {record['settings']['n']}", *head]
        settings = "; ".join(f"{name} = {value}" for name, value in record["settings"].items())
        files = [
            f"<code>{run['name']}.safetensors</code> (SHA-256 <code>{run['sha256'][:12]}…</code>)"
            for run in record["runs"]
        ]
        rows = {"Trainings": escape(record["said"]), "Settings": escape(settings)}
        if record["command"]:
            rows["Command"] = f'<code class="command">{escape(record["command"])}</code>'
        if beside := record["beside"]:
            words = f"{beside:,} of them were stored beside the runs of this profile."
            rows["Command"] = " ".join(filter(None, [rows.get("Command"), words]))
        more = f" and {len(files) - SHOWN:,} more" * (len(files) > SHOWN)
        whole = link("figures.json", "figures.json")
        rows["Run files"] = f"{', '.join(files[:SHOWN])}{more}; all are named in {whole}"
    rows["Data"] = link(Path(record["csv"]).name, record["csv"])
    if record["claims"]:
        rows["Claims"] = links(record["claims"])
    code = f"sdd {made_by['sdd']}"
    if commit := made_by.get("commit"):
        changed = " with changes" * made_by["changed"]
        code += f", commit <code>{commit[:12]}</code>{changed}"
    modules = dict(list(record["code"].items())[:SHOWN])
    rows["Code"] = ": ".join(filter(None, [code, links(modules)]))
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>\n" for name, text in rows.items())
    summary = f"<summary>How this was made: {escape(', '.join(head))}</summary>"
    return f'<details class="made">{summary}\n<dl>\n{listed}</dl></details>\n'


def add_folds(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put below each figure that a cell draws how it was made, and warn where that is not known."""
    if app.builder.format != "html":
        return
    here = app.builder.get_target_uri(docname)
    cells = [n for n in doctree.findall(nodes.container) if "cell_output" in n["classes"]]
    for figure in (figure for cell in cells for figure in cell.findall(nodes.figure)):
        name = next(iter(figure["ids"]), "(a figure without a name)")
        if (record := read(app, name)) is None:
            logging.getLogger(__name__).warning(
                f'{name} does not say how it was made: end its cell with page.csv("{name}", '
                "table, runs)",
                location=figure,
            )
            continue
        if not isinstance(figure[-1], nodes.legend):
            figure += nodes.legend()
        html = fold(record, here, software(Path(app.srcdir)))
        figure[-1] += nodes.raw("", html, format="html")


def write_figures(app: Sphinx, error: Exception | None) -> None:
    """Gather what is known of all figures in figures.json, in their order, and the runs' hashes."""
    if error is not None or app.builder.format != "html":
        return
    files = sorted((Path(app.outdir) / "data").glob("fig-*.json"))
    records = [record for file in files if (record := read(app, file.stem))]
    records.sort(key=lambda record: record.get("number", 0))
    hashes: dict[str, str] = {}
    for record in records:
        runs = record.get("runs", [])
        hashes |= {run["name"]: run["sha256"] for run in runs}
        record["runs"] = [run["name"] for run in runs]
    made_by = software(Path(app.srcdir))
    text = json.dumps(made_by | {"figures": records, "sha256": hashes}, ensure_ascii=False)
    (Path(app.outdir) / "figures.json").write_text(text + "\n", encoding="utf-8")
    for file in files:
        file.unlink()


@cache
def findings(root: Path) -> dict[str, str]:
    """Return the source of each module of findings that names runs or claims."""
    found = {file.stem: file.read_text(encoding="utf-8") for file in root.glob("sdd/findings/*.py")}
    return {
        k: text
        for k, text in sorted(found.items())
        if re.search("^@(experiment|claim)", text, re.M)
    }


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_css_file("made.css")
    app.connect("builder-inited", ask_for_data)
    app.connect("doctree-resolved", add_folds)
    app.connect("build-finished", write_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
