"""What is kept of each figure: its table, its runs, and the command that trains these."""

import hashlib
import json
import shlex

import pandas as pd
import pytest

import sdd
from sdd import cli
from sdd.findings import CLAIMS, EXPERIMENTS, experiment, page, provenance
from sdd.findings.profiles import small_spec
from sdd.runs import make_run, save_run, store


def test_runs_are_told_by_profile_sizes_steps_and_trainings():
    runs = pd.DataFrame(
        {"run": ["a", "b", "c"], "n": 200, "sparsity": 0.95, "steps": 40, "data_seed": [0, 1, 0],
         "restarts": 1}
    )  # fmt: skip
    said = "Profile quick: n = 200, S = 0.95, 40 steps; 3 trainings"
    assert page.source(runs, runs, of="quick") == f"{said}."
    judging = runs.assign(data_seed=[0, 20, 21])
    assert page.source(judging, of="quick") == f"{said} (1 looked at beforehand, 2 judging)."
    assert page.source(judging[1:], of="quick").endswith("; 2 trainings, which judge.")
    best = page.source(runs.assign(restarts=[4, 1, 1]), of="quick")
    assert best.endswith("6 trainings, of which 3 are shown, the best of several by training loss.")
    one = runs[2:].assign(n=1_000)
    assert page.source(one, of="quick").endswith("; 1 training.")
    assert "n = 200, 1,000" in page.source(runs, one.assign(run="d"), of="quick")
    mixed = pd.concat([runs, one.assign(run="d", steps=9)])
    assert "9 to 40 steps" in page.source(mixed, of="quick")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the build asks for data."""
    monkeypatch.setenv(provenance.FOLDER, str(tmp_path / "data"))
    monkeypatch.setenv("PROFILE", "quick")
    return tmp_path / "data"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three stored runs of an experiment of two and of one of three."""
    monkeypatch.setenv("SDD_STORE", str(tmp_path / "store"))
    provenance._names.cache_clear()
    cli._by_name.cache_clear()

    def of(*sizes):
        return lambda p: [small_spec(p, T, 20, n=50, sparsity=0.9, steps=9) for T in sizes]

    for name, sizes in {"two": (3, 5), "three": (5, 8, 10)}.items():
        experiment(name)(of(*sizes))
    specs = [
        s for name in ("two", "three") for s in EXPERIMENTS[name].specs(sdd.findings.profile())
    ]
    for spec in set(specs):
        save_run(make_run(spec))
    yield sdd.table([*of(3, 5, 8)(sdd.findings.profile())])
    del EXPERIMENTS["two"], EXPERIMENTS["three"]
    provenance._names.cache_clear()
    cli._by_name.cache_clear()


def test_the_data_of_a_figure_are_written_only_while_the_book_is_built(folder, monkeypatch, capsys):
    frame = pd.DataFrame({"T": [3.0, float("inf")], "test_loss": [1.0, 0.5]})
    with monkeypatch.context() as outside:
        outside.delenv(provenance.FOLDER)
        page.csv("fig-losses", frame, "Two numbers.")
        assert capsys.readouterr().out == "Two numbers.\n"
        assert not folder.exists()
    page.csv("fig-losses", frame, "Two numbers.")
    assert capsys.readouterr().out == ""
    *header, names, first, _ = (folder / "fig-losses.csv").read_text().splitlines()
    assert header[:2] == [
        "# A row is a training.",
        "# T: number of data points; inf: fresh ones at every step",
    ]
    assert (names, first) == ("T,test_loss", "3,1")
    assert pd.read_csv(folder / "fig-losses.csv", comment="#").equals(frame)


def test_a_table_without_rows_runs_or_meanings_is_refused(folder):
    frame = pd.DataFrame({"T": [3.0], "loss": [1.0]})
    with pytest.raises(ValueError, match="the table of fig-x must have rows, but is empty"):
        page.csv("fig-x", frame[:0])
    with pytest.raises(ValueError, match="must also be given the tables of the runs drawn"):
        page.csv("fig-x", frame)
    with pytest.raises(ValueError, match="what a row of fig-x is must stand in columns"):
        page.csv("fig-x", frame, "One number.")
    with pytest.raises(ValueError, match="what lass of fig-losses means must stand in columns"):
        page.csv("fig-losses", frame.rename(columns={"loss": "lass"}), "One number.")


def test_vectors_that_a_figure_cannot_show_apart_are_one_row_each_panel_at_its_own_scale():
    planar = pd.DataFrame(
        {"model": [*"aaaabb"], "x": [1, 0.9999, 0, 0.001, 0.01, 0.001], "y": [0, 0, -1, 0, 0.0, 0]}
    )
    found = page.thinned(planar)
    assert found["vectors"].sum() == 5  # one of the first panel is shorter than half a pixel
    ends = {
        "model": [*"aabb"],
        "x": [1, 0, 0.01, 0.001],
        "y": [0.0, -1, 0, 0],
        "vectors": [2, 1, 1, 1],
    }
    pd.testing.assert_frame_equal(found, pd.DataFrame(ends))


def test_figures_that_share_a_table_share_its_file(folder):
    frame = pd.DataFrame({"T": [3.0], "train_loss": [1.0]})
    for name in ("fig-losses", "fig-sides"):  # of both a row is a training
        page.csv(name, frame, "One number.")
        assert json.loads((folder / f"{name}.json").read_text())["csv"] == "fig-losses.csv"
    assert [file.name for file in folder.glob("*.csv")] == ["fig-losses.csv"]


def test_what_is_kept_of_the_runs_is_what_is_stored_of_them(folder, runs):
    page.csv("fig-double-descent", runs)
    kept = json.loads((folder / "fig-double-descent.json").read_text())
    assert kept["trainings"] == len(kept["runs"]) == 3
    assert kept["said"] == page.source(runs)
    for run in kept["runs"]:
        blob = store.path(run["name"]).read_bytes()
        assert run["sha256"] == hashlib.sha256(blob).hexdigest()
    assert kept["settings"]["T"] == "3, 5, 8"
    assert kept["settings"]["steps"] == "9"
    resting = [c for c in CLAIMS.values() if c.figure.endswith("#fig-double-descent")]
    assert kept["claims"] == [c.id for c in resting]
    assert {c.check.__module__ for c in resting} < set(kept["code"])


def test_the_command_trains_these_runs_and_no_others(folder, runs):
    page.csv("fig-bump", runs)
    kept = json.loads((folder / "fig-bump.json").read_text())
    words = shlex.split(kept["command"])
    assert words[:3] == ["python", "-m", "sdd"]
    assert "two" in words
    assert "three" not in words
    asked = cli.parse(words[3:]).specs
    assert [s.name for s in asked] == runs["run"].tolist()


def test_runs_beside_those_of_the_profile_are_counted_and_in_no_command(folder, runs):
    spec = small_spec(sdd.findings.profile(), 99, 20, n=50, sparsity=0.9, steps=9)
    save_run(make_run(spec))
    page.csv("fig-bump", pd.concat([sdd.table([spec]), runs]))
    kept = json.loads((folder / "fig-bump.json").read_text())
    assert kept["beside"] == 1
    assert spec.name not in kept["command"]


def test_a_name_of_no_run_of_the_profile_is_refused():
    with pytest.raises(ValueError, match="no experiment of the profile quick has a run named 0123"):
        cli.parse(["run", "0123456789abcdef", "--profile", "quick"])
