"""Numbers in prose: cells publish them by name, and the text around the cells has them filled in.

In the book that is done by MyST-NB, for ``{glue:text}`name:format```. In a notebook
(tools/notebooks.py) the same text is shown by `say`, with the numbers that are known by then; the
others follow as soon as a cell publishes them.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["PENDING", "Markdown", "building", "filled", "plain", "publish", "say"]

PENDING = "…"  # stands for a number that no cell has published yet
GLUE = re.compile(r"\{glue:text\}`([^`:]+):?([^`]*)`")
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")

_values: dict[str, Any] = {}
_shown: dict[str, Any] = {}  # by the text shown: the handle that updates its display


class Markdown:
    """A text that a notebook shows as Markdown, and any other place as it stands.

    Parameters
    ----------
    data : str
        The text.
    """

    def __init__(self, data: str) -> None:
        self.data = data

    def __repr__(self) -> str:
        return self.data

    def _repr_markdown_(self) -> str:
        return self.data


def building() -> bool:
    """Return whether the book is being built."""
    return bool(os.environ.get("SDD_BUILD"))


def publish(values: Mapping[str, Any]) -> None:
    """Make computed values available to the prose, as {glue:text} roles, without showing them.

    Parameters
    ----------
    values : mapping of str to value
        By the names that the prose asks for them.

    Examples
    --------
    >>> from sdd.findings import page
    >>> page.publish({"longest": np.float64(3.14)})
    """
    # NumPy scalars print as np.float64(…), which the roles cannot format.
    known = {k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()}
    if building():
        from myst_nb import glue

        for name, value in known.items():
            glue(name, value, display=False)
        return
    _values.update(known)
    for text, handle in _shown.items():
        if known.keys() & {name for name, _ in GLUE.findall(text)}:
            handle.update(Markdown(filled(text, _values)))


def say(text: str) -> None:
    """Show Markdown with the published numbers filled in, now and whenever they are published.

    Parameters
    ----------
    text : str
        With {glue:text} roles, as in a chapter. A number that is not known yet shows as "…".

    Examples
    --------
    >>> from sdd.findings import page
    >>> page.publish({"longest": 3.14})
    >>> page.say("The longest $W$ has norm {glue:text}`longest:.1f`.")
    The longest $W$ has norm 3.1.
    """
    from IPython.display import display

    text = text.strip("\n")
    handle = display(Markdown(filled(text, _values)), display_id=True)
    if handle is not None:  # there is none outside of a notebook
        _shown[text] = handle


def filled(text: str, values: Mapping[str, Any]) -> str:
    """Return a text with these values in place of its {glue:text} roles; "…" for unknown ones.

    Parameters
    ----------
    text : str
        With roles such as {glue:text}`longest:.1f`.
    values : mapping of str to value
        By the names that the roles ask for.

    Returns
    -------
    str
        The text without roles of this kind.

    Examples
    --------
    >>> from sdd.findings.prose import filled
    >>> filled("of norm {glue:text}`longest:.1f`, {glue:text}`other`", {"longest": 3.14})
    'of norm 3.1, …'
    """

    def value(found: re.Match) -> str:
        name, form = found.groups()
        return format(values[name], form) if name in values else PENDING

    return GLUE.sub(value, text)


def plain(text: str) -> str:
    """Return Markdown that a cell shows without roles, which are for the book alone.

    A citation becomes its key, such as "Jermyn (2023)", and a figure its name.

    Parameters
    ----------
    text : str
        With roles of MyST.

    Returns
    -------
    str
        The text without them.

    Examples
    --------
    >>> from sdd.findings.prose import plain
    >>> plain("See {cite:t}`jermyn2023` and {numref}`fig-bump`.")
    'See Jermyn (2023) and *fig-bump*.'
    """

    def words(found: re.Match) -> str:
        role, what = found.groups()
        if role.startswith("cite:"):
            return re.sub(r"^(.+)(\d{4})\w*$", lambda m: f"{m[1].title()} ({m[2]})", what)
        return f"*{what}*"

    return ROLE.sub(words, text)
