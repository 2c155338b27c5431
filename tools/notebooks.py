"""Write the chapters as notebooks: for readers into notebooks/, or for the branch of that name.

    python tools/notebooks.py                   # into notebooks/; `make lab` opens them
    python tools/notebooks.py --branch FOLDER   # with the files that Binder reads

The `.md` chapters are the source. In a notebook their text is plain Markdown (tools/readable.py);
text with numbers is a cell whose code is hidden, and whose output shows the text before anything
has been run, without the numbers. The same chapters always give the same bytes.

Readers change these notebooks: one that is not as it was written is never written again.
"""

import argparse
import hashlib
import json
import os
import subprocess
from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from readable import GLUE, Book, plain, plain_blocks, read_book

from sdd.findings.prose import filled

ROOT = Path(__file__).resolve().parent.parent
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
FIRST_CELL = """\
# Run this cell first. It finds the package that the chapter draws on{found}.
import importlib.util
import os

if importlib.util.find_spec("sdd") is None:
    {install}

# Small models, which are trained here as they are needed: seconds to minutes, once.
os.environ.setdefault("PROFILE", "quick")
os.environ.setdefault("SDD_ON_THE_SPOT", "900")  # seconds that a cell may train without asking
# The paper's size: first `python -m sdd run --profile paper` (90 minutes), then, without the #:
# os.environ["PROFILE"] = "paper"

from sdd.findings import page"""
NO_ADDRESS = """\
raise ImportError("install sdd first: `pip install .` in the folder of its repository")"""
NOTE = "sdd_written"  # in the metadata: the hash of what was written
HIDDEN = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # in JupyterLab; on Colab
BINDER_README = """\
Written by tools/notebooks.py from the chapters of {url} at {commit}: changes belong there.
"""


def notebook_of(page: str, book: Book, install: str = "") -> nbformat.NotebookNode:
    """Return a chapter as a notebook; `install` is what pip takes for the package, if anything."""
    cells: list[nbformat.NotebookNode] = []
    for cell in book.notebooks[page].cells:
        if cell.cell_type == "code":
            hidden = HIDDEN if "remove-cell" in cell.metadata.get("tags", ()) else {}
            cells.append(new_code_cell(cell.source, metadata=dict(hidden)))
            if figure := cell.metadata.get("mystnb", {}).get("figure"):
                number = book.numbers[figure["name"]][1]
                caption = plain(figure["caption"], page, book)
                cells += text_cells([("paragraph", f"**Figure {number}.** {caption}")])
        else:
            cells += text_cells(plain_blocks(cell.source, page, book))
    command = f"%pip install --quiet {install}" if install else NO_ADDRESS
    first = FIRST_CELL.format(install=command, found=", or installs it" if install else "")
    # Below the title, so that a reader sees first what this is.
    cells.insert(1, new_code_cell(first))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = new_notebook(
        cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    nbformat.validate(notebook)
    return notebook


def text_cells(blocks: list[tuple[str, str]]) -> list[nbformat.NotebookNode]:
    """Return blocks of text as cells: of Markdown, and of code where there are numbers in them.

    Headings are always Markdown, which tables of contents are made of. Below each, everything from
    the first block with a number to the last is one cell of code.
    """
    sections: list[list[tuple[str, str]]] = [[]]
    for kind, text in blocks:
        if kind == "heading":
            sections.append([])
        sections[-1].append((kind, text))
    parts: list[tuple[bool, list[str]]] = []  # (has numbers, its blocks)
    for section in sections:
        texts = [text for _, text in section]
        numbered = [k for k, text in enumerate(texts) if GLUE in text]
        first, end = (numbered[0], numbered[-1] + 1) if numbered else (len(texts), len(texts))
        parts += [(False, texts[:first]), (True, texts[first:end]), (False, texts[end:])]
    cells = []
    for has_numbers, texts in parts:
        text = "\n\n".join(texts)
        if has_numbers and text:
            cells.append(_said(text))
        elif text:
            cells.append(new_markdown_cell(text))
    # The title stands alone.
    if blocks and blocks[0][1].startswith("# ") and "\n" in cells[0].source:
        title, _, rest = cells[0].source.partition("\n")
        cells[:1] = [new_markdown_cell(title), new_markdown_cell(rest.strip("\n"))]
    return cells


def _said(text: str) -> nbformat.NotebookNode:
    """Return a cell that says a text, with the output of before the numbers are known."""
    # Where the code is hidden, its first line is not: let that be short.
    literal = f'r"""\n{text}\n"""' if '"""' not in text else repr(text)
    shown = filled(text, {})
    output = new_output("display_data", {"text/markdown": shown, "text/plain": shown})
    return new_code_cell(f"page.say({literal})", metadata=dict(HIDDEN), outputs=[output])


# --- Files --------------------------------------------------------------------------------------


def digest(content: dict) -> str:
    """Return the hash of all of a notebook's content but of its note on what was written."""
    metadata = {k: v for k, v in content["metadata"].items() if k != NOTE}
    return hashlib.sha256(json.dumps(content | {"metadata": metadata}).encode()).hexdigest()


def read(path: Path) -> dict:
    """Return the content of a file; none where it is no notebook."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if {"cells", "metadata"} <= set(content) else {}
    except (OSError, ValueError, TypeError):
        return {}


def is_as_written(content: dict) -> bool:
    """Return whether this is a notebook of this tool that nobody has changed."""
    return bool(content) and content["metadata"].get(NOTE) == digest(content)


def sources(content: dict) -> list[tuple[str, str]]:
    """Return what makes a notebook the same chapter: the kinds and texts of its cells."""
    return [(c["cell_type"], "".join(c["source"])) for c in content.get("cells", ())]


def write(notebook: nbformat.NotebookNode, path: Path) -> str:
    """Write a notebook unless a reader's is there; return in words what was done, if anything."""
    new, old = json.loads(nbformat.writes(notebook)), read(path)
    if sources(new) == sources(old):  # and perhaps with what running it gave
        return ""
    if path.exists() and not is_as_written(old):
        return f"kept {path}, which has been changed; rename or delete it for a new one"
    new["metadata"][NOTE] = digest(new)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return f"wrote {path}"


def write_all(root: Path, folder: Path, install: str = "") -> list[str]:
    """Write the notebook of every chapter, delete those of chapters gone; return what was done."""
    book = read_book(root)
    done = [
        write(notebook_of(page, book, install), folder / f"{page}.ipynb") for page in book.chapters
    ]
    for path in sorted(folder.glob("*.ipynb")):
        if path.stem not in book.chapters and is_as_written(read(path)):
            path.unlink()
            done.append(f"deleted {path}, whose chapter is gone")
    return list(filter(None, done))


def write_branch(root: Path, folder: Path, url: str) -> list[str]:
    """Write what the branch of notebooks holds: them, and what Binder makes its machine from."""
    head = ["git", "-C", str(root), "rev-parse", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    package = f"git+{url}@{commit}"
    done = write_all(root, folder, package)
    files = {
        "requirements.txt": "# The small build of PyTorch, for machines without a GPU.\n"
        f"--extra-index-url https://download.pytorch.org/whl/cpu\nsdd @ {package}\n",
        "runtime.txt": "python-3.11\n",
        "README.md": BINDER_README.format(url=url, commit=commit),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [*done, *(f"wrote {folder / name}" for name in files)]


def main(root: Path = ROOT, words: list[str] | None = None) -> None:
    """Write the notebooks and say what was written and what was left alone."""
    parser = argparse.ArgumentParser(description="Write the chapters as notebooks.")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="instead of notebooks/")
    parser.add_argument("--branch", type=Path, metavar="FOLDER", help="write a branch's files")
    asked = parser.parse_args(words)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    url = config["repository"]["url"]
    if not url and (here := os.environ.get("GITHUB_REPOSITORY")):  # a workflow knows it
        url = f"{os.environ['GITHUB_SERVER_URL']}/{here}"
    if asked.branch is not None:
        if not url:
            parser.error("set repository: url: in _config.yml, from which Binder installs")
        done = write_branch(root, asked.branch, url)
    else:
        done = write_all(root, asked.into or root / "notebooks", f"git+{url}" if url else "")
    print("\n".join(done) or "every notebook is up to date")


if __name__ == "__main__":
    main()
