"""A ring of features, and the weak columns that lie along its arms or between them.

A trained W has a few long columns, which are a ring, and some tens or hundreds of short ones.
Everything over p, with one feature active at a time, as in `rings`:

- A weak column of length ρ and bias 0 at the angle α from an arm gains 2ρ²E[x²] where its own
  feature is active, and is fired by the ring's: r²ρ²E[x²] I, where I = Σ_k max(0, cos α_k)² is
  what `interference` returns. It fires the ring's features only where r ρ x exceeds |b|.
- k of them at the same angle from each arm fire each other, too: on a ring of F arms that are
  all alike, a weak column is fired by the F k by ρ⁴E[x²] k I(0).

So a weak column gains most where I is least. I is F/4 and a wave of period 2π/F: on average over
α nothing else is left, and for even F ≥ 4 the wave is zero. For F = 5 (and 9) I is least on
the arms, for F = 3 and 7 midway between two.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from sdd.theory.arguments import require, require_law
from sdd.theory.decayed_initialisation import pentagon_dimensionality
from sdd.theory.rings import active_value_tails, extra_feature_loss_change, ring_loss_change

__all__ = ["RingWithWeak", "best_ring_with_weak", "interference", "loss_change_with_weak"]


@dataclass(frozen=True)
class RingWithWeak:
    """A ring of F features (r, b), k weak columns of length ρ an arm, and the change of the loss.

    Parameters
    ----------
    F : int
        Features on the ring.
    k : float
        Weak columns to each of them.
    turn : float
        Where these lie: 0 on the arms, 0.5 midway between two.
    r, b : float
        Length and bias of the F.
    rho : float
        Length of the weak columns; their bias is 0.
    loss_change : float
        Its `loss_change_with_weak`.
    """

    F: int
    k: float
    turn: float
    r: float
    b: float
    rho: float
    loss_change: float

    @property
    def R2(self) -> float:
        """The squared Frobenius norm of all weak columns."""
        return self.F * self.k * self.rho**2

    @property
    def D(self) -> float:
        """The dimensionality of each of the F ≥ 3."""
        return pentagon_dimensionality(self.r, self.R2, self.F)

    def weights(self) -> tuple[Float[np.ndarray, "2 features"], Float[np.ndarray, "features"]]:
        """Return W and b of a model of these features alone: the F, then the weak ones.

        Returns
        -------
        W, b : (2, F + F k) and (F + F k,) arrays
            With k rounded to a whole number.

        Examples
        --------
        >>> ring = sdd.theory.best_ring_with_weak(5, k=40)
        >>> W, b = ring.weights()
        >>> W.shape, np.allclose(np.linalg.norm(W[:, :5], axis=0), ring.r)
        ((2, 205), True)
        """
        k = round(self.k)
        arms = 2 * math.pi * np.arange(self.F) / self.F
        angles = np.append(arms, np.tile(arms + 2 * math.pi * self.turn / self.F, k))
        lengths = np.repeat([self.r, self.rho], [self.F, self.F * k])
        W = lengths * np.stack([np.cos(angles), np.sin(angles)])
        return W, np.repeat([self.b, 0.0], [self.F, self.F * k])


def interference(F: int, turn: float = 0.0) -> float:
    """Return I = Σ_k max(0, cos α_k)², for a direction's angles α_k from F arms at equal angles.

    Parameters
    ----------
    F : int
        Number of arms, at least 1.
    turn : float
        The direction: 0 along an arm, 0.5 midway to the next.

    Returns
    -------
    float
        F/4 on average over directions.

    Raises
    ------
    ValueError
        Where F < 1.

    Examples
    --------
    Only beside three, five or seven arms does the direction matter, and not in the same sense:

    >>> on, between = ([sdd.theory.interference(F, turn) for F in range(3, 8)] for turn in (0, 0.5))
    >>> np.sign(np.subtract(between, on).round(9)).tolist()
    [-1.0, 0.0, 1.0, 0.0, -1.0]
    """
    require(F >= 1, "F must be at least 1", F)
    cosines = np.cos(2 * np.pi * (np.arange(F) - turn) / F)
    return float((np.maximum(0, cosines) ** 2).sum())


def loss_change_with_weak(
    F: int,
    r: float,
    b: float,
    k: float,
    rho: float,
    turn: float = 0.0,
    *,
    n: int = 10_000,
    sparsity: float = 0.999,
) -> float:
    """Return what a ring and its weak columns change the loss by, over p; see the module.

    Approximation: one feature is active at a time. On sampled rows the loss of such a model
    differs by a few per cent, and lengths of least loss by up to a tenth (n = 1,000).

    Parameters
    ----------
    F : int
        Features on the ring.
    r, b : float
        Length of their columns, and their common bias b ≤ 0.
    k, rho : float
        How many weak columns each has, and their length.
    turn : float
        Where these lie: 0 on the arms, 0.5 midway between two.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `ring_loss_change`, and where k or ρ is negative.

    Examples
    --------
    >>> change = sdd.theory.loss_change_with_weak
    >>> [round(change(5, 0.86, -0.04, 40, rho), 2) for rho in (0, 0.1, 0.2)]
    [-0.41, -0.54, 0.33]
    """
    require(k >= 0 and rho >= 0, "k and ρ must not be negative", (k, rho))
    squared = float(active_value_tails(n, sparsity)[1][2, -1])  # E[x²]
    others = squared * rho**4 * (k * interference(F) - 1)  # (one, its own, is in the next term)
    each = others + extra_feature_loss_change(F, r, b, rho, turn, n=n, sparsity=sparsity)
    return ring_loss_change(F, r, b, n=n, sparsity=sparsity) + F * k * each


def best_ring_with_weak(
    F: int, k: float, turn: float | None = None, *, n: int = 10_000, sparsity: float = 0.999
) -> RingWithWeak:
    """Return the ring with k weak columns an arm that has the least loss, over r, b and ρ.

    Parameters
    ----------
    F : int
        Features on the ring.
    k : float
        Weak columns that each has.
    turn : float or None
        Where these lie; None: where `interference` is less, on the arms or midway.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    RingWithWeak

    Raises
    ------
    ValueError
        Where F < 1, k is negative, or n and S are no law of data.

    Examples
    --------
    With k = 40, as models of T = ∞ have it at the paper's size, D is the published 0.255 nearly:

    >>> ring = sdd.theory.best_ring_with_weak(5, k=40)
    >>> round(ring.r, 2), round(ring.b, 2), round(ring.R2, 1), round(ring.D, 2)
    (0.87, -0.04, 2.2, 0.25)
    """
    require_law(n, sparsity)
    require(F >= 1, "F must be at least 1", F)
    if turn is None:
        turn = min((0.0, 0.5), key=lambda t: round(interference(F, t), 9))

    def change(at: Float[np.ndarray, "3"]) -> float:
        r, b, rho = abs(at)
        return loss_change_with_weak(F, r, -b, k, rho, turn, n=n, sparsity=sparsity)

    starts = ((0.95, 0.08, 0.15), (1.1, 0.2, 0.05))  # beside weak columns, and without
    options = {"xatol": 1e-5, "fatol": 1e-9, "maxiter": 2000}
    found = [minimize(change, s, method="Nelder-Mead", options=options) for s in starts]
    best = min(found, key=lambda f: float(f.fun))
    r, b, rho = (float(v) for v in abs(best.x))
    return RingWithWeak(F, k, turn, r, -b, rho, float(best.fun))
