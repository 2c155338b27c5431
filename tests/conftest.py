"""What all tests share: drawn examples, a store of their own, signatures that are checked."""

import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

# Every `make test` draws the same examples, so that no change is rejected by luck; the nightly
# `make test EXPLORE=1` draws fresh ones, and a failure prints the line that repeats it.
settings.register_profile(
    "repeat",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    suppress_health_check=list(HealthCheck),  # they depend on how busy the machine is
)
settings.register_profile(
    "explore",
    settings.get_profile("repeat"),
    derandomize=False,
    max_examples=2_000,
    print_blob=True,
)
settings.load_profile("repeat")

# In these modules every call is held to the types and shapes of its signature. (Elsewhere numba
# compiles the functions as they stand, or tests give wrong types to see what is said of them.)
install_import_hook(
    ["sdd.measures.geometry", "sdd.model", "sdd.theory"],
    typechecker="shapes.check",
)


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory):
    """No test reads or writes the runs of the book."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("store")
        patch.setenv("SDD_STORE", str(folder))
        patch.delenv("SDD_BUILD", raising=False)
        yield folder


# (Imported in here: not before the hook above is at work.)


@pytest.fixture
def trained(monkeypatch):
    """The specs of the trainings done in this process, in order, as (steps, data seed)."""
    from sdd.runs import spec as runspec
    from sdd.training import loop as training

    done = []

    def watched(data, config, **options):
        done.append((config.steps, data.settings.seed))
        return training.train(data, config, **options)

    monkeypatch.setattr(runspec, "train", watched)
    return done


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The files that an undisturbed sweep over the slow runs makes."""
    from sweeps import SLOW, contents

    from sdd.runs.sweep import train_missing

    folder = tmp_path_factory.mktemp("undisturbed")
    train_missing(SLOW, folder, jobs=2, quiet=True)
    return contents(folder)
