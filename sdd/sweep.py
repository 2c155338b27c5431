"""Many runs: train those that are not stored yet, side by side, and load them all."""

import contextlib
import logging
import math
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np
from joblib.parallel import LokyBackend

from sdd import engine, paper, store
from sdd.data import Dataset, DataSettings
from sdd.engine.choice import LEAST
from sdd.progress import clock, note_of, shown_progress, write_note
from sdd.resume import Progress
from sdd.run import Run, TrainConfig
from sdd.starts import planted
from sdd.training import RECORDS, evaluate, initial_weights, train

__all__ = [
    "ClusterError",
    "MissingRuns",
    "RunSpec",
    "clock",
    "estimate",
    "fetch",
    "missing",
    "test_set",
    "train_missing",
]

ON_THE_SPOT = 60  # seconds of training that a chapter may start by itself
CHECKPOINT_EVERY = 120  # seconds of training that a crash may cost
START_UP = 3  # seconds until processes are at work
TIMED = 2e8  # rows · features · m of the largest step that is timed for an estimate
REACHED = 10  # seconds in which a Dask scheduler has to answer
# Settings that the command line takes from the profile where they are not given.
FROM_PROFILE = ("n", "sparsity", "seed", "steps", "eps")


class MissingRuns(RuntimeError):
    """Runs are needed that are not stored, and that take too long to train on the spot."""


class ClusterError(RuntimeError):
    """A Dask cluster was lost, or gave a run up."""


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines a stored run: what to train on, how, and what to keep.

    Parameters
    ----------
    data : DataSettings
        What to train on.
    config : TrainConfig
        How to train.
    snapshots : tuple of int
        Steps after which weights and second moments are kept.
    start : str
        Name of a planted start, see `sdd.starts`; "" for the usual random one.
    """

    data: DataSettings
    config: TrainConfig
    snapshots: tuple[int, ...] = ()
    start: str = ""

    @property
    def name(self) -> str:
        """The name under which the run is stored."""
        snapshots = tuple(sorted({int(step) for step in self.snapshots}))
        return store.run_name(self.data, self.config, snapshots, self.start)

    @property
    def rows(self) -> int:
        """Rows per step."""
        return int(self.data.batch or self.data.T)

    @property
    def steps(self) -> int:
        """Steps of all its restarts together."""
        return self.config.steps * self.config.restarts

    @property
    def weight(self) -> float:
        """Work, roughly, in units of a pair: orders the runs, and weighs the progress shown."""
        return self.steps * (self.rows + 3.0) * self.data.width * self.config.m

    def command(self) -> str:
        """Return the command that trains this run, whatever the profile it is called under."""
        words = ["python -m sdd run"]
        for prefix, settings in (("data-", self.data), ("", self.config)):
            for f in fields(settings):
                value = getattr(settings, f.name)
                if value != f.default or f.name in FROM_PROFILE:
                    clash = f.name == "seed"
                    words.append(f"--{prefix if clash else ''}{f.name.replace('_', '-')} {value}")
        if self.snapshots:
            words.append("--snapshots " + " ".join(map(str, self.snapshots)))
        if self.start:
            words.append(f"--start {self.start}")
        return " ".join(words)


@lru_cache(maxsize=2)
def test_set(n: int, sparsity: float, features: int | None = None) -> Dataset:
    """Return the one test set that serves every run on this kind of data."""
    law = DataSettings(paper.TEST_ROWS, n, sparsity, seed=0, split="test", features=features)
    made = law.make()
    assert isinstance(made, Dataset)
    return made


def missing(specs: Iterable[RunSpec], folder: Path | None = None) -> list[RunSpec]:
    """Return the specs whose runs are not stored, each once (damaged files are set aside)."""
    return [s for s in dict.fromkeys(specs) if store.load(s.name, folder) is None]


@lru_cache(maxsize=1024)
def _costs(m: int, rows: int, law: DataSettings) -> tuple[float, float]:
    """Return the seconds of a step on so many rows, and of the loss of one, at initial weights.

    They are measured here and now, in CPU time of this thread, which other work on the machine
    lengthens less. Of large sizes fewer rows are timed, and the time is taken in proportion.
    """

    def seconds(call: Callable[[], Any]) -> float:
        start = time.thread_time()
        call()
        return time.thread_time() - start

    timed = min(rows, max(1_000, int(TIMED / (law.width * m))))
    fresh = law.T == math.inf  # then drawing the rows is a part of the step
    data = replace(law, batch=timed).make() if fresh else law.rows(0, timed, "train")
    state = engine.State(*initial_weights(m, law.width))
    step, count = math.inf, 1
    for _ in range(3):  # (The first one tells how many steps make five milliseconds.)
        rates = np.full(count, 1e-6)
        advance = partial(engine.advance, state, data, rates, weight_decay=0.0, eps=1e-8)
        step = min(step, seconds(advance) / count)
        count = max(1, min(1_000, int(0.005 / max(step, 1e-9))))
    seen = law.rows(0, max(timed, 1_000), "train")
    loss = min(seconds(lambda: engine.loss(state.W, state.b, seen)) for _ in range(2))
    return step * rows / timed, loss / seen.T


def _near(m: int, rows: int) -> tuple[int, int]:
    """Return the size that is timed in place of this one: large m, of many sizes, share a few."""
    if m <= 4:
        return m, rows
    return max(8, 2 ** round(math.log2(m))), round(10 ** (round(3 * math.log10(rows)) / 3))


def _pace(m: int, n: int, rows: int) -> tuple[int, float]:
    """Return how many steps take as long as at initial weights, and the share that later ones take.

    Measured on complete runs: as a model learns, more pairs are skipped.
    """
    if m == 1 or min(n, rows) < LEAST:
        return 0, 1.03  # all pairs are visited
    if n < 3_000 or m > 4:
        return 1_750, 0.7
    if rows < 50_000:
        return 1_750, 0.5 if m == 2 else 0.3
    return 500, 0.3


def _seconds(spec: RunSpec) -> float:
    """Return the CPU seconds that a run should take, evaluation and all."""
    config, m, rows = spec.config, spec.config.m, spec.rows
    m_near, rows_near = _near(m, rows)
    size = {"batch": 1} if spec.data.T == math.inf else {"T": 1}  # (the size is told apart)
    step, loss = _costs(m_near, rows_near, replace(spec.data, seed=0, split="train", **size))
    step *= rows * m / (rows_near * m_near)
    loss *= m / m_near
    early, later = _pace(m, spec.data.width, rows)
    steps = min(config.steps, early) + later * max(0, config.steps - early)
    recorded = min(config.steps, RECORDS) * rows
    return config.restarts * (steps * step + recorded * loss) + paper.TEST_ROWS * loss


def estimate(specs: Iterable[RunSpec], jobs: int | None = None) -> float:
    """Return the seconds that training these runs should take on an otherwise idle machine.

    A step of each size is timed at initial weights, on one thread. What later steps take, of
    which most skip more pairs, is that by a measured ratio: see `_pace`.
    """
    specs = list(specs)
    engine.warm_up({s.config.m for s in specs})
    seconds = [_seconds(s) for s in specs]
    jobs = jobs or _cores()
    start = START_UP if min(jobs, len(specs)) > 1 else 0.0
    # (That the last ones take more threads is left out: small ones gain little from it.)
    longest = max((t / s.config.restarts for s, t in zip(specs, seconds, strict=True)), default=0.0)
    return max(sum(seconds) / jobs, longest) + start


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
        "tcp://10.0.0.1:8786". Its machines need this package, but not the store: each run comes
        back and is stored from here. They keep no checkpoints; a run whose worker dies starts
        again on another.

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
        with _cluster(dask) as client, shown_progress(todo, folder, quiet) as finished:
            for name in _trained_on(client, todo, folder):
                finished(name)
        return len(todo)
    # Compiled once here instead of in every process at once.
    engine.warm_up({s.config.m for s in todo}, quiet)
    cores = jobs or _cores()
    with (
        shown_progress(todo, folder, quiet) as finished,
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
                made = _made(
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


def _made(spec: RunSpec, **options: Any) -> Run:
    """Train and evaluate one run."""
    data = spec.data.make()
    init = planted(spec.start, data, spec.config) if spec.start else None
    made = train(data, spec.config, init=init, snapshots=spec.snapshots, **options)
    test = test_set(spec.data.n, spec.data.sparsity, spec.data.features)
    return evaluate(replace(made, start=spec.start), test)


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


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Yield a client of the Dask cluster at that address."""
    try:
        import distributed  # takes a second: only where it is needed
    except ImportError as error:
        raise ValueError(f"to train on a Dask cluster, install distributed ({error})") from error
    try:
        client = distributed.Client(address, timeout=REACHED, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # the last two: it is no address
        why = " ".join(str(error).split())
        raise ConnectionError(f"no Dask scheduler answers at {address}: {why}") from error
    log = logging.getLogger("distributed.client")
    level = log.level
    log.setLevel(logging.CRITICAL)  # what goes wrong is raised, in one sentence
    try:
        with client:
            yield client
    finally:
        log.setLevel(level)


# Not by joblib's own Dask backend (1.6.0): it trains here, not there, where the cluster has but one
# thread, and waits for ever for a task that Dask has given up.
def _trained_on(client: Any, todo: list[RunSpec], folder: Path) -> Iterator[str]:
    """Train the runs on a Dask cluster and store them here; yield the names of those stored."""
    from distributed import KilledWorker, as_completed
    from distributed.client import FutureCancelledError

    # (Handed over all at once, the longest first, so that workers that come later have work, too.)
    tasks = client.map(_made_there, todo, numerics=store.NUMERICS, pure=False)
    futures = as_completed(tasks, loop=client.loop)
    del tasks  # so that a cluster forgets a run that has come back
    try:
        for future in futures:
            # (Named by what came back: it need not be asked which future was whose.)
            yield store.save_run(future.result(), folder).stem
    except KilledWorker as error:
        raise ClusterError(
            f"worker after worker died on a run, the last at {error.last_worker.address} (out of "
            "memory?)"
        ) from error
    except ImportError as error:
        raise ClusterError(f"the cluster's machines need this package, too: {error}") from error
    except FutureCancelledError as error:
        raise ClusterError(f"the Dask cluster was lost: {error.reason}") from error


def _made_there(spec: RunSpec, numerics: int) -> Run:
    """Train and evaluate one run, on one thread of a Dask worker."""
    from distributed import get_worker

    if numerics != store.NUMERICS:
        raise ValueError(
            f"the Dask cluster must have this version of sdd, of numerics {numerics}, not "
            f"{store.NUMERICS}"
        )
    worker = get_worker()
    key = worker.get_current_task()

    def look(progress: Progress) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":  # the sweep has ended: nobody waits for it
            raise ClusterError("the run is not wanted any more")

    return _made(spec, checkpoint=look)


def _cores() -> int:
    return joblib.cpu_count()


def fetch(specs: Iterable[RunSpec], folder: Path | None = None) -> list[Run]:
    """Return the runs, training on the spot those that are missing where that is quick.

    Parameters
    ----------
    specs : iterable of RunSpec
        The runs wanted.
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    list of Run
        In the order of the specs.

    Raises
    ------
    MissingRuns
        Where the missing runs would take more than a minute, or where the book is being built
        (training never happens inside a page); the message holds the command that trains them.
    """
    specs = list(specs)
    runs = {s: store.load(s.name, folder) for s in dict.fromkeys(specs)}
    lacking = [s for s, run in runs.items() if run is None]
    if lacking:
        building = bool(os.environ.get("SDD_BUILD"))
        seconds = math.inf if building else estimate(lacking)
        if seconds > ON_THE_SPOT:
            shown = "\n".join(f"    {s.command()}" for s in lacking[:5])
            more = f"\n    … and {len(lacking) - 5} more" if len(lacking) > 5 else ""
            took = "" if building else f" and would take about {clock(seconds)}"
            raise MissingRuns(
                f"{len(lacking)} of {len(specs)} runs are not stored{took}; train them with\n"
                f"{shown}{more}"
            )
        print(f"training {len(lacking)} runs that are not stored: about {clock(seconds)}")
        train_missing(lacking, folder, quiet=True)
        runs |= {s: store.load(s.name, folder) for s in lacking}
    found = [runs[s] for s in specs]
    return [run for run in found if run is not None]
