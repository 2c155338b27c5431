"""Measures of trained weights and of what they embed; vectors are rows, and inputs unchanged."""

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = [
    "dimensionality",
    "equal_angle_error",
    "maximal_dimensionality",
    "on_ring",
    "strongest",
]


def _rows(vectors: np.ndarray, name: str = "vectors") -> Float[np.ndarray, "k m"]:
    array = np.asarray(vectors, np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name} must be rows of a (k, m) array, m ≥ 1, not shape {array.shape}")
    rows, entries = array.shape
    if rows > 1 and entries > 100 * rows:
        raise ValueError(
            f"{name} must be rows of a (k, m) array, but {rows} rows of {entries} entries look "
            "like weights W, whose columns are the vectors: pass W.T"
        )
    if not np.isfinite(array).all():
        where = int(np.argmin(np.isfinite(array).all(1)))
        raise ValueError(f"{name} must be finite; row {where} holds a NaN or an infinity")
    return array


def _lengths(vectors: Float[np.ndarray, "k m"]) -> tuple[Float[np.ndarray, " k"], float]:
    """Return the rows' lengths as shares of the largest entry, and that entry: no overflow."""
    scale = float(np.abs(vectors).max(initial=0.0)) or 1.0
    return np.linalg.norm(vectors / scale, axis=1), scale


def dimensionality(vectors: Float[np.ndarray, "k m"]) -> Float[np.ndarray, " k"]:
    """Return D_i = ‖v_i‖² / Σ_j (v̂_i · v_j)², the share of a dimension that v_i has to itself.

    For features, pass the columns of W as rows (``W.T``); for examples, the hidden vectors.
    (Defined in the paper's section on feature and example dimensionality.) It is 1 for a vector
    orthogonal to all others, 1/k for k equal ones, and m/k on a regular arrangement.

    Parameters
    ----------
    vectors : (k, m) array
        Of any length unit: D does not change when all are scaled alike.

    Returns
    -------
    (k,) array
        In [0, 1], float64; 0 for a zero vector, and for one whose length is below 1e-150 of the
        largest entry, where squares leave double precision.

    Raises
    ------
    ValueError
        Where the array is not (k, m), looks like W itself, or an entry is not finite.

    Notes
    -----
    With the triangular factor R of V = QR, Σ_j (v̂·v_j)² = ‖V v̂‖² = ‖R v̂‖²: O(k m²) time, no
    k × k array, and no squared condition number as with VᵀV.

    Examples
    --------
    Four vectors on a square share two dimensions: a half each.

    >>> square = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    >>> sdd.dimensionality(square).round(3)
    array([0.5, 0.5, 0.5, 0.5])
    """
    V = _rows(vectors)
    lengths, scale = _lengths(V)
    lengths[lengths < 1e-150] = 0.0
    alive = lengths > 0
    # Each row by its own largest entry first, so that its unit vector is right at any length.
    unit = V[alive] / np.abs(V[alive]).max(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    R = np.asarray(np.linalg.qr(V / scale, mode="r"))
    D = np.zeros(len(V))
    D[alive] = (lengths[alive] / np.linalg.norm(unit @ R.T, axis=1)) ** 2
    return np.minimum(D, 1.0)


def maximal_dimensionality(vectors: Float[np.ndarray, "k m"]) -> Float[np.ndarray, " k"]:
    """Return D*_i = sup_u (u · v_i)² / Σ_j (u · v_j)²: the most of any direction that is v_i's own.

    `dimensionality` is the same share in the one direction u = v_i, so that D* ≥ D. D* is the
    leverage of statistics, v_iᵀ (Σ_j v_j v_jᵀ)⁺ v_i: nothing has to be searched for. It does not
    change under an invertible linear map of the vectors, and sums to their rank.

    Parameters
    ----------
    vectors : (k, m) array
        Hidden vectors as rows, or the columns of W (``W.T``).

    Returns
    -------
    (k,) array
        In [0, 1], float64; 0 for a zero vector.

    Raises
    ------
    ValueError
        As for `dimensionality`.

    Notes
    -----
    With V = U S Qᵀ it is the squared length of row i of U, of the columns whose singular value
    exceeds 10 ε ‖V‖. What is below cannot be told from zero: rounding the entries, in whose
    precision ε is meant, moves singular values by up to ε ‖V‖ (Frobenius norms).

    Examples
    --------
    >>> from sdd.measures.geometry import maximal_dimensionality
    >>> maximal_dimensionality(np.array([[1.0, 0], [1, 0], [9, 1]])).round(3)
    array([0.5, 0.5, 1. ])
    """
    V = _rows(vectors)
    entries = np.asarray(vectors).dtype
    precision = np.finfo(entries if np.issubdtype(entries, np.floating) else np.float64).eps
    U, s, _ = np.linalg.svd(V / _lengths(V)[1], full_matrices=False)
    kept = s > 10 * precision * np.linalg.norm(s)
    return np.minimum((U[:, kept] ** 2).sum(axis=1), 1.0)


def equal_angle_error(vectors: Float[np.ndarray, "k 2"]) -> float:
    """Return by how much, at most, the gaps between neighbours in angle differ from 360°/k.

    Gaps are taken around the circle, in the order of the angles.

    Parameters
    ----------
    vectors : (k, 2) array
        Vectors as rows, two or more.

    Returns
    -------
    float
        In degrees; 0 for a regular k-gon of any orientation and any lengths.

    Raises
    ------
    ValueError
        Where the vectors are not planar, fewer than 2, not finite, or one is zero and has no angle.

    Examples
    --------
    >>> from sdd.measures.geometry import equal_angle_error
    >>> round(equal_angle_error(np.array([[1.0, 0], [1, 1], [-1, 0], [0, -1]])), 6)
    45.0
    """
    V = _rows(vectors)
    if V.shape[1] != 2 or len(V) < 2:
        raise ValueError(f"vectors must be at least 2 rows in the plane, not shape {V.shape}")
    if not V.any(1).all():
        raise ValueError(f"vectors must not be zero, but row {int(np.argmin(V.any(1)))} is")
    angles = np.sort(np.degrees(np.arctan2(V[:, 1], V[:, 0])))
    gaps = np.diff(angles, append=angles[0] + 360.0)
    return float(np.abs(gaps - 360.0 / len(V)).max())


def strongest(vectors: Float[np.ndarray, "k m"], count: int) -> Int[np.ndarray, " count"]:
    """Return the rows of the `count` largest dimensionalities, largest first.

    Ties go to the lower row number, so that the answer is one.

    Parameters
    ----------
    vectors : (k, m) array
        Vectors as rows.
    count : int
        How many, from 1 to k.

    Returns
    -------
    (count,) int array
        Row numbers.

    Raises
    ------
    ValueError
        Where `count` is not in [1, k], or as for `dimensionality`.

    Examples
    --------
    >>> from sdd.measures.geometry import strongest
    >>> strongest(np.array([[0.0, 1], [3, 0], [0, 2]]), 2)
    array([1, 2])
    """
    V = _rows(vectors)
    if not 1 <= count <= len(V):
        raise ValueError(f"count must be in [1, {len(V)}], the number of vectors, not {count!r}")
    return np.argsort(-dimensionality(V), kind="stable")[:count]


def on_ring(hidden: Float[np.ndarray, "k m"]) -> Bool[np.ndarray, " k"]:
    """Return which hidden vectors lie on the outer ring: longer than half the longest.

    At T = 30 the paper's hidden vectors are of two kinds: about 21 on one circle, each memorised,
    and the rest near zero. Half the longest is midway between the two kinds, does not change with
    the scale of the vectors, and errs only where a kind spreads by half the radius. It says
    nothing about angles (see `equal_angle_error`): a failed fan such as the paper's T = 8 has a
    ring by this rule too, without its inner points.

    Parameters
    ----------
    hidden : (k, m) array
        Hidden vectors as rows.

    Returns
    -------
    (k,) bool array
        True on the ring; all False where every vector is zero.

    Raises
    ------
    ValueError
        As for `dimensionality`.

    Examples
    --------
    >>> from sdd.measures.geometry import on_ring
    >>> on_ring(np.array([[2.0, 0.0], [0.0, 1.9], [0.1, 0.1]]))
    array([ True,  True, False])
    """
    lengths, _ = _lengths(_rows(hidden, "hidden"))
    return lengths > lengths.max(initial=0.0) / 2
