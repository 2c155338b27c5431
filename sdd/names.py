"""What is said of a name that is none of those known."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

__all__ = ["did_you_mean", "one_of", "suggesting"]

Kind = TypeVar("Kind", bound=type)


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


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
