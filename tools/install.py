"""Make the environment .venv, or make it anew where what it was made from has changed.

    python tools/install.py            # what `make install` runs
    python tools/install.py --current  # exit code 0 where .venv is up to date; by its own Python

Scripts in an environment hold absolute paths, so each is made where it stays, in a folder of its
own in .venvs, and .venv is a link to it, set once all is installed and checked. A set-up can be
stopped at any time; one that fails leaves the environment that was there. The one before stays
until the next set-up, as processes may use it. What is up to date is told by content, never by
clocks.
"""

import errno
import hashlib
import json
import os
import signal
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = ROOT / ".venv"
MADE = ROOT / ".venvs"
MARK = ".installed"  # in an environment: what it was made from
# JupyterLab opens a chapter as a notebook at a double click.
LAB = Path("etc", "jupyter", "labconfig", "default_setting_overrides.json")
# What pip says of its cause, and what to do.
REMEDIES = {
    "No space left on device": "the disk is full: free about 3 GB (pip unpacks in TMPDIR)",
    "Disk quota exceeded": "your quota is used up: free about 3 GB (pip unpacks in TMPDIR)",
    "Permission denied": "a folder cannot be written to: see which above, and whose it is",
    "Connection": "no package index can be reached: connect to a network, or see PIP_INDEX_URL",
    "Name or service not known": "no package index can be reached: connect to a network",
    "No matching distribution": "a package is not to be had here: see which above",
}
NO_REMEDY = "see above"


class SetupError(Exception):
    """Why there is no new environment."""


def fingerprint() -> str:
    """Return a hash of all that an environment of this folder and this Python is made from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = project.pop("tool", {})  # settings of formatters and checks install nothing
    made_from = [
        sys.version_info[:2],
        str(ROOT),
        project,
        tools.get("setuptools"),
        (ROOT / "constraints.txt").read_text(encoding="utf-8"),
        Path(__file__).read_text(encoding="utf-8"),
    ]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def is_current() -> bool:
    """Return whether .venv, whose Python runs this, is whole and made from what is there now."""
    try:
        return (LINK / MARK).read_text(encoding="utf-8") == fingerprint()
    except OSError:
        return False


def install() -> None:
    """Make the environment, unless another process has done so meanwhile; then set the link."""
    import fcntl
    import shutil
    import subprocess

    MADE.mkdir(exist_ok=True)
    with open(MADE / ".lock", "w") as lock:
        os.set_inheritable(lock.fileno(), True)  # a pip that outlives this process keeps the lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is at work in this folder: waiting for it ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        python = LINK / "bin" / "python"
        if python.exists():
            own = [python, "-ISB", __file__, "--current"]
            if subprocess.run(own, check=False, stderr=subprocess.DEVNULL).returncode == 0:
                return
        old = LINK.resolve()
        for left in MADE.resolve().iterdir():  # by set-ups that were stopped, or before the last
            if left.name.isdecimal() and left != old:
                shutil.rmtree(left, ignore_errors=True)
        new = _free()
        try:
            _fill(new)
            _link(new)
        except BaseException:
            if LINK.resolve() != new.resolve():
                shutil.rmtree(new, ignore_errors=True)
            raise


def _free() -> Path:
    return next(folder for n in range(1, 1_000) if not (folder := MADE / str(n)).exists())


def _fill(folder: Path) -> None:
    """Make an environment in a folder, and mark it once it has passed its checks."""
    import subprocess
    import venv

    version = ".".join(map(str, sys.version_info[:2]))
    print(f"Installing sdd and its requirements into .venv with Python {version} "
          "(minutes, once) ...", flush=True)  # fmt: skip
    try:
        venv.create(folder, with_pip=True, symlinks=True, prompt="sdd")
    except subprocess.CalledProcessError as error:
        raise SetupError(f"pip could not be put into it: {_remedy(str(error.output))}") from None
    pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", "--constraint", "constraints.txt", "--editable", ".[dev]"])
    _run([*pip, "check"])
    settings = [folder / "bin" / "jupytext-config", "--settings-file", folder / LAB]
    _run([*settings, "set-default-viewer", "markdown"])
    (folder / MARK).write_text(fingerprint(), encoding="utf-8")


def _run(command: list) -> None:
    """Run a command, whose complaints are shown."""
    import subprocess

    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace", close_fds=False
    ) as process:
        said = []
        try:
            for line in process.stderr:
                print(line, end="", file=sys.stderr, flush=True)
                said.append(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        name = " ".join(str(word) for word in command[1:6] if not str(word).startswith("-"))
        raise SetupError(f"{Path(command[0]).name} {name} failed: {_remedy(''.join(said))}")


def _remedy(said: str) -> str:
    return next((remedy for words, remedy in REMEDIES.items() if words in said), NO_REMEDY)


def _link(folder: Path) -> None:
    """Let .venv be a link to this environment, from one moment to the next."""
    if LINK.is_dir() and not LINK.is_symlink():  # not made by this tool, or by an earlier one
        LINK.rename(_free())
    link = MADE / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.relative_to(ROOT))
    link.replace(LINK)


def _words(error: OSError) -> str:
    """Say what an operating system's error means here."""
    where = f" ({error.filename})" if error.filename else ""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return f"this folder cannot be written to by you{where}"
        case errno.EROFS:
            return f"this folder is on a read-only disk{where}"
        case errno.ENOSPC | errno.EDQUOT:
            return f"{REMEDIES['No space left on device']}{where}"
    return f"{error.strerror}{where}"


def main() -> int:
    """Set up; return 0, or 1 where .venv is not current, 2 after a failure, 130 after Ctrl-C."""

    def stop(number: int, frame: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        install()
    except KeyboardInterrupt:
        return 130
    except (OSError, SetupError) as error:
        why = _words(error) if isinstance(error, OSError) else error
        kept = "the one that was there is as it was" if LINK.exists() else "there is none yet"
        print(f"sdd's environment could not be made: {why}; {kept}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(not is_current() if "--current" in sys.argv else main())
