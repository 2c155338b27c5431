"""Short trainings, and what it takes to compare and to interrupt them."""

import pytest

from sdd.data import sample
from sdd.training import TrainConfig, train

SMALL = sample(20, 60, 0.9, seed=1)
LARGE = sample(300, 400, 0.97, seed=3)  # where the engine skips pairs


def short(**changes):
    """A run of 200 steps that moves the weights visibly."""
    return TrainConfig(**{"m": 3, "steps": 200, "lr": 1e-3, "eps": 1e-8} | changes)


class Pause(Exception):
    """Stops a training, as a crash would."""


def assert_same_run(one, other):
    for name in ("W", "b", "restart_losses"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert (one.config, one.data, one.start) == (other.config, other.data, other.start)
    assert (one.train_loss, type(one.train_loss)) == (other.train_loss, type(other.train_loss))
    for group in ("history", "snapshots"):
        ours, theirs = getattr(one, group), getattr(other, group)
        assert set(ours) == set(theirs)
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
