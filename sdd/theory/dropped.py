"""One feature left out of a regular polygon: stationary, and a saddle, if a shallow one.

All functions raise a ValueError where n < 6, or the radius is too small to memorise the others.
"""

import numpy as np
from jaxtyping import Float

from sdd.theory.arguments import require
from sdd.theory.polygons import tgon_threshold

__all__ = ["dropped_curvature", "dropped_descent", "dropped_feature", "dropped_moved"]


def dropped_feature(
    n: int, radius: float | None = None
) -> tuple[Float[np.ndarray, "2 n"], Float[np.ndarray, " n"]]:
    """Return weights for the n one-hot points in which the last feature is left out.

    The other n − 1 columns are a regular polygon that memorises its points (b = 1 − r²). The last
    has W = 0 and b = 1/n: its output is b on every point, with the loss ((1 − b)² + (n − 1) b²)/n,
    least at b = 1/n, where it is (1 − 1/n)/n. The gradient for its column is (2b/n) Σ_k h_k, which
    a regular polygon makes zero; all else is memorised exactly, and has none.

    Parameters
    ----------
    n : int
        Points, and features; at least 6, so that b < 0 on the polygon and its outputs are silent
        on the last point.
    radius : float or None
        Of the polygon; None means one percent above its threshold, away from the kinks there.

    Returns
    -------
    W, b : (2, n) and (n,) arrays

    Raises
    ------
    ValueError
        Where n < 6, or the radius is too small to memorise the others.

    Examples
    --------
    >>> W, b = sdd.theory.dropped_feature(8)
    >>> round(sdd.loss(W, b, sdd.Dataset.from_dense(np.eye(8))), 6) == round((1 - 1 / 8) / 8, 6)
    True
    """
    _require_dropped(n, radius)
    r = 1.01 * tgon_threshold(n - 1) if radius is None else radius
    angles = 2 * np.pi * np.arange(n - 1) / (n - 1)
    W, b = np.zeros((2, n)), np.full(n, 1 - r**2)
    W[:, :-1] = r * np.stack([np.cos(angles), np.sin(angles)])
    b[-1] = 1 / n
    return W, b


def dropped_curvature(n: int, radius: float) -> float:
    """Return the second derivative of the loss in the dropped column, alike in each direction.

    With a small column w its output is b + w·h_k on the other points, which adds
    Σ_k (w·h_k)²/n = (n − 1) r² ‖w‖²/(2n) to the loss (the linear terms sum to zero), and
    b + ‖w‖² on its own, which takes 2(1 − b)‖w‖²/n away. Twice the difference, at b = 1/n, is
    (n − 1)/n · (r² − 4/n): positive for r > 1, so that this column alone has no way out.

    Parameters
    ----------
    n : int
        Points, and features; at least 6.
    radius : float
        Of the polygon.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where n < 6, or the radius is too small to memorise the others.

    Examples
    --------
    >>> round(sdd.theory.dropped_curvature(8, radius=2.0), 4)
    3.0625
    """
    _require_dropped(n, radius)
    return (n - 1) / n * (radius**2 - 4 / n)


def dropped_descent(n: int, radius: float) -> float:
    """Return how fast the loss falls where all columns move together, per ‖d‖²; a saddle, then.

    Above the least radius the others may be shifted by any small d: with b_k = 1 − ‖h_k‖² all
    their points stay exact. (At the least radius they do if the polygon also grows, by a share
    ‖d‖/√2; without that it costs (n − 1)/n ‖d‖².) But Σ_k h_k is now (n − 1) d, and the loss in
    the dropped column C‖w‖²/2 + (2b(n − 1)/n) w·d, with C of `dropped_curvature`. At its least,
    with b = 1/n, that is −2(n − 1)²/(n⁴ C) ‖d‖².

    Parameters
    ----------
    n : int
        Points, and features; at least 6.
    radius : float
        Of the polygon.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where n < 6, or the radius is too small to memorise the others.

    Examples
    --------
    A shallow saddle, and ever shallower as points are added:

    >>> [round(sdd.theory.dropped_descent(n, radius=8.0), 6) for n in (8, 16)]
    [0.000431, 0.000115]
    """
    return 2 * (n - 1) ** 2 / n**4 / dropped_curvature(n, radius)


def dropped_moved(
    n: int, radius: float, shift: Float[np.ndarray, "2"]
) -> tuple[Float[np.ndarray, "2 n"], Float[np.ndarray, "n"]]:
    """Return the weights of `dropped_feature` once all have moved the way of `dropped_descent`.

    Parameters
    ----------
    n : int
        As for `dropped_feature`.
    radius : float
        As for `dropped_feature`.
    shift : (2,) array
        What is added to the other columns. The dropped one is put where the loss is then least.

    Returns
    -------
    W, b : (2, n) and (n,) arrays

    Raises
    ------
    ValueError
        Where n < 6, or the radius is too small to memorise the others.

    Examples
    --------
    >>> points = sdd.Dataset.from_dense(np.eye(8))
    >>> before = sdd.loss(*sdd.theory.dropped_feature(8, 2.0), points)
    >>> after = sdd.loss(*sdd.theory.dropped_moved(8, 2.0, np.array([0.01, 0])), points)
    >>> round((before - after) / 0.01**2, 4), round(sdd.theory.dropped_descent(8, 2.0), 4)
    (0.0078, 0.0078)
    """
    W, b = dropped_feature(n, radius)
    W += shift[:, None]
    b[:-1] = 1 - (W[:, :-1] ** 2).sum(0)
    W[:, -1] = -2 * (n - 1) / n**2 / dropped_curvature(n, radius) * shift
    return W, b


def _require_dropped(n: int, radius: float | None) -> None:
    require(n >= 6, "n must be at least 6", n)
    least = tgon_threshold(n - 1)
    rule = f"radius must be at least {least:.6g}, which memorises the others"
    require(radius is None or radius >= least, rule, radius)
