"""Compiled kernels on disk are used only if they are whole and made from the present sources."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # each compiles in processes of its own

CALLEE = "from sdd.kernels import kernel\n\n@kernel()\ndef add(x):\n    return x + {}\n"
CALLER = """from sdd.kernels import announced, kernel
from callee import add

@kernel()
def twice(x):
    return 2 * add(x)

with announced():
    result = twice(5)
print(result, sum(twice.stats.cache_hits.values()))
"""
SAID = "Compiling the engine's kernels, once (about 20 s) ...\n"
KEPT_NOT = (
    "They cannot be kept on disk ({}), so each process compiles them again: set NUMBA_CACHE_DIR to "
    "a folder that can be written to.\n"
)


class Package:
    """A folder with two kernels, one of which calls the other, run in processes of their own."""

    def __init__(self, folder, cache):
        self.folder = folder
        self.environment = os.environ | {"NUMBA_CACHE_DIR": cache and str(cache)}
        if cache is None:
            del self.environment["NUMBA_CACHE_DIR"]
        self.cache = cache or folder / "__pycache__"
        (folder / "caller.py").write_text(CALLER)
        self.set_callee(1)

    def set_callee(self, number):
        file = self.folder / "callee.py"
        file.write_text(CALLEE.format(number))
        os.utime(file, (1e9, 1e9))  # older than any kernel, as after `tar x` or `rsync -t`

    def run(self):
        """Return twice (5 + number), and how many kernels were read from disk."""
        done = subprocess.run(
            [sys.executable, "-B", "caller.py"],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.said = done.stderr
        return tuple(map(int, done.stdout.split()))

    def files(self, pattern):
        return [*self.cache.rglob(pattern)]


@pytest.fixture(params=["beside the sources", "elsewhere"])
def package(request, tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    return Package(folder, None if request.param == "beside the sources" else tmp_path / "cache")


def test_a_kernel_is_read_from_disk_until_a_function_that_it_calls_has_changed(package):
    assert package.run() == (12, 0)
    assert package.run() == (12, 1)
    package.set_callee(2)
    assert package.run() == (14, 0)
    assert package.run() == (14, 1)


@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
def test_a_damaged_kernel_is_made_again(tmp_path, pattern):
    package = Package(tmp_path, tmp_path / "cache")
    package.run()
    damages = (
        lambda content: content[: len(content) // 2],
        lambda content: content[:-9] + b"?" * 9,
    )
    for damage in damages:
        files = package.files(pattern)
        assert files
        for file in files:
            file.write_bytes(damage(file.read_bytes()))
        assert package.run() == (12, 0)
    assert package.run() == (12, 1)


def test_a_file_that_holds_another_kernel_is_not_taken(tmp_path):
    package = Package(tmp_path, tmp_path / "cache")
    package.run()
    (ours,), (other,) = package.files("caller.twice*.nbc"), package.files("callee.add*.nbc")
    ours.write_bytes(other.read_bytes())  # as two processes that write at once may leave it
    assert package.run() == (12, 0)


def test_kernels_work_where_none_can_be_kept_and_it_is_said_with_a_remedy(tmp_path):
    package = Package(tmp_path, None)
    (tmp_path / "__pycache__").write_text("no folder")
    package.environment["XDG_CACHE_HOME"] = str(tmp_path / "__pycache__" / "below")
    why = "neither the package's folder nor the home can be written to"
    for _ in range(2):
        assert package.run() == (12, 0)
        assert package.said == SAID + KEPT_NOT.format(why)
    package.environment["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")
    assert package.run() == (12, 0)
    assert package.said == SAID
    assert package.run() == (12, 1)
    assert package.said == ""


def test_kernels_work_where_a_damaged_cache_cannot_be_mended_and_it_is_said(tmp_path):
    package = Package(tmp_path, tmp_path / "cache")
    package.run()
    for file in package.files("*.nbi"):
        file.unlink()
        file.mkdir()
    assert package.run() == (12, 0)
    (folder,) = {file.parent for file in package.files("*.nbi")}
    assert package.said == SAID + KEPT_NOT.format(f"{folder}: Is a directory")


def test_without_the_compiler_one_sentence_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sdd", "run", "--T", "3", "--n", "9", "--sparsity", "0.5"],
        check=False, env=os.environ | {"NUMBA_DISABLE_JIT": "1", "SDD_STORE": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    message = "error: NUMBA_DISABLE_JIT is set, but sdd's kernels run only compiled: unset it"
    assert (done.returncode, done.stderr.strip()) == (2, message)
