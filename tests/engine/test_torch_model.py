"""A model of one's own is trained as PyTorch trains it, and the paper's as the engine does."""

import numpy as np
import pytest
import torch
from own_models import L1, Averaged, HiddenReLU, Plain, Turned, Undefined, Untied
from torch import nn

from sdd import engine
from sdd.data import DataSettings, sample, stream
from sdd.engine import torch_model, torch_step
from sdd.model import ReLUOutput
from sdd.training import TrainConfig, TrainingDiverged, initial_weights, train

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
DATA = sample(12, 40, 0.8, seed=3)
HOW = {"lr": 1e-2, "steps": 60, "eps": 1e-8, "dtype": "float64"}


def fresh_module(model, config, data=DATA):
    """The model with the initial weights of the config's seed, made without the package's loop."""
    torch.manual_seed(config.seed)
    module = model(data.n, config.m).double()
    W, b = initial_weights(config.m, data.n, config.seed, dtype="float64")
    module.W, module.b = nn.Parameter(torch.tensor(W)), nn.Parameter(torch.tensor(b))
    return module


def by_torch(model, config, data=DATA):
    """The oracle: autograd through the model on all points at once, and torch's own AdamW."""
    module = fresh_module(model, config, data)
    how = {"weight_decay": config.weight_decay, "eps": config.eps}
    optimizer = torch.optim.AdamW(module.parameters(), **how)
    X = torch.tensor(data.to_dense()).double()
    scale = 1 / data.n if config.reduction == "mean" else 1.0
    for rate in config.rates():
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (module.objective(X).mean() * scale).backward()
        optimizer.step()
    return module


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("model", [HiddenReLU, Untied, L1])
def test_a_training_is_that_of_torch_adamw_on_the_objective(model, reduction):
    config = TrainConfig(m=3, seed=2, reduction=reduction, weight_decay=0.3, **HOW)
    run, module = train(DATA, config, model=model), by_torch(model, config)
    before = dict(fresh_module(model, config).named_parameters())
    for name, p in module.named_parameters():
        ours = {"W": run.W, "b": run.b, **run.others}[name]
        np.testing.assert_allclose(ours, p.detach().numpy(), rtol=0, atol=1e-12)
        assert np.abs(ours - before[name].detach().numpy()).max() > 0.05  # it has moved
    X = torch.tensor(DATA.to_dense()).double()
    np.testing.assert_allclose(run.errors(), module.errors(X).detach(), rtol=1e-9)
    np.testing.assert_allclose(run.hidden(), module.hidden(X).detach(), rtol=1e-9, atol=1e-12)
    assert run.train_loss == pytest.approx(run.errors().mean())  # squared, whatever was trained on


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("decay", [None, 0.0, 2.0])
def test_the_papers_model_by_autograd_is_the_engines(decay, device):
    config = TrainConfig(m=2, bias_decay=decay, **HOW)
    plain, ours = train(DATA, config), train(DATA, config, model=Plain)
    state = engine.State(*initial_weights(2, DATA.n, dtype="float64"))
    torch_model.advance(
        state, DATA, config.rates(), model=Plain, weight_decay=0.01, bias_decay=decay, eps=1e-8,
        scale=1 / DATA.n, device=device,
    )  # fmt: skip
    for W in (ours.W, state.W):
        np.testing.assert_allclose(W, plain.W, rtol=0, atol=1e-12)
    assert ours.model != plain.model == ""
    assert train(DATA, config, model=ReLUOutput).W.tobytes() == plain.W.tobytes()


def test_points_that_count_several_times_are_so_many_copies_whatever_takes_the_steps():
    counted = DataSettings(20, 40, 0.8, repeats=4, repeated=3)
    copies = counted.make().copies
    assert copies.T == 29
    for model in (HiddenReLU, Plain):
        config = TrainConfig(m=3, seed=2, **HOW)
        run, module = train(counted, config, model=model), by_torch(model, config, copies)
        np.testing.assert_allclose(run.W, module.W.detach(), rtol=0, atol=1e-12)
        assert run.errors().shape == (20,)
        assert run.train_loss == pytest.approx(run.errors(copies).mean(), rel=1e-12)
    plain = train(counted, config)
    np.testing.assert_allclose(plain.W, run.W, rtol=0, atol=1e-12)
    assert plain.train_loss == pytest.approx(run.train_loss, rel=1e-9)
    state = engine.State(*initial_weights(3, 40, 2, dtype="float64"))
    torch_step.advance(
        state, counted.make(), config.rates(), weight_decay=0.01, eps=1e-8, scale=1 / 40,
        device=torch.device("cpu"),
    )  # fmt: skip
    np.testing.assert_allclose(state.W, run.W, rtol=0, atol=1e-12)


@needs_cuda
def test_a_model_of_ones_own_trains_on_a_gpu():
    config = TrainConfig(m=3, device="cuda", **HOW)
    run, here = (
        train(DATA, config, model=Untied),
        train(DATA, TrainConfig(m=3, **HOW), model=Untied),
    )
    np.testing.assert_allclose(run.others["V"], here.others["V"], rtol=0, atol=1e-9)
    assert run.train_loss == pytest.approx(here.train_loss, rel=1e-9)


def test_chunks_of_any_size_add_up_to_the_same_training(monkeypatch):
    config = TrainConfig(**HOW)
    whole = train(DATA, config, model=Untied)
    monkeypatch.setattr(torch_step, "CHUNK_ELEMENTS", 5 * DATA.n)
    parts = train(DATA, config, model=Untied)
    np.testing.assert_allclose(parts.others["V"], whole.others["V"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(parts.errors(), whole.errors(), rtol=1e-9)


def test_of_a_stream_each_step_takes_its_own_batch():
    fresh, config = stream(7, 40, 0.8, seed=1), TrainConfig(**HOW)
    ours, plain = train(fresh, config, model=Plain), train(fresh, config)
    np.testing.assert_allclose(ours.W, plain.W, rtol=0, atol=1e-12)


def test_a_training_leaves_torchs_own_settings_alone():
    torch.manual_seed(5)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(5)
    train(DATA, TrainConfig(**HOW), model=Untied)
    assert torch.rand(1) == expected
    assert torch.get_num_threads() == threads


class Buffered(ReLUOutput):
    def __init__(self, n, m=2):
        super().__init__(n, m)
        self.register_buffer("count", torch.zeros(1))


def test_what_is_no_model_to_train_is_refused_in_one_sentence():
    for model, message in (
        (Turned, r"Turned must have W \(2, 40\) and b \(40,\), but they are \(40, 2\)"),
        (Buffered, "count is a buffer"),
        (Averaged, r"objective must return one loss for each of the 12 points, .* shape \(\)"),
    ):
        with pytest.raises(ValueError, match=message):
            train(DATA, TrainConfig(steps=2), model=model)
    for model in (nn.Linear, "Untied", Untied(40, 2)):
        with pytest.raises(TypeError, match=r"a class derived from sdd\.ReLUOutput"):
            train(DATA, TrainConfig(steps=2), model=model)


def test_where_the_loss_is_none_before_the_first_step_the_model_is_named_and_not_the_rate():
    with pytest.raises(
        TrainingDiverged, match=r"by step 0 of .*; look at Undefined-\w+, not at lr"
    ):
        train(DATA, TrainConfig(steps=2), model=Undefined)
