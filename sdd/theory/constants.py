"""What outputs that ignore the input score."""

import math

import numpy as np
from jaxtyping import Float
from scipy.integrate import quad

from sdd.data import Dataset
from sdd.theory.arguments import require, require_law

__all__ = [
    "constant_baseline", "constant_loss", "feature_mean", "linear_loss", "zero_baseline",
]  # fmt: skip


def zero_baseline(n: int, sparsity: float) -> float:
    """Return the expected loss of the all-zero output: 1 − Sⁿ, rows of zeros losing nothing.

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
    >>> round(sdd.theory.zero_baseline(n=1_000, sparsity=0.99), 6)
    0.999957
    """
    require_law(n, sparsity)
    return 1 - sparsity**n


def feature_mean(n: int, sparsity: float) -> float:
    """Return μ = E[x_i] over the data's law, rows of zeros included, to about 1e-10 of its size.

    With v_i = u_i (u uniform on [0, 1]) with probability p and 0 otherwise, x_i = v_i/√q for
    q = Σ_j v_j². As 1/√q = (2/√π) ∫₀^∞ exp(−q s²) ds, the expectation factors over features:
    μ = (2/√π) ∫₀^∞ p A(s) (1 − p + p B(s))ⁿ⁻¹ ds, where A(s) = E[u exp(−u²s²)] =
    (1 − exp(−s²))/(2s²) and B(s) = E[exp(−u²s²)] = √π erf(s)/(2s). The binomial number of active
    features is summed in closed form, and zero rows contribute nothing, as they should.

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
    >>> data = sdd.sample(T=50, n=1_000, sparsity=0.99)
    >>> print(f"{sdd.theory.feature_mean(1_000, 0.99):.5f}, drawn {data.values.sum() / 50_000:.4f}")
    0.00272, drawn 0.0027
    """
    require_law(n, sparsity)
    p = 1 - sparsity

    def integrand(s: float) -> float:
        A = -math.expm1(-(s**2)) / (2 * s**2)
        B = math.sqrt(math.pi) / 2 * math.erf(s) / s
        return p * A * (1 - p + p * B) ** (n - 1)

    integral, _ = quad(integrand, 0, math.inf, epsabs=0, epsrel=1e-13, limit=500)
    return 2 / math.sqrt(math.pi) * integral


def constant_baseline(n: int, sparsity: float) -> float:
    """Return the expected loss of the best constant output, μ for every feature: 1 − Sⁿ − n μ².

    E‖x − c‖² = E‖x‖² − 2c·E[x] + ‖c‖² is least at c = E[x] = μ·1. A model reaches it with W = 0
    and b = μ.

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
    What a model scores that has neither memorised nor generalised:

    >>> round(sdd.theory.constant_baseline(n=10_000, sparsity=0.999), 5)
    0.99921
    """
    return zero_baseline(n, sparsity) - n * feature_mean(n, sparsity) ** 2


def linear_loss(T: float, m: int, n: int, sparsity: float) -> float:
    """Return about what the model x' = Wᵀ W x + b, trained on T points, loses on new ones.

    At its minimum WᵀW = P projects on the m leading principal components of the training set, and
    b = (1 − P) x̄. Features are exchangeable and nearly uncorrelated, each of variance L/n with L
    the `constant_baseline`: so on new points any P loses all but the share m/n, and the mean x̄ of T
    points costs 1/T of what is left: L (1 − m/n)(1 + 1/T). It falls with T, and has no bump.

    Parameters
    ----------
    T : int or math.inf
        Number of data points.
    m : int
        Hidden dimensions.
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
    >>> [round(sdd.theory.linear_loss(T, 2, 1_000, 0.99), 4) for T in (10, 100, 1_000)]
    [1.0896, 1.0005, 0.9916]
    """
    return constant_baseline(n, sparsity) * (1 - m / n) * (1 + 1 / T)


def constant_loss(
    data: Dataset, c: float | Float[np.ndarray, " n"], *, per_example: bool = False
) -> float | Float[np.ndarray, " T"]:
    """Return the loss on these rows of the output c, whatever the input.

    ‖x − c‖² = ‖c‖² + Σ_{i active} x_i (x_i − 2c_i), from the non-zeros alone. For the best
    constant pass c = `feature_mean` of the data's law: the mean of a test set knows the test set.

    Parameters
    ----------
    data : Dataset
        The rows.
    c : float or (n,) array
        The output; not negative, as a ReLU's cannot be. 0 gives the all-zero output.
    per_example : bool
        Return the losses of the rows (for their standard error), not their mean.

    Returns
    -------
    float, or (T,) float64

    Raises
    ------
    ValueError
        Where c has another shape, or an entry that is negative or not a number.

    Examples
    --------
    >>> data = sdd.sample(T=1_000, n=1_000, sparsity=0.99)
    >>> best = sdd.theory.feature_mean(1_000, 0.99)
    >>> [round(sdd.theory.constant_loss(data, c), 3) for c in (0, best, 2 * best)]
    [1.0, 0.993, 1.0]
    """
    output = np.asarray(c, np.float64)
    require(output.shape in ((), (data.n,)), f"c must be a number or ({data.n},)", output.shape)
    require(bool((output >= 0).all()), "c must not be negative", float(output.min()))
    output = np.broadcast_to(output, (data.n,))
    x = data.values.astype(np.float64)
    losses = (
        np.bincount(data.row_index(), x * (x - 2 * output[data.indices]), data.T) + output @ output
    )
    return losses if per_example else data.mean(losses)
