"""Data, models and test sets of one's own are swept, stored and fetched like any other."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from own_models import L1, HiddenReLU, Turned, Untied
from scipy.sparse import csr_matrix

import sdd
from sdd import model as models
from sdd.data import DataSettings, sample
from sdd.measures import columns, elsewhere, lost
from sdd.measures.columns import loss_parts, point_losses
from sdd.runs import MissingRuns, RunSpec, fetch, store, train_missing
from sdd.training import TrainConfig

CONFIG = TrainConfig(steps=40, lr=1e-2)
LAW = {"n": 50, "sparsity": 0.9}
OWN = np.eye(6, 50)
TEST = sample(200, **LAW, split="test")


def test_own_data_are_named_by_their_content_however_they_are_given():
    forms = OWN, csr_matrix(OWN), torch.tensor(OWN), sdd.Dataset.from_dense(OWN)
    assert len({RunSpec(X, CONFIG) for X in forms}) == 1
    assert len({RunSpec(X, CONFIG).name for X in forms}) == 1
    assert RunSpec(OWN[:5], CONFIG).name != RunSpec(OWN, CONFIG).name
    assert RunSpec(OWN, CONFIG, test=TEST).name != RunSpec(OWN, CONFIG).name


def test_drawn_data_are_named_by_how_they_were_drawn():
    drawn = RunSpec(DataSettings(5, **LAW), CONFIG)
    assert RunSpec(sample(5, **LAW), CONFIG) == drawn
    batch = sdd.stream(5, **LAW).at(0)  # a part of an endless stream is data of one's own
    assert RunSpec(batch, CONFIG).data == batch


@pytest.mark.parametrize("model", [None, HiddenReLU, Untied, L1])
def test_what_is_fetched_is_what_was_trained(model, tmp_path):
    configs = [TrainConfig(steps=40, lr=1e-2, seed=seed) for seed in range(2)]
    specs = [RunSpec(OWN, config, model=model, test=TEST) for config in configs]
    assert train_missing(specs, tmp_path, quiet=True) == 2
    assert train_missing(specs, tmp_path, quiet=True) == 0
    for spec, run in zip(specs, fetch(specs, tmp_path), strict=True):
        made = sdd.train(OWN, spec.config, model=model)
        assert run.W.tobytes() == made.W.tobytes()
        for name in made.others:
            assert run.others[name].tobytes() == made.others[name].tobytes()
        assert run.others.keys() == made.others.keys()
        assert run.test_loss == pytest.approx(made.errors(TEST).mean())
        assert run.data == sdd.Dataset.from_dense(OWN)
        np.testing.assert_array_equal(run.hidden(), made.hidden())
        assert point_losses(run).mean() == pytest.approx(run.train_loss)
        assert (run.model == "") == (model is None)


def test_counts_of_own_points_are_stored_with_them_and_name_the_run(tmp_path):
    rows = sdd.Dataset.from_dense(OWN)
    data = sdd.Dataset(rows.indptr, rows.indices, rows.values, rows.n, counts=[1, 1, 7, 1, 1, 2])
    assert RunSpec(data, CONFIG).name != RunSpec(OWN, CONFIG).name
    (run,) = fetch(RunSpec(data, CONFIG, test=TEST), tmp_path)
    assert run.data == data
    assert run.train_loss == data.mean(run.errors()) == sdd.train(data, CONFIG).train_loss
    run.save(tmp_path / "run")
    assert sdd.load(tmp_path / "run").data.counts.tolist() == data.counts.tolist()
    (drawn,) = fetch(RunSpec(DataSettings(9, **LAW, repeats=5), CONFIG), tmp_path)
    assert drawn.T == 9
    assert drawn.training_set().counts.tolist() == [5] + 8 * [1]
    assert sdd.evaluate(run, data).test_loss == pytest.approx(run.train_loss)


def test_own_runs_are_rows_of_a_table_beside_others(tmp_path):
    specs = [
        RunSpec(OWN, CONFIG, test=TEST),
        RunSpec(OWN, CONFIG, model=Untied, test=TEST),
        RunSpec(DataSettings(6, **LAW), CONFIG),
    ]
    frame = sdd.table(specs, folder=tmp_path)
    assert frame["model"].tolist() == ["ReLUOutput", "Untied", "ReLUOutput"]
    assert frame["T"].tolist() == [6, 6, 6]
    assert (frame["data"] == "").tolist() == [False, False, True]
    assert frame["point_D_max"].between(0, 1.0001).all()
    stored = sdd.table(folder=tmp_path)
    assert set(stored["run"]) == set(frame["run"])
    both = stored.set_index("run").loc[frame["run"]]
    assert both["test_loss"].tolist() == frame["test_loss"].tolist()


def test_everything_stored_leaves_out_what_is_no_run_and_changes_nothing(tmp_path):
    assert sdd.table(folder=tmp_path).empty
    fetch([RunSpec(OWN, CONFIG)], tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"someone's own")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    before = sorted(p.name for p in tmp_path.iterdir())
    assert len(sdd.table(folder=tmp_path)) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def scaled(strength):
    scope = {"sdd": sdd}
    exec(f"class Scaled(sdd.ReLUOutput):\n    strength = {strength}", scope)
    return scope["Scaled"]


def test_a_changed_class_names_other_runs():
    assert models.model_name(scaled(1.0)) == models.model_name(scaled(1.0))
    assert models.model_name(scaled(1.0)) != models.model_name(scaled(2.0))
    assert models.find_model(models.model_name(L1)) is L1
    heir = type("L1", (HiddenReLU,), {})  # a namesake of another kind
    assert models.model_name(heir) != models.model_name(L1)


def test_a_class_without_source_is_refused_in_one_sentence():
    scope = {"sdd": sdd}
    exec("class Nowhere(sdd.ReLUOutput):\n    def hidden(self, x): return x", scope)
    with pytest.raises(ValueError, match=r"the source of Nowhere\.hidden must be in a file"):
        RunSpec(OWN, CONFIG, model=scope["Nowhere"])


@pytest.mark.slow
def test_a_run_needs_its_class_only_for_what_the_class_computes(tmp_path):
    file = tmp_path / "run.safetensors"
    sdd.train(OWN, CONFIG, model=Untied).save(file)
    program = "import sys, sdd; run = sdd.load(sys.argv[1]); print(run.W.shape); run.hidden()"
    done = subprocess.run(
        [sys.executable, "-c", program, file], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "(2, 50)"
    assert "must be defined before its runs are used" in done.stderr


def test_measures_that_take_the_papers_output_apart_refuse_other_models():
    run = sdd.train(sample(5, **LAW), CONFIG, model=Untied)
    with pytest.raises(ValueError, match="the run must be of the paper's model"):
        loss_parts(run)


def test_a_training_that_was_stopped_is_kept_by_hand_only(tmp_path):
    run = sdd.train(OWN, CONFIG, callback=lambda step, W, b: step >= 10)
    with pytest.raises(ValueError, match=r"stopped at 10: keep it with run\.save"):
        store.save_run(run, tmp_path)
    run.save(tmp_path / "own" / "stopped.safetensors")
    assert sdd.load(tmp_path / "own" / "stopped.safetensors").steps == 10


def test_a_test_set_of_other_features_is_refused():
    with pytest.raises(ValueError, match="must have the 50 features of the training points, not 9"):
        RunSpec(OWN, CONFIG, test=np.eye(9))


def test_measures_of_the_papers_model_alone_say_so_and_others_take_any(tmp_path):
    own = sdd.train(sample(5, **LAW), CONFIG, model=HiddenReLU)
    for measure in (lost.spectrum, lost.trained_on, elsewhere.redrawn, columns.refit_inside):
        with pytest.raises(ValueError, match="the run must be of the paper's model"):
            measure(own)
    with pytest.raises(ValueError, match="of drawn data, not of data of one's own"):
        elsewhere.redrawn(sdd.train(OWN, CONFIG))
    assert columns.arrangement(own)["on_main_circle"] <= 5
    wide = sdd.train(sample(5, **LAW), TrainConfig(m=120, steps=2))
    assert columns.geometry(wide)["point_D_max"] <= 1 + 1e-9


def test_runs_of_ones_own_that_are_missing_say_how_they_are_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("SDD_ON_THE_SPOT", "0")
    spec = RunSpec(OWN, CONFIG, model=HiddenReLU)
    assert spec.own
    assert spec.command() == ""
    with pytest.raises(MissingRuns, match=r"Train them with sdd\.train_missing\(specs\)") as raised:
        fetch([spec], tmp_path)
    assert sys.executable not in str(raised.value)  # there is no command for them


def test_nothing_is_trained_or_printed_where_one_of_many_cannot_be(tmp_path, capfd):
    good = RunSpec(DataSettings(6, **LAW), CONFIG)
    bad = (
        RunSpec(DataSettings(6, **LAW), CONFIG, start="ring:60:0.9:-0.1"),
        RunSpec(DataSettings(6, **LAW), CONFIG, model=Turned),
    )
    for spec in bad:
        with pytest.raises(ValueError, match=r"at most n = 50|must have W"):
            train_missing([good, spec], tmp_path)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_single_spec_may_stand_for_a_list_of_one(tmp_path):
    spec = RunSpec(OWN, CONFIG)
    assert train_missing(spec, tmp_path, quiet=True) == 1
    (run,) = fetch(spec, tmp_path)
    assert sdd.table(spec, folder=tmp_path)["train_loss"].tolist() == [run.train_loss]
