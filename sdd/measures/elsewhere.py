"""Trainings as others ran them, where their programs do what a run's settings cannot say."""

from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset, Stream
from sdd.measures.columns import test_rows
from sdd.measures.damping import drawn_data, of_the_paper
from sdd.measures.statistics import standard_error
from sdd.training.config import TrainConfig
from sdd.training.run import Run
from sdd.training.starts import config_weights

__all__ = ["redrawn", "without_eps"]


class _Redrawn(Stream):
    """Batches drawn with replacement from a training set, anew at every step."""

    data: Dataset
    rows_a_step: int

    def __init__(self, data: Dataset, most: int) -> None:
        super().__init__(data.settings)
        self.__dict__.update(data=data, rows_a_step=min(most, data.T))

    @property
    def T(self) -> int:
        return self.rows_a_step

    def at(self, step: int, threads: int = 1) -> Dataset:
        rng = np.random.default_rng([self.settings.seed, step])
        return self.data.take(rng.integers(0, self.data.T, self.T))


def redrawn(run: Run, most: int = 2_048) -> dict[str, Any]:
    """Train again as `wenjie1835/Interaction_Law` does, and return its test loss.

    With the run's data, initial weights and settings, but two things of that program's: every step
    takes as many rows as the training set has, `most` at most, drawn from it with replacement; and
    the warm-up begins at a tenth of the learning rate.

    Parameters
    ----------
    run : Run
        Trained on finitely many drawn points.
    most : int
        Rows a step, at most.

    Returns
    -------
    dict of str to float
        ``redrawn_loss``, the test loss in the summed form; ``redrawn_error``, its standard error;
        ``redrawn_W``, ‖W‖.

    Raises
    ------
    ValueError
        Where T is infinite, or data or model are of one's own.

    Examples
    --------
    >>> from sdd.measures.elsewhere import redrawn
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> list(redrawn(run))
    ['redrawn_loss', 'redrawn_error', 'redrawn_W']
    """
    drawn_data(of_the_paper(run))
    state = engine.State(*config_weights(run.config, run.W.shape[1]))
    engine.advance(
        state, _Redrawn(run.training_set(), most), _from_a_tenth(run.config),
        weight_decay=run.config.weight_decay, eps=run.eps,
        scale=1 / state.W.shape[1] if run.config.reduction == "mean" else 1.0,
    )  # fmt: skip
    losses = engine.loss(state.W, state.b, test_rows(run), per_example=True)
    loss, error = standard_error(losses)
    return {
        "redrawn_loss": loss,
        "redrawn_error": error,
        "redrawn_W": float(np.linalg.norm(state.W)),
    }


def _from_a_tenth(config: TrainConfig) -> Float[np.ndarray, "steps"]:
    """Return the rates of PyTorch's LinearLR(start_factor=0.1), then its CosineAnnealingLR."""
    rates, warmup = config.rates(), config.warmup_steps
    rates[:warmup] = config.lr * (0.1 + 0.9 * np.arange(warmup) / warmup)
    return rates


def without_eps(data: Dataset, steps: int, eps: float | None, lr: float = 1e-3) -> float:
    """Return how far mean and sum are apart after so many steps: the largest weight's difference.

    Two models start alike and are trained in float64 without a warm-up, one on the mean over
    features, one on the sum.

    Parameters
    ----------
    data : Dataset
        Training set.
    steps : int
        Full-batch updates.
    eps : float or None
        AdamW's ε. None means Adam-atan2 (Everett et al., 2024), which has none: m̂ / (√v̂ + ε) is
        arctan2(m̂, √v̂) there.
    lr : float
        Learning rate.

    Returns
    -------
    float
        The difference as a share of the largest weight.

    Examples
    --------
    >>> from sdd.measures.elsewhere import without_eps
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> without_eps(data, steps=20, eps=None) < 1e-9 < without_eps(data, steps=20, eps=1e-6)
    True
    """
    ends = []
    for scale in (1.0, 1 / data.n):
        W, b = config_weights(TrainConfig(dtype="float64"), data.n)
        moments = [(np.zeros_like(a), np.zeros_like(a)) for a in (W, b)]
        for step in range(1, steps + 1):
            _, *gradients = engine.loss_and_grad(W, b, data)
            for a, g, (m, v) in zip((W, b), gradients, moments, strict=True):
                m += (1 - engine.BETAS[0]) * (scale * g - m)
                v += (1 - engine.BETAS[1]) * ((scale * g) ** 2 - v)
                first = m / (1 - engine.BETAS[0] ** step)
                root = np.sqrt(v / (1 - engine.BETAS[1] ** step))
                move = np.arctan2(first, root) if eps is None else first / (root + eps)
                a -= lr * (move + 0.01 * a)
        ends.append(W)
    return float(np.abs(ends[0] - ends[1]).max() / np.abs(ends[0]).max())
