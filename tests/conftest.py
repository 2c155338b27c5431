"""What all tests share: a store of their own, and signatures that are checked."""

import pytest
from jaxtyping import install_import_hook

# In these modules every call is held to the types and shapes of its signature. (Elsewhere numba
# compiles the functions as they stand, or tests give wrong types to see what is said of them.)
install_import_hook(
    ["sdd.metrics", "sdd.model", "sdd.summary", "sdd.theory"], typechecker="shapes.check"
)


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory):
    """No test reads or writes the runs of the book."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("store")
        patch.setenv("SDD_STORE", str(folder))
        patch.delenv("SDD_BUILD", raising=False)
        yield folder
