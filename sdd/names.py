"""What is said of names, of texts from files, and of what the operating system refuses."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

__all__ = ["did_you_mean", "one_of", "printable", "suggesting", "what_failed"]

Kind = TypeVar("Kind", bound=type)

REMEDIES = {  # by the names of the errors that they are for
    "EACCES EPERM": "ask its owner to give you the right",
    "EROFS": "have the disk mounted for writing",
    "ENOSPC EDQUOT": "free some space there",
    "EFBIG": "raise the limit on the size of files (ulimit -f)",
    "ENOLCK EOPNOTSUPP ENOTSUP ENOSYS": "this kind of disk lends no locks: take a local one",
    "ENOTDIR EEXIST": "move away the file that is where a folder should be",
    "EISDIR": "move away the folder that is where a file should be",
    "ELOOP": "remove the link that is where a file or folder should be",
    "ENAMETOOLONG": "shorten the path",
    "EIO": "have the disk checked",
    "ESTALE ENOTCONN": "connect the network disk again",
    "EMFILE ENFILE": "close other files or programs, or raise the limit (ulimit -n)",
}
_REMEDY = {
    getattr(errno, name): remedy
    for names, remedy in REMEDIES.items()
    for name in names.split()
    if hasattr(errno, name)  # they differ between operating systems
}


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """Return how a sentence on an unknown name ends: with the known one that is like it, if any.

    Case does not count, nor whether words are joined by "-" or by "_".
    """
    plain = {_plain(right): right for right in known}
    found = get_close_matches(_plain(str(name)), plain, n=1, cutoff=0.7)
    return f"; did you mean {plain[found[0]]}?" if found else ""


def one_of(what: str, value: Any, known: Iterable[str]) -> str:
    """Return `value`; raise ValueError unless it is one of the known names."""
    known = tuple(known)
    if not isinstance(value, str) or value not in known:
        names = '"{}" or "{}"'.format(*known) if len(known) == 2 else f"one of {', '.join(known)}"
        raise ValueError(f"{what} must be {names}, not {value!r}{did_you_mean(value, known)}")
    return value


def suggesting(kind: Kind) -> Kind:
    """Have a dataclass answer a keyword that it has not with the one that was meant."""
    changed: Any = kind
    init, known = changed.__init__, changed.__dataclass_fields__

    @wraps(init)
    def checked(self: Any, *values: Any, **settings: Any) -> None:
        for name in settings:
            if name not in known:
                said = f"{kind.__name__} has no setting named {name!r}"
                raise TypeError(f"{said}{did_you_mean(name, known)}")
        init(self, *values, **settings)

    changed.__init__ = checked
    return kind


def printable(text: Any, most: int | None = None) -> str:
    """Return a text with escapes for what is no letter, sign or space, such as what moves a cursor.

    For what comes from a file or is the name of one, before it is shown on a terminal; of a text
    that is longer than `most` characters, its beginning.
    """
    said = str(text)
    if most is not None and len(said) > most:
        said = f"{said[:most]} …"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in said)


def what_failed(error: OSError) -> str:
    """Return what the operating system says of an error, and a remedy that fits it, if there is."""
    said, remedy = printable(error.strerror or error), _REMEDY.get(error.errno or 0)
    return f"{said}; {remedy}" if remedy else said


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
