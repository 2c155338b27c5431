"""The data of what one can play on the site: stored numbers, packed small, as scripts."""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdd.findings.provenance import FOLDER

__all__ = ["exact", "pack", "publish_data"]


def pack(values: Any) -> dict[str, Any]:
    """Return an array as 16-bit numbers times a scale, in base 64.

    Parameters
    ----------
    values : array
        Finite numbers of any shape.

    Returns
    -------
    dict
        ``i16``, little-endian; ``scale``, the value of 1; and the ``shape``. No number is further
        from its own than half the scale, the largest over 65,534.

    Raises
    ------
    ValueError
        Where a number is not finite.

    Examples
    --------
    >>> from sdd.findings.playing import pack
    >>> pack([0.0, 0.5, -1.0])["shape"]
    [3]
    """
    found = np.asarray(values, float)
    if not np.isfinite(found).all():
        raise ValueError("only finite numbers can be packed, and some of these are not")
    scale = float(np.abs(found).max(initial=0)) / 32_767 or 1.0
    data = np.rint(found / scale).astype("<i2").tobytes()
    return {"i16": base64.b64encode(data).decode(), "scale": scale, "shape": list(found.shape)}


def exact(values: Any) -> dict[str, Any]:
    """Return an array as 64-bit numbers in base 64: four times as long as `pack`'s, and as it is.

    Parameters
    ----------
    values : array
        Numbers of any shape.

    Returns
    -------
    dict
        ``f64``, little-endian, and the ``shape``; scripts get a Float64Array.

    Examples
    --------
    >>> from sdd.findings.playing import exact
    >>> exact([0.1])["f64"]
    'mpmZmZmZuT8='
    """
    found = np.asarray(values, "<f8")
    return {"f64": base64.b64encode(found.tobytes()).decode(), "shape": list(found.shape)}


def publish_data(name: str, content: Mapping[str, Any]) -> None:
    """Write data for the site's scripts as play/NAME.js, while the book is built.

    Parameters
    ----------
    name : str
        By which a script asks for them: ``load(name)`` of book/assets/play/core.js.
    content : mapping
        Texts, numbers, lists, mappings; arrays are packed, and infinity becomes null.

    Examples
    --------
    >>> from sdd.findings.playing import publish_data
    >>> publish_data("explore", {"T": [5, 8], "losses": np.array([1.0, 0.9])})
    """
    if not (folder := os.environ.get(FOLDER)):
        return
    file = Path(folder).parent / "play" / f"{name}.js"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(content), allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    file.write_text(f"sddData({json.dumps(name)},{text});\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return pack(value)
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isinf(value) else value
