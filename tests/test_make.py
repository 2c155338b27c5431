"""What `make` does depends on nothing that the caller's shell and home hold."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
myst: {html_meta: {description: A page to try}}
---

# A page

{cite:t}`henighan2023` and a function: {func}`sdd.sample`.

```{code-cell} ipython3
import sys

import matplotlib.pyplot as plt
import pandas as pd

from sdd import figures
from sdd.findings import page
from sdd.runs import store

figures.use_style()
print("±", store.default_folder(), sys.flags.optimize, sys.stdout.encoding)
```

```{code-cell} ipython3
---
mystnb:
  image: {alt: A line}
  figure: {caption: With its table., name: fig-losses}
---
page.csv("fig-losses", pd.DataFrame({"T": [1], "train_loss": [2.5]}), "No training.")
plt.plot([1, 2]);
```
"""
JUPYTER_BOOK = """\
#!{python}
import sys
from jupyter_book.cli.main import main
sys.exit(main())
"""


class Checkout:
    """The book's tools with a page, and an environment that holds what this one holds."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("tools", "book/assets"):
            shutil.copytree(ROOT / name, folder / name)
        (folder / "sdd" / "findings").mkdir(parents=True)
        for name in ("Makefile", "_config.yml", "book/references.bib", "book/references.md",
                     "sdd/findings/profiles.py"):  # fmt: skip
            shutil.copy(ROOT / name, folder / name)
        (folder / "book" / "try.md").write_text(PAGE, encoding="utf-8")
        toc = "format: jb-book\nroot: book/try\nchapters: [{file: book/references}]\n"
        (folder / "_toc.yml").write_text(toc)
        (folder / "tools" / "install.py").write_text("")  # it is current
        venv.create(folder / ".venv", with_pip=False, symlinks=True)
        packages = next((folder / ".venv" / "lib").glob("python*")) / "site-packages"
        (packages / "here.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
        script = folder / ".venv" / "bin" / "jupyter-book"
        script.write_text(JUPYTER_BOOK.format(python=script.with_name("python")))
        script.chmod(0o755)

    def make(self, *words, **environment):
        kept = {key: os.environ[key] for key in ("PATH", "NUMBA_CACHE_DIR") if key in os.environ}
        return subprocess.run(
            ["make", "-s", *words], cwd=self.folder, env=kept | environment,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def built(self):
        """The page, its pictures and its data, as built."""
        site = self.folder / "_build" / "page" / "_build" / "html"
        names = ["book/try.html", "_images/*", "data/*"]
        return {
            str(path.relative_to(site)): path.read_bytes()
            for name in names
            for path in site.glob(name)
        }


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def foreign(folder):
    """An environment in which everything that could be said to a build is said wrongly."""
    home, kernel = folder / "home", {"argv": ["/bin/false"], "display_name": "x", "language": "c"}
    for jupyter in (home / ".local" / "share" / "jupyter", folder / "jupyter"):
        (jupyter / "kernels" / "python3").mkdir(parents=True)
        (jupyter / "kernels" / "python3" / "kernel.json").write_text(json.dumps(kernel))
    for ipython in (home / ".ipython", folder / "ipython"):
        (ipython / "profile_default" / "startup").mkdir(parents=True)
        (ipython / "profile_default" / "startup" / "mine.py").write_text("print('mine')")
    for name in ("home/.config/matplotlib", "mpl"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "matplotlibrc").write_text("axes.linewidth: 9\nno.such.key: 1\n")
    (folder / "path").mkdir()
    for name in ("seaborn", "usercustomize", "sitecustomize"):
        (folder / "path" / f"{name}.py").write_text("print('mine'); 1 / 0\n")
    (folder / "book" / "matplotlibrc").write_text("axes.linewidth: 9\n")
    return {
        "HOME": str(home),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "LC_ALL": "C",
        "MATPLOTLIBRC": str(folder / "mpl"),
        "MPLBACKEND": "pdf",
        "MPLCONFIGDIR": str(folder / "mpl"),
        "PYTHONHOME": str(folder),
        "PYTHONIOENCODING": "ascii",
        "PYTHONOPTIMIZE": "2",
        "PYTHONPATH": str(folder / "path"),
        "PYTHONSTARTUP": str(folder / "path" / "seaborn.py"),
        "PYTHONWARNINGS": "error",
    }


@pytest.mark.slow
def test_a_build_gives_the_same_site_whatever_the_shell_and_the_home_say(checkout):
    home = checkout.folder / "plain"
    home.mkdir()
    store = str(checkout.folder / "kept runs")
    done = checkout.make("page", "PAGE=try", HOME=str(home), SDD_STORE=store, LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stderr
    plain = checkout.built()
    assert sorted(name.partition("/")[0] for name in plain) == ["_images", "book", "data"]
    assert f"± {store} 0 UTF-8" in plain["book/try.html"].decode()
    shutil.rmtree(checkout.folder / "_build")
    said = foreign(checkout.folder)
    done = checkout.make("page", "PAGE=try", SDD_STORE="kept runs", **said)
    assert done.returncode == 0, done.stderr
    assert checkout.built() == plain


@pytest.mark.slow
def test_a_folder_of_runs_below_the_home_is_found_by_a_build_with_a_home_of_its_own(checkout):
    said = {"HOME": str(checkout.folder), "SDD_STORE": "~/kept runs"}
    done = checkout.make("page", "PAGE=try", **said)
    assert done.returncode == 0, done.stderr
    assert f"± {checkout.folder}/kept runs 0" in checkout.built()["book/try.html"].decode()


@pytest.mark.parametrize(("target", "variable"), [("serve", "PORT"), ("lab", "LABPORT")])
def test_a_port_that_is_taken_gets_one_sentence(checkout, target, variable):
    (checkout.folder / "_build" / "html").mkdir(parents=True)
    (checkout.folder / "_build" / "html" / "index.html").write_text("x")
    (checkout.folder / "tools" / "notebooks.py").write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = checkout.make(target, f"{variable}={port}")
    assert done.returncode == 2
    line, make = done.stderr.splitlines()
    other = f"choose another by make {target} {variable}={port % 65_535 + 1}."
    assert line == f"Port {port} is taken: stop what listens there, or {other}"
    assert make.startswith("make: ***")


@pytest.mark.parametrize("port", ["", "-1", "0", "65536", "http"])
def test_what_is_no_port_gets_one_sentence(port):
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "port.py", port, "make serve PORT"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        f"A port is a whole number from 1 to 65535, not {port!r}: choose one by make serve "
        "PORT=8000.\n"
    )
