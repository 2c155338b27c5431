"""Files with other content and the right hash: runs, and checkpoints."""

import json
import math
import random
import traceback
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

import sdd
from sdd.data import sample
from sdd.runs import save_run, store
from sdd.training import files
from sdd.training.checkpoint import Progress
from trials import Found, trial
from trials.damage import BYTES
from trials.reading import CONFIG, Hung, in_time, originals, quick_writes, read_back

VALUES = (
    None, True, False, -1, 0, 1, 0.5, 2**31, 2**53 + 1, 2**63, 10**30, 10**400, 1e308, math.inf,
    -math.inf, math.nan, "", "1", "nan", "float16", "cuda", "\x1b[31m", "x" * 10_000, [], [[]],
    [1, 2], {}, {"hash": "0" * 16}, [0] * 10_000,
)  # fmt: skip


TEXTS = (  # metadata that no dictionary of Python's could be written as
    "[" * 100_000 + "]" * 100_000,
    '{"format":' * 5_000 + "1" + "}" * 5_000,
    '{"format": "sdd-run-1", "sha256": ' + "9" * 100_000 + "}",
    "NaN",
    "null",
)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def other_metadata(tensors: dict, meta: dict, rng: random.Random) -> None:
    """Change, drop, add or rename a field, or one of the fields below."""
    place, key = meta, rng.choice(sorted(meta))
    while isinstance(place[key], dict) and place[key] and rng.random() < 0.8:
        place, key = place[key], rng.choice(sorted(place[key]))
    old, how = place[key], rng.randrange(8)
    if how == 0:
        del place[key]
    elif how == 1:
        place[key + "x"] = place.pop(key)
    elif how == 2:
        place[rng.choice(("new", "hash", "seed", ""))] = rng.choice(VALUES)
    elif how == 3 and isinstance(old, int | float) and old < 10**300:
        place[key] = old + rng.choice((-1, 1, 1e-9, 2**53))
    elif how == 4:
        place[key] = str(old)
    elif how == 5:
        place[key] = nested(rng.choice((1, 50, 200)))
    else:
        place[key] = rng.choice(VALUES)


def other_array(tensors: dict, meta: dict, rng: random.Random) -> None:
    """Change values, shape, type or name of an array, or drop or add one."""
    key = rng.choice(sorted(tensors))
    old, how = tensors[key], rng.randrange(9)
    if how < 2 and old.size and old.dtype.kind == "f":
        tensors[key] = old.copy()
        tensors[key].flat[rng.randrange(old.size)] = rng.choice((math.nan, math.inf, -math.inf))
    elif how == 2:
        tensors[key] = old[..., : rng.randrange(old.shape[-1] + 1)] if old.ndim else old[None]
    elif how == 3:
        tensors[key] = old.T if old.ndim > 1 else old.reshape(1, -1)
    elif how == 4:
        kinds = ("float64", "float32", "float16", "int64", "int32", "uint8", "bool")
        with np.errstate(all="ignore"):
            tensors[key] = old.astype(rng.choice(kinds))
    elif how == 5:
        del tensors[key]
    elif how == 6:
        tensors[rng.choice(("new", "a/b/c", "history/x", "snapshots/W", "/", "data/indices"))] = old
    elif how == 7:
        tensors[key + "x"] = tensors.pop(key)
    else:
        tensors[key] = np.zeros(rng.choice(((), (0,), (1_000_000,), (*old.shape, 1))), old.dtype)


def forged(run: sdd.Run, file: Path, rng: random.Random) -> str:
    """Write a run with one or two things changed and the right hash; return what was changed."""
    files.write_run(run, file)
    tensors, meta = files.read(file)
    before = (json.dumps(meta, sort_keys=True), {k: (v.shape, v.dtype) for k, v in tensors.items()})
    how = [rng.choice((other_metadata, other_array)) for _ in range(rng.choice((1, 1, 1, 2)))]
    for change in how:
        change(tensors, meta, rng)
    files.write(file, tensors, meta)
    now = {k: (v.shape, v.dtype) for k, v in tensors.items()}
    shapes = [k for k in {*now, *before[1]} if now.get(k) != before[1].get(k)]
    return f"{[h.__name__ for h in how]}: {shapes} {json.dumps(meta, sort_keys=True)[:800]}"


@trial("forged files", many=6_000, few=300)
def forged_files(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """Run files with other content, the hash right: a run of these settings, or none."""
    runs = originals()
    with quick_writes():
        stored = [save_run(run, folder) for run in runs]
        for found.tried in range(1, tries + 1):
            k = rng.randrange(len(runs))
            what = forged(runs[k], stored[k], rng)
            run = read_back(found, what, runs[k], stored[k], right_hash=True)
            if run is not None:
                found.measured["taken"] = found.measured.get("taken", 0) + 1
    # What JSON alone can hold.
    for text in TEXTS:
        stored[0].write_bytes(save({"W": runs[0].W}, metadata={"sdd": text}))
        read_back(found, f"metadata {text[:30]}", runs[0], stored[0], right_hash=True)
        found.tried += 1


@trial("damaged checkpoints", many=400, few=40)
def checkpoints(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """Checkpoints of other bytes or form: the run is the same, or trained from the start."""
    data, config = sample(5, 30, 0.8), replace(CONFIG, steps=12)
    spec, kept = sdd.RunSpec(data.settings, config, snapshots=(4,)), []
    whole = sdd.train(data, config, snapshots=(4,), checkpoint=lambda p: kept.append(p.arrays()))
    file = store.checkpoint_path(spec.name, folder)
    sdd.train_missing([spec], folder / "first", jobs=1, quiet=True)  # compiles what it takes
    with quick_writes():
        for found.tried in range(1, tries + 1):
            progress = Progress.from_arrays(rng.choice(kept), config)
            store.save_checkpoint(progress, spec.name, folder)
            if rng.random() < 0.6:
                how = rng.choice(BYTES)
                file.write_bytes(how(file.read_bytes(), rng))
                what = f"a checkpoint {how.__name__}"
            else:
                what = forged_checkpoint(file, rng)
            resume_and_compare(found, what, spec, whole, folder)


def forged_checkpoint(file: Path, rng: random.Random) -> str:
    """Change the form of a checkpoint, but no values; return what was changed."""
    kind = "sdd-checkpoint-1"
    tensors, meta = files.read(file, kind)
    key, how = rng.choice(sorted(tensors)), rng.randrange(6)
    if how == 0:
        del tensors[key]
    elif how == 1:
        tensors[key] = tensors[key].reshape(1, *tensors[key].shape)
    elif how == 2:
        tensors[key + "x"] = tensors.pop(key)
    elif how == 3:
        tensors[key] = np.repeat(tensors[key], 2, axis=-1)
    elif how == 4:
        tensors["7" + key[1:]] = tensors[key]
    else:
        key = rng.choice(sorted(meta))
        meta[key] = rng.choice(VALUES[:-1])
    files.write(file, tensors, meta)
    return f"a checkpoint's {key}, changed in way {how}"


def resume_and_compare(
    found: Found, what: str, spec: sdd.RunSpec, whole: sdd.Run, folder: Path
) -> None:
    """Train as the next sweep does, from a checkpoint as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with in_time():
                sdd.train_missing([spec], folder, jobs=1, quiet=True)
                made = store.load(spec.name, folder)
                if made is None or made.W.tobytes() != whole.W.tobytes():
                    found.fault("accepted", f"{what}: it led to other weights")
        except Hung:
            found.fault("hung", f"{what}: {traceback.format_exc()[-600:]}")
        except Exception as error:
            found.fault("crashed", f"{what}: {error!r}")
    for file in (store.path(spec.name, folder), store.checkpoint_path(spec.name, folder)):
        file.unlink(missing_ok=True)
