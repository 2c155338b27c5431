"""Write the chapters as notebooks into _build/notebooks, for the branch that launch buttons open.

The `.md` chapters are the source; Colab cannot open Markdown. A notebook holds no output, and the
ids of its cells are their places, so that the same chapter always gives the same bytes.

    python tools/notebooks.py
"""

from pathlib import Path

import jupytext
import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent
COLAB_CELL = """\
# On Colab: install the package this chapter draws on. Elsewhere this cell does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install --quiet git+{url}"""


def notebook_of(chapter: Path, url: str = "") -> nbformat.NotebookNode | None:
    """Return a chapter as a notebook, or None for a page without a kernel."""
    notebook = jupytext.read(chapter, fmt="md:myst")
    kernel = notebook.metadata.get("kernelspec")
    if kernel is None:
        return None
    if url:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(COLAB_CELL.format(url=url)))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return notebook


def main(root: Path = ROOT) -> None:
    """Write every notebook where its chapter stands, below _build/notebooks, and say which."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    target = root / "_build" / "notebooks"
    for old in target.glob("book/*.ipynb"):
        old.unlink()
    for chapter in sorted((root / "book").glob("*.md")):
        notebook = notebook_of(chapter, config["repository"]["url"])
        if notebook is not None:
            path = target / "book" / f"{chapter.stem}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, path)
            print(path.relative_to(root))


if __name__ == "__main__":
    main()
