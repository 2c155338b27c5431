"""Several restarts at once, each in a Python thread."""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

__all__ = ["side_by_side"]


class _Stopped(Exception):
    """Another restart failed, or Ctrl-C was pressed."""


def side_by_side(
    train_one: Callable[[int, Callable[[], int]], None], todo: list[int], threads: Callable[[], int]
) -> None:
    """Call ``train_one(r, threads)`` for each restart, in as many threads as there may be now.

    Each has one thread for its steps, and the last one left has all: numba's simplest threading
    layer allows no two callers at once.

    Parameters
    ----------
    train_one : callable
        Of the number of a restart and a function that returns how many threads it may use now.
    todo : list of int
        Numbers of the restarts.
    threads : callable
        Returns how many threads there may be now, in all.

    Raises
    ------
    Exception
        What `train_one` raised, once the other restarts have ended.

    Examples
    --------
    >>> from sdd.training.restarts import side_by_side
    >>> trained = []
    >>> side_by_side(lambda r, threads: trained.append(r), [0, 1, 2], lambda: 2)
    >>> sorted(trained)
    [0, 1, 2]
    """
    waiting, stop = list(reversed(todo)), threading.Event()
    active: set[int] = set()
    running: set[Future] = set()

    def threads_of_one() -> int:
        if stop.is_set():
            raise _Stopped
        return threads() if len(active) == 1 else 1

    def work(r: int) -> None:
        try:
            train_one(r, threads_of_one)
        finally:
            active.remove(r)

    with ThreadPoolExecutor(len(todo)) as pool:
        try:
            while waiting or running:
                while waiting and len(active) < max(1, threads()):
                    active.add(waiting[-1])  # before it starts: no other then takes all threads
                    running.add(pool.submit(work, waiting.pop()))
                # Asked every second, as there may be more threads by then.
                done, running = wait(running, 1, FIRST_COMPLETED)
                for future in done:
                    future.result()
        except BaseException:
            stop.set()  # the others end at their next stop
            raise
