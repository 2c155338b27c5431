"""What is measured on a run agrees with the definitions, written out in loops."""

import math
import statistics
from inspect import unwrap

import numpy as np
import pytest

from sdd.data import DataSettings, sample
from sdd.measures.summary import (
    FRESH_SHOWN,
    REFIT_ROWS,
    Summary,
    by_size,
    spread,
    summarize,
    values_by_size,
)
from sdd.runs import spec as runspec
from sdd.training.config import Run, TrainConfig


def made_up(T=6, seed=0, batch=None, m=3, n=40):
    rng = np.random.default_rng(seed)
    return Run(
        W=rng.normal(size=(m, n)).astype(np.float32),
        b=rng.normal(size=n).astype(np.float32),
        config=TrainConfig(m=m),
        data=DataSettings(T=T, n=n, sparsity=0.8, seed=seed, batch=batch),
        history={},
        train_loss=0.0,
        restart_losses=np.zeros(1),
    )


def dimensionalities(vectors):
    """D_i = ‖v_i‖² / Σ_j (v̂_i · v_j)², one product at a time."""
    found = []
    for v in vectors:
        length = math.sqrt(sum(x * x for x in v))
        shares = [sum(x * y for x, y in zip(v, u, strict=True)) / length for u in vectors]
        found.append(length**2 / sum(s * s for s in shares))
    return sorted(found, reverse=True)


def test_hidden_vectors_are_w_times_the_training_points():
    run = made_up(T=9)
    X = run.data.make().to_dense()
    expected = [
        [sum(w * x for w, x in zip(row, point, strict=True)) for row in run.W] for point in X
    ]
    np.testing.assert_allclose(Summary(run).hidden, expected, rtol=1e-5, atol=1e-6)


def test_at_infinite_data_the_first_fresh_points_stand_for_the_training_set():
    run = made_up(T=math.inf, batch=60)
    stream = run.data.make()
    steps = range(-(-FRESH_SHOWN // 60))
    X = np.vstack([stream.at(step).to_dense() for step in steps])[:FRESH_SHOWN]
    hidden = Summary(run).hidden
    assert hidden.shape == (FRESH_SHOWN, 3)
    np.testing.assert_allclose(hidden, X @ run.W.T, rtol=1e-4, atol=1e-6)
    assert Summary(run).example_D.size == 0


def test_dimensionalities_are_those_of_all_columns_and_of_all_points_largest_first():
    run = made_up(T=9)
    summary = Summary(run)
    columns = run.W.T.astype(float).tolist()
    np.testing.assert_allclose(summary.feature_D, dimensionalities(columns), rtol=1e-6)
    points = (run.data.make().to_dense().astype(float) @ run.W.T).tolist()
    np.testing.assert_allclose(summary.example_D, dimensionalities(points), rtol=1e-4)


def test_norms_are_root_sums_of_squares():
    run = made_up()
    W_norm, b_norm = Summary(run).norms
    assert W_norm == pytest.approx(math.sqrt(sum(float(w) ** 2 for w in run.W.flat)))
    assert b_norm == pytest.approx(math.sqrt(sum(float(v) ** 2 for v in run.b)))


def test_a_summary_knows_what_its_run_was_trained_on():
    summary = Summary(made_up(T=math.inf, seed=4, batch=60))
    assert (summary.T, summary.seed, summary.batch) == (math.inf, 4, 60)
    assert Summary(made_up(T=5)).batch is None


def test_summaries_are_ordered_by_size_then_batch_then_seed_and_grouped_by_size():
    runs = [
        made_up(T=math.inf, batch=60),
        made_up(T=math.inf, batch=30, seed=1),
        made_up(T=math.inf, batch=30),
        made_up(T=10, seed=1),
        made_up(T=10),
        made_up(T=3),
    ]
    found = summarize(runs)
    assert [(s.T, s.batch, s.seed) for s in found] == [
        (3, None, 0),
        (10, None, 0),
        (10, None, 1),
        (math.inf, 30, 0),
        (math.inf, 30, 1),
        (math.inf, 60, 0),
    ]
    groups = by_size(found)
    assert list(groups) == [3, 10, math.inf]
    assert [s.seed for s in groups[10]] == [0, 1]
    assert sum(len(group) for group in groups.values()) == len(runs)


def test_the_spread_is_the_sample_standard_deviation():
    values = [0.25, 0.31, 0.28, 0.2]
    assert spread(values) == pytest.approx((statistics.fmean(values), statistics.stdev(values)))
    mean, sd = unwrap(spread)(v for v in [3.5])
    assert mean == 3.5
    assert math.isnan(sd)


# --- What the test loss is made of ----------------------------------------------------------------


@pytest.fixture
def small_test_set(monkeypatch):
    """A test set of few rows, so that it can be written out."""
    data = sample(150, 40, 0.8, split="test")
    monkeypatch.setattr(runspec, "test_set", lambda n, sparsity: data)
    return data


def test_the_split_is_that_of_the_test_set(small_test_set):
    run = made_up(m=2)
    X = small_test_set.to_dense().astype(float)
    R = np.maximum(X @ run.W.T.astype(float) @ run.W + run.b, 0)
    assert Summary(run).split.parts.loss == pytest.approx(((X - R) ** 2).sum(1).mean())


def test_features_are_grouped_by_how_many_training_points_have_them(small_test_set):
    run = made_up(T=7, m=2)
    seen = (run.data.make().to_dense() > 0).sum(0)
    found = Summary(run).seen
    times = [seen == 0, seen == 1, (seen >= 2) & (seen <= 5), seen > 5]
    assert [s.features for s in found] == pytest.approx([t.mean() for t in times])
    X = small_test_set.to_dense().astype(float)
    R = np.maximum(X @ run.W.T.astype(float) @ run.W + run.b, 0)
    variances = np.array([R[X[:, j] == 0, j].var() * (X[:, j] == 0).mean() for j in range(40)])
    expected = [variances[t].sum() for t in times]
    assert [s.false_firing for s in found] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_refits_see_no_test_row_and_are_judged_on_the_test_set(small_test_set):
    run = made_up(m=2)
    summary = Summary(run)
    X = small_test_set.to_dense().astype(float)
    R = np.maximum(X @ run.W.T.astype(float) @ run.W + run.b, 0)
    for refit in (summary.rescaled, summary.rescaled_and_shifted):
        expected = ((X - refit.scale * R - refit.shift) ** 2).sum(1).mean()
        assert refit.loss == pytest.approx(expected, rel=1e-6)
    fitted = sample(REFIT_ROWS, 40, 0.8, seed=1, split="test").to_dense()
    r = np.maximum(fitted @ run.W.T.astype(float) @ run.W + run.b, 0)
    assert summary.rescaled.scale == pytest.approx((fitted * r).sum() / (r * r).sum(), rel=1e-6)
    rows = {row.tobytes() for row in sample(5_000, 40, 0.8, seed=0, split="test").to_dense()}
    assert not rows & {row.tobytes() for row in fitted if row.any()}


def test_the_reach_compares_the_longest_hidden_vectors(small_test_set):
    run = made_up(T=7, m=2)
    new, seen = (
        [float(np.linalg.norm(h)) for h in data.to_dense() @ run.W.T]
        for data in (small_test_set, run.data.make())
    )
    sets = [new[k : k + 7] for k in range(0, len(new) - 6, 7)]  # of as many as there are to train
    longest = np.mean([max(of) for of in sets])
    assert len(sets) > 10
    assert Summary(run).reach == pytest.approx(longest / max(seen), rel=1e-5)


def test_values_are_grouped_by_size_in_the_order_of_the_runs():
    found = [Summary(made_up(T=T, seed=seed)) for T, seed in ((9, 0), (6, 0), (9, 1))]
    assert values_by_size(found, lambda s: s.seed + s.T) == {9: [9, 10], 6: [6]}
