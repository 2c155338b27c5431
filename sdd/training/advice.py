"""What to change where the loss of a training is not finite."""

import numpy as np

from sdd.training.config import TrainConfig

__all__ = ["advice"]

USUAL = 1e3  # at most, of a loss before the first step: it is about 1, as points have unit norm


def advice(config: TrainConfig, model: str, step: int, first_loss: float) -> str:
    """Return what to change in a training whose loss is not finite any more.

    Parameters
    ----------
    config : TrainConfig
        Its settings, with ε as a number.
    model : str
        Name of a model of one's own; "" for the paper's.
    step : int
        By which the loss was not finite.
    first_loss : float
        The loss before the first step.

    Returns
    -------
    str
        Such as "lower lr".

    Examples
    --------
    >>> from sdd.training.advice import advice
    >>> advice(sdd.TrainConfig(lr=10.0, eps=1e-8), "", 10, first_loss=1.0)
    'lower lr'
    >>> advice(sdd.TrainConfig(eps=0), "", 10, first_loss=1.0)
    'raise eps, which is 0 as float32: parameters without a gradient are divided by it'
    """
    start = "lower gain" if config.gain > 1 else "look at the initial weights"
    if step == 0:
        return f"look at {model}, not at lr" if model else f"{start}, not lr"
    if first_loss > USUAL:
        return f"{start}, not lr: the loss was {first_loss:.3g} before the first step"
    if np.dtype(config.dtype).type(config.eps or 0) == 0:
        return (
            f"raise eps, which is 0 as {config.dtype}: parameters without a gradient are divided "
            "by it"
        )
    decays = {"weight_decay": config.weight_decay, "bias_decay": config.bias_decay or 0.0}
    name = max(decays, key=lambda name: decays[name])
    if (product := config.lr * decays[name]) >= 2:
        return f"lower lr or {name}: their product must be below 2, not {product:.3g}"
    if model:
        return f"lower lr, or look at the gradient of the objective of {model}"
    return "lower lr"
