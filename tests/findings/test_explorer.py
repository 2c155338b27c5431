"""What the explorer shows is what the runs are, to the step that numbers are packed with."""

import base64
import json
import math

import numpy as np
import pytest

import sdd
from sdd.findings import Evidence, explorer, provenance
from sdd.runs import make_run, save_run

LAW = {"n": 60, "sparsity": 0.9}
CONFIG = sdd.TrainConfig(steps=300, lr=0.03)


@pytest.fixture(scope="module")
def runs():
    """Two trainings of seven points, the first with snapshots."""
    specs = [
        sdd.RunSpec(sdd.DataSettings(7, seed=seed, **LAW), CONFIG, snapshots=kept)
        for seed, kept in ((0, (10, 100, 300)), (20, ()))
    ]
    for spec in specs:
        save_run(make_run(spec))
    return sdd.table(specs)


def unpacked(found):
    read = np.frombuffer(base64.b64decode(found["i16"]), "<i2").reshape(found["shape"])
    return read * found["scale"]


def published(name, content, tmp_path, monkeypatch):
    """What a page reads of data that are written while the book is built."""
    monkeypatch.setenv(provenance.FOLDER, str(tmp_path / "data"))
    explorer.publish_data(name, content)
    text = (tmp_path / "play" / f"{name}.js").read_text(encoding="utf-8")
    return json.loads(text.partition(",")[2].removesuffix(");\n"))


def test_vectors_and_what_comes_back_are_those_of_the_model(runs, tmp_path, monkeypatch):
    (run,) = explorer.load(runs["run"][:1])
    written = published("x", explorer.models(runs), tmp_path, monkeypatch)
    found = {k: unpacked(v) for k, v in written["0"].items()}
    data = run.training_set()
    X = np.zeros((7, data.n))
    X[data.row_index(), data.indices] = data.values
    features = np.rint(found["features"]).astype(int)
    lengths = np.linalg.norm(run.W, axis=0)
    assert list(features) == list(np.argsort(-lengths)[: len(features)])
    output = np.maximum(X @ run.W.T @ run.W + run.b, 0)
    at = np.repeat(np.arange(7), np.rint(found["counts"]).astype(int))
    told = np.rint(found["feature"]).astype(int)
    for name, exact in {
        "columns": run.W[:, features].T, "hidden": X @ run.W.T, "x": X[at, told],
        "back": output[at, told], "loss": ((X - output) ** 2).sum(1),
        "gram_columns": run.W @ run.W.T,
    }.items():  # fmt: skip
        step = written["0"][name]["scale"]
        assert np.abs(found[name] - exact).max() <= 0.51 * step + 1e-6, name
    assert list(np.rint(found["seen"])) == list((X[:, features] > 0).sum(0))
    v, G = found["hidden"], found["gram_hidden"]
    D = (v**2).sum(1) ** 2 / np.einsum("ki,ij,kj->k", v, G, v)
    assert D == pytest.approx(sdd.dimensionality(run.hidden()), abs=1e-3)


def test_of_many_points_half_are_drawn_for_their_length_and_half_as_they_came(runs, monkeypatch):
    monkeypatch.setattr(explorer, "POINTS", 4)
    (run,) = explorer.load(runs["run"][:1])
    shown = np.cumsum(explorer.models(runs)["0"]["next_point"])
    order = np.argsort(-np.linalg.norm(run.hidden(), axis=1))
    assert set(shown) == {*order[:2], *np.sort(order[2:])[:2]}
    assert list(shown) == sorted(shown)


def test_points_are_told_of_until_their_share_of_a_size_is_used_up(runs, monkeypatch):
    monkeypatch.setattr(explorer, "DETAILED", 9)
    found = explorer.models(runs)
    assert [len(model["counts"]) for model in found.values()] == [7, 2]
    monkeypatch.setattr(explorer, "DRAWN", 1)
    assert list(explorer.models(runs)) == ["0"]


def test_a_film_begins_with_the_initial_weights_and_ends_as_the_training_did(runs):
    (run,) = explorer.load(runs["run"][:1])
    found = explorer.film(run, runs["run"][0])
    assert found["step"] == [0, 10, 100, 300]
    first = sdd.train(run.training_set(), sdd.TrainConfig(steps=1, lr=0.0))
    assert found["columns"][0] == pytest.approx(first.W[:, found["features"]].T)
    assert found["columns"][-1] == pytest.approx(run.W[:, found["features"]].T)
    assert found["hidden"][-1] == pytest.approx(run.hidden(), abs=1e-6)
    assert found["train"][-1] == pytest.approx(run.train_loss, abs=1e-5)
    assert found["test"][-1] == pytest.approx(run.test_loss, abs=1e-5)


@pytest.mark.slow
def test_the_index_has_a_row_for_each_training_of_the_body_with_its_numbers(book_store):
    e = Evidence.stored("quick")
    found = {"mean": explorer.series(e)["mean"]}
    index = explorer.index(e, found, {"mean": {"columns": 1.0, "hidden": 1.0}})
    (series,) = index["series"]
    body = e.body()
    assert len(series["rows"]) == len(body)
    for row, (_, run) in zip(series["rows"], body.iterrows(), strict=True):
        told = dict(zip(index["columns"], row, strict=True))
        assert told["T"] == (run["T"] if run["T"] < math.inf else None)
        assert told["data_seed"] == run["data_seed"]
        for name in ("test_loss", "train_loss", "D1", "W_norm"):
            assert told[name] == pytest.approx(run[name], abs=1e-6)
        if told["false_firing"] is not None:
            parts = told["false_firing"] - told["constant_gain"] - told["feature_gain"]
            assert series["no_output"] + parts == pytest.approx(run["test_loss"], abs=1e-4)
    assert {series["rows"][k][0] for k in series["films"]} <= set(e.sizes)
    assert series["borders"] == pytest.approx(e.borders, abs=1e-3)
