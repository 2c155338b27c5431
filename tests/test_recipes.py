"""The recipes for experiments of one's own run anywhere, as printed, and their figures are there.

What a reader copies, cells and blocks of Python alike, runs in one notebook in an empty folder
beside an empty store, with the package and nothing of the checkout.
"""

import os
import re
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

from sdd import findings

ROOT = Path(__file__).resolve().parents[1]
PAGE = jupytext.read(ROOT / "book" / "recipes.md", fmt="md:myst")
PRINTED = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def copied():
    """What a reader copies from the page, in its order."""
    for cell in PAGE.cells:
        if cell.cell_type == "markdown":
            yield from PRINTED.findall(cell.source)
        elif "remove-cell" not in cell.metadata.get("tags", []):
            yield cell.source


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The notebook as it was run, and the store after each cell, as names of runs."""
    folder = tmp_path_factory.mktemp("empty")
    store = folder / "runs"
    changes = {
        "SDD_STORE": str(store),
        "SDD_ON_THE_SPOT": "inf",  # however slow the machine is
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in copied()])
    stored = []

    def after(cell, **other):
        stored.append({file.stem for file in store.glob("*.safetensors")})

    with pytest.MonkeyPatch.context() as patch:
        for name, value in changes.items():
            patch.setenv(name, value)
        client = nbclient.NotebookClient(
            notebook, timeout=600, on_cell_executed=after, resources={"metadata": {"path": folder}}
        )
        client.execute()
    return notebook, stored


@pytest.mark.slow
def test_every_recipe_runs_and_draws(ran):
    notebook, _ = ran
    drawn = [
        cell.source
        for cell in notebook.cells
        if any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]
    figures = [cell for cell in PAGE.cells if "mystnb" in cell.metadata]
    assert drawn == [cell.source for cell in figures]


@pytest.mark.slow
def test_the_build_has_trained_what_the_cells_ask_for_and_nothing_else(ran):
    notebook, stored = ran
    printed = [cell.source.startswith("from dask") for cell in notebook.cells]
    before_cluster = stored[printed.index(True) - 1]
    for name in findings.PROFILES:
        assert {spec.name for spec in findings.specs("recipes", name)} == before_cluster


@pytest.mark.slow
def test_the_cluster_trains_and_the_claim_is_judged(ran):
    notebook, stored = ran
    assert len(stored[-1]) == len(stored[-2]) + 4
    said = "".join(
        output.text
        for cell in notebook.cells
        for output in cell.outputs
        if "judge(" in cell.source and output.output_type == "stream"
    )
    assert re.search(r"^(reproduced|contradicted|undecided): .* \[.*\]; 8 trainings", said, re.M)


def test_recipes_train_for_no_longer_than_a_few_models_of_the_quick_book():
    specs = findings.specs("recipes", "quick")
    longest = next(s for s in findings.specs("dataset-size", "quick") if s.data.T == 1_000)
    assert sum(s.weight for s in specs) < 5 * longest.weight
