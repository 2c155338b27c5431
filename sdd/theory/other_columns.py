"""A ring of features among all other columns of W.

The n − F columns that stand for no feature are short, but together they have ‖·‖² = R². The
formulas assume that they point in all directions alike, each of the same length ρ = R/√n and
with one bias c ≥ 0. (Trained models depart from that: their other columns lie along the ring's,
and few of them hold most of R².) The hidden vector of a row then has the variance R²/(2n) in each
direction, so that the pre-activation of a column of length l is normal, with deviation
l R/√(2n) about its bias. With g₁(t, s) = E[max(0, t + sz)], z standard normal, and g₂ the same of
the square, and everything over p:

- The others by themselves: n g₂(c, s)/p on rows without the feature, at s = ρR/√(2n), and
  n E[g₂(c + ρ²x, s) − 2x g₁(c + ρ²x, s)] with it.
- The others, by the ring: an active feature of the ring makes half of them fire,
  F n E[g₂(c + rρx cos θ, s) − g₂(c, s)] over all directions θ. It makes long columns costly.
- The ring, at σ = rR/√(2n): F g₂(b, σ)/p where the others make it fire, and
  F E[Σ_k g₂(r²x cos(2πk/F) + b, σ) − 2x g₁(r²x + b, σ)] where a feature of its own does.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.special import ndtr

from sdd.theory.arguments import require, require_law
from sdd.theory.constants import feature_mean
from sdd.theory.rings import active_value_tails

__all__ = ["RingAmongOthers", "best_ring_among_others", "loss_change_among_others"]

_DIRECTIONS = np.cos(np.pi * (np.arange(16) + 0.5) / 16)


@dataclass(frozen=True)
class RingAmongOthers:
    """A ring of F features (r, b), all other columns (R², c), and the change of the loss.

    Parameters
    ----------
    F : int
        Features on the ring.
    r, b : float
        Length of their columns and their common bias.
    R2, c : float
        Squared Frobenius norm of all other columns, and their common bias.
    loss_change : float
        Its `loss_change_among_others`.
    """

    F: int
    r: float
    b: float
    R2: float
    c: float
    loss_change: float

    def weights(
        self, others: Float[np.ndarray, "2 n"]
    ) -> tuple[Float[np.ndarray, "2 n"], Float[np.ndarray, "n"]]:
        """Return W and b of a model of n features that is this ring among given other columns.

        The ring takes the place of the first F columns; the rest are multiplied by R.

        Parameters
        ----------
        others : (2, n) array
            Columns, of a squared norm of 1 together.

        Returns
        -------
        W, b : (2, n) and (n,) arrays

        Examples
        --------
        >>> ring = sdd.theory.best_ring_among_others(5, R2=2.4)
        >>> W, b = ring.weights(np.full((2, 10_000), 20_000**-0.5))
        >>> W.shape, b.shape, np.allclose(np.linalg.norm(W[:, :5], axis=0), ring.r)
        ((2, 10000), (10000,), True)
        """
        turns = 2 * np.pi * np.arange(self.F) / self.F
        corners = self.r * np.stack([np.cos(turns), np.sin(turns)])
        W = np.hstack([corners, math.sqrt(self.R2) * others[:, self.F :]])
        return W, np.append(np.full(self.F, self.b), np.full(others.shape[1] - self.F, self.c))


def _fires(t: float | np.ndarray, s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return g₁ = E[max(0, t + sz)] and g₂ = E[max(0, t + sz)²] for a standard normal z."""
    s = max(s, 1e-9)
    u = np.atleast_1d(t) / s
    below, density = ndtr(u), np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)
    return s * (u * below + density), s**2 * ((1 + u**2) * below + u * density)


@lru_cache(maxsize=8)
def _values(n: int, sparsity: float, count: int = 24) -> Float[np.ndarray, "count"]:
    """Return the means of an active feature's value over equal shares of its law."""
    _, tails = active_value_tails(n, sparsity)
    ends = np.interp(np.linspace(0, 1, count + 1), tails[0], tails[1])
    return np.diff(ends) * count


def loss_change_among_others(
    F: int,
    r: float,
    b: float,
    R2: float,
    c: float,
    *,
    n: int = 10_000,
    sparsity: float = 0.999,
) -> float:
    """Return what a ring and all other columns change the loss by, over p.

    Relative to no output at all; the module's docstring derives it. Approximations: sums over
    the other columns are normal, and one feature of the ring is active at once. On sampled rows
    the plain model differs by a few percent, if its other columns are as assumed.

    Parameters
    ----------
    F : int
        Features on the ring; 0 for none.
    r, b : float
        Length of their columns and their common bias.
    R2, c : float
        Squared Frobenius norm of all other columns, and their common bias.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where F or R2 is negative, or n and S are no law of data.

    Examples
    --------
    >>> change = sdd.theory.loss_change_among_others
    >>> [round(change(5, 0.9, 0.0, R2, 0.0), 2) for R2 in (0.0, 1.0, 2.0)]
    [-0.42, -0.47, -0.47]
    """
    require_law(n, sparsity)
    require(F >= 0, "F must not be negative", F)
    require(R2 >= 0, "R2 must not be negative", R2)
    x, p = _values(n, sparsity), 1 - sparsity
    rho, deviation = math.sqrt(R2 / n), math.sqrt(R2 / (2 * n))
    silent = _fires(c, rho * deviation)[1].item()
    g1, g2 = _fires(c + rho**2 * x, rho * deviation)
    change = (n - F) * (silent * (1 - p) / p + (g2 - 2 * x * g1).mean())
    if F:
        lit = _fires(c + r * rho * np.outer(x, _DIRECTIONS), rho * deviation)[1]
        change += F * (n - F) * (lit.mean() - silent)
        cosines = np.cos(2 * np.pi * np.arange(F) / F)
        idle = _fires(b, r * deviation)[1].item()
        fired = _fires(r**2 * np.outer(x, cosines) + b, r * deviation)[1].sum(1)
        g1, _ = _fires(r**2 * x + b, r * deviation)
        change += F * (idle * (1 - F * p) / p + (fired - 2 * x * g1).mean())
    return float(change)


def best_ring_among_others(
    F: int, R2: float, *, n: int = 10_000, sparsity: float = 0.999
) -> RingAmongOthers:
    """Return the ring of F features of least loss among other columns of that R², over r, b and c.

    Parameters
    ----------
    F : int
        Features on the ring, at least 1.
    R2 : float
        Squared Frobenius norm of all other columns.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    RingAmongOthers

    Raises
    ------
    ValueError
        Where F < 1, R2 is negative, or n and S are no law of data.

    Examples
    --------
    >>> best = [sdd.theory.best_ring_among_others(F, R2=2.4) for F in (3, 4, 5, 6)]
    >>> min(best, key=lambda ring: ring.loss_change).F
    5
    """
    require_law(n, sparsity)
    require(F >= 1, "F must be at least 1", F)
    mu = feature_mean(n, sparsity)

    def change(at: Float[np.ndarray, "3"]) -> float:
        r, b, c = at
        return loss_change_among_others(F, r, b, R2, c * mu, n=n, sparsity=sparsity)

    start = np.array([0.9, -0.1, 0.9])
    corners = start + np.vstack([np.zeros(3), np.diag([0.1, 0.05, 0.2])])
    options = {"initial_simplex": corners, "xatol": 1e-5, "fatol": 1e-9}
    best = minimize(change, start, method="Nelder-Mead", options=options)
    r, b, c = (float(value) for value in best.x)
    return RingAmongOthers(F, r, b, R2, c * mu, change(best.x))
