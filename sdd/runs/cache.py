"""Measures of stored runs, kept beside the runs so that each is computed once."""

import ast
import functools
import hashlib
import logging
import os
import stat
import warnings
from pathlib import Path

import joblib

from sdd.runs import store
from sdd.training.disk import make_room, sharing

__all__ = ["memory"]

# joblib watches the source of a cached function, but not of what it calls: that is in here.
SOURCES = ("data", "engine", "measures", "model.py", "paper.py", "runs", "theory", "training")

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@functools.cache
def _source_hash() -> str:
    """Return a hash of the source of all that a measure may depend on."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for name in SOURCES:
        path = package / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(package).as_posix()}\n".encode())
            digest.update(_code(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def _code(source: str) -> str:
    """Return what a source file computes: its code without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Tell joblib's other words from its traceback of a damaged file of ours."""
    said = record.getMessage()
    return store.MEASURES not in said or "Exception while loading results" not in said


def memory(folder: Path | None = None) -> joblib.Memory:
    """Return the cache of measures that lies in a store, in its hidden folder `.measures`.

    Measures made with other source code of this package are not found in it, and those in damaged
    files are computed again. What joblib keeps could hold any code: of a store that others may
    write to, or that is somebody else's, measures are kept in the user's own `~/.cache/sdd`. Where
    that cannot be written to, nothing is kept. Nothing is said of either.

    Parameters
    ----------
    folder : Path or None
        The store; None means the default one.

    Returns
    -------
    joblib.Memory
        Its ``cache`` wraps a function.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs import memory
    >>> Path(memory(Path("runs")).location).parent.as_posix()
    'runs/.measures'
    """
    for message in ("Unable to cache to disk", "Persisting input arguments took"):
        warnings.filterwarnings("ignore", message)
    logging.getLogger("joblib").addFilter(_is_wanted)
    folder, user = folder or store.default_folder(), getattr(os, "getuid", int)()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if sharing(folder) or (os.name == "posix" and folder.stat().st_uid != user):
            folder = Path.home() / ".cache" / "sdd"
        place = make_room(folder, store.MEASURES) / f"{_source_hash()}-{user}"
        place.mkdir(0o755, exist_ok=True)
        found = place.lstat()
        ours = os.name != "posix" or (found.st_uid == user and not found.st_mode & 0o022)
        writable = ours and stat.S_ISDIR(found.st_mode) and os.access(place, os.W_OK)
    except (OSError, RuntimeError):  # (the latter: there is no home)
        writable = False
    return joblib.Memory(place if writable else None, verbose=0)
