"""What one process of a sweep does: train a run with the threads it may have, and keep watch."""

import contextlib
import math
import os
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from sdd.runs import store
from sdd.runs.progress import heartbeat_path, write_heartbeat
from sdd.runs.spec import RunSpec, make_run
from sdd.training.checkpoint import Progress

__all__ = ["TimeIsUp", "threads_of", "train_and_store", "write_remaining"]

CHECKPOINT_EVERY_S = 15  # seconds of training that an interrupt or a crash may cost


class TimeIsUp(RuntimeError):
    """A sweep was stopped at the time that it was given; checkpoints are kept."""


def train_and_store(
    spec: RunSpec, folder: Path, parent: int, remaining_file: Path, until: float = math.inf
) -> str:
    """Train one run unless it is stored by now; runs in a worker process.

    Parameters
    ----------
    spec : RunSpec
        The run.
    folder : Path
        The store.
    parent : int
        Number of the process that the sweep runs in; where that is gone, so is this one.
    remaining_file : Path
        From which `threads_of` reads.
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

    Examples
    --------
    >>> import os
    >>> from pathlib import Path
    >>> from sdd.runs.worker import train_and_store
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> train_and_store(spec, Path("runs"), os.getpid(), Path("remaining")) == spec.name
    True
    """
    if os.getpid() != parent:  # Ctrl-C is for the sweep, which then ends its workers
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with store.locked(spec.name, folder):
        if store.load(spec.name, folder) is None:
            store.set_aside(spec.name, folder)
            progress = store.load_checkpoint(spec.name, spec.config, folder)
            resumed, spent = (progress.steps, progress.seconds) if progress else (0, 0.0)
            spent -= time.process_time()  # with this process's clock added: the run's CPU time
            try:
                made = make_run(
                    spec,
                    threads=lambda: threads_of(spec.name, remaining_file),
                    checkpoint=_monitor(spec, folder, parent, resumed, spent, until),
                    resume=progress,
                )
                store.save_run(made, folder, spent + time.process_time())
            finally:
                with contextlib.suppress(OSError):
                    heartbeat_path(spec.name, folder).unlink()
    return spec.name


def _monitor(
    spec: RunSpec, folder: Path, parent: int, resumed: int, spent: float, until: float
) -> Callable[[Progress], None]:
    """Return what a training calls when it stops: it writes heartbeats and checkpoints."""
    last_heartbeat = last_checkpoint = time.monotonic()
    write_heartbeat(spec.name, folder, resumed, resumed)

    def on_stop(progress: Progress) -> None:
        nonlocal last_heartbeat, last_checkpoint
        if os.getpid() != parent and os.getppid() != parent:
            os._exit(1)  # the sweep was killed: leave no orphan at work
        now = time.monotonic()
        if now - last_heartbeat > 1:
            last_heartbeat = now
            write_heartbeat(spec.name, folder, progress.steps, resumed)
        late = time.time() > until
        if late or now - last_checkpoint > CHECKPOINT_EVERY_S:
            last_checkpoint, progress.seconds = now, spent + time.process_time()
            try:
                store.save_checkpoint(progress, spec.name, folder)
            except store.StoreError as error:  # there may be space again by the end
                warnings.warn(f"no checkpoint was kept: {error}", stacklevel=2)
        if late:
            raise TimeIsUp(f"stopped after {progress.steps} of {spec.steps} steps of {spec.name}")

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
    new.write_text(" ".join([str(cores), *remaining]))
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
        1 or more; 1 where the file cannot be read, as the sweep is at its end.

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
    except (OSError, ValueError, ZeroDivisionError):  # the sweep is at its end
        return 1
