"""Show how far a sweep is: a bar on a terminal or in a notebook, plain lines elsewhere."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from sdd.runs.spec import RunSpec

__all__ = ["heartbeat_path", "in_notebook", "plural", "shown_progress", "write_heartbeat"]


def heartbeat_path(name: str, folder: Path) -> Path:
    """Return where the process that trains a run writes how many steps it has done.

    Parameters
    ----------
    name : str
        Name of the run.
    folder : Path
        The store.

    Returns
    -------
    Path
        A file in its hidden folder `.locks`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.progress import heartbeat_path
    >>> heartbeat_path("a-run", Path("runs")).as_posix()
    'runs/.locks/a-run.steps'
    """
    return folder / ".locks" / f"{name}.steps"


def write_heartbeat(name: str, folder: Path, steps: int, resumed: int) -> None:
    """Write how many steps of a run are done, and how many of those before it was resumed.

    Parameters
    ----------
    name : str
        Name of the run.
    folder : Path
        The store; its folder `.locks` must be there.
    steps, resumed : int
        Steps done in all, and before it was resumed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.progress import heartbeat_path, write_heartbeat
    >>> Path("runs/.locks").mkdir(parents=True)
    >>> write_heartbeat("a-run", Path("runs"), steps=300, resumed=100)
    >>> heartbeat_path("a-run", Path("runs")).read_text()
    '300 100'
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    with contextlib.suppress(OSError):  # then no progress is shown
        descriptor = os.open(heartbeat_path(name, folder), flags, 0o666)
        with open(descriptor, "w") as file:
            file.write(f"{steps} {resumed}")


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


@contextlib.contextmanager
def shown_progress(
    todo: Sequence[RunSpec],
    folder: Path,
    quiet: bool = False,
    update_every_s: float = 1,
    line_every_s: float = 30,
) -> Iterator[Callable[[str], None]]:
    """Show runs done, steps per second and the time left; yield what to call with each name done.

    On a terminal a bar, updated every `update_every_s` seconds, and in a notebook one of text
    below the cell; elsewhere a line every `line_every_s`. The time left is that of the work left
    at the pace so far.

    Parameters
    ----------
    todo : sequence of RunSpec
        The runs that are trained.
    folder : Path
        The store, from which their heartbeats are read.
    quiet : bool
        Show nothing.
    update_every_s, line_every_s : float
        Seconds.

    Yields
    ------
    callable
        Of the name of a run that is done.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.progress import shown_progress
    >>> with shown_progress([], Path("runs"), quiet=True) as finished:
    ...     finished("a-run")
    """
    if quiet:
        yield lambda name: None
        return
    runs = [(s.name, s.weight, s.steps) for s in todo]  # once: a name is a hash
    total, clock = sum(weight for _, weight, _ in runs), tqdm.format_interval
    done: set[str] = set()
    heartbeats: dict[str, tuple[int, int]] = {}  # the latest: steps done, of them before resuming
    started, stop = time.monotonic(), threading.Event()
    notebook = in_notebook()
    drawn = notebook or sys.stderr.isatty()
    # What a notebook gets on stderr is shown as if something were wrong.
    where = {"file": sys.stdout, "ncols": 90, "leave": False} if notebook else {}
    form = "{percentage:3.0f}% |{bar}| {desc}"
    bar = tqdm(total=1.0, disable=not drawn, bar_format=form, **{"dynamic_ncols": True} | where)

    def share_and_text() -> tuple[float, str]:
        steps, work, made = 0, 0.0, 0.0
        for name, weight, steps_of_run in runs:
            if name not in done:
                # (A file that is just being written is empty: then the last values stand.)
                with contextlib.suppress(OSError, ValueError):
                    steps_taken, steps_resumed = map(
                        int, heartbeat_path(name, folder).read_text().split()
                    )
                    heartbeats[name] = steps_taken, steps_resumed
            taken, resumed = heartbeats.get(name, (0, 0))
            taken = steps_of_run if name in done else taken
            steps += taken - resumed  # what was done before says nothing about the speed
            work += weight * taken / steps_of_run
            made += weight * (taken - resumed) / steps_of_run
        seconds = time.monotonic() - started
        text = f"{len(done)}/{plural(len(todo), 'run')}, {steps / max(seconds, 1e-9):,.0f} steps/s"
        if made > 0 and seconds > 5:
            text += f", {clock(seconds * (total - work) / made)} left"
        return work / total, text

    def watch() -> None:
        shown = time.monotonic()
        while not stop.wait(update_every_s):
            share, text = share_and_text()
            if drawn:
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
    print(f"trained {plural(len(done), 'run')} in {clock(time.monotonic() - started)}", flush=True)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: "1 run", "2 runs".

    Parameters
    ----------
    count : int
        How many.
    noun : str
        Of one.

    Returns
    -------
    str
        In words.

    Examples
    --------
    >>> from sdd.runs.progress import plural
    >>> plural(2, "run")
    '2 runs'
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
