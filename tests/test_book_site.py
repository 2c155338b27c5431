"""What the site adds to Jupyter Book, on a book of one page with the real book's configuration."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
PAGE = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
myst: {html_meta: {description: A page to try}}
---

# A page

```{code-cell} ipython3
---
mystnb:
  image: {alt: A line}
  figure: {caption: With its table., name: fig-norms}
---
import matplotlib.pyplot as plt
import pandas as pd

from sdd.findings import page

page.csv("fig-norms", pd.DataFrame({"T": [1], "norm": [2.5]}), "No training.")
plt.plot([1, 2]);
```

```{code-cell} ipython3
---
mystnb:
  image: {alt: A line}
  figure: {caption: Without., name: fig-forgotten}
---
plt.plot([1, 2]);
```

| Claim | Published | Ours |
| --- | --- | --- |
| Five stand apart | 5 (fig) | 5 |

| T | Ours |
| --- | --- |
| 3 | 1.0 |
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The page as built, and the warnings of the build."""
    return build(tmp_path_factory.mktemp("book"), "https://github.com/someone/sdd")


def build(book, address):
    """Build a book of this page; return its site, the page and the warnings."""
    shutil.copytree(ROOT / "tools", book / "tools")
    shutil.copytree(ROOT / "book" / "assets", book / "book" / "assets")
    shutil.copy(ROOT / "book" / "references.bib", book / "book")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["repository"]["url"] = address
    (book / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (book / "_toc.yml").write_text("format: jb-book\nroot: book/page\n")
    (book / "book" / "page.md").write_text(PAGE, encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-q"],
        cwd=book,
        env={k: v for k, v in os.environ.items() if k not in ("MPLBACKEND", "PROFILE")},
        capture_output=True,
        text=True,
        check=True,
    )
    site = book / "_build" / "html"
    html = (site / "book" / "page.html").read_text(encoding="utf-8")
    return site, BeautifulSoup(html, "html.parser"), done.stderr


@pytest.mark.slow
def test_below_a_figure_is_how_it_was_made_and_one_that_does_not_say_is_warned_of(built):
    site, page, warnings = built
    (fold,) = page.select("figcaption details.made")
    assert fold.summary.text == "How this was made: profile paper"
    told = {dt.text: dt.find_next_sibling("dd") for dt in fold.select("dt")}
    assert list(told) == ["What", "Data", "Claims", "Code"]
    assert told["What"].text == "No training."
    assert told["Data"].a["href"] == "../data/fig-norms.csv"
    assert (site / "data" / "fig-norms.csv").read_text().endswith("T,norm\n1,2.5\n")
    assert [a["href"] for a in told["Claims"].select("a")] == [
        f"scorecard.html#claim-{claim}" for claim in told["Claims"].text.split(", ")
    ]
    (kept,) = json.loads((site / "figures.json").read_text())["figures"]
    assert (kept["figure"], kept["page"]) == ("fig-norms", "book/page.html#fig-norms")
    assert [path.name for path in (site / "data").iterdir()] == ["fig-norms.csv"]
    assert re.findall(r"(\S+) does not say how it was made", warnings) == ["fig-forgotten"]


@pytest.mark.slow
@pytest.mark.slow
def test_launch_buttons_open_the_notebook_on_its_branch_and_edit_buttons_the_source(built):
    _, page, _ = built
    addresses = {a["href"].partition("github")[2] for a in page.select("a[href]")}
    assert "/someone/sdd/blob/notebooks/page.ipynb" in addresses
    assert page.select(
        'a[href="https://mybinder.org/v2/gh/someone/sdd/notebooks?urlpath=lab/tree/page.ipynb"]'
    )
    assert ".com/someone/sdd/edit/main/book/page.md" in addresses


@pytest.mark.slow
@pytest.mark.parametrize("address", [True, False], ids=["with an address", "without"])
def test_a_launch_button_opens_the_notebook_in_the_jupyterlab_of_this_machine(
    built, address, tmp_path
):
    _, page, _ = built if address else build(tmp_path, "")
    port = re.search(r"^LABPORT \?= (\d+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    (button,) = page.select(f'a[href="http://localhost:{port}/lab/tree/page.ipynb"]')
    assert "make lab" in button["title"]
    assert bool(page.select('a[href*="github"]')) == address
