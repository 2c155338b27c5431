"""How to train: `TrainConfig`, the paper's settings unless changed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import paper
from sdd.data import DataSettings, origin, real_number, whole_number
from sdd.names import one_of, suggesting

__all__ = ["TrainConfig"]

# Up to this m the engine skips most pairs, and is the fastest on any machine (engine/README.md).
ENGINE_M = 4
# Products of rows, features and m below which a step takes longer to begin on a GPU (about 1 ms)
# than to do on two cores.
WORTH_A_GPU = 20_000_000


@suggesting
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
    eps : float or None
        AdamW's ε. None, the default, means rescaled to the data's n and sparsity by the law of
        `sdd.paper.rescaled_eps`: 1e-8 at the paper's own, 1e-6 at n = 1,000 and S = 0.99. The
        number used is in ``run.config.eps``. Write ``eps=1e-8`` to keep PyTorch's default on
        purpose; at other sizes than the paper's the model then learns something else.
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
        "cpu" for the compiled engine, or a device of PyTorch ("cuda", "cuda:1", "mps"); "auto"
        for the one that is likely to be fastest here: a GPU, where there is one, for models of
        one's own and for large problems of m > 4, else the engine. The device used is in
        ``run.config.device``, and part of a stored run's name where it is not "cpu".

    Raises
    ------
    ValueError
        Where a value breaks its rule; the message says which and how.

    Examples
    --------
    >>> config = sdd.TrainConfig(steps=100, lr=0.01)
    >>> config.warmup_steps, config.rates().shape, float(config.rates().max())
    (5, (100,), 0.01)
    """

    m: int = paper.M
    steps: int = paper.STEPS
    seed: int = 0
    restarts: int = 1
    lr: float = paper.LEARNING_RATE
    warmup: int | None = None
    weight_decay: float = paper.WEIGHT_DECAY
    bias_decay: float | None = None
    eps: float | None = None
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
        for name in ("lr", "weight_decay", "gain", "bias_decay", "eps"):
            value = getattr(self, name)
            if value is not None or name not in ("bias_decay", "eps"):
                object.__setattr__(self, name, real_number(name, value))
        one_of("reduction", self.reduction, ("mean", "sum"))
        one_of("xavier", self.xavier, ("normal", "uniform"))
        one_of("dtype", self.dtype, ("float32", "float64"))
        if self.device not in ("cpu", "auto"):
            from sdd.engine.torch_step import device_name  # here, as PyTorch takes seconds

            object.__setattr__(self, "device", device_name(self.device))

    @property
    def warmup_steps(self) -> int:
        """Steps of warm-up, with the paper's 5 % where none are given."""
        return round(paper.WARMUP_FRACTION * self.steps) if self.warmup is None else self.warmup

    def for_data(self, data: Any, own: bool = False) -> "TrainConfig":
        """Return the config with its ε as a number, and its device as one of this machine.

        Parameters
        ----------
        data : Dataset, Stream or DataSettings
            Whose n and sparsity ε is rescaled to, where it is None; its size chooses the device,
            where that is "auto".
        own : bool
            Whether a model of one's own is trained on it.

        Returns
        -------
        TrainConfig
            The same where both are given.

        Examples
        --------
        >>> law = sdd.DataSettings(T=100, n=1_000, sparsity=0.99)
        >>> sdd.TrainConfig().for_data(law).eps
        1e-06
        """
        found: dict[str, Any] = {}
        if self.device == "auto":
            found["device"] = self._likely_fastest(data, own)
        if self.eps is None:
            law = origin(data)  # (not a stream's own n, which may be a part of the features)
            eps = paper.rescaled_eps(law.n, law.sparsity, reduction=self.reduction)
            found["eps"] = eps or paper.EPS  # (data without any non-zero teach nothing)
        return replace(self, **found) if found else self

    def _likely_fastest(self, data: Any, own: bool) -> str:
        rows = getattr(data, "batch", None) or data.T
        n = data.width if isinstance(data, DataSettings) else data.n
        if not own and (self.m <= ENGINE_M or rows * n * self.m < WORTH_A_GPU):
            return "cpu"
        from sdd.engine.torch_step import find_gpu  # here, as PyTorch takes seconds

        return find_gpu(self.dtype) or "cpu"

    def snapshot_steps(self, steps: Iterable[int]) -> tuple[int, ...]:
        """Return the steps sorted, and each once.

        Parameters
        ----------
        steps : iterable of int
            From 0 to the number of steps.

        Returns
        -------
        tuple of int
            What a `RunSpec` keeps.

        Raises
        ------
        ValueError
            Where one is no step of the training.

        Examples
        --------
        >>> sdd.TrainConfig(steps=100).snapshot_steps([100, 0, 100])
        (0, 100)
        """
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
