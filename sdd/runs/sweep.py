"""Many runs: train those that are not stored yet, side by side, and load them all."""

import contextlib
import math
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import joblib
from tqdm import tqdm

from sdd import engine
from sdd.runs import cluster, journal, store
from sdd.runs.journal import Entry
from sdd.runs.on_the_spot import (
    Interrupted,
    MissingRuns,
    agreed,
    allowed_seconds,
    expected_seconds,
)
from sdd.runs.pool import trained
from sdd.runs.progress import plural, shown_progress
from sdd.runs.spec import RunSpec, check_feasible, lacking, listed
from sdd.runs.upkeep import tidy
from sdd.runs.worker import TimeIsUp, write_remaining
from sdd.training.run import Run

__all__ = [
    "fetch",
    "missing",
    "not_stored",
    "require",
    "train_missing",
]

# A training on the spot is stopped after so many times what it may take: others slow it down.
PATIENCE = 1.5
ANY_NUMBER = (
    "Train them with sdd.train_missing(specs), or set SDD_ON_THE_SPOT to the seconds that "
    "training may take here."
)


def missing(specs: RunSpec | Iterable[RunSpec], folder: Path | None = None) -> list[RunSpec]:
    """Return the specs whose runs are not stored, each once (damaged files count as such).

    With them are the runs that they begin after, where those are not stored.

    Parameters
    ----------
    specs : RunSpec, or iterable of RunSpec
        The runs wanted.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    list of RunSpec
        In their order.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs import missing
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> len(missing([spec, spec], Path("an-empty-folder")))
    1
    """
    specs = listed(specs)
    known = store.noted([s.name for s in specs], folder)
    return lacking(specs, lambda name: name in known or store.load(name, folder) is not None)


def not_stored(count: int, total: int) -> str:
    """Return that so many of so many runs are not stored, in words.

    Parameters
    ----------
    count, total : int
        How many are not, of how many.

    Returns
    -------
    str
        Without a full stop.

    Examples
    --------
    >>> from sdd.runs.sweep import not_stored
    >>> not_stored(2, 5)
    '2 of 5 runs are not stored'
    """
    return f"{count} of {plural(total, 'run')} {'is' if total == 1 else 'are'} not stored"


def train_missing(
    specs: RunSpec | Iterable[RunSpec],
    folder: Path | None = None,
    jobs: int | None = None,
    quiet: bool = False,
    dask: str | None = None,
    until: float = math.inf,
) -> int:
    """Train and store the runs that are not stored yet; return how many those were.

    One run a process, longest first, and a run that begins after another once that is stored (it
    is trained, too, where it is not); the last runs share the cores that have become idle. A run
    that another process trains at this moment is waited for. Whatever stops this call, the next
    one continues from the runs stored and the last checkpoints of the others: where it is
    interrupted or a run fails, those in training keep one at once.

    Parameters
    ----------
    specs : RunSpec, or iterable of RunSpec
        The runs wanted.
    folder : Path or None
        The store; None means the default one.
    jobs : int or None
        Processes, and threads of all of them together; None means one per core.
    quiet : bool
        Show no progress.
    dask : str or None
        Address of the scheduler of a Dask cluster that trains the runs instead, such as
        "tcp://10.0.0.1:8786". Its machines need this package, but not the store: each run comes
        back and is stored from here. There are no checkpoints there, and no locks: one that
        another process trains at this moment is trained twice, to the same bits.
    until : float
        When to stop at the latest, as of ``time.time()``; not on a cluster.

    Returns
    -------
    int
        How many runs were trained.

    Raises
    ------
    ValueError
        Where both `jobs` and `dask` are given, or a run's start or model does not fit its data.
    StoreError
        Where the store cannot be used.
    ImportError
        Where `dask` is given and Dask is not installed.
    ConnectionError
        Where no Dask scheduler answers at the address.
    ClusterError
        Where the cluster is lost, gives a run up, or has another version of this package.
    TrainingDiverged
        Where a run diverges.
    TimeIsUp
        Where it is stopped at the time of `until`; the next call continues.
    WorkerDied
        Where a process is killed, or crashes.

    Examples
    --------
    >>> from sdd.runs import make_run, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))
    >>> sdd.train_missing([spec])  # it is stored already
    0
    """
    if dask is not None and jobs is not None:
        raise ValueError(f"give jobs or a Dask cluster, not both: {jobs} and {dask}")
    folder = folder or store.default_folder()
    tidy(folder)
    # Each file is read, whatever the journal says: what a disk has damaged is trained again.
    asked = {s: s.name for s in listed(specs)}
    todo = lacking(asked, lambda name: store.load(name, folder) is not None)
    read = set(asked.values()) - {s.name for s in todo}
    known = journal.entries(folder, read)
    new = read - journal.unchanged(known.values(), folder)
    journal.note([known.get(name, Entry(name)) for name in sorted(new)], folder)
    todo.sort(key=lambda s: -s.weight)
    if not todo:
        return 0
    for spec in todo if dask is None else ():  # before anything is compiled, said or trained
        check_feasible(spec)
    with store.locked("probe", folder):  # finds out that a folder is unusable before training
        pass
    if dask is not None:
        with cluster.connected(dask) as client, shown_progress(todo, folder, quiet) as finished:
            for name in cluster.train_on(client, todo, folder):
                finished(name)
        return len(todo)
    # Compiled once here instead of in every process at once.
    engine.warm_up({s.config.m for s in todo}, quiet)
    cores, remaining = jobs or joblib.cpu_count(), [s.name for s in todo]
    with (
        tempfile.TemporaryDirectory() as scratch,
        shown_progress(todo, folder, quiet) as finished,
        contextlib.closing(
            trained(todo, folder, cores, Path(scratch) / "remaining", until)
        ) as names,
    ):
        write_remaining(Path(scratch) / "remaining", cores, remaining)
        for name in names:
            finished(name)
            remaining.remove(name)
            write_remaining(Path(scratch) / "remaining", cores, remaining)
    return len(todo)


def fetch(specs: RunSpec | Iterable[RunSpec], folder: Path | None = None) -> list[Run]:
    """Return the runs, in the order of the specs; see `require` for those that are not stored.

    Parameters
    ----------
    specs : RunSpec, or iterable of RunSpec
        The runs wanted.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    list of Run
        One a spec.

    Raises
    ------
    MissingRuns
        As for `require`.

    Examples
    --------
    >>> from sdd.runs import make_run, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))  # otherwise it is trained
    >>> sdd.fetch([spec])[0].T
    5
    """
    specs = listed(specs)
    runs = {s: store.load(s.name, folder) for s in dict.fromkeys(specs)}
    if absent := {s.name: s for s, run in runs.items() if run is None}:
        here = {s.name for s in runs} - absent.keys()

        def stored(name: str) -> bool:  # (those asked for have been read)
            return name in here or (name not in absent and store.load(name, folder) is not None)

        _train_on_the_spot(specs, lacking(absent.values(), stored), folder)
        runs |= {s: store.load(name, folder) for name, s in absent.items()}
    found = [run for s in specs if (run := runs[s]) is not None]
    if len(found) < len(specs):  # what was trained just now is gone, or damaged again
        raise MissingRuns(not_stored(len(specs) - len(found), len(specs)), "", ANY_NUMBER)
    return found


def require(specs: RunSpec | Iterable[RunSpec], folder: Path | None = None) -> None:
    """Make sure that runs are stored, training on the spot those that are missing where quick.

    What "quick" means the environment variable ``SDD_ON_THE_SPOT`` says, in seconds (60 where it
    is not set). What takes longer is trained if whoever sits at the notebook or terminal agrees.

    Parameters
    ----------
    specs : RunSpec, or iterable of RunSpec
        The runs wanted.
    folder : Path or None
        The store; None means the default one.

    Raises
    ------
    MissingRuns
        Where the missing runs take longer, or where the book is being built (training never
        happens inside a page); the message holds the command that trains them.
    Interrupted
        Where the training is interrupted; the next call continues it.
    ValueError
        Where the environment variable is no number of seconds.

    Examples
    --------
    >>> from sdd.runs import make_run, require, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))
    >>> require([spec])  # nothing is missing
    """
    specs = listed(specs)
    if todo := missing(specs, folder):
        _train_on_the_spot(specs, todo, folder)


def _train_on_the_spot(specs: list[RunSpec], todo: list[RunSpec], folder: Path | None) -> None:
    """Train the runs that are lacking of these and of those before them, or raise MissingRuns."""
    said, until = not_stored(len(todo), len({*specs, *todo})), math.inf
    command = todo[0].command() if len(todo) == 1 else ""
    more = "" if command else ANY_NUMBER
    if os.environ.get("SDD_BUILD"):
        raise MissingRuns(said, command, more)
    runs, allowed = plural(len(todo), "run"), allowed_seconds()
    about = tqdm.format_interval(expected := expected_seconds(todo))
    if expected <= allowed:
        print(f"training {runs} not stored yet: about {about}", flush=True)
        until = time.time() + PATIENCE * allowed
    elif not agreed(f"Train {runs} not stored yet? It takes about {about}."):
        raise MissingRuns(f"{said}, and would take about {about}", command, more)
    try:
        train_missing(todo, folder, until=until)
    except TimeIsUp as error:
        why = f"{said}: {error}, and the training stopped after "
        raise MissingRuns(
            f"{why}{tqdm.format_interval(PATIENCE * allowed)}; what is done is kept", command, more
        ) from None
    except KeyboardInterrupt:
        raise Interrupted(
            "finished runs are stored, and the same cell or command continues with the others"
        ) from None
