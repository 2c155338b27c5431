"""A run says what it is, and can be kept and handed on."""

import numpy as np
import pytest
import torch
from own_models import Untied
from short_runs import SMALL, assert_same_run, short

import sdd
from sdd.data import stream
from sdd.training import Progress, TrainConfig, evaluate, load, train


@pytest.fixture(scope="module")
def run():
    return train(SMALL, short(), snapshots=(3, 200))


def test_it_prints_three_lines_with_what_matters(run):
    lines = repr(run).splitlines()
    assert len(lines) == 3
    for word in ("T = 20", "S = 0.9", "data seed 1", "W 3 × 60"):
        assert word in lines[0]
    assert "200 steps" in lines[1]
    assert "ε 1e-08" in lines[1]
    assert f"training loss {run.train_loss:.6g}, test loss not evaluated" in lines[2]
    judged = evaluate(run, sdd.sample(50, 60, 0.9, split="test"))
    assert f"test loss {judged.test_loss:.6g}" in repr(judged)
    assert "20 points of your own" in repr(train(SMALL.to_dense(), short()))
    assert "T = ∞" in repr(train(stream(5, 60, 0.9), short()))


@pytest.mark.parametrize("model", [None, Untied])
@pytest.mark.parametrize("data", [SMALL, SMALL.take([4, 2]), stream(5, 60, 0.9)])
def test_it_is_loaded_as_it_was_saved(data, model, tmp_path):
    made = train(data, short(), snapshots=(0, 50), model=model)
    made.save(tmp_path / "deep" / "run")
    back = load(str(tmp_path / "deep" / "run"))
    assert_same_run(back, made)
    assert back.model == made.model
    assert set(back.others) == set(made.others) == ({"V"} if model else set())
    assert back.snapshots.get("V", np.empty(0)).shape == ((2, 60, 3) if model else (0,))
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["run"]


def test_what_is_no_saved_run_is_refused_in_one_sentence(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(tmp_path / "none")
    run.save(tmp_path / "run")
    bad = bytearray((tmp_path / "run").read_bytes())
    bad[-1] ^= 1
    (tmp_path / "run").write_bytes(bad)
    with pytest.raises(ValueError, match="its content does not match its hash"):
        load(tmp_path / "run")
    (tmp_path / "text").write_text("W")
    with pytest.raises(ValueError, match="must be a run that sdd has saved"):
        load(tmp_path / "text")


def test_hidden_vectors_and_errors_are_of_the_training_set_or_of_points_given(run):
    np.testing.assert_array_equal(run.hidden(), sdd.hidden(run.W, SMALL))
    np.testing.assert_array_equal(run.hidden(SMALL[3:5]), run.hidden()[3:5])
    np.testing.assert_array_equal(run.hidden(SMALL.to_dense()), run.hidden())
    assert run.errors().mean() == pytest.approx(run.train_loss)
    fresh = train(stream(5, 60, 0.9), short(steps=2))
    with pytest.raises(ValueError, match="must be finite"):
        fresh.hidden()
    assert fresh.hidden(SMALL).shape == (20, 3)
    with pytest.raises(ValueError, match="the data have n = 4 features"):
        run.hidden(np.eye(4))


def test_its_torch_module_gives_the_same_errors(run):
    x = torch.tensor(SMALL.to_dense())
    np.testing.assert_allclose(run.torch().errors(x).detach(), run.errors(), rtol=1e-5)


def test_a_callback_cannot_change_the_training_and_keeps_what_it_is_given(run):
    kept = {}
    again = train(SMALL, short(), callback=lambda step, W, b: kept.update({step: (W, b)}))
    assert again.W.tobytes() == run.W.tobytes()
    assert len({W.tobytes() for W, _ in kept.values()}) > 100  # a film, not one frame many times
    assert kept[200][0].tobytes() == run.W.tobytes()

    def spoil(step, W, b):
        b += 1

    with pytest.raises(ValueError, match="read-only"):
        train(SMALL, short(), callback=spoil)


def test_a_callback_stops_a_training_by_returning_true():
    whole = train(SMALL, short())
    stopped = train(SMALL, short(), callback=lambda step, W, b: step >= 100)
    assert 100 <= stopped.steps < 110
    assert stopped.steps == stopped.history["step"][-1]
    assert stopped.train_loss == sdd.loss(stopped.W, stopped.b, SMALL)
    k = len(stopped.history["step"])
    np.testing.assert_array_equal(stopped.history["loss"], whole.history["loss"][:k])
    assert f"{stopped.steps:,} of 200 steps" in repr(stopped)
    # Anything else that a callback returns is no wish to stop.
    assert train(SMALL, short(), callback=lambda *_: 1).steps == 200


def test_a_stop_between_two_records_is_recorded(monkeypatch):
    monkeypatch.setattr("sdd.training.loop.RECORDS", 3)  # steps 0, 1, 14 and 200 alone
    monkeypatch.setattr("sdd.training.loop.STOP_INTERVAL_S", 1e-9)  # but stops at each
    stopped = train(SMALL, short(), callback=lambda step, W, b: step == 50)
    assert stopped.history["step"].tolist() == [0, 1, 14, 50]
    assert stopped.train_loss == sdd.loss(stopped.W, stopped.b, SMALL)


def test_each_restart_is_stopped_for_itself():
    seen = []
    run = train(
        SMALL,
        short(restarts=3, steps=50),
        callback=lambda step, W, b: seen.append(step) or step >= 7,
    )
    assert run.steps == 7
    assert max(seen) == 7
    assert np.isfinite(run.restart_losses).all()


def test_a_model_of_ones_own_resumes_with_the_same_bits():
    config, how = short(steps=30), {"model": Untied, "snapshots": (5, 30)}
    kept = []
    whole = train(SMALL, config, checkpoint=lambda p: kept.append(p.arrays()), **how)
    for arrays in kept[::7]:
        again = train(SMALL, config, resume=Progress.from_arrays(arrays, config), **how)
        assert_same_run(again, whole)
        assert again.others["V"].tobytes() == whole.others["V"].tobytes()


def test_a_row_of_a_table_holds_settings_and_losses(run):
    row = run.table_row()
    assert (row["T"], row["n"], row["m"], row["data_seed"], row["seed"]) == (20, 60, 3, 1, 0)
    assert row["train_loss"] == run.train_loss
    assert row["W_norm"] == pytest.approx(np.linalg.norm(run.W))
    assert row["snapshots"] == 2
    assert all(np.ndim(value) == 0 for value in row.values())


def test_settings_are_numbers_of_any_kind_and_nothing_else():
    assert TrainConfig(lr=np.float32(0.5)).lr == 0.5
    assert TrainConfig(steps=np.int64(7)).steps == 7
    assert train(SMALL, short(), threads=np.int64(1)).steps == 200
    for bad in ({"lr": True}, {"lr": "1"}, {"eps": -1}, {"weight_decay": np.nan}, {"steps": True}):
        with pytest.raises(ValueError, match="must be a"):
            TrainConfig(**bad)
    for threads in (0, -1, 2.5, "2"):
        with pytest.raises(ValueError, match="threads must be a whole number of at least 1"):
            train(SMALL, short(), threads=threads)
    for data in (None, [[1.0]], "X", {"T": 5}):
        with pytest.raises(TypeError, match="data must be a Dataset"):
            train(data)


def test_progress_is_shown_when_asked_for_and_changes_nothing(capsys):
    quiet = train(SMALL, short(restarts=2))
    assert capsys.readouterr() == ("", "")
    shown = train(SMALL, short(restarts=2), progress=True)
    out, err = capsys.readouterr()
    assert "100%" in out
    assert "400" in out  # steps of both restarts
    assert err == ""
    assert_same_run(shown, quiet)


@pytest.mark.parametrize(
    ("place", "kind", "remedy"),
    [
        ("file/run", OSError, "move away the file that is where a folder should be"),
        ("folder", IsADirectoryError, "move away the folder that is where a file should be"),
        ("x" * 999, OSError, "shorten the path"),
    ],
)
def test_a_run_that_cannot_be_saved_says_why_and_what_helps(place, kind, remedy, run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(kind, match=r"the run cannot be saved as .*; ") as error:
        run.save(tmp_path / place)
    assert str(error.value).endswith(remedy)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["file", "folder"]


def test_a_saved_run_is_found_behind_a_link(run, tmp_path):
    run.save(tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert load(tmp_path / "link").train_loss == run.train_loss
