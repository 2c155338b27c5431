"""The processes of a sweep: started, given runs to train one after another, and stopped."""

import os
import re
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from pathlib import Path

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import LokyBackend

from sdd.runs.spec import RunSpec
from sdd.runs.worker import begin, starting, train_and_store

__all__ = ["WorkerDied", "trained"]

# In each process BLAS and the like have one thread; the engine has as many as a run may take.
ONE_THREAD = dict.fromkeys(LokyBackend.MAX_NUM_THREADS_VARS, "1")
STOP_S = 15  # that a run may take to keep a checkpoint when the sweep is stopped


class WorkerDied(RuntimeError):
    """A process of a sweep has ended before its run: killed, or by a crash."""


def trained(
    todo: list[RunSpec], folder: Path, cores: int, remaining_file: Path, until: float
) -> Generator[str, None, None]:
    """Train the runs, in processes where there are several; yield the names of those stored.

    Parameters
    ----------
    todo : list of RunSpec
        The runs, in the order in which to begin with them; each waits for the one that it is
        `after`, if that is among them.
    folder : Path
        The store.
    cores : int
        How many processes there may be.
    remaining_file : Path
        As for `train_and_store`. It is deleted at the end, however that comes, so that runs in
        training keep a checkpoint and end.
    until : float
        As for `train_and_store`.

    Yields
    ------
    str
        Name of a run that is stored.

    Raises
    ------
    WorkerDied
        Where a process is killed, or crashes.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.pool import trained
    >>> list(trained([], Path("runs"), 2, Path("remaining"), until=float("inf")))
    []
    """
    parent, count, waiting = os.getpid(), min(cores, len(todo)), dict.fromkeys(todo)
    unfinished = {spec.name for spec in todo}
    train_one = partial(
        train_and_store, folder=folder, parent=parent, remaining_file=remaining_file, until=until
    )
    running: set[Future] = set()
    if count <= 1:  # (not in this thread, which an interrupt may stop anywhere)
        pool = ThreadPoolExecutor(1)
        kill = partial(pool.shutdown, wait=False)
    else:
        with starting():
            pool = ProcessPoolExecutor(count, initializer=begin, initargs=(parent,), env=ONE_THREAD)
        kill = partial(pool.shutdown, kill_workers=True)
    try:
        while True:
            # One for each process to train, and one to go on with.
            ready = (s for s in waiting if not s.after or s.after.name not in unfinished)
            with starting():
                for spec in list(islice(ready, 2 * count - len(running))):
                    del waiting[spec]
                    running.add(pool.submit(train_one, spec))
            if not running:
                return
            # (Awake now and then: a signal that another thread gets ends no longer wait.)
            done, running = wait(running, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                unfinished.discard(name := future.result())
                yield name
    except TerminatedWorkerError as error:
        raise WorkerDied(_why_died(str(error))) from error
    finally:
        remaining_file.unlink(missing_ok=True)  # those in training keep a checkpoint, and end
        for future in running:
            future.cancel()  # where it has not begun
        try:
            wait(running, STOP_S)
        finally:
            kill()


def _why_died(said: str) -> str:
    """Return why a process has ended, in words, from what loky says of exit codes."""
    found = re.search(r"exit codes of the workers are \{(.*?)\}", said)
    codes = found[1] if found else ""
    if "SIGKILL" in codes:
        return (
            "a training process was killed (out of memory? one run at a time, jobs = 1, needs less)"
        )
    return f"a training process crashed{f', with {codes}' if codes else ''}"
