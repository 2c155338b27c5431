"""What README and CONTRIBUTING say can be done can be done, as it is printed."""

import io
import re
import subprocess
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt

from sdd import cli
from sdd.findings.profiles import PROFILES

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
EXAMPLES = ("X", "shrinkage", "NAME")  # names that CONTRIBUTING makes up


def tokens(page):
    """What a page consists of, paragraphs taken apart."""
    blocks = MarkdownIt().enable("table").parse((ROOT / page).read_text(encoding="utf-8"))
    return [token for block in blocks for token in (block, *(block.children or ()))]


SNIPPETS = [token.content for token in tokens("README.md") if token.info == "python"]
CODE = {
    page: "\n".join(t.content for t in tokens(page) if t.type in ("fence", "code_inline"))
    for page in PAGES
}


def make(*arguments):
    return subprocess.run(["make", "-s", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_make_refuses_an_unknown_profile_and_no_other():
    for name in PROFILES:
        assert make("profile", f"PROFILE={name}").returncode == 0
    refused = make("profile", "PROFILE=huge")
    assert refused.returncode != 0
    assert f"PROFILE must be one of {' '.join(PROFILES)}, not huge." in refused.stderr


def test_a_book_from_an_archive_takes_it_in_first():
    said = make("-n", "book", "PROFILE=quick", "RUNS=some runs.tar").stdout
    taken, trained = said.index('-m sdd import "some runs.tar"'), said.index("-m sdd run")
    assert taken < trained < said.index("jupyter-book build")
    assert "sdd import" not in make("-n", "book", "PROFILE=quick").stdout


@cache
def outcome(number):
    """Run an example in a namespace of its own; return the names it leaves and what it printed."""
    names = {}
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(SNIPPETS[number], f"README.md, example {number + 1}", "exec"), names)
    return names, printed.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_an_example_of_the_readme_runs_as_it_is_printed(number):
    assert outcome(number)[1].strip()


def test_the_first_example_has_five_lines_and_memorises_its_points():
    assert len([line for line in SNIPPETS[0].splitlines() if line.strip()]) == 5
    names, printed = outcome(0)
    T = names["data"].T
    loss, D = printed.split("[", 1)
    assert 0 <= float(loss) < 1e-3
    D = [float(value) for value in D.strip(" ]\n").split()]
    # Nearer to 2/T than to the polygons of one point less or more.
    np.testing.assert_allclose(D, np.full(T, 2 / T), atol=(2 / T - 2 / (T + 1)) / 2 + 0.01)


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_named_is_one_that_make_lists(page):
    listed = re.findall(r"^  make (\S+)", make("help").stdout, flags=re.M)
    named = set(re.findall(r"^ *make +([a-z][a-z-]*)", CODE[page], flags=re.M))
    assert {"book", "test"} <= named <= set(listed)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_named_is_one_that_the_program_takes(page):
    found = re.findall(r"python -m sdd(.*)", CODE[page])
    assert found
    for words in found:
        cli._parser().parse_args(words.partition("#")[0].split())


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_and_file_named_is_there_and_pictures_have_words(page):
    named = re.findall(r"^(?:sdd|book|tests|tools|docs|\.ci|\.github)/[\w./-]*$", CODE[page], re.M)
    paths = {path for path in named if Path(path).stem.removeprefix("test_") not in EXAMPLES}
    for token in tokens(page):
        if token.type == "image":
            assert len(token.content) > 20, f"{token.attrs['src']} needs alt text"
        address = str(token.attrs.get("href") or token.attrs.get("src") or "https:")
        if not re.match("[a-z]+:", address):
            paths.add(address)
    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()
