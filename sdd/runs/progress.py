"""Show how far a sweep is: a bar on a terminal, plain lines elsewhere."""

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

__all__ = ["Work", "clock", "note_of", "shown_progress", "write_note"]

LINE_EVERY = 30  # seconds between lines where there is no terminal


class Work(Protocol):
    """What is to be known of a run to tell how far it is."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def steps(self) -> int:
        """Steps in all."""


def note_of(name: str, folder: Path) -> Path:
    """Return where a worker notes how many steps it has done."""
    return folder / ".locks" / f"{name}.steps"


def write_note(name: str, folder: Path, steps: int, resumed: int) -> None:
    """Note how many steps of a run are done, and how many of those before it was taken up again."""
    note_of(name, folder).write_text(f"{steps} {resumed}")


@contextlib.contextmanager
def shown_progress(
    todo: Sequence[Work], folder: Path, work_of: Callable[[Any], float] | None
) -> Iterator[Callable[[str], None]]:
    """Show runs done, steps per second and the time left: a bar, or a line now and then.

    Parameters
    ----------
    todo : sequence of Work
        The runs.
    folder : Path
        The store.
    work_of : callable or None
        What a run takes, in any unit; None shows nothing.

    Yields
    ------
    callable
        To be called with the name of each run that is done.
    """
    if work_of is None:
        yield lambda name: None
        return
    by_name = {s.name: (s, work_of(s)) for s in todo}
    total = sum(work for _, work in by_name.values())
    done: set[str] = set()
    noted: dict[str, tuple[int, int]] = {}  # what `write_note` noted last
    started, stop = time.monotonic(), threading.Event()
    terminal = sys.stderr.isatty()
    bar = tqdm(
        total=1.0,
        disable=not terminal,
        bar_format="{percentage:3.0f}% |{bar}| {desc}",
        dynamic_ncols=True,
    )

    def line() -> tuple[float, str]:
        steps, work, before = 0, 0.0, 0.0
        for note in note_of("", folder).parent.glob("*.steps"):
            with contextlib.suppress(OSError, ValueError):
                now, resumed = map(int, note.read_text().split())
                noted[note.stem] = now, resumed
        for name, (spec, whole) in by_name.items():
            taken, resumed = noted.get(name, (0, 0))
            taken = spec.steps if name in done else taken
            steps += taken - resumed  # (What was done before says nothing of the speed.)
            work += whole * taken / spec.steps
            before += whole * resumed / spec.steps
        seconds = time.monotonic() - started
        made = work - before
        left = seconds * (total - work) / made if made > 0 and seconds > 5 else math.nan
        text = f"{len(done)}/{len(todo)} runs, {steps / max(seconds, 1e-9):,.0f} steps/s"
        return work / total, text + (f", {clock(left)} left" if left == left else "")

    def watch() -> None:
        shown = time.monotonic()
        while not stop.wait(1):
            share, text = line()
            if terminal:
                bar.set_description_str(text, refresh=False)
                bar.n = share
                bar.refresh()
            elif time.monotonic() - shown > LINE_EVERY:
                shown = time.monotonic()
                print(f"[{clock(shown - started)}] {share:.0%}: {text}", flush=True)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield done.add
    finally:
        stop.set()
        watcher.join()
        bar.close()
    runs = "1 run" if len(done) == 1 else f"{len(done)} runs"
    print(f"trained {runs} in {clock(time.monotonic() - started)}", flush=True)


def clock(seconds: float) -> str:
    """Return seconds as minutes:seconds, or hours:minutes:seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
