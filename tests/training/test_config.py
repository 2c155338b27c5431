"""Settings are the paper's unless changed, and bad ones get one sentence."""

import math
import re

import numpy as np
import pytest

from sdd import paper
from sdd.data import Dataset, DataSettings, sample, stream
from sdd.training import TrainConfig


def test_the_default_settings_are_the_papers():
    config = TrainConfig()
    assert (config.m, config.steps, config.lr) == (paper.M, paper.STEPS, paper.LEARNING_RATE)
    assert (config.weight_decay, config.eps) == (paper.WEIGHT_DECAY, None)
    assert config.for_data(DataSettings(T=5)).eps == paper.EPS
    assert (config.reduction, config.restarts) == ("mean", 1)


def test_the_papers_schedule_warms_up_over_2500_of_50000_steps_and_ends_at_zero():
    config = TrainConfig().for_data(DataSettings(T=5))
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


def test_eps_is_rescaled_to_the_data_unless_it_is_given():
    config, law = TrainConfig(steps=10), {"n": 500, "sparsity": 0.98}
    expected = paper.rescaled_eps(500, 0.98)
    assert expected != paper.EPS
    for data in (DataSettings(T=5, **law), sample(5, **law), stream(5, **law)):
        assert config.for_data(data).eps == expected
    X = np.zeros((4, 100))
    X[:, 7] = 1
    assert config.for_data(Dataset.from_dense(X)).eps == paper.rescaled_eps(100, 0.99)
    assert config.for_data(Dataset.from_dense(0 * X)).eps == paper.EPS  # nothing to learn
    summed = TrainConfig(reduction="sum").for_data(DataSettings(T=5, **law))
    assert summed.eps == paper.rescaled_eps(500, 0.98, reduction="sum") != expected
    assert TrainConfig(eps=1e-8).for_data(DataSettings(T=5, **law)).eps == 1e-8
    # A model that keeps a part of the features keeps the law of all of them.
    part = DataSettings(T=5, **law, features=5)
    assert config.for_data(part.make()).eps == expected


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


def test_settings_cannot_be_changed_and_numbers_are_normalised():
    config = TrainConfig(m=2.0, steps=np.int64(100), lr=1)
    assert config == TrainConfig(m=2, steps=100, lr=1.0)
    assert [type(x) for x in (config.m, config.steps, config.lr)] == [int, int, float]
    with pytest.raises(AttributeError):
        config.m = 3
