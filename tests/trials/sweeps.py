"""Sweeps from the command line, as processes to be killed, and what is in their stores."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from sdd.runs import store
from sdd.runs.spec import RunSpec
from trials import Found
from trials.experiment import small

TESTS = Path(__file__).resolve().parents[1]
PATIENCE = 120  # seconds for what takes one or two: others may use the machine


class Sweep:
    """A store, and the command that trains so many runs of so many steps there."""

    def __init__(self, folder: Path, runs: int = 6, steps: int = 40_000, seed: float = 0) -> None:
        self.folder, self.log = folder / "store", folder / "trainings"
        folder.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        self.specs = [small(k, steps + k) for k in range(runs)]
        self.paths = [Path(__file__).parent / "watched", TESTS, TESTS.parent]
        self.env = {key: value for key, value in os.environ.items() if key != "SDD_BUILD"} | {
            "PYTHONPATH": os.pathsep.join(map(str, self.paths)),
            "SDD_FINDINGS": "trials.experiment",
            "SDD_STORE": str(self.folder),
            "PROFILE": "quick",
            "TRIAL_LOG": str(self.log),
            "TRIAL_RUNS": str(runs),
            "TRIAL_STEPS": str(steps),
            "TRIAL_SEED": str(seed),
        }

    def start(self, *words: str, before: tuple[str, ...] = (), **env: object) -> "Command":
        """Start the command (`run`, where no other is named), in a session of its own."""
        command = [*before, sys.executable, "-m", "sdd", *(words or ("run", "trial"))]
        changed = self.env | {key: str(value) for key, value in env.items()}
        return Command(command, changed, self.log.parent)

    def finish(self, found: Found, what: str, *words: str, fails: bool = False, **options) -> str:
        """Run the command to its end, which must be good (or an error of one sentence)."""
        return ended(self.start(*words, **options), found, what, fails)

    def files(self) -> dict[str, tuple[int, int]]:
        """Return of each file that bears the name of a run what changes when it is replaced."""
        stats = {}
        for spec in self.specs:
            with suppress(FileNotFoundError, NotADirectoryError):
                stat = store.path(spec.name, self.folder).lstat()
                stats[spec.name] = (stat.st_ino, stat.st_mtime_ns)
        return stats

    def bits(self) -> dict[str, bytes]:
        return {name: store.path(name, self.folder).read_bytes() for name in self.files()}

    def listing(self) -> set[str]:
        return {str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if not p.is_dir()}

    def trainings(self) -> list[tuple[RunSpec, int]]:
        """Return every training that began: its run, and the steps it was resumed from."""
        by_seed = {str(spec.data.seed): spec for spec in self.specs}
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(by_seed[seed], int(resumed)) for _, seed, resumed in lines]

    def check_finished(self, found: Found, undisturbed: "Sweep") -> None:
        """The sweep is whole: the bits of an undisturbed one, and no file besides."""
        theirs, ours = undisturbed.bits(), self.bits()
        for name, content in theirs.items():
            if ours.get(name) != content:
                found.fault("lost", f"{name} in {self.folder}: not the undisturbed run's bytes")
        for file in sorted(self.listing() - undisturbed.listing()):
            found.fault("left", f"{file} in {self.folder}")


class Command(subprocess.Popen):
    """A command, and the file that it says things to (a pipe could be held open by others)."""

    def __init__(self, words: list[str], env: dict[str, str], cwd: Path) -> None:
        self.file = tempfile.TemporaryFile("w+")  # noqa: SIM115
        super().__init__(
            words, env=env, cwd=cwd, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=self.file, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def said(self) -> str:
        """Return what it has said on stderr."""
        self.file.seek(0)
        return self.file.read()

    def kill_all(self) -> None:
        for pid in [self.pid, *below(self.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait()


def ended(command: Command, found: Found, what: str, fails: bool = False) -> str:
    """Wait for a command that must end well (or `fails` with one sentence); return what it said."""
    if not wait_until(lambda: command.poll() is not None):
        command.kill_all()
        found.fault("hung", what)
        return ""
    said = command.said()
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    code, lines = (2, 1) if fails else (0, 0)
    if command.returncode != code or "Traceback" in said or len(errors) != lines:
        found.fault("crashed", f"{what}: it ended with {command.returncode}, and said {said!r}")
    return said


# --- Processes ----------------------------------------------------------------------------------


def below(pid: int) -> list[int]:
    """Return all processes below a process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found, level = [], {pid}
    while level:
        level = {p for p, parent in parents.items() if parent in level}
        found += level
    return found


def workers(pid: int) -> list[int]:
    """Return the processes below one that train."""
    found = []
    for child in below(pid):
        with suppress(OSError):
            if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def began(pid: int) -> str:
    """Return when a process began, by which it is told from a later one of its number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def wait_until(condition, seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(met)


def most_memory() -> float:
    """Return the most memory that this process has taken, in megabytes."""
    # (Not by getrusage, which counts what the process was forked from.)
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
