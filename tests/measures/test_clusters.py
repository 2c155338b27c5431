"""What is stored, against sums over all pairs written out densely, and cases made by hand."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from sdd import theory
from sdd.data import Dataset, DataSettings
from sdd.measures import clusters
from sdd.measures.columns import test_rows as rows_of
from sdd.training import train
from sdd.training.config import TrainConfig

ANGLES = 2 * np.pi * np.arange(5) / 5


def dense(run, rows):
    X = rows.to_dense().astype(float)
    return X, np.maximum(X @ run.W.T.astype(float) @ run.W + run.b, 0)


@pytest.fixture(scope="module")
def memorising():
    law = DataSettings(300, 100, 0.95, seed=3)
    return train(law, TrainConfig(steps=3_000, lr=0.06, reduction="sum"))


def test_what_is_stored_agrees_with_its_definition_over_all_pairs(memorising):
    X, R = dense(memorising, memorising.training_set())
    loss = ((X - R) ** 2).sum(1)
    gain = np.where(X > 0, X**2 - (X - R) ** 2, 0).clip(min=0)
    by_feature = gain.sum(0)
    weights = by_feature / by_feature.sum()
    worth = (X**2).sum(1) - loss
    kept = worth > 0.01
    each = [g.sum() ** 2 / (g**2).sum() for g in gain[kept]]
    fresh, R_fresh = dense(memorising, rows_of(memorising))
    expected = {
        "in_part": kept.sum(), "half_right": (worth > 0.5).sum(), "worth": worth.clip(0).sum(),
        "clusters": 1 / (weights**2).sum(), "cluster_size": weights @ (gain > 0).sum(0),
        "holders": weights @ (X > 0).sum(0), "features_each": np.mean(each),
        "hits": R[X > 0].sum() / R.sum(), "hits_fresh": R_fresh[fresh > 0].sum() / R_fresh.sum(),
        "in_one_feature": (R[kept].max(1) ** 2).sum() / (R[kept] ** 2).sum(),
    }  # fmt: skip
    found = clusters.storage(memorising)
    assert 0 < found["half_right"] < found["in_part"] < 300  # a case that tells them apart
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=2e-3), name


def test_directions_shared_agree_with_a_loop_over_pairs(memorising):
    data = memorising.training_set()
    rows = data.take(np.flatnonzero(np.diff(data.indptr))[:40])
    H, X = memorising.hidden(rows).astype(float), rows.to_dense() > 0
    cosines = {True: [], False: []}
    for i, k in combinations(range(40), 2):
        cosine = H[i] @ H[k] / np.linalg.norm(H[i]) / np.linalg.norm(H[k])
        cosines[bool((X[i] & X[k]).any())].append(cosine)
    expected = np.mean(cosines[True]) - np.mean(cosines[False])
    assert clusters.sharing(H, rows) == pytest.approx(expected)


def test_a_lookup_table_stores_single_points_whole():
    X = np.repeat(np.eye(5), 4, axis=1) / 2  # five points of four features each, none shared
    W, b = theory.tgon_solution(X, 1.01 * theory.tgon_threshold(5))
    table = clusters.stored(W, b, Dataset.from_dense(X))
    expected = {"in_part": 5, "worth": 5, "clusters": 20, "cluster_size": 1, "features_each": 4}
    assert {name: table[name] for name in expected} == pytest.approx(expected)


def test_a_pentagon_of_features_stores_clusters_of_one_feature_each():
    # Eight points hold one of five features each, and one that the model knows nothing of.
    X = np.zeros((40, 45))
    X[np.arange(40), np.arange(40) % 5] = X[np.arange(40), 5 + np.arange(40)] = 0.5**0.5
    W, b = np.zeros((2, 45)), -0.5 * np.ones(45)
    W[:, :5] = 1.2 * np.array([np.cos(ANGLES), np.sin(ANGLES)])
    found = clusters.stored(W, b, Dataset.from_dense(X))
    assert found["in_part"] == 40
    expected = {"clusters": 5, "cluster_size": 8, "holders": 8, "features_each": 1, "hits": 1,
                "in_one_feature": 1, "sharing": 1.25}  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["sharing_any"] < 0.5


def test_a_silent_model_stores_nothing():
    run = replace(train(DataSettings(9, 50, 0.9), TrainConfig(steps=1)), b=-np.ones(50, "f4"))
    found = clusters.storage(run)
    assert (found["in_part"], found["worth"], found["clusters"], found["cluster_size"]) == (0,) * 4
    assert np.isnan([found["sharing"], found["hits"]]).all()
    assert (clusters.clusters(run)["feature"] == -1).all()


def test_a_point_belongs_to_the_feature_that_is_gained_most_in_it(memorising):
    X, R = dense(memorising, memorising.training_set())
    loss = ((X - R) ** 2).sum(1)
    most = np.where(X > 0, X**2 - (X - R) ** 2, -np.inf).argmax(1)
    found = clusters.clusters(memorising)
    kept = (X.any(1)) & (loss < 0.98)
    np.testing.assert_array_equal(found["feature"][kept], most[kept])
    assert not X.any(1).all()  # a row of zeros, which is no stored one
    assert (found["feature"][(loss > 1) | ~X.any(1)] == -1).all()
    fires = found.eval("wx * x + wy * y + b")[kept]
    np.testing.assert_allclose(fires, R[kept, most[kept]], rtol=1e-3, atol=1e-4)


def test_outputs_of_one_feature_are_told_from_those_of_two():
    W, b = np.array([[1.0, 0, -1], [0, 1, 0]]), np.array([-1.0, -1, -1])
    alone, both = np.array([[2.0, 0.5]]), np.array([[2.0, 2.0]])
    assert clusters.in_one_feature(W, b, alone) == 1
    assert clusters.in_one_feature(W, b, both) == 0.5
    assert math.isnan(clusters.in_one_feature(W, b, np.zeros((1, 2))))
