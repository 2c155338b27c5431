"""Many runs: train those that are not stored yet, side by side, and load them all."""

import contextlib
import os
import tempfile
import time
import warnings
from collections.abc import Generator, Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

import joblib
from joblib.parallel import LokyBackend
from tqdm import tqdm

from sdd import engine
from sdd.runs import cluster, store
from sdd.runs.progress import heartbeat_path, plural, shown_progress
from sdd.runs.spec import RunSpec, train_run
from sdd.runs.worker import train_and_store, write_remaining
from sdd.training.checkpoint import Progress
from sdd.training.run import Run

__all__ = ["MissingRuns", "fetch", "missing", "not_stored", "require", "train_missing"]

RunNames = Generator[str, None, None]

ON_THE_SPOT_S = 60  # seconds of training that a chapter may start by itself
TRIAL_S = 0.5  # seconds of training after which its pace is known well enough


class MissingRuns(RuntimeError):
    """Runs are needed that are not stored, and that take too long to train on the spot."""


def missing(specs: Iterable[RunSpec], folder: Path | None = None) -> list[RunSpec]:
    """Return the specs whose runs are not stored, each once (damaged files are set aside).

    Parameters
    ----------
    specs : iterable of RunSpec
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
    return [s for s in dict.fromkeys(specs) if store.load(s.name, folder) is None]


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
    specs: Iterable[RunSpec],
    folder: Path | None = None,
    jobs: int | None = None,
    quiet: bool = False,
    dask: str | None = None,
) -> int:
    """Train and store the runs that are not stored yet; return how many those were.

    One run a process, longest first; the last runs share the cores that have become idle. A run
    that another process trains at this moment is waited for. Whatever stops this call, the next
    one continues from the runs stored and the last checkpoints of the others.

    Parameters
    ----------
    specs : iterable of RunSpec
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

    Returns
    -------
    int
        How many runs were trained.

    Raises
    ------
    ValueError
        Where both `jobs` and `dask` are given.
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
    todo = sorted(missing(specs, folder), key=lambda s: -s.weight)
    if not todo:
        return 0
    with store.locked("probe", folder):  # finds out that a folder is unusable before training
        pass
    for spec in todo:  # heartbeats left behind by a sweep that was killed
        heartbeat_path(spec.name, folder).unlink(missing_ok=True)
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
        contextlib.closing(_trained(todo, folder, cores, Path(scratch) / "remaining")) as names,
    ):
        write_remaining(Path(scratch) / "remaining", cores, remaining)
        for name in names:
            finished(name)
            remaining.remove(name)
            write_remaining(Path(scratch) / "remaining", cores, remaining)
    return len(todo)


def _trained(todo: list[RunSpec], folder: Path, cores: int, remaining_file: Path) -> RunNames:
    """Train the runs, in processes where there are several; yield the names of those stored."""
    train_one = partial(
        train_and_store, folder=folder, parent=os.getpid(), remaining_file=remaining_file
    )
    if min(cores, len(todo)) == 1:
        yield from map(train_one, todo)
        return
    # Dispatched a few at a time, as loky fails after Ctrl-C where tasks are still queued.
    parallel = joblib.Parallel(
        n_jobs=min(cores, len(todo)),
        backend=_Workers(inner_max_num_threads=1),
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch="2*n_jobs",
    )
    with warnings.catch_warnings():  # after Ctrl-C, that tasks were cancelled: they should be
        warnings.simplefilter("ignore", UserWarning)
        yield from parallel(joblib.delayed(train_one)(spec) for spec in todo)


class _Workers(LokyBackend):
    """Processes in which BLAS and the like have one thread, but the engine as many as it may."""

    MAX_NUM_THREADS_VARS: ClassVar = [
        name for name in LokyBackend.MAX_NUM_THREADS_VARS if name != "NUMBA_NUM_THREADS"
    ]


def fetch(specs: Iterable[RunSpec], folder: Path | None = None) -> list[Run]:
    """Return the runs, in the order of the specs; see `require` for those that are not stored.

    Parameters
    ----------
    specs : iterable of RunSpec
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
    specs = list(specs)
    require(specs, folder)
    runs = {s: store.load(s.name, folder) for s in dict.fromkeys(specs)}
    return [run for s in specs if (run := runs[s]) is not None]


def require(specs: Iterable[RunSpec], folder: Path | None = None) -> None:
    """Make sure that runs are stored, training on the spot those that are missing where quick.

    Parameters
    ----------
    specs : iterable of RunSpec
        The runs wanted.
    folder : Path or None
        The store; None means the default one.

    Raises
    ------
    MissingRuns
        Where the missing runs would take more than a minute, or where the book is being built
        (training never happens inside a page); the message holds the command that trains them.

    Examples
    --------
    >>> from sdd.runs import make_run, require, save_run
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec))
    >>> require([spec])  # nothing is missing
    """
    specs = list(specs)
    lacking = missing(specs, folder)
    if not lacking:
        return
    building = bool(os.environ.get("SDD_BUILD"))
    expected = float("inf") if building else _expected_seconds(lacking)
    if expected > ON_THE_SPOT_S:
        shown = "\n".join(f"    {s.command()}" for s in lacking[:5])
        more = f"\n    … and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        took = "" if building else f" and would take about {tqdm.format_interval(expected)}"
        raise MissingRuns(
            f"{not_stored(len(lacking), len(specs))}{took}; train them with\n{shown}{more}"
        )
    about = tqdm.format_interval(expected)
    print(f"training {plural(len(lacking), 'run')} not stored yet: about {about}")
    train_missing(lacking, folder, quiet=True)


class _TrialOver(Exception):
    """A training was timed for long enough."""


def _expected_seconds(specs: list[RunSpec]) -> float:
    """Return roughly how long it takes to train these runs on an otherwise idle machine.

    The longest of them is trained for a moment, and its pace taken for the work of all. That is
    a little too long, as later steps are faster: more pairs are skipped.
    """
    longest = max(specs, key=lambda s: s.weight)
    engine.warm_up({s.config.m for s in specs})
    stops: list[tuple[float, int]] = []  # (CPU time, which other work lengthens less; steps done)

    def on_stop(progress: Progress) -> None:
        stops.append((time.thread_time(), progress.steps))
        # Not counted from the start, as the first step may have to wait for a compiler.
        if len(stops) > 2 and stops[-1][0] - stops[1][0] > TRIAL_S:
            raise _TrialOver

    with contextlib.suppress(_TrialOver):
        train_run(longest, checkpoint=on_stop)
    # The later stops only: early ones fall at nearly every step, and spend their time on records.
    (start, done), (end, steps) = stops[len(stops) // 2], stops[-1]
    whole = (end - start) * longest.steps / max(1, steps - done)
    cores = min(joblib.cpu_count(), len(specs))
    return whole * max(1.0, sum(s.weight for s in specs) / longest.weight / cores)
