"""The finding that CONTRIBUTING.md prints, as printed: in the package, and from outside of it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbclient
import pytest

ROOT = Path(__file__).resolve().parents[2]
PRINTED = re.compile(r"^`([\w/.]+)`:\n\n(`{3,})\w+\n(.*?)^\2$", re.MULTILINE | re.DOTALL)


FILES = {
    path: text
    for path, _, text in PRINTED.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
}
MODULE, CHAPTER, TEST = (
    "sdd/findings/shrinkage.py",
    "book/shrinkage.md",
    ("tests/findings/test_shrinkage.py"),
)


def test_a_finding_is_three_files():
    assert set(FILES) == {MODULE, CHAPTER, TEST}


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder with the three files, and the environment in which they are found."""
    folder = tmp_path_factory.mktemp("outside")
    for path, text in FILES.items():
        (folder / Path(path).name).write_text(text, encoding="utf-8")
    changes = {"SDD_FINDINGS": "shrinkage", "PROFILE": "quick", "SDD_STORE": str(folder / "store")}
    found = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return folder, {**os.environ, **changes, "PYTHONPATH": found}


@pytest.fixture(scope="module")
def inside(outside, tmp_path_factory):
    """A copy of this checkout with the three files and the line in `_toc.yml`; the same store."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("sdd", "tests", "tools", "book"):
        skipped = shutil.ignore_patterns("__pycache__", "api", ".*")
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    for name in ("_config.yml", "_toc.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for path, text in FILES.items():
        (folder / path).write_text(text, encoding="utf-8")
    toc = (folder / "_toc.yml").read_text(encoding="utf-8")
    line = f"  - file: {CHAPTER.removesuffix('.md')}\n"
    (folder / "_toc.yml").write_text(toc + line, encoding="utf-8")
    return folder, {**outside[1], "SDD_FINDINGS": "", "PYTHONPATH": str(folder)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "check",
    [
        f"-m ruff format --check {MODULE} {TEST}",
        f"-m ruff check {MODULE} {TEST}",
        f"-m mypy --cache-dir=.mypy_cache {MODULE}",
        "tools/docstrings.py",
    ],
)
def test_what_make_check_runs_passes_at_the_first_try(inside, check):
    run(inside, *check.split())


@pytest.mark.slow
def test_the_layers_of_imports_hold(inside):
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    run(inside, "-c", program)


@pytest.mark.slow
def test_the_tests_that_look_at_chapters_and_experiments_pass_at_the_first_try(inside):
    asked = ["tests/test_book.py", "tests/findings/test_profiles.py", TEST]
    run(inside, "-m", "pytest", "-q", "-m", "not slow", *asked)


@pytest.mark.slow
def test_its_chapter_builds_strictly(outside, inside):
    run(outside, "-m", "sdd", "run", "shrinkage")
    assert "book/shrinkage.html" in run(inside, "tools/page.py", "shrinkage")


def run(outside, *words):
    folder, environment = outside
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.slow
def test_a_finding_is_listed_trained_judged_and_shown(outside, monkeypatch):
    assert "shrinkage: Thirty and a hundred points" in run(outside, "-m", "sdd", "list")
    assert "20 runs" in run(outside, "-m", "sdd", "run", "shrinkage")
    status = run(outside, "-m", "sdd", "status")
    assert re.search(r"shrinkage .*: 20 of 20 stored", status)

    folder, environment = outside
    for name, value in (environment | {"SDD_BUILD": "1"}).items():
        monkeypatch.setenv(name, value)
    chapter = jupytext.read(folder / "shrinkage.md")
    client = nbclient.NotebookClient(chapter, resources={"metadata": {"path": str(folder)}})
    client.execute()
    shown = "\n".join(
        output["data"].get("text/markdown", "") + output["data"].get("image/svg+xml", "")[:100]
        for cell in chapter.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
    assert '<span class="title">More weight decay makes ‖W‖ smaller</span>' in shown
    assert "true if above 0; 4 trainings each" in shown
    assert '<span class="verdict reproduced">✓ <span>reproduced</span></span>' in shown
    assert "{numref}`fig-shrinkage`" in shown
    assert "DTD SVG" in shown


@pytest.mark.slow
def test_its_test_passes_and_it_is_on_the_scorecard(outside):
    assert "2 passed" in run(outside, "-m", "pytest", "-q", "test_shrinkage.py")
    program = (
        "from sdd.findings import CLAIMS, page, scorecard, PROFILES, Evidence\n"
        "chosen = scorecard.judge_all(Evidence(PROFILES['quick'], {}), ['X-shrinkage'])\n"
        "print(page.scorecard(chosen).data)"
    )
    folder, environment = outside
    shown = run((folder, environment | {"SDD_BUILD": "1"}), "-c", program)
    assert "{numref}`fig-shrinkage`" in shown


def test_a_name_that_is_taken_is_refused():
    from sdd.findings import claim, experiment
    from sdd.findings.rule import above
    from sdd.measures.statistics import mean

    with pytest.raises(ValueError, match="experiment 'dataset-size' is already entered by"):
        experiment("dataset-size")(lambda p: [])
    words = dict.fromkeys(("source", "published", "figure", "estimand"), "")
    again = claim("F3-bump", **words, region=above(0))
    with pytest.raises(ValueError, match="claim 'F3-bump' is already entered by double_descent"):
        again(lambda e: mean([0.0]))
