"""How a figure was made: its table, the runs that it shows, and the command that trains these."""

import functools
import hashlib
import json
import math
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from sdd.data import DataSettings
from sdd.findings.claims import CLAIMS
from sdd.findings.experiments import EXPERIMENTS, specs
from sdd.findings.profiles import FIRST_JUDGING, profile
from sdd.findings.prose import Markdown, building
from sdd.findings.tables import written
from sdd.runs import store
from sdd.training.config import TrainConfig

__all__ = ["FOLDER", "csv", "source"]

# The environment variable by which tools/figures_site.py asks for data while it builds the book.
FOLDER = "SDD_FIGURE_DATA"
# Settings that are always told, by their names in a table; others where they are not the usual.
TOLD = {
    "T": "T", "n": "n", "sparsity": "S", "m": "m", "steps": "steps", "lr": "learning rate",
    "eps": "ε", "data_seed": "data seeds", "batch": "points a step",
}  # fmt: skip
UNTOLD = {"seed", "restarts"}  # told by the data seeds, and by the number of trainings


def csv(name: str, frame: pd.DataFrame, *made: pd.DataFrame | str) -> None:
    """Keep the table that a figure is drawn from, and how it was made, while the book is built.

    The table is written as NAME.csv, below lines that say what a row and each column is, from
    `columns.toml`. In a notebook the trainings are told below the figure.

    Parameters
    ----------
    name : str
        The figure's own in the book, such as "fig-norms".
    frame : DataFrame
        One row or more.
    *made : DataFrame or str
        The tables of all runs that the figure shows, a row a run; where it shows none, a sentence
        that says what it shows. Nothing stands for the table itself.

    Raises
    ------
    ValueError
        Where the table is empty, it is not said how it was made, or a meaning is missing.

    Examples
    --------
    >>> from sdd.findings import page
    >>> page.csv("fig-norms", pd.DataFrame({"T": [5], "W_norm": [3.0]}), "One number.")
    One number.
    """
    if frame.empty:
        raise ValueError(f"the table of {name} must have rows, but is empty")
    made = made or (frame,)
    tables = [part for part in made if isinstance(part, pd.DataFrame)]
    words = [part for part in made if isinstance(part, str)]
    if any("run" not in table for table in tables):
        raise ValueError(
            f'page.csv("{name}", …) must also be given the tables of the runs drawn, with their '
            "column run, or a sentence where none are drawn"
        )
    said = " ".join([*([source(*tables)] if tables else []), *words])
    if folder := os.environ.get(FOLDER):
        claims = [c for c in CLAIMS.values() if c.figure.partition("#")[2] == name]
        record: dict[str, Any] = {"figure": name, "profile": profile().name, "said": said}
        record |= {"csv": written(name, frame, Path(folder)), "claims": [c.id for c in claims]}
        record |= _runs(tables)
        record["code"] = sorted({*record["code"], *(c.check.__module__ for c in claims)})
        text = json.dumps(record, ensure_ascii=False)
        (Path(folder) / f"{name}.json").write_text(text, encoding="utf-8")
    elif not building():
        from IPython.display import display

        display(Markdown(said))


def source(*frames: pd.DataFrame, of: str | None = None) -> str:
    """Return in a sentence what runs these are, at a profile.

    Parameters
    ----------
    *frames : DataFrame
        Tables of runs, a row a run; those in several count once.
    of : str or None
        Name of the profile; None means the current one.

    Returns
    -------
    str
        A sentence with profile, sizes, steps and number of trainings.

    Raises
    ------
    ValueError
        Where there is no such profile.

    Examples
    --------
    >>> from sdd.findings import page
    >>> law = {"n": 50, "sparsity": 0.9, "steps": 500, "restarts": 1}
    >>> runs = pd.DataFrame({"run": ["a", "b"], "data_seed": [0, 20], **law})
    >>> page.source(runs, of="quick")
    'Profile quick: n = 50, S = 0.9, 500 steps; 2 trainings (1 looked at beforehand, 1 judging).'
    """
    drawn = pd.concat(frames).drop_duplicates("run")
    laws = drawn["sparsity"].dropna()
    sparsities = f"S = {_values(laws)}, " if len(laws) else ""
    least, most = drawn["steps"].min(), drawn["steps"].max()
    steps = f"{least:,}" + (f" to {most:,}" if most > least else "")
    law = f"n = {_values(drawn['n'])}, {sparsities}{steps} steps"
    return f"Profile {profile(of).name}: {law}; {_trainings(drawn)}."


def _trainings(drawn: pd.DataFrame) -> str:
    """Return how many trainings were drawn, and how many of them are for what."""
    count, trained = len(drawn), int(drawn["restarts"].sum())
    # Data of one's own have no seed: there the seeds of the initial weights tell.
    seeds = drawn["data_seed"].fillna(drawn.get("seed", 0))
    judge = int((seeds >= FIRST_JUDGING).sum())
    said = f"{trained:,} training{'s' * (trained > 1)}"
    if trained > count:
        said += f", of which {count:,} are shown, the best of several by training loss"
    elif judge == count:
        said += ", which judge" if count > 1 else ", which judges"
    elif judge:
        said += f" ({count - judge:,} looked at beforehand, {judge:,} judging)"
    return said


# --- The runs -----------------------------------------------------------------------------------


def _runs(tables: list[pd.DataFrame]) -> dict[str, Any]:
    """Return how many trainings were drawn, their settings, what trains them, and their files."""
    if not tables:
        return {"trainings": 0, "code": []}
    drawn = pd.concat(tables).drop_duplicates("run")
    names = drawn["run"].tolist()
    return {
        "trainings": int(drawn["restarts"].sum()),
        "settings": _settings(drawn),
        **_command(names, profile().name),
        "runs": [{"name": name, "sha256": _sha256(store.path(name))} for name in names],
    }


def _settings(drawn: pd.DataFrame) -> dict[str, str]:
    """Return in words the settings that matter: by name, the values that the runs have."""
    usual = {f.name: f.default for kind in (DataSettings, TrainConfig) for f in fields(kind)}
    usual |= {"start": "", "model": "ReLUOutput", "data": ""}
    found = {}
    others = [name for name in usual if name not in TOLD and name not in UNTOLD]
    for name in (*TOLD, *others):
        values = drawn[name].dropna() if name in drawn else drawn.iloc[:0, 0]
        if len(values) and (name in TOLD or not (values == usual[name]).all()):
            found[TOLD.get(name, name.replace("_", " "))] = _values(values)
    return found


def _values(values: pd.Series) -> str:
    each = sorted(values.unique())
    if len(each) <= 3 or isinstance(each[0], str):
        said = [_number(v) for v in each[:3]] + ["…"] * (len(each) > 3)
        return ", ".join(said)
    last = f"{_number(each[-2])}, ∞" if each[-1] == math.inf else _number(each[-1])
    return f"{_number(each[0])} to {last} ({len(each)} values)"


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value or "none"
    if value == math.inf:
        return "∞"
    return f"{value:,.0f}" if value == int(value) else f"{value:.6g}"


@functools.cache
def _names(of: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(s.name for s in specs(name, of)) for name in EXPERIMENTS}


def _command(names: list[str], of: str) -> dict[str, Any]:
    """Return the command that trains these runs and no others, and the modules that name them.

    Experiments that are drawn whole are named, and of others the runs. Runs that are stored beside
    those of the profile are in no command.
    """
    known, left = _names(of), dict.fromkeys(names)
    whole, modules = [], []
    for name, its in sorted(known.items(), key=lambda item: -len(item[1])):
        if shared := its & left.keys():
            modules.append(EXPERIMENTS[name].specs.__module__)
            if its <= set(names):
                whole.append(name)
                left = {run: None for run in left if run not in shared}
    rest = [run for run in left if any(run in its for its in known.values())]
    asked = [*(name for name in known if name in whole), *rest]
    if all(not its or its <= set(names) for its in known.values()):
        asked = []
    command = " ".join(["python -m sdd run", *asked, "--profile", of])
    return {
        "command": command if whole or rest else "",
        "beside": len(left) - len(rest),
        "code": modules,
    }


@functools.cache
def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
