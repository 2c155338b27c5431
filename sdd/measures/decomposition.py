"""What a loss is made of: what the outputs gain, and what they cost where they should be silent.

Let c_j be the mean output of feature j over the rows where it is absent (x_ij = 0). With
μ_j the mean of x_ij, and all means over rows, exactly

    loss = zero − constant_gain − feature_gain + false_firing,

    zero          = mean Σ_j x_ij²                            the loss of no output
    constant_gain = Σ_j (2 μ_j c_j − c_j²)                    zero − loss of the output c
    feature_gain  = mean Σ_{j: x_ij ≠ 0} (x_ij − c_j)² − (x_ij − r_ij)²
    false_firing  = mean Σ_{j: x_ij = 0} r_ij² − c_j²

as the loss less that of c is a sum over pairs (i, j), of those present and those absent. It holds
for any c. At this one false_firing is a sum of variances, Σ_j P(x_j = 0) · Var(r_j | x_j = 0):
never negative, and least among all c, so that nothing is called false firing that a constant
explains.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from sdd import engine, theory
from sdd.data import Dataset
from sdd.measures import statistics
from sdd.measures.search import compass
from sdd.theory.rules import require

__all__ = [
    "Moments",
    "Parts",
    "Refit",
    "Share",
    "Split",
    "loss_of",
    "moments",
    "refitted_inside",
    "rescaled",
    "rescaled_and_shifted",
    "shares",
    "split",
    "training_mean_gain",
]

LOUD = 0.01  # share of the rows, or of the features, that are singled out as extreme
_SILENT = -1e9  # a bias at which a feature never fires


@dataclass(frozen=True)
class Parts:
    """The four parts of a loss, or their standard errors."""

    zero: float
    constant_gain: float
    feature_gain: float
    false_firing: float

    @property
    def loss(self) -> float:
        """What the parts sum to."""
        return self.zero + self.excess

    @property
    def excess(self) -> float:
        """The loss less that of no output."""
        return self.false_firing - self.constant_gain - self.feature_gain


@dataclass(frozen=True)
class Moments:
    """What the loss of scale · r + shift hangs on: means over rows of sums over features."""

    n: int
    xx: float
    xr: float
    rr: float
    x: float
    r: float


@dataclass(frozen=True)
class Split:
    """The parts of a model's loss on some rows, and where the false firing is.

    Parameters
    ----------
    parts, errors : Parts
        Means over rows, and their standard errors (c taken as given).
    moments : Moments
        On the same rows.
    worst : float
        Share of the false firing that stands in the 1 % of rows with most of it.
    long_rows, long : float
        Share of the rows in which one of the 1 % of features with the longest columns of W is
        present, and share of the false firing that stands in those rows.
    """

    parts: Parts
    errors: Parts
    moments: Moments
    worst: float
    long_rows: float
    long: float


@dataclass(frozen=True)
class Share:
    """Some of the features: their share, and their parts of the gain and of the cost."""

    features: float
    feature_gain: float
    false_firing: float


@dataclass(frozen=True)
class Refit:
    """A scale and a shift fitted on some rows, and the loss that they give on others."""

    scale: float
    shift: float
    loss: float


@dataclass(frozen=True, eq=False)
class _Outputs:
    """Outputs r on some rows, without any array of rows × features.

    At the k-th non-zero: its row, its column, x and r. For each row: the squared error. For each
    feature: the mean of r over all rows, and c, that over the rows where it is absent.
    """

    row: np.ndarray
    column: np.ndarray
    x: np.ndarray
    r: np.ndarray
    errors: np.ndarray
    means: np.ndarray
    absent: np.ndarray
    c: np.ndarray

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """Sum values of the non-zeros over each row."""
        return np.bincount(self.row, values, self.errors.size)


def _outputs(W: np.ndarray, b: np.ndarray, data: Dataset) -> _Outputs:
    W, b = np.ascontiguousarray(W), np.ascontiguousarray(b)
    row = data.row_index()
    column, x = data.indices, data.values.astype(np.float64)
    # ∂loss/∂b_j is (2/T) Σ_i (r_ij − x_ij) over the rows where r_ij > 0: so Σ_i r_ij is known
    # without a pass over all pairs of our own. (In W's precision: kernels that training has
    # compiled. c need not be exact to more than that, as the parts sum to the loss for any c.)
    _, _, db = engine.loss_and_grad(W, b, data)
    h = engine.hidden(W.astype(np.float64), data)
    r = b[column].astype(np.float64)
    for W_c, h_c in zip(W, h.T, strict=True):
        r += W_c[column] * h_c[row]
    np.maximum(r, 0, out=r)
    fired = np.where(r > 0, x, 0.0)
    total = data.T / 2 * db.astype(np.float64) + np.bincount(column, fired, data.n)
    absent = data.T - np.bincount(column, minlength=data.n)
    elsewhere = total - np.bincount(column, r, data.n)
    c = np.maximum(elsewhere, 0) / np.maximum(absent, 1)
    errors = engine.loss(W, b, data, per_example=True)
    return _Outputs(row, column, x, r, errors, total / data.T, absent, c)


def _moments(o: _Outputs) -> Moments:
    T = o.errors.size
    xx, xr = float(o.x @ o.x) / T, float(o.x @ o.r) / T
    rr = float(o.errors.mean()) - xx + 2 * xr
    return Moments(o.c.size, xx, xr, rr, float(o.x.sum()) / T, float(o.means.sum()))


def moments(W: Float[np.ndarray, "m n"], b: Float[np.ndarray, " n"], data: Dataset) -> Moments:
    """Return the moments of inputs and outputs on these rows.

    Raises
    ------
    ValueError
        Where W, b and the data do not fit each other.
    """
    return _moments(_outputs(W, b, data))


def split(W: Float[np.ndarray, "m n"], b: Float[np.ndarray, " n"], data: Dataset) -> Split:
    """Split the loss of x' = ReLU(Wᵀ W x + b) on these rows into its parts.

    Parameters
    ----------
    W : (m, n) float32 or float64
        Weights.
    b : (n,) of W's type
        Bias.
    data : Dataset
        At least two rows of n features.

    Returns
    -------
    Split
        Its parts sum to ``engine.loss(W, b, data)``.

    Raises
    ------
    ValueError
        Where W, b and the data do not fit each other, or there is one row only.
    """
    o = _outputs(W, b, data)
    c = o.c[o.column]
    constant = o.by_row(o.x**2 - (o.x - c) ** 2 + c**2) - o.c @ o.c
    present = (o.x - o.r) ** 2
    feature = o.by_row((o.x - c) ** 2 - present)
    false = o.errors - o.by_row(present - c**2) - o.c @ o.c
    found = [statistics.standard_error(v) for v in (o.by_row(o.x**2), constant, feature, false)]
    loudest = np.sort(false)[::-1][: max(1, round(LOUD * data.T))]
    lengths = (np.asarray(W, np.float64) ** 2).sum(0)
    longest = np.zeros(data.n, bool)
    longest[np.argsort(-lengths, kind="stable")[: max(1, round(LOUD * data.n))]] = True
    holds = o.by_row(longest[o.column]) > 0
    total = float(false.sum()) or 1.0
    return Split(
        parts=Parts(*(mean for mean, _ in found)),
        errors=Parts(*(error for _, error in found)),
        moments=_moments(o),
        worst=float(loudest.sum()) / total,
        long_rows=float(holds.mean()),
        long=float(false[holds].sum()) / total,
    )


def shares(
    W: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, " n"],
    data: Dataset,
    group: Int[np.ndarray, " n"],
    count: int,
) -> list[Share]:
    """Divide the feature gain and the false firing among groups of features.

    Both are sums over features. That of a group is the loss with the others silenced, less what
    the present ones among those then cost.

    Parameters
    ----------
    W, b, data
        As for `split`.
    group : (n,) int
        Group of each feature, 0 … count − 1.
    count : int
        Number of groups; empty ones count as zero.

    Returns
    -------
    list of Share
        One a group; their parts sum to those of `split`.

    Raises
    ------
    ValueError
        Where W, b and the data do not fit each other.
    """
    o = _outputs(W, b, data)
    T = data.T
    gain = (o.x - o.c[o.column]) ** 2 - (o.x - o.r) ** 2
    found = []
    for k in range(count):
        inside, here = group == k, group[o.column] == k
        if not inside.any():
            found.append(Share(0.0, 0.0, 0.0))
            continue
        alone = engine.loss(W, np.where(inside, b, _SILENT).astype(b.dtype), data)
        present = np.where(here, (o.x - o.r) ** 2, o.x**2)
        constants = (o.c**2 * o.absent)[inside].sum() / T
        firing = alone - float(present.sum()) / T - float(constants)
        found.append(Share(float(inside.mean()), float(gain[here].sum()) / T, firing))
    return found


def training_mean_gain(T: int, n: int, sparsity: float) -> float:
    """Return the constant gain of a model that puts out the mean of T training points.

    A constant c gains 2c·E[x] − ‖c‖² on new points. For c = x̄, the mean of T independent points,
    E[c·E[x]] = n μ² and E‖x̄‖² = n μ² + (E‖x‖² − n μ²)/T. So in expectation it gains
    n μ² − (1 − Sⁿ − n μ²)/T: what the best constant gains, less that one's own loss over T.

    Raises
    ------
    ValueError
        Where T or n is below 1, or S not in [0, 1).
    """
    require(T >= 1, "T must be at least 1", T)
    best = theory.constant_baseline(n, sparsity)
    return theory.zero_baseline(n, sparsity) - best - best / T


# --- Refits -------------------------------------------------------------------------------------
# Each is fitted on rows of its own and judged on others.


def loss_of(m: Moments, scale: float = 1.0, shift: float = 0.0) -> float:
    """Return the loss of the output scale · r + shift, from the moments of x and r alone."""
    square = scale**2 * m.rr + 2 * scale * shift * m.r + shift**2 * m.n
    return m.xx - 2 * (scale * m.xr + shift * m.x) + square


def rescaled(fit: Moments, test: Moments) -> Refit:
    """Refit the scale of the output: it is best at Σ x r / Σ r² (0 where nothing fires)."""
    scale = fit.xr / fit.rr if fit.rr > 0 else 0.0
    return Refit(scale, 0.0, loss_of(test, scale))


def rescaled_and_shifted(fit: Moments, test: Moments) -> Refit:
    """Refit the scale of the output, and a shift common to all features.

    Ordinary least squares of x on r over all rows and features: the scale is Cov(x, r) / Var(r),
    the shift mean x − scale · mean r.
    """
    x, r = fit.x / fit.n, fit.r / fit.n
    variance = fit.rr / fit.n - r * r
    scale = (fit.xr / fit.n - x * r) / variance if variance > 0 else 0.0
    shift = x - scale * r
    return Refit(scale, shift, loss_of(test, scale, shift))


def refitted_inside(
    W: Float[np.ndarray, "m n"], b: Float[np.ndarray, " n"], fit: Dataset, test: Dataset
) -> Refit:
    """Refit scale and common shift inside the ReLU: ReLU(scale · Wᵀ W x + b + shift).

    That is a model again, of W·√scale and b + shift. A search finds it (`sdd.measures.search`),
    from scale 1 and shift 0 on: by factors, of 2 at first, and in units of the bias's root mean
    square, by half of it at first. It is a local minimum on the rows fitted.

    Raises
    ------
    ValueError
        Where W, b and the data do not fit each other.
    """
    W, b = np.asarray(W, np.float64), np.asarray(b, np.float64)
    unit = float(np.sqrt((b**2).mean())) or 1.0

    def loss(point: np.ndarray, data: Dataset = fit) -> float:
        return engine.loss(2.0 ** (point[0] / 2) * W, b + unit * point[1], data)

    best = compass(loss, (0.0, 0.0), (1.0, 0.5))
    return Refit(2.0 ** float(best[0]), unit * float(best[1]), loss(best, test))
