"""What determines a run, and what it holds: `TrainConfig` and `Run`."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import paper
from sdd.data import DataSettings, one_of, whole_number

__all__ = ["Run", "TrainConfig"]


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
    bias_decay : float or None
        λ of b where it differs; None means `weight_decay`.
    eps : float
        AdamW's ε.
    reduction : str
        "mean" divides the training loss by n, as ``torch.nn.MSELoss`` does, "sum" does not.
        Reported losses are always the summed form.
    gain : float
        Factor on the Xavier initialisation.
    xavier : str
        "normal" or "uniform": the law of the initialisation; both have the same variance.
    dtype : str
        "float32" or "float64".
    device : str
        "cpu" for the compiled engine, or a device of PyTorch ("cuda", "cuda:1", "mps").

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
    bias_decay: float | None = None
    eps: float = paper.EPS
    reduction: str = "mean"
    gain: float = 1.0
    xavier: str = "normal"
    dtype: str = "float32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, least in (("m", 1), ("steps", 1), ("seed", 0), ("restarts", 1)):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least))
        if self.warmup is not None:
            object.__setattr__(self, "warmup", whole_number("warmup", self.warmup, 0))
            if self.steps <= self.warmup:
                got = f"steps = {self.steps} and warmup = {self.warmup}"
                raise ValueError(f"steps must exceed the warm-up, but {got}")
        names = ["lr", "weight_decay", "eps", "gain"]
        for name in names + ["bias_decay"] * (self.bias_decay is not None):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")
            object.__setattr__(self, name, float(value))
        one_of("reduction", self.reduction, "mean", "sum")
        one_of("xavier", self.xavier, "normal", "uniform")
        one_of("dtype", self.dtype, "float32", "float64")
        if self.device != "cpu":
            from sdd.engine.torch_step import device_name  # here, as PyTorch takes seconds

            object.__setattr__(self, "device", device_name(self.device))

    @property
    def warmup_steps(self) -> int:
        """Steps of warm-up, with the paper's 5 % where none are given."""
        return round(paper.WARMUP_FRACTION * self.steps) if self.warmup is None else self.warmup

    def snapshot_steps(self, steps: Iterable[int]) -> tuple[int, ...]:
        """Return the steps sorted, and each once; raise ValueError unless they are steps of it."""
        found = sorted({whole_number("a snapshot's step", step, 0) for step in steps})
        if found and found[-1] > self.steps:
            raise ValueError(f"snapshots must be at most steps = {self.steps}, not {found[-1]}")
        return tuple(found)

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
        "step" (k,), "W" (k, m, n), "b" (k, n), and AdamW's second moments of both, "vW" and "vb".
    start : str
        "" for a fresh start, the name of a planted one (see `sdd.training.starts`), or the hash
        of the initial weights that were given.
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
