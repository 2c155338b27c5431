"""The ReLU-output model in plain PyTorch: what a reader knows, and the oracle of the engine.

It is also what a model or a loss of one's own starts from: see `ReLUOutput`.
"""

import hashlib
import inspect
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["ReLUOutput", "find_model", "model_name"]


class ReLUOutput(nn.Module):
    """h = W x, x' = ReLU(Wᵀ h + b), with the same W down and up (section "Experiment Setup").

    Written to be read, not to be fast: it makes every zero of the sparse data explicit, T·n of
    them. `sdd.loss` and `sdd.train` compute the same through `sdd.engine`.

    **A model of your own** is a subclass with another `hidden`, `forward` or `__init__` (whose
    arguments are n and m; further parameters are trained, stored and fetched with W and b); a
    **loss of your own** one with another `objective`. Give it to `sdd.train` or to `sdd.RunSpec` as
    ``model``: it goes through the same training loop, store and measures, and losses are still
    reported as squared errors, so that runs can be compared.

    Parameters
    ----------
    n, m : int
        Features and hidden dimensions. W starts as Xavier (Glorot) normal, b at zero.

    Attributes
    ----------
    W : (m, n) parameter
        Column i is the embedding of feature i.
    b : (n,) parameter
        Bias of the outputs.

    Examples
    --------
    >>> class HiddenReLU(sdd.ReLUOutput):
    ...     def hidden(self, x):
    ...         return super().hidden(x).relu()
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100), model=HiddenReLU)
    >>> bool((run.hidden() >= 0).all())
    True
    """

    def __init__(self, n: int, m: int = 2) -> None:
        super().__init__()
        self.W = nn.Parameter(nn.init.xavier_normal_(torch.empty(m, n)))
        self.b = nn.Parameter(torch.zeros(n))

    @classmethod
    def from_weights(cls, W: Float[Tensor, "m n"], b: Float[Tensor, " n"]) -> "ReLUOutput":
        """Make the model of given weights (copied), on their device and in their precision.

        Parameters
        ----------
        W : (m, n) tensor
            Weights.
        b : (n,) tensor
            Bias.

        Returns
        -------
        ReLUOutput
            Or the subclass that this is called on.

        Raises
        ------
        ValueError
            Where the shapes of W and b do not fit each other.

        Examples
        --------
        >>> import torch
        >>> model = sdd.ReLUOutput.from_weights(torch.eye(2), torch.zeros(2))
        >>> model(torch.tensor([[0.6, 0.8]])).detach().numpy().round(1)
        array([[0.6, 0.8]], dtype=float32)
        """
        if W.ndim != 2 or b.shape != W.shape[1:]:
            shapes = f"{tuple(W.shape)} and {tuple(b.shape)}"
            raise ValueError(f"W must be (m, n) and b (n,), not {shapes}")
        model = cls(W.shape[1], W.shape[0])
        model.W, model.b = nn.Parameter(W.clone()), nn.Parameter(b.clone())
        return model

    def hidden(self, x: Float[Tensor, "T n"]) -> Float[Tensor, "T m"]:
        """Return h = W x for every row x.

        Parameters
        ----------
        x : (T, n) tensor
            Points as rows.

        Returns
        -------
        (T, m) tensor
            Hidden vectors as rows.

        Examples
        --------
        >>> import torch
        >>> sdd.ReLUOutput(n=50, m=2).hidden(torch.zeros(5, 50)).shape
        torch.Size([5, 2])
        """
        return x @ self.W.T

    def forward(self, x: Float[Tensor, "T n"]) -> Float[Tensor, "T n"]:
        """Return the reconstruction x' = ReLU(Wᵀ h + b) of every row x.

        Parameters
        ----------
        x : (T, n) tensor
            Points as rows.

        Returns
        -------
        (T, n) tensor
            Outputs as rows.

        Examples
        --------
        >>> import torch
        >>> bool((sdd.ReLUOutput(n=50)(torch.rand(5, 50)) >= 0).all())
        True
        """
        return torch.relu(self.hidden(x) @ self.W + self.b)

    def errors(self, x: Float[Tensor, "T n"]) -> Float[Tensor, " T"]:
        """Return the squared error of each point, summed over features: what is reported.

        Parameters
        ----------
        x : (T, n) tensor
            Points as rows.

        Returns
        -------
        (T,) tensor
            Their mean is the loss.

        Examples
        --------
        >>> import torch
        >>> silent = sdd.ReLUOutput.from_weights(torch.zeros(2, 4), torch.zeros(4))
        >>> silent.errors(torch.eye(4)).tolist()
        [1.0, 1.0, 1.0, 1.0]
        """
        return ((x - self(x)) ** 2).sum(1)

    def objective(self, x: Float[Tensor, "T n"]) -> Float[Tensor, " T"]:
        """Return, for each point, what a training makes small: its squared error here.

        Parameters
        ----------
        x : (T, n) tensor
            Points as rows.

        Returns
        -------
        (T,) tensor
            Its mean over the points is trained on.

        Examples
        --------
        A loss of your own, with a cost of long hidden vectors:

        >>> class Short(sdd.ReLUOutput):
        ...     def objective(self, x):
        ...         return self.errors(x) + 0.1 * self.hidden(x).norm(dim=1)
        >>> data, config = sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03)
        >>> short, usual = (sdd.train(data, config, model=m).hidden() for m in (Short, None))
        >>> bool(np.linalg.norm(short) < np.linalg.norm(usual))
        True
        """
        return self.errors(x)

    def loss(self, x: Float[Tensor, "T n"], reduction: str = "sum") -> Float[Tensor, ""]:
        """Return the squared error of x', averaged over the rows.

        Parameters
        ----------
        x : (T, n) tensor
            Data points as rows.
        reduction : str
            Over the features: "sum" as the paper writes the loss, or "mean" as
            `torch.nn.MSELoss` computes it, n times smaller.

        Returns
        -------
        () tensor
            The loss.

        Raises
        ------
        ValueError
            Where `reduction` is neither.

        Examples
        --------
        >>> import torch
        >>> silent = sdd.ReLUOutput.from_weights(torch.zeros(2, 4), torch.zeros(4))
        >>> silent.loss(torch.eye(4)).item(), silent.loss(torch.eye(4), "mean").item()
        (1.0, 0.25)
        """
        if reduction not in ("sum", "mean"):
            raise ValueError(f'reduction must be "sum" or "mean", not {reduction!r}')
        return self.errors(x).mean() / (1 if reduction == "sum" else x.shape[1])


def model_name(model: Any) -> str:
    """Return what a model of one's own is called where its runs are stored, such as "Untied-1f0c".

    The name holds a hash of the source of its methods and of its class's attributes, so that a
    changed class names other runs. (Functions that it calls are not looked into.)

    Parameters
    ----------
    model : subclass of ReLUOutput
        The class itself.

    Returns
    -------
    str
        Its name, and twelve hexadecimal digits.

    Raises
    ------
    TypeError
        Where it is no such class.
    ValueError
        Where Python cannot find the source of a method, as at its bare prompt.

    Examples
    --------
    >>> from sdd.model import model_name
    >>> class Mine(sdd.ReLUOutput):
    ...     pass
    >>> model_name(Mine).startswith("Mine-")
    True
    """
    if not (isinstance(model, type) and issubclass(model, ReLUOutput)):
        got = model.__name__ if isinstance(model, type) else f"{model!r}"
        raise TypeError(f"model must be a class derived from sdd.ReLUOutput, not {got}")
    # Kept in the class, as processes that it is sent to do not have a notebook's source.
    if "_stored_as" not in vars(model):
        own = model.__mro__[: model.__mro__.index(ReLUOutput)]
        parts = [part for cls in own for part in _source(cls)]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        model._stored_as = f"{model.__name__}-{digest[:12]}"  # type: ignore[attr-defined]
    return vars(model)["_stored_as"]


_OF_PYTHON = {"__dict__", "__doc__", "__firstlineno__", "__module__", "__qualname__",
              "__static_attributes__", "__weakref__", "__annotations__", "_stored_as"}  # fmt: skip


def _source(cls: type) -> Iterator[str]:
    """Yield what determines a class: the source of its methods, and its attributes."""
    for name, value in sorted(vars(cls).items()):
        if name in _OF_PYTHON:
            continue
        inner = getattr(value, "fget", None) or getattr(value, "__func__", value)
        try:
            text = dedent(inspect.getsource(inner)) if inspect.isfunction(inner) else repr(value)
        except OSError:
            raise ValueError(
                f"the source of {cls.__name__}.{name} must be in a file or a notebook's cell, "
                "as it names the runs of this model, and Python finds none"
            ) from None
        yield f"{name} = {text}"


def find_model(name: str) -> type[ReLUOutput]:
    """Return the class of that `model_name`, among those defined in this Python.

    Parameters
    ----------
    name : str
        Such as "Untied-1f0c2d3e4f50"; "" is `ReLUOutput` itself.

    Returns
    -------
    subclass of ReLUOutput
        The class itself.

    Raises
    ------
    LookupError
        Where it is not defined here.

    Examples
    --------
    >>> from sdd.model import find_model, model_name
    >>> class Yours(sdd.ReLUOutput):
    ...     pass
    >>> find_model(model_name(Yours)) is Yours
    True
    """
    todo: list[type[ReLUOutput]] = [ReLUOutput]
    while todo:
        model = todo.pop()
        if (model is ReLUOutput and not name) or (model is not ReLUOutput and _named(model, name)):
            return model
        todo += model.__subclasses__()
    raise LookupError(
        f"the model {name} must be defined before its runs are used: import the module, or run the "
        "cell, that defines the class (as it was when they were trained)"
    )


def _named(model: type[ReLUOutput], name: str) -> bool:
    try:
        return name.startswith(f"{model.__name__}-") and model_name(model) == name
    except ValueError:  # a class without source is none of a stored run
        return False
