"""Threads that wait for parts of the kernels' work, and what they need where a process forks."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["free_after_fork", "on_threads", "one_blas_thread"]


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "sdd")


if hasattr(os, "register_at_fork"):
    # A child has none of its parent's threads.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def on_threads(function: Callable[[int], Any], threads: int) -> None:
    """Call function(0), …, function(threads − 1), each on a thread of its own, and wait."""
    others = [_pool(threads).submit(function, k) for k in range(1, threads)]
    try:
        function(0)
    finally:
        wait(others)  # whatever happens: they write to the caller's arrays
    for other in others:
        other.result()


def free_after_fork(lock: Any) -> None:
    """See to it that a lock is free in a forked child, whoever has it when the process forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )


_blas = threading.Lock()
free_after_fork(_blas)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS take one thread: it splits long sums over its threads, which changes their bits."""
    with _blas, _libraries().limit(limits=1, user_api="blas"):
        yield
