"""The examples in the docstrings of public functions run, and give what they say."""

import doctest
import inspect

import docstrings
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import sdd

# What an example may use without importing it; the rest it names in full or imports.
KNOWN = {"sdd": sdd, "np": np, "pd": pd, "plt": plt}
EXAMPLES = {
    test.name: test
    for name, thing in docstrings.public().items()
    for test in doctest.DocTestFinder(recurse=False).find(thing, name, module=False, globs=KNOWN)
    if test.examples
}


@pytest.fixture(autouse=True)
def as_it_was(tmp_path, monkeypatch):
    """Figures are drawn without a screen, files written to an empty folder, settings kept."""
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_what_its_docstring_says(name):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    runner.run(EXAMPLES[name], out=said.append)
    assert not runner.failures, "".join(said)


def test_what_the_reference_documents_has_examples():
    known = {"sdd.data.settings.sample", "sdd.engine.loss", "sdd.findings.rule.above"}
    assert known <= set(EXAMPLES)
    assert "sdd.engine.pairs" not in {name.rpartition(".")[0] for name in EXAMPLES}  # its insides


def whole(a, *, b=1):
    """Do this.

    Parameters
    ----------
    a, b : int
        Numbers.

    Returns
    -------
    int

    Examples
    --------
    >>> 1
    1
    """
    return a + b


@pytest.mark.parametrize(
    ("part", "instead", "code"),
    [("a, b :", "a :", "PR01"), ("Returns\n-------\nint", "", "RT01"), ("Examples", "", "EX01")],
)
def test_a_docstring_that_lacks_a_part_is_refused(part, instead, code, monkeypatch):
    monkeypatch.setattr(docstrings, "public", lambda: {"whole": whole})
    assert list(docstrings.complaints()) == []
    monkeypatch.setattr(whole, "__doc__", inspect.getdoc(whole).replace(part, instead))
    assert [said for said in docstrings.complaints() if f": {code} " in said]
