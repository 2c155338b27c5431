"""Say once that kernels are being compiled, where they are not in the cache on disk yet."""

import contextlib
import sys
from collections.abc import Iterator

from numba.core import event

__all__ = ["announced"]

MESSAGE = "Compiling the engine's kernels, once (about 20 s) ..."


class _Announcer(event.Listener):
    """Print the message when the first kernel is compiled: one read from disk is none."""

    said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said:
            self.said = True
            print(MESSAGE, file=sys.stderr, flush=True)

    def on_end(self, event: event.Event) -> None:
        pass


@contextlib.contextmanager
def announced() -> Iterator[None]:
    """Announce on stderr, once, that what is called within takes compiling; else say nothing."""
    with event.install_listener("numba:compile", _Announcer()):
        yield
