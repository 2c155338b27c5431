"""The training step in PyTorch is the engine's and torch's own, in chunks and on any device."""

import re
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from own_models import HiddenReLU

from sdd import cli, engine
from sdd.data import Dataset, DataSettings, sample, stream
from sdd.engine import torch_step as device
from sdd.model import ReLUOutput
from sdd.runs.spec import RunSpec
from sdd.runs.store import load, run_name
from sdd.training import train
from sdd.training.config import TrainConfig

torch.set_num_threads(1)  # on problems this small, threads only wait for each other

CPU = torch.device("cpu")
OPTIONS = {"weight_decay": 0.3, "eps": 1e-8, "scale": 1 / 40}
RATES = 1e-2 * np.linspace(1, 0, 60)
CLOSE = {"float64": 1e-12, "float32": 1e-4}
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def rows_with_empty_ones(T=23, n=40):
    X = sample(T, n, 0.8, seed=3).to_dense()
    X[[0, 5, T - 1]] = 0
    return Dataset.from_dense(X)


DATA = rows_with_empty_ones()


def start(m, dtype="float64", n=DATA.n):
    rng = np.random.default_rng(m)
    return engine.State(
        rng.normal(0, 0.5, (m, n)).astype(dtype), rng.normal(0, 0.1, n).astype(dtype)
    )


def advanced(state, where=CPU, rates=RATES, data=DATA, **options):
    device.advance(state, data, rates, device=where, **OPTIONS | options)
    return state


def by_engine(state, rates=RATES):
    engine.advance(state, DATA, rates, **OPTIONS)
    return state


def assert_same(one, other, atol):
    assert one.steps == other.steps
    for name, array in one.arrays().items():
        assert array.dtype == other.arrays()[name].dtype
        np.testing.assert_allclose(array, other.arrays()[name], rtol=0, atol=atol, err_msg=name)


def by_torch(state, rates=RATES):
    """The oracle: autograd through the plain model on all rows at once, and torch's AdamW."""
    model = ReLUOutput.from_weights(torch.tensor(state.W), torch.tensor(state.b))
    settings = {k: OPTIONS[k] for k in ("weight_decay", "eps")}
    optimizer = torch.optim.AdamW(model.parameters(), **settings)
    X = torch.tensor(DATA.to_dense()).to(model.W.dtype)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (model.loss(X) * OPTIONS["scale"]).backward()
        optimizer.step()
    return model.W.detach().numpy(), model.b.detach().numpy()


# --- The steps ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m", [1, 2, 5])
def test_the_steps_are_those_of_torch_adamw_on_the_plain_model(m, dtype):
    W, b = by_torch(start(m, dtype))
    state = advanced(start(m, dtype))
    assert state.W.dtype == state.b.dtype == dtype
    np.testing.assert_allclose(state.W, W, rtol=0, atol=CLOSE[dtype])
    np.testing.assert_allclose(state.b, b, rtol=0, atol=CLOSE[dtype])
    assert np.abs(state.W - start(m, dtype).W).max() > 0.1  # they have gone somewhere


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m", [1, 2, 5])
def test_the_steps_are_those_of_the_engine_with_all_moments(m, dtype):
    assert_same(advanced(start(m, dtype)), by_engine(start(m, dtype)), CLOSE[dtype])


@pytest.mark.parametrize("elements", [1, 60, 12 * 40, 23 * 40])
def test_chunks_of_any_size_add_up_to_the_same_gradient(elements, monkeypatch):
    whole = advanced(start(2))
    monkeypatch.setattr(device, "CHUNK_ELEMENTS", elements)
    assert_same(advanced(start(2)), whole, 1e-12)


def test_either_way_continues_from_a_state_of_the_other():
    there_and_back = by_engine(advanced(start(3), rates=RATES[:20]), RATES[20:])
    assert_same(there_and_back, by_engine(start(3)), 1e-12)
    in_two = advanced(advanced(start(3), rates=RATES[:20]), rates=RATES[20:])
    assert_same(in_two, advanced(start(3)), 0)
    assert in_two.steps == len(RATES)


def test_of_a_stream_each_step_takes_its_own_batch():
    fresh = stream(9, DATA.n, 0.8, seed=2)
    state, other = start(2), start(2)
    for chunk in (RATES[:7], RATES[7:]):
        advanced(state, rates=chunk, data=fresh)
    engine.advance(other, fresh, RATES, **OPTIONS)
    assert_same(state, other, 1e-12)


@pytest.mark.parametrize("bias_decay", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("rate", [1e-2, 2.0])
def test_the_bias_may_decay_otherwise_also_where_the_weights_vanish(rate, bias_decay):
    rates = np.array([1e-2, rate, 1e-2])  # a rate of 2 with λ = 1/2 leaves nothing of the weights
    options = {"weight_decay": 0.5, "bias_decay": bias_decay}
    state, other = advanced(start(2), rates=rates, **options), start(2)
    engine.advance(other, DATA, rates, **OPTIONS | options)
    assert_same(state, other, 1e-12)


def test_no_rates_change_nothing():
    state = advanced(start(2), rates=RATES[:0])
    assert_same(state, start(2), 0)


def test_what_is_not_a_number_stays_seen():
    state = start(2)
    state.W[0, 3] = np.nan
    assert np.isnan(advanced(state, rates=RATES[:2]).W).all(axis=1).any()


def test_a_step_that_fails_leaves_the_state_as_it_was():
    class Broken:
        T = 9

        def at(self, step, threads):
            if step == 2:
                raise RuntimeError("out of memory")
            return stream(9, DATA.n, 0.8).at(step)

    state = start(2)
    with pytest.raises(RuntimeError, match="out of memory"):
        advanced(state, data=Broken())
    assert_same(state, start(2), 0)


# --- Compiling ----------------------------------------------------------------------------------


@pytest.fixture
def compiler(monkeypatch):
    """Put a function in the place of torch.compile, before anything is compiled."""
    monkeypatch.setattr(device, "_compiled_gradient", device._Compiled())
    return lambda replacement: monkeypatch.setattr(torch, "compile", replacement)


def test_the_compiled_gradient_is_used_where_it_is_asked_for(compiler):
    calls = []

    def compiling(function):
        calls.append("compiled")
        return lambda *args: (calls.append("called"), function(*args))[1]

    compiler(compiling)
    assert_same(advanced(start(2), compiled=True), advanced(start(2)), 0)
    advanced(start(2), compiled=True)
    assert calls == ["compiled"] + ["called"] * 2 * len(RATES)


@pytest.mark.parametrize("late", [False, True])
def test_where_compiling_fails_training_goes_on_after_one_warning(late, compiler):
    def broken(*args):
        raise ImportError("no compiler")

    compiler((lambda function: broken) if late else broken)
    with pytest.warns(UserWarning, match=r"torch.compile failed \(ImportError\)") as seen:
        state = advanced(start(2), compiled=True)
    assert len(seen) == 1
    with warnings.catch_warnings(action="error"):
        again = advanced(start(2), compiled=True)
    assert_same(state, advanced(start(2)), 0)
    assert_same(again, state, 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within PyTorch
@pytest.mark.filterwarnings("ignore:torch.compile failed")  # there may be no C++ compiler
def test_the_compiled_gradient_is_the_plain_one(monkeypatch):
    monkeypatch.setattr(device, "CHUNK_ELEMENTS", 12 * DATA.n)  # 11 rows and 12
    assert_same(advanced(start(2), compiled=True), advanced(start(2)), 1e-12)


# --- Devices ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "name"),
    [
        *(("cpu", "cpu"), ("cpu:0", "cpu"), (CPU, "cpu"), ("mps", "mps")),
        *(("cuda", "cuda"), ("cuda:1", "cuda:1"), (torch.device("cuda", 1), "cuda:1")),
    ],
)
def test_a_device_has_the_name_that_pytorch_gives_it(given, name):
    assert device.device_name(given) == name


@pytest.mark.parametrize("given", ["gpu", "", "cuda:x", "cuda:-1", "meta", 0, None])
def test_a_device_that_pytorch_does_not_know_is_named(given):
    rule = 'device must be "cpu" or a device of PyTorch, such as "cuda", "cuda:1" or "mps", '
    with pytest.raises(ValueError, match=re.escape(f"{rule}not {given!r}")):
        device.device_name(given)


def test_a_device_that_is_not_there_is_named_in_one_line():
    assert device.find_device("cpu", "float64") == CPU
    with pytest.raises(ValueError, match='no device "cuda:99" for float64 on this m') as caught:
        device.find_device("cuda:99", "float64")
    assert "\n" not in str(caught.value)


# --- Training -----------------------------------------------------------------------------------


SHORT = {"steps": 60, "lr": 1e-2, "dtype": "float64", "restarts": 2}


@pytest.fixture
def cuda_is_the_cpu(monkeypatch):
    """Whatever is asked for, PyTorch computes on the CPU."""
    monkeypatch.setattr(device, "find_device", lambda name, dtype: CPU)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("data", [DATA, stream(9, 40, 0.8)], ids=["set", "stream"])
def test_a_run_on_a_device_is_the_engines(data, threads, cuda_is_the_cpu):
    run = train(data, TrainConfig(**SHORT, device="cuda"), snapshots=[30], threads=threads)
    other = train(data, TrainConfig(**SHORT), snapshots=[30])
    assert run.config.device == "cuda"
    assert run.settings["config"]["device"] == "cuda"
    assert np.abs(run.W - other.W).max() < 1e-10
    np.testing.assert_allclose(run.restart_losses, other.restart_losses, rtol=1e-9)
    np.testing.assert_allclose(run.snapshots["W"], other.snapshots["W"], atol=1e-10)
    np.testing.assert_allclose(run.history["loss"], other.history["loss"], rtol=1e-9)


def test_a_device_is_spelled_as_pytorch_does_and_a_wrong_one_refused():
    assert TrainConfig(device="cpu:0") == TrainConfig(device=CPU) == TrainConfig()
    assert TrainConfig(device=torch.device("cuda", 1)).device == "cuda:1"
    with pytest.raises(ValueError, match='device must be "cpu" or a device of PyTorch') as caught:
        TrainConfig(device="gpu")
    assert "\n" not in str(caught.value)


def test_training_on_a_device_that_is_not_there_says_so():
    with pytest.raises(ValueError, match='there is no device "cuda:99" for float32'):
        train(DATA, TrainConfig(device="cuda:99"))


def test_the_device_names_runs_but_the_default_renames_none():
    settings = DataSettings(T=10, n=10_000, sparsity=0.999)
    assert run_name(settings, TrainConfig(device="cpu")) == run_name(settings, TrainConfig())
    assert run_name(settings, TrainConfig(device="cuda")) != run_name(settings, TrainConfig())


RUN = ["run", *("--T", "5", "--n", "40", "--sparsity", "0.8", "--steps", "20", "--jobs", "1")]
RUN += ["--device"]


def test_the_command_line_takes_a_device(tmp_path, monkeypatch, capsys, cuda_is_the_cpu):
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    assert cli.main([*RUN, "cuda"]) == 0
    assert "training loss" in capsys.readouterr().out
    (file,) = tmp_path.glob("*.safetensors")
    assert load(file.stem, tmp_path).config.device == "cuda"


def test_the_command_line_names_a_device_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    for name, message in (("cuda:99", 'no device "cuda:99"'), ("gpu", "device must be")):
        assert cli.main([*RUN, name]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_training_on_the_engine_does_not_import_pytorch():
    code = (
        "import sys, sdd; sdd.train(sdd.sample(3, 9, 0.5), sdd.TrainConfig(steps=2)); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@needs_cuda
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_on_cuda_the_steps_are_those_of_the_engine(dtype, compiled, monkeypatch):
    cuda = device.find_device("cuda", dtype)
    for elements in (device.CHUNK_ELEMENTS, 7 * DATA.n):
        monkeypatch.setattr(device, "CHUNK_ELEMENTS", elements)
        state = advanced(start(2, dtype), cuda, compiled=compiled)
        assert_same(state, by_engine(start(2, dtype)), CLOSE[dtype])


# --- "auto" -------------------------------------------------------------------------------------


@pytest.fixture
def a_gpu(monkeypatch, cuda_is_the_cpu):
    monkeypatch.setattr(device, "find_gpu", lambda dtype: "cuda")


LARGE = DataSettings(T=1_000, n=10_000, sparsity=0.999)


@pytest.mark.parametrize(
    ("data", "m", "model", "expected"),
    [
        (LARGE, 4, None, "cpu"),  # the engine skips most pairs
        (LARGE, 5, None, "cuda"),
        (replace(LARGE, T=5), 32, None, "cpu"),  # a step ends before a GPU has begun
        (replace(LARGE, T=float("inf"), batch=1_000), 5, None, "cuda"),
        (DATA, 2, HiddenReLU, "cuda"),
    ],
)
def test_auto_takes_a_gpu_where_it_is_likely_to_be_faster(data, m, model, expected, a_gpu):
    spec = RunSpec(data, TrainConfig(m=m, device="auto"), model=model)
    assert spec.config.device == expected
    explicit = RunSpec(data, TrainConfig(m=m, device=expected), model=model)
    assert spec.name == explicit.name


def test_auto_takes_the_engine_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert RunSpec(LARGE, TrainConfig(m=32, device="auto")).config.device == "cpu"


def test_a_gpu_without_such_numbers_is_none(monkeypatch):
    def find_device(name, dtype):
        raise ValueError(f"{name} has no {dtype}")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "find_device", find_device)
    assert device.find_gpu("float64") == ""


def test_a_run_says_which_device_auto_took(a_gpu, monkeypatch):
    monkeypatch.setattr("sdd.training.config.WORTH_A_GPU", 0)
    assert train(DATA, TrainConfig(**SHORT, m=5, device="auto")).config.device == "cuda"
    assert train(DATA, TrainConfig(**SHORT, m=2, device="auto")).config.device == "cpu"


def test_an_experiment_can_be_trained_on_another_device(a_gpu):
    args = cli.parse(["run", "width", "--device", "cuda", "--profile", "quick"])
    assert {s.config.device for s in args.specs} == {"cuda"}
    usual = cli.parse(["run", "width", "--profile", "quick"])
    assert not {s.name for s in args.specs} & {s.name for s in usual.specs}


@needs_cuda
def test_on_a_gpu_a_data_set_of_the_papers_size_is_one_chunk():
    data = sample(T=10_000)
    assert len(device.Chunks(data, torch.zeros(1, device="cuda")).parts) == 1
    assert len(device.Chunks(data, torch.zeros(1)).parts) == 3
