"""Models of one's own, as a reader would write them."""

import torch
from torch import nn

from sdd.model import ReLUOutput


class HiddenReLU(ReLUOutput):
    """h = ReLU(W x)."""

    def hidden(self, x):
        return super().hidden(x).relu()


class Untied(ReLUOutput):
    """x' = ReLU(V h + b), with a V of its own."""

    def __init__(self, n, m=2):
        super().__init__(n, m)
        self.V = nn.Parameter(nn.init.xavier_normal_(torch.empty(n, m)))

    def forward(self, x):
        return torch.relu(self.hidden(x) @ self.V.T + self.b)


class L1(ReLUOutput):
    """The paper's model, trained on absolute errors."""

    def objective(self, x):
        return (x - self(x)).abs().sum(1)


class Plain(ReLUOutput):
    """The paper's model, by autograd."""


class Turned(ReLUOutput):
    """No model to train: its W is (n, m)."""

    def __init__(self, n, m=2):
        super().__init__(n, m)
        self.W = nn.Parameter(self.W.T.detach())


class Undefined(ReLUOutput):
    """A model whose outputs are NaN from the start."""

    def forward(self, x):
        return super().forward(x) * torch.nan


class RootAtZero(ReLUOutput):
    """A model whose objective has no gradient at the bias that it starts from."""

    def objective(self, x):
        return self.errors(x) + self.b.square().sum().sqrt()


class Averaged(ReLUOutput):
    """No model to train: its objective is one number for all points."""

    def objective(self, x):
        return self.errors(x).mean()
