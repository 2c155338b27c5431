"""Runs as a tidy table: a row a run, with its settings and what is measured on it.

What takes long to measure is computed once for each run and kept beside the stored runs, under a
key that changes with the code that measures. So a page whose runs have been
measured opens without measuring anything again.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from sdd.measures.columns import geometry, losses
from sdd.runs import store, sweep
from sdd.runs.cache import memory
from sdd.runs.spec import RunSpec, listed
from sdd.training.run import Run, settings_row

__all__ = ["Measure", "load", "measured", "settings_of", "table", "with_measures"]

# What is measured on a run: named numbers, each of them a column.
Measure = Callable[[Run], dict[str, Any]]


def settings_of(spec: RunSpec) -> dict[str, Any]:
    """Return the settings of a run as columns, and ``lr_sum``, the sum of its learning rates.

    Parameters
    ----------
    spec : RunSpec
        The run.

    Returns
    -------
    dict
        A value a column; its name in the store is ``run``.

    Examples
    --------
    >>> from sdd.measures.table import settings_of
    >>> settings_of(sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9)))["n"]
    50
    """
    settings = settings_row(spec.data, spec.config, spec.begins, spec.model_name)
    return {"run": spec.name, **settings, "snapshots": len(spec.snapshots)}


def table(
    specs: RunSpec | Iterable[RunSpec] | None = None, *measures: Measure, folder: Path | None = None
) -> pd.DataFrame:
    """Return runs as a table, a row each, training those that are not stored where that is quick.

    Parameters
    ----------
    specs : RunSpec, or iterable of RunSpec, or None
        The runs, each once, in the order of the rows. None means everything stored, with settings
        and losses, and no geometry unless asked for.
    *measures : callable
        What to measure besides `losses` and `geometry`: functions from a run to named numbers,
        such as `loss_parts`. A function of your own must be defined at the top level of a
        module: its values are kept under its dotted name.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    DataFrame
        A row a run: its settings (``data_seed`` and ``seed`` are the seeds of data and of
        initial weights; ``run`` is its name in the store), and what was measured.

    Raises
    ------
    MissingRuns
        Where runs are not stored and would take long to train.

    Examples
    --------
    >>> from sdd.runs import make_run, save_run
    >>> config = sdd.TrainConfig(steps=100)
    >>> specs = [sdd.RunSpec(sdd.DataSettings(T, n=50, sparsity=0.9), config) for T in (3, 5)]
    >>> files = [save_run(make_run(spec)) for spec in specs]  # otherwise they are trained
    >>> sdd.table(specs)[["T", "n"]].values.tolist()
    [[3.0, 50.0], [5.0, 50.0]]
    """
    if specs is None:
        place = folder or store.default_folder()
        rows = [{"run": name, **run.table_row()} for name, run in store.load_all(place)]
        return with_measures(pd.DataFrame(rows), *measures, folder=place)
    specs = list(dict.fromkeys(listed(specs)))
    sweep.require(specs, folder)
    frame = pd.DataFrame([settings_of(spec) for spec in specs])
    return with_measures(frame, losses, geometry, *measures, folder=folder)


def with_measures(
    frame: pd.DataFrame, *measures: Measure, folder: Path | None = None
) -> pd.DataFrame:
    """Return a table of runs with further measures; see `table`.

    Parameters
    ----------
    frame : DataFrame
        A row a run, with their names in ``run``.
    *measures, folder
        As for `table`.

    Returns
    -------
    DataFrame
        With a column a named number.

    Raises
    ------
    MissingRuns
        Where one of the runs is not stored.

    Examples
    --------
    >>> from sdd.measures.columns import ring_columns
    >>> from sdd.measures.table import with_measures
    >>> from sdd.runs import make_run, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300))
    >>> file = save_run(make_run(spec))
    >>> with_measures(sdd.table([spec]), ring_columns)["length_mean"].gt(0).tolist()
    [True]
    """
    for measure in measures if len(frame) else ():
        rows = [measured(run, measure, folder) for run in frame["run"]]
        frame = frame.assign(**pd.DataFrame(rows, frame.index))
    return frame


def measured(name: str, measure: Measure, folder: Path | None = None) -> dict[str, Any]:
    """Return what a measure gives for the run of that name, as kept in the store where it is.

    Parameters
    ----------
    name : str
        Name of the run.
    measure : callable
        From a run to named numbers, at the top level of a module.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    dict
        Named numbers.

    Raises
    ------
    MissingRuns
        Where the run is not stored.

    Examples
    --------
    >>> from sdd.measures.columns import losses
    >>> from sdd.measures.table import measured
    >>> from sdd.runs import make_run, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))
    >>> 0.5 < measured(spec.name, losses)["test_loss"] < 2
    True
    """
    folder = folder or store.default_folder()
    what = f"{measure.__module__}.{measure.__qualname__}"
    # A measure of one's own may be in a module whose source `memory` does not watch.
    file = getattr(sys.modules[measure.__module__], "__file__", None)
    source = Path(file).read_text(encoding="utf-8") if file else inspect.getsource(measure)
    code = hashlib.sha256(source.encode()).hexdigest()[:16]
    return _kept(folder)(name, what, code, measure, folder)


@lru_cache(maxsize=4)
def _kept(folder: Path) -> Callable[..., dict[str, Any]]:
    return memory(folder).cache(_compute, ignore=["measure", "folder"])


def _compute(name: str, what: str, code: str, measure: Measure, folder: Path) -> dict[str, Any]:
    """Measure one run; `what` and `code` are what the result is kept under, beside its name."""
    (run,) = load([name], folder)
    return measure(run)


@lru_cache(maxsize=512)
def _loaded(name: str, folder: Path) -> Run:
    run = store.load(name, folder)
    if run is None:
        raise sweep.MissingRuns(f"the run {name} is not stored in {folder}")
    return run


def load(names: Iterable[str], folder: Path | None = None) -> list[Run]:
    """Return stored runs by name, such as those of a table's column ``run``.

    Parameters
    ----------
    names : iterable of str
        Names of the runs.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    list of Run
        One a name.

    Raises
    ------
    MissingRuns
        Where one is not stored.

    Examples
    --------
    >>> from sdd.measures.table import load
    >>> from sdd.runs import make_run, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))
    >>> load(sdd.table([spec])["run"])[0].T
    5
    """
    folder = folder or store.default_folder()
    return [_loaded(name, folder) for name in names]
