"""A training that was stopped is resumed with the same bits, whatever it was stopped at."""

from dataclasses import replace

import numpy as np
import pytest
from short_runs import LARGE, SMALL, assert_same_run, short, stopped_after

from sdd.data import sample, stream
from sdd.training import Progress, train

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
