"""What all tests share: a store of their own, and kernels compiled from the present sources."""

from importlib.util import find_spec
from pathlib import Path

import pytest


def forget_stale_kernels():
    """Delete compiled kernels of the engine that are older than any of its sources.

    On finding a kernel in its cache on disk, numba compares the file that the function stands
    in, and not those of the functions it calls: an edited kernel would go untested.
    """
    engine = Path(find_spec("sdd").origin).parent / "engine"
    newest = max(source.stat().st_mtime for source in engine.glob("*.py"))
    for file in [*engine.glob("__pycache__/*.nbi"), *engine.glob("__pycache__/*.nbc")]:
        if file.stat().st_mtime < newest:
            file.unlink(missing_ok=True)


forget_stale_kernels()


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory):
    """No test reads or writes the runs of the book."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("store")
        patch.setenv("SDD_STORE", str(folder))
        patch.delenv("SDD_BUILD", raising=False)
        yield folder
