"""Sweeps that are killed, wherever they are: the next one finishes, and nothing is lost."""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

from sdd.runs import store
from trials import Found, trial
from trials.sweeps import Sweep, began, below, ended, wait_until, workers

WHO = ("parent", "worker", "both")
HOW = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TRAINS_S = 2.5  # about what the sweep of a trial trains for


def reference(folder: Path, found: Found, **options) -> Sweep:
    """Return a sweep that nobody disturbed."""
    sweep = Sweep(folder / "undisturbed", **options)
    sweep.finish(found, "the undisturbed sweep")
    return sweep


class Watch:
    """What may not change from one interruption of a sweep to the next."""

    def __init__(self, sweep: Sweep, undisturbed: Sweep, found: Found) -> None:
        self.sweep, self.found, self.right = sweep, found, undisturbed.bits()
        self.stored: dict[str, tuple[int, int]] = {}
        self.began = 0

    def check(self, what: str) -> None:
        """Stored runs stay as they are, are right, and were not trained again."""
        now, bits = self.sweep.files(), self.sweep.bits()
        for name, file in self.stored.items():
            if now.get(name) != file:
                self.found.fault("lost", f"{name}, stored before {what}")
        for name in bits:
            if bits[name] != self.right.get(name) or store.load(name, self.sweep.folder) is None:
                self.found.fault("lost", f"{name} after {what}: not the undisturbed run's bytes")
        trainings = self.sweep.trainings()
        for spec, _ in trainings[self.began :]:
            if spec.name in self.stored:
                self.found.fault("retrained", f"{spec.name}, stored before {what}")
        self.stored, self.began = now, len(trainings)


def interrupt(sweep: Sweep, rng: random.Random, found: Found) -> tuple[str, bool, dict[int, str]]:
    """Start the sweep and kill it somehow; return how, whether it was alive, and its processes."""
    who, how, written = rng.choice(WHO), rng.choice(HOW), rng.random()
    env: dict[str, object] = {}
    if written < 0.2:  # by itself, at a file event of the store
        what, env = "a kill at a file's event", {"TRIAL_DIES": rng.choice((0.005, 0.02, 0.1))}
    elif written < 0.4:
        what, env = "a kill in a write", {"TRIAL_BYTES": rng.randrange(1, 12_000)}
    else:
        what = f"{how.name} to {who}"
    seen = len(sweep.trainings())
    jobs = "2" if who == "worker" else rng.choice("12")
    command = sweep.start("run", "trial", "--jobs", jobs, **env)
    pids, looked = {command.pid: began(command.pid)}, 0.0

    def over() -> bool:
        nonlocal looked
        if time.monotonic() - looked > 0.3:
            pids.update({pid: began(pid) for pid in below(command.pid) if pid not in pids})
            looked = time.monotonic()
        return command.poll() is not None

    if not env:
        if rng.random() < 0.9:  # else in the middle of its start
            wait_until(lambda: over() or len(sweep.trainings()) > seen)
        end = time.monotonic() + rng.uniform(0, TRAINS_S)
        wait_until(lambda: over() or time.monotonic() > end)
        at = {"parent": [command.pid], "worker": workers(command.pid)[:1]}
        for pid in () if over() else at.get(who, [command.pid, *below(command.pid)]):
            with suppress(ProcessLookupError):
                os.kill(pid, how)
    if not wait_until(over):
        found.fault("hung", what)
        command.kill_all()
    begun = len(sweep.trainings()) > seen  # (before, Python itself reports an interrupt)
    if begun and "Traceback" in (said := command.said()):
        found.fault("crashed", f"{what}: it said {said!r}")
    return what, command.returncode != 0, pids


@trial("kills", many=105, few=4)
def kills(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """Kills of a sweep, its workers or both, at random moments and in the middle of writes."""
    undisturbed, number, pids = reference(folder, found), 0, {}
    while found.tried < tries:
        number += 1
        sweep = Sweep(folder / str(number), seed=rng.random())
        watch, finished = Watch(sweep, undisturbed, found), False
        while not finished and found.tried < tries:
            what, was_killed, its = interrupt(sweep, rng, found)
            found.tried += was_killed
            pids |= its
            watch.check(what)
            finished = not was_killed
        sweep.finish(found, f"the sweep after {what}")
        watch.check("the last sweep")
        sweep.check_finished(found, undisturbed)
        resumed = sum(steps > 0 for _, steps in sweep.trainings())
        found.measured["resumed"] = found.measured.get("resumed", 0) + resumed
    wait_until(lambda: not any(alive(pids)), 90)
    for pid in alive(pids):
        found.fault("left", f"process {pid} of a sweep that was killed")


def alive(pids: dict[int, str]) -> list[int]:
    return [pid for pid, when in pids.items() if when and began(pid) == when]


@trial("three sweeps at once", many=3, few=1)
def three_at_once(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """Three sweeps in one store, one of them killed: each run is trained once, or resumed."""
    undisturbed = reference(folder, found)
    for found.tried in range(1, tries + 1):
        sweep = Sweep(folder / str(found.tried))
        kill_one_of_three(found, sweep, rng.uniform(0, TRAINS_S))
        sweep.finish(found, "the sweep after three at once")
        sweep.check_finished(found, undisturbed)


def kill_one_of_three(found: Found, sweep: Sweep, after: float) -> None:
    first: dict[str, tuple[int, int]] = {}
    victim, *others = (sweep.start("run", "trial", "--jobs", jobs) for jobs in "211")
    wait_until(lambda: len(sweep.trainings()) > 0)
    end = time.monotonic() + after

    def follow() -> None:
        first.update({k: v for k, v in sweep.files().items() if k not in first})

    wait_until(lambda: follow() or time.monotonic() > end or victim.poll() is not None)
    killed = victim.poll() is None
    victim.kill_all()
    wait_until(lambda: follow() or all(command.poll() is not None for command in others))
    for command in others:
        ended(command, found, "a sweep beside one that was killed")
    follow()
    for name, file in sweep.files().items():
        if first[name] != file:
            found.fault("retrained", f"{name} was stored twice")
    more = len(sweep.trainings()) - len(sweep.specs)
    if more > (2 if killed else 0):  # those that it had begun
        found.fault("retrained", f"{more} trainings more than runs, {killed=}")
