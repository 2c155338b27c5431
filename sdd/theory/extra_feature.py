"""A further feature beside a ring: why training that has found five finds no sixth."""

import math

import numpy as np

from sdd.theory.rings import active_value_tails
from sdd.theory.rules import require, require_law

__all__ = ["extra_feature_loss_change"]


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
    n, sparsity
        Law of the data.

    Raises
    ------
    ValueError
        Where F < 1, b > 0, a length is negative, or n and S are no law of data.
    """
    require_law(n, sparsity)
    require(F >= 1, "F must be at least 1", F)
    require(b <= 0, "b must not be positive", b)
    require(r >= 0 and length >= 0, "lengths must not be negative", (r, length))
    x, tails = active_value_tails(n, sparsity)
    squared = float(tails[2, -1])  # E[x²]
    change = squared * (length**4 - 2 * length**2)
    for k in range(F):
        slope = r * length * math.cos(2 * math.pi * (k - turn) / F)
        if slope > 1e-12:
            none, first, second = tails[:, np.searchsorted(-x, b / slope)]
            change += squared * slope**2
            change += slope**2 * second + 2 * slope * b * first + b**2 * none
    return float(change)
