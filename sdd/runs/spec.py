"""One run of a sweep: what determines it, its name in the store, and how it is made."""

from dataclasses import dataclass, fields, replace
from typing import Any

from sdd import paper
from sdd.data import DataSettings, test_set
from sdd.runs import store
from sdd.training import evaluate, train
from sdd.training.config import Run, TrainConfig
from sdd.training.starts import planted

__all__ = ["RunSpec", "check_feasible", "make_run", "train_run"]

# Settings that the command line takes from the profile where they are not given.
FROM_PROFILE = ("n", "sparsity", "seed", "steps", "eps")
STEP_OVERHEAD = 200  # rows whose pairs take about as long as what a step does whatever its rows


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
        Steps after which weights and second moments are kept; sorted, and each once.
    start : str
        Name of a planted start, see `sdd.training.starts`; "" for the usual random one.

    Raises
    ------
    ValueError
        Where a snapshot is no step of the training.
    """

    data: DataSettings
    config: TrainConfig
    snapshots: tuple[int, ...] = ()
    start: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "snapshots", self.config.snapshot_steps(self.snapshots))

    @property
    def name(self) -> str:
        """The name under which the run is stored."""
        return store.run_name(self.data, self.config, self.snapshots, self.start)

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
        """Work, roughly, in pairs of a row and a feature: of training and of evaluation."""
        rows = self.steps * (self.rows + STEP_OVERHEAD) + paper.TEST_ROWS
        return float(rows * self.data.width * self.config.m)

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


def check_feasible(spec: RunSpec) -> None:
    """Raise ValueError where a run's start does not fit its data, or its device is not here.

    Its settings were checked when they were made; this looks at the data and at the machine.
    """
    if spec.start:
        planted(spec.start, spec.data.make(), spec.config)
    if spec.config.device != "cpu":
        from sdd.engine.torch_step import find_device  # PyTorch takes seconds to import

        find_device(spec.config.device, spec.config.dtype)


def train_run(spec: RunSpec, **options: Any) -> Run:
    """Train one run, as `make_run` does, without evaluating it."""
    data = spec.data.make()
    init = planted(spec.start, data, spec.config) if spec.start else None
    made = train(data, spec.config, init=init, snapshots=spec.snapshots, **options)
    return replace(made, start=spec.start)


def make_run(spec: RunSpec, **options: Any) -> Run:
    """Train one run and evaluate it on the test set of its kind of data.

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
    test = spec.data.n, spec.data.sparsity, spec.data.features
    return evaluate(train_run(spec, **options), test_set(*test))
