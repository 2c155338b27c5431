"""The book's own store, for the tests that judge its runs: they read it and never change a run."""

import os
from pathlib import Path

import pytest

# As it was before tests got a store of their own.
STORE = os.environ.get("SDD_STORE") or str(Path(__file__).resolve().parents[2] / "runs")


@pytest.fixture(scope="module")
def book_store():
    """Let the tests of a module read the runs that the book is made of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDD_STORE", STORE)
        patch.setenv("SDD_BUILD", "1")  # what is missing is an error, not a reason to train
        yield Path(STORE)
