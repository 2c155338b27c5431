"""How a few hidden vectors in the plane are arranged: circles, wide gaps, slack to memorise.

All rules but `slack` depend neither on the scale of the vectors nor on how they are turned.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = [
    "FAN", "KINDS", "OFF", "RING", "STEP", "TWO", "circles", "kind", "main", "slack", "widest_gap",
]  # fmt: skip

STEP = 1.25  # vectors are on different circles where one is longer than another by this factor

RING = "one ring"
OFF = "ring, points off it"
TWO = "two circles"
FAN = "fan"
KINDS = (RING, OFF, TWO, FAN)


def _plane(vectors: np.ndarray) -> Float[np.ndarray, "k 2"]:
    V = np.asarray(vectors, np.float64)
    if V.ndim != 2 or V.shape[1] != 2 or not len(V):
        raise ValueError(f"vectors must be one or more rows in the plane, not shape {V.shape}")
    return V


def circles(hidden: Float[np.ndarray, "k 2"], step: float = STEP) -> Int[np.ndarray, " k"]:
    """Return on which circle each vector ends: 0 is the outermost.

    Sorted by length, a new circle begins wherever a vector is more than `step` times as long as
    the next shorter one.

    Parameters
    ----------
    hidden : (k, 2) array
        Hidden vectors as rows.
    step : float
        Factor in length that parts two circles.

    Returns
    -------
    (k,) int array
        The circle of each vector.

    Raises
    ------
    ValueError
        Where there are no vectors, or they are not rows in the plane.

    Examples
    --------
    >>> from sdd.measures.arrangements import circles
    >>> circles(np.array([[3, 0], [0, 3], [-1, 0], [0, -0.9]]))
    array([0, 0, 1, 1])
    """
    lengths = np.linalg.norm(_plane(hidden), axis=1)
    order = np.argsort(-lengths, kind="stable")
    new = lengths[order][:-1] > step * lengths[order][1:]
    number = np.empty(len(lengths), int)
    number[order] = np.concatenate([[0], np.cumsum(new)])
    return number


def main(hidden: Float[np.ndarray, "k 2"], step: float = STEP) -> Bool[np.ndarray, " k"]:
    """Tell which vectors are on the circle that holds the most; of equals, on the outer one.

    Parameters
    ----------
    hidden, step
        As for `circles`.

    Returns
    -------
    (k,) bool array
        True on that circle.

    Raises
    ------
    ValueError
        Where there are no vectors, or they are not rows in the plane.

    Examples
    --------
    >>> from sdd.measures.arrangements import main
    >>> main(np.array([[3, 0], [0, 3], [-3, 0], [0, -1]]))
    array([ True,  True,  True, False])
    """
    number = circles(hidden, step)
    return number == np.bincount(number).argmax()


def widest_gap(vectors: Float[np.ndarray, "k 2"]) -> float:
    """Return the widest angle, in degrees, between neighbours in angle; 360 for one direction.

    Parameters
    ----------
    vectors : (k, 2) array
        Vectors as rows. One of length zero has no direction and is left out.

    Returns
    -------
    float
        The angle, in (0, 360].

    Raises
    ------
    ValueError
        Where there are no vectors, or they are not rows in the plane.

    Examples
    --------
    >>> from sdd.measures.arrangements import widest_gap
    >>> widest_gap(np.array([[1, 0], [0, 1], [-1, 0]]))
    180.0
    """
    V = _plane(vectors)
    V = V[V.any(1)]
    angles = np.sort(np.degrees(np.arctan2(V[:, 1], V[:, 0])))
    if not angles.size:
        return 360.0
    return float(np.diff(angles, append=angles[0] + 360.0).max())


def kind(hidden: Float[np.ndarray, "k 2"], step: float = STEP) -> str:
    """Name an arrangement of hidden vectors.

    Parameters
    ----------
    hidden, step
        As for `circles`.

    Returns
    -------
    str
        `FAN` where the vectors on the `main` circle leave more than half of the directions empty,
        which no regular polygon does; else `RING` where all lengths are alike, `TWO` where there
        are two circles with at least two vectors each, and `OFF` for all else.

    Raises
    ------
    ValueError
        Where there are no vectors, or they are not rows in the plane.

    Examples
    --------
    >>> from sdd.measures.arrangements import kind
    >>> square = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    >>> kind(square), kind(square[:2])
    ('one ring', 'fan')
    """
    V = _plane(hidden)
    number, ring = circles(V, step), main(V, step)
    counts = np.bincount(number)
    if widest_gap(V[ring]) > 180.0:
        return FAN
    if len(counts) == 1:
        return RING
    return TWO if len(counts) == 2 and counts.min() >= 2 else OFF


def slack(hidden: Float[np.ndarray, "k 2"]) -> float:
    """Return how far an arrangement is from not memorising: exact where it is at least 0.

    For points of unit norm that share no feature, with W = HᵀX and b_j = x_{kj}(1 − ‖h_k‖²) on
    the support of point k, the model shown point l answers ReLU(x_{kj}[h_k·h_l + 1 − ‖h_k‖²]) on
    that support. This is exact for k = l, and for k ≠ l where h_k·h_l ≤ ‖h_k‖² − 1. As it must
    hold both ways, all points are memorised if and only if min(‖h_k‖², ‖h_l‖²) − 1 − h_k·h_l ≥ 0
    for every pair.

    Parameters
    ----------
    hidden
        As for `circles`.

    Returns
    -------
    float
        The least of these margins over pairs; infinite for a single point.

    Raises
    ------
    ValueError
        Where there are no vectors, or they are not rows in the plane.

    Examples
    --------
    Four points on a square are memorised at radius 1 and more, and not at half of it:

    >>> from sdd.measures.arrangements import slack
    >>> square = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    >>> slack(square), slack(square / 2)
    (0.0, -0.75)
    """
    V = _plane(hidden)
    products = V @ V.T
    squares = np.diag(products)
    margins = np.minimum.outer(squares, squares) - 1 - products
    return float(margins[~np.eye(len(V), dtype=bool)].min(initial=np.inf))
