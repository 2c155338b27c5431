"""Verify stored runs on the command line, and keep what came out (`sdd.measures.verification`)."""

import contextlib
import json
import math
import os
import secrets
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from sdd.measures.verification import (
    FEWEST,
    OUTSIDE,
    SAME,
    UNJUDGED,
    VERDICTS,
    WITHIN,
    Compared,
    bound,
    drawn,
    verify,
)
from sdd.names import printable
from sdd.runs import journal, store, sweep
from sdd.runs.journal import Entry
from sdd.runs.on_the_spot import Interrupted, expected_seconds
from sdd.runs.progress import plural
from sdd.runs.spec import RunSpec

__all__ = ["last", "main", "said"]

COUNTED = (*VERDICTS, "sample", "stored", "seed")
NOTE = ".verified"  # in the store: the last result


def main(
    specs: Sequence[RunSpec], profile: str, sample: int, seed: int | None, jobs: int | None
) -> int:
    """Verify a sample of those runs that are stored, and print what comes out.

    Parameters
    ----------
    specs : sequence of RunSpec
        The runs asked for.
    profile : str
        The profile that they are of.
    sample, seed, jobs
        As on the command line.

    Returns
    -------
    int
        0 where all are the same or within tolerance, else 1.

    Raises
    ------
    MissingRuns
        Where none of them is stored.
    Interrupted
        Where it is interrupted.
    """
    # (Each file is read: the journal does not vouch for what is to be verified.)
    stored = [s for s in dict.fromkeys(specs) if store.load(s.name) is not None]
    if not stored:
        command = f"python -m sdd run --profile {profile}"
        raise sweep.MissingRuns("none of these runs is stored, so none can be verified", command)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    chosen = drawn(stored, sample, seed)
    about = tqdm.format_interval(expected_seconds(chosen))
    print(
        f"training {len(chosen)} of {plural(len(stored), 'stored run')} again, drawn with "
        f"--seed {seed}: about {about}",
        flush=True,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="sdd-verify-") as scratch:
            found = verify(chosen, Path(scratch), jobs, among=stored)
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped: of a verification nothing is kept; --seed {seed} draws the same runs"
        ) from None
    for run in found:
        if not run.same:
            print(_told(run))
    result = _result(found, len(stored), profile, seed)
    print(said(result))
    _keep(result)
    return int(result[OUTSIDE] + result[UNJUDGED] > 0)


def _told(run: Compared) -> str:
    """Return what is to be said of a run whose bits differ."""
    where = ", ".join(f"{name} {v}" for name, v in run.entry.software.items())
    told = f"{run.spec.name}  {run.verdict}: test loss {run.stored:.9g}, now {run.again:.9g}"
    if math.isnan(run.tolerance):
        told += f"; of {FEWEST} peers needed it has {len(run.peers)}"
    else:
        told += f"; by its {len(run.peers)} peers it may move by {run.tolerance:.3g}"
    told += "\n    trained on "
    return told + printable(f"{run.entry.machine or 'an unknown machine'}; {where or 'with ?'}")


def _result(found: list[Compared], stored: int, profile: str, seed: int) -> dict[str, Any]:
    verdicts = Counter(run.verdict for run in found)
    now = Entry.made_here("")
    return {
        "profile": profile, "date": now.date, "machine": now.machine, "seed": seed,
        "stored": stored, "sample": len(found),
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
    }  # fmt: skip


def said(result: dict[str, Any]) -> str:
    """Return the result of a verification in words.

    Parameters
    ----------
    result : dict
        From `last`.

    Returns
    -------
    str
        A sentence or two, without a full stop.

    Examples
    --------
    >>> from sdd.findings.verify import said
    >>> counts = {"same bits": 20, "within tolerance": 0, "outside it": 0, "not to be judged": 0}
    >>> print(said({"sample": 20, "stored": 600, **counts}))
    20 of 20 have the same bits: with 95 % confidence fewer than 14 % of the 600 stored runs have...
    """
    of, same, stored = result["sample"], result[SAME], f"the {result['stored']:,} stored runs"
    told = f"{same} of {of} have the same bits: with 95 % confidence fewer than "
    told += f"{100 * bound(same, of):.0f} % of {stored} have not"
    if same < of:
        rest = [f"{result[v]} {v}" for v in (WITHIN, OUTSIDE, UNJUDGED) if result[v]]
        share = 100 * bound(same + result[WITHIN], of)
        told += f"; of the others {', '.join(rest)}: fewer than {share:.0f} % of {stored} are wrong"
    return told


def _keep(result: dict[str, Any]) -> None:
    """Keep a result in the store, where that can be written to; the status page says it."""
    with contextlib.suppress(OSError), _opened("w") as file:
        json.dump(result, file)


def _opened(mode: str) -> IO[str]:
    """Open the note; no link is followed, and no pipe waited for."""

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | journal.SAFE, 0o666)

    return open(store.default_folder() / NOTE, mode, encoding="utf-8", opener=opener)


def last(profile: str) -> dict[str, Any] | None:
    """Return the last result of a verification of the runs of a profile, or None.

    Parameters
    ----------
    profile : str
        Its name.

    Returns
    -------
    dict or None
        Counts by verdict, with ``date``, ``machine``, ``seed``, ``sample`` and ``stored``.

    Examples
    --------
    >>> from sdd.findings.verify import last
    >>> last("quick") is None
    True
    """
    try:
        with _opened("r") as file:
            found = json.load(file)
        counts = {key: int(found[key]) for key in COUNTED}
        texts = {key: str(found[key]) for key in ("profile", "date", "machine")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None
    sound = texts["profile"] == profile and all(map(str.isprintable, texts.values()))
    return counts | texts if sound and 0 < counts["sample"] <= counts["stored"] else None
