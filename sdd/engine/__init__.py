"""Exact loss, gradient and training steps, fast on a CPU. README.md has the idea in one page.

Arrays in and out are numpy, W (m, n) and b (n,); whatever the training loss was divided by, a
loss here is the squared error summed over features and averaged over rows.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, overload

import numpy as np
from jaxtyping import Float

from sdd.data import Dataset, Stream, as_dataset, sample, whole_number
from sdd.engine import arranged
from sdd.engine.choice import LEAST, prunes, threads_for, tiled
from sdd.engine.loss import squared_errors
from sdd.engine.sparse import hidden_columns
from sdd.engine.step import BETAS, AllPairs, Step
from sdd.engine.tiles import Tiles
from sdd.kernels import announced

__all__ = [
    "BETAS",
    "State",
    "advance",
    "check_shapes",
    "hidden",
    "loss",
    "loss_and_grad",
    "parameters",
    "warm_up",
]

MOMENTS = ("m1W", "m2W", "m1b", "m2b")  # AdamW's first and second, of W and of b
OTHER = "other:"  # before the names of other parameters
ORDERS = ("points", "features", "scale")  # what the pruned step works in: see arranged.py


def check_shapes(W: np.ndarray, b: np.ndarray, data: Dataset) -> None:
    """Refuse weights that are not W (m, n) and b (n,), of one real type, for the data's n.

    Parameters
    ----------
    W : (m, n) float32 or float64
        Weights.
    b : (n,) of W's type
        Bias.
    data : Dataset
        T points of n features.

    Raises
    ------
    ValueError
        Where they are not; the message says which rule is broken.

    Examples
    --------
    >>> sdd.engine.check_shapes(np.zeros((2, 9)), np.zeros(9), sdd.sample(3, n=10, sparsity=0.5))
    Traceback (most recent call last):
    ValueError: W has 9 columns, but the data have n = 10 features
    """
    W, b = np.asarray(W), np.asarray(b)
    if W.ndim != 2 or W.shape[0] < 1 or b.shape != W.shape[1:]:
        raise ValueError(f"W must be (m, n) and b (n,), but they are {W.shape} and {b.shape}")
    if W.shape[1] != data.n:
        raise ValueError(f"W has {W.shape[1]} columns, but the data have n = {data.n} features")
    if W.dtype not in (np.float32, np.float64) or b.dtype != W.dtype:
        raise ValueError(
            f"W and b must both be float32 or both float64, not {W.dtype} and {b.dtype}"
        )


def hidden(W: Float[np.ndarray, "m n"], data: Dataset) -> Float[np.ndarray, "T m"]:
    """Return the hidden vectors h_i = W x_i.

    Parameters
    ----------
    W : (m, n) float32 or float64
        Weights.
    data : Dataset
        T points of n features.

    Returns
    -------
    (T, m) array of W's type

    Raises
    ------
    ValueError
        Where W does not fit the data.

    Examples
    --------
    >>> W = np.array([[1, 0, -1, 0], [0, 1, 0, -1]], np.float32)
    >>> sdd.hidden(W, sdd.Dataset.from_dense(np.eye(4)))
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  0.],
           [ 0., -1.]], dtype=float32)
    """
    W, data = np.ascontiguousarray(W), as_dataset(data)
    check_shapes(W, np.zeros(W.shape[-1:], W.dtype), data)
    return np.ascontiguousarray(hidden_columns(W, data).T)


@overload
def loss(
    W: np.ndarray, b: np.ndarray, data: Dataset, per_example: Literal[False] = False
) -> float: ...
@overload
def loss(W: np.ndarray, b: np.ndarray, data: Dataset, per_example: Literal[True]) -> np.ndarray: ...
def loss(
    W: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, "n"],
    data: Dataset,
    per_example: bool = False,
) -> float | Float[np.ndarray, "T"]:
    """Return L = (1/T) Σ_i ‖x_i − ReLU(Wᵀ W x_i + b)‖², computed in float64.

    Where points count several times, it is a mean over all of these times.

    Parameters
    ----------
    W : (m, n) float32 or float64
        Weights.
    b : (n,) of W's type
        Bias.
    data : Dataset
        T points of n features.
    per_example : bool
        Return the T squared errors instead of their mean.

    Returns
    -------
    float, or (T,) float64
        Never negative.

    Raises
    ------
    ValueError
        Where W, b and the data do not fit each other.

    Examples
    --------
    Four features as the corners of a square are told apart without any bias:

    >>> W, b = np.array([[1.0, 0, -1, 0], [0, 1, 0, -1]]), np.zeros(4)
    >>> points = sdd.Dataset.from_dense([[1, 0, 0, 0], [0.6, 0, 0.8, 0]])
    >>> sdd.loss(W, b, points, per_example=True).round(6)  # opposite corners cancel
    array([0.  , 0.72])
    """
    data = as_dataset(data)
    check_shapes(W, b, data)
    errors = squared_errors(W, b, data)
    return errors if per_example else data.mean(errors)


def loss_and_grad(
    W: Float[np.ndarray, "m n"], b: Float[np.ndarray, "n"], data: Dataset, threads: int = 1
) -> tuple[float, Float[np.ndarray, "m n"], Float[np.ndarray, "n"]]:
    """Return (loss, dW, db): the loss of `loss`, and its gradient in W's own precision.

    Parameters
    ----------
    W : (m, n) float32 or float64
        Weights.
    b : (n,) of W's type
        Bias.
    data : Dataset
        T points of n features.
    threads : int
        Threads it may use, where there is enough work for them; the result has the same bits on
        any number.

    Returns
    -------
    (float, (m, n) array, (n,) array)

    Raises
    ------
    ValueError
        Where W, b and the data do not fit each other.

    Examples
    --------
    >>> data = sdd.sample(T=30, n=50, sparsity=0.9)
    >>> W, b = np.full((2, 50), 0.1, np.float32), np.zeros(50, np.float32)
    >>> loss, dW, db = sdd.loss_and_grad(W, b, data)
    >>> loss > sdd.loss(W - 0.1 * dW, b - 0.1 * db, data)
    True
    """
    data, threads = as_dataset(data), whole_number("threads", threads, 1)
    check_shapes(W, b, data)
    W, b = np.ascontiguousarray(W), np.ascontiguousarray(b)
    value, data = loss(W, b, data), data.copies
    sizes = W.shape[0], data.n, data.T
    threads = threads_for(data.n, data.T, threads)
    if prunes(*sizes):
        dW, db = arranged.gradient(W, b, data, threads)
    else:
        step = _step_on(State(W, b), data, threads)
        step.differentiate(W, b)
        dW, db = step.dW, step.db
    factor = W.dtype.type(2 / data.T)
    return value, factor * dW, factor * db


def parameters(others: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return, of a state's `others`, the parameters themselves, without their moments.

    Parameters
    ----------
    others : dict of arrays
        As of `State`: parameters besides W and b, and their moments.

    Returns
    -------
    dict of arrays

    Examples
    --------
    >>> others = {"U": np.ones(3), "m1 U": np.zeros(3), "m2 U": np.zeros(3)}
    >>> list(sdd.engine.parameters(others))
    ['U']
    """
    return {name: array for name, array in others.items() if " " not in name}


@dataclass
class State:
    """Weights in training, with AdamW's moments and the number of steps taken.

    `orders` are those in which the pruned step takes points and features; sums depend on them,
    so they are part of the state.

    Parameters
    ----------
    W : (m, n) array
        Weights, copied.
    b : (n,) array
        Bias, copied.
    steps : int
        Steps taken.
    others : dict of arrays
        The other parameters of a model of one's own, and the moments "m1 NAME" and "m2 NAME" of
        each (see `torch_model`).
    """

    W: np.ndarray
    b: np.ndarray
    steps: int = 0
    moments: tuple[np.ndarray, ...] = field(init=False)
    orders: dict[str, np.ndarray] = field(init=False, default_factory=dict)
    others: dict[str, np.ndarray] = field(default_factory=dict)
    last_step: Step | None = field(init=False, default=None, repr=False)  # kept: changes no bit

    def __post_init__(self) -> None:
        self.W, self.b = np.array(self.W, order="C"), np.array(self.b)  # copies: updated in place
        W, b = self.W, self.b
        self.moments = (np.zeros_like(W), np.zeros_like(W), np.zeros_like(b), np.zeros_like(b))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything but `steps` that the next step depends on, by name: not copies."""
        own = zip(("W", "b", *MOMENTS), (self.W, self.b, *self.moments), strict=True)
        others = {f"{OTHER}{name}": array for name, array in self.others.items()}
        return dict(own) | self.orders | others

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], steps: int) -> "State":
        """Return the state that had these `arrays`: it goes on with the same bits.

        Parameters
        ----------
        arrays : dict of arrays
            As of `arrays`.
        steps : int
            Steps taken.

        Returns
        -------
        State

        Examples
        --------
        >>> state = sdd.engine.State(np.ones((2, 5)), np.zeros(5), steps=7)
        >>> again = sdd.engine.State.from_arrays(state.arrays(), state.steps)
        >>> again.steps, np.array_equal(again.W, state.W)
        (7, True)
        """
        state = cls(arrays["W"], arrays["b"], steps)
        state.moments = tuple(np.array(arrays[name]) for name in MOMENTS)
        state.orders = {name: np.array(arrays[name]) for name in ORDERS if name in arrays}
        others = {name: array for name, array in arrays.items() if name.startswith(OTHER)}
        state.others = {name.removeprefix(OTHER): np.array(a) for name, a in others.items()}
        return state


def advance(
    state: State,
    data: Dataset | Stream,
    rates: Float[np.ndarray, "steps"],
    *,
    weight_decay: float,
    eps: float,
    scale: float = 1.0,
    bias_decay: float | None = None,
    threads: int = 1,
) -> None:
    """Take one full-batch AdamW step for each learning rate, in place.

    Parameters
    ----------
    state : State
        Changed in place.
    data : Dataset or Stream
        The training set; of a stream, each step takes the batch of its own number.
    rates : (steps,) float64
        Learning rates.
    weight_decay, eps : float
        AdamW's λ and ε, as in ``torch.optim.AdamW``.
    scale : float
        Factor on the training loss: 1 for the sum over features, 1/n for their mean.
    bias_decay : float or None
        λ of the bias; None means `weight_decay`, as for the weights.
    threads : int
        Threads it may use, where there is enough work for them; the result has the same bits on
        any number.

    Examples
    --------
    >>> data = sdd.sample(T=30, n=50, sparsity=0.9)
    >>> W, b = np.full((2, 50), 0.1, np.float32), np.zeros(50, np.float32)
    >>> state = sdd.engine.State(W, b)
    >>> sdd.engine.advance(state, data, np.full(100, 1e-2), weight_decay=0.01, eps=1e-8)
    >>> state.steps, sdd.loss(W, b, data) > sdd.loss(state.W, state.b, data)
    (100, True)
    """
    rates = np.asarray(rates, np.float64)
    data = data.copies if isinstance(data, Dataset) else data
    threads = threads_for(data.n, data.T, threads)
    decays = float(weight_decay), float(weight_decay if bias_decay is None else bias_decay)
    # Moments are flushed to zero before they can become denormal.
    tiny = 10.0 * float(np.finfo(state.W.dtype).tiny)
    how = 2.0 * scale / data.T, (*decays, *BETAS, float(eps)), tiny
    if prunes(state.W.shape[0], data.n, data.T):
        arranged.advance(state, data, rates, *how, threads)
    elif isinstance(data, Stream):
        for t in range(rates.size):
            batch = data.at(state.steps, threads)
            _step_on(state, batch, threads).advance(state, rates[t : t + 1], *how)
    else:
        _step_on(state, data, threads).advance(state, rates, *how)


def _step_on(state: State, data: Dataset, threads: int) -> Step:
    """Return the steps on a training set: the state's last ones where they were on it too."""
    step = state.last_step
    if step is None or step.data is not data or step.threads != threads:
        m, n = state.W.shape
        kind = Tiles if tiled(m, n, data.T) else AllPairs
        step = state.last_step = kind(m, n, data, state.W.dtype, threads)
    return step


def warm_up(ms: Iterable[int] = (2,), quiet: bool = False) -> None:
    """Compile the kernels, or read them from the cache on disk, before they are needed.

    Those for one thread, data sets and float32 only; others when they are first used.

    Parameters
    ----------
    ms : iterable of int
        The hidden dimensions to come: some have kernels of their own.
    quiet : bool
        Do not say on stderr that kernels are compiled.

    Examples
    --------
    >>> sdd.engine.warm_up(ms=(2,), quiet=True)
    """
    with contextlib.nullcontext() if quiet else announced():
        _take_steps(2, Dataset.from_dense(np.eye(4, dtype=np.float32)))
        many = sample(LEAST, LEAST, 0.9)
        # (One m serves for all that go the same way; of tiles the fourth step uses lists.)
        ways = {(tiled(m, LEAST, LEAST), m > 2): m for m in ms}
        for m in ways.values():
            _take_steps(m, many)


def _take_steps(m: int, data: Dataset) -> None:
    state = State(np.zeros((m, data.n), np.float32), np.zeros(data.n, np.float32))
    advance(state, data, np.zeros(4), weight_decay=0.0, eps=1e-8)
    loss(state.W, state.b, data)
