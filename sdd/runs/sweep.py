"""Many runs: train those that are not stored yet, side by side, and load them all."""

import contextlib
import math
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import joblib
from joblib.parallel import LokyBackend

from sdd import engine
from sdd.runs import cluster, store
from sdd.runs.estimates import estimate, seconds
from sdd.runs.progress import clock, note_of, shown_progress, write_note
from sdd.training.checkpoint import Progress
from sdd.training.config import Run
from sdd.runs.spec import RunSpec, make_run

__all__ = ["MissingRuns", "fetch", "missing", "require", "train_missing"]

ON_THE_SPOT = 60  # seconds of training that a chapter may start by itself
CHECKPOINT_EVERY = 120  # seconds of training that a crash may cost


class MissingRuns(RuntimeError):
    """Runs are needed that are not stored, and that take too long to train on the spot."""


def missing(specs: Iterable[RunSpec], folder: Path | None = None) -> list[RunSpec]:
    """Return the specs whose runs are not stored, each once (damaged files are set aside)."""
    return [s for s in dict.fromkeys(specs) if store.load(s.name, folder) is None]


def train_missing(
    specs: Iterable[RunSpec],
    folder: Path | None = None,
    jobs: int | None = None,
    quiet: bool = False,
    dask: str | None = None,
) -> int:
    """Train and store the runs that are not stored yet; return how many those were.

    One run a process and one thread a run, longest first; the last runs share the cores that
    have become idle. A run that another process trains at this moment is waited for, not trained
    again. Whatever stops this call, runs already stored stay, and the next call goes on from
    there; of a run in training it goes on from the last checkpoint.

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
        "tcp://10.0.0.1:8786". Its workers need this package, but not the store: each run comes
        back and is stored from here. They keep no checkpoints; a run whose worker dies starts
        again on another. Nor is a run locked: one that another process trains at this moment is
        trained twice, to the same bits.

    Raises
    ------
    ValueError
        Where both `jobs` and `dask` are given, or the cluster has another version of this package.
    StoreError
        Where the store cannot be used.
    ConnectionError
        Where no Dask scheduler answers at the address.
    ClusterError
        Where the cluster is lost, or gives a run up; runs that have finished are stored.
    TrainingDiverged
        Where a run diverges; the others that have finished are stored.
    """
    if dask is not None and jobs is not None:
        raise ValueError(f"give jobs or a Dask cluster, not both: {jobs} and {dask}")
    folder = folder or store.default_folder()
    todo = sorted(missing(specs, folder), key=lambda s: -s.weight)
    if not todo:
        return 0
    with store.locked("probe", folder):  # finds out that a folder is unusable before training
        pass
    for spec in todo:  # those of a sweep that was killed
        note_of(spec.name, folder).unlink(missing_ok=True)
    if dask is not None:
        # (How long its machines take cannot be timed here.)
        work_of = None if quiet else lambda s: s.weight
        with cluster.connected(dask) as client, shown_progress(todo, folder, work_of) as finished:
            for name in cluster.trained_there(client, todo, folder):
                finished(name)
        return len(todo)
    # Compiled once here instead of in every process at once.
    engine.warm_up({s.config.m for s in todo}, quiet)
    cores = jobs or joblib.cpu_count()
    with (
        shown_progress(todo, folder, None if quiet else seconds) as finished,
        _shared_out(todo, cores) as (board, strike),
    ):
        for name in _trained(todo, folder, cores, board):
            finished(name)
            strike(name)
    return len(todo)


@contextlib.contextmanager
def _shared_out(todo: list[RunSpec], cores: int) -> Iterator[tuple[Path, Callable[[str], None]]]:
    """Yield a file in which workers see which runs are left, and what strikes a run off it.

    Only this process writes it, so a worker that dies leaves no wrong count behind.
    """
    left = [s.name for s in todo]
    with tempfile.TemporaryDirectory() as made:
        board = Path(made) / "left"

        def write() -> None:
            new = board.with_suffix(".new")
            new.write_text(" ".join([str(cores), *left]))
            os.replace(new, board)

        def strike(name: str) -> None:
            left.remove(name)
            write()

        write()
        yield board, strike


def threads_of(name: str, board: Path) -> int:
    """Return how many threads a run may take now: more than one where cores are idle."""
    try:
        cores, *left = board.read_text().split()
        share, rest = divmod(int(cores), len(left))
        return max(1, share + (left.index(name) < rest))
    except (OSError, ValueError, ZeroDivisionError):  # the sweep is at its end
        return 1


def _trained(todo: list[RunSpec], folder: Path, cores: int, board: Path) -> Iterator[str]:
    """Train the runs, in processes where there are several; yield the names of those stored."""
    if min(cores, len(todo)) == 1:
        for spec in todo:
            yield _train_and_store(spec, folder, os.getpid(), board)
        return
    # (Dispatched a few at a time: after Ctrl-C, loky trips over tasks that still queue.)
    parallel = joblib.Parallel(
        n_jobs=min(cores, len(todo)),
        backend=_Workers(inner_max_num_threads=1),
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch="2*n_jobs",
    )
    yield from parallel(
        joblib.delayed(_train_and_store)(s, folder, os.getpid(), board) for s in todo
    )


class _Workers(LokyBackend):
    """Processes in which BLAS and the like have one thread, but the engine as many as it may."""

    MAX_NUM_THREADS_VARS: ClassVar = [
        name for name in LokyBackend.MAX_NUM_THREADS_VARS if name != "NUMBA_NUM_THREADS"
    ]


def _train_and_store(spec: RunSpec, folder: Path, parent: int, board: Path) -> str:
    """Train one run unless it is stored by now; runs in a worker process."""
    if os.getpid() != parent:  # Ctrl-C is for the sweep, which then ends its workers
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with store.locked(spec.name, folder):
        if store.load(spec.name, folder) is None:
            progress = store.load_checkpoint(spec.name, spec.config, folder)
            try:
                made = make_run(
                    spec,
                    threads=lambda: threads_of(spec.name, board),
                    checkpoint=_watcher(spec, folder, parent, progress.steps if progress else 0),
                    resume=progress,
                )
                store.save_run(made, folder)
            finally:
                with contextlib.suppress(OSError):
                    note_of(spec.name, folder).unlink()
    return spec.name


def _watcher(spec: RunSpec, folder: Path, parent: int, resumed: int) -> Callable[[Progress], None]:
    """Return what looks after a run in training: notes how far it is, and keeps checkpoints."""
    noted = kept = time.monotonic()
    write_note(spec.name, folder, resumed, resumed)

    def look(progress: Progress) -> None:
        nonlocal noted, kept
        if os.getpid() != parent and os.getppid() != parent:
            os._exit(1)  # the sweep was killed: leave no orphan at work
        now = time.monotonic()
        if now - noted > 1:
            noted = now
            write_note(spec.name, folder, progress.steps, resumed)
        if now - kept > CHECKPOINT_EVERY:
            kept = now
            try:
                store.save_checkpoint(progress, spec.name, folder)
            except store.StoreError as error:  # there may be space again by the end
                warnings.warn(f"no checkpoint was kept: {error}", stacklevel=2)

    return look


def fetch(specs: Iterable[RunSpec], folder: Path | None = None) -> list[Run]:
    """Return the runs, in the order of the specs; see `require` for those that are not stored."""
    specs = list(specs)
    require(specs, folder)
    runs = {s: store.load(s.name, folder) for s in dict.fromkeys(specs)}
    found = [runs[s] for s in specs]
    return [run for run in found if run is not None]


def require(specs: Iterable[RunSpec], folder: Path | None = None) -> None:
    """See to it that runs are stored, training on the spot those that are missing where quick.

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
    """
    specs = list(specs)
    lacking = missing(specs, folder)
    if not lacking:
        return
    building = bool(os.environ.get("SDD_BUILD"))
    expected = math.inf if building else estimate(lacking)
    if expected > ON_THE_SPOT:
        shown = "\n".join(f"    {s.command()}" for s in lacking[:5])
        more = f"\n    … and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        took = "" if building else f" and would take about {clock(expected)}"
        raise MissingRuns(
            f"{len(lacking)} of {len(specs)} runs are not stored{took}; train them with\n"
            f"{shown}{more}"
        )
    print(f"training {len(lacking)} runs that are not stored: about {clock(expected)}")
    train_missing(lacking, folder, quiet=True)
