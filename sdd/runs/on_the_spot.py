"""Whether missing runs are trained where they are asked for: how long they take, and may take.

The environment variable ``SDD_ON_THE_SPOT`` says how many seconds a cell or a script may train by
itself (60 where it is not set). What is expected to take longer is asked first where somebody can
answer; else `MissingRuns` holds the command that trains it.
"""

import contextlib
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import joblib

from sdd import engine
from sdd.runs.progress import in_notebook
from sdd.runs.spec import RunSpec, train_run
from sdd.training.checkpoint import Progress

__all__ = ["Interrupted", "MissingRuns", "agreed", "allowed_seconds", "expected_seconds"]

ALLOWED = "SDD_ON_THE_SPOT"
ALLOWED_S = 60
TRIAL_S = 1.5  # seconds of training after which its pace is known well enough
# Measured over T, n and m: up to about this step the time of a step falls, as one over the root of
# the number of steps taken. (Few pairs are skipped at first, and history is recorded often.)
SETTLED = 2_000


class _Short(Exception):
    """An exception that says all there is to say: a notebook shows no traceback of it."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class MissingRuns(_Short, RuntimeError):
    """Runs are needed that are not stored, and that take too long to train on the spot.

    Parameters
    ----------
    said : str
        What is missing, in words.
    command : str
        What trains it, beginning with "python", which is shown as this very one; "" for none.
    more : str
        What else can be done, below the command.
    """

    def __init__(self, said: str, command: str = "", more: str = "") -> None:
        super().__init__(said, command, more)
        self.said = said

    def __str__(self) -> str:
        said, command, more = self.args
        if command:
            said += f"; train them with\n    {sys.executable}{command.removeprefix('python')}"
        return f"{said}\n{more}" if more else said


class Interrupted(_Short, KeyboardInterrupt):
    """A training on the spot was interrupted."""


def allowed_seconds() -> float:
    """Return how many seconds may be trained on the spot: $SDD_ON_THE_SPOT, or 60.

    Raises
    ------
    ValueError
        Where the variable is no number of seconds.
    """
    text = os.environ.get(ALLOWED) or str(ALLOWED_S)
    with contextlib.suppress(ValueError):
        if (seconds := float(text)) >= 0:
            return seconds
    raise ValueError(f"{ALLOWED} must be a number of seconds, such as 60 or inf, not {text!r}")


def agreed(question: str) -> bool:
    """Ask whoever sits at the notebook or the terminal; return False where nobody can answer.

    Parameters
    ----------
    question : str
        What is asked.

    Returns
    -------
    bool
        Whether the answer is y or yes.

    Examples
    --------
    >>> from sdd.runs.on_the_spot import agreed
    >>> agreed("Train 3 runs now?")  # doctest: +SKIP
    Train 3 runs now? [y/N] y
    True
    """
    if not in_notebook() and not (sys.stdin and sys.stdin.isatty()):
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, NotImplementedError):  # a notebook that is run without its reader
        return False


class _TrialOver(Exception):
    """A training was timed for long enough."""


def expected_seconds(specs: Sequence[RunSpec]) -> float:
    """Return roughly how long it takes to train these runs on this machine, as busy as it is now.

    The longest of them is trained for a moment, on one core. From the pace of the last part of
    that, and how steps become faster by experience, follows the time for the work of all.

    Parameters
    ----------
    specs : sequence of RunSpec
        The runs, one or more.

    Returns
    -------
    float
        Seconds.

    Examples
    --------
    >>> from sdd.runs.on_the_spot import expected_seconds
    >>> law = sdd.DataSettings(5, n=50, sparsity=0.9)
    >>> expected_seconds([sdd.RunSpec(law, sdd.TrainConfig(steps=100))]) > 0
    True
    """
    longest = max(specs, key=lambda s: s.weight)
    engine.warm_up({s.config.m for s in specs})
    stops: list[tuple[float, int]] = []  # (time, steps done)

    def on_stop(progress: Progress) -> None:
        stops.append((time.perf_counter(), progress.steps))
        # Not counted from the start, as the first step may have to wait for a compiler.
        if len(stops) > 2 and stops[-1][0] - stops[1][0] > TRIAL_S:
            raise _TrialOver

    with contextlib.suppress(_TrialOver):
        train_run(replace(longest, after=None), checkpoint=on_stop)
    end, steps = stops[-1]
    late = [stop for stop in stops[:-1] if stop[0] <= end - TRIAL_S / 3]
    start, done = late[-1] if late else stops[0]
    pace = (end - start) / max(1, steps - done)
    pace *= math.sqrt(min(1.0, (done + steps) / 2 / SETTLED))  # once it is settled
    each = longest.config.steps
    begun = min(each, SETTLED)
    one = pace * (2 * math.sqrt(begun * SETTLED) + each - begun)
    whole = one * longest.config.restarts
    cores = min(joblib.cpu_count(), len(specs))
    work = math.fsum(s.weight for s in specs) / longest.weight
    return whole * max(1.0, work / cores)
