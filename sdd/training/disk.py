"""Files on a disk that others use, too: opened without waiting, shared as their folder is."""

import contextlib
import errno
import json
import math
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sdd.training.layout import Shapes

__all__ = ["Header", "make_room", "opened", "share", "sharing"]

SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
HEADER_AT_MOST = 10**7  # bytes
# What opening a link or a socket gives, on one system or another.
ODD = (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EOPNOTSUPP, errno.ENOTSUP)
KINDS = {"F": "f", "I": "i", "U": "u"}


def opened(file: Path) -> BinaryIO:
    """Open a regular file for reading: a link is not followed, and a pipe not waited for.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    binary file
        To be closed.

    Raises
    ------
    ValueError
        Where it is no regular file.
    OSError
        Where it cannot be opened.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.disk import opened
    >>> opened(Path("."))
    Traceback (most recent call last):
    ValueError: it is no regular file
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | SAFE)
    except OSError as error:
        if error.errno in ODD:
            raise ValueError("it is no regular file") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it is no regular file")
    return open(descriptor, "rb")


@dataclass(frozen=True)
class Header:
    """What stands at the beginning of a safetensors file.

    Parameters
    ----------
    meta : str
        Its metadata under "sdd"; "null" where there are none.
    shapes : mapping of str to (str, tuple of int)
        Types and shapes of its arrays.
    size : int
        Bytes of the whole file.
    array : callable
        Reads one of its arrays, by name.
    """

    meta: str
    shapes: Shapes
    size: int
    array: Callable[[str], np.ndarray]

    @classmethod
    def read(cls, file: BinaryIO) -> "Header":
        """Read it from the beginning of a file.

        Parameters
        ----------
        file : binary file
            From `opened`.

        Returns
        -------
        Header

        Raises
        ------
        ValueError
            Where the file is no such file, or shorter or longer than its arrays; or TypeError,
            KeyError or AttributeError.

        Examples
        --------
        >>> from pathlib import Path
        >>> from sdd.training.disk import Header, opened
        >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
        >>> run.save("a-run")
        >>> with opened(Path("a-run")) as file:
        ...     Header.read(file).shapes["b"]
        ('float32', (50,))
        """
        size = os.fstat(file.fileno()).st_size
        start = 8 + (length := int.from_bytes(file.read(8), "little"))
        if not 8 < start <= min(size, HEADER_AT_MOST):
            raise ValueError("it is no safetensors file")
        arrays = json.loads(file.read(length))
        meta = (arrays.pop("__metadata__", None) or {}).get("sdd", "null")
        kinds = {name: _dtype(what["dtype"]) for name, what in arrays.items()}
        shapes = {name: (kinds[name].name, tuple(what["shape"])) for name, what in arrays.items()}
        if start + sum(kinds[k].itemsize * math.prod(shapes[k][1]) for k in kinds) != size:
            raise ValueError("it is shorter or longer than its arrays")

        def array(name: str) -> np.ndarray:
            first, end = arrays[name]["data_offsets"]
            if not 0 <= first <= end <= size - start:
                raise ValueError(f"its {name} lies outside of it")
            file.seek(start + first)
            return np.frombuffer(file.read(end - first), kinds[name])

        return cls(meta, shapes, size, array)


def _dtype(kind: str) -> np.dtype:
    if kind == "BOOL":
        return np.dtype(bool)
    return np.dtype(f"{KINDS[kind[0]]}{int(kind[1:]) // 8}")


def sharing(folder: Path) -> int:
    """Return who besides a new file's owner may write it, as mode bits: who may in its folder.

    Parameters
    ----------
    folder : Path
        Of the file.

    Returns
    -------
    int
        Bits for reading and writing, of the group and of others; 0 in a private folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.disk import sharing
    >>> Path("ours").mkdir()
    >>> Path("ours").chmod(0o770)
    >>> oct(sharing(Path("ours")))
    '0o60'
    """
    mode = folder.stat().st_mode
    # (In a folder like /tmp, each has files of their own.)
    wide = mode & (stat.S_IWGRP if mode & stat.S_ISVTX else stat.S_IWGRP | stat.S_IWOTH)
    return wide | wide << 1


def share(descriptor: int, folder: Path) -> None:
    """Give a new file or folder to whoever may write in the one that it is in, whatever the umask.

    Parameters
    ----------
    descriptor : int
        Of the new one, opened.
    folder : Path
        In which it is.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.disk import share
    >>> Path("ours").mkdir()
    >>> Path("ours").chmod(0o770)
    >>> with open("ours/file", "w") as file:
    ...     share(file.fileno(), Path("ours"))
    >>> oct(Path("ours/file").stat().st_mode & 0o060)
    '0o60'
    """
    if not (wide := sharing(folder)) or not hasattr(os, "fchmod"):
        return
    with contextlib.suppress(OSError):  # one who is not of that group, or there are none
        if wide & stat.S_IWGRP:
            os.fchown(descriptor, -1, folder.stat().st_gid)
    with contextlib.suppress(OSError):
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            wide |= wide >> 1 & 0o011 | (stat.S_ISGID if wide & stat.S_IWGRP else 0)
        os.fchmod(descriptor, stat.S_IMODE(mode) | wide)


def make_room(folder: Path, name: str) -> Path:
    """Return the folder of that name in a folder; both are made where they are missing.

    Parameters
    ----------
    folder : Path
        The outer one.
    name : str
        Of the inner one, which is shared as the outer one is.

    Returns
    -------
    Path
        The inner one.

    Raises
    ------
    OSError
        Where there can be no such folder, or a link has its name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.training.disk import make_room
    >>> make_room(Path("runs"), ".locks").is_dir()
    True
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / name
    try:
        place.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(place.lstat().st_mode):
            code = errno.ELOOP if place.is_symlink() else errno.ENOTDIR
            raise OSError(code, os.strerror(code), str(place)) from None
        return place
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | SAFE)
        share(descriptor, folder)
        os.close(descriptor)
    return place
