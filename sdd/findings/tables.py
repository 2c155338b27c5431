"""Tables of figures as CSV: lines that say what is in them, and as many rows as a figure shows."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["thinned", "written"]

COLUMNS = Path(__file__).with_name("columns.toml")
PIXEL = 1 / 200  # of a panel's largest coordinate: what a figure of vectors can show

_written: dict[str, str] = {}  # by folder and text of a table: the file that has it already


def thinned(planar: pd.DataFrame) -> pd.DataFrame:
    """Return of vectors in the plane what a figure can show: ends a pixel apart, each once.

    Parameters
    ----------
    planar : DataFrame
        A row a vector, with ``x`` and ``y``; rows alike in all other columns make up a panel.

    Returns
    -------
    DataFrame
        With coordinates rounded to a 200th of the panel's largest; without those that are zero
        then. ``vectors`` says how many have the same end.

    Examples
    --------
    >>> from sdd.findings import page
    >>> planar = pd.DataFrame({"model": "a", "x": [1.0, 0.9999, 0.0001], "y": 0.0})
    >>> page.thinned(planar).values.tolist()
    [['a', 1.0, 0.0, 2]]
    """
    panel = [name for name in planar if name not in ("x", "y")]
    largest = planar[["x", "y"]].abs().max(axis=1)
    pixel = PIXEL * largest.groupby([planar[name] for name in panel], sort=False).transform("max")
    ends = planar[["x", "y"]].div(pixel, axis=0).round()
    unit = 10 ** np.floor(np.log10(pixel))  # digits below a pixel tell nothing
    rounded = ends.mul(pixel / unit, axis=0).round().mul(unit, axis=0)
    found = planar.assign(**rounded)[ends.any(axis=1)]
    return found.groupby([*panel, "x", "y"], sort=False).size().reset_index(name="vectors")


def written(name: str, frame: pd.DataFrame, folder: Path) -> str:
    """Write the table of a figure as CSV, once where figures of a page share it.

    Parameters
    ----------
    name : str
        The figure's, such as "fig-norms".
    frame : DataFrame
        The table.
    folder : Path
        Where to write it.

    Returns
    -------
    str
        The file's name. Lines above the table say what a row and each column is; where tables are
        read, # begins a comment.

    Raises
    ------
    ValueError
        Where `columns.toml` does not say what a row or a column is.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.findings.tables import written
    >>> runs = pd.DataFrame({"run": ["a", "b"], "T": [3, 5]})
    >>> pd.read_csv(Path("data") / written("fig-norms-by-T", runs, Path("data")), comment="#").shape
    (2, 2)
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = _header(name, frame) + frame.to_csv(index=False, float_format="%.6g")
    key = f"{folder}\n{text}"
    if key not in _written or _written[key] == f"{name}.csv":
        _written[key] = f"{name}.csv"
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return _written[key]


def _header(name: str, frame: pd.DataFrame) -> str:
    """Return lines that say what a row and each column is; in words."""
    known = tomllib.loads(COLUMNS.read_text(encoding="utf-8"))
    row = known["rows"].get(name) or ("a training" if _a_row_a_run(frame) else "")
    if not row:
        raise ValueError(f"what a row of {name} is must stand in {COLUMNS.name}, under [rows]")
    meanings = known["columns"] | known.get(name, {})
    said: dict[str, list[str]] = {}
    for column in map(str, frame.columns):
        # D1, D2, … share one meaning, that of D#.
        key = column if column in meanings else re.sub(r"\d+", "#", column)
        if key not in meanings:
            raise ValueError(f"what {column} of {name} means must stand in {COLUMNS.name}")
        said.setdefault(meanings[key], []).append(column)
    lines = [f"# A row is {row}."]
    for meaning, columns in said.items():
        some = columns if len(columns) < 3 else [columns[0], "…", columns[-1]]
        lines.append(f"# {' '.join(some)}: {meaning}")
    return "\n".join(lines) + "\n"


def _a_row_a_run(frame: pd.DataFrame) -> bool:
    return "run" in frame and frame["run"].is_unique
