"""What README and CONTRIBUTING say can be done can be done, as it is printed."""

import io
import re
import subprocess
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sdd import cli
from sdd.findings.profiles import PROFILES

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
TEXT = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
PROSE = {
    page: re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M) for page, text in TEXT.items()
}
SNIPPETS = re.findall(r"^```python\n(.*?)^```", TEXT["README.md"], flags=re.S | re.M)


def targets():
    """Targets of the Makefile that `make` lists, each with one line of help."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):[^=\n]*## .+$", makefile, flags=re.M))


def commands(page):
    """Every `python -m sdd …` of a page, without what stands before it on its line."""
    return re.findall(r"python -m sdd((?: +[^\s`]+)*)", TEXT[page])


def test_the_readme_has_an_example():
    assert SNIPPETS


def test_make_refuses_an_unknown_profile_and_no_other():
    for name in PROFILES:
        subprocess.run(["make", "-s", "profile", f"PROFILE={name}"], cwd=ROOT, check=True)
    wrong = ["make", "-s", "profile", "PROFILE=huge"]
    refused = subprocess.run(wrong, cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode != 0
    assert f"PROFILE must be one of {' '.join(PROFILES)}, not huge." in refused.stderr


@cache
def outcome(number):
    """Run an example in a namespace of its own; return the names it leaves and what it printed."""
    names = {}
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(SNIPPETS[number], f"README.md, example {number + 1}", "exec"), names)
    return names, printed.getvalue()


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
def test_every_make_target_named_exists(page):
    code = re.findall(r"`make +([a-z][a-z-]*)", TEXT[page])
    code += re.findall(r"^ *make +([a-z][a-z-]*)", TEXT[page], flags=re.M)
    assert code
    assert set(code) <= targets()


def test_the_two_commands_are_in_the_readme():
    assert {"book", "test"} <= targets()
    assert re.search(r"^ *make book\b", TEXT["README.md"], flags=re.M)
    assert re.search(r"^ *make test\b", TEXT["README.md"], flags=re.M)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_named_is_one_that_the_program_takes(page):
    found = commands(page)
    assert found
    for words in found:
        cli._parser().parse_args(words.split())


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", PROSE[page])
    links += re.findall(r'(?:src|href)="([^"]+)"', PROSE[page])
    for link in links:
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        assert (ROOT / path).exists(), f"{page} links to {link}, which is not there"
        if anchor and not path:
            headings = re.findall(r"^#+ +(.+)$", PROSE[page], flags=re.M)
            slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, f"{page} links to #{anchor}, which is no heading"


def test_the_readme_shows_a_figure_with_words_for_those_who_cannot_see_it():
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", TEXT["README.md"])
    assert pictures
    for words, path in pictures:
        assert len(words) > 20, f"{path} needs alt text"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_named_in_code_is_there(page):
    named = re.findall(r"`((?:sdd|book|tests|tools|docs|\.ci|\.github)/[\w./-]*)`", TEXT[page])
    for path in named:
        if "NAME" not in path:
            assert (ROOT / path).exists(), f"{page} names {path}, which is not there"
