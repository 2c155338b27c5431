"""Show how far a sweep is: a bar on a terminal, plain lines elsewhere."""

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from sdd.runs.spec import RunSpec

__all__ = ["clock", "heartbeat_path", "plural", "shown_progress", "write_heartbeat"]


def heartbeat_path(name: str, folder: Path) -> Path:
    """Return where the process that trains a run writes how many steps it has done."""
    return folder / ".locks" / f"{name}.steps"


def write_heartbeat(name: str, folder: Path, steps: int, resumed: int) -> None:
    """Write how many steps of a run are done, and how many of those before it was resumed."""
    heartbeat_path(name, folder).write_text(f"{steps} {resumed}")


@contextlib.contextmanager
def shown_progress(
    todo: Sequence[RunSpec],
    folder: Path,
    quiet: bool = False,
    update_every_s: float = 1,
    line_every_s: float = 30,
) -> Iterator[Callable[[str], None]]:
    """Show runs done, steps per second and the time left: a bar, or a line now and then.

    The time left is that which the work left takes at the pace so far, see `RunSpec.weight`.

    Parameters
    ----------
    todo : sequence of RunSpec
        The runs.
    folder : Path
        The store.
    quiet : bool
        Show nothing.
    update_every_s, line_every_s : float
        Seconds between updates of the bar, and between lines where there is no terminal.

    Yields
    ------
    callable
        To be called with the name of each run that is done.
    """
    if quiet:
        yield lambda name: None
        return
    by_name = {s.name: s for s in todo}
    total = sum(s.weight for s in todo)
    done: set[str] = set()
    heartbeats: dict[str, tuple[int, int]] = {}  # the latest: steps done, of them before resuming
    started, stop = time.monotonic(), threading.Event()
    terminal = sys.stderr.isatty()
    bar = tqdm(
        total=1.0,
        disable=not terminal,
        bar_format="{percentage:3.0f}% |{bar}| {desc}",
        dynamic_ncols=True,
    )

    def share_and_text() -> tuple[float, str]:
        steps, work, work_before = 0, 0.0, 0.0
        for file in heartbeat_path("", folder).parent.glob("*.steps"):
            with contextlib.suppress(OSError, ValueError):
                now, resumed = map(int, file.read_text().split())
                heartbeats[file.stem] = now, resumed
        for name, spec in by_name.items():
            taken, resumed = heartbeats.get(name, (0, 0))
            taken = spec.steps if name in done else taken
            steps += taken - resumed  # what was done before says nothing about the speed
            work += spec.weight * taken / spec.steps
            work_before += spec.weight * resumed / spec.steps
        seconds = time.monotonic() - started
        made = work - work_before
        left = seconds * (total - work) / made if made > 0 and seconds > 5 else math.nan
        text = f"{len(done)}/{plural(len(todo), 'run')}, {steps / max(seconds, 1e-9):,.0f} steps/s"
        return work / total, text + (f", {clock(left)} left" if math.isfinite(left) else "")

    def watch() -> None:
        shown = time.monotonic()
        while not stop.wait(update_every_s):
            share, text = share_and_text()
            if terminal:
                bar.set_description_str(text, refresh=False)
                bar.n = share
                bar.refresh()
            elif time.monotonic() - shown > line_every_s:
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
    took = clock(time.monotonic() - started)
    print(f"trained {plural(len(done), 'run')} in {took}", flush=True)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: "1 run", "2 runs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clock(seconds: float) -> str:
    """Return seconds as minutes:seconds, or hours:minutes:seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
