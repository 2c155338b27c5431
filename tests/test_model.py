"""The reference model does what the paper writes, one entry at a time."""

from inspect import unwrap

import numpy as np
import pytest
import torch

from sdd.model import ReLUOutput


def written_out(W, b, X):
    """Loss of every row by the paper's formula, in loops: h = W x, x' = ReLU(Wᵀ h + b)."""
    m, n = W.shape
    losses = []
    for x in X:
        h = [sum(W[k, i] * x[i] for i in range(n)) for k in range(m)]
        out = [max(0.0, sum(W[k, i] * h[k] for k in range(m)) + b[i]) for i in range(n)]
        losses.append(sum((x[i] - out[i]) ** 2 for i in range(n)))
    return np.array(losses)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 7)), rng.normal(size=7), rng.random((5, 7))


def test_the_loss_is_the_papers_formula(problem):
    W, b, X = problem
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    x = torch.tensor(X)
    expected = written_out(W, b, X).mean()
    assert model.loss(x).item() == pytest.approx(expected, rel=1e-12)
    assert model.loss(x, "mean").item() == pytest.approx(expected / 7, rel=1e-12)
    of_torch = torch.nn.functional.mse_loss(model(x), x)
    assert model.loss(x, "mean").item() == pytest.approx(of_torch.item(), rel=1e-12)


def test_the_hidden_vectors_are_the_rows_times_w(problem):
    W, b, X = problem
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    np.testing.assert_allclose(model.hidden(torch.tensor(X)).detach().numpy(), X @ W.T, rtol=1e-12)


def test_the_gradient_is_the_slope_of_the_formula(problem):
    W, b, X = problem
    model = ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))
    model.loss(torch.tensor(X)).backward()
    step = 1e-6
    for k, i in [(0, 0), (1, 4), (2, 6)]:
        moved = np.zeros_like(W)
        moved[k, i] = step
        rise = (written_out(W + moved, b, X) - written_out(W - moved, b, X)).mean()
        assert float(model.W.grad[k, i]) == pytest.approx(rise / (2 * step), rel=1e-6, abs=1e-8)


def test_a_new_model_has_xavier_weights_and_no_bias():
    model = ReLUOutput(20_000, 4)
    assert float(model.W.detach().var()) == pytest.approx(2 / 20_004, rel=0.05)
    assert not model.b.detach().any()


def test_given_weights_are_copied_not_shared(problem):
    W, b = torch.tensor(problem[0]), torch.tensor(problem[1])
    model = ReLUOutput.from_weights(W, b)
    W.zero_()
    assert model.W.detach().any()


def test_bad_settings_are_named_with_their_value():
    with pytest.raises(ValueError, match='"sum" or "mean", not \'max\''):
        ReLUOutput(3).loss(torch.ones(1, 3), "max")
    # Without the wrapper that checks shapes at run time, should there be one: it speaks first.
    from_weights = unwrap(ReLUOutput.from_weights.__func__)
    with pytest.raises(ValueError, match=r"not \(2, 3\) and \(4,\)"):
        from_weights(ReLUOutput, torch.ones(2, 3), torch.ones(4))
