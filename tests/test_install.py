"""Set-up can be stopped at any time and run twice at once, and tells what is current by content.

Real environments and the real pip, on a project of one empty package that needs nothing.
"""

import errno
import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # an environment takes seconds

ROOT = Path(__file__).resolve().parents[1]
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "sdd"
version = "1"

[project.optional-dependencies]
dev = []

[tool.ruff]
line-length = 100
"""
BACKEND = '''\
"""Builds a wheel by hand: nothing is fetched."""
import zipfile

INFO = "sdd-1.dist-info"
FILES = {
    "sdd.py": "def main(): pass",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\\nName: sdd\\nVersion: 1\\nProvides-Extra: dev\\n"
    + "".join(f"Requires-Dist: {need}; extra == 'dev'\\n" for need in open("needs.txt")),
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\\njupytext-config = sdd:main\\n",
}


def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "sdd-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for file, text in FILES.items():
            wheel.writestr(file, text)
        wheel.writestr(f"{INFO}/RECORD", "".join(f"{file},,\\n" for file in FILES))
    return name
'''


class Checkout:
    """A folder with the Makefile, the tool that it calls and a project of one empty package."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tools").mkdir()
        for name in ("Makefile", "tools/install.py"):
            shutil.copy(ROOT / name, folder / name)
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "backend.py").write_text(BACKEND)
        (folder / "needs.txt").write_text("")
        (folder / "constraints.txt").write_text("# none\n")
        # Nothing listens at this port: no package index is reached.
        self.environment = os.environ | {
            "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }  # fmt: skip
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PYTHONPATH"):
            self.environment.pop(name, None)

    def start(self, *words):
        return subprocess.Popen(
            ["make", "-s", "install", f"PYTHON={sys._base_executable}", *words], cwd=self.folder,
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def make(self, *words):
        """Return the exit code of a set-up, and what it said."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out + err

    def works(self):
        """Return whether the environment has the package, pip and scripts that run."""
        here = self.folder / ".venv" / "bin"
        commands = (
            [here / "python", "-I", "-c", "import sdd"],
            [here / "python", "-I", "-m", "pip", "--version"],
            [here / "jupytext-config"],
        )
        try:
            return not any(
                subprocess.run(c, env=self.environment, capture_output=True).returncode
                for c in commands
            )
        except FileNotFoundError:
            return False

    def environments(self):
        return sorted(path.name for path in (self.folder / ".venvs").iterdir() if path.is_dir())


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkout with an environment, which tests make anew."""
    checkout = Checkout(tmp_path_factory.mktemp("made"))
    code, said = checkout.make()
    assert (code, said.count("Installing sdd")) == (0, 1), said
    assert checkout.works()
    return checkout


def test_what_is_up_to_date_stays_whatever_the_clock_says(made):
    for name in ("constraints.txt", "pyproject.toml"):
        os.utime(made.folder / name, (4e9, 4e9))  # in the year 2096
    before = os.readlink(made.folder / ".venv")
    assert made.make() == (0, "")
    assert os.readlink(made.folder / ".venv") == before


def test_without_a_network_the_environment_stays_and_the_cause_is_said(made):
    before = os.readlink(made.folder / ".venv")
    (made.folder / "needs.txt").write_text("numpy\n")
    pins = made.folder / "constraints.txt"
    kept = pins.read_text()
    pins.write_text("numpy==2.4.6\n")
    code, said = made.make()
    pins.write_text(kept)
    (made.folder / "needs.txt").write_text("")
    assert code != 0
    assert "no package index can be reached: connect to a network" in said
    assert "the one that was there is as it was" in said
    assert os.readlink(made.folder / ".venv") == before
    assert len(made.environments()) == 1
    assert made.works()
    assert made.make() == (0, "")


def test_settings_of_a_formatter_make_no_new_environment_and_pins_do(made):
    project = made.folder / "pyproject.toml"
    project.write_text(PROJECT.replace("100", "99"))
    assert made.make() == (0, "")
    (made.folder / "constraints.txt").write_text("numpy==1\n")
    os.utime(made.folder / "constraints.txt", (0, 0))
    code, said = made.make()
    assert (code, said.count("Installing sdd")) == (0, 1)
    assert len(made.environments()) == 2  # with that before, which processes may use
    assert made.works()


def test_a_folder_that_was_moved_gets_an_environment_of_its_own(made, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "checkout"
    made.folder.rename(moved)
    made.folder = moved
    assert not made.works()
    assert made.make()[0] == 0
    assert made.works()


@pytest.mark.parametrize("half", ["without pip", "without Python"])
def test_a_half_made_environment_heals(checkout, half):
    venv = checkout.folder / ".venv"
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", venv], check=True)
    (venv / ".installed").write_text(f"{checkout.folder}\n")
    if half == "without Python":
        (venv / "bin" / "python").unlink()
    code, said = checkout.make()
    assert code == 0, said
    assert checkout.works()


def test_whatever_is_killed_at_whatever_moment_the_next_call_makes_it_whole(checkout):
    start = time.monotonic()
    assert checkout.make()[0] == 0
    whole = time.monotonic() - start
    moments = random.Random(0)
    for number in range(3):
        (checkout.folder / "constraints.txt").write_text(f"numpy=={number}\n")
        process = checkout.start()
        time.sleep(moments.uniform(0, whole))
        how = moments.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        # All of it, as Ctrl-C does, or the one process that the caller knows of.
        (os.killpg if moments.random() < 0.5 else os.kill)(process.pid, how)
        process.communicate(timeout=120)
    code, said = checkout.make()
    assert code == 0, said
    assert checkout.works()
    assert len(checkout.environments()) == 2  # with that before
    assert checkout.make() == (0, "")


def test_two_at_once_make_one(checkout):
    both = [checkout.start() for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "".join(said).count("Installing sdd") == 1
    assert "".join(said).count("Another set-up is at work in this folder") == 1
    assert checkout.works()


def test_without_a_python_that_fits_or_its_venv_module_one_sentence_says_so(checkout, tmp_path):
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\ncase "$2" in *exit*) exit 1;; *) echo 3.9;; esac\n')
    bare = tmp_path / "bare"
    bare.write_text(
        '#!/bin/sh\ncase "$2" in *venv*) exit 1;; *exit*) exit 0;; *) echo 3.12;; esac\n'
    )
    for file in (old, bare):
        file.chmod(0o755)
    code, said = checkout.make(f"PYTHON={old}")
    assert code != 0
    assert f"sdd needs Python 3.11, 3.12 or 3.13, and {old} is 3.9" in said
    code, said = checkout.make(f"PYTHON={bare}")
    assert code != 0
    assert "apt install python3.12-venv" in said
    code, said = checkout.make("PYTHON=/nowhere/python3")
    assert code != 0
    assert "there is none of /nowhere/python3" in said


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The tool in an empty folder, where an environment is an empty folder, too."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "tools" / "install.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    places = {"ROOT": tmp_path, "LINK": tmp_path / ".venv", "MADE": tmp_path / ".venvs"}
    for name, value in (places | {"_fill": Path.mkdir}).items():
        monkeypatch.setattr(tool, name, value)
    return tool


def test_a_signal_once_the_link_is_set_leaves_the_environment(tool, monkeypatch):
    link = tool._link

    def stopped(folder):
        link(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(tool, "_link", stopped)
    with pytest.raises(KeyboardInterrupt):
        tool.install()
    assert tool.LINK.is_dir()


def test_the_environment_before_stays_until_the_next_set_up_and_what_others_made_always(
    tool, tmp_path
):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "notes").mkdir(parents=True)
    tool.MADE.symlink_to(elsewhere)
    tool.LINK.mkdir()  # as an earlier version made it
    (tool.LINK / "of the first").touch()
    old = tool.MADE / "2"  # where it is put then
    for _ in range(3):
        tool.install()
        new = tool.LINK.resolve()
        assert (old.is_dir(), new.is_dir()) == (True, True)
        assert sorted(path.name for path in elsewhere.iterdir()) == sorted(
            [".lock", "notes", old.name, new.name]
        )
        old = new
    assert not (elsewhere / "2" / "of the first").exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "this folder cannot be written to by you (/there)"),
        (errno.EROFS, "this folder is on a read-only disk (/there)"),
        (errno.ENOSPC, "the disk is full: free about 3 GB (pip unpacks in TMPDIR) (/there)"),
    ],
)
def test_what_a_set_up_lacks_is_said_in_one_line(number, said, tool, monkeypatch, capsys):
    def install():
        raise OSError(number, "x", "/there")

    monkeypatch.setattr(tool, "install", install)
    monkeypatch.setattr(tool.signal, "signal", lambda *_: None)
    assert tool.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sdd's environment could not be made: {said}; ")
