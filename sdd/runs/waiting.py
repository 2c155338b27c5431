"""Waiting for a run that another process is training, and saying so."""

import contextlib
import math
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from sdd.runs import store

__all__ = ["held"]

TELL_AFTER_S = 5


@contextlib.contextmanager
def held(
    name: str, folder: Path, over: Callable[..., Exception | None] = lambda *_: None
) -> Iterator[None]:
    """Hold the lock of a run, once nobody else does; a longer wait for it is told.

    Parameters
    ----------
    name : str
        Name of the run.
    folder : Path
        The store.
    over : callable
        Returns what to raise where the run is not to begin any more; it is told why it has not
        yet, where somebody else trains it.

    Yields
    ------
    None
        Once it is held.

    Raises
    ------
    StoreError
        Where the store cannot be used.
    Exception
        What `over` returned.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.waiting import held
    >>> with held("a-run", Path("runs")):
    ...     pass
    """
    tell_at = time.monotonic() + TELL_AFTER_S
    while True:
        with store.locked(name, folder, wait=False) as mine:
            reason = over() if mine else over("another process is training the same")
            if reason is not None:
                raise reason
            if mine:
                yield
                return
        if time.monotonic() > tell_at:
            tell_at = math.inf
            who = _holder(folder / ".locks" / f"{name}.lock")
            warnings.warn(f"waiting for the run {name}, which {who}", stacklevel=3)
        time.sleep(0.1)


def _holder(lock: Path) -> str:
    """Say who has a lock and may be stopped, as far as the system tells: Linux, on this machine."""
    with contextlib.suppress(OSError):
        locks, at = Path("/proc/locks").read_text(), lock.stat()
        file = f"{os.major(at.st_dev):02x}:{os.minor(at.st_dev):02x}:{at.st_ino}"
        entry = rf"FLOCK .* ([1-9]\d*) {file} "
        if found := re.search(entry, locks):
            pid = found[1]
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            stopped = f", but is stopped: continue it (kill -CONT {pid}) or end it"
            return f"process {pid} is training{stopped if state in 'Tt' else ''}"
    return "another process is training, here or on another machine: end that one if it is stopped"
