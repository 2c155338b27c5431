"""Chapters keep the rules that a build cannot see: plain words, no typed results, short cells."""

import ast
import re
import shutil
import tomllib
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jupytext
import pytest
import yaml
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

from sdd import findings

ROOT = Path(__file__).resolve().parents[1]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(chapter["file"] for chapter in TOC["chapters"])]
MARKDOWN = create_md_parser(
    MdParserConfig(enable_extensions=set(CONFIG["parse"]["myst_enable_extensions"])), RendererHTML
)


@cache
def cells(page, kind):
    """The cells of a page of one kind."""
    notebook = jupytext.read(ROOT / f"{page}.md", fmt="md:myst")
    return [cell for cell in notebook.cells if cell.cell_type == kind]


@cache
def front_matter(page):
    return next(yaml.safe_load_all((ROOT / f"{page}.md").read_text(encoding="utf-8")))


CHAPTERS = [page for page in PAGES if "kernelspec" in front_matter(page)]


def figures(page):
    """The settings of the figures that the cells of a chapter make."""
    settings = [cell.metadata.get("mystnb", {}) for cell in cells(page, "code")]
    return [found for found in settings if "figure" in found]


def words(text):
    """The typed words of Markdown: no code, mathematics, roles or addresses."""
    for token in MARKDOWN.parse(text):
        code = token.info.startswith(("{eval-rst}", "python"))
        if token.type in ("fence", "colon_fence") and not code:
            yield from words(token.content)
        yield from (child.content for child in token.children or () if child.type == "text")


# --- Pages --------------------------------------------------------------------------------------


def test_the_table_of_contents_and_the_folder_hold_the_same_pages():
    assert sorted(PAGES) == sorted(f"book/{path.stem}" for path in (ROOT / "book").glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_description_in_plain_words(page):
    description = front_matter(page)["myst"]["html_meta"]["description"]
    assert len(description) >= 20
    assert not set("$\\{}`\n") & set(description)


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_runs_on_the_ordinary_kernel(page):
    assert front_matter(page)["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_figure_has_a_name_a_caption_and_words_for_those_who_cannot_see_it(page):
    for settings in figures(page):
        assert settings["figure"]["name"].startswith("fig-")
        assert settings["figure"]["caption"]
        assert len(settings["image"]["alt"]) >= 40, settings["figure"]["name"]
        assert not set("$\\{}") & set(settings["image"]["alt"]), "no markup in alt text"


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_figure_says_how_it_was_made(page):
    code = "\n".join(cell.source for cell in cells(page, "code"))
    told = re.findall(r'page\.csv\("([\w-]+)"', code)
    assert sorted(told) == sorted(settings["figure"]["name"] for settings in figures(page))


def test_rows_and_columns_are_told_of_figures_that_there_are_in_a_cell_of_a_spreadsheet():
    said = tomllib.loads((ROOT / "sdd" / "findings" / "columns.toml").read_text(encoding="utf-8"))
    names = {settings["figure"]["name"] for page in CHAPTERS for settings in figures(page)}
    rows = said.pop("rows")
    assert {*rows, *said} - {"columns"} <= names
    meanings = [*rows.values(), *(text for part in said.values() for text in part.values())]
    assert not [text for text in meanings if "," in text or '"' in text]


@pytest.mark.parametrize("page", PAGES)
def test_no_result_is_typed_into_the_prose(page):
    text = [cell.source for cell in cells(page, "markdown")]
    for settings in figures(page):
        text += [settings["figure"]["caption"], settings["image"]["alt"]]
    typed = re.findall(r"\d+\.\d+", " ".join(word for part in text for word in words(part)))
    thresholds = re.findall(
        r"\d+\.\d+", " ".join(claim.statement for claim in findings.CLAIMS.values())
    )
    assert set(typed) <= set(thresholds)


# --- Code ---------------------------------------------------------------------------------------


RECIPES = "book/recipes"  # its cells are to be copied: whole, and a model of one's own is a class


@pytest.mark.parametrize("page", CHAPTERS)
def test_chapters_define_nothing_and_never_ask_for_the_profile(page):
    for cell in cells(page, "code"):
        tree = ast.parse(cell.source)
        if page == RECIPES:
            tree.body = [node for node in tree.body if not isinstance(node, ast.ClassDef)]
        for node in ast.walk(tree):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef), cell.source
            assert not (isinstance(node, ast.Constant) and node.value == "PROFILE"), cell.source
            compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            assert "name" not in [getattr(part, "attr", "") for part in compared], cell.source


@pytest.mark.parametrize("claim", findings.CLAIMS.values(), ids=lambda claim: claim.id)
def test_every_claim_is_checked_in_the_chapter_of_its_figure(claim):
    page, _, figure = claim.figure.partition(".html#")
    assert figure in {made["figure"]["name"] for made in figures(page)}
    calls = re.findall(
        r"page\.checks\(evidence,([^)]*)\)", "".join(c.source for c in cells(page, "code"))
    )
    checked = [id for call in calls for id in re.findall(r'"([^"]+)"', call)]
    assert claim.id.startswith(tuple(checked))


@pytest.mark.parametrize("page", CHAPTERS)
def test_the_code_of_a_chapter_can_be_read_on_demand(page):
    most = 18 if page == RECIPES else 5
    for cell in cells(page, "code"):
        hidden = {"hide-input", "remove-cell"} & set(cell.metadata.get("tags", []))
        assert hidden or len(cell.source.splitlines()) <= most, cell.source


# --- In JupyterLab -----------------------------------------------------------------------------


@pytest.mark.parametrize("page", [p for p in CHAPTERS if "jupytext" in front_matter(p)])
def test_a_chapter_saved_from_jupyterlab_is_as_it_was(page, tmp_path):
    """One without a header of jupytext's gets it, and another form of YAML, at the first time."""
    file = Path(f"{page}.md").name
    for name in ("jupytext.toml", file):
        shutil.copy(ROOT / "book" / name, tmp_path)
    manager = build_sync_jupytext_contents_manager_class(LargeFileManager)()
    manager.root_dir = str(tmp_path)
    model = manager.get(file, type="notebook")
    model["content"]["metadata"]["language_info"] = {"name": "python", "version": "3.11.0"}
    manager.save(model, file)
    saved = (tmp_path / file).read_text(encoding="utf-8")
    mend = f"bring it into that form: .venv/bin/jupytext --to md:myst {page}.md"
    assert saved == (ROOT / f"{page}.md").read_text(encoding="utf-8"), mend


# --- Try it -------------------------------------------------------------------------------------

TRIED = [
    (page, cell.source)
    for page in CHAPTERS
    for cell in cells(page, "code")
    if "sweep.fetch(" in cell.source
]


class _AskedFor(Exception):
    """Ends a cell once it has asked for its runs."""


def fetch(specs):
    raise _AskedFor(*specs)


@pytest.mark.parametrize("name", findings.PROFILES)
@pytest.mark.parametrize(("page", "source"), TRIED, ids=[page for page, _ in TRIED])
def test_the_runs_to_play_with_are_among_those_that_the_sweep_trains(
    page, source, name, monkeypatch
):
    """Else a build from an empty store fails, and one beside older runs does not."""
    monkeypatch.setenv("PROFILE", name)
    names = {}
    for node in ast.walk(ast.parse("\n".join(c.source for c in cells(page, "code")))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node), names)
    with pytest.raises(_AskedFor) as asked:
        exec(source, names | {"profile": findings.profile(), "sweep": SimpleNamespace(fetch=fetch)})
    planned = {spec.name for which in findings.EXPERIMENTS for spec in findings.specs(which)}
    assert {spec.name for spec in asked.value.args} <= planned


def test_most_chapters_have_a_cell_to_play_with():
    assert len({page for page, _ in TRIED}) >= 9
