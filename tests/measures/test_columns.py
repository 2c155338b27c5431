"""What is measured on a run agrees with its definition, also where features are dropped."""

import math

import numpy as np
import pytest

from sdd.data import DataSettings
from sdd.measures import columns
from sdd.training.config import TrainConfig
from sdd.training.run import Run


def made_up(features, T=7, m=2, n=40):
    rng = np.random.default_rng(3)
    width = features or n
    return Run(
        W=rng.normal(size=(m, width)).astype(np.float32),
        b=rng.normal(size=width).astype(np.float32),
        config=TrainConfig(m=m),
        data=DataSettings(T=T, n=n, sparsity=0.8, seed=5, features=features),
        history={}, train_loss=0.0, restart_losses=np.zeros(1),
    )  # fmt: skip


def outputs(run, rows):
    X = rows.to_dense().astype(float)
    return X, np.maximum(X @ run.W.T.astype(float) @ run.W + run.b, 0)


@pytest.fixture(params=[None, 30], ids=["all features", "30 of 40 features"], name="run")
def a_run(request):
    return made_up(request.param)


@pytest.fixture(name="test")
def the_test_set(run):
    data = DataSettings(20, 40, 0.8, seed=0, features=run.data.features)
    return outputs(run, data.rows(0, columns.test_rows(run).T, "test"))


def test_the_parts_are_those_of_the_loss_on_the_test_set(run, test):
    X, R = test
    found = columns.loss_parts(run)
    loss = found["zero"] - found["constant_gain"] - found["feature_gain"] + found["false_firing"]
    assert loss == pytest.approx(((X - R) ** 2).sum(1).mean())
    assert found["excess"] == pytest.approx(loss - found["zero"])
    assert found["zero_error"] == pytest.approx((X**2).sum(1).std(ddof=1) / math.sqrt(len(X)))


def test_the_shares_of_false_firing_agree_with_sorting_rows_and_columns(run, test):
    X, R = test
    c = (R * (X == 0)).sum(0) / (X == 0).sum(0)
    firing, total = ((R**2 - c**2) * (X == 0)).sum(1), ((R**2 - c**2) * (X == 0)).sum()
    found = columns.loss_parts(run)
    loudest = np.sort(firing)[-len(X) // 100 :].sum() / total
    assert found["firing_in_loudest_rows"] == pytest.approx(loudest, rel=1e-4)
    holds = X[:, np.linalg.norm(run.W, axis=0).argmax()] > 0
    assert found["long_column_rows"] == holds.mean()
    assert found["firing_in_long_column_rows"] == pytest.approx(firing[holds].sum() / total)


def test_features_are_grouped_by_how_many_training_points_have_them(run, test):
    X, R = test
    seen = (run.data.make().to_dense() > 0).sum(0)
    firing = np.array([R[x == 0, j].var() * (x == 0).mean() for j, x in enumerate(X.T)])
    found = columns.firing_by_times_seen(run)
    for name, chosen in {
        "never": seen == 0, "once": seen == 1, "2 to 5 times": (2 <= seen) & (seen <= 5),
        "more often": seen > 5,
    }.items():  # fmt: skip
        assert found[f"features, seen {name}"] == pytest.approx(chosen.mean())
        share = firing[chosen].sum() / firing.sum()
        assert found[f"false firing, seen {name}"] == pytest.approx(share, rel=1e-4, abs=1e-6)


def test_refits_are_fitted_on_other_rows_and_judged_on_the_test_set(run, test):
    X, R = test
    fit = DataSettings(20, 40, 0.8, seed=1, features=run.data.features)
    fitted, r = outputs(run, fit.rows(0, columns.REFIT_ROWS, "test"))
    found = columns.loss_parts(run)
    scale = found["rescaled_scale"]
    assert scale == pytest.approx((fitted * r).sum() / (r * r).sum(), rel=1e-6)
    loss = ((X - scale * R) ** 2).sum(1).mean()
    assert found["rescaled_loss"] == pytest.approx(loss, rel=1e-6)
    several = X[(X > 0).sum(1) > 1]  # (rows of one feature are alike)
    assert not {x.tobytes() for x in several} & {x.tobytes() for x in fitted}


def test_the_reach_compares_the_longest_hidden_vectors_of_equally_many_points(run, test):
    X, _ = test
    new, seen = (np.linalg.norm(rows @ run.W.T, axis=1) for rows in (X, run.data.make().to_dense()))
    sets = [new[k : k + 7].max() for k in range(0, len(new) - 6, 7)]
    expected = np.mean(sets) / seen.max()
    assert columns.hidden_reach(run)["reach"] == pytest.approx(expected, rel=1e-5)


def test_what_hidden_vectors_tell_is_of_the_test_set(run, test):
    X, _ = test
    found = columns.known_features(run)
    variance = X.var(0, ddof=1)
    explained = found["features_known"] * variance.mean()
    assert found["decoded_loss"] == pytest.approx(variance.sum() - explained, rel=1e-4)
    assert 1 < found["features_known"] < len(X.T)
    assert 0 < found["best_known"] <= 1
