"""Check that the docstrings of all public functions and methods are whole: `make check` runs it.

Public is what book/api.md documents. A function or method with arguments has the sections
Parameters, Returns and Examples (ruff's DOC501 asks for Raises); a class documents its parameters.
numpydoc reads them; tests/test_docstrings.py runs the examples.
"""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

REFERENCE = Path(__file__).resolve().parents[1] / "book" / "api.md"

# Sections in order; parameters all there, no others, and in order; what is returned; examples.
CHECKS = {
    "GL06", "GL07", "GL08", "SS03", "PR01", "PR02", "PR03", "PR10", "RT01", "YD01", "EX01",
}  # fmt: skip
OF_CLASSES = CHECKS - {"EX01"}


def modules() -> Iterator[str]:
    """Name the modules whose public names are public."""
    for block in REFERENCE.read_text(encoding="utf-8").split("```{eval-rst}")[1:]:
        for name in re.findall(r"\b(sdd[.\w]*)$", block, flags=re.MULTILINE):
            yield name
            if ":recursive:" in block:
                package = importlib.import_module(name)
                yield from (m.name for m in pkgutil.iter_modules(package.__path__, f"{name}."))


def public() -> dict[str, Any]:
    """Return public classes, and public functions and methods with arguments, by full name."""
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, modules()):
        for thing in map(module.__dict__.get, getattr(module, "__all__", ())):
            plain = inspect.unwrap(thing) if callable(thing) else None
            if not getattr(plain, "__module__", "").startswith("sdd."):
                continue
            name = f"{plain.__module__}.{plain.__qualname__}"
            if inspect.isfunction(plain) and _has_arguments(plain):
                found[name] = plain
            elif inspect.isclass(plain) and not issubclass(plain, Exception):
                found[name] = plain
                found |= {f"{name}.{key}": method for key, method in _methods(plain)}
    return dict(sorted(found.items()))


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(kind).items():
        function = getattr(member, "__func__", member)  # of a class method
        if inspect.isfunction(function) and not name.startswith("_") and _has_arguments(function):
            yield name, function


def _has_arguments(function: Any) -> bool:
    return bool(set(inspect.signature(function).parameters) - {"self", "cls"})


def complaints() -> Iterator[str]:
    """Say where what is missing from which docstring."""
    for name, thing in public().items():
        wanted = OF_CLASSES if inspect.isclass(thing) else CHECKS
        if getattr(thing, "_is_protocol", False):  # has no parameters of its own
            wanted = wanted - {"PR01"}
        said = validate(get_doc_object(thing))
        for code, message in said["errors"]:
            if code in wanted:
                yield f"{said['file']}:{said['file_line']}: {name}: {code} {message}"


if __name__ == "__main__":
    found = list(complaints())
    print("\n".join(found) or f"{len(public())} public docstrings are whole")
    sys.exit(bool(found))
