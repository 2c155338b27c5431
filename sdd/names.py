"""What is said of a name that is none of those known."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = ["did_you_mean", "one_of"]


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


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
