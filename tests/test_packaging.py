"""What is installed: a light library, the book as an extra, one set of pins."""

import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import sdd
from sdd.runs import crate

ABSENT = ("IPython", "ipykernel", "matplotlib_inline", "myst_nb", "sphinx", "distributed", "dask")
ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("sphinx", "jupyter", "ipython", "ipykernel", "myst", "nb", "dask", "distributed", "pytest")


def pins(file):
    """The pins in a file of requirements, by name."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(r.name): str(r.specifier) for r in found}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The files of the wheel, those of the sdist, and what the wheel requires."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for folder in ("sdd", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "Makefile"):
        shutil.copy(ROOT / name, copy)
    build = f"from setuptools.build_meta import *; build_sdist({str(out)!r}); "
    build += f"build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, check=True)
    with tarfile.open(next(out.glob("*.tar.gz"))) as sdist:
        source = {name.partition("/")[2] for name in sdist.getnames()}
    with zipfile.ZipFile(next(out.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        said = Parser().parsestr(wheel.read(metadata).decode())
    return names, source, [Requirement(line) for line in said.get_all("Requires-Dist")]


def test_a_plain_install_has_neither_sphinx_nor_jupyter(built):
    always = {canonicalize_name(r.name) for r in built[2] if not r.marker}
    assert {"torch", "numpy", "numba", "pandas", "matplotlib"} <= always
    assert [name for name in always if name.startswith(HEAVY)] == []


def test_what_a_plain_install_needs_is_given_as_ranges(built):
    always = [r for r in built[2] if not r.marker]
    assert [str(r) for r in always if "==" in str(r) or not r.specifier] == []


def test_wheel_and_sdist_hold_the_package_with_its_data_and_no_tests(built):
    wheel, source, _ = built
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "sdd").rglob("*.py")}
    data = {"sdd/py.typed", "sdd/engine/README.md", "sdd/figures/sdd.mplstyle"}
    data |= {"sdd/findings/promises.json", "sdd/findings/columns.toml"}
    for files in (wheel, source):
        assert modules | data <= files
        assert [name for name in files if name.startswith(("tests", "book", "runs"))] == []
    assert {name.partition("/")[0] for name in wheel} <= {"sdd", f"sdd-{sdd.__version__}.dist-info"}


def test_every_requirement_is_pinned_within_its_range(built):
    pinned = pins("constraints.txt")
    for r in built[2]:
        if r.name != "sdd":
            version = pinned[canonicalize_name(r.name)].removeprefix("==")
            assert r.specifier.contains(version, prereleases=True), (
                f"{r} excludes {version} of constraints.txt"
            )


def test_requirements_txt_repeats_the_pins_of_library_and_book(built):
    chosen = (r for r in built[2] if not r.marker or r.marker.evaluate({"extra": "book"}))
    wanted = {canonicalize_name(r.name) for r in chosen}
    pinned = pins("constraints.txt")
    assert pins("requirements.txt") == {name: pinned[name] for name in wanted}


def test_citation_codemeta_and_package_say_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    meta = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    assert meta["@context"] == "https://w3id.org/codemeta/3.0"
    assert {project["version"], cited["version"], meta["version"]} == {sdd.__version__}
    names = [[a["name"] for a in of] for of in (project["authors"], cited["authors"])]
    assert names == [[a["name"] for a in meta["author"]]] * 2
    assert (meta["name"], meta["identifier"]) == (cited["title"], project["name"])
    assert meta["description"] == cited["abstract"]
    licence = project["license"]
    assert (cited["license"], crate.LICENSE) == (licence, licence)
    assert meta["license"] == f"https://spdx.org/licenses/{licence}"
    assert meta["keywords"] == project["keywords"]
    assert meta["softwareRequirements"] == project["dependencies"]
    assert meta["runtimePlatform"] == f"Python {project['requires-python']}"
    (paper,), of = cited["references"], meta["referencePublication"]
    assert (of["name"], of["url"]) == (paper["title"], paper["url"])
    assert of["datePublished"] == paper["date-published"]


def test_the_library_works_without_jupyter_sphinx_and_dask():
    code = """if True:
        import sys

        class Absent:
            def find_spec(self, name, *_):
                if name.partition(".")[0] in ABSENT:
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Absent())
        from sdd import bench, cli, figures, findings, theory
        figures.use_style()
        print(len(findings.specs("dataset-size", "quick")))
        """.replace("ABSENT", repr(ABSENT))
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 0


def test_binder_installs_the_package_with_what_the_book_needs_at_the_pinned_versions():
    """From the root, as Binder does; the folder .binder takes the place of requirements.txt."""
    lines = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    options = dict(line.split(" ") for line in lines if line.startswith("--"))
    assert options["--editable"] == ".[book]"
    # (A path in such a file is relative to the file, and that of a package to where pip is.)
    assert (ROOT / ".binder" / options["--constraint"]).samefile(ROOT / "constraints.txt")
    runtime = (ROOT / ".binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert runtime.removeprefix("python-") in SpecifierSet(project["requires-python"])
