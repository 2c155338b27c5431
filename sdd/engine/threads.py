"""Python threads over compiled functions that release the interpreter's lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

__all__ = ["on_threads"]


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "sdd-engine")


def on_threads(function: Callable[[int], None], threads: int) -> None:
    """Call function(0), …, function(threads − 1), each on a thread of its own, and wait."""
    others = [_pool(threads).submit(function, k) for k in range(1, threads)]
    function(0)
    for other in others:
        other.result()
