"""How much AdamW's ε damps the steps of each feature: √v against ε, over training.

AdamW divides the first moment by √v̂ + ε. Where √v̂ is far above ε a step has the size of the
learning rate, however small the gradient; where it is far below, the step shrinks with it. Both are
given here as if the loss were summed over features: of a run trained on the mean they are n times
what the optimiser saw, which leaves their ratio as it was.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from sdd.data import Dataset, DataSettings
from sdd.engine import BETAS
from sdd.training.config import Run

__all__ = [
    "SEEN",
    "by_seen",
    "effective_share",
    "group_of",
    "root_moments",
    "sum_form_eps",
    "times_seen",
]

# The groups in which features are looked at: in at most so many training points they are active.
SEEN = {"never": 0, "once": 1, "2 to 5 times": 5, "more often": 2**31}


def _factor(run: Run) -> float:
    return float(run.W.shape[1]) if run.config.reduction == "mean" else 1.0


def sum_form_eps(run: Run) -> float:
    """Return the ε of the same training on the sum over features: n ε where it was on the mean."""
    return run.config.eps * _factor(run)


def root_moments(run: Run) -> tuple[Int[np.ndarray, "k"], Float[np.ndarray, "k n"]]:
    """Return the steps of a run's snapshots and √v̂ of each feature there, in the sum form.

    Of the m weights of a feature the root of the mean square is taken; v̂ = v/(1 − β₂ᵗ) as AdamW
    corrects it. In units of the gradient of the summed loss with respect to a weight.

    Raises
    ------
    ValueError
        Where the run has no snapshots.
    """
    if not run.snapshots:
        raise ValueError("the run must have snapshots, to read second moments from, but has none")
    steps = np.asarray(run.snapshots["step"], int)
    correction = 1 - BETAS[1] ** np.maximum(steps, 1)
    v = np.asarray(run.snapshots["vW"], np.float64).mean(axis=1) / correction[:, None]
    return steps, _factor(run) * np.sqrt(v)


def effective_share(root: Float[np.ndarray, "..."], eps: float) -> Float[np.ndarray, "..."]:
    """Return √v̂/(√v̂ + ε): the share of AdamW's full step that is left to a weight.

    The effective learning rate is this times the nominal one.
    """
    root = np.asarray(root, np.float64)
    return np.divide(root, root + eps, out=np.zeros_like(root), where=root + eps > 0)


def times_seen(run: Run) -> Int[np.ndarray, "n"]:
    """Return in how many training points each feature is active.

    Raises
    ------
    ValueError
        Where the run was trained on data of one's own, or on fresh points at every step.
    """
    if not isinstance(run.data, DataSettings):
        raise ValueError("times_seen needs a run on drawn data, not on data of one's own")
    data = run.data.make()
    if not isinstance(data, Dataset):
        raise ValueError("times_seen needs a finite training set, not T = infinity")
    return np.bincount(data.indices, minlength=data.n)


def group_of(seen: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """Return in which group of `SEEN`, counted from 0, each feature is."""
    return np.searchsorted(list(SEEN.values()), seen)


def by_seen(seen: Int[np.ndarray, "n"]) -> dict[str, Bool[np.ndarray, "n"]]:
    """Return which features belong to each group of `SEEN`, as masks; no empty ones."""
    group = group_of(seen)
    return {name: group == k for k, name in enumerate(SEEN) if (group == k).any()}
