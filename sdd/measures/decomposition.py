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
explains. Where W, b and the data do not fit each other, a ValueError says so.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from sdd import engine, theory
from sdd.data import Dataset
from sdd.theory.arguments import require

__all__ = [
    "Moments",
    "Outputs",
    "false_firing_of_groups",
    "holds_a_long_column",
    "moments",
    "outputs",
    "row_parts",
    "training_mean_gain",
]

_SILENT = -1e9  # a bias at which a feature never fires


@dataclass(frozen=True)
class Moments:
    """What the loss of scale · r + shift depends on: means over rows of sums over features.

    Parameters
    ----------
    n : int
        Number of features.
    xx, xr, rr : float
        Means of Σ_j x_j², Σ_j x_j r_j and Σ_j r_j², of inputs x and outputs r.
    x, r : float
        Means of Σ_j x_j and Σ_j r_j.

    Examples
    --------
    >>> from sdd.measures.decomposition import Moments
    >>> half = Moments(n=10, xx=1.0, xr=0.5, rr=0.25, x=2.0, r=1.0)  # outputs are x / 2
    >>> half.xx - 2 * half.xr + half.rr  # their loss
    0.25
    """

    n: int
    xx: float
    xr: float
    rr: float
    x: float
    r: float


@dataclass(frozen=True, eq=False)
class Outputs:
    """Outputs r on some rows, without any array of rows × features.

    Parameters
    ----------
    row, column : (nnz,) int array
        Of each non-zero of the data.
    x, r : (nnz,) array
        Value and output there.
    errors : (T,) array
        Squared error of each row.
    times : (T,) int array
        How many times each row counts, in what follows too.
    means : (n,) array
        Mean output of each feature, over all rows.
    absent : (n,) int array
        In how many rows each feature is absent.
    c : (n,) array
        Mean output of each feature, over those rows.

    Examples
    --------
    >>> from sdd.measures.decomposition import outputs
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100))
    >>> found = outputs(run.W, run.b, data)
    >>> found.errors.shape, found.c.shape
    ((5,), (50,))
    """

    row: np.ndarray
    column: np.ndarray
    x: np.ndarray
    r: np.ndarray
    errors: np.ndarray
    times: np.ndarray
    means: np.ndarray
    absent: np.ndarray
    c: np.ndarray

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """Sum values of the non-zeros over each row.

        Parameters
        ----------
        values : (nnz,) array
            One a non-zero.

        Returns
        -------
        (T,) array
            The sums.

        Examples
        --------
        >>> from sdd.measures.decomposition import outputs
        >>> data = sdd.sample(5, n=50, sparsity=0.9)
        >>> run = sdd.train(data, sdd.TrainConfig(steps=100))
        >>> found = outputs(run.W, run.b, data)
        >>> found.by_row(found.x**2).round(3)  # rows have unit norm
        array([1., 1., 1., 1., 1.])
        """
        return np.bincount(self.row, values, self.errors.size)


def outputs(W: np.ndarray, b: np.ndarray, data: Dataset) -> Outputs:
    """Return what `row_parts` and `moments` are made of, for where both are asked for.

    Parameters
    ----------
    W, b, data
        As for `row_parts`.

    Returns
    -------
    Outputs
        Of x' = ReLU(Wᵀ W x + b) on these rows.

    Examples
    --------
    >>> from sdd.measures.decomposition import moments, outputs, row_parts
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100))
    >>> known = outputs(run.W, run.b, data)
    >>> parts, sums = (f(run.W, run.b, data, known) for f in (row_parts, moments))
    """
    W, b = np.ascontiguousarray(W), np.ascontiguousarray(b)
    row = data.row_index()
    column, x = data.indices, data.values.astype(np.float64)
    times = np.ones(data.T, np.int64) if data.counts is None else data.counts
    # ∂loss/∂b_j is (2/T) Σ_i (r_ij − x_ij) over the rows where r_ij > 0: so Σ_i r_ij is known
    # without another pass over all pairs. (In W's precision: kernels that training has
    # compiled. c need not be exact to more than that, as the parts sum to the loss for any c.)
    _, _, db = engine.loss_and_grad(W, b, data)
    h = engine.hidden(W.astype(np.float64), data)
    r = b[column].astype(np.float64)
    for W_c, h_c in zip(W, h.T, strict=True):
        r += W_c[column] * h_c[row]
    np.maximum(r, 0, out=r)
    each, T = times[row], data.total
    fired = np.where(r > 0, x, 0.0)
    total = T / 2 * db.astype(np.float64) + np.bincount(column, each * fired, data.n)
    absent = T - np.bincount(column, each, data.n).astype(np.int64)
    elsewhere = total - np.bincount(column, each * r, data.n)
    c = np.maximum(elsewhere, 0) / np.maximum(absent, 1)
    errors = engine.loss(W, b, data, per_example=True)
    return Outputs(row, column, x, r, errors, times, total / T, absent, c)


def row_parts(
    W: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, " n"],
    data: Dataset,
    known: Outputs | None = None,
) -> pd.DataFrame:
    """Split the loss of x' = ReLU(Wᵀ W x + b) on each of these rows into its parts.

    Parameters
    ----------
    W : (m, n) float32 or float64
        Weights.
    b : (n,) of W's type
        Bias.
    data : Dataset
        Rows of n features.
    known : Outputs or None
        The `outputs` of these; None: they are computed.

    Returns
    -------
    DataFrame
        A row each, as many times as it counts: ``zero``, ``constant_gain``, ``feature_gain`` and
        ``false_firing``. Their means are the parts of the loss; their standard errors take c as
        given.

    Examples
    --------
    >>> from sdd.measures.decomposition import row_parts
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> test = sdd.sample(1_000, n=50, sparsity=0.9, split="test")
    >>> p = row_parts(run.W, run.b, test).mean()
    >>> loss = p["zero"] - p["constant_gain"] - p["feature_gain"] + p["false_firing"]
    >>> bool(abs(loss - sdd.loss(run.W, run.b, test)) < 1e-4)
    True
    """
    o = known or outputs(W, b, data)
    c, constant = o.c[o.column], float(o.c @ o.c)
    present = (o.x - o.r) ** 2
    parts = pd.DataFrame(
        {
            "zero": o.by_row(o.x**2),
            "constant_gain": o.by_row(o.x**2 - (o.x - c) ** 2 + c**2) - constant,
            "feature_gain": o.by_row((o.x - c) ** 2 - present),
            "false_firing": o.errors - o.by_row(present - c**2) - constant,
        }
    )
    again = np.repeat(np.arange(data.T), o.times)
    return parts if data.counts is None else parts.take(again).reset_index(drop=True)


def holds_a_long_column(
    W: Float[np.ndarray, "m n"], data: Dataset, share: float
) -> Bool[np.ndarray, " T"]:
    """Return in which rows one of the given share of features is present: those of longest column.

    Parameters
    ----------
    W : (m, n) array
        Weights. Of equally long columns, those that come first are taken.
    data : Dataset
        T rows of n features.
    share : float
        Share of the features that counts as longest, in [0, 1]; at least one feature counts.

    Returns
    -------
    (T,) bool array
        True where a row holds one of them.

    Examples
    --------
    >>> from sdd.measures.decomposition import holds_a_long_column
    >>> data = sdd.Dataset.from_dense(np.eye(4))
    >>> holds_a_long_column(np.array([[0.1, 0.9, 0.2, 0.0]]), data, share=0.25)
    array([False,  True, False, False])
    """
    squares = (np.asarray(W, np.float64) ** 2).sum(0)
    longest = np.zeros(data.n, bool)
    longest[np.argsort(-squares, kind="stable")[: max(1, round(share * data.n))]] = True
    row = data.row_index()
    return np.bincount(row, longest[data.indices], data.T) > 0


def false_firing_of_groups(
    W: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, " n"],
    data: Dataset,
    group: Int[np.ndarray, " n"],
    count: int,
) -> Float[np.ndarray, " count"]:
    """Divide the false firing, a sum over features, among groups of features.

    That of a group is the loss with the other features silenced, less what the present features
    then cost.

    Parameters
    ----------
    W, b, data
        As for `row_parts`.
    group : (n,) int
        Group of each feature, 0 … count − 1; one without features has no false firing.
    count : int
        Number of groups.

    Returns
    -------
    (count,) array
        False firing of each group; they sum to that of the model.

    Examples
    --------
    >>> from sdd.measures.decomposition import false_firing_of_groups, row_parts
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> test = sdd.sample(1_000, n=50, sparsity=0.9, split="test")
    >>> halves = false_firing_of_groups(run.W, run.b, test, np.arange(50) // 25, 2)
    >>> whole = row_parts(run.W, run.b, test)["false_firing"].mean()
    >>> bool(abs(halves.sum() - whole) < 1e-4)
    True
    """
    data = data.copies
    o = outputs(W, b, data)
    found = np.zeros(count)
    for k in np.unique(group):
        inside = group == k
        loss = engine.loss(W, np.where(inside, b, _SILENT).astype(b.dtype), data)
        present = np.where(inside[o.column], (o.x - o.r) ** 2, o.x**2).sum()
        constants = (o.c**2 * o.absent)[inside].sum()
        found[k] = loss - (present + constants) / data.T
    return found


def moments(
    W: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, " n"],
    data: Dataset,
    known: Outputs | None = None,
) -> Moments:
    """Return the moments of inputs and outputs on these rows.

    Parameters
    ----------
    W, b, data, known
        As for `row_parts`.

    Returns
    -------
    Moments
        What refits of the output depend on (see `refits`).

    Examples
    --------
    >>> from sdd.measures.decomposition import moments
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = moments(run.W, run.b, data)
    >>> round(found.xx, 3), round(found.xr / found.rr, 1)  # all five are memorised: r is about x
    (1.0, 1.0)
    """
    o = known or outputs(W, b, data)
    T, x = data.total, o.times[o.row] * o.x
    xx, xr = float(x @ o.x) / T, float(x @ o.r) / T
    rr = data.mean(o.errors) - xx + 2 * xr
    return Moments(data.n, xx, xr, rr, float(x.sum()) / T, float(o.means.sum()))


def training_mean_gain(T: int, n: int, sparsity: float) -> float:
    """Return the constant gain of a model that puts out the mean of T training points.

    A constant c gains 2c·E[x] − ‖c‖² on new points. For c = x̄, the mean of T independent points,
    E[c·E[x]] = n μ² and E‖x̄‖² = n μ² + (E‖x‖² − n μ²)/T. So in expectation it gains
    n μ² − (1 − Sⁿ − n μ²)/T: what the best constant gains, less that one's own loss over T.

    Parameters
    ----------
    T : int
        Number of training points.
    n : int
        Number of features.
    sparsity : float
        Probability S in [0, 1) that a feature is zero.

    Returns
    -------
    float
        In the loss's unit, the summed form; negative where T is small.

    Raises
    ------
    ValueError
        Where T or n is below 1, or S not in [0, 1).

    Examples
    --------
    >>> from sdd.measures.decomposition import training_mean_gain
    >>> training_mean_gain(10, n=1_000, sparsity=0.99) < 0
    True
    >>> training_mean_gain(1_000, n=1_000, sparsity=0.99) > 0
    True
    """
    require(T >= 1, "T must be at least 1", T)
    best = theory.constant_baseline(n, sparsity)
    return theory.zero_baseline(n, sparsity) - best - best / T
