"""Trainings that are stopped and resumed, on as many threads as there are: the same bits."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np

import sdd
from sdd.data import Dataset, sample, stream
from sdd.runs import store
from sdd.training.checkpoint import Progress
from trials import Found, trial
from trials.reading import quick_writes, same


class Pause(Exception):
    """Stops a training, as a crash would."""


def kinds() -> list[tuple[object, sdd.TrainConfig, tuple[int, ...]]]:
    """Return trainings of every kind: data, width, type and number of restarts."""
    base = sdd.TrainConfig(steps=200, lr=1e-3)
    dense = Dataset.from_dense(np.eye(40)[:25])
    return [
        (sample(20, 60, 0.9, seed=1), replace(base, restarts=3), (0, 77, 200)),
        (sample(300, 400, 0.97, seed=3), replace(base, m=3), ()),  # where the engine skips pairs
        (sample(200, 100, 0.9), replace(base, m=5, reduction="sum"), (10,)),
        (sample(12, 60, 0.9), replace(base, m=1), ()),
        (dense, replace(base, dtype="float64", restarts=2), ()),
        (stream(30, 100, 0.9), replace(base, warmup=20), (5,)),
    ]


@trial("resumed trainings", many=100, few=10)
def resumed(found: Found, tries: int, rng: random.Random, folder: Path) -> None:
    """Trainings stopped at random, up to three times, and resumed on 1, 2 or 4 threads."""
    trainings = [(kind, sdd.train(kind[0], kind[1], snapshots=kind[2])) for kind in kinds()]
    for found.tried in range(1, tries + 1):
        (data, config, snapshots), whole = rng.choice(trainings)
        progress, path = None, []
        for _ in range(rng.randrange(1, 4)):
            stop = rng.randrange(config.steps * config.restarts)
            if progress is not None and stop <= progress.steps:
                continue
            threads = rng.choice((1, 2, 4))
            path.append((stop, threads))
            progress = stopped(data, config, snapshots, progress, stop, threads, folder) or progress
        threads = rng.choice((1, 2, 4))
        options = {"snapshots": snapshots, "threads": threads, "resume": progress}
        made = sdd.train(data, config, **options)
        if not same(made, whole):
            found.fault("lost", f"other bits after stops and threads {path}, {threads}: {config}")


def stopped(data, config, snapshots, progress, stop, threads, folder) -> Progress | None:
    """Return a training's progress after about so many steps, as the next process reads it."""

    def checkpoint(now: Progress) -> None:
        if now.steps >= stop:
            store.save_checkpoint(now, "0" * 16, folder)
            raise Pause

    try:
        with quick_writes():
            sdd.train(
                data, config, snapshots=snapshots, threads=threads, resume=progress,
                checkpoint=checkpoint,
            )  # fmt: skip
    except Pause:
        return store.load_checkpoint("0" * 16, config, folder)
    return None
