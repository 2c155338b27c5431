"""A training that was stopped is resumed with the same bits, whatever it was stopped at."""

from dataclasses import replace

import numpy as np
import pytest
from short_runs import LARGE, SMALL, assert_same_run, short, stopped_after

from sdd.data import sample, stream
from sdd.training import Progress, train
from sdd.training.checkpoint import ResumeError

WARM = tuple(a.astype(np.float32) for a in (np.full((3, 60), 0.2), np.full(60, -0.1)))


@pytest.mark.parametrize(
    ("data", "changes", "options"),
    [
        (SMALL, {"steps": 30}, {"snapshots": (0, 7, 21, 30)}),
        (SMALL, {"steps": 25, "dtype": "float64", "m": 2, "weight_decay": 0.3}, {}),
        (stream(15, 60, 0.9, seed=4), {"steps": 25}, {"snapshots": (3,)}),
        (SMALL, {"steps": 25}, {"init": WARM}),
        (SMALL, {"steps": 9, "restarts": 4, "seed": 10}, {"snapshots": (2, 9)}),
        (LARGE, {"steps": 40, "m": 2}, {}),
        (stream(300, 400, 0.97), {"steps": 25, "m": 2}, {}),
    ],
    ids=["snapshots", "float64", "stream", "warm start", "restarts", "pruned", "pruned stream"],
)
def test_a_training_stopped_anywhere_goes_on_to_the_same_bits(data, changes, options):
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


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (sample(20, 60, 0.9, seed=2), {}),  # other data of the same shape
        (sample(30, 60, 0.9, seed=1), {}),
        (SMALL, {"init": WARM}),
        (SMALL, {"snapshots": (3,)}),
    ],
    ids=["data", "more data", "weights", "snapshots"],
)
def test_a_training_goes_on_as_itself_alone(data, options):
    config = short(steps=10)
    progress = Progress.from_arrays(stopped_after(5, SMALL, config), config)
    with pytest.raises(ResumeError, match="but it is of other data, initial weights, snapshots"):
        train(data, config, resume=progress, **options)
    train(sample(20, 60, 0.9, seed=1), config, resume=progress)  # the very data, drawn again


def test_progress_that_does_not_say_of_what_it_is_is_refused():
    config = short(steps=10)
    arrays = stopped_after(5, SMALL, config)
    del arrays["origin"]
    with pytest.raises(ResumeError, match="but it is of an earlier version"):
        train(SMALL, config, resume=Progress.from_arrays(arrays, config))


def changed(arrays, name, change):
    array = arrays[name].copy()
    change(array)
    return arrays | {name: array}


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("0/state/W", lambda a: a.__setitem__((1, 7), np.nan), "are not all finite"),
        ("0/state/b", lambda a: a.__setitem__(7, np.inf), "are not all finite"),
        ("0/state/features", lambda a: a.__setitem__(3, 10**6), "the order of the features"),
        ("0/state/points", lambda a: a.__setitem__(3, -1), "the order of the points"),
        ("0/steps", lambda a: a.fill(41), "has taken 41 of 40 steps"),
        ("0/steps", lambda a: a.fill(-2), "has taken -2 of 40 steps"),
        ("losses", lambda a: a.fill(np.inf), "infinite"),
    ],
)
def test_progress_that_no_training_leaves_is_refused(name, change, reason):
    config = short(steps=40, m=2)
    arrays = stopped_after(20, LARGE, config)
    with pytest.raises(ResumeError, match=reason):
        Progress.from_arrays(changed(arrays, name, change), config)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"0/state/W": np.zeros((3, 61), np.float32)}, r"its 0/state/W is \(3, 61\)"),
        ({"0/state/m1W": np.zeros((3, 60))}, "its 0/state/m1W is .* of float64"),
        ({"0/state/huge": np.zeros(9)}, "it holds 0/state/huge, which"),
        ({"0/state/other:U": np.zeros(9)}, r"it lacks 0/snapshots/U, 0/state/other:m1 U"),
        ({"1/state/W": np.zeros(9)}, "it holds 1, which is no restart of 1"),
        ({"0/history/loss": np.zeros(99)}, "its 0/history/loss is"),
    ],
)
def test_progress_of_other_arrays_is_refused(change, reason):
    config = short(steps=40)
    arrays = stopped_after(20, SMALL, config)
    with pytest.raises(ResumeError, match=reason):
        Progress.from_arrays(arrays | change, config)
