"""Files with bytes changed, by accident."""

import random
from pathlib import Path

import numpy as np

from sdd.runs import save_run, store
from trials import Found, trial
from trials.reading import originals, read_back, same


def flipped(blob: bytes, rng: random.Random) -> bytes:
    bad = bytearray(blob)
    for _ in range(rng.choice((1, 1, 1, 2, 30))):
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
    return bytes(bad)


def cut(blob: bytes, rng: random.Random) -> bytes:
    return blob[: rng.randrange(len(blob))]


def without_a_part(blob: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(blob))
    return blob[:start] + blob[start + rng.choice((1, 8, 100, 4096)) :]


def extended(blob: bytes, rng: random.Random) -> bytes:
    place = rng.choice((0, rng.randrange(len(blob)), len(blob)))
    return blob[:place] + rng.randbytes(rng.choice((1, 8, 4096))) + blob[place:]


def swapped(blob: bytes, rng: random.Random) -> bytes:
    a, b, c = sorted(rng.sample(range(len(blob)), 3))
    return blob[:a] + blob[b:c] + blob[a:b] + blob[c:]


def zeroed(blob: bytes, rng: random.Random) -> bytes:
    start, size = rng.randrange(len(blob)), rng.choice((8, 512, 4096))
    return blob[:start] + bytes(len(blob[start : start + size])) + blob[start + size :]


def other_header_length(blob: bytes, rng: random.Random) -> bytes:
    (size,) = np.frombuffer(blob[:8], "<u8")
    size = rng.choice(
        (0, 1, int(size) - 1, int(size) + 8, len(blob), 10**8, 2**32, 2**63, 2**64 - 1)
    )
    return int(size).to_bytes(8, "little") + blob[8:]


def other_digit(blob: bytes, rng: random.Random) -> bytes:
    """Change a digit of the header: a shape, an offset, a setting, or the hash."""
    (size,) = np.frombuffer(blob[:8], "<u8")
    digits = [k for k in range(8, 8 + int(size)) if 48 <= blob[k] < 58]
    place, new = rng.choice(digits), rng.choice(b"0123456789")
    return blob[:place] + bytes([new]) + blob[place + 1 :]


def noise(blob: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 7, 8, 9, len(blob))))


BYTES = (flipped, flipped, cut, without_a_part, extended, swapped, zeroed, other_header_length,
         other_digit, other_digit, noise)  # fmt: skip


@trial("damaged files", many=6_000, few=300)
def damaged(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """Run files with bytes changed: each is its own run, bit for bit, or none."""
    runs = originals()
    stored = [save_run(run, folder) for run in runs]
    blobs = [file.read_bytes() for file in stored]
    for found.tried in range(1, tries + 1):
        k = rng.randrange(len(runs))
        how = rng.choice(BYTES)
        bad = how(blobs[k], rng)
        if rng.random() < 0.02:  # a sound file, but another's
            bad, how = blobs[k - 1], save_run
        stored[k].write_bytes(bad)
        read_back(found, f"{how.__name__} {found.tried}", runs[k], stored[k], right_hash=False)
    for file, blob, run in zip(stored, blobs, runs, strict=True):
        file.write_bytes(blob)
        back = store.load(file.stem, folder)
        if back is None or not same(back, run):
            found.fault("lost", f"{file.name} does not come back")
