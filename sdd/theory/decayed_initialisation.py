"""The D of a pentagon, if all other columns of W are initial weights that have only decayed."""

import math

from sdd.theory.arguments import require

__all__ = ["decayed_norm_sq", "pentagon_dimensionality", "predicted_pentagon_dimensionality"]


def decayed_norm_sq(n: int, m: int, weight_decay: float, lr_sum: float) -> float:
    """Return ‖W‖² of initial weights after training in which they only decayed.

    Xavier draws mn entries of variance 2/(n + m); AdamW multiplies them by 1 − λ lr at each step,
    Π(1 − λ lr_t)² ≈ exp(−2λ Σ_t lr_t), whatever the gradient adds.

    Parameters
    ----------
    n, m : int
        Features and hidden dimensions.
    weight_decay, lr_sum : float
        λ, and the sum of the learning rates of all steps (25 with the paper's schedule).

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where n or m is below 1, or λ or the sum is negative.

    Examples
    --------
    >>> [round(sdd.theory.decayed_norm_sq(10_000, 2, 0.01, rates), 2) for rates in (0, 25)]
    [4.0, 2.43]
    """
    require(n >= 1 and m >= 1, "n and m must be at least 1", (n, m))
    require(weight_decay >= 0, "weight_decay must not be negative", weight_decay)
    require(lr_sum >= 0, "lr_sum must not be negative", lr_sum)
    return 2 * m * n / (n + m) * math.exp(-2 * weight_decay * lr_sum)


def pentagon_dimensionality(r: float, R2: float, F: int = 5) -> float:
    """Return D = r²/(F r²/2 + R²/2) of F ≥ 3 features of length r at equal angles in the plane.

    Assumes that the rest of W, of squared Frobenius norm R2, spreads its squared length evenly
    over the two dimensions, as the ring does. Columns in all directions do that, but so do
    columns along the ring's own. Without the rest D would be 2/F.

    Parameters
    ----------
    r : float
        Length of the F columns.
    R2 : float
        Squared Frobenius norm of all other columns.
    F : int
        Features on the ring.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where F < 3, r is not positive, or R2 is negative.

    Examples
    --------
    >>> [round(sdd.theory.pentagon_dimensionality(0.93, R2), 3) for R2 in (0, 2.43)]
    [0.4, 0.256]
    """
    require(F >= 3, "a ring must have F ≥ 3 features", F)
    require(r > 0, "r must be positive", r)
    require(R2 >= 0, "R2 must not be negative", R2)
    return 2 * r**2 / (F * r**2 + R2)


def predicted_pentagon_dimensionality(
    r: float, n: int, weight_decay: float, lr_sum: float, F: int = 5, gain: float = 1.0
) -> float:
    """Return `pentagon_dimensionality` with the `decayed_norm_sq` of n − F columns.

    For m = 2. The length r must be measured (r² ≈ 0.86 at the paper's settings): unlike R² it
    has no formula here. `gain` is what the initial weights were multiplied by.

    Parameters
    ----------
    r : float
        Length of the F columns.
    n : int
        Number of features, at least F.
    weight_decay, lr_sum : float
        As for `decayed_norm_sq`.
    F : int
        Features on the ring.
    gain : float
        What the initial weights were multiplied by.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for the two, and where n < F.

    Examples
    --------
    At the paper's settings, where it printed about 0.255 for T = ∞:

    >>> round(sdd.theory.predicted_pentagon_dimensionality(0.93, 10_000, 0.01, 25), 3)
    0.256
    """
    require(n >= F, "n must be at least F", (n, F))
    left = gain**2 * decayed_norm_sq(n, 2, weight_decay, lr_sum)
    return pentagon_dimensionality(r, left * (n - F) / n, F)
