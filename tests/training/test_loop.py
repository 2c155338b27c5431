"""Training is PyTorch's AdamW on the plain model, and a run holds what it promises."""

import math
import re
import threading
import time
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from sdd import engine, paper
from sdd.data import Dataset, sample, stream
from sdd.engine import choice
from sdd.model import ReLUOutput
from sdd.training import loop as training
from sdd.training.checkpoint import Progress
from sdd.training.config import Run, TrainConfig
from sdd.training.loop import TrainingDiverged, evaluate, hash_arrays, initial_weights, train

torch.set_num_threads(1)  # on problems this small, threads only wait for each other

SMALL = sample(20, 60, 0.9, seed=1)


def short(**changes):
    """A run of 200 steps that moves the weights visibly."""
    return TrainConfig(**{"m": 3, "steps": 200, "lr": 1e-3} | changes)


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


# --- Against PyTorch ----------------------------------------------------------------------------


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


def test_both_laws_of_initial_weights_have_xaviers_variance():
    for law in ("normal", "uniform"):
        W, _ = initial_weights(2, 50_000, seed=3, xavier=law)
        assert W.std() == pytest.approx(math.sqrt(2 / 50_002), rel=0.01)
    assert np.abs(W).max() <= math.sqrt(3 * 2 / 50_002)
    assert TrainConfig(xavier="uniform") != TrainConfig()
    drawn = train(SMALL, short(xavier="uniform"), snapshots=(0,)).snapshots["W"][0]
    np.testing.assert_array_equal(drawn, initial_weights(3, 60, xavier="uniform")[0])


def test_snapshots_hold_the_second_moments_that_adamw_has():
    config = short()
    run = train(SMALL, config, snapshots=(37,))
    state = engine.State(*initial_weights(3, 60))
    engine.advance(state, SMALL, config.rates()[:37], weight_decay=0.01, eps=1e-8, scale=1 / 60)
    for name, moment in (("vW", state.moments[1]), ("vb", state.moments[3])):
        np.testing.assert_array_equal(run.snapshots[name][0], moment)
    assert run.snapshots["vW"].any()


# --- The schedule -------------------------------------------------------------------------------


def test_the_papers_schedule_warms_up_over_2500_of_50000_steps_and_ends_at_zero():
    config = TrainConfig()
    assert (config.steps, config.warmup_steps, config.lr) == (50_000, 2_500, 1e-3)
    assert (config.weight_decay, config.eps, config.m) == (1e-2, 1e-8, 2)
    rates = config.rates()
    assert rates.shape == (50_000,)
    np.testing.assert_allclose(rates[:2_500], np.arange(1, 2_501) * 1e-3 / 2_500)
    assert rates.max() == rates[2_499] == rates[2_500] == 1e-3
    assert (np.diff(rates[2_500:]) < 0).all()
    assert rates[26_250] == pytest.approx(5e-4)  # half-way down
    assert 0 < rates[-1] < 1e-11
    # What decides the predicted D at T = infinity: half the peak on average.
    assert rates.sum() == pytest.approx(1e-3 * (2_501 / 2 + 47_501 / 2))


@pytest.mark.parametrize(
    ("steps", "warmup", "expected"),
    [(1_000, None, 50), (10, None, 0), (1, None, 0), (10, 0, 0), (10, 9, 9)],
)
def test_the_warm_up_is_5_percent_of_the_steps_unless_given(steps, warmup, expected):
    config = TrainConfig(steps=steps, warmup=warmup, lr=0.5)
    assert config.warmup_steps == expected
    rates = config.rates()
    assert rates.size == steps
    assert rates[expected] == 0.5
    assert (rates > 0).all()


# --- Initial weights ----------------------------------------------------------------------------


def test_initial_weights_are_xavier_normal_and_the_bias_is_zero():
    W, b = initial_weights(2, 50_000, seed=3, gain=2.0)
    assert W.shape == (2, 50_000)
    assert W.dtype == b.dtype == np.float32
    assert not b.any()
    deviation = 2 * math.sqrt(2 / 50_002)
    assert W.std() == pytest.approx(deviation, rel=0.02)
    assert abs(W.mean()) < 4 * deviation / math.sqrt(W.size)
    assert (W**4).mean() == pytest.approx(3 * deviation**4, rel=0.1)  # normal, not uniform


def test_a_parameter_seed_gives_these_very_weights():
    W, _ = initial_weights(2, 3, seed=5, dtype="float64")
    expected = [
        [-0.3987941734021224, -0.5089223607210379, 0.600338195394567],
        [0.7369775375427684, -0.0968332539750812, 0.19429556404590634],
    ]
    np.testing.assert_allclose(W, expected, rtol=1e-12)
    single, _ = initial_weights(2, 3, seed=5)
    np.testing.assert_array_equal(single, W.astype(np.float32))
    assert (initial_weights(2, 3, seed=6)[0] != single).all()


def test_config_seed_and_gain_steer_the_start():
    starts = {}
    for seed, gain in [(0, 1.0), (1, 1.0), (0, 2.0)]:
        config = TrainConfig(steps=1, lr=0, seed=seed, gain=gain)
        starts[seed, gain] = train(SMALL, config).W
        np.testing.assert_array_equal(starts[seed, gain], initial_weights(2, 60, seed, gain)[0])
    assert (starts[0, 1.0] != starts[1, 1.0]).all()
    np.testing.assert_allclose(starts[0, 2.0], 2 * starts[0, 1.0], rtol=1e-6)


# --- History, snapshots, callback ---------------------------------------------------------------


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


def test_snapshots_are_the_weights_that_the_callback_sees_at_that_step():
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
    np.testing.assert_array_equal(kept["W"][1], state.W)
    assert train(SMALL, config).snapshots == {}


def test_looking_on_changes_nothing():
    plain = train(SMALL, short())
    watched = train(SMALL, short(), snapshots=range(0, 200, 7), callback=lambda *_: None)
    assert plain.W.tobytes() == watched.W.tobytes()
    assert plain.b.tobytes() == watched.b.tobytes()


@pytest.mark.parametrize(
    ("data", "m", "steps"),
    [
        (SMALL, 3, 400),
        (sample(300, 400, 0.97, seed=3), 2, 400),  # pairs are skipped
        (sample(300, 400, 0.97, seed=3), 6, 300),  # tiles
        (stream(300, 400, 0.97), 2, 150),
    ],
    ids=["small", "pruned", "tiles", "stream"],
)
def test_more_stops_change_neither_bits_nor_history(data, m, steps, monkeypatch):
    config, seen = short(m=m, steps=steps, lr=1e-2), []
    plain = train(data, config, snapshots=(77,))
    monkeypatch.setattr(training, "BETWEEN", 0.0)
    often = train(data, config, snapshots=(77,), callback=lambda step, *_: seen.append(step))
    assert seen == list(range(steps + 1))
    assert_same_run(often, plain)


@pytest.mark.parametrize("seconds", [1e-6, 4e-3, 0.3, 30.0])
def test_stops_come_every_few_seconds_however_long_a_step_takes(seconds, monkeypatch):
    clock, stops = [0.0], []

    def advance(state, data, rates, **options):
        clock[0] += seconds * rates.size
        state.steps += rates.size

    monkeypatch.setattr(engine, "advance", advance)
    monkeypatch.setattr(training, "perf_counter", lambda: clock[0])
    config = short(steps=50_000)
    train(SMALL, config, callback=lambda step, *_: stops.append((step, clock[0])))
    steps, times = zip(*stops, strict=True)
    assert np.diff(times).max() < max(training.BETWEEN, seconds) + 1e-6
    assert len(steps) < 400 + 2 * times[-1] / max(training.BETWEEN, seconds)  # nor much oftener
    begun = train(SMALL, config, checkpoint=lambda p: None).history["step"]
    assert set(begun) <= set(steps)


# --- Seeds and starts ---------------------------------------------------------------------------


def test_of_several_parameter_seeds_the_lowest_training_loss_is_kept():
    config = short(restarts=4, seed=10, lr=1e-2)
    run = train(SMALL, config)
    single = [train(SMALL, replace(config, restarts=1, seed=10 + r)) for r in range(4)]
    losses = [r.train_loss for r in single]
    assert len(set(losses)) == 4
    assert run.restart_losses.tolist() == losses
    best = single[int(np.argmin(losses))]
    assert np.argmin(losses) != 3  # so that the last one is not kept for being last
    assert run.train_loss == min(losses)
    np.testing.assert_array_equal(run.W, best.W)
    np.testing.assert_array_equal(run.b, best.b)
    np.testing.assert_array_equal(run.history["loss"], best.history["loss"])
    assert run.config == config
    assert single[0].restart_losses.tolist() == [losses[0]]


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


# --- Stopping and going on ----------------------------------------------------------------------


class Pause(Exception):
    """Stops a training, as a crash would."""


def assert_same_run(one, other):
    for name in ("W", "b", "restart_losses"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert (one.config, one.data, one.start) == (other.config, other.data, other.start)
    assert (one.train_loss, type(one.train_loss)) == (other.train_loss, type(other.train_loss))
    for group in ("history", "snapshots"):
        ours, theirs = getattr(one, group), getattr(other, group)
        assert list(ours) == list(theirs)
        for name in ours:
            assert ours[name].dtype == theirs[name].dtype, name
            assert ours[name].tobytes() == theirs[name].tobytes(), name


def stopped_after(stops, data, config, **options):
    """All that is known of a training that was stopped at its k-th stop, as arrays."""
    left, found = [stops], []

    def checkpoint(progress):
        left[0] -= 1
        if left[0] == 0:
            found.append(progress.arrays())
            raise Pause

    with pytest.raises(Pause):
        train(data, config, checkpoint=checkpoint, **options)
    return found[0]


LARGE = sample(300, 400, 0.97, seed=3)  # where the engine skips pairs
WARM = tuple(a.astype(np.float32) for a in (np.full((3, 60), 0.2), np.full(60, -0.1)))


@pytest.mark.parametrize(
    ("data", "changes", "options"),
    [
        (SMALL, {"steps": 60}, {"snapshots": (0, 7, 41, 60)}),
        (SMALL, {"steps": 25, "dtype": "float64", "m": 2, "weight_decay": 0.3}, {}),
        (stream(15, 60, 0.9, seed=4), {"steps": 25}, {"snapshots": (3,)}),
        (SMALL, {"steps": 25}, {"init": WARM}),
        (SMALL, {"steps": 9, "restarts": 4, "seed": 10}, {"snapshots": (2, 9)}),
        (LARGE, {"steps": 60, "m": 2}, {}),
        (stream(300, 400, 0.97), {"steps": 25, "m": 2}, {}),
    ],
    ids=["snapshots", "float64", "stream", "warm start", "restarts", "pruned", "pruned stream"],
)
def test_a_training_stopped_anywhere_goes_on_to_the_same_bits(data, changes, options, monkeypatch):
    monkeypatch.setattr(training, "BETWEEN", 0.0)  # a stop at every step
    config = short(lr=1e-2, **changes)
    stops = []
    whole = train(data, config, checkpoint=lambda p: stops.append(p.steps), **options)
    assert stops == sorted(stops)
    assert stops[0] == 0
    assert stops[-1] == config.steps * config.restarts
    for k in range(1, len(stops) + 1):
        arrays = stopped_after(k, data, config, **options)
        again = Progress.from_arrays(arrays, config)
        assert again.steps == stops[k - 1]
        done = []
        run = train(data, config, resume=again, callback=lambda *a: done.append(a[0]), **options)  # noqa: B023
        assert_same_run(run, whole)
        assert len(done) == len(stops) - k  # only what was left was trained


def test_one_may_stop_many_times_over_and_progress_is_what_is_left_to_do():
    config = short(lr=1e-2, restarts=3, steps=40)
    whole = train(SMALL, config, snapshots=(11,))
    progress = None
    for _ in range(10):
        arrays = stopped_after(9, SMALL, config, snapshots=(11,), resume=progress)
        progress = Progress.from_arrays(arrays, config)
    assert_same_run(train(SMALL, config, snapshots=(11,), resume=progress), whole)


def test_of_the_finished_restarts_only_the_best_is_kept_in_full():
    config = short(lr=1e-2, restarts=6, steps=8)
    sizes, kept = [], []

    def checkpoint(progress):
        arrays = progress.arrays()
        sizes.append(sum(a.nbytes for a in arrays.values()))
        kept.append({key.split("/")[0] for key in arrays if "/" in key})

    run = train(SMALL, config, checkpoint=checkpoint)
    assert max(len(k) for k in kept) == 2
    assert kept[-1] == {str(np.argmin(run.restart_losses))}
    assert max(sizes) < 2 * (6 * run.W.nbytes + 5 * 9 * 8) + 100


def test_what_a_checkpoint_holds_is_not_changed_by_training_on():
    held = []
    config = short(lr=1e-2, steps=30)
    run = train(
        SMALL, config, snapshots=(3,), checkpoint=lambda p: held.append((p.steps, p.arrays()))
    )
    for steps, arrays in held:
        resumed = train(SMALL, config, snapshots=(3,), resume=Progress.from_arrays(arrays, config))
        assert_same_run(resumed, run)
        assert arrays["0/steps"] == [steps]


def test_progress_of_something_else_is_refused():
    config = short(restarts=2, steps=10)
    arrays = stopped_after(5, SMALL, config)
    for change in (
        {"losses": np.zeros(3)},
        {"0/state/W": None},
        {"0/history/loss": None},
        {"0/steps": None},
        {"losses": None},
        {"x/steps": np.zeros(1)},
        {"0/other/thing": np.zeros(1)},
    ):
        bad = {k: v for k, v in (arrays | change).items() if v is not None}
        with pytest.raises(ValueError, match=r"progress|restarts|invalid literal"):
            Progress.from_arrays(bad, config)
    progress = Progress.from_arrays(arrays, config)
    with pytest.raises(ValueError, match="resume is the progress of TrainConfig"):
        train(SMALL, replace(config, seed=5), resume=progress)
    with pytest.raises(ValueError, match="the data have n = 50 features"):
        train(sample(20, 50, 0.9), config, resume=progress)


# --- Threads ------------------------------------------------------------------------------------


@pytest.fixture
def threaded(monkeypatch):
    """Small steps too take the threads that they may."""
    monkeypatch.setattr(choice, "THREAD_PAIRS", 0)


@pytest.mark.usefixtures("threaded")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_settings_give_the_same_bits_on_any_number_of_threads(threads):
    data = sample(3_000, 100, 0.9)  # two chunks
    config = TrainConfig(steps=40, lr=1e-2, reduction="sum")
    one, other = train(data, config), train(data, config, threads=threads)
    assert_same_run(one, other)
    assert train(data, replace(config, seed=1)).W.tobytes() != one.W.tobytes()


@pytest.mark.usefixtures("threaded")
def test_the_number_of_threads_may_change_on_the_way(monkeypatch):
    data = sample(3_000, 100, 0.9)  # two chunks
    config = TrainConfig(steps=20, lr=1e-2)
    plain, used, advance = train(data, config), [], engine.advance
    monkeypatch.setattr(
        engine,
        "advance",
        lambda *a, **options: (used.append(options["threads"]), advance(*a, **options)),
    )
    answers = iter([1, 1, 0, 2, 2, 1] + [2] * 100)
    assert_same_run(train(data, config, threads=lambda: next(answers)), plain)
    assert used[:6] == [1, 1, 2, 2, 1, 2]  # (no step is taken before the first stop)


@pytest.mark.usefixtures("threaded")
@pytest.mark.parametrize("threads", [2, 3, 8, lambda: 2])
@pytest.mark.parametrize(("data", "m"), [(SMALL, 3), (LARGE, 2)], ids=["small", "pruned"])
def test_restarts_side_by_side_are_those_of_one_after_another(threads, data, m):
    config = short(restarts=5, seed=10, lr=1e-2, m=m, steps=100)
    one = train(data, config, snapshots=(20,))
    assert_same_run(train(data, config, snapshots=(20,), threads=threads), one)


def test_on_other_devices_restarts_come_one_after_another(monkeypatch):
    monkeypatch.setattr(training, "_advance", lambda config: engine.advance)
    monkeypatch.setattr(training, "_side_by_side", lambda *_: pytest.fail("side by side"))
    config = short(restarts=2, steps=10)
    run = train(SMALL, replace(config, device="cuda"), threads=2)
    assert_same_run(replace(run, config=config), train(SMALL, config))


@pytest.mark.usefixtures("threaded")
def test_side_by_side_each_restart_has_one_thread_and_the_last_has_all(monkeypatch):
    config = short(restarts=3, steps=30)
    advance, lock = engine.advance, threading.Lock()
    now, together, asked = set(), [], []

    def watched(state, *a, threads, **options):
        me = id(state)
        with lock:
            now.add(me)
            together.append(len(now))
            asked.append((len(now), threads))
        time.sleep(0.002)
        advance(state, *a, threads=threads, **options)
        with lock:
            now.remove(me)

    monkeypatch.setattr(engine, "advance", watched)
    train(SMALL, config, threads=2)
    assert max(together) == 2  # never more than there are threads
    assert all(count == 1 for count, threads in asked if threads > 1)
    assert asked[-1] == (1, 2)


def test_callbacks_and_checkpoints_of_restarts_side_by_side_never_overlap():
    config = short(restarts=4, steps=30)
    busy, steps, seen = [], [], []

    def alone(*_):
        busy.append(1)
        assert len(busy) == 1
        time.sleep(0.0005)
        busy.clear()

    def callback(step, W, b):
        alone()
        seen.append(step)

    def checkpoint(progress):
        alone()
        steps.append(progress.steps)

    train(SMALL, config, threads=4, callback=callback, checkpoint=checkpoint)
    assert steps == sorted(steps)  # progress never goes back
    assert steps[-1] == 4 * 30
    assert sorted(seen) == sorted(4 * list(range(31)))


def test_restarts_side_by_side_stopped_anywhere_go_on_to_the_same_bits():
    config = short(lr=1e-2, restarts=4, steps=12)
    whole = train(SMALL, config, snapshots=(5,))
    for k in range(1, 52, 5):
        arrays = stopped_after(k, SMALL, config, snapshots=(5,), threads=3)
        progress = Progress.from_arrays(arrays, config)
        assert_same_run(train(SMALL, config, snapshots=(5,), resume=progress, threads=2), whole)


@pytest.mark.parametrize("error", [Pause, KeyboardInterrupt])
def test_a_failure_in_one_restart_ends_the_others_soon(error):
    config = short(restarts=3, steps=10**6)
    reached = {}

    def callback(step, W, b):
        reached[threading.get_ident()] = step
        if len(reached) == 3 and step > 10:
            raise error

    before = threading.active_count()
    with pytest.raises(error):
        train(SMALL, config, threads=3, callback=callback)
    assert max(reached.values()) < config.steps
    assert threading.active_count() == before


def test_a_restart_that_diverges_is_named_side_by_side_too():
    with pytest.raises(TrainingDiverged, match=r"by step \d+ of TrainConfig"):
        train(SMALL, short(lr=1e30, restarts=3), threads=2)


# --- What a run holds ---------------------------------------------------------------------------


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
    assert math.isnan(by_content.T)
    assert by_content.W.tobytes() == run.W.tobytes()


def test_the_default_settings_are_the_papers():
    config = TrainConfig()
    assert (config.m, config.steps, config.lr) == (paper.M, paper.STEPS, paper.LEARNING_RATE)
    assert (config.weight_decay, config.eps) == (paper.WEIGHT_DECAY, paper.EPS)
    assert (config.reduction, config.restarts) == ("mean", 1)


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


# --- Failure ------------------------------------------------------------------------------------


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


def test_initial_weights_that_are_not_finite_are_named_at_step_0():
    W, b = initial_weights(3, 60)
    with pytest.raises(TrainingDiverged, match="became nan by step 0 of TrainConfig"):
        train(SMALL, short(), init=(W * np.nan, b))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"m": 0}, "m must be a whole number of at least 1, not 0"),
        ({"m": -1}, "m must be a whole number of at least 1, not -1"),
        ({"m": 1.5}, "m must be a whole number of at least 1, not 1.5"),
        ({"m": "two"}, "m must be a whole number of at least 1, not 'two'"),
        ({"steps": 0}, "steps must be a whole number of at least 1, not 0"),
        ({"steps": 10.5}, "steps must be a whole number of at least 1, not 10.5"),
        ({"steps": math.inf}, "steps must be a whole number of at least 1, not inf"),
        ({"steps": 100, "warmup": 100}, "but steps = 100 and warmup = 100"),
        ({"steps": 100, "warmup": 101}, "steps must exceed the warm-up"),
        ({"warmup": -1}, "warmup must be a whole number of at least 0, not -1"),
        ({"warmup": 2.5}, "warmup must be a whole number of at least 0, not 2.5"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"restarts": 0}, "restarts must be a whole number of at least 1, not 0"),
        ({"lr": -1e-3}, "lr must be a finite number of at least 0, not -0.001"),
        ({"lr": math.nan}, "lr must be a finite number of at least 0, not nan"),
        ({"lr": math.inf}, "lr must be a finite number of at least 0, not inf"),
        ({"lr": "fast"}, "lr must be a finite number of at least 0, not 'fast'"),
        ({"weight_decay": -0.1}, "weight_decay must be a finite number of at least 0, not -0.1"),
        ({"eps": -1e-8}, "eps must be a finite number of at least 0, not -1e-08"),
        ({"gain": math.nan}, "gain must be a finite number of at least 0, not nan"),
        ({"reduction": "max"}, 'reduction must be "mean" or "sum", not \'max\''),
        ({"dtype": "float16"}, 'dtype must be "float32" or "float64", not \'float16\''),
    ],
)
def test_a_bad_setting_is_named_with_its_rule_and_value(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        TrainConfig(**settings)
    assert "\n" not in str(caught.value)


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


def test_settings_cannot_be_changed_and_numbers_are_normalised():
    config = TrainConfig(m=2.0, steps=np.int64(100), lr=1)
    assert config == TrainConfig(m=2, steps=100, lr=1.0)
    assert [type(x) for x in (config.m, config.steps, config.lr)] == [int, int, float]
    with pytest.raises(AttributeError):
        config.m = 3
