"""Data points in superposition: the T-gon, which memorises T points in two dimensions."""

import math

import numpy as np
from jaxtyping import Float

from sdd.data import NORM_TOLERANCE, Dataset
from sdd.theory.arguments import require, require_law

__all__ = ["overlap_probability", "tgon_loss", "tgon_norms", "tgon_solution", "tgon_threshold"]


def tgon_threshold(T: int) -> float:
    """Return the least radius that memorises T ≥ 2 points exactly: 1/√(1 − cos(2π/T)).

    On the support of point k the output is x_k (r² cos(angle to h) + 1 − r²): x_k itself at
    h = h_k, and at its nearest neighbour zero exactly where r²(1 − cos φ) ≥ 1.

    Parameters
    ----------
    T : int
        Number of points, at least 2.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where T < 2.

    Examples
    --------
    Six points fit a small polygon, a thousand need a large one:

    >>> [round(sdd.theory.tgon_threshold(T), 2) for T in (6, 30, 1_000)]
    [1.41, 6.76, 225.08]
    """
    require(T >= 2, "a T-gon must have T ≥ 2 points", T)
    return 1 / (math.sqrt(2) * math.sin(math.pi / T))  # 1 − cos φ = 2 sin²(φ/2): no cancellation


def tgon_norms(T: int, radius: float) -> tuple[float, float]:
    """Return ‖W‖ = √T · r and ‖b‖ = √T · abs(1 − r²) of a T-gon of points of unit norm.

    W = H Xᵀ, where the rows of X are orthonormal, and b = (1 − r²) Σ_k x_k.

    Parameters
    ----------
    T : int
        Number of points.
    radius : float
        Of the T-gon.

    Returns
    -------
    (float, float)
        ‖W‖ and ‖b‖.

    Examples
    --------
    >>> W_norm, b_norm = sdd.theory.tgon_norms(6, sdd.theory.tgon_threshold(6))
    >>> print(f"{W_norm:.3f}, {b_norm:.3f}")
    3.464, 2.449
    """
    return math.sqrt(T) * radius, math.sqrt(T) * abs(1 - radius**2)


def tgon_loss(T: int, radius: float) -> float:
    """Return the loss of a T-gon of that radius: Σ_k≠0 max(0, 1 − r²(1 − cos(2πk/T)))².

    Each point, of unit norm, is right on its own support, and fires on those of its neighbours as
    far as the bracket of `tgon_threshold` is positive. Zero from the threshold on.

    Parameters
    ----------
    T : int
        Number of points, at least 2.
    radius : float
        Of the T-gon.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where T < 2.

    Examples
    --------
    >>> [round(sdd.theory.tgon_loss(6, radius), 3) for radius in (1.0, 1.2, 1.4143)]
    [0.5, 0.157, 0.0]
    """
    require(T >= 2, "a T-gon must have T ≥ 2 points", T)
    gaps = 1 - np.cos(2 * np.pi * np.arange(1, T) / T)
    return float((np.maximum(0, 1 - radius**2 * gaps) ** 2).sum())


def tgon_solution(
    points: Dataset | Float[np.ndarray, "T n"], radius: float | None = None
) -> tuple[Float[np.ndarray, "2 n"], Float[np.ndarray, " n"]]:
    """Plant a T-gon: the weights of the lookup table h_k = r u_k, u_k at angle 2πk/T.

    W = H Xᵀ, and b_j = x_kj (1 − r²) on the support of point k; both are zero elsewhere. For W the
    rows are scaled to unit norm in float64 first, so that each output is x_kj (r² + 1 − r²) also
    where float32 rounding left a row at norm 1 + δ. Between such rows the threshold rises by
    about r² δ of itself: for exactly zero loss in spite of it, pass a radius 1e-4 larger.

    Parameters
    ----------
    points : Dataset or (T, n) array
        Non-negative rows of unit norm. No feature may be non-zero in two of them.
    radius : float, optional
        By default `tgon_threshold`.

    Returns
    -------
    W, b : (2, n) and (n,) arrays, float64

    Raises
    ------
    ValueError
        Where there are fewer than 2 points, a row is zero, negative or not of unit norm, or two
        rows overlap; the message names the feature or the row.

    Examples
    --------
    >>> points = np.eye(6)  # any six points without a feature in common
    >>> W, b = sdd.theory.tgon_solution(points)
    >>> round(sdd.loss(W, b, sdd.Dataset.from_dense(points)), 9)
    0.0
    """
    if isinstance(points, Dataset):
        row = points.row_index()
        column, value = points.indices, points.values.astype(np.float64)
        T, n = points.T, points.n
    else:
        X = np.asarray(points, np.float64)
        require(X.ndim == 2, "points must be a (T, n) array", X.shape)
        (T, n), (row, column) = X.shape, np.nonzero(X)
        value = X[row, column]
    least = tgon_threshold(T)
    r = least if radius is None else radius
    require(not (value < 0).any(), "points must not be negative", value.min(initial=0.0))
    lengths = np.sqrt(np.bincount(row, value**2, T))
    if not (np.abs(lengths - 1) <= NORM_TOLERANCE).all():
        worst = int(np.argmax(np.abs(lengths - 1)))
        raise ValueError(f"points must have unit norm, but row {worst} has {lengths[worst]:.6g}")
    uses = np.bincount(column, minlength=n)
    if (uses > 1).any():
        shared = int(np.argmax(uses > 1))
        raise ValueError(
            "points must have disjoint supports, but feature "
            f"{shared} is non-zero in rows {row[column == shared].tolist()}"
        )
    angles = 2 * math.pi / T * row
    W, b = np.zeros((2, n)), np.zeros(n)
    W[:, column] = r * value / lengths[row] * np.stack([np.cos(angles), np.sin(angles)])
    b[column] = value * (1 - r**2)
    return W, b


def overlap_probability(n: int, sparsity: float) -> float:
    """Return the probability that two points share an active feature: 1 − (1 − p²)ⁿ.

    Parameters
    ----------
    n, sparsity : int, float
        Law of the data.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where n and S are no law of data.

    Examples
    --------
    >>> round(sdd.theory.overlap_probability(n=10_000, sparsity=0.999), 4)
    0.01
    """
    require_law(n, sparsity)
    return -math.expm1(n * math.log1p(-((1 - sparsity) ** 2))) if sparsity > 0 else 1.0
