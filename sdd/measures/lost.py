"""A model that has lost a point: how its loss is curved, and whether more training finds it again.

Both look only at the features that occur in the training set. (What others output there is zero,
but for rounding, in the models that this is asked of.)
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset
from sdd.engine import State
from sdd.measures.damping import of_the_paper
from sdd.training.run import Run

__all__ = ["FAST", "SLOW", "curvatures", "spectrum", "trained_on"]

# Further training: steps, at a constant learning rate, on the sum over features, without decay.
SLOW = 1_000_000, 1e-3
FAST = 100_000, 1e-2
_PART = 10_000  # steps at a time: so many learning rates are in memory


def curvatures(
    W: Float[np.ndarray, "m k"], b: Float[np.ndarray, "k"], rows: Float[np.ndarray, "T k"]
) -> tuple[Float[np.ndarray, "p"], float]:
    """Return the eigenvalues of the loss's Hessian in W and b, rising, and its gradient's length.

    By automatic differentiation of `sdd.model`, in float64. The loss is smooth except where an
    output is zero whose target is not; where a zero output ought to be silent its second derivative
    jumps, and the side where it is silent is taken.

    Parameters
    ----------
    W : (m, k) array
        Weights of k features.
    b : (k,) array
        Bias.
    rows : (T, k) array
        Training points.

    Returns
    -------
    eigenvalues : (m·k + k,) array
        Of the loss in the summed form.
    gradient : float
        Length of the gradient in all of W and b.

    Examples
    --------
    At zero weights and the bias −1 the model is silent, and its loss flat:

    >>> from sdd.measures.lost import curvatures
    >>> values, gradient = curvatures(np.zeros((2, 3)), np.full(3, -1.0), np.eye(3))
    >>> values.shape, bool(np.abs(values).max() == gradient == 0)
    ((9,), True)
    """
    import torch  # takes seconds to import

    from sdd.model import ReLUOutput

    start = (torch.tensor(np.asarray(a, np.float64)) for a in (W, b))
    model, X = ReLUOutput.from_weights(*start), torch.tensor(np.asarray(rows, np.float64))
    shape, cut = W.shape, W.size

    def loss(p: torch.Tensor) -> torch.Tensor:
        at = {"W": p[:cut].reshape(shape), "b": p[cut:]}
        out = torch.func.functional_call(model, at, (X,))
        return ((X - out) ** 2).sum(1).mean()

    at = torch.cat([p.detach().flatten() for p in (model.W, model.b)])
    hessian = torch.autograd.functional.hessian(loss, at)
    return np.linalg.eigvalsh(hessian.numpy()), float(torch.func.grad(loss)(at).norm())


def spectrum(run: Run) -> dict[str, Any]:
    """Return how the training loss is curved at the end of a run.

    Parameters
    ----------
    run : Run
        Trained on finitely many points, few enough that a matrix of (m + 1)·k rows and
        columns is small, k being the number of features that occur.

    Returns
    -------
    dict of str to float
        ``least_curvature`` and ``most_curvature``, the extreme eigenvalues of the Hessian, and
        ``gradient``, the gradient's length (see `curvatures`).

    Raises
    ------
    ValueError
        Where T is infinite.

    Examples
    --------
    >>> from sdd.measures.lost import spectrum
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> found = spectrum(run)
    >>> found["least_curvature"] < 0 < found["most_curvature"]  # far from a minimum
    True
    """
    used, rows = _occurring(run)
    values, gradient = curvatures(run.W[:, used], run.b[used], rows)
    return {
        "least_curvature": float(values[0]),
        "most_curvature": float(values[-1]),
        "gradient": gradient,
    }


def trained_on(run: Run) -> dict[str, Any]:
    """Return where further training leads, from the end of a run: `SLOW`, and `FAST`.

    Parameters
    ----------
    run : Run
        Trained on finitely many points.

    Returns
    -------
    dict of str to float
        ``slow_loss`` and ``fast_loss``: the training loss then, in the summed form;
        ``slow_radius`` and ``fast_radius``: the longest hidden vector then.

    Raises
    ------
    ValueError
        Where T is infinite.

    Examples
    --------
    >>> from sdd.measures.lost import trained_on
    >>> run = sdd.train(sdd.sample(2, n=20, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> trained_on(run)["slow_loss"] < run.train_loss
    True
    """
    used, rows = _occurring(run)
    data, found = Dataset.from_dense(rows.astype(np.float32)), {}
    for name, (steps, rate) in (("slow", SLOW), ("fast", FAST)):
        state = State(run.W[:, used], run.b[used])
        for _ in range(steps // _PART):
            engine.advance(state, data, np.full(_PART, rate), weight_decay=0.0, eps=run.eps)
        found[f"{name}_loss"] = float(engine.loss(state.W, state.b, data))
        lengths = np.linalg.norm(engine.hidden(state.W, data), axis=1)
        found[f"{name}_radius"] = float(lengths.max())
    return found


def _occurring(run: Run) -> tuple[np.ndarray, Float[np.ndarray, "T k"]]:
    """Return which features occur in a run's training set, and their values in its points."""
    data = of_the_paper(run).training_set()
    used, place = np.unique(data.indices, return_inverse=True)
    rows = np.zeros((data.T, used.size))
    rows[data.row_index(), place] = data.values
    return used, rows
