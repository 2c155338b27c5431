"""Reading a file as the store does, and what a run that comes back must be."""

import contextlib
import math
import signal
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

import sdd
from sdd.data import Dataset, sample, stream
from sdd.runs import store
from sdd.training.checkpoint import HISTORY, SNAPSHOT
from trials import Found

CONFIG = sdd.TrainConfig(steps=30, lr=1e-2, restarts=2)
SECONDS = 60  # for what takes a millisecond: others may use the machine


class Hung(BaseException):
    """Nothing came back in good time."""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    def give_up(*_):
        raise Hung

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def originals() -> list[sdd.Run]:
    """Return runs of each kind: of drawn data, of data of one's own, of unlimited data."""
    own = Dataset.from_dense(np.eye(12)[:7])
    made = [
        sdd.train(sample(5, 30, 0.8), CONFIG, snapshots=(3, 30)),
        sdd.train(own, replace(CONFIG, restarts=1, dtype="float64")),
        sdd.train(stream(8, 30, 0.8), replace(CONFIG, m=3, restarts=1)),
    ]
    tested = sdd.evaluate(made[0], sample(50, 30, 0.8, split="test"))
    return [tested, sdd.evaluate(made[1], own), made[2]]


def same(one: sdd.Run, other: sdd.Run) -> bool:
    """Return whether two runs are the same to the last bit."""
    ours, theirs = (tuple(content(run)) for run in (one, other))
    return ours == theirs


def content(run: sdd.Run) -> Iterator[object]:
    yield from (repr(run.settings), repr(run.train_loss), repr(run.test_loss), repr(run.test_error))
    yield from (run.W.tobytes(), run.b.tobytes(), run.W.dtype, run.restart_losses.tobytes())
    for group in (run.history, run.snapshots, run.others):
        yield from ((key, group[key].dtype, group[key].tobytes()) for key in sorted(group))


def fits(run: sdd.Run, original: sdd.Run) -> str:
    """Return what a run has that no run of the settings of `original` can have; "" if nothing.

    Its numbers may be others: who writes a file with its right hash can write any.
    """
    c = original.config
    if run.settings != original.settings or run.data != original.data:
        return "other settings"
    shapes = {"W": original.W, "b": original.b, "restart_losses": original.restart_losses}
    for name, theirs in shapes.items():
        array = getattr(run, name)
        if array.shape != theirs.shape or array.dtype != theirs.dtype:
            return f"{name} of shape {array.shape}, {array.dtype}"
        if not np.isfinite(array).all():
            return f"{name} not finite"
    for name in ("train_loss", "test_loss", "test_error"):
        value = getattr(run, name)
        if type(value) is not float or not (math.isfinite(value) or math.isnan(value)):
            return f"{name} = {value!r}"
    if math.isnan(run.train_loss):
        return "no training loss"
    history = [run.history[name] for name in HISTORY]
    if {(a.ndim, a.dtype.kind, len(a)) for a in history} != {(1, "f", len(history[0]))}:
        return "a history of unequal columns"
    if run.steps != c.steps:
        return f"{run.steps} steps"
    for name in SNAPSHOT if original.snapshots else ():
        if run.snapshots[name].shape != original.snapshots[name].shape:
            return f"snapshots of {name} of shape {run.snapshots[name].shape}"
    if set(run.snapshots) != set(original.snapshots) or run.others:
        return "further arrays"
    repr(run), run.table_row()
    return ""


def read_back(
    found: Found, what: str, original: sdd.Run, file: Path, right_hash: bool
) -> sdd.Run | None:
    """Read a file as the store and as `sdd.load` do, and count what goes wrong."""
    before, run = file.lstat(), None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with in_time():
                run = store.load(file.stem, file.parent)
                with contextlib.suppress(ValueError, FileNotFoundError):
                    sdd.load(file)
                if run is not None:
                    wrong = fits(run, original)
                    if not wrong and not right_hash and not same(run, original):
                        wrong = "other bits"
                    if wrong:
                        found.fault("accepted", f"{what}: {wrong}")
        except Hung:
            found.fault("hung", what)
        except Exception as error:
            found.fault("crashed", f"{what}: {error!r}")
    for warning in caught:
        text = str(warning.message)
        if warning.category is not UserWarning or not text.isprintable() or len(text) > 2_000:
            found.fault("crashed", f"{what}: it warned of {text[:500]!r}")
    after = file.lstat()
    if (after.st_ino, after.st_size, after.st_mtime_ns) != (
        before.st_ino, before.st_size, before.st_mtime_ns
    ):  # fmt: skip
        found.fault("lost", f"{what}: reading changed the file")
    return run


def quick_writes() -> contextlib.AbstractContextManager:
    """Let thousands of files be written without waiting for the disk, which is not on trial."""
    return mock.patch("os.fsync", return_value=None)
