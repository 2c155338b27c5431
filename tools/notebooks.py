"""Write the `.ipynb` twin of each chapter, or check that it is up to date.

Launch buttons need notebooks (Colab cannot open Markdown); the `.md` chapters stay the source.
A twin holds no output, and its cell ids depend on nothing but the cells' order and kind, so that
the same chapter always gives the same bytes.

    python tools/notebooks.py [--check]
"""

import argparse
import sys
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


def repository_url() -> str:
    """Read the address set in _config.yml ("" until there is one)."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return (config.get("repository") or {}).get("url") or ""


def is_notebook(chapter: Path) -> bool:
    """Tell whether a Markdown page has a kernel to run on."""
    head = chapter.read_text(encoding="utf-8").split("\n---", 1)[0]
    return "kernelspec:" in head


def twin(chapter: Path, url: str = "") -> str:
    """Return the text of the notebook that belongs to a chapter."""
    notebook = jupytext.read(chapter, fmt="md:myst")
    if url:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(COLAB_CELL.format(url=url)))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{cell.cell_type}-{number:03d}"
        if cell.cell_type == "code":
            cell["outputs"], cell["execution_count"] = [], None
    kernel = notebook.metadata.get("kernelspec", {})
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", **kernel},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1, sort_keys=True, ensure_ascii=False).rstrip() + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write every twin, or with --check name those that are stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if one is stale")
    check = parser.parse_args(argv).check

    url, stale = repository_url(), []
    chapters = [path for path in sorted((ROOT / "book").glob("*.md")) if is_notebook(path)]
    for chapter in chapters:
        path, text = chapter.with_suffix(".ipynb"), twin(chapter, url)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT).as_posix())
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
    expected = {chapter.with_suffix(".ipynb") for chapter in chapters}
    for orphan in sorted(set((ROOT / "book").glob("*.ipynb")) - expected):
        stale.append(orphan.relative_to(ROOT).as_posix() + " (has no chapter)")
        if not check:
            orphan.unlink()

    if check and stale:
        print(f"Stale notebooks: {', '.join(stale)}. Run `make notebooks` and commit them.")
        return 1
    print(f"{len(chapters)} notebooks: " + (", ".join(stale) if stale else "all up to date"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
