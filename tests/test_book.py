"""Chapters keep the rules that a build cannot see: words for every figure, no typed results."""

import importlib.util
import json
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat
import pytest
import yaml

import sdd
from sdd.findings import claims, experiments, tables

ROOT = Path(__file__).resolve().parents[1]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(chapter["file"] for chapter in TOC["chapters"])]
NO_RUNS = {"fig-data", "fig-schedule"}  # drawn from settings alone: there is no source to name


@cache
def text_of(page):
    return (ROOT / f"{page}.md").read_text(encoding="utf-8")


def front_matter(page):
    return yaml.safe_load(text_of(page).split("---\n")[1])


CHAPTERS = [page for page in PAGES if "kernelspec" in front_matter(page)]


@cache
def code_cells(page):
    """The code cells of a chapter, each as (source, metadata)."""
    notebook = jupytext.read(ROOT / f"{page}.md", fmt="md:myst")
    return [(c.source, c.metadata) for c in notebook.cells if c.cell_type == "code"]


def figures(page):
    """The figures of a chapter, as {name: (source, image, figure)}."""
    heads = [(source, meta.get("mystnb", {})) for source, meta in code_cells(page)]
    heads = [(source, head) for source, head in heads if "figure" in head]
    return {h["figure"]["name"]: (source, h["image"], h["figure"]) for source, h in heads}


def prose(page):
    """What a reader reads that was typed: no code, mathematics, roles, addresses or settings."""
    text = text_of(page).split("---\n", 2)[2]
    text = re.sub(r"^```\{(code-cell|eval-rst)\}.*?^```$", "", text, flags=re.S | re.M)
    for _, image, figure in figures(page).values() if page in CHAPTERS else ():
        text += f"\n{image['alt']}\n{figure['caption']}\n"
    text = re.sub(r"\$\$.*?\$\$|\$[^$]+\$", "", text, flags=re.S)
    text = re.sub(r"(\{[\w:]+\})?`[^`]*`", "", text)
    return re.sub(r"https?://\S+", "", text)


# --- Pages --------------------------------------------------------------------------------------


def test_the_table_of_contents_and_the_folder_hold_the_same_pages():
    assert sorted(PAGES) == sorted(f"book/{path.stem}" for path in (ROOT / "book").glob("*.md"))
    assert len(CHAPTERS) >= 6


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_description_in_plain_words(page):
    description = front_matter(page)["myst"]["html_meta"]["description"]
    assert len(description) >= 20
    assert not re.search(r"[$\\{}`\n]", description)


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_runs_on_the_ordinary_kernel(page):
    assert front_matter(page)["kernelspec"]["name"] == "python3"


# --- Figures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_cell_that_draws_has_alt_text_and_makes_a_figure_with_caption_and_name(page):
    draws = re.compile(r"plt\.subplots|plots\.(?!use_style|COLORS|STYLE)\w+\(")
    for source, meta in code_cells(page):
        if draws.search(source):
            head = meta.get("mystnb", {})
            assert len(head["image"]["alt"]) >= 40, source
            assert not re.search(r"[$\\{}]", head["image"]["alt"]), "no markup in alt text"
            if "hide-input" in meta.get("tags", []):  # else the code is there to be changed
                assert {"caption", "name"} <= set(head["figure"]), source
                assert head["figure"]["name"].startswith("fig-")


@pytest.mark.parametrize("page", CHAPTERS)
def test_captions_say_which_runs_a_figure_was_drawn_from(page):
    for name, (source, _, figure) in figures(page).items():
        if name in NO_RUNS:
            assert not re.search(r"evidence|\.run\b|\.hidden|\.features", source)
        else:
            assert re.search(r"\{glue:text\}`source(-[\w-]+)?`", figure["caption"]), name


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_figure_saves_its_data_under_its_own_name_once_it_is_drawn(page):
    for name, (source, _, _) in figures(page).items():
        assert source.rstrip().splitlines()[-1] == f'figure_data.save("{name}")'
    saved = re.findall(r"figure_data\.save\(", "\n".join(source for source, _ in code_cells(page)))
    assert len(saved) == len(figures(page))


def test_no_two_figures_share_a_name():
    names = [name for page in CHAPTERS for name in figures(page)]
    assert set(names) >= NO_RUNS
    assert len(names) == len(set(names))


# --- Words and numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_no_result_is_typed_into_the_prose(page):
    thresholds = set(re.findall(r"\d+\.\d+", " ".join(c.statement for c in claims.CLAIMS)))
    assert set(re.findall(r"\d+\.\d+", prose(page))) <= thresholds


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_number_in_the_prose_is_published_by_a_cell_of_its_page(page):
    code = "\n".join(source for source, _ in code_cells(page))
    roles = re.findall(r"\{glue:text\}`([^`:]+)(?::[^`]*)?`", text_of(page))
    assert roles
    published = set(re.findall(r'"([\w-]+)":\s', code))
    if "tables.publish(tables.tally(" in code:
        published |= set(tables.tally([]))
    assert set(roles) <= published


@pytest.mark.parametrize("page", CHAPTERS)
def test_what_a_page_publishes_as_a_source_comes_from_experiments(page):
    for source, _ in code_cells(page):
        for name, value in re.findall(r'"(source[\w-]*)": *([\w.]+)', source):
            assert value == "experiments.source", name


def test_the_check_of_each_claim_stands_in_the_chapter_of_its_figure():
    shown = {}
    for page in CHAPTERS:
        calls = re.findall(r"tables\.checks\(evidence((?:,\s*\"[^\"]+\")+)\)", text_of(page))
        shown[page] = tuple(re.findall(r'"([^"]+)"', "".join(calls)))
    for claim in claims.CLAIMS:
        page = claim.figure.partition(".html")[0]
        assert claim.id.startswith(shown[page]), f"{claim.id} is not checked in {page}"


# --- Code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", CHAPTERS)
def test_chapters_define_nothing_and_never_ask_for_the_profile(page):
    for source, _ in code_cells(page):
        assert not re.search(r"^\s*(def|class) ", source, flags=re.M)
        assert "PROFILE" not in source
        assert not re.search(r"\.name\s*(==|!=|in\b|not in\b)", source)


@pytest.mark.parametrize("page", CHAPTERS)
def test_the_code_of_a_chapter_can_be_read_on_demand(page):
    for source, meta in code_cells(page):
        tags = meta.get("tags", [])
        assert {"hide-input", "remove-cell"} & set(tags) or len(source.splitlines()) <= 5


# --- Twins ----------------------------------------------------------------------------------------
# That they are current is part of `make check`; that the check can tell is tested here.


@pytest.fixture
def writer(tmp_path, monkeypatch):
    """The notebooks' writer, on a book of one chapter and one page without a kernel."""
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "tools" / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text('repository:\n  url: ""\n')
    (tmp_path / "book" / "plain.md").write_text("# Works cited\n")
    (tmp_path / "book" / "one.md").write_text(
        "---\nkernelspec: {display_name: Python 3, language: python, name: python3}\n---\n\n"
        "# One\n\n```{code-cell} ipython3\n:tags: [hide-input]\n\nprint(1)\n```\n"
    )
    return module


def test_a_twin_is_a_valid_notebook_without_outputs_and_always_the_same(writer, tmp_path):
    assert writer.main([]) == 0
    (path,) = (tmp_path / "book").glob("*.ipynb")
    first = path.read_bytes()
    notebook = nbformat.reads(first.decode(), as_version=4)
    nbformat.validate(notebook)
    assert [c.cell_type for c in notebook.cells] == ["markdown", "code"]
    assert notebook.cells[1].source == "print(1)"
    assert notebook.cells[1].metadata["tags"] == ["hide-input"]
    assert notebook.cells[1].outputs == []
    path.unlink()
    writer.main([])
    assert path.read_bytes() == first


def test_missing_stale_and_orphaned_twins_are_noticed(writer, tmp_path, capsys):
    book = tmp_path / "book"
    assert writer.main(["--check"]) == 1
    assert not list(book.glob("*.ipynb"))
    assert writer.main([]) == 0
    assert writer.main(["--check"]) == 0
    capsys.readouterr()

    chapter = book / "one.md"
    chapter.write_text(chapter.read_text().replace("print(1)", "print(2)"))
    assert writer.main(["--check"]) == 1
    assert "one.ipynb" in capsys.readouterr().out

    writer.main([])
    (book / "gone.ipynb").write_text("{}")
    assert writer.main(["--check"]) == 1
    assert writer.main([]) == 0
    assert not (book / "gone.ipynb").exists()


def test_once_the_repository_has_an_address_the_twins_install_the_package(writer, tmp_path):
    address = "https://example.org/someone/sdd"
    (tmp_path / "_config.yml").write_text(f'repository:\n  url: "{address}"\n')
    writer.main([])
    notebook = json.loads((tmp_path / "book" / "one.ipynb").read_text(encoding="utf-8"))
    install = "".join(notebook["cells"][0]["source"])
    assert f"%pip install --quiet git+{address}" in install
    assert "google.colab" in install


# --- Try it -------------------------------------------------------------------------------------

TRIED = [page for page in CHAPTERS if "sweep.fetch(" in "\n".join(s for s, _ in code_cells(page))]


class _AskedFor(Exception):
    """Ends a cell once it has asked for its runs."""


@pytest.mark.parametrize("name", experiments.PROFILES)
@pytest.mark.parametrize("page", TRIED)
def test_the_runs_to_play_with_are_among_those_that_the_sweep_trains(page, name, monkeypatch):
    """Else a build from an empty store fails, and one beside older runs does not."""
    monkeypatch.setenv("PROFILE", name)

    def fetch(specs):
        raise _AskedFor(*specs)

    profile = experiments.profile()
    given = {"experiments": experiments, "profile": profile, "sweep": SimpleNamespace(fetch=fetch)}
    planned = {spec.name for which in experiments.EXPERIMENTS for spec in experiments.specs(which)}
    for source, _ in code_cells(page):
        if "sweep.fetch(" in source:
            with pytest.raises(_AskedFor) as asked:
                exec(source, given)
            assert {spec.name for spec in asked.value.args} <= planned, source


def test_most_chapters_have_a_cell_to_play_with():
    assert len(TRIED) >= 9


# --- Reference ----------------------------------------------------------------------------------


def test_the_reference_lists_every_module_that_a_chapter_may_use():
    parts = {f"sdd.{part}" for part in ("claims", "plots")}
    modules = [info.name for info in pkgutil.walk_packages(sdd.__path__, "sdd.")]
    shown = [m for m in modules if m.count(".") == 1 or m.rpartition(".")[0] in parts]
    listed = re.findall(r"automodule:: (\S+)", text_of("book/api"))
    assert set(shown) - set(listed) == {"sdd.__main__", "sdd.cli"}
    assert len(listed) == len(set(listed)) > 30
