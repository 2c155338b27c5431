"""What a build is made of: its runs, when and where they were trained, and what that took.

It is read from the store's journal (`sdd.runs.journal`), which came into being after some runs:
of those neither time nor place is known, and they are counted as such.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from sdd.findings import verify
from sdd.findings.experiments import EXPERIMENTS, specs
from sdd.findings.profiles import profile
from sdd.measures.verification import CONFIDENCE
from sdd.runs import journal, store
from sdd.runs.journal import Entry

__all__ = ["by_experiment", "by_machine", "records", "totals"]

UNKNOWN = "not recorded"


def records(of: str | None = None) -> pd.DataFrame:
    """Return what is known of the stored runs of a profile.

    Parameters
    ----------
    of : str or None
        Name of the profile; None means the current one.

    Returns
    -------
    DataFrame
        A row a run of an experiment (two may share runs), with the size of its file in bytes; its
        date, seconds, machine, software and archive are those of its `Entry`.

    Raises
    ------
    ValueError
        Where there is no such profile.

    Examples
    --------
    >>> from sdd.findings import status
    >>> list(status.records("quick").columns)[:3]
    ['experiment', 'run', 'size']
    """
    folder, rows = store.default_folder(), []
    noted = journal.entries(folder)
    for experiment in EXPERIMENTS:
        for name in dict.fromkeys(s.name for s in specs(experiment, of)):
            try:
                size = store.path(name, folder).lstat().st_size
            except OSError:  # it is not stored
                continue
            e = noted.get(name, Entry(name))
            software = ", ".join(
                f"{what} {version}" for what, version in sorted(e.software.items())
            )
            rows.append((experiment, name, size, e.date, e.seconds, e.machine, software, e.archive))
    names = ["experiment", "run", "size", "date", "seconds", "machine", "software", "archive"]
    return pd.DataFrame(rows, columns=names)


def totals(runs: pd.DataFrame, of: str | None = None) -> dict[str, Any]:
    """Return the numbers that the status page says of all runs together, by name.

    Parameters
    ----------
    runs : DataFrame
        From `records`.
    of : str or None
        Name of the profile; None means the current one.

    Returns
    -------
    dict
        Numbers and texts.

    Raises
    ------
    ValueError
        Where there is no such profile.

    Examples
    --------
    >>> from sdd.findings import status
    >>> status.totals(status.records("quick"), "quick")["profile"]
    'quick'
    """
    each, now = runs.drop_duplicates("run"), Entry.made_here("")
    dates = each["date"][each["date"] != ""].str[:10]
    of = profile(of).name
    found = verify.last(of)
    said = "They have not been verified here."
    if found is not None:
        said = f"On {found['date'][:10]} a sample was trained again, on {_safe(found['machine'])}: "
        said += f"{verify.said(found)}."
    return {
        "profile": of,
        "runs": len(each),
        "megabytes": each["size"].sum() / 1e6,
        "compute": _time(each["seconds"]),
        "unrecorded": int(each["seconds"].isna().sum()),
        "dates": " to ".join(dict.fromkeys([dates.min(), dates.max()])) if len(dates) else UNKNOWN,
        "imported": int((each["archive"] != "").sum()),
        "verified": said,
        "sound": 100 * CONFIDENCE,
        "today": now.date[:10],
        "machine": now.machine,
        "versions": ", ".join(f"{name} {version}" for name, version in now.software.items()),
    }


def by_experiment(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of experiments: how many runs each has, and what they took.

    Parameters
    ----------
    runs : DataFrame
        From `records`.

    Returns
    -------
    DataFrame
        Text, a row an experiment that has runs.

    Examples
    --------
    >>> from sdd.findings import status
    >>> len(status.by_experiment(status.records("quick")).columns)
    5
    """
    rows = [
        {"Experiment": f"`{name}`", "What": EXPERIMENTS[name].description, **_summed(part)}
        for name, part in runs.groupby("experiment", sort=False)
    ]
    return pd.DataFrame(rows, columns=["Experiment", "What", *COLUMNS])


def by_machine(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of machines and software: how many runs were trained on each.

    Parameters
    ----------
    runs : DataFrame
        From `records`.

    Returns
    -------
    DataFrame
        Text, a row for each of both.

    Examples
    --------
    >>> from sdd.findings import status
    >>> len(status.by_machine(status.records("quick")).columns)
    5
    """
    each = runs.drop_duplicates("run")
    rows = [
        {"Trained on": _safe(machine), "With": _safe(software), **_summed(part)}
        for (machine, software), part in each.groupby(["machine", "software"])
    ]
    return pd.DataFrame(rows, columns=["Trained on", "With", *COLUMNS])


COLUMNS = ["Runs", "CPU time", "MB"]


def _summed(runs: pd.DataFrame) -> dict[str, str]:
    sums = f"{len(runs):,}", _time(runs["seconds"]), f"{runs['size'].sum() / 1e6:,.1f}"
    return dict(zip(COLUMNS, sums, strict=True))


def _time(seconds: pd.Series) -> str:
    """Return the sum of CPU times as text, as far as they are known."""
    total = seconds.sum(min_count=1)
    if np.isnan(total):
        return UNKNOWN
    for unit, length in (("h", 3600), ("min", 60)):
        if total >= 1.5 * length:
            return f"{total / length:,.1f} {unit}"
    return f"{total:.1f} s"


def _safe(text: str) -> str:
    """Return a text that may be anybody's, as a cell of a table: nothing in it is markup."""
    return re.sub(r"[^\w .,()@+:-]", "?", text) or UNKNOWN
