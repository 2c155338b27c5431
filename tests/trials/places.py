"""Stores on disks that are full or read-only, of another user, and of very many runs."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import sdd
from sdd.runs import make_run, save_run, store
from trials import Found, trial
from trials.experiment import small
from trials.kills import Watch, reference
from trials.reading import quick_writes
from trials.sweeps import Sweep

NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups")
# Python and this checkout may lie where only root can read; all else is as for anybody.
READS_ALL = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
AS_NOBODY = ("setpriv", *NOBODY, *READS_ALL)


def works(*command: object) -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run(list(map(str, command)), capture_output=True).returncode == 0
    return False


@contextlib.contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Callable[[str], bool] | None]:
    """Make a small disk there; yield what remounts it, or None where that is not permitted."""
    folder.mkdir(parents=True)
    if not works("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "trial", folder):
        yield None
        return
    try:
        yield lambda options: works("mount", "-o", f"remount,{options}", folder)
    finally:
        works("umount", "-l", folder)


def limited(command: tuple[str, ...], kilobytes: int) -> tuple[str, ...]:
    """Return what lets no file grow beyond a size, before a command."""
    code = f"import resource, os, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes * 1024},) * 2); os.execvp(sys.argv[1], sys.argv[1:])"  # noqa: E501
    return (sys.executable, "-c", code, *command)


def check_error(found: Found, what: str, said: str, sweep: Sweep, *reasons: str) -> None:
    """A command that could not store says which folder, and what is the matter with it."""
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    if errors and not (str(sweep.folder) in errors[0] and any(r in errors[0] for r in reasons)):
        found.fault("crashed", f"{what}: {errors[0]!r}")


@trial("a full disk", many=4, few=1)
def full_disk(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """A disk that is full: one sentence says so; with more space the same command finishes."""
    undisturbed = reference(folder, found)
    for number in range(tries):
        place, kilobytes = folder / f"disk-{number}", rng.choice((8, 12, 20, 32, 48))
        with disk(place, kilobytes) as remount:
            sweep = Sweep(folder / str(number))
            sweep.folder = place / "store"
            sweep.env["SDD_STORE"] = str(sweep.folder)
            watch = Watch(sweep, undisturbed, found)
            found.tried += 1
            before: tuple[str, ...] = ()
            if remount is None:
                before, kilobytes = limited((), 5), 5
                found.left_out.append("no disk can be mounted here: files are limited instead")
            what = f"the sweep on a disk of {kilobytes} kB"
            said = sweep.finish(found, what, fails=True, before=before)
            check_error(found, what, said, sweep, "No space left", "File too large")
            watch.check("a full disk")
            if remount is not None:
                remount("size=64m")
            sweep.finish(found, "the sweep with space again")
            watch.check("space again")
            sweep.check_finished(found, undisturbed)


@trial("a read-only disk", many=2, few=1)
def read_only(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """A store that cannot be written to is read; what is missing is said to be untrainable."""
    undisturbed = reference(folder, found)
    for number in range(tries):
        place = folder / f"disk-{number}"
        with disk(place, 64 * 1024) as remount:
            sweep = Sweep(folder / str(number))
            sweep.folder = place / "store"
            sweep.env["SDD_STORE"] = str(sweep.folder)
            shutil.copytree(undisturbed.folder, sweep.folder)
            missing = rng.sample(sweep.specs, 2)
            for spec in missing:
                store.path(spec.name, sweep.folder).unlink()
            if remount is None and os.geteuid() == 0:
                found.left_out.append("no disk can be mounted here, and root may write anywhere")
                return
            found.tried += 1
            made_so = remount("ro") if remount else not sweep.folder.chmod(0o500)
            listing = sweep.listing()
            assert made_so, "the disk cannot be made read-only"
            sweep.finish(found, "status on a read-only disk", "status")
            said = sweep.finish(found, "the sweep on a read-only disk", fails=True)
            check_error(found, "a read-only disk", said, sweep, "Read-only", "Permission denied")
            if sdd.runs.missing(sweep.specs, sweep.folder) != [
                s for s in sweep.specs if s in missing
            ]:
                found.fault("lost", "runs on a read-only disk")
            if sweep.listing() != listing:
                found.fault("lost", "the listing of a read-only disk changed")
            if remount:
                remount("rw")
            else:
                sweep.folder.chmod(0o700)
            sweep.finish(found, "the sweep on a disk that is writable again")
            sweep.check_finished(found, undisturbed)


@trial("another user", many=2, few=0)  # (minutes: its kernels are compiled anew)
def another_user(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """Two users: what the folder's mode lets the other do works, and the rest is one sentence."""
    if os.geteuid() != 0 or not works(*AS_NOBODY, sys.executable, "-c", "import sdd"):
        found.left_out.append("to be another user takes root and setpriv")
        return
    folder.chmod(0o755)
    undisturbed = reference(folder, found)
    kernels = folder / "kernels"  # what compiling them gives: once for all their sweeps
    kernels.mkdir()
    kernels.chmod(0o777)
    theirs = {"before": AS_NOBODY, "NUMBA_CACHE_DIR": kernels, "HOME": kernels}
    for number in range(tries):
        for shared in (False, True):
            sweep = Sweep(folder / f"{number}-{shared}")
            sweep.log.parent.chmod(0o777)
            sweep.log.chmod(0o666)
            sweep.folder.mkdir()
            if shared:
                sweep.folder.chmod(0o777)
            found.tried += 1
            if shared:  # one begins, the other goes on, and both read
                process = sweep.start(**theirs)
                time.sleep(rng.uniform(2, 6))
                process.terminate()
                process.wait()
                before = Watch(sweep, undisturbed, found)
                before.check("the other user's sweep")
                sweep.finish(found, "our sweep in a shared folder")
                before.check("our sweep")
                store.path(rng.choice(sweep.specs).name, sweep.folder).unlink()
                sweep.finish(found, "the other user's sweep in a shared folder", **theirs)
                sweep.check_finished(found, undisturbed)
            else:
                sweep.finish(found, "our sweep in our folder")
                sweep.finish(found, "the other user's status", "status", **theirs)
                store.path(rng.choice(sweep.specs).name, sweep.folder).unlink()
                said = sweep.finish(
                    found, "the other user's sweep in our folder", fails=True, **theirs
                )
                check_error(found, "another's folder", said, sweep, "Permission denied")


MISSING = """
import sys, time, warnings
from pathlib import Path
from sdd.runs import missing
from trials.experiment import sweep
from trials.sweeps import most_memory
warnings.simplefilter("ignore")
specs, folder = list(sweep()), Path(sys.argv[1])
[s.name for s in specs]
start = time.perf_counter()
lacking = missing(specs, folder)
print(time.perf_counter() - start, most_memory())
print(*(s.name for s in lacking))
"""


@trial("a large store", many=20_000, few=300)
def large_store(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """A store of very many runs: what is missing is found, and how long it takes is measured."""
    sweep = Sweep(folder, runs=tries, steps=20)
    with quick_writes():
        made = make_run(small(0, 20))
        for spec in sweep.specs:
            history = {k: ended_at(v, k, spec.steps) for k, v in made.history.items()}
            made = replace(made, data=spec.data, config=spec.config, history=history)
            save_run(made, sweep.folder)
    found.tried = tries
    found.measured["missing s"], found.measured["MB"], lacking = what_is_missing(sweep)
    if lacking:
        found.fault("lost", f"{len(lacking)} of {tries} runs")
    start = time.perf_counter()
    sweep.finish(found, "status of a large store", "status")
    found.measured["status s"] = time.perf_counter() - start
    # Then some go, some are damaged, and some are replaced by others' files.
    changed = rng.sample(sweep.specs, 30)
    for k, spec in enumerate(changed):
        file = store.path(spec.name, sweep.folder)
        blob = bytearray(file.read_bytes())
        blob[rng.randrange(len(blob))] ^= 1
        if k % 3 == 0:
            file.unlink()
        elif k % 3 == 1:
            file.write_bytes(blob)
        else:
            other = rng.choice([s for s in sweep.specs if s not in changed])
            shutil.copy2(store.path(other.name, sweep.folder), file)
    *_, lacking = what_is_missing(sweep)
    wrong = lacking ^ {spec.name for spec in changed}
    for name in wrong & lacking:
        found.fault("lost", f"{name} in a large store")
    for name in wrong - lacking:
        found.fault("accepted", f"{name} in a large store, where it was damaged")


def ended_at(column, name: str, steps: int):
    """Return a column of a history whose last step is another."""
    column = column.copy()
    if name == "step":
        column[-1] = steps
    return column


def what_is_missing(sweep: Sweep) -> tuple[float, float, set[str]]:
    """Return how long another process takes to say which runs are missing, its peak, and these."""
    ran = subprocess.run(
        [sys.executable, "-c", MISSING, sweep.folder], capture_output=True, text=True, check=True,
        env=sweep.env | {"TRIAL_LOG": os.devnull}, timeout=600,
    )  # fmt: skip
    numbers, _, names = ran.stdout.partition("\n")
    seconds, megabytes = map(float, numbers.split())
    return seconds, megabytes, set(names.split())
