"""Where a loss is not finite, what is advised is a way out of that very case."""

from dataclasses import replace

import numpy as np
import pytest
from own_models import RootAtZero, Undefined

from sdd.data import sample
from sdd.training import TrainConfig, TrainingDiverged, train

FEW = sample(1, 60, 0.9)  # so few that some features are without a gradient
USUAL = TrainConfig(steps=60, eps=1e-8)
HUGE = np.full((2, 60), 1e18, np.float32), np.zeros(60, np.float32)
CASES = {  # how the training is set up, what is advised, and what heeds the advice
    "learning rate": ({"lr": 1e30}, {}, "lower lr", {"lr": 1e-3}, {}),
    "weight decay": (
        {"weight_decay": 1e9, "lr": 1e-3},
        {},
        r"lower lr or weight_decay: their product must be below 2, not 1e\+06",
        {"weight_decay": 1e3},
        {},
    ),
    "decay of the bias": (
        {"bias_decay": 1e9, "lr": 1e-3},
        {},
        r"lower lr or bias_decay: their product must be below 2, not 1e\+06",
        {"bias_decay": 1e3},
        {},
    ),
    "no epsilon": ({"eps": 0.0}, {}, "raise eps, which is 0 as float32", {"eps": 1e-30}, {}),
    "epsilon too small": (
        {"eps": 1e-60},
        {},
        "raise eps, which is 0 as float32",
        {"eps": 1e-30},
        {},
    ),
    "gain": ({"gain": 1e18}, {}, "lower gain, not lr", {"gain": 10.0}, {}),
    "gain, at once": (
        {"gain": 1e200, "dtype": "float64"},
        {},
        "lower gain, not lr$",
        {"gain": 10.0},
        {},
    ),
    "initial weights": (
        {},
        {"init": HUGE},
        r"look at the initial weights, not lr: the loss was \S+ before the first step",
        {},
        {"init": None},
    ),
    "a model": ({}, {"model": Undefined}, r"look at Undefined-\w+, not at lr", {}, {"model": None}),
    "a model's gradient": (
        {},
        {"model": RootAtZero},
        r"lower lr, or look at the gradient of the objective of RootAtZero-",
        {},
        {"model": None},
    ),
}


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
@pytest.mark.parametrize("case", CASES)
def test_what_is_advised_is_a_way_out(case):
    changes, options, advised, heeded, other = CASES[case]
    config = replace(USUAL, **changes)
    with pytest.raises(TrainingDiverged, match=f"; {advised}"):
        train(FEW, config, **options)
    assert np.isfinite(train(FEW, replace(config, **heeded), **(options | other)).train_loss)
