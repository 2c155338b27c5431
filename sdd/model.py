"""The ReLU-output model in plain PyTorch: what a reader knows, and the oracle of the engine."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["ReLUOutput"]


class ReLUOutput(nn.Module):
    """h = W x, x' = ReLU(Wᵀ h + b), with the same W down and up (section "Experiment Setup").

    Written to be read, not to be fast: it makes every zero of the sparse data explicit, T·n of
    them. `sdd.loss` and `sdd.train` compute the same through `sdd.engine`.

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
    """

    def __init__(self, n: int, m: int = 2) -> None:
        super().__init__()
        self.W = nn.Parameter(nn.init.xavier_normal_(torch.empty(m, n)))
        self.b = nn.Parameter(torch.zeros(n))

    @classmethod
    def from_weights(cls, W: Float[Tensor, "m n"], b: Float[Tensor, " n"]) -> "ReLUOutput":
        """Make the model of given weights (copied), on their device and in their precision.

        Raises
        ------
        ValueError
            Where the shapes of W and b do not fit each other.
        """
        if W.ndim != 2 or b.shape != W.shape[1:]:
            shapes = f"{tuple(W.shape)} and {tuple(b.shape)}"
            raise ValueError(f"W must be (m, n) and b (n,), not {shapes}")
        model = cls(W.shape[1], W.shape[0])
        model.W, model.b = nn.Parameter(W.clone()), nn.Parameter(b.clone())
        return model

    def hidden(self, x: Float[Tensor, "T n"]) -> Float[Tensor, "T m"]:
        """Return h = W x for every row x."""
        return x @ self.W.T

    def forward(self, x: Float[Tensor, "T n"]) -> Float[Tensor, "T n"]:
        """Return the reconstruction x' = ReLU(Wᵀ h + b) of every row x."""
        return torch.relu(self.hidden(x) @ self.W + self.b)

    def loss(self, x: Float[Tensor, "T n"], reduction: str = "sum") -> Float[Tensor, ""]:
        """Return the squared error of x', averaged over the rows.

        Parameters
        ----------
        x : (T, n) tensor
            Data points as rows.
        reduction : str
            Over the features: "sum" as the paper writes the loss, or "mean" as
            `torch.nn.MSELoss` computes it, n times smaller.

        Raises
        ------
        ValueError
            Where `reduction` is neither.
        """
        if reduction not in ("sum", "mean"):
            raise ValueError(f'reduction must be "sum" or "mean", not {reduction!r}')
        squared = (x - self(x)) ** 2
        return (squared.sum(1) if reduction == "sum" else squared.mean(1)).mean()
