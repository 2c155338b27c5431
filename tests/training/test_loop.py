"""Training is PyTorch's AdamW on the plain model, and a run holds what it promises."""

import math
import re
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from short_runs import LARGE, SMALL, assert_same_run, short

from sdd import engine, paper
from sdd.data import Dataset, sample, stream
from sdd.model import ReLUOutput
from sdd.training import Run, TrainConfig, TrainingDiverged, evaluate, initial_weights, loop, train
from sdd.training.starts import hash_arrays

torch.set_num_threads(1)  # on problems this small, threads only wait for each other


def trained_by_torch(batch_at, n, config, init=None):
    """The reference: the plain model in float64, torch's AdamW and torch's own schedulers."""
    W, b = init or initial_weights(config.m, n, config.seed, config.gain)
    model = ReLUOutput.from_weights(torch.tensor(W).double(), torch.tensor(b).double())
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, weight_decay=config.weight_decay, eps=config.eps
    )
    warmup = config.warmup_steps
    up = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, 1.0, max(1, warmup - 1))
    down = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps - warmup)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [up, down], [warmup])
    for step in range(config.steps):
        optimizer.zero_grad()
        model.loss(torch.tensor(batch_at(step)).double(), config.reduction).backward()
        optimizer.step()
        schedule.step()
    return model.W.detach().numpy(), model.b.detach().numpy()


# --- Against PyTorch ------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("m", [2, 3])
def test_a_run_is_that_of_torch_adamw_within_1e_5(reduction, m):
    config = short(reduction=reduction, m=m)
    run = train(SMALL, config)
    X = SMALL.to_dense()
    W, b = trained_by_torch(lambda step: X, SMALL.n, config)
    assert run.W.dtype == np.float32
    assert np.abs(run.W - W).max() < 1e-5
    assert np.abs(run.b - b).max() < 1e-5
    start, _ = initial_weights(m, SMALL.n)
    assert np.abs(run.W - start).max() > 0.02  # it has gone somewhere


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_in_double_precision_a_run_is_that_of_torch_adamw_to_ten_digits(reduction):
    config = short(reduction=reduction, dtype="float64", lr=1e-2, weight_decay=0.3, warmup=50)
    run = train(SMALL, config)
    X = SMALL.to_dense()
    init = initial_weights(3, SMALL.n, dtype="float64")
    W, b = trained_by_torch(lambda step: X, SMALL.n, config, init)
    assert run.W.dtype == run.b.dtype == np.float64
    np.testing.assert_allclose(run.W, W, rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.b, b, rtol=0, atol=1e-10)
    # The reductions differ, so that none can stand for the other.
    other = train(SMALL, replace(config, reduction={"mean": "sum", "sum": "mean"}[reduction]))
    assert np.abs(other.W - W).max() > 1e-4


def test_at_t_infinity_every_step_sees_its_own_fresh_points():
    fresh = stream(15, 60, 0.9, seed=4)
    config = short(lr=1e-2, reduction="sum")
    run = train(fresh, config)
    W, b = trained_by_torch(lambda step: fresh.at(step).to_dense(), 60, config)
    assert np.abs(run.W - W).max() < 1e-5
    assert np.abs(run.b - b).max() < 1e-5
    same, _ = trained_by_torch(lambda step: fresh.at(0).to_dense(), 60, config)
    assert np.abs(run.W - same).max() > 1e-3
    # The losses reported are those of points that the model has not seen.
    assert run.train_loss == engine.loss(run.W, run.b, fresh.at(200))
    assert run.history["loss"][0] == engine.loss(*initial_weights(3, 60), fresh.at(0))
    assert run.T == math.inf


@pytest.mark.slow
def test_the_mean_with_eps_is_the_sum_with_n_times_eps_bit_for_bit():
    # With T and n powers of two all factors are exact, so nothing may differ, at any step.
    data = sample(64, 1_024, 0.99, seed=2)
    # (The paper's number of steps, so that second moments of silent features decay for long, too.)
    settings = {"steps": 50_000, "lr": 1e-2, "dtype": "float64", "weight_decay": 0.01}
    mean = train(data, TrainConfig(reduction="mean", eps=1e-8, **settings))
    summed = train(data, TrainConfig(reduction="sum", eps=1_024 * 1e-8, **settings))
    assert mean.W.tobytes() == summed.W.tobytes()
    assert mean.b.tobytes() == summed.b.tobytes()
    assert mean.history["loss"].tobytes() == summed.history["loss"].tobytes()
    plain = train(data, TrainConfig(reduction="sum", eps=1e-8, **settings))
    assert np.abs(plain.W - mean.W).max() > 1e-3


def test_at_any_n_each_step_agrees_to_twelve_digits_from_shared_states():
    # Over a whole run rounding grows, so states are shared: each step starts from the mean's.
    data, n = sample(200, 10_000, 0.999, seed=1), 10_000
    state = engine.State(*initial_weights(2, n, dtype="float64"))
    how = {"weight_decay": 0.01, "threads": 1}
    for step in range(60):
        other = engine.State.from_arrays(state.arrays(), state.steps)
        # The sum's gradients are n times the mean's, and so are its moments.
        other.moments = tuple(a * f for a, f in zip(other.moments, (n, n**2, n, n**2), strict=True))
        engine.advance(state, data, [1e-3], eps=1e-8, scale=1 / n, **how)
        engine.advance(other, data, [1e-3], eps=1e-8 * n, scale=1.0, **how)
        for a, b in ((state.W, other.W), (state.b, other.b)):
            assert np.abs(a - b).max() <= 1e-12 * np.abs(a).max(), step
    apart = engine.State.from_arrays(state.arrays(), state.steps)
    engine.advance(apart, data, [1e-3], eps=1e-8, scale=1.0, **how)  # the sum with the same ε
    assert np.abs(apart.W - state.W).max() > 1e-6


@pytest.mark.parametrize(("T", "m"), [(20, 2), (20, 3), (300, 2), (300, 4), (300, 6)])
def test_the_bias_may_decay_otherwise_than_the_weights(T, m):
    data = sample(T, 300, 0.97, seed=3)
    start = initial_weights(m, 300, dtype="float64")[0], np.linspace(0.1, 0.2, 300)
    rates, how = [0.01] * 3, {"eps": 1e-8, "weight_decay": 0.3}

    def after(**more):
        state = engine.State(*start)
        engine.advance(state, data, rates[:1], **how, **more)
        return state

    same, without, strong = after(), after(bias_decay=0.0), after(bias_decay=5.0)
    for other, decay in ((without, 0.0), (strong, 5.0)):
        assert other.W.tobytes() == same.W.tobytes()  # one step: W has not seen b's decay yet
        expected = same.b + start[1] * 0.01 * (0.3 - decay)
        np.testing.assert_allclose(other.b, expected, rtol=1e-12)
    run = train(data, TrainConfig(m=m, steps=5, bias_decay=0.01, weight_decay=0.01))
    assert run.b.tobytes() == train(data, TrainConfig(m=m, steps=5)).b.tobytes()


def test_a_warm_start_goes_on_from_the_weights_given():
    rng = np.random.default_rng(0)
    init = rng.normal(size=(3, 60)).astype(np.float32), rng.normal(size=60).astype(np.float32)
    copies = tuple(a.copy() for a in init)
    run = train(SMALL, short(reduction="sum"), init=init, snapshots=(0,))
    np.testing.assert_array_equal(run.snapshots["W"][0], init[0])
    np.testing.assert_array_equal(run.snapshots["b"][0], init[1])
    X = SMALL.to_dense()
    W, b = trained_by_torch(lambda step: X, 60, short(reduction="sum"), init)
    assert np.abs(run.W - W).max() < 1e-5
    assert np.abs(run.b - b).max() < 1e-5
    for array, copy in zip(init, copies, strict=True):
        np.testing.assert_array_equal(array, copy)  # the caller's arrays are left alone
    assert run.start == hash_arrays(*init) != ""
    assert run.start != hash_arrays(init[0], init[1] + 1)
    assert train(SMALL, short(steps=1)).start == ""


# --- History, snapshots, callback -----------------------------------------------------------------


def test_the_history_is_log_spaced_and_holds_what_a_callback_sees():
    seen = {}
    config = short(steps=5_000, lr=1e-2)
    run = train(SMALL, config, callback=lambda step, W, b: seen.update({step: (+W, +b)}))
    history, rates = run.history, config.rates()
    steps = history["step"].astype(int)
    assert steps[0] == 0
    assert steps[-1] == 5_000
    assert (np.diff(steps) > 0).all()
    assert 120 <= steps.size <= 210
    assert set(range(1, 10)) < set(steps.tolist())  # every one of the first
    late = np.diff(np.log(steps[steps >= 100]))
    assert late.max() < 0.06  # and never more than 6 % apart
    assert set(history) == {"step", "lr", "loss", "W_norm", "b_norm"}
    for k in (0, 5, steps.size // 2, steps.size - 1):
        W, b = seen[steps[k]]
        assert history["loss"][k] == engine.loss(W, b, SMALL)
        assert history["W_norm"][k] == pytest.approx(np.sqrt((W.astype(float) ** 2).sum()))
        assert history["b_norm"][k] == pytest.approx(np.sqrt((b.astype(float) ** 2).sum()))
        assert history["lr"][k] == rates[min(steps[k], 4_999)]
    assert set(steps.tolist()) <= set(seen)
    assert run.train_loss == history["loss"][-1] == engine.loss(run.W, run.b, SMALL)


def test_snapshots_are_what_the_callback_sees_and_the_second_moments_of_adamw():
    seen = {}
    config = short()
    run = train(
        SMALL,
        config,
        snapshots=(150, 0, 37, 200, 37),
        callback=lambda step, W, b: seen.update({step: (+W, +b)}),
    )
    kept = run.snapshots
    assert kept["step"].tolist() == [0, 37, 150, 200]
    for step, W, b in zip(kept["step"], kept["W"], kept["b"], strict=True):
        np.testing.assert_array_equal(W, seen[step][0])
        np.testing.assert_array_equal(b, seen[step][1])
    np.testing.assert_array_equal(kept["W"][0], initial_weights(3, 60)[0])
    np.testing.assert_array_equal(kept["W"][-1], run.W)
    # And step 37 is where the engine is after 37 steps.
    state = engine.State(*initial_weights(3, 60))
    rates = config.rates()[:37]
    engine.advance(state, SMALL, rates, weight_decay=0.01, eps=1e-8, scale=1 / 60)
    for name, array in (("W", state.W), ("vW", state.moments[1]), ("vb", state.moments[3])):
        np.testing.assert_array_equal(kept[name][1], array)
        assert array.any()
    assert train(SMALL, config).snapshots == {}


@pytest.mark.parametrize(
    ("data", "m", "steps"),
    [(SMALL, 3, 400), (LARGE, 2, 400), (LARGE, 6, 300), (stream(300, 400, 0.97), 2, 150)],
    ids=["small", "pruned", "tiles", "stream"],
)
def test_a_stop_at_every_step_changes_neither_bits_nor_history(data, m, steps):
    config = short(m=m, steps=steps, lr=1e-2)
    plain, often = (train(data, config, snapshots=kept) for kept in ((), range(steps + 1)))
    assert often.snapshots["step"].tolist() == list(range(steps + 1))
    assert_same_run(replace(often, snapshots={}), plain)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1e-6, 4e-3, 0.3, 30.0])
def test_stops_come_every_few_seconds_however_long_a_step_takes(seconds, monkeypatch):
    clock, stops = [0.0], []

    def advance(state, data, rates, **options):
        clock[0] += seconds * rates.size
        state.steps += rates.size

    monkeypatch.setattr(engine, "advance", advance)
    monkeypatch.setattr(loop, "perf_counter", lambda: clock[0])
    config = short(steps=50_000)
    train(SMALL, config, callback=lambda step, *_: stops.append((step, clock[0])))
    steps, times = zip(*stops, strict=True)
    assert np.diff(times).max() < max(loop.STOP_INTERVAL_S, seconds) + 1e-6
    assert len(steps) < 400 + 2 * times[-1] / max(loop.STOP_INTERVAL_S, seconds)  # nor much oftener
    begun = train(SMALL, config, checkpoint=lambda p: None).history["step"]
    assert set(begun) <= set(steps)


# --- Threads --------------------------------------------------------------------------------------


LONG = sample(3_000, 700, 0.99)  # large enough for threads


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_settings_give_the_same_bits_on_any_number_of_threads(threads):
    config = TrainConfig(steps=40, lr=1e-2, reduction="sum")
    one, other = train(LONG, config), train(LONG, config, threads=threads)
    assert_same_run(one, other)
    assert train(LONG, replace(config, seed=1)).W.tobytes() != one.W.tobytes()


def test_the_number_of_threads_may_change_on_the_way():
    config = TrainConfig(steps=20, lr=1e-2)
    answers = iter([1, 1, 0, 2, 2, 1] + [2] * 100)
    changing = train(LONG, config, threads=lambda: next(answers))
    assert len(list(answers)) <= 106 - 20  # asked at every stop
    assert_same_run(changing, train(LONG, config))


# --- What a run holds -----------------------------------------------------------------------------


def test_a_run_names_all_that_determines_it():
    run = train(SMALL, short())
    assert isinstance(run, Run)
    assert run.T == 20
    assert run.settings["data"]["n"] == 60
    assert run.settings["data"]["seed"] == 1
    assert set(run.settings["config"]) == {f.name for f in fields(TrainConfig)}
    own = Dataset.from_dense(SMALL.to_dense())
    by_content = train(own, short())
    assert by_content.settings["data"] == {"hash": own.content_hash()}
    assert by_content.T == 20
    assert by_content.data == own
    assert by_content.W.tobytes() == run.W.tobytes()


def test_a_run_is_judged_by_the_mean_over_the_test_set_and_its_standard_error():
    run = train(SMALL, short(lr=1e-2))
    assert math.isnan(run.test_loss)
    test = sample(500, 60, 0.9, split="test")
    judged = evaluate(run, test)
    model = ReLUOutput.from_weights(torch.tensor(run.W).double(), torch.tensor(run.b).double())
    x = torch.tensor(test.to_dense()).double()
    errors = ((x - model(x)) ** 2).sum(1).detach().numpy()
    assert judged.test_loss == pytest.approx(errors.mean(), rel=1e-9)
    assert judged.test_error == pytest.approx(errors.std(ddof=1) / math.sqrt(500), rel=1e-9)
    assert judged.W is run.W
    assert math.isnan(evaluate(run, test.take([0])).test_error)


# --- Failure --------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 3])
def test_a_run_whose_loss_is_not_finite_stops_with_its_step_and_settings(m):
    seen = []
    config = short(lr=1e30, m=m)
    with pytest.raises(TrainingDiverged, match=r"the loss became (nan|inf) by step") as caught:
        train(SMALL, config, callback=lambda step, W, b: seen.append(step))
    step = int(re.search(r"by step (\d+)", str(caught.value))[1])
    assert 0 < step < 200
    assert max(seen) < step
    assert repr(config) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])  # the last: too large for float32
def test_initial_weights_that_are_not_finite_are_refused(value):
    W, b = initial_weights(3, 60)
    with pytest.raises(ValueError, match="initial weights must be finite as float32"):
        train(SMALL, short(), init=(np.full(W.shape, value), b))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"init": (np.zeros((3, 60)), np.zeros(59))}, "they are (3, 60) and (59,)"),
        ({"init": (np.zeros((3, 50)), np.zeros(50))}, "the data have n = 60 features"),
        ({"init": (np.zeros((2, 60)), np.zeros(60))}, "W has 2 rows, but config.m = 3"),
        ({"snapshots": [201]}, "snapshots must be at most steps = 200, not 201"),
        ({"snapshots": [-1]}, "a snapshot's step must be a whole number of at least 0, not -1"),
        ({"snapshots": [1.5]}, "a snapshot's step must be a whole number of at least 0, not 1.5"),
    ],
)
def test_what_does_not_fit_the_settings_is_refused_before_training(options, message):
    for data in (SMALL, stream(5, 60, 0.9)):
        with pytest.raises(ValueError, match=re.escape(message)):
            train(data, short(), **options)


def test_given_weights_leave_nothing_to_restart():
    with pytest.raises(ValueError, match="restarts must be 1 where initial weights are given"):
        train(SMALL, short(restarts=2), init=initial_weights(3, 60))


@pytest.mark.slow
def test_by_default_data_of_another_size_stay_in_the_papers_regime():
    # A twin of T = 5,000: by the paper's own ε a model of twenty times fewer features, which are
    # active twenty times as often, fires at new points without end.
    data, test = (sample(250, 500, 0.98, split=split) for split in ("train", "test"))
    losses = [
        evaluate(train(data, TrainConfig(eps=eps)), test).test_loss for eps in (None, paper.EPS)
    ]
    assert losses[0] < 1.0
    assert losses[1] > 2.0
