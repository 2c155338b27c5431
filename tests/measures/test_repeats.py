"""Who has a place in hidden space, and what was learnt and lost, on runs made by hand."""

from dataclasses import replace

import numpy as np
import pytest

import sdd
from sdd.data import DataSettings
from sdd.measures.repeats import ending, film, forgotten, history, places

LAW = DataSettings(60, 300, 0.98, repeats=5, repeated=2)
CONFIG = sdd.TrainConfig(steps=4, eps=1e-8)


def pentagon(angles=(0, 1, 2, 3, 4), length=1.0):
    """Weights whose first columns are some corners of a pentagon, and all others next to zero."""
    W = np.full((2, 300), 1e-3, np.float32)
    used = np.setdiff1d(np.arange(300), LAW.make()[:2].indices)[: len(angles)]
    for j, k in zip(used, angles, strict=True):
        W[:, j] = length * np.cos(2 * np.pi * k / 5), length * np.sin(2 * np.pi * k / 5)
    return W


def embedding(W, point, corner, bias):
    """Weights that also send a point to a corner of the pentagon and back."""
    x = LAW.make()[point]
    direction = np.array([np.cos(2 * np.pi * corner / 5), np.sin(2 * np.pi * corner / 5)])
    return W + np.outer(direction, x).astype(np.float32), bias


def run_of(W, b=None, snapshots=()):
    b = np.zeros(300, np.float32) if b is None else b
    made = sdd.train(LAW, CONFIG, snapshots=range(1, 1 + len(snapshots)))
    kept = dict(made.snapshots)
    if snapshots:
        kept |= {"W": np.array(snapshots), "b": np.zeros((len(snapshots), 300), np.float32)}
    return replace(made, W=W, b=b, snapshots=kept)


def test_five_features_have_all_five_places():
    found = places(run_of(pentagon()))
    assert (found["embedded"], found["features"]) == (0, 5)
    assert found["star_error"] == pytest.approx(0, abs=1e-3)
    assert not found["first_top"]


def test_an_example_in_the_fifth_place_counts_once_and_its_own_features_do_not():
    W, _ = embedding(pentagon((0, 1, 2, 3)), 0, 4, 0)
    found = places(run_of(W))
    assert (found["embedded"], found["features"]) == (1, 4)
    assert found["star_error"] < 1
    assert found["first_top"]
    assert found["first_D"] > 0.1
    assert found["first_loss"] < 0.5
    beside, _ = embedding(pentagon((0, 1, 2, 3)), 0, 3.5, 0)  # not where the fifth would be
    assert places(run_of(beside))["star_error"] > 30


def test_only_examples_that_are_repeated_can_be_embedded():
    W, _ = embedding(pentagon((0, 1, 2, 3)), 5, 4, 0)
    assert places(run_of(W))["embedded"] == 0


def test_features_that_rise_and_fall_are_forgotten_and_those_that_stay_are_not():
    none, five = pentagon(length=0.0), pentagon()
    lost = forgotten(run_of(none, snapshots=(none, five, none)))
    assert (lost["learnt"], lost["lost"], lost["peak_step"]) == (5, 1.0, 2)
    assert lost["peak_D"] == pytest.approx(0.4, abs=0.02)
    kept = forgotten(run_of(five, snapshots=(none, five, five)))
    assert (kept["learnt"], kept["lost"]) == (5, 0.0)
    two = forgotten(run_of(pentagon((0, 1)), snapshots=(none, five, pentagon((0, 1)))))
    assert two["lost"] == pytest.approx(3 / 5)


def test_an_example_is_dropped_if_it_had_been_learnt_and_less_than_half_is_left():
    none, four = pentagon(length=0.0), pentagon((0, 1, 2, 3))
    embedded, _ = embedding(four, 0, 4, 0)
    dropped = forgotten(run_of(four, snapshots=(none, embedded, four)))
    assert dropped["dropped"]
    assert dropped["first_least"] < 0.5 < dropped["first_end"]
    assert not forgotten(run_of(embedded, snapshots=(none, embedded, four)))["dropped"]
    assert not forgotten(run_of(four, snapshots=(none, four, four)))["dropped"]


def test_histories_and_stills_hold_the_repeated_examples_whatever_their_d():
    none, five = pentagon(length=0.0), pentagon()
    run = run_of(five, snapshots=(none, five, five))
    D = history(run, features=3, examples=4)
    assert D.groupby("of")["number"].nunique().to_dict() == {
        "example": 4, "feature": 3, "repeated example": 2
    }  # fmt: skip
    assert not set(D.query("of == 'example'")["number"]) & {0, 1}
    at_end = D.query("of == 'feature' and step == 3")["D"]
    np.testing.assert_allclose(at_end, 0.4, atol=0.02)
    last = film(run, 2).query("model == 'step 3'").reset_index(drop=True)
    assert last.drop(columns="model").equals(ending(run, "end").drop(columns="model"))
    assert last["marked"].sum() == 2
    assert set(last[last["marked"]]["of"]) == {"hidden vectors"}
