"""One run of a sweep: what determines it, its name in the store, and how it is made."""

from dataclasses import dataclass, fields, replace
from typing import Any

from sdd.data import DataSettings, test_set
from sdd.runs import store
from sdd.training import evaluate, train
from sdd.training.config import Run, TrainConfig
from sdd.training.starts import planted

__all__ = ["RunSpec", "make_run"]

# Settings that the command line takes from the profile where they are not given.
FROM_PROFILE = ("n", "sparsity", "seed", "steps", "eps")


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines a stored run: what to train on, how, and what to keep.

    Parameters
    ----------
    data : DataSettings
        What to train on.
    config : TrainConfig
        How to train.
    snapshots : tuple of int
        Steps after which weights and second moments are kept.
    start : str
        Name of a planted start, see `sdd.training.starts`; "" for the usual random one.
    """

    data: DataSettings
    config: TrainConfig
    snapshots: tuple[int, ...] = ()
    start: str = ""

    @property
    def name(self) -> str:
        """The name under which the run is stored."""
        snapshots = tuple(sorted({int(step) for step in self.snapshots}))
        return store.run_name(self.data, self.config, snapshots, self.start)

    @property
    def rows(self) -> int:
        """Rows per step."""
        return int(self.data.batch or self.data.T)

    @property
    def steps(self) -> int:
        """Steps of all its restarts together."""
        return self.config.steps * self.config.restarts

    @property
    def weight(self) -> float:
        """Work, roughly, in pairs of a row and a feature: puts the longest runs first."""
        return self.steps * (self.rows + 3.0) * self.data.width * self.config.m

    def command(self) -> str:
        """Return the command that trains this run, whatever the profile it is called under."""
        words = ["python -m sdd run"]
        for prefix, settings in (("data-", self.data), ("", self.config)):
            for f in fields(settings):
                value = getattr(settings, f.name)
                if value != f.default or f.name in FROM_PROFILE:
                    clash = f.name == "seed"
                    words.append(f"--{prefix if clash else ''}{f.name.replace('_', '-')} {value}")
        if self.snapshots:
            words.append("--snapshots " + " ".join(map(str, self.snapshots)))
        if self.start:
            words.append(f"--start {self.start}")
        return " ".join(words)


def make_run(spec: RunSpec, **options: Any) -> Run:
    """Train and evaluate one run.

    Parameters
    ----------
    spec : RunSpec
        The run.
    **options
        Further arguments of `train`: threads, checkpoint, resume.

    Raises
    ------
    ValueError
        Where its planted start does not fit its data.
    TrainingDiverged
        Where weights or losses stop being finite.
    """
    data = spec.data.make()
    init = planted(spec.start, data, spec.config) if spec.start else None
    made = train(data, spec.config, init=init, snapshots=spec.snapshots, **options)
    test = test_set(spec.data.n, spec.data.sparsity, spec.data.features)
    return evaluate(replace(made, start=spec.start), test)
