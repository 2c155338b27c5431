"""`make page` builds one page as strictly as the book, beside pages that it leaves out."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
myst: {html_meta: {description: A page to try}}
---

# A page

"""
PAGES = {
    "links": "See {doc}`other`, {eq}`eq-there`, {numref}`fig-there`, {ref}`word <there>`, "
    "and {cite:t}`henighan2023`.",
    "astray": "See {doc}`nowhere`, {eq}`eq-nowhere`, {numref}`fig-nowhere`.",
    "needs": """\
```{code-cell} ipython3
from sdd.findings import spec
from sdd.runs import sweep

sweep.fetch([spec(T=3, steps=7)])
```
""",
    "other": """\
(there)=
$$ 1 = 1 $$ (eq-there)

```{code-cell} ipython3
---
mystnb:
  image: {alt: A line}
  figure:
    caption: With its table.
    name: fig-there
---
raise RuntimeError("this page is not built")
```
""",
}


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("page", ROOT / "tools" / "page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A book of these pages with the configuration of the real one."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copytree(ROOT / "book" / "assets", folder / "book" / "assets")
    for name in ("_config.yml", "book/references.bib", "book/references.md"):
        shutil.copy(ROOT / name, folder / name)
    for name, text in PAGES.items():
        (folder / "book" / f"{name}.md").write_text(HEAD + text, encoding="utf-8")
    chapters = [{"file": f"book/{name}"} for name in ("astray", "needs", "other", "references")]
    toc = {"format": "jb-book", "root": "book/links", "chapters": chapters}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc))
    return folder


@pytest.mark.slow
def test_references_to_pages_that_are_left_out_stand_as_text(tool, book, capsys):
    assert tool.main("links", book) == 0
    said = capsys.readouterr()
    file = Path(said.out.partition(" is ")[2].rpartition(", made in")[0])
    text = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser").article.get_text()
    assert "See other, eq-there, fig-there, word, and Henighan et al. [2023]" in text
    assert not said.err
    assert sorted(page.name for page in file.parent.glob("*.html")) == [
        "links.html", "references.html",
    ]  # fmt: skip


@pytest.mark.slow
def test_references_to_what_no_page_of_the_book_holds_fail(tool, book, capsys):
    assert tool.main("astray", book) == 1
    said = capsys.readouterr().err
    for name in ("nowhere", "eq-nowhere", "fig-nowhere"):
        assert any("WARNING" in line and name in line for line in said.splitlines()), said


@pytest.mark.slow
def test_a_page_whose_runs_are_not_stored_says_so_with_the_command_and_without_a_traceback(
    tool, book, capsys, monkeypatch
):
    monkeypatch.setenv("SDD_BUILD", "1")
    assert tool.main("needs", book) == 1
    said = capsys.readouterr().err
    assert said.startswith("book/needs cannot be built yet: 1 of 1 run is not stored")
    assert "-m sdd run" in said
    assert "Traceback" not in said


def test_of_an_unknown_page_it_is_said_which_there_are(tool, book, capsys):
    assert tool.main("bunp", book) == 2
    assert capsys.readouterr().err == (
        "PAGE must be one of links astray needs other references, not 'bunp'.\n"
    )
