"""Compiled kernels, kept on disk and trusted only if made from the sources that are there now.

Numba's cache on disk compares a kernel with the file that its function stands in, not with those
of the functions that it calls: after a change there it would return wrong numbers. Here kernels
carry a hash of all modules in their folder, and so may call only kernels of the same folder.
"""

import contextlib
import hashlib
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numba
from numba.core import event
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numba.core.serialize import dumps

from sdd.threads import free_after_fork

__all__ = ["announced", "kernel"]

MESSAGE = "Compiling the engine's kernels, once (about 20 s) ..."
UNKEPT = (
    "They cannot be kept on disk ({why}), so each process compiles them again: set NUMBA_CACHE_DIR "
    "to a folder that can be written to."
)
_unkept: list[str] = []  # why not

free_after_fork(global_compiler_lock)


def kernel(**options: Any) -> Callable[[Callable], Any]:
    """Return a decorator that compiles a function with numba, without the interpreter's lock.

    Parameters
    ----------
    **options
        As of ``numba.njit``.

    Raises
    ------
    OSError
        At the call of a kernel, where NUMBA_DISABLE_JIT is set.
    """

    def decorate(function: Callable) -> Any:
        if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
            return _refused(function)
        compiled = numba.njit(nogil=True, **options)(function)
        try:
            compiled._cache = _Cache(function)
        except RuntimeError:
            _unkept.append("neither the package's folder nor the home can be written to")
        return compiled

    return decorate


def _refused(function: Callable) -> Callable:
    """Return a function that says why it cannot run: intrinsics exist as machine code only."""

    @wraps(function)
    def refuse(*args: Any) -> None:
        raise OSError("NUMBA_DISABLE_JIT is set, but sdd's kernels run only compiled: unset it")

    return refuse


@cache
def _hash_sources(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.py"), Path(__file__)]):
        source = file.read_bytes()
        digest.update(f"{file.name} {len(source)}\n".encode() + source)
    return digest.hexdigest()


class _Cache(FunctionCache):
    """Numba's cache of one function, which makes damaged files again and survives full disks."""

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        sources = _hash_sources(Path(function.__code__.co_filename).parent)
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, sources)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # what a damaged pickle raises has no bounds
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:  # a full disk, or a folder now read-only
            _unkept.append(f"{self._cache_path}: {error.strerror}")


class _Files(IndexDataCacheFile):
    """A kernel's files, each with its key, sources and hash: others may write to them meanwhile."""

    def save(self, key: Any, data: Any) -> None:
        payload = dumps((key, self._source_stamp, data))
        super().save(key, (hashlib.sha256(payload).digest(), payload))

    def load(self, key: Any) -> Any:
        found = super().load(key)
        if found is None:
            return None
        digest, payload = found
        if hashlib.sha256(payload).digest() != digest:
            raise ValueError("damaged")
        stored_key, sources, data = pickle.loads(payload)
        return data if (stored_key, sources) == (key, self._source_stamp) else None


class _Announcer(event.Listener):
    """Print the message when the first kernel is compiled: one read from disk is none."""

    said = False

    def on_start(self, event: Any) -> None:
        if not self.said:
            self.said = True
            print(MESSAGE, file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        pass


@contextlib.contextmanager
def announced() -> Iterator[None]:
    """Announce on stderr, once, that what is called within takes compiling; else say nothing."""
    listener = _Announcer()
    with event.install_listener("numba:compile", listener):
        yield
    if listener.said and _unkept:
        print(UNKEPT.format(why=_unkept[-1]), file=sys.stderr, flush=True)
