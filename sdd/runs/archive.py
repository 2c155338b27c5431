"""Runs that travel: many run files in one archive (`sdd.runs.importing` reads it).

An archive is a tar file, not compressed (weights hardly are: by a tenth), with three kinds of
members: the run files, in `runs/`; `manifest.json`, which says of each its hash, its settings, and
when, where and in what time it was trained; and `ro-crate-metadata.json`, which says much the same
to whoever knows nothing of this package (https://w3id.org/ro/crate/1.2). The same stored runs give
the same bytes, whoever makes the archive, when, and where.
"""

import contextlib
import hashlib
import io
import json
import math
import os
import secrets
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from sdd.names import printable, what_failed
from sdd.runs import journal, store
from sdd.runs.crate import CRATE, MANIFEST, described, member
from sdd.runs.journal import Entry
from sdd.runs.on_the_spot import MissingRuns
from sdd.runs.spec import RunSpec, lacking
from sdd.training.files import NUMERICS
from sdd.training.run import Run

__all__ = ["FORMAT", "ArchiveError", "export_runs"]

FORMAT = "sdd-archive-1"


class ArchiveError(OSError):
    """A file is no archive of runs, or cannot be read or written."""


def export_runs(
    specs: Iterable[RunSpec],
    target: Path,
    folder: Path | None = None,
    force: bool = False,
    **about: Any,
) -> str:
    """Write stored runs into one archive; the same runs always give the same bytes.

    Parameters
    ----------
    specs : iterable of RunSpec
        The runs, which must all be stored, with those that they begin after: an archive holds all
        that it says it does, and all that its runs need.
    target : Path
        The archive. It is written under another name, and moved in place once it is whole.
    folder : Path or None
        The store; None means the default one.
    force : bool
        Whether to replace a file that is there.
    **about
        What else the manifest is to say: what JSON can hold.

    Returns
    -------
    str
        The SHA-256 of the archive.

    Raises
    ------
    MissingRuns
        Where runs are not stored.
    ArchiveError
        Where the archive cannot be written, or there is a file of that name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs import make_run, save_run
    >>> from sdd.runs.archive import export_runs
    >>> from sdd.runs.importing import import_runs
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> file = save_run(make_run(spec), Path("here"))
    >>> sha256 = export_runs([spec], Path("runs.tar"), Path("here"))
    >>> import_runs(Path("runs.tar"), Path("there")).added == [spec.name]
    True
    """
    folder = folder or store.default_folder()
    _check_free(target, force)
    noted, runs = journal.entries(folder), []
    wanted = sorted({s.name: s for s in lacking(specs, lambda _: False)}.items())
    for name, spec in tqdm(wanted, "reading", unit="run", disable=None):
        run = store.load(name, folder)
        if run is not None:
            runs.append(_listed(spec, run, noted.get(name, Entry(name)), _bytes(name, folder)))
    if count := len(wanted) - len(runs):
        said = f"{count} of the {len(wanted)} runs asked for {'is' if count == 1 else 'are'}"
        raise MissingRuns(f"{said} not stored in {folder}, and an archive must be whole")
    manifest = {"format": FORMAT, "numerics": NUMERICS, "sdd": _version(), **about, "runs": runs}
    texts = {MANIFEST: _text(manifest)}
    texts[CRATE] = _text(described(manifest, texts[MANIFEST], _last_day(runs, folder)))
    aside = target.with_name(f".writing-{target.name}-{secrets.token_hex(8)}")
    try:
        with aside.open("xb") as opened:
            _write(opened, texts, runs, folder)
            opened.flush()
            os.fsync(opened.fileno())
        with aside.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        _check_free(target, force)
        os.replace(aside, target)
    except ArchiveError:
        raise
    except OSError as error:
        said = f"the archive cannot be written to {printable(target)}: {what_failed(error)}"
        raise ArchiveError(said) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
    return digest


def _check_free(target: Path, force: bool) -> None:
    if os.path.lexists(target) and not (force and target.is_file()):
        remedy = "remove it" if not target.is_file() else "give --force to replace it"
        raise ArchiveError(f"there is {target} already: name another file, or {remedy}")


def _bytes(name: str, folder: Path) -> bytes:
    return store.path(name, folder).read_bytes()


def _version() -> str:
    return journal.software().get("sdd", "unknown")


def _text(what: Any) -> bytes:
    return (json.dumps(what, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, which knows no infinity."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return "inf" if value == math.inf else value


def _listed(spec: RunSpec, run: Run, entry: Entry, blob: bytes) -> dict[str, Any]:
    """Return what the manifest says of a run; what is not known of its training is left out."""
    known = {k: getattr(entry, k) for k in ("date", "seconds", "machine", "software")}
    return {
        "name": entry.name,
        "sha256": hashlib.sha256(blob).hexdigest(),
        "size": len(blob),
        "numerics": NUMERICS,
        "settings": _plain(run.settings) | {"snapshots": list(spec.snapshots)},
        "command": spec.command(),
        **{k: v for k, v in known.items() if v and v == v},  # (not NaN)
    }


def _last_day(runs: list[dict[str, Any]], folder: Path) -> str:
    """Return the day on which the last of these runs was trained, or its file written."""
    if dates := [run["date"] for run in runs if "date" in run]:
        return max(dates)[:10]
    last = max((store.path(run["name"], folder).stat().st_mtime for run in runs), default=0.0)
    return time.strftime("%Y-%m-%d", time.gmtime(last))


def _write(opened: BinaryIO, texts: dict[str, bytes], runs: list[dict], folder: Path) -> None:
    """Write the archive, in which nothing depends on who makes it, when and where."""
    with tarfile.open(fileobj=opened, mode="w", format=tarfile.USTAR_FORMAT) as tar:

        def add(name: str, blob: bytes) -> None:
            info = tarfile.TarInfo(name)  # of nobody's, of no date, to be read by everybody
            info.size = len(blob)
            tar.addfile(info, io.BytesIO(blob))

        for name, text in sorted(texts.items(), reverse=True):  # what it is comes first
            add(name, text)
        for run in tqdm(runs, "writing", unit="run", disable=None):
            blob = _bytes(run["name"], folder)
            if hashlib.sha256(blob).hexdigest() != run["sha256"]:
                raise ArchiveError(f"the run {run['name']} has changed while it was exported")
            add(member(run["name"]), blob)
