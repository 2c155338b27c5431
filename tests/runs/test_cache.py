"""Measures of runs are computed once and kept beside them, without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdd.runs.cache import _code, memory

PROGRAM = """
from sdd.runs.cache import memory
from sweeps import spec

@memory().cache
def measure(spec, factor=2):
    print("computed", flush=True)
    return factor * spec.data.T

print(measure(spec(T=5)), measure(spec(T=5)), measure(spec(T=6)))
"""


def measures(folder, tmp_path):
    """Call a measure in a process of its own; return what it printed, on both streams."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "default", file],
        env=os.environ | {"SDD_STORE": str(folder), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split(), done.stderr


@pytest.mark.slow
def test_a_measure_is_computed_once_and_found_by_later_processes(tmp_path):
    store = tmp_path / "store"
    assert measures(store, tmp_path) == (["computed", "computed", "10", "10", "12"], "")
    assert measures(store, tmp_path) == (["10", "10", "12"], "")
    assert [f.name for f in store.iterdir()] == [".measures"]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "other bytes", "a folder"])
def test_a_damaged_measure_is_computed_again_without_a_word(tmp_path, damage):
    folder = tmp_path / "store"
    measures(folder, tmp_path)
    for file in folder.rglob("output.pkl"):
        content = file.read_bytes()
        file.unlink()
        if damage == "a folder":
            file.mkdir()
        else:
            file.write_bytes(content[:-3] if damage == "cut" else b"?" * len(content))
    printed, said = measures(folder, tmp_path)
    assert printed.count("computed") >= 2
    assert (printed[-3:], said) == (["10", "10", "12"], "")


def test_where_nothing_can_be_kept_measures_are_computed_all_the_same(tmp_path):
    (tmp_path / "store").write_text("in the way")
    printed = ["computed"] * 3 + ["10", "10", "12"]
    assert measures(tmp_path / "store", tmp_path) == (printed, "")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_may_only_be_read_is_left_alone(tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert memory(tmp_path).location is None
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX's modes")
def test_measures_of_a_store_that_others_may_write_to_are_kept_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    assert store in Path(memory(store).location).parents
    store.chmod(0o770)
    assert tmp_path / "home" / ".cache" / "sdd" in Path(memory(store).location).parents


def test_measures_are_kept_through_a_change_of_words_and_not_of_code():
    source = '"""A module."""\n\ndef f(x):\n    """Double."""\n    return 2 * x  # twice\n'
    words = '"""Other words."""\n\n\ndef f(x):\n    return 2 * x\n'
    assert _code(source) == _code(words)
    assert _code(source) != _code(source.replace("2 * x", "3 * x"))
    assert _code("x = 'a text'") != _code("x = 'another'")
