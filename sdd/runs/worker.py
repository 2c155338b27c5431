"""What one process of a sweep does: train a run with the threads it may have, and keep watch."""

import contextlib
import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from sdd.runs import store
from sdd.runs.progress import heartbeat_path, write_heartbeat
from sdd.runs.spec import RunSpec, make_run
from sdd.runs.waiting import held
from sdd.training.checkpoint import Progress

__all__ = [
    "Stopped",
    "TimeIsUp",
    "begin",
    "starting",
    "threads_of",
    "train_and_store",
    "write_remaining",
]

CHECKPOINT_EVERY_S = 15  # seconds of training that a kill or a crash may cost
LAST_S = 30  # that a worker may take to keep a checkpoint, once its sweep is gone

# What stops a sweep.
STOPPING = {getattr(signal, s) for s in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, s)}

_at_work = threading.Lock()  # held by a worker process while it trains


class TimeIsUp(RuntimeError):
    """A sweep was stopped at the time that it was given; says why. Checkpoints are kept."""


class Stopped(RuntimeError):
    """A sweep has ended before a run of it; its checkpoint is kept."""


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Start processes within that no signal stops until they have come to `begin`.

    Examples
    --------
    >>> from sdd.runs.worker import starting
    >>> with starting():
    ...     pass
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # which processes inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin(parent: int) -> None:
    """Prepare a worker process: it ignores what stops a sweep, and ends with it.

    The sweep is stopped by the signals, and then stops its workers, each with a checkpoint.

    Parameters
    ----------
    parent : int
        Number of the process that the sweep runs in.

    Examples
    --------
    >>> import os
    >>> from sdd.runs.worker import begin
    >>> begin(os.getppid())  # doctest: +SKIP
    """
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    _at_work.acquire(timeout=LAST_S)  # a training keeps a checkpoint at its next stop
    os._exit(1)


def train_and_store(
    spec: RunSpec, folder: Path, parent: int, remaining_file: Path, until: float = math.inf
) -> str:
    """Train one run unless it is stored by now; in a worker process, or in a thread of the sweep.

    Parameters
    ----------
    spec : RunSpec
        The run.
    folder : Path
        The store.
    parent : int
        Number of the process that the sweep runs in; where that is gone, the run is stopped.
    remaining_file : Path
        From which `threads_of` reads; where it is gone, the run is stopped.
    until : float
        When to stop at the latest, as of ``time.time()``.

    Returns
    -------
    str
        The run's name.

    Raises
    ------
    TrainingDiverged
        Where weights or losses stop being finite.
    StoreError
        Where the store cannot be used.
    TimeIsUp
        Where it is stopped at the time of `until`; its checkpoint is kept.
    Stopped
        Where the sweep has ended; its checkpoint is kept.

    Examples
    --------
    >>> import os
    >>> from pathlib import Path
    >>> from sdd.runs.worker import train_and_store, write_remaining
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> write_remaining(Path("remaining"), 1, [spec.name])
    >>> train_and_store(spec, Path("runs"), os.getpid(), Path("remaining")) == spec.name
    True
    """
    here = os.getpid() == parent

    def over(why: str = "the machine is slower than expected") -> Exception | None:
        if time.time() > until:
            return TimeIsUp(why)
        if not remaining_file.exists() or not (here or os.getppid() == parent):
            return Stopped(f"the sweep has ended before {spec.name}")
        return None

    with contextlib.nullcontext() if here else _at_work, held(spec.name, folder, over):
        if store.load(spec.name, folder) is None:
            store.set_aside(spec.name, folder)
            progress = store.load_checkpoint(spec.name, spec.config, folder)
            resumed, spent = (progress.steps, progress.seconds) if progress else (0, 0.0)
            spent -= time.process_time()  # with this process's clock added: the run's CPU time
            try:
                made = make_run(
                    spec,
                    after=spec.after and store.load(spec.after.name, folder),
                    threads=lambda: threads_of(spec.name, remaining_file),
                    checkpoint=_monitor(spec.name, folder, resumed, spent, over),
                    resume=progress,
                )
                store.save_run(made, folder, spent + time.process_time())
            finally:
                with contextlib.suppress(OSError):
                    heartbeat_path(spec.name, folder).unlink()
    return spec.name


def _monitor(
    name: str, folder: Path, resumed: int, spent: float, over: Callable[[], Exception | None]
) -> Callable[[Progress], None]:
    """Return what a training calls when it stops: it writes heartbeats and checkpoints."""
    last_heartbeat = last_checkpoint = time.monotonic()
    with contextlib.suppress(OSError):
        write_heartbeat(name, folder, resumed, resumed)

    def on_stop(progress: Progress) -> None:
        nonlocal last_heartbeat, last_checkpoint
        now, reason = time.monotonic(), over()
        if now - last_heartbeat > 1:
            last_heartbeat = now
            with contextlib.suppress(OSError):  # it is for show
                write_heartbeat(name, folder, progress.steps, resumed)
        if reason is not None or now - last_checkpoint > CHECKPOINT_EVERY_S:
            last_checkpoint, progress.seconds = now, spent + time.process_time()
            try:
                store.save_checkpoint(progress, name, folder)
            except store.StoreError as error:  # there may be space again by the end
                warnings.warn(f"no checkpoint was kept: {error}", stacklevel=2)
        if reason is not None:
            raise reason

    return on_stop


def write_remaining(file: Path, cores: int, remaining: list[str]) -> None:
    """Tell the workers of a sweep which runs remain, and what cores they share.

    Only the sweep calls this, so a worker that dies leaves no wrong count behind.

    Parameters
    ----------
    file : Path
        Replaced as a whole.
    cores : int
        Number of cores of all together.
    remaining : list of str
        Names of the runs.

    Raises
    ------
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.worker import threads_of, write_remaining
    >>> write_remaining(Path("remaining"), 4, ["a-run"])
    >>> threads_of("a-run", Path("remaining"))
    4
    """
    new = file.with_suffix(".new")
    # (Where there are enough of them, each has one thread, and nobody needs to read their names.)
    new.write_text(" ".join([str(cores), *(remaining if len(remaining) < cores else ())]))
    os.replace(new, file)


def threads_of(name: str, remaining_file: Path) -> int:
    """Return how many threads a run may take now: more than one where cores are idle.

    Parameters
    ----------
    name : str
        Name of the run.
    remaining_file : Path
        Written by `write_remaining`.

    Returns
    -------
    int
        1 or more; 1 where the file cannot be read, as the sweep has ended.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.worker import threads_of, write_remaining
    >>> write_remaining(Path("remaining"), 3, ["this", "that"])
    >>> threads_of("this", Path("remaining")), threads_of("that", Path("remaining"))
    (2, 1)
    """
    try:
        cores, *remaining = remaining_file.read_text().split()
        share, rest = divmod(int(cores), len(remaining))
        return max(1, share + (remaining.index(name) < rest))
    except (OSError, ValueError, ZeroDivisionError):  # it has ended, or none is to have more
        return 1
