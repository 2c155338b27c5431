"""One run of a sweep: what determines it, its name in the store, and how it is made."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from sdd import paper
from sdd.data import Dataset, DataSettings, as_data, as_dataset, origin, test_set
from sdd.runs import store
from sdd.training import evaluate, train
from sdd.training.checkpoint import ResumeError
from sdd.training.config import ENGINE_M, TrainConfig
from sdd.training.method import Method
from sdd.training.run import Run
from sdd.training.starts import planted

if TYPE_CHECKING:
    from sdd.model import ReLUOutput

__all__ = ["RunSpec", "check_feasible", "lacking", "listed", "make_run", "train_run"]

# Settings that the command line takes from the profile where they are not given.
FROM_PROFILE = ("n", "sparsity", "seed", "steps", "eps")
# Times slower than the engine's step at m up to 4, for the same pairs and m: measured.
DENSE = 100  # by autograd on dense points
WIDE = 4  # the engine's at larger m, where fewer pairs are skipped
STEP_OVERHEAD = 200  # rows whose pairs take about as long as what a step does whatever its rows


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines a stored run: what to train on, how, and what to keep.

    Parameters
    ----------
    data : DataSettings, or Dataset, Stream, or (T, n) array, tensor or scipy.sparse matrix
        What to train on. Data of your own are named by their content, and stored with the run.
    config : TrainConfig
        How to train. Its ε becomes a number here: see `TrainConfig`.
    snapshots : tuple of int
        Steps after which weights and second moments are kept; sorted, and each once.
    start : str
        Name of a planted start, see `sdd.training.starts`; "" for the usual random one.
    model : subclass of ReLUOutput, or None
        A model or a loss of your own, see `sdd.ReLUOutput`; None means the paper's model.
    test : Dataset, or (T, n) array, tensor or scipy.sparse matrix, or None
        What to evaluate on. None means the test set of drawn data; data of your own have none.
    after : RunSpec or None
        A run whose final W and b this one begins with. Data and settings are this run's own:
        AdamW's moments begin at zero, and the learning rate with its warm-up.

    Raises
    ------
    ValueError
        Where a snapshot is no step of the training, training and test points have not the same
        number of features, or a run cannot begin with the weights of the one before it.
    TypeError
        Where data or model are nothing of the kind.

    Examples
    --------
    >>> spec = sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> spec.config.eps, len(spec.name)
    (0.0002, 16)
    >>> more = sdd.DataSettings(6, n=50, sparsity=0.9)  # the same five points, and a sixth
    >>> then = sdd.RunSpec(more, spec.config, after=spec)  # begins with the weights of the other
    >>> then.begins == f"run:{spec.name}"
    True
    """

    data: DataSettings | Dataset
    config: TrainConfig = field(default_factory=TrainConfig)
    snapshots: tuple[int, ...] = ()
    start: str = ""
    model: "type[ReLUOutput] | None" = None
    test: Dataset | None = None
    after: "RunSpec | None" = None

    def __post_init__(self) -> None:
        found: dict[str, Any] = {"data": origin(self.data)}
        found["config"] = self.config.for_data(found["data"], own=self.model is not None)
        found["snapshots"] = self.config.snapshot_steps(self.snapshots)
        if self.test is not None:
            found["test"] = test = as_dataset(self.test)
            if test.n != _width(found["data"]):
                raise ValueError(
                    f"test points must have the {_width(found['data'])} features of the training "
                    f"points, not {test.n}"
                )
        for name, value in found.items():
            object.__setattr__(self, name, value)
        if self.model_name or self.after is not None:  # (the first raises where it is no model)
            self._check_after()

    def _check_after(self) -> None:
        if self.after is None:
            return
        shapes = [(s.config.m, _width(s.data)) for s in (self, self.after)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"m and n must be those of the run before, {shapes[1]}, not {shapes[0]}"
            )
        if self.start or self.config.restarts > 1 or self.model_name or self.after.model_name:
            raise ValueError(
                "a run after another must have no start, one restart, and the paper's model"
            )

    @property
    def model_name(self) -> str:
        """The name of a model of one's own, as it is stored; "" for the paper's."""
        if self.model is None:
            return ""
        from sdd.model import ReLUOutput, model_name  # PyTorch takes seconds to import

        return "" if self.model is ReLUOutput else model_name(self.model)

    @property
    def name(self) -> str:
        """The name under which the run is stored."""
        test = "" if self.test is None else self.test.content_hash()
        return store.run_name(
            self.data, self.config, self.snapshots, self.begins, self.model_name, test
        )

    @property
    def begins(self) -> str:
        """What the stored run says of its start: "run:NAME" after another run, else `start`."""
        return self.start if self.after is None else f"run:{self.after.name}"

    @property
    def own(self) -> bool:
        """Whether no command can train it: data, model, test set or start are one's own."""
        given = isinstance(self.data, Dataset) or self.test is not None or self.after is not None
        return given or bool(self.model_name)

    @property
    def eps(self) -> float:
        """AdamW's ε."""
        return self.config.eps or 0.0  # (never None in a spec)

    @property
    def rows(self) -> int:
        """Rows per step."""
        return self.data.total

    @property
    def steps(self) -> int:
        """Steps of all its restarts together."""
        return self.config.steps * self.config.restarts

    @property
    def weight(self) -> float:
        """Work, roughly, in pairs of a row and a feature: of training and of evaluation."""
        rows = self.steps * (self.rows + STEP_OVERHEAD) + paper.TEST_ROWS
        slower = DENSE if self.model_name else WIDE if self.config.m > ENGINE_M else 1
        return float(rows * _width(self.data) * self.config.m * slower)

    def command(self) -> str:
        """Return the command that trains this run, whatever the profile; "" where it is `own`."""
        if self.own:
            return ""
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


def listed(specs: "RunSpec | Iterable[RunSpec]") -> list[RunSpec]:
    """Return specs as a list, of one where a single one was given.

    Parameters
    ----------
    specs : RunSpec, or iterable of RunSpec
        One, or many.

    Returns
    -------
    list of RunSpec
        In their order.

    Examples
    --------
    >>> from sdd.runs.spec import listed
    >>> len(listed(sdd.RunSpec(sdd.DataSettings(5, n=50, sparsity=0.9))))
    1
    """
    return [specs] if isinstance(specs, RunSpec) else list(specs)


def lacking(specs: "RunSpec | Iterable[RunSpec]", stored: Callable[[str], bool]) -> list[RunSpec]:
    """Return the specs whose runs are not stored, each once, and the runs that they begin after.

    Parameters
    ----------
    specs : RunSpec, or iterable of RunSpec
        The runs wanted.
    stored : callable
        Whether the run of a name is stored.

    Returns
    -------
    list of RunSpec
        In their order, but each behind the one that it begins after, if that is not stored.

    Examples
    --------
    >>> from sdd.runs.spec import lacking
    >>> law = sdd.DataSettings(5, n=50, sparsity=0.9)
    >>> second = sdd.RunSpec(law, after=(first := sdd.RunSpec(law)))
    >>> lacking(second, lambda name: False) == [first, second]
    True
    """
    found: dict[RunSpec, None] = {}
    for spec in dict.fromkeys(listed(specs)):
        chain: list[RunSpec] = []
        last: RunSpec | None = spec
        while last is not None and last not in found and not stored(last.name):
            chain.append(last)
            last = last.after
        found |= dict.fromkeys(reversed(chain))
    return list(found)


def _width(data: DataSettings | Dataset) -> int:
    return data.n if isinstance(data, Dataset) else data.width


def check_feasible(spec: RunSpec) -> None:
    """Raise ValueError where a run's start or model does not fit its data, or there is no device.

    Its settings were checked when they were made; this looks at the data and at the machine.

    Parameters
    ----------
    spec : RunSpec
        The run.

    Raises
    ------
    ValueError
        Where that is so.

    Examples
    --------
    >>> from sdd.runs.spec import check_feasible
    >>> law = sdd.DataSettings(5, n=50, sparsity=0.9)
    >>> check_feasible(sdd.RunSpec(law, sdd.TrainConfig(steps=100), start="ring:60:0.9:-0.1"))
    Traceback (most recent call last):
    ValueError: a ring must have at most n = 50 features, not 60
    """
    if spec.start:
        planted(spec.start, as_data(spec.data), spec.config)
    if spec.config.device != "cpu":
        from sdd.engine.torch_step import find_device  # PyTorch takes seconds to import

        find_device(spec.config.device, spec.config.dtype)
    if spec.model is not None:
        Method(spec.config, spec.model).others(_width(spec.data), spec.config)


def train_run(spec: RunSpec, **options: Any) -> Run:
    """Train one run, as `make_run` does, without evaluating it.

    Parameters
    ----------
    spec : RunSpec
        The run.
    **options
        Further arguments of `train`: threads, checkpoint, and resume; a progress that is of
        another training, or damaged, is dropped with a warning. And ``after``, the run of
        ``spec.after``; None means that it is trained first.

    Returns
    -------
    Run
        Its test loss is NaN.

    Raises
    ------
    ValueError
        Where its planted start does not fit its data.
    TrainingDiverged
        Where weights or losses stop being finite.

    Examples
    --------
    >>> from sdd.runs.spec import train_run
    >>> law = sdd.DataSettings(5, n=50, sparsity=0.9)
    >>> train_run(sdd.RunSpec(law, sdd.TrainConfig(steps=100), start="ring:5:0.9:-0.1")).start
    'ring:5:0.9:-0.1'
    """
    data = as_data(spec.data)
    init = planted(spec.start, data, spec.config) if spec.start else None
    before = options.pop("after", None)
    if spec.after is not None:
        before = before or train_run(spec.after)
        init = before.W, before.b
    options |= {"model": spec.model, "init": init, "snapshots": spec.snapshots}
    try:
        made = train(data, spec.config, **options)
    except ResumeError as error:
        warnings.warn(
            f"the checkpoint of {spec.name} is dropped, and its run trained from the start: "
            f"{error}",
            stacklevel=2,
        )
        made = train(data, spec.config, **options | {"resume": None})
    return replace(made, start=spec.begins)


def make_run(spec: RunSpec, **options: Any) -> Run:
    """Train one run and evaluate it, on its own test set or on that of its kind of data.

    Parameters
    ----------
    spec, **options
        As for `train_run`.

    Returns
    -------
    Run
        With its test loss; NaN for data of one's own without a test set.

    Raises
    ------
    ValueError
        Where its planted start does not fit its data.
    TrainingDiverged
        Where weights or losses stop being finite.

    Examples
    --------
    >>> from sdd.runs import make_run
    >>> law = sdd.DataSettings(5, n=50, sparsity=0.9)
    >>> 0.5 < make_run(sdd.RunSpec(law, sdd.TrainConfig(steps=100))).test_loss < 2
    True
    """
    made = train_run(spec, **options)
    if spec.test is not None:
        return evaluate(made, spec.test)
    if isinstance(spec.data, Dataset):
        return made
    return evaluate(made, test_set(spec.data.n, spec.data.sparsity, spec.data.features))
