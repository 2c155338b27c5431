"""What is no file, or a huge one, under the name of a run."""

import json
import os
import random
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sdd
from sdd.runs import store
from trials import Found, trial
from trials.reading import SECONDS, in_time
from trials.sweeps import Sweep

GIGABYTE = 2**30


def sparse(file: Path, good: bytes) -> None:
    with file.open("wb") as f:
        f.truncate(GIGABYTE)


def sound_but_long(file: Path, good: bytes) -> None:
    file.write_bytes(good)
    with file.open("r+b") as f:
        f.truncate(GIGABYTE)


def huge_array(file: Path, good: bytes) -> None:
    """Write a file whose header is right for one more array, of a gigabyte."""
    (size,) = np.frombuffer(good[:8], "<u8")
    header = json.loads(good[8 : 8 + int(size)])
    end = len(good) - 8 - int(size)
    header["history/more"] = {
        "dtype": "U8",
        "shape": [GIGABYTE],
        "data_offsets": [end, end + GIGABYTE],
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + good[8 + int(size) :])
        f.truncate(8 + len(text) + end + GIGABYTE)


def long_header(file: Path, good: bytes) -> None:
    with file.open("wb") as f:
        f.write((GIGABYTE - 8).to_bytes(8, "little") + b"{")
        f.truncate(GIGABYTE)


def a_socket(file: Path, good: bytes) -> None:
    here = os.getcwd()
    os.chdir(file.parent)  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(file.name)
    finally:
        os.chdir(here)


ODD: dict[str, Callable[[Path, bytes], object]] = {
    "a folder": lambda file, good: file.mkdir(),
    "a folder with a file": lambda file, good: (file.mkdir(), (file / "x").write_text("x")),
    "a link": lambda file, good: file.symlink_to("/etc/hostname"),
    "a dangling link": lambda file, good: file.symlink_to("nowhere"),
    "a link to itself": lambda file, good: file.symlink_to(file.name),
    "a pipe": lambda file, good: os.mkfifo(file),
    "a socket": a_socket,
    "an empty file": lambda file, good: file.touch(),
    "an unreadable file": lambda file, good: (file.write_bytes(good[:-1]), file.chmod(0)),
    "a sparse gigabyte": sparse,
    "a run with a gigabyte behind it": sound_but_long,
    "a run with an array of a gigabyte": huge_array,
    "a header of a gigabyte": long_header,
}


@trial("odd entries", many=3, few=1)
def odd_entries(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """No regular file, or a huge one, under runs' names: these are missing, and trained again."""
    sweep = Sweep(folder / "sweep", runs=len(ODD) + 2, steps=100)
    sweep.finish(found, "the sweep before")
    good, listing, usual = sweep.bits(), sweep.listing(), peak(sweep)
    for _ in range(tries):
        odd = rng.sample(sweep.specs, len(ODD))
        for spec, make in zip(odd, ODD.values(), strict=True):
            file = store.path(spec.name, sweep.folder)
            file.unlink()
            make(file, good[spec.name])
            found.tried += 1
        sweep.finish(found, "status beside odd entries", "status")
        most = peak(sweep)
        found.measured["MB"] = round(max(found.measured.get("MB", 0), most))
        if most > usual + 300:
            found.fault("crashed", f"reading odd entries takes {most:,.0f} MB, not {usual:,.0f}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lacking = sdd.runs.missing(sweep.specs, sweep.folder)
        for spec, kind in zip(odd, ODD, strict=True):
            if spec not in lacking:
                found.fault("accepted", kind)
            if not os.path.lexists(store.path(spec.name, sweep.folder)):
                found.fault("lost", f"reading removed {kind}")
        if len(lacking) > len(odd):
            found.fault("lost", f"{len(lacking) - len(odd)} runs beside odd entries")
        sweep.finish(found, "the sweep beside odd entries")
        if sweep.bits() != good:
            found.fault("lost", "other bits after odd entries")
        # What was set aside is somebody's.
        aside = [p for p in sweep.folder.iterdir() if ".damaged" in p.name]
        if len(aside) != len(odd):
            found.fault("lost", f"{len(odd)} odd entries, but {len(aside)} set aside")
        for path in aside:
            subprocess.run(["rm", "-rf", path], check=True)
        for entry in sweep.listing() - listing:
            found.fault("left", f"{entry} after odd entries")
    vanishing(found, sweep, rng)


PEAK = """
import sys, warnings
from pathlib import Path
from sdd.runs import load
from trials.sweeps import most_memory
warnings.simplefilter("ignore")
for name in sys.argv[2:]:
    load(name, Path(sys.argv[1]))
print(most_memory())
"""


def peak(sweep: Sweep) -> float:
    """Return the most memory that a process takes which reads all runs, in megabytes."""
    names = [spec.name for spec in sweep.specs]
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, sweep.folder, *names], capture_output=True, text=True,
        timeout=SECONDS * 6, check=True, env=sweep.env | {"TRIAL_LOG": os.devnull},
    )  # fmt: skip
    return float(ran.stdout)


def vanishing(found: Found, sweep: Sweep, rng: random.Random) -> None:
    """Read a run while another process takes its file away and puts it back."""
    spec = sweep.specs[0]
    file = store.path(spec.name, sweep.folder)
    good, stop, away = file.read_bytes(), threading.Event(), file.with_name("away")

    def toggle() -> None:
        while not stop.is_set():
            os.replace(file, away)
            os.replace(away, file)

    other = threading.Thread(target=toggle)
    other.start()
    try:
        for _ in range(300):
            found.tried += 1
            with in_time():
                store.load(spec.name, sweep.folder)
                sdd.runs.missing(sweep.specs, sweep.folder)
    except Exception as error:
        found.fault("crashed", f"a vanishing file: {error!r}")
    finally:
        stop.set()
        other.join()
    if file.read_bytes() != good:
        found.fault("lost", "the vanishing file")
