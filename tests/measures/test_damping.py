"""AdamW's damping is read off second moments rightly, in the sum form whatever was trained on."""

import numpy as np
import pytest

from sdd.data import sample, stream
from sdd.measures import damping
from sdd.training import train
from sdd.training.config import TrainConfig

DATA = sample(64, 1_024, 0.99, seed=2)
MEAN = TrainConfig(steps=40, lr=1e-2, eps=1e-6, dtype="float64")
SUM = TrainConfig(steps=40, lr=1e-2, eps=1_024e-6, dtype="float64", reduction="sum")


def test_mean_and_sum_of_one_training_have_one_sum_form():
    mean, summed = (train(DATA, config, snapshots=(1, 40)) for config in (MEAN, SUM))
    assert damping.sum_form_eps(mean) == pytest.approx(damping.sum_form_eps(summed), rel=1e-12)
    steps, root = damping.root_moments(mean)
    assert steps.tolist() == [1, 40]
    assert root.shape == (2, 1_024)
    np.testing.assert_allclose(root, damping.root_moments(summed)[1], rtol=1e-12)


def test_after_one_step_the_root_moment_is_the_gradient():
    run = train(DATA, SUM, snapshots=(0, 1))
    from sdd import engine

    _, dW, _ = engine.loss_and_grad(run.snapshots["W"][0], run.snapshots["b"][0], DATA)
    expected = np.sqrt((dW**2).mean(0))
    np.testing.assert_allclose(damping.root_moments(run)[1][1], expected, rtol=1e-9, atol=1e-15)


def test_the_share_of_a_step_runs_from_nothing_to_all():
    np.testing.assert_allclose(
        damping.effective_share(np.array([0.0, 1e-4, 1e-2, 1.0]), 1e-2), [0, 1 / 101, 0.5, 1 / 1.01]
    )
    assert damping.effective_share(np.array(0.0), 0.0) == 0


def test_features_are_grouped_by_how_often_they_were_seen():
    run = train(DATA, SUM, snapshots=(1, 20, 40))
    seen = damping.times_seen(run)
    np.testing.assert_array_equal(seen, (DATA.to_dense() > 0).sum(0))
    assert damping.group_of(np.array([0, 1, 2, 5, 6, 2_000])).tolist() == [0, 1, 2, 2, 3, 3]
    found = damping.by_times_seen(run).set_index("seen")
    assert list(found.index) == ["never", "once", "2 to 5 times"]
    assert found.loc["never", "length"] == pytest.approx(
        np.sqrt((run.W[:, seen == 0] ** 2).sum(0).mean())
    )
    half = damping.by_feature(run).query("step == 20")
    once = half["share"].to_numpy()[seen == 1]
    assert found.loc["once", "share"] == pytest.approx(np.median(once))


def test_what_has_no_answer_is_refused():
    with pytest.raises(ValueError, match="must have snapshots"):
        damping.root_moments(train(DATA, TrainConfig(steps=1)))
    endless = train(stream(5, 30, 0.9), TrainConfig(steps=1))
    with pytest.raises(ValueError, match="must be finite"):
        damping.times_seen(endless)
