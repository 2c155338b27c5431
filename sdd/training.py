"""The one training loop: full-batch AdamW with a linear warm-up and a cosine decay."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import engine, paper
from sdd.data import Dataset, DataSettings, Stream, whole_number

__all__ = ["Run", "TrainConfig", "TrainingDiverged", "evaluate", "initial_weights", "train"]

RECORDS = 200  # about so many log-spaced steps of history
SEGMENT_PAIRS = 2e10  # about two seconds of work between looks at the callback and at Ctrl-C

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
    threads: int = 1,
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
        Called as ``callback(step, W, b)`` at every recorded step, and every few seconds.
    threads : int
        Threads to use; a run has the same bits on any number.

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
    if init is not None:
        if config.restarts > 1:
            raise ValueError(
                f"restarts must be 1 where initial weights are given, not {config.restarts}"
            )
        W, b = (np.asarray(a, config.dtype) for a in init)
        probe = data.at(0) if isinstance(data, Stream) else data
        engine.check_shapes(W, b, probe)
        if W.shape[0] != config.m:
            raise ValueError(f"W has {W.shape[0]} rows, but config.m = {config.m}")
        init = (W, b)

    best: Run | None = None
    losses = []
    for r in range(config.restarts):
        run = _train_once(
            data, replace(config, seed=config.seed + r), init, wanted, callback, threads
        )
        losses.append(run.train_loss)
        if best is None or run.train_loss < best.train_loss:
            best = run
    assert best is not None
    return replace(best, config=config, restart_losses=np.array(losses))


def _train_once(data, config, init, wanted, callback, threads) -> Run:
    W, b = init or initial_weights(config.m, data.n, config.seed, config.gain, config.dtype)
    state = engine.State(W, b)
    rates = config.rates()
    recorded = {0, config.steps}
    recorded |= {round(s) for s in np.geomspace(1, config.steps, RECORDS)}
    most = max(1, int(SEGMENT_PAIRS / (data.T * data.n * config.m / 2)))
    stops = recorded | wanted | set(range(0, config.steps, most))
    options = {
        "weight_decay": config.weight_decay,
        "eps": config.eps,
        "scale": 1 / data.n if config.reduction == "mean" else 1.0,
        "threads": threads,
    }
    history: dict[str, list[float]] = {k: [] for k in ("step", "lr", "loss", "W_norm", "b_norm")}
    kept: dict[str, list[Any]] = {"step": [], "W": [], "b": []}
    loss = math.nan
    for step in sorted(stops):
        if isinstance(data, Stream):
            for t in range(state.steps, step):
                engine.advance(state, data.at(t), rates[t : t + 1], **options)
        elif step > state.steps:
            engine.advance(state, data, rates[state.steps : step], **options)
        if step in recorded:
            # With fresh batches: the one that comes next, which the model has not seen.
            seen = data.at(step) if isinstance(data, Stream) else data
            loss = engine.loss(state.W, state.b, seen)
            if not math.isfinite(loss):
                raise TrainingDiverged(
                    f"the loss became {loss} by step {step} of {config}; lower lr"
                )
            rate = rates[min(step, config.steps - 1)]
            norms = (np.linalg.norm(a.astype(np.float64)) for a in (state.W, state.b))
            for name, value in zip(history, (step, rate, loss, *norms), strict=True):
                history[name].append(float(value))
        if step in wanted:
            for name, value in zip(kept, (step, state.W.copy(), state.b.copy()), strict=True):
                kept[name].append(value)
        if callback is not None:
            callback(step, state.W, state.b)
    settings = data.settings if data.settings is not None else data.content_hash()
    start = "" if init is None else hash_arrays(*init)
    return Run(
        W=state.W,
        b=state.b,
        config=config,
        data=settings,
        history={name: np.array(values) for name, values in history.items()},
        train_loss=loss,
        restart_losses=np.array([loss]),
        snapshots={name: np.array(values) for name, values in kept.items()} if wanted else {},
        start=start,
    )


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
