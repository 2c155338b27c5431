"""Runs as a table: settings and measures by column, and measures kept beside the runs."""

import math

import numpy as np
import pandas as pd
import pytest
from sweeps import spec

from sdd.measures.geometry import dimensionality
from sdd.measures.table import load, measured, table, with_measures
from sdd.measures.vectors import STEP, dimensionalities, planar_vectors
from sdd.runs import store, sweep

SPECS = [spec(steps=40, seed=seed, T=T) for T in (5, 6) for seed in (0, 1)]
CALLS = []


def halved(run):
    """A measure of one's own."""
    CALLS.append(run)
    return {"half": run.train_loss / 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("table")
    sweep.train_missing(SPECS, place, jobs=1, quiet=True)
    return place


def test_a_row_a_run_with_settings_and_measures(folder):
    found = table(SPECS, halved, folder=folder)
    assert list(found["run"]) == [s.name for s in SPECS]
    assert list(found["T"]) == [5.0, 5.0, 6.0, 6.0]
    assert list(found["data_seed"]) == [0, 1, 0, 1]
    assert set(found["steps"]) == {40}
    runs = load(found["run"], folder)
    assert list(found["train_loss"]) == [r.train_loss for r in runs]
    assert list(found["half"]) == [r.train_loss / 2 for r in runs]
    np.testing.assert_allclose(found["W_norm"], [np.linalg.norm(r.W) for r in runs], rtol=1e-6)
    assert (found["point_D_max"] >= found["point_D_min"]).all()
    assert (found["D1"] >= found["D6"]).all()


def test_more_is_measured_on_the_runs_of_a_table(folder):
    chosen = table(SPECS, folder=folder).query("data_seed == 1")
    found = with_measures(chosen, halved, folder=folder)
    assert list(found["half"]) == list(chosen["train_loss"] / 2)
    assert table([], halved, folder=folder).empty


def test_what_was_measured_once_is_not_measured_again(folder):
    first = measured(SPECS[0].name, halved, folder)
    before = len(CALLS)
    assert measured(SPECS[0].name, halved, folder) == first
    assert len(CALLS) == before


def test_runs_that_are_not_stored_are_named_with_what_trains_them(tmp_path, monkeypatch):
    monkeypatch.setenv("SDD_BUILD", "1")
    with pytest.raises(sweep.MissingRuns, match=r"2 of 2 runs are not stored\n.*train_missing"):
        table(SPECS[:2], folder=tmp_path)
    with pytest.raises(sweep.MissingRuns, match="the run nothing is not stored in"):
        load(["nothing"], tmp_path)


def test_dimensionalities_of_all_runs_of_a_size_are_counted(folder, monkeypatch):
    monkeypatch.setattr(store, "default_folder", lambda: folder)
    names = [s.name for s in SPECS[:2]]
    D = dimensionalities(names)
    runs = load(names, folder)
    of = D.groupby("of")["vectors"].sum().to_dict()
    assert of == {"feature": sum(run.W.shape[1] for run in runs), "data point": 10}
    largest = max(dimensionality(run.W.T).max() for run in runs)
    assert D[D["of"] == "feature"]["D"].iloc[0] == pytest.approx(largest, abs=STEP / 2)


def test_vectors_in_the_plane_have_a_row_each(folder):
    runs = load([s.name for s in SPECS[:1]], folder)
    planar = planar_vectors(runs)
    columns = planar[planar["of"] == "columns of W"][["x", "y"]].to_numpy()
    np.testing.assert_array_equal(columns, runs[0].W.T)
    assert set(planar["model"]) == {"T = 5"}


def test_a_table_can_be_grouped_as_any_other(folder):
    means = table(SPECS, folder=folder).groupby("T")["test_loss"].mean()
    assert isinstance(means, pd.Series)
    assert not means.map(math.isnan).any()
