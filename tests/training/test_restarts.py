"""Several restarts keep the best, and are the same side by side as one after another."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from short_runs import LARGE, SMALL, Pause, assert_same_run, short, stopped_after

from sdd.training import Progress, TrainingDiverged, train
from sdd.training.restarts import side_by_side


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


@pytest.mark.parametrize("threads", [2, 3, 8, lambda: 2])
@pytest.mark.parametrize(("data", "m"), [(SMALL, 3), (LARGE, 2)], ids=["small", "pruned"])
def test_restarts_side_by_side_are_those_of_one_after_another(threads, data, m):
    config = short(restarts=5, seed=10, lr=1e-2, m=m, steps=100)
    one = train(data, config, snapshots=(20,))
    assert_same_run(train(data, config, snapshots=(20,), threads=threads), one)


def test_on_other_devices_restarts_come_one_after_another(monkeypatch):
    monkeypatch.setattr("sdd.engine.torch_step.find_device", lambda *_: torch.device("cpu"))
    callers = set()
    config = short(restarts=3, steps=10, device="cuda")
    train(SMALL, config, threads=2, callback=lambda *_: callers.add(threading.get_ident()))
    assert callers == {threading.get_ident()}


def test_side_by_side_each_restart_has_one_thread_and_the_last_has_all():
    both_at_work, others, asked = threading.Barrier(2), [], {}

    def train_one(r, threads):
        if r < 2:
            both_at_work.wait(30)  # two at once, as there are two threads
            asked[r] = threads()
            both_at_work.wait(30)
            others.append(r)
        else:
            deadline = time.monotonic() + 30
            while threads() == 1 and time.monotonic() < deadline:
                time.sleep(0.001)
            asked[r] = threads(), len(others)

    side_by_side(train_one, [0, 1, 2], lambda: 2)
    assert asked == {0: 1, 1: 1, 2: (2, 2)}


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
