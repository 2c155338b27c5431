"""Two numbers of a model refitted: fitted on rows of their own, judged on others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset
from sdd.measures.decomposition import Moments

__all__ = ["Refit", "compass", "loss_of", "refitted_inside", "rescaled", "rescaled_and_shifted"]


@dataclass(frozen=True)
class Refit:
    """A scale and a shift fitted on some rows, and the loss that they give on others.

    Parameters
    ----------
    scale, shift : float
        Factor on the output, and what is added to that of every feature.
    loss : float
        Summed form, on rows that they were not fitted on.

    Examples
    --------
    >>> from sdd.measures.refits import Refit
    >>> Refit(scale=0.9, shift=0.0, loss=0.97).loss
    0.97
    """

    scale: float
    shift: float
    loss: float


def loss_of(m: Moments, scale: float = 1.0, shift: float = 0.0) -> float:
    """Return the loss of the output scale · r + shift, from the moments of x and r alone.

    Parameters
    ----------
    m : Moments
        Of inputs x and outputs r (see `decomposition.moments`).
    scale, shift : float
        Factor on the output, and what is added to that of every feature.

    Returns
    -------
    float
        Summed form.

    Examples
    --------
    Without a change it is the loss of the model:

    >>> from sdd.measures.decomposition import moments
    >>> from sdd.measures.refits import loss_of
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100))
    >>> bool(abs(loss_of(moments(run.W, run.b, data)) - run.train_loss) < 1e-4)
    True
    """
    square = scale**2 * m.rr + 2 * scale * shift * m.r + shift**2 * m.n
    return m.xx - 2 * (scale * m.xr + shift * m.x) + square


def rescaled(fit: Moments, test: Moments) -> Refit:
    """Refit the scale of the output: it is best at Σ x r / Σ r² (0 where nothing fires).

    Parameters
    ----------
    fit, test : Moments
        Of the rows that it is fitted on, and of those that it is judged on (see
        `decomposition.moments`).

    Returns
    -------
    Refit
        The scale, and its loss on `test`; the shift is 0.

    Examples
    --------
    >>> from sdd.measures.decomposition import Moments
    >>> from sdd.measures.refits import rescaled
    >>> half = Moments(n=10, xx=1.0, xr=0.5, rr=0.25, x=2.0, r=1.0)  # outputs are x / 2
    >>> rescaled(half, half)
    Refit(scale=2.0, shift=0.0, loss=0.0)
    """
    scale = fit.xr / fit.rr if fit.rr > 0 else 0.0
    return Refit(scale, 0.0, loss_of(test, scale))


def rescaled_and_shifted(fit: Moments, test: Moments) -> Refit:
    """Refit the scale of the output, and a shift common to all features.

    Ordinary least squares of x on r over all rows and features: the scale is Cov(x, r) / Var(r),
    the shift mean x − scale · mean r.

    Parameters
    ----------
    fit, test
        As for `rescaled`.

    Returns
    -------
    Refit
        Scale, shift, and their loss on `test`.

    Examples
    --------
    >>> from sdd.measures.decomposition import Moments
    >>> from sdd.measures.refits import rescaled_and_shifted
    >>> above = Moments(n=4, xx=2.0, xr=4.0, rr=10.0, x=2.0, r=6.0)  # outputs are x + 1
    >>> rescaled_and_shifted(above, above)
    Refit(scale=1.0, shift=-1.0, loss=0.0)
    """
    x, r = fit.x / fit.n, fit.r / fit.n
    variance = fit.rr / fit.n - r * r
    scale = (fit.xr / fit.n - x * r) / variance if variance > 0 else 0.0
    shift = x - scale * r
    return Refit(scale, shift, loss_of(test, scale, shift))


def refitted_inside(
    W: Float[np.ndarray, "m n"], b: Float[np.ndarray, " n"], fit: Dataset, test: Dataset
) -> Refit:
    """Refit scale and common shift inside the ReLU: ReLU(scale · Wᵀ W x + b + shift).

    That is a model again, of W·√scale and b + shift. `compass` finds it, a local minimum on the
    rows fitted, from scale 1 and shift 0: in steps of a factor 2 and of half the bias's root mean
    square at first.

    Parameters
    ----------
    W : (m, n) array
        Weights.
    b : (n,) array
        Bias.
    fit, test : Dataset
        Rows that they are fitted on, and rows that they are judged on.

    Returns
    -------
    Refit
        Scale, shift, and the loss of that model on `test`.

    Examples
    --------
    >>> from sdd.measures.refits import refitted_inside
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=300, lr=0.03))
    >>> fit, test = (sdd.sample(1_000, n=50, sparsity=0.9, seed=s, split="test") for s in (1, 0))
    >>> refitted_inside(run.W, run.b, fit, test).loss < sdd.loss(run.W, run.b, test)
    True
    """
    W, b = np.asarray(W, np.float64), np.asarray(b, np.float64)
    unit = float(np.sqrt((b**2).mean())) or 1.0

    def loss(point: np.ndarray, data: Dataset = fit) -> float:
        return engine.loss(2.0 ** (point[0] / 2) * W, b + unit * point[1], data)

    best = compass(loss, (0.0, 0.0), (1.0, 0.5))
    return Refit(2.0 ** float(best[0]), unit * float(best[1]), loss(best, test))


def compass(
    f: Callable[[Float[np.ndarray, " k"]], float],
    start: Sequence[float],
    steps: Sequence[float],
    finest: float = 2.0**-5,
) -> Float[np.ndarray, " k"]:
    """Return a point from which no step of `finest` times `steps` along an axis lowers f.

    It moves to the lowest of a point's neighbours, and where none is lower halves the step. It
    needs no derivatives, which jump where outputs become zero. `scipy.optimize` finds other local
    minima of the refits: its longer steps land on the plateau where a model has no output.

    Parameters
    ----------
    f : callable
        What is to be low, of a (k,) array.
    start : sequence of float
        Where to begin.
    steps : sequence of float
        First step along each axis.
    finest : float
        Smallest step, in units of the first.

    Returns
    -------
    (k,) array
        The point.

    Examples
    --------
    >>> from sdd.measures.refits import compass
    >>> compass(lambda p: (p[0] - 3) ** 2 + abs(p[1]), start=(0, 1), steps=(1, 1))
    array([3., 0.])
    """
    point = np.array(start, float)
    least, size = f(point), 1.0
    axes = np.concatenate([np.diag(steps), -np.diag(steps)])
    while size >= finest:
        values = [f(point + size * axis) for axis in axes]
        k = int(np.argmin(values))
        if values[k] < least:
            point, least = point + size * axes[k], values[k]
        else:
            size /= 2
    return point
