"""Two numbers of a model refitted: fitted on rows of their own, judged on others."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset
from sdd.measures.decomposition import Moments
from sdd.measures.search import compass

__all__ = ["Refit", "loss_of", "refitted_inside", "rescaled", "rescaled_and_shifted"]


@dataclass(frozen=True)
class Refit:
    """A scale and a shift fitted on some rows, and the loss that they give on others."""

    scale: float
    shift: float
    loss: float


def loss_of(m: Moments, scale: float = 1.0, shift: float = 0.0) -> float:
    """Return the loss of the output scale · r + shift, from the moments of x and r alone."""
    square = scale**2 * m.rr + 2 * scale * shift * m.r + shift**2 * m.n
    return m.xx - 2 * (scale * m.xr + shift * m.x) + square


def rescaled(fit: Moments, test: Moments) -> Refit:
    """Refit the scale of the output: it is best at Σ x r / Σ r² (0 where nothing fires)."""
    scale = fit.xr / fit.rr if fit.rr > 0 else 0.0
    return Refit(scale, 0.0, loss_of(test, scale))


def rescaled_and_shifted(fit: Moments, test: Moments) -> Refit:
    """Refit the scale of the output, and a shift common to all features.

    Ordinary least squares of x on r over all rows and features: the scale is Cov(x, r) / Var(r),
    the shift mean x − scale · mean r.
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

    That is a model again, of W·√scale and b + shift. A search finds it (`measures.search.compass`),
    from scale 1 and shift 0 on: by factors, of 2 at first, and in units of the bias's root mean
    square, by half of it at first. It is a local minimum on the rows fitted.

    Raises
    ------
    ValueError
        Where W, b and the data do not fit each other.
    """
    W, b = np.asarray(W, np.float64), np.asarray(b, np.float64)
    unit = float(np.sqrt((b**2).mean())) or 1.0

    def loss(point: np.ndarray, data: Dataset = fit) -> float:
        return engine.loss(2.0 ** (point[0] / 2) * W, b + unit * point[1], data)

    best = compass(loss, (0.0, 0.0), (1.0, 0.5))
    return Refit(2.0 ** float(best[0]), unit * float(best[1]), loss(best, test))
