"""The training step in plain PyTorch, in chunks of rows, on any device that PyTorch knows.

The engine is faster on a CPU; this is the way to train on a GPU. State goes in and out as numpy
arrays, so the training loop, what it records and what it stores are the same on every device.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sdd import engine
from sdd.data import Dataset, Stream

__all__ = ["Chunks", "advance", "device_name", "find_device", "find_gpu"]

# Of a dense chunk of rows; a step holds about three of them. In float32 128 MB on a CPU, 1 GB on a
# GPU that has 16 times that: a data set that is one chunk stays filled.
CHUNK_ELEMENTS = 2**25
CHUNK_ELEMENTS_ON_GPU = 2**28

Gradient = Callable[[Tensor, Tensor], Tensor]


def device_name(device: Any) -> str:
    """Return PyTorch's own spelling of a device, "cpu" for every way of naming the CPU.

    Parameters
    ----------
    device : str or torch.device
        Such as "cuda", "cuda:1" or "mps".

    Raises
    ------
    ValueError
        Where PyTorch knows no such device. Whether this machine has one is for `find_device`.
    """
    try:
        if not isinstance(device, (str, torch.device)):
            raise TypeError
        known = torch.device(device)
    except (RuntimeError, TypeError):
        known = torch.device("meta")
    if known.type == "meta":  # PyTorch's device for shapes without numbers
        raise ValueError(
            f'device must be "cpu" or a device of PyTorch, such as "cuda", "cuda:1" or "mps", '
            f"not {device!r}"
        )
    return "cpu" if known.type == "cpu" else str(known)


def find_device(name: str, dtype: str = "float32") -> torch.device:
    """Return the device of that name, after a test that it can compute with such numbers.

    Parameters
    ----------
    name : str
        As from `device_name`.
    dtype : str
        "float32" or "float64".

    Raises
    ------
    ValueError
        Where this machine has no such device, or the device no such numbers.
    """
    device = torch.device(name)
    try:
        torch.ones(1, device=device, dtype=getattr(torch, dtype)).sum().item()
    # PyTorch's errors differ by device.
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise ValueError(
            f'there is no device "{name}" for {dtype} on this machine '
            f"({reason or type(error).__name__})"
        ) from error
    return device


def find_gpu(dtype: str = "float32") -> str:
    """Return the name of this machine's GPU for such numbers, "" where it has none.

    Parameters
    ----------
    dtype : str
        "float32" or "float64".
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    for name in (name for name, found in there.items() if found):
        with contextlib.suppress(ValueError):  # it has no such numbers
            return str(find_device(name, dtype))
    return ""


def advance(
    state: engine.State,
    data: Dataset | Stream,
    rates: Float[np.ndarray, "steps"],
    *,
    weight_decay: float,
    eps: float,
    scale: float = 1.0,
    bias_decay: float | None = None,
    threads: int = 1,
    device: torch.device,
    compiled: bool | None = None,
) -> None:
    """Take one full-batch AdamW step for each learning rate: `sdd.engine.advance` on a device.

    State and training set are copied to the device once a call; a call that fails leaves the
    state unchanged.

    Parameters
    ----------
    state : State
        Changed in place; its precision is that of the steps.
    data : Dataset or Stream
        The training set; of a stream, each step takes the batch of its own number. At most
        `CHUNK_ELEMENTS` of the T·n entries are dense at a time (or one row), more on a GPU.
    rates : (steps,) float64
        Learning rates.
    weight_decay, eps : float
        AdamW's λ and ε, as in ``torch.optim.AdamW``.
    scale : float
        Factor on the training loss: 1 for the sum over features, 1/n for their mean.
    bias_decay : float or None
        λ of the bias; None means `weight_decay`.
    threads : int
        Threads to draw the batches of a stream with.
    device : torch.device
        Where to compute.
    compiled : bool or None
        Compile the gradient with ``torch.compile``; None means on CUDA only. Where that fails,
        steps are taken without, after a warning.
    """
    data = data.copies if isinstance(data, Dataset) else data
    # W and b are one array, so that one kernel updates both. The optimizer knows one decay for
    # all of it: where b has its own, both decay here instead.
    m1W, m2W, m1b, m2b = state.moments
    arrays = (state.W, state.b), (m1W, m1b), (m2W, m2b)
    weights, m1, m2 = (torch.from_numpy(np.vstack(pair)).to(device) for pair in arrays)
    own_decay = None if bias_decay == weight_decay else bias_decay
    on_cuda = device.type == "cuda"
    optimizer = torch.optim.AdamW(
        [weights],
        lr=0.0,  # set at every step
        betas=engine.BETAS,
        eps=eps,
        weight_decay=weight_decay if own_decay is None else 0.0,
        fused=True if on_cuda else None,  # None: as PyTorch sees fit
    )
    taken = torch.tensor(float(state.steps), device=device if on_cuda else None)
    optimizer.state[weights] = {"step": taken, "exp_avg": m1, "exp_avg_sq": m2}
    gradient = _compiled_gradient if (on_cuda if compiled is None else compiled) else _gradient
    chunks: Iterable[Tensor] = Chunks(data, weights) if isinstance(data, Dataset) else ()
    for step, rate in enumerate(np.asarray(rates, np.float64).tolist(), state.steps):
        if not isinstance(data, Dataset):
            chunks = Chunks(data.at(step, threads), weights)
        # The loss is a mean over rows, so its gradient is the sum of the chunks' gradients.
        total = torch.zeros_like(weights)
        for X in chunks:
            total += gradient(weights, X)
        weights.grad = total.mul_(2 * scale / data.T)
        if own_decay is not None:
            weights[:-1] *= 1 - rate * weight_decay
            weights[-1] *= 1 - rate * own_decay
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    for (W, b), tensor in zip(arrays, (weights, m1, m2), strict=True):
        joined = tensor.cpu().numpy()
        W[...], b[...] = joined[:-1], joined[-1]
    state.steps += len(rates)


def _gradient(weights: Float[Tensor, "m+1 n"], X: Float[Tensor, "rows n"]) -> Tensor:
    """Half the gradient of Σ_i ‖x_i − x'_i‖² over the rows of X: of W, and below it of b."""
    W = weights[:-1]
    h = torch.cat([X @ W.T, X.new_ones(len(X), 1)], dim=1)  # with a one that b is the weight of
    a = h @ weights
    error = (a - X).masked_fill_(a <= 0, 0)  # what ReLU lets through; a NaN stays one
    return h.T @ error + torch.nn.functional.pad((error @ W.T).T @ X, (0, 0, 0, 1))


class _Compiled:
    """`_gradient`, compiled at its first call; not compiled where that fails."""

    function: Gradient | None = None

    def __call__(self, weights: Tensor, X: Tensor) -> Tensor:
        try:
            self.function = self.function or torch.compile(_gradient)
            return self.function(weights, X)
        except Exception as error:  # compilers raise all kinds of errors
            if self.function is _gradient:
                raise
            result = _gradient(weights, X)  # raises again what is not the compiler's error
            self.function = _gradient
            warnings.warn(
                f"torch.compile failed ({type(error).__name__}); training goes on without it, "
                "more slowly",
                stacklevel=3,
            )
            return result


_compiled_gradient = _Compiled()


def _chunk_elements(like: Tensor) -> int:
    """Return how many entries of rows are dense at a time: by the device alone, as are the bits."""
    if like.device.type != "cuda":
        return CHUNK_ELEMENTS
    memory = torch.cuda.get_device_properties(like.device).total_memory // like.element_size()
    return max(CHUNK_ELEMENTS, min(CHUNK_ELEMENTS_ON_GPU, memory // 16))


class Chunks:
    """The rows of a data set in dense chunks of about equal size, for each pass over them."""

    def __init__(self, data: Dataset, like: Tensor) -> None:
        count = -(-data.T // max(1, _chunk_elements(like) // data.n))
        self.dense = like.new_zeros(-(-data.T // count), data.n)
        positions = torch.from_numpy(data.row_index() * data.n + data.indices)
        self.parts = []  # the rows of each chunk, where its non-zeros are in it, and what
        for first, last in pairwise(k * data.T // count for k in range(count + 1)):
            some = slice(data.indptr[first], data.indptr[last])
            within = (positions[some] - first * data.n).to(like.device)
            self.parts.append((last - first, within, torch.tensor(data.values[some]).to(like)))
        if count == 1:
            self._fill(*self.parts[0][1:])

    def _fill(self, positions: Tensor, values: Tensor | float) -> None:
        self.dense.view(-1)[positions] = values

    def __iter__(self) -> Iterator[Tensor]:
        """Yield every chunk, each in the memory of the one before."""
        if len(self.parts) == 1:  # it stays filled
            yield self.dense
            return
        for rows, positions, values in self.parts:
            self._fill(positions, values)
            yield self.dense[:rows]
            self._fill(positions, 0.0)  # clears the non-zeros only, not the whole chunk
