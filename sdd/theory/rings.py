"""Features in superposition: how many share a ring, and why one beside it finds no place."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import minimize_scalar

from sdd.theory.arguments import require, require_law
from sdd.theory.constants import feature_mean

__all__ = [
    "Ring", "active_value_tails", "best_ring", "crossover", "extra_feature_loss_change",
    "ring_loss_change", "ring_terms",
]  # fmt: skip


@lru_cache(maxsize=8)
def active_value_tails(n: int, sparsity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return values x, falling, and E[xᵏ; value ≥ x] for k = 0, 1, 2 of an active feature.

    x = u/√(u² + q), q the sum of the squares of the other active features. The law of q is an
    (n − 1)-fold convolution, done on a lattice by FFT; each square is split between its two
    lattice neighbours such that its mean is kept. u is uniform, on Gauss nodes. The moments are
    right to a few 1e-5 of their size (checked against (1 − Sⁿ)/(np) and `feature_mean`).

    Parameters
    ----------
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    x : (k,) array
        Values, falling.
    tails : (3, k + 1) array
        E[xᵏ; value ≥ x] for k = 0, 1, 2, from no value to all of them.

    Examples
    --------
    >>> x, tails = sdd.theory.rings.active_value_tails(10_000, 0.999)
    >>> print(f"mean {tails[1, -1]:.3f}, mean square {tails[2, -1]:.3f}")
    mean 0.272, mean square 0.100
    """
    p = 1 - sparsity
    others = n - 1
    reach = min(n, others * p / 3 + 9 * math.sqrt(others * p / 5) + 9)  # 9 deviations: all of it
    size = 2**15
    step = reach / size
    q = step * np.arange(size)
    edges = step * np.arange(-1, size + 1)
    # Second differences of ∫P(u² ≤ t) dt: the shares of a square that fall to each lattice point.
    integral = np.where(edges < 1, 2 / 3 * np.maximum(edges, 0) ** 1.5, edges - 1 / 3)
    share = np.diff(integral, 2) / step
    law = np.fft.irfft((1 - p + p * np.fft.rfft(share)) ** others, size)
    keep = law > 1e-15
    node, weight = np.polynomial.legendre.leggauss(64)
    u = (node[:, None] + 1) / 2
    x = (u / np.sqrt(u**2 + q[keep])).ravel()
    mass = (weight[:, None] / 2 * law[keep]).ravel()
    order = np.argsort(-x)
    x, mass = x[order], mass[order] / mass.sum()
    tails = np.cumsum([mass, mass * x, mass * x**2], axis=1)
    tails = np.concatenate([np.zeros((3, 1)), tails], axis=1)  # nothing lies above all values
    x.flags.writeable = tails.flags.writeable = False
    return x, tails


@lru_cache(maxsize=8)
def _negated(n: int, sparsity: float) -> np.ndarray:
    """Return the values rising, as `np.searchsorted` wants them: negating millions takes long."""
    return -active_value_tails(n, sparsity)[0]


def ring_terms(F: int, beta: np.ndarray, n: int, sparsity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return A = Σ_k E[max(0, x cos(2πk/F) − β)²] and B = E[x max(0, x − β)] for each β ≥ 0.

    Parameters
    ----------
    F : int
        Features on the ring.
    beta : (k,) array
        Values of β.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    A, B : (k,) arrays

    Examples
    --------
    >>> A, B = sdd.theory.rings.ring_terms(5, np.array([0.0, 0.1]), 10_000, 0.999)
    >>> A.round(3), B.round(3)
    (array([0.119, 0.057]), array([0.1  , 0.073]))
    """
    negated, (_, tails) = _negated(n, sparsity), active_value_tails(n, sparsity)

    def tail(threshold: np.ndarray) -> np.ndarray:
        return tails[:, np.searchsorted(negated, -threshold)]

    cosines = np.cos(2 * np.pi * np.arange(F) / F)
    A = np.zeros_like(beta)
    for cosine in cosines[cosines > 1e-12]:  # a right angle fires nothing, but for its rounding
        none, first, second = tail(beta / cosine)
        A += cosine**2 * second - 2 * cosine * beta * first + beta**2 * none
    _, first, second = tail(beta)
    return A, second - beta * first


def ring_loss_change(
    F: int, r: float, b: float = 0.0, *, n: int = 10_000, sparsity: float = 0.999
) -> float:
    """Return what F features on a ring change the loss by, over p (the frequency of a feature).

    The F columns of W have length r and equal angles, the F biases are b ≤ 0, all else is zero.
    Where one of the F is active, with value x, feature k at angle 2πk/F outputs
    max(0, r² cos(2πk/F) x + b); so the change of the squared error, over p, is
    F · E[Σ_k max(0, r² x cos(2πk/F) + b)² − 2x max(0, r² x + b)]. At b = 0 that is
    F · E[x²|active] · (r⁴ Σ_k max(0, cos(2πk/F))² − 2r²), with E[x²|active] = (1 − Sⁿ)/(np).

    Approximation: a row with several of the F active counts as so many rows with one. At the
    defaults that moves the result by less than 0.3 % for F ≤ 7 (by simulation). The values of x
    are those of the data's law, numerically.

    Parameters
    ----------
    F : int
        Features on the ring.
    r, b : float
        Length of their columns and their common bias; b ≤ 0, for a positive one fires always.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where F < 1, r < 0 or b > 0, or n and S are no law of data.

    Examples
    --------
    >>> [round(sdd.theory.ring_loss_change(5, r), 3) for r in (0.5, 0.9, 1.3)]
    [-0.213, -0.419, 0.011]
    """
    require_law(n, sparsity)
    require(F >= 1, "F must be at least 1", F)
    require(r >= 0, "r must not be negative", r)
    require(b <= 0, "b must not be positive", b)
    if r == 0:
        return 0.0
    A, B = ring_terms(F, np.array([-b / r**2]), n, sparsity)
    return float(F * (r**4 * A[0] - 2 * r**2 * B[0]))


@dataclass(frozen=True)
class Ring:
    """The best ring of F features: length r, bias b, and its `ring_loss_change`.

    Parameters
    ----------
    F : int
        Features on the ring.
    r, b : float
        Length of their columns and their common bias.
    loss_change : float
        Its `ring_loss_change`.
    """

    F: int
    r: float
    b: float
    loss_change: float


def best_ring(F: int, free_bias: bool, *, n: int = 10_000, sparsity: float = 0.999) -> Ring:
    """Return the ring of F features that lowers the loss most, over r, and over b ≤ 0 if free.

    With b = −β r² the change is F (r⁴ A(β) − 2r² B(β)), least at r² = B/A, where it is −F B²/A:
    a search in β alone.

    Parameters
    ----------
    F : int
        Features on the ring, at least 1.
    free_bias : bool
        Whether b may be below zero.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    Ring

    Raises
    ------
    ValueError
        Where F < 1, or n and S are no law of data.

    Examples
    --------
    Without a bias the pentagon is best:

    >>> rings = [sdd.theory.best_ring(F, free_bias=False) for F in range(3, 9)]
    >>> min(rings, key=lambda ring: ring.loss_change).F
    5
    """
    require_law(n, sparsity)
    require(F >= 1, "F must be at least 1", F)

    def terms(beta: float) -> tuple[float, float]:
        A, B = ring_terms(F, np.array([beta]), n, sparsity)
        return float(A[0]), float(B[0])

    def change(beta: float) -> float:
        A, B = terms(beta)
        return -F * B**2 / A

    beta = 0.0
    if free_bias:
        # Only one active value in 10,000 is above the highest threshold tried.
        x, tails = active_value_tails(n, sparsity)
        bounds = 0.0, float(x[np.searchsorted(tails[0, 1:-1], 1e-4)])
        found = minimize_scalar(change, bounds=bounds, method="bounded", options={"xatol": 1e-7})
        beta = float(found.x)
    A, B = terms(beta)
    return Ring(F, math.sqrt(B / A), -beta * B / A, change(beta))


def extra_feature_loss_change(
    F: int,
    r: float,
    b: float,
    length: float,
    turn: float = 0.5,
    *,
    n: int = 10_000,
    sparsity: float = 0.999,
) -> float:
    """Return what one more feature changes the loss by, over p, beside a ring that stays as it is.

    The extra feature has a column of length ρ and the bias 0. Where it is active, its output is
    ρ²x, which changes its squared error by ρ⁴x² − 2ρ²x², and feature k of the ring, at the angle
    α_k from it, outputs max(0, rρx cos α_k + b). Where feature k is active, it outputs
    rρx max(0, cos α_k). So the change over p is
    E[x²] (ρ⁴ − 2ρ² + r²ρ² Σ_k max(0, cos α_k)²) + Σ_k E[max(0, rρx cos α_k + b)²].
    To second order in ρ (with b < 0 the last sum then is zero) it grows where
    r² Σ_k max(0, cos α_k)² < 2: about 1.25 r² < 2 beside a pentagon. At larger ρ the last sum
    stops it.

    A bias c < 0 would prevent its false firings, but c starts at 0, and the derivative there
    is 2 E[x] (ρ r Σ_k max(0, cos α_k) − (1 − ρ²)): negative, so that c is not lowered, as long as
    ρ is short. (Above zero an output fires on every row, which holds c near zero.)

    Parameters
    ----------
    F : int
        Features on the ring.
    r, b : float
        Their length and common bias, b ≤ 0.
    length : float
        ρ, of the extra feature.
    turn : float
        Its direction: 0 along a feature of the ring, 0.5 midway to the next.
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where F < 1, b > 0, a length is negative, or n and S are no law of data.

    Examples
    --------
    Beside the best pentagon without a bias a short column is no gain in any direction:

    >>> r = sdd.theory.best_ring(5, free_bias=False).r
    >>> [sdd.theory.extra_feature_loss_change(5, r, 0.0, 0.1, turn) > 0 for turn in (0, 0.25, 0.5)]
    [True, True, True]
    """
    require_law(n, sparsity)
    require(F >= 1, "F must be at least 1", F)
    require(b <= 0, "b must not be positive", b)
    require(r >= 0 and length >= 0, "lengths must not be negative", (r, length))
    negated, (_, tails) = _negated(n, sparsity), active_value_tails(n, sparsity)
    squared = float(tails[2, -1])  # E[x²]
    change = squared * (length**4 - 2 * length**2)
    for k in range(F):
        slope = r * length * math.cos(2 * math.pi * (k - turn) / F)
        if slope > 1e-12:
            none, first, second = tails[:, np.searchsorted(negated, b / slope)]
            change += squared * slope**2
            change += slope**2 * second + 2 * slope * b * first + b**2 * none
    return float(change)


def crossover(
    n: int, sparsity: float, K: int | float, free_bias: bool = False
) -> tuple[float, float]:
    """Return bounds, roughly, of the T where generalising overtakes memorising K points.

    Memorising lowers the training loss by about K/T. Generalising lowers it by what a pentagon
    gains (with b = 0, or with the best b), and by n μ² besides where it has the best constant
    output. T is K over either gain: the lower bound with both, the upper one with the pentagon's
    alone. K depends on T.

    Parameters
    ----------
    n, sparsity : int, float
        Law of the data.
    K : float
        Points memorised; positive.
    free_bias : bool
        Whether the pentagon's bias is the best one, or 0.

    Returns
    -------
    (float, float)
        The lower and the upper bound.

    Raises
    ------
    ValueError
        Where K is not positive, or n and S are no law of data.

    Examples
    --------
    >>> low, high = sdd.theory.crossover(10_000, 0.999, K=30)
    >>> print(f"{low:,.0f} to {high:,.0f}")
    25,862 to 71,462
    """
    require(K > 0, "K must be positive", K)
    ring = best_ring(5, free_bias, n=n, sparsity=sparsity)
    pentagon = -(1 - sparsity) * ring.loss_change
    constant = n * feature_mean(n, sparsity) ** 2
    return K / (pentagon + constant), K / pentagon
