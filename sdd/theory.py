"""Closed forms that the trained models are compared with, each with where it comes from.

Letters as in the package's glossary; p = 1 − S is the probability that a feature is active, and
losses are summed over features.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from sdd.data import NORM_TOLERANCE, Dataset

__all__ = [
    "Ring",
    "Tgon",
    "best_ring",
    "constant_baseline",
    "constant_loss",
    "crossover",
    "feature_mean",
    "is_memorised",
    "leftover_norm_sq",
    "overlap_probability",
    "pentagon_dimensionality",
    "predicted_pentagon_dimensionality",
    "ring_loss_change",
    "tgon",
    "tgon_dimensionality",
    "tgon_solution",
    "tgon_threshold",
    "zero_baseline",
]


def _require(holds: bool | np.bool_, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{rule}, not {value!r}")


def _require_law(n: int, sparsity: float) -> None:
    _require(n >= 1, "n must be at least 1", n)
    _require(0 <= sparsity < 1, "sparsity must be in [0, 1)", sparsity)


# --- Data points in superposition: the T-gon -------------------------------------------------


@dataclass(frozen=True)
class Tgon:
    """T points memorised on a circle in the plane: h_k of length `radius` at angle 2πk/T."""

    T: int
    radius: float

    @property
    def angle(self) -> float:
        """Angle between neighbours, in radians."""
        return 2 * math.pi / self.T

    @property
    def W_norm(self) -> float:
        """‖W‖_F = √T · r, as W = H Xᵀ and the rows of X are orthonormal."""
        return math.sqrt(self.T) * self.radius

    @property
    def b_norm(self) -> float:
        """‖b‖₂ = √T · |1 − r²|, as b is (1 − r²) Σ_k x_k."""
        return math.sqrt(self.T) * abs(1 - self.radius**2)


def tgon_threshold(T: int) -> float:
    """Return the least radius that memorises T ≥ 2 points exactly: 1/√(1 − cos(2π/T)).

    On the support of point k the output is x_k (r² cos(angle to h) + 1 − r²): x_k itself at
    h = h_k, and at its nearest neighbour zero exactly where r²(1 − cos φ) ≥ 1.
    """
    _require(T >= 2, "a T-gon must have T ≥ 2 points", T)
    return 1 / (math.sqrt(2) * math.sin(math.pi / T))  # 1 − cos φ = 2 sin²(φ/2): no cancellation


def tgon(T: int, radius: float | None = None) -> Tgon:
    """Return the T-gon of that radius, by default the smallest that memorises its points."""
    return Tgon(T, tgon_threshold(T) if radius is None else radius)


def is_memorised(T: int, radius: float) -> bool:
    """Tell whether a T-gon of that radius reproduces T disjoint points exactly.

    The threshold itself counts, and so does what float64 rounding makes of it.
    """
    return radius >= tgon_threshold(T) * (1 - 1e-12)


def tgon_dimensionality(T: int, m: int = 2) -> float:
    """Return m/T, the D of each of T > m equal vectors spread evenly over m dimensions.

    Σ_j h_j h_jᵀ is then (T r²/m) · identity, so D = r²/(T r²/m). In the plane that is every T-gon
    but T = 2, which is a line, with D = 1/2.
    """
    _require(T > m >= 1, "T must be above m ≥ 1", (T, m))
    return m / T


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
    """
    if isinstance(points, Dataset):
        row = np.repeat(np.arange(points.T), np.diff(points.indptr))
        column, value = points.indices, points.values.astype(np.float64)
        T, n = points.T, points.n
    else:
        X = np.asarray(points, np.float64)
        _require(X.ndim == 2, "points must be a (T, n) array", X.shape)
        (T, n), (row, column) = X.shape, np.nonzero(X)
        value = X[row, column]
    shape = tgon(T, radius)
    _require(not (value < 0).any(), "points must not be negative", value.min(initial=0.0))
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
    angles = shape.angle * row
    W, b = np.zeros((2, n)), np.zeros(n)
    W[:, column] = shape.radius * value / lengths[row] * np.stack([np.cos(angles), np.sin(angles)])
    b[column] = value * (1 - shape.radius**2)
    return W, b


def overlap_probability(n: int, sparsity: float) -> float:
    """Return the probability that two points share an active feature: 1 − (1 − p²)ⁿ."""
    _require_law(n, sparsity)
    return -math.expm1(n * math.log1p(-((1 - sparsity) ** 2))) if sparsity > 0 else 1.0


# --- What outputs that ignore the input score ------------------------------------------------


def zero_baseline(n: int, sparsity: float) -> float:
    """Return the expected loss of the all-zero output: 1 − Sⁿ, rows of zeros losing nothing."""
    _require_law(n, sparsity)
    return 1 - sparsity**n


def feature_mean(n: int, sparsity: float) -> float:
    """Return μ = E[x_i] over the data's law, rows of zeros included, to about 1e-12.

    With v_i = u_i (u uniform on [0, 1]) with probability p and 0 otherwise, x_i = v_i/√q for
    q = Σ_j v_j². As 1/√q = (2/√π) ∫₀^∞ exp(−q s²) ds, the expectation factors over features:
    μ = (2/√π) ∫₀^∞ p A(s) (1 − p + p B(s))ⁿ⁻¹ ds, where A(s) = E[u exp(−u²s²)] =
    (1 − exp(−s²))/(2s²) and B(s) = E[exp(−u²s²)] = √π erf(s)/(2s). The binomial number of active
    features is summed in closed form, and zero rows contribute nothing, as they should.
    """
    _require_law(n, sparsity)
    p = 1 - sparsity
    # s = c tan θ maps the axis to (0, π/2), with c where (…)ⁿ⁻¹ ≈ exp(−n p s²/3) falls; the
    # integrand falls as 1/s², so that it is smooth in θ up to the end, and Gauss' rule converges.
    node, weight = np.polynomial.legendre.leggauss(200)
    theta = np.pi / 4 * (node + 1)
    c = 1 / math.sqrt(1 + n * p / 3)
    s = c * np.tan(theta)
    ds = np.pi / 4 * weight * c / np.cos(theta) ** 2
    A = -np.expm1(-(s**2)) / (2 * s**2)
    B = math.sqrt(math.pi) / 2 * np.array([math.erf(v) for v in s]) / s
    return float(2 / math.sqrt(math.pi) * np.sum(ds * p * A * (1 - p + p * B) ** (n - 1)))


def constant_baseline(n: int, sparsity: float) -> float:
    """Return the expected loss of the best constant output, μ for every feature: 1 − Sⁿ − n μ².

    E‖x − c‖² = E‖x‖² − 2c·E[x] + ‖c‖² is least at c = E[x] = μ·1. A model reaches it with W = 0
    and b = μ.
    """
    return zero_baseline(n, sparsity) - n * feature_mean(n, sparsity) ** 2


def constant_loss(
    data: Dataset, c: float | Float[np.ndarray, " n"], *, per_example: bool = False
) -> float | Float[np.ndarray, " T"]:
    """Return the loss on these rows of the output c, whatever the input.

    ‖x − c‖² = ‖c‖² + Σ_{i active} x_i (x_i − 2c_i), from the non-zeros alone. For the best
    constant pass c = `feature_mean` of the data's law: the mean of a test set knows the test set.

    Parameters
    ----------
    data : Dataset
    c : float or (n,) array
        The output; not negative, as a ReLU's cannot be. 0 gives the all-zero output.
    per_example : bool
        Return the (T,) losses of the rows (for `metrics.standard_error`), not their mean.

    Raises
    ------
    ValueError
        Where c has another shape, or an entry that is negative or not a number.
    """
    output = np.asarray(c, np.float64)
    _require(output.shape in ((), (data.n,)), f"c must be a number or ({data.n},)", output.shape)
    _require(bool((output >= 0).all()), "c must not be negative", float(output.min()))
    output = np.broadcast_to(output, (data.n,))
    x = data.values.astype(np.float64)
    row = np.repeat(np.arange(data.T), np.diff(data.indptr))
    losses = np.bincount(row, x * (x - 2 * output[data.indices]), data.T) + output @ output
    return losses if per_example else float(losses.mean())


# --- Features in superposition: how many, and of what dimensionality ---------------------------


@lru_cache(maxsize=8)
def _active_value_tails(n: int, sparsity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return values x, falling, and E[xᵏ; value ≥ x] for k = 0, 1, 2 of an active feature.

    x = u/√(u² + q), q the sum of the squares of the other active features. The law of q is an
    (n − 1)-fold convolution, done on a lattice by FFT; each square is split between its two
    lattice neighbours such that its mean is kept. u is uniform, on Gauss nodes. The moments are
    right to a few 1e-5 of their size (checked against (1 − Sⁿ)/(np) and `feature_mean`).
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


def _ring_terms(F: int, beta: np.ndarray, n: int, sparsity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return A = Σ_k E[max(0, x cos(2πk/F) − β)²] and B = E[x max(0, x − β)] for each β ≥ 0."""
    x, tails = _active_value_tails(n, sparsity)

    def tail(threshold: np.ndarray) -> np.ndarray:
        return tails[:, np.searchsorted(-x, -threshold)]

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
    n, sparsity
        Law of the data.

    Raises
    ------
    ValueError
        Where F < 1, r < 0 or b > 0.
    """
    _require_law(n, sparsity)
    _require(F >= 1, "F must be at least 1", F)
    _require(r >= 0, "r must not be negative", r)
    _require(b <= 0, "b must not be positive", b)
    if r == 0:
        return 0.0
    A, B = _ring_terms(F, np.array([-b / r**2]), n, sparsity)
    return float(F * (r**4 * A[0] - 2 * r**2 * B[0]))


@dataclass(frozen=True)
class Ring:
    """The best ring of F features: length r, bias b, and its `ring_loss_change`."""

    F: int
    r: float
    b: float
    loss_change: float


def best_ring(F: int, free_bias: bool, *, n: int = 10_000, sparsity: float = 0.999) -> Ring:
    """Return the ring of F features that lowers the loss most, over r, and over b ≤ 0 if free.

    With b = −β r² the change is F (r⁴ A(β) − 2r² B(β)), least at r² = B/A, where it is −F B²/A:
    a search in β alone, on ever finer grids.
    """
    _require_law(n, sparsity)
    _require(F >= 1, "F must be at least 1", F)
    # No threshold that only one active value in 10,000 passes can be worth its while.
    x, tails = _active_value_tails(n, sparsity)
    low, high = 0.0, float(x[np.searchsorted(tails[0, 1:-1], 1e-4)]) if free_bias else 0.0
    while True:
        grid = np.linspace(low, high, 181)
        A, B = _ring_terms(F, grid, n, sparsity)
        best = int(np.argmin(-(B**2) / A))
        if high - low < 1e-6:
            break
        step = grid[1] - grid[0]
        low, high = max(0.0, grid[best] - step), grid[best] + step
    r2 = float(B[best] / A[best])
    change = float(-F * B[best] ** 2 / A[best])
    return Ring(F, math.sqrt(r2), float(-grid[best] * r2) if free_bias else 0.0, change)


def leftover_norm_sq(n: int, m: int, weight_decay: float, lr_sum: float) -> float:
    """Return ‖W‖² of the initial weights that training has only decayed, λ Σ lr of it.

    Xavier draws mn entries of variance 2/(n + m); AdamW multiplies them by 1 − λ lr at each step,
    Π(1 − λ lr_t)² ≈ exp(−2λ Σ_t lr_t), whatever the gradient adds.

    Parameters
    ----------
    n, m : int
        Features and hidden dimensions.
    weight_decay, lr_sum : float
        λ, and the sum of the learning rates of all steps (25 with the paper's schedule).
    """
    return 2 * m * n / (n + m) * math.exp(-2 * weight_decay * lr_sum)


def pentagon_dimensionality(r: float, R2: float, F: int = 5) -> float:
    """Return D = r²/(F r²/2 + R²/2) of F ≥ 3 features of length r at equal angles in the plane.

    Both the ring and the rest of W, of squared Frobenius norm R2 and taken as isotropic, spread
    their squared length evenly over the two dimensions. Without the rest D would be 2/F.
    """
    _require(F >= 3, "a ring must have F ≥ 3 features", F)
    _require(r > 0, "r must be positive", r)
    _require(R2 >= 0, "R2 must not be negative", R2)
    return 2 * r**2 / (F * r**2 + R2)


def predicted_pentagon_dimensionality(
    r: float, n: int, weight_decay: float, lr_sum: float, F: int = 5
) -> float:
    """Return `pentagon_dimensionality` with what `leftover_norm_sq` leaves of n − F columns.

    For m = 2. The length r must be measured (r² ≈ 0.86 at the paper's settings): unlike R² it
    has no formula here.
    """
    return pentagon_dimensionality(r, leftover_norm_sq(n, 2, weight_decay, lr_sum) * (n - F) / n, F)


def crossover(n: int, K: int | float) -> tuple[float, float]:
    """Return bounds (K n/11, K n/4) of the T where generalising overtakes memorising K points.

    Memorising lowers the training loss by about K/T. Generalising lowers it by about 4/n with a
    pentagon alone, and by about 11.4/n with the constant output's 7.4/n besides; both hold where
    np = 10 features are active a row. Equal gains give the bounds: a rough estimate.
    """
    _require(K > 0, "K must be positive", K)
    return K * n / 11, K * n / 4
