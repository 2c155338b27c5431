"""The control without the ReLU: its gradient, steps and loss are those of plain PyTorch."""

import numpy as np
import pytest
import torch

from sdd.data import sample
from sdd.engine import BETAS, State
from sdd.engine.linear import WithoutReLU, loss_without_relu

DATA = sample(40, 30, 0.8)
HYPER = {"lr": 1e-2, "weight_decay": 0.1, "eps": 1e-6}


def plain_loss(W, b):
    x = torch.tensor(DATA.to_dense(), dtype=torch.float64)
    return ((x - x @ W.T @ W - b) ** 2).sum(1).mean()


@pytest.mark.parametrize("m", [1, 2, 3])
def test_it_trains_as_plain_pytorch_does(m):
    rng = np.random.default_rng(m)
    W, b = rng.normal(size=(m, 30)), rng.normal(size=30)
    state = State(W, b)
    rates = np.full(20, HYPER["lr"])
    hyper = (HYPER["weight_decay"],) * 2 + (*BETAS, HYPER["eps"])
    WithoutReLU(m, 30, DATA, W.dtype).advance(state, rates, 2 / (30 * DATA.T), hyper, 1e-300)
    params = [torch.tensor(a, requires_grad=True) for a in (W, b)]
    optimiser = torch.optim.AdamW(params, betas=BETAS, **HYPER)
    for _ in rates:
        optimiser.zero_grad()
        (plain_loss(*params) / 30).backward()
        optimiser.step()
    np.testing.assert_allclose(state.W, params[0].detach(), rtol=1e-7)
    np.testing.assert_allclose(state.b, params[1].detach(), rtol=1e-7, atol=1e-9)
    assert loss_without_relu(state.W, state.b, DATA) == pytest.approx(plain_loss(*params).item())
