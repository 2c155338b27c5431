"""Steps and losses of a model of one's own, by PyTorch's autograd, on any device.

The model is a subclass of `sdd.model.ReLUOutput`. Its state is the engine's: W, b and their
moments, and in `State.others` its other parameters "NAME" with their moments "m1 NAME", "m2 NAME".
On a CPU it takes one thread, so that a run has the same bits on any machine of its kind.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset, Stream
from sdd.engine.torch_step import Chunks, find_device
from sdd.model import ReLUOutput
from sdd.threads import free_after_fork

__all__ = ["advance", "errors", "hidden", "initial_others", "module_of"]

# PyTorch has one source of random numbers, and one number of threads for threads to come.
_shared = threading.RLock()
_before: list[int] = []  # that number, once for each thread that is at work here
_here = threading.local()
free_after_fork(_shared)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch take one thread here: the same bits, and a forked child may have no others."""
    if getattr(_here, "at_work", False):
        yield
        return
    with _shared:
        before = _before[0] if _before else torch.get_num_threads()
        _before.append(before)
        torch.set_num_threads(1)
    _here.at_work = True
    try:
        yield
    finally:
        _here.at_work = False
        with _shared:
            _before.remove(before)
            torch.set_num_threads(before)


@_one_thread()
def initial_others(model: type[ReLUOutput], n: int, m: int, seed: int) -> dict[str, np.ndarray]:
    """Return the initial parameters besides W and b, of a seed, with moments of zero.

    Raises
    ------
    ValueError
        Where the model's W or b has another shape than the paper's, or it has buffers, which no
        training changes and no store keeps.
    """
    with _shared, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = model(n, m)
    found = {name: p.detach().numpy() for name, p in made.named_parameters()}
    shapes = [found.pop(name, np.empty(0)).shape for name in ("W", "b")]
    if shapes != [(m, n), (n,)]:
        raise ValueError(
            f"{model.__name__} must have W ({m}, {n}) and b ({n},), but they are {shapes[0]} and "
            f"{shapes[1]}"
        )
    if buffers := [name for name, _ in made.named_buffers()]:
        raise ValueError(
            f"{model.__name__} must hold all that it is in parameters, but {buffers[0]} is a buffer"
        )
    moments = {f"{k} {name}": np.zeros_like(p) for name, p in found.items() for k in ("m1", "m2")}
    return found | moments


@_one_thread()
def module_of(
    model: type[ReLUOutput],
    W: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, "n"],
    others: dict[str, np.ndarray],
    device: str = "cpu",
) -> ReLUOutput:
    """Return the model with given weights (copied), in W's precision."""
    arrays = {"W": W, "b": b} | engine.parameters(others)
    with _shared, torch.random.fork_rng(devices=[]):  # the caller's numbers stay as they are
        made = model(W.shape[1], W.shape[0])
    made = made.to(device, getattr(torch, W.dtype.name))
    made.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    return made


@_one_thread()
def advance(
    state: engine.State,
    data: Dataset | Stream,
    rates: Float[np.ndarray, "steps"],
    *,
    model: type[ReLUOutput],
    weight_decay: float,
    eps: float,
    scale: float = 1.0,
    bias_decay: float | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> None:
    """Take one full-batch AdamW step for each learning rate, down the mean of `objective`.

    Parameters are those of `sdd.engine.advance`; ``scale`` is a factor on the objective, ``device``
    where to compute. All parameters but b decay by ``weight_decay``. A call that fails leaves the
    state unchanged.

    Raises
    ------
    ValueError
        Where `objective` does not return one loss for each point.
    """
    find_device(device, state.W.dtype.name)
    data = data.copies if isinstance(data, Dataset) else data
    module = module_of(model, state.W, state.b, state.others, device)
    m1W, m2W, m1b, m2b = state.moments
    arrays = {"W": (state.W, m1W, m2W), "b": (state.b, m1b, m2b)}
    for name, array in engine.parameters(state.others).items():
        arrays[name] = array, state.others[f"m1 {name}"], state.others[f"m2 {name}"]
    decays = dict.fromkeys(arrays, weight_decay)
    decays["b"] = weight_decay if bias_decay is None else bias_decay
    tensors = dict(module.named_parameters())
    optimizer = torch.optim.AdamW(
        [{"params": [p], "weight_decay": decays[name]} for name, p in tensors.items()],
        lr=0.0,  # set at every step
        betas=engine.BETAS,
        eps=eps,
    )
    for name, p in tensors.items():
        m1, m2 = (torch.tensor(a).to(p) for a in arrays[name][1:])
        taken = torch.tensor(float(state.steps))
        optimizer.state[p] = {"step": taken, "exp_avg": m1, "exp_avg_sq": m2}
    chunks: Any = Chunks(data, module.b) if isinstance(data, Dataset) else None
    for step, rate in enumerate(np.asarray(rates, np.float64).tolist(), state.steps):
        if not isinstance(data, Dataset):
            chunks = Chunks(data.at(step, threads), module.b)
        optimizer.zero_grad()
        for X in chunks:
            each = module.objective(X)
            if each.shape != X.shape[:1]:
                raise ValueError(
                    f"{model.__name__}.objective must return one loss for each of the "
                    f"{len(X)} points, not an array of shape {tuple(each.shape)}"
                )
            (each.sum() * (scale / data.T)).backward()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    for name, p in tensors.items():
        ends = p, *(optimizer.state[p][key] for key in ("exp_avg", "exp_avg_sq"))
        for array, tensor in zip(arrays[name], ends, strict=True):
            array[...] = tensor.detach().cpu().numpy()
    state.steps += len(rates)


def errors(module: ReLUOutput, data: Dataset) -> Float[np.ndarray, "T"]:
    """Return the squared error of each point, in float64."""
    return np.concatenate([e.double().cpu().numpy() for e in _each(module, module.errors, data)])


def hidden(module: ReLUOutput, data: Dataset) -> Float[np.ndarray, "T m"]:
    """Return the hidden vector of each point."""
    return np.concatenate([h.cpu().numpy() for h in _each(module, module.hidden, data)])


def _each(module: ReLUOutput, method: Any, data: Dataset) -> Iterator[torch.Tensor]:
    with _one_thread(), torch.no_grad():
        for X in Chunks(data, module.b.detach()):
            yield method(X).clone()  # (a method may return a part of X, whose memory is used again)
