"""Notebooks run from nothing but the built wheel: an empty folder, an empty store, no checkout.

Here two of them; all, which takes as long as training the quick profile: NOTEBOOKS=all.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted(p.stem for p in (ROOT / "book").glob("*.md") if "kernelspec:" in p.read_text())
SHORT = ["data-points", "elsewhere"]
# What builds the book, and is not installed with the package alone.
FOR_THE_BOOK = ["myst_nb", "sphinx", "jupyter_book", "jupytext", "pybtex"]

WITHOUT = """\
import sys

class Without:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"{name} is not installed with the package alone")

sys.meta_path.insert(0, Without)
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder of notebooks, and an environment with the wheel and without the book's tools."""
    made = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source, site = made / "source", made / "site"
    # A copy, as a build leaves things behind.
    shutil.copytree(ROOT / "sdd", source / "sdd", ignore=shutil.ignore_patterns("__pycache__"))
    for file in filter(Path.is_file, ROOT.iterdir()):
        shutil.copy(file, source)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", made, source]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = made.glob("sdd-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    shutil.rmtree(source)
    (site / "sitecustomize.py").write_text(f"NAMES = {FOR_THE_BOOK}\n{WITHOUT}")
    written = [sys.executable, ROOT / "tools" / "notebooks.py", "--into", made / "notebooks"]
    subprocess.run(written, check=True, capture_output=True)
    dropped = ("SDD_STORE", "SDD_BUILD", "PROFILE", "SDD_ON_THE_SPOT")
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    return made / "notebooks", env | {"PYTHONPATH": str(site)}


@pytest.mark.parametrize("name", CHAPTERS if os.environ.get("NOTEBOOKS") == "all" else SHORT)
def test_a_notebook_runs_from_the_wheel_alone_and_says_every_number(
    name: str, alone: tuple[Path, dict[str, str]]
) -> None:
    folder, env = alone
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    where = "import sdd; print(sdd.__file__)"
    notebook.cells.append(nbformat.v4.new_code_cell(where))
    client = nbclient.NotebookClient(
        notebook, timeout=1_200, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=env)
    assert str(folder.parent) in notebook.cells[-1].outputs[0].text
    for cell in notebook.cells:
        if cell.source.startswith("page.say("):
            assert "…" not in cell.outputs[0].data["text/markdown"], cell.source
    assert (folder / "runs").is_dir() or name in ("elsewhere", "promises")
