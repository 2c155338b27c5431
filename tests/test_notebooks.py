"""The chapters as notebooks: text that any notebook shows, and a reader's changes are kept."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from sdd.findings import prose

ROOT = Path(__file__).resolve().parents[1]


def _tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # notebooks.py imports readable.py, as when it is run
    spec.loader.exec_module(module)
    return module


readable, notebooks = _tool("readable"), _tool("notebooks")
BOOK = readable.read_book(ROOT)
KERNEL = "---\nkernelspec: {display_name: Python 3, language: python, name: python3}\n---\n\n"
ONE = (
    KERNEL
    + """\
# One

```{margin}
See {doc}`two` and {doc}`works`.
```

{cite:t}`b2020` and others {cite:p}`a2019,b2020` start it. `{doc}` is a role.

term
: What it is, by {eq}`eq-b`.

$$
a &= b \\\\
c &= d
$$ (eq-a)

(there)=
## Numbers

Nothing is counted here.

The first is {glue:text}`first:.2f`, and {glue:text}`second` the last.

```{code-cell} ipython3
---
tags: [hide-input]
mystnb:
  image: {alt: A line}
  figure: {caption: "By {eq}`eq-a`. {glue:text}`source`", name: fig-one}
---
page.publish({"first": 1, "source": "Here."})
```
"""
)
TWO = (
    KERNEL
    + """\
# Two

:::{admonition} Read
[This](there), and {numref}`fig-one`.
:::

$$
x
$$ (eq-b)
"""
)
BIB = """\
@misc{a2019, author = {Ames, Ann and {The Team} and Cox, Cy}, year = {2019}, doi = {1/2}}
@misc{b2020, author = {B{\\"o}hm, Bo}, year = {2020}}
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of two chapters and a page without a kernel; return its folder."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    (tmp_path / "book").mkdir()
    for name, text in {"one": ONE, "two": TWO, "works": "# Works cited\n"}.items():
        (tmp_path / "book" / f"{name}.md").write_text(text, encoding="utf-8")
    (tmp_path / "book" / "r.bib").write_text(BIB, encoding="utf-8")
    (tmp_path / "_toc.yml").write_text(
        "root: book/one\nchapters: [{file: book/two}, {file: book/works}]\n"
    )
    configure(tmp_path)
    return tmp_path


def configure(folder, url=""):
    (folder / "_config.yml").write_text(
        f'repository: {{url: "{url}"}}\nbibtex_bibfiles: [book/r.bib]\n'
        "parse: {myst_enable_extensions: [amsmath, colon_fence, deflist, dollarmath]}\n"
    )


def cells(folder, name, kind):
    read = nbformat.read(folder / "notebooks" / f"{name}.ipynb", as_version=4)
    return [cell for cell in read.cells if cell.cell_type == kind]


# --- Text ---------------------------------------------------------------------------------------


def test_roles_and_directives_become_words_links_and_numbers(book):
    notebooks.main(book, [])
    title, start, heading = (cell.source for cell in cells(book, "one", "markdown"))
    assert title == "# One"
    assert heading == "## Numbers\n\nNothing is counted here."
    assert start.split("\n\n") == [
        "> See [Two](two.ipynb) and *Works cited*.",
        "Böhm (2020) and others ([Ames et al., 2019](https://doi.org/1/2); Böhm, 2020) start it. "
        "`{doc}` is a role.",
        "- **term**: What it is, by [(2)](two.ipynb).",
        "$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n\\tag{1}\n$$",
    ]
    _, second = (cell.source for cell in cells(book, "two", "markdown"))
    assert second == (
        "> **Read**\n>\n> [This](#Numbers), and [Figure 1](one.ipynb).\n\n$$\nx\n\\tag{2}\n$$"
    )


def test_text_with_numbers_can_be_read_before_and_is_filled_in_after_running(book):
    notebooks.main(book, [])
    first, sentence, code, caption = cells(book, "one", "code")
    assert "outputs" not in first or not first.outputs
    for cell in (sentence, caption):
        assert cell.metadata["jupyter"]["source_hidden"]
        assert cell.metadata["cellView"] == "form"
    assert "source_hidden" not in code.metadata.get("jupyter", {})
    assert sentence.outputs[0].data["text/markdown"] == "The first is …, and … the last."
    assert caption.outputs[0].data["text/markdown"] == "**Figure 1.** By (1). …"
    made = nbformat.read(book / "notebooks" / "one.ipynb", as_version=4)
    nbclient.NotebookClient(made, resources={"metadata": {"path": str(book)}}).execute()
    said = [
        cell.outputs[0].data["text/markdown"] for cell in made.cells if "page.say" in cell.source
    ]
    assert said == ["The first is 1.00, and … the last.", "**Figure 1.** By (1). Here."]


@pytest.mark.parametrize("page", BOOK.chapters)
def test_no_notebook_of_the_book_holds_markup_that_only_the_book_shows(page):
    made = notebooks.notebook_of(page, BOOK)
    assert made.cells[0].source == f"# {BOOK.titles[page]}"
    for cell in made.cells:
        text = cell.source
        if cell.cell_type == "code":
            if not text.startswith("page.say("):
                continue
            text = cell.outputs[0].data["text/markdown"]
        text = re.sub(r"``.+?``|(?<!})`[^`{]+`", "", text)
        assert not re.findall(
            r"\{[\w:]+\}`|^`{3,}\{|^:{3,}|\]\([\w-]+\)|\$\$ *\(", text, re.MULTILINE
        )


@pytest.mark.parametrize("page", BOOK.chapters)
def test_every_number_in_the_text_of_a_notebook_is_one_that_a_cell_publishes(page):
    """Else it would stay "…"; the build says so only of the book."""
    made = notebooks.notebook_of(page, BOOK)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    said = "\n".join(text for text in code if text.startswith("page.say("))
    assert set(re.findall(r"\{(\w+:\w+)\}`", said)) <= {"glue:text"}
    assert not said or any("page.publish(" in text for text in code)


def test_an_unknown_directive_or_role_is_named(book):
    (book / "book" / "two.md").write_text(f"{TWO}\n```{{video}} film.mp4\n```\n")
    with pytest.raises(ValueError, match=r"two: no notebook can show the directive \{video\}"):
        notebooks.main(book, [])
    (book / "book" / "two.md").write_text(f"{TWO}\nThe {{term}}`loss`.\n")
    with pytest.raises(ValueError, match=r"two: no notebook can show the role \{term\}"):
        notebooks.main(book, [])


def test_published_numbers_have_the_format_that_the_text_asks_for(monkeypatch):
    values = {"rise": 0.01304, "T": 2000, "name": "quick"}
    text = "{glue:text}`rise:+.3f` at {glue:text}`T:,`, {glue:text}`name`, {glue:text}`other:.1%`"
    assert prose.filled(text, values) == "+0.013 at 2,000, quick, …"


# --- Files --------------------------------------------------------------------------------------


def test_notebooks_are_written_once_and_always_with_the_same_bytes(book, capsys):
    notebooks.main(book, [])
    folder = book / "notebooks"
    assert capsys.readouterr().out.splitlines() == [
        f"wrote {folder / 'one.ipynb'}",
        f"wrote {folder / 'two.ipynb'}",
    ]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    notebooks.main(book, [])
    assert capsys.readouterr().out == "every notebook is up to date\n"
    shutil.rmtree(folder)
    notebooks.main(book, [])
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert {path.name for path in (book / "book").iterdir()} == {
        "one.md", "two.md", "works.md", "r.bib",
    }  # fmt: skip


def change(path, edit):
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


EDITS = {
    "a cell": lambda content: content["cells"][0].update(source="# Mine"),
    "an output": lambda content: content["cells"][-2].update(execution_count=3),
    "metadata": lambda content: content["metadata"].update(title="mine"),
    "the note itself": lambda content: content["metadata"].pop(notebooks.NOTE),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_a_reader_changed_is_never_written_again_nor_deleted(book, edit, capsys):
    notebooks.main(book, [])
    changed, other = (book / "notebooks" / f"{name}.ipynb" for name in ("one", "two"))
    own = book / "notebooks" / "own.ipynb"
    own.write_text("{}")
    change(changed, edit)
    kept = changed.read_bytes()
    for name in ("one", "two"):
        chapter = book / "book" / f"{name}.md"
        chapter.write_text(chapter.read_text() + "\nA new paragraph.\n")
    capsys.readouterr()
    notebooks.main(book, [])
    assert capsys.readouterr().out.splitlines() == [
        f"kept {changed}, which has been changed; rename or delete it for a new one",
        f"wrote {other}",
    ]
    assert "A new paragraph." in other.read_text(encoding="utf-8")
    (book / "_toc.yml").write_text("root: book/works\n")  # and both chapters go
    notebooks.main(book, [])
    assert capsys.readouterr().out == f"deleted {other}, whose chapter is gone\n"
    assert changed.read_bytes() == kept
    assert own.read_text() == "{}"


def test_a_notebook_that_was_only_run_is_left_alone_without_a_word(book, capsys):
    notebooks.main(book, [])
    path = book / "notebooks" / "one.ipynb"
    change(path, EDITS["an output"])
    kept = path.read_bytes()
    capsys.readouterr()
    notebooks.main(book, [])
    assert capsys.readouterr().out == "every notebook is up to date\n"
    assert path.read_bytes() == kept


# --- Elsewhere ----------------------------------------------------------------------------------


def test_the_first_cell_installs_the_package_from_the_address_of_the_repository(book):
    notebooks.main(book, [])
    (first, *_) = cells(book, "one", "code")
    assert "install sdd first: `pip install .`" in first.source
    configure(book, "https://example.org/someone/sdd")
    notebooks.main(book, [])
    (first, *_) = cells(book, "one", "code")
    assert "%pip install --quiet git+https://example.org/someone/sdd\n" in first.source


def test_the_branch_holds_what_binder_needs_at_the_commit_that_it_is_made_of(book, tmp_path):
    branch = tmp_path / "branch"
    with pytest.raises(SystemExit):
        notebooks.main(book, ["--branch", str(branch)])
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", "-C", str(book), *who, *words], check=True)
    configure(book, "https://example.org/someone/sdd")
    notebooks.main(book, ["--branch", str(branch)])
    package = re.search(
        r"^sdd @ (git\+\S+@[0-9a-f]{40})$", (branch / "requirements.txt").read_text(), re.M
    )
    assert package[1].startswith("git+https://example.org/someone/sdd@")
    assert package[1] in (branch / "one.ipynb").read_text()
    assert (branch / "runtime.txt").read_text() == "python-3.11\n"
    assert not (book / "notebooks").exists()
