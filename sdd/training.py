"""The one training loop: full-batch AdamW with a linear warm-up and a cosine decay."""

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import engine, paper
from sdd.data import Dataset, DataSettings, Stream, whole_number

__all__ = [
    "Progress",
    "Run",
    "TrainConfig",
    "TrainingDiverged",
    "evaluate",
    "initial_weights",
    "train",
]

RECORDS = 200  # about so many log-spaced steps of history
SEGMENT_PAIRS = 2e10  # about two seconds of work between looks at the callback and at Ctrl-C
THREAD_PAIRS = 2e6  # a step of fewer is over sooner on one thread
HISTORY = ("step", "lr", "loss", "W_norm", "b_norm")

Callback = Callable[[int, np.ndarray, np.ndarray], None]


class TrainingDiverged(RuntimeError):
    """The loss of a run became infinite or NaN."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train: the paper's settings unless changed.

    Parameters
    ----------
    m : int
        Hidden dimensions.
    steps : int
        Full-batch updates.
    seed : int
        Parameter seed: of the initial weights.
    restarts : int
        Train this many parameter seeds (seed, seed + 1, …) and keep the lowest training loss.
    lr : float
        Learning rate at the end of the warm-up.
    warmup : int or None
        Steps of linear warm-up, below `steps`; None means 5 % of them, as in the paper.
    weight_decay : float
        AdamW's λ, on W and on b.
    eps : float
        AdamW's ε.
    reduction : str
        "mean" divides the training loss by n, as ``torch.nn.MSELoss`` does, "sum" does not.
        Reported losses are always the summed form.
    gain : float
        Factor on the Xavier initialisation.
    dtype : str
        "float32" or "float64".
    device : str
        "cpu" for the compiled engine, or a device of PyTorch ("cuda", "cuda:1", "mps"), on which
        it then takes the steps.

    Raises
    ------
    ValueError
        Where a value breaks its rule; the message says which and how.
    """

    m: int = paper.M
    steps: int = paper.STEPS
    seed: int = 0
    restarts: int = 1
    lr: float = paper.LEARNING_RATE
    warmup: int | None = None
    weight_decay: float = paper.WEIGHT_DECAY
    eps: float = paper.EPS
    reduction: str = "mean"
    gain: float = 1.0
    dtype: str = "float32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, least in (("m", 1), ("steps", 1), ("seed", 0), ("restarts", 1)):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least))
        if self.warmup is not None:
            object.__setattr__(self, "warmup", whole_number("warmup", self.warmup, 0))
            if self.steps <= self.warmup:
                raise ValueError(
                    f"steps must exceed the warm-up, but steps = {self.steps} "
                    f"and warmup = {self.warmup}"
                )
        for name in ("lr", "weight_decay", "eps", "gain"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")
            object.__setattr__(self, name, float(value))
        if self.reduction not in ("mean", "sum"):
            raise ValueError(f'reduction must be "mean" or "sum", not {self.reduction!r}')
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f'dtype must be "float32" or "float64", not {self.dtype!r}')
        if self.device != "cpu":
            from sdd.device import device_name  # PyTorch takes seconds: only where it is needed

            object.__setattr__(self, "device", device_name(self.device))

    @property
    def warmup_steps(self) -> int:
        """Steps of warm-up, with the paper's 5 % where none are given."""
        return round(paper.WARMUP_FRACTION * self.steps) if self.warmup is None else self.warmup

    def rates(self) -> Float[np.ndarray, "steps"]:
        """Return the learning rate of every step: linear up to `lr`, then a cosine to zero."""
        warmup = self.warmup_steps
        t = np.arange(self.steps)
        up = (t + 1) / max(warmup, 1)
        down = 0.5 * (1 + np.cos(np.pi * (t - warmup) / (self.steps - warmup)))
        return self.lr * np.where(t < warmup, up, down)


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model, what it was trained on, and how the training went.

    Parameters
    ----------
    W : (m, n) array
        Weights.
    b : (n,) array
        Bias.
    config : TrainConfig
        How it was trained.
    data : DataSettings or str
        What it was trained on; for data of your own, their content hash.
    history : dict of (records,) arrays
        "step", "lr", "loss" (summed form, before the step's update), "W_norm", "b_norm".
    train_loss : float
        Final loss on the training set, in the summed form; on a fresh batch for T = ∞.
    restart_losses : (restarts,) array
        Final training losses of all parameter seeds; the run is the one of the lowest.
    snapshots : dict of arrays
        "step" (k,), "W" (k, m, n), "b" (k, n).
    start : str
        "" for a fresh start, else the hash of the given initial weights.
    test_loss, test_error : float
        Mean over a test set and its standard error; NaN until evaluated.
    """

    W: Float[np.ndarray, "m n"]
    b: Float[np.ndarray, "n"]
    config: TrainConfig
    data: DataSettings | str
    history: dict[str, np.ndarray]
    train_loss: float
    restart_losses: Float[np.ndarray, "restarts"]
    snapshots: dict[str, np.ndarray] = field(default_factory=dict)
    start: str = ""
    test_loss: float = math.nan
    test_error: float = math.nan

    @property
    def T(self) -> float:
        """Number of training points (infinite for fresh batches, NaN for data of your own)."""
        return self.data.T if isinstance(self.data, DataSettings) else math.nan

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the run, as plain values."""
        data = asdict(self.data) if isinstance(self.data, DataSettings) else {"hash": self.data}
        return {"data": data, "config": asdict(self.config), "start": self.start}


@dataclass(eq=False)
class _Part:
    """One parameter seed in training: its state, and what is kept of it so far."""

    state: engine.State
    history: dict[str, list[Any]]
    snapshots: dict[str, list[Any]]
    steps: int = -1  # those of its last stop; none yet
    saved: dict[str, np.ndarray] = field(default_factory=dict)  # the state's arrays at that stop

    @classmethod
    def fresh(cls, W: np.ndarray, b: np.ndarray) -> "_Part":
        history: dict[str, list[Any]] = {name: [] for name in HISTORY}
        return cls(engine.State(W, b), history, {"step": [], "W": [], "b": []})

    def note(self, row: tuple[float, ...], wanted: bool) -> None:
        """Note that the state is at a stop: append the row of history, and a snapshot."""
        for values, value in zip(self.history.values(), row, strict=False):
            values.append(float(value))
        self.steps = self.state.steps
        if wanted:
            kept = (self.steps, self.state.W.copy(), self.state.b.copy())
            for values, one in zip(self.snapshots.values(), kept, strict=True):
                values.append(one)

    def save(self) -> None:
        """Copy the state, which goes on changing in place."""
        self.saved = {name: array.copy() for name, array in self.state.arrays().items()}

    def arrays(self) -> dict[str, np.ndarray]:
        found = {"steps": np.array([self.steps])}
        found |= {f"state/{name}": array for name, array in self.saved.items()}
        for group, lists in (("history", self.history), ("snapshots", self.snapshots)):
            found |= {f"{group}/{name}": np.array(values) for name, values in lists.items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "_Part":
        groups: dict[str, dict[str, Any]] = {"state": {}, "history": {}, "snapshots": {}}
        for key, array in arrays.items():
            group, _, name = key.partition("/")
            if name:
                groups[group][name] = array if group == "state" else list(array)
        steps = int(arrays["steps"][0])
        ordered = {k: groups["history"][k] for k in HISTORY}
        kept = {k: groups["snapshots"][k] for k in ("step", "W", "b")}
        state = engine.State.from_arrays(groups["state"], steps)
        return cls(state, ordered, kept, steps, groups["state"])


class Progress:
    """How far a training is: all that the rest of it depends on.

    It holds the parameter seeds now in training, the best of those that are finished, and the
    losses of all that are. `arrays` takes it apart and `from_arrays` puts it together again, for
    `train` to go on from.

    Parameters
    ----------
    config : TrainConfig
        How it is trained.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.losses = np.full(config.restarts, math.nan)  # NaN: not finished
        self.parts: dict[int, _Part] = {}
        self.lock = threading.RLock()

    @property
    def steps(self) -> int:
        """Steps taken so far, over all parameter seeds."""
        with self.lock:
            under_way = [p.steps for r, p in self.parts.items() if math.isnan(self.losses[r])]
            finished = int(np.isfinite(self.losses).sum())
        return sum(under_way) + finished * self.config.steps

    def stopped(self, r: int) -> None:
        """Note that seed number r is at a stop; where that was its last, keep the best only."""
        part = self.parts[r]
        if part.steps == self.config.steps:
            self.losses[r] = part.history["loss"][-1]
            best = np.nanargmin(self.losses)
            for other in [o for o in self.parts if np.isfinite(self.losses[o]) and o != best]:
                del self.parts[other]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays by name; to be called from `checkpoint`, see `train`."""
        with self.lock:
            found = {"losses": self.losses.copy()}
            for r, part in self.parts.items():
                found |= {f"{r}/{key}": array for key, array in part.arrays().items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], config: TrainConfig) -> "Progress":
        """Return the progress that had these `arrays`.

        Raises
        ------
        ValueError
            Where the arrays are not those of a training of this kind.
        """
        progress = cls(config)
        try:
            if arrays["losses"].shape != progress.losses.shape:
                raise ValueError("it has another number of restarts")
            progress.losses[:] = arrays["losses"]
            parts: dict[int, dict[str, np.ndarray]] = {}
            for key, array in arrays.items():
                r, _, name = key.partition("/")
                if name:
                    parts.setdefault(int(r), {})[name] = array
            progress.parts = {r: _Part.from_arrays(part) for r, part in parts.items()}
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"it is not the progress of a training ({error!r})") from error
        return progress


def initial_weights(
    m: int, n: int, seed: int = 0, gain: float = 1.0, dtype: str = "float32"
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "n"]]:
    """Return Xavier-normal weights (standard deviation gain · √(2/(m + n))) and a zero bias.

    The paper says "Xavier-initialised" and no more. Their random stream is separate from those
    of the data.
    """
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(3,))))
    W = rng.standard_normal((m, n)) * (gain * math.sqrt(2 / (m + n)))
    return W.astype(dtype), np.zeros(n, dtype)


def train(
    data: Dataset | Stream,
    config: TrainConfig | None = None,
    *,
    init: tuple[np.ndarray, np.ndarray] | None = None,
    snapshots: Iterable[int] = (),
    callback: Callback | None = None,
    threads: int | Callable[[], int] = 1,
    checkpoint: Callable[[Progress], None] | None = None,
    resume: Progress | None = None,
) -> Run:
    """Train a model and return the run (section "Experiment Setup").

    Parameters
    ----------
    data : Dataset or Stream
        Training set; with a stream every step sees fresh points (T = ∞).
    config : TrainConfig or None
        Settings; None means the paper's.
    init : (W, b) or None
        Warm or planted start; None means `initial_weights`.
    snapshots : iterable of int
        Numbers of steps after which to keep W and b.
    callback : callable or None
        Called as ``callback(step, W, b)`` at every recorded step, and every few seconds; with
        restarts side by side from their threads, but never twice at once.
    threads : int or callable
        Threads to use, or a function that tells how many those are now, asked every few
        seconds. Several restarts on the CPU train side by side. A run has the same bits on any
        number.
    checkpoint : callable or None
        Called as ``checkpoint(progress)`` after every callback. What ``progress.arrays()``
        returns there is enough to go on from.
    resume : Progress or None
        Go on from there, with the same bits as without stopping; it is changed in place.
        Settings, data, initial weights and snapshots must be the same.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        Where settings, data and initial weights do not fit each other.
    TrainingDiverged
        Where the loss becomes infinite or NaN; step and settings are named.
    """
    config = TrainConfig() if config is None else config
    wanted = {whole_number("a snapshot's step", step, 0) for step in snapshots}
    if wanted and max(wanted) > config.steps:
        raise ValueError(f"snapshots must be at most steps = {config.steps}, not {max(wanted)}")
    probe = data.at(0) if isinstance(data, Stream) else data
    if init is not None:
        if config.restarts > 1:
            raise ValueError(
                f"restarts must be 1 where initial weights are given, not {config.restarts}"
            )
        W, b = (np.asarray(a, config.dtype) for a in init)
        engine.check_shapes(W, b, probe)
        if W.shape[0] != config.m:
            raise ValueError(f"W has {W.shape[0]} rows, but config.m = {config.m}")
        init = (W, b)

    progress = Progress(config) if resume is None else resume
    if progress.config != config:
        raise ValueError(f"resume is the progress of {progress.config}, not of {config}")
    for part in progress.parts.values():
        engine.check_shapes(part.state.W, part.state.b, probe)

    def train_one(r: int, threads: Callable[[], int]) -> None:
        seeded = replace(config, seed=config.seed + r)
        part = progress.parts.get(r) or _Part.fresh(*(init or _start(seeded, data.n)))

        def look(row: tuple[float, ...]) -> None:
            with progress.lock:
                progress.parts[r] = part
                part.note(row, part.state.steps in wanted)
                if checkpoint is not None:
                    part.save()
                progress.stopped(r)
                if callback is not None:
                    callback(part.steps, part.state.W, part.state.b)
                if checkpoint is not None:
                    checkpoint(progress)

        _train_once(data, seeded, part, wanted, threads, look)

    count = threads if callable(threads) else lambda: threads
    todo = [r for r in range(config.restarts) if math.isnan(progress.losses[r])]
    if len(todo) > 1 and threads != 1 and config.device == "cpu":
        _side_by_side(train_one, todo, count)
    else:
        for r in todo:
            train_one(r, count)
    best = progress.parts[int(np.argmin(progress.losses))]
    settings = data.settings if data.settings is not None else data.content_hash()
    kept = {name: np.array(values) for name, values in best.snapshots.items()}
    return Run(
        W=best.state.W,
        b=best.state.b,
        config=config,
        data=settings,
        history={name: np.array(values) for name, values in best.history.items()},
        train_loss=float(best.history["loss"][-1]),
        restart_losses=progress.losses,
        snapshots=kept if wanted else {},
        start="" if init is None else hash_arrays(*init),
    )


def _start(config: TrainConfig, n: int) -> tuple[np.ndarray, np.ndarray]:
    return initial_weights(config.m, n, config.seed, config.gain, config.dtype)


def _train_once(data, config, part, wanted, threads, look) -> None:
    """Train one parameter seed to its end; `look` is called at each stop with a row of history."""
    state, rates, advance = part.state, config.rates(), _advance(config)
    recorded = {0, config.steps}
    recorded |= {round(s) for s in np.geomspace(1, config.steps, RECORDS)}
    most = max(1, int(SEGMENT_PAIRS / (data.T * data.n * config.m / 2)))
    stops = recorded | wanted | set(range(0, config.steps, most))
    options = {
        "weight_decay": config.weight_decay,
        "eps": config.eps,
        "scale": 1 / data.n if config.reduction == "mean" else 1.0,
    }
    for step in sorted(s for s in stops if s > part.steps):
        now = max(1, threads())
        options["threads"] = now if data.T * data.n >= THREAD_PAIRS else 1
        if step > state.steps:
            advance(state, data, rates[state.steps : step], **options)
        look(_row(state, data, config, rates) if step in recorded else ())


def _advance(config: TrainConfig) -> Callable[..., None]:
    """Return `engine.advance`, or its like on the device asked for."""
    if config.device == "cpu":
        return engine.advance
    from sdd import device

    return partial(device.advance, device=device.find_device(config.device, config.dtype))


def _row(state, data, config, rates) -> tuple[float, ...]:
    """Return what the history says of this step."""
    step = state.steps
    # With fresh batches: the one that comes next, which the model has not seen.
    seen = data.at(step) if isinstance(data, Stream) else data
    loss = engine.loss(state.W, state.b, seen)
    if not math.isfinite(loss):
        raise TrainingDiverged(f"the loss became {loss} by step {step} of {config}; lower lr")
    norms = (np.linalg.norm(a.astype(np.float64)) for a in (state.W, state.b))
    return (step, rates[min(step, config.steps - 1)], loss, *norms)


class _Stopped(Exception):
    """Another restart failed, or Ctrl-C was pressed."""


def _side_by_side(train_one, todo: list[int], threads: Callable[[], int]) -> None:
    """Train restarts in as many Python threads as there may be now.

    Each has one thread, the last one left has all: numba's simplest threading layer allows no two
    callers at once.
    """
    waiting, stop = list(reversed(todo)), threading.Event()
    active: set[int] = set()
    running: set[Future] = set()

    def share() -> int:
        if stop.is_set():
            raise _Stopped
        return threads() if len(active) == 1 else 1

    def work(r: int) -> None:
        try:
            train_one(r, share)
        finally:
            active.remove(r)

    with ThreadPoolExecutor(len(todo)) as pool:
        try:
            while waiting or running:
                while waiting and len(active) < max(1, threads()):
                    active.add(waiting[-1])  # before it starts, so that none takes it for absent
                    running.add(pool.submit(work, waiting.pop()))
                # (Not for ever: there may be more threads by and by.)
                done, running = wait(running, 1, FIRST_COMPLETED)
                for future in done:
                    future.result()
        except BaseException:
            stop.set()  # the others end at their next stop
            raise


def hash_arrays(*arrays: np.ndarray) -> str:
    """Return a short hash of the arrays' contents."""
    import hashlib

    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def evaluate(run: Run, test: Dataset) -> Run:
    """Return the run with its mean loss over a test set, and that mean's standard error."""
    errors = engine.loss(run.W, run.b, test, per_example=True)
    error = float(errors.std(ddof=1) / math.sqrt(errors.size)) if errors.size > 1 else math.nan
    return replace(run, test_loss=float(errors.mean()), test_error=error)
