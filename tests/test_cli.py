"""The command line says what is wrong in one sentence, and never loses or repeats a run."""

import contextlib
import dataclasses
import io
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import sweeps
from sweeps import wait_until
from worlds import world

from sdd import cli, engine, findings, paper
from sdd.findings import scorecard
from sdd.runs import cluster, store, sweep
from sdd.runs import spec as runspec

TINY = ["run", "--T", "4", "--n", "50", "--sparsity", "0.9", "--steps", "20"]


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """So that no command says that it compiles."""
    engine.warm_up()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A store of its own, and no profile from outside."""
    monkeypatch.setenv("SDD_STORE", str(tmp_path / "runs"))
    monkeypatch.delenv("PROFILE", raising=False)
    return tmp_path / "runs"


@pytest.fixture
def call(folder, capsys):
    """Run a command; return its exit code, its output and what it says on stderr."""

    def run(*argv):
        code = cli.main([str(word) for word in argv])
        return code, *capsys.readouterr()

    return run


def add_profile(monkeypatch, **sizes):
    """Enter a profile of tiny runs, named "small"."""
    law = {"n": 50, "sparsity": 0.9, "steps": 40}
    small = dataclasses.replace(findings.PROFILES["quick"], name="small", **law, **sizes)
    monkeypatch.setitem(findings.PROFILES, "small", small)


def stored(folder):
    return {file.name: file.stat().st_mtime_ns for file in folder.glob("*.safetensors")}


# --- Bad input ----------------------------------------------------------------------------------
# One of each kind: all rules of settings are in tests/data and tests/training.

BAD_INPUT = {
    "no data points": ("--T 0", "T must be a whole number of at least 1, not 0"),
    "half a data point": ("--T 4.5", "T must be a whole number .*not 4.5"),
    "T that is not a number": ("--T nan", "T must be a whole number .*not nan"),
    "infinitely many features": ("--T 4 --n inf", "n must be a whole number .*not inf"),
    "no hidden dimension": ("--T 4 --m 0", "m must be a whole number of at least 1, not 0"),
    "features never present": ("--T 4 --sparsity 1", r"sparsity must be in \[0, 1\), not 1"),
    "as many steps as warm-up": (
        "--T 4 --steps 20 --warmup 20",
        "steps must exceed the warm-up.*steps = 20 and warmup = 20",
    ),
    "an unknown precision": ("--T 4 --dtype float16", '"float32" or "float64", not'),
    "an unknown split": ("--T 4 --split valid", '"train" or "test", not'),
    "a learning rate that is not a number": ("--T 4 --lr nan", "lr must be a finite.*not nan"),
    "a negative data seed": ("--T 4 --data-seed -1", "seed must be .*not -1"),
    "a batch for finitely many points": ("--T 4 --batch 3", "batch is only for T = infinity"),
    "an empty batch": ("--T inf --batch 0", "batch must be .*not 0"),
    "settings and no T": ("--n 50", "needs --T"),
    "snapshots and no T": ("--snapshots 5", "needs --T"),
    "names and settings": ("fresh-data --T 4", "not both: fresh-data and --T"),
    "names and snapshots": ("fresh-data --snapshots 5", "not both: fresh-data and --snapshots"),
    "an unknown experiment": ("nonsense", "experiment must be one of .*dataset-size.*'nonsense'"),
    "an unknown profile": ("--profile huge", "profile must be one of quick.*not 'huge'"),
    "a mistyped option": ("--T 4 --weightdecay 1", "run takes no --weightdecay; did you mean"),
    "no process": ("--jobs 0", "jobs must be at least 1, not 0"),
    "processes and a cluster": (
        "--T 4 --jobs 2 --dask tcp://127.0.0.1:1",
        "give --jobs or --dask, not both: 2 and tcp://127.0.0.1:1",
    ),
    "a snapshot after the end": (
        "--T 4 --n 50 --sparsity 0.9 --steps 20 --snapshots 30",
        "snapshots must be at most steps = 20, not 30",
    ),
    "a snapshot before the start": (
        "--T 4 --n 50 --sparsity 0.9 --steps 20 --snapshots -1",
        "a snapshot's step must be .*not -1",
    ),
}


@pytest.mark.parametrize("what", BAD_INPUT)
def test_bad_input_is_one_sentence_and_exit_code_2(what, call, folder):
    argv, message = BAD_INPUT[what]
    code, _, err = call("run", *argv.split())
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert re.search(message, err)
    assert stored(folder) == {}


@pytest.mark.parametrize("command", ["run", "list", "status", "claims"])
def test_an_unknown_profile_is_refused_everywhere(command, call, monkeypatch):
    code, out, err = call(command, "--profile", "huge")
    assert (code, out) == (2, "")
    monkeypatch.setenv("PROFILE", "vast")
    assert call(command) == (2, "", err.replace("huge", "vast"))


@pytest.mark.parametrize(
    "argv",
    ["", "fly", "run --T four", "run --jobs 1.5", "run --T 4 --snapshots", "list --profile"],
)
def test_what_cannot_be_read_at_all_is_refused_with_the_usage(argv, folder, capsys):
    with pytest.raises(SystemExit) as refused:
        cli.main(argv.split())
    assert refused.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_what_is_no_number_is_told_in_plain_words(folder, capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "--T", "four"])
    assert "argument --T: must be a number or inf, not 'four'" in capsys.readouterr().err


def test_a_start_that_does_not_fit_its_data_is_one_sentence(call, folder):
    code, _, err = call(*TINY, "--start", "ring:60:1:0")
    assert (code, err) == (2, "error: a ring must have at most n = 50 features, not 60\n")
    assert stored(folder) == {}


def test_a_value_error_of_the_work_itself_is_not_taken_for_bad_input(call, monkeypatch):
    def faulty(*_, **__):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(sweep, "train_missing", faulty)
    with pytest.raises(ValueError, match="operands could not be broadcast"):
        call(*TINY)


def test_without_dask_a_cluster_is_refused_in_one_sentence(call, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, out, err = call(*TINY, "--dask", "tcp://127.0.0.1:1")
    assert (code, out) == (2, "")
    assert err.startswith("error: to train on a Dask cluster, pip install 'sdd[cluster]'")
    assert err.count("\n") == 1


def test_an_unusable_store_is_named_before_anything_is_trained(call, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SDD_STORE", str(tmp_path / "file"))
    code, _, err = call(*TINY)
    assert code == 2
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err
    assert "SDD_STORE" in err


def test_a_full_store_is_one_sentence_and_leaves_nothing_behind(call, folder, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "replace", full)
    code, _, err = call(*TINY, "--jobs", 1)
    assert code == 2
    assert err.count("\n") == 1
    assert "No space left on device" in err
    assert [f.name for f in folder.iterdir()] == [".locks"]


def test_a_cluster_that_is_not_there_is_one_sentence(call, folder, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 0.5)
    code, _, err = call(*TINY, "--dask", "tcp://127.0.0.1:1")
    assert code == 2
    assert err.startswith("error: no Dask scheduler answers at tcp://127.0.0.1:1: ")
    assert err.count("\n") == 1
    assert stored(folder) == {}


def test_a_run_that_a_cluster_gives_up_fails_with_one_sentence(call, monkeypatch):
    asked = []

    def lost(specs, **options):
        asked.append(options)
        raise cluster.ClusterError("the Dask cluster was lost")

    monkeypatch.setattr(sweep, "train_missing", lost)
    code, out, err = call(*TINY, "--dask", "tcp://a:1")
    assert asked == [{"jobs": None, "dask": "tcp://a:1"}]
    assert code == 1
    assert "training 1 run on the Dask cluster at tcp://a:1" in out
    assert err.startswith("error: the Dask cluster was lost; runs that have finished are stored")
    assert err.count("\n") == 1


def test_claims_without_their_runs_train_none_but_say_which_command_does(call, folder):
    code, out, err = call("claims", "--profile", "quick")
    assert (code, out) == (2, "")
    each = (s for e in findings.EXPERIMENTS for s in findings.specs(e, "quick"))
    count = len(set(each))
    assert f"{count} of {count} runs are not stored" in err
    assert err.rstrip().endswith("python -m sdd run --profile quick")
    assert not stored(folder)


def test_a_scorecard_that_cannot_be_written_is_one_sentence(call, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "missing", lambda specs: [])
    monkeypatch.setattr(findings.Evidence, "stored", lambda of: world("quick"))
    (tmp_path / "file").write_text("not a folder")
    code, _, err = call("claims", "--json", tmp_path / "file" / "claims.json")
    assert code == 2
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err
    assert "move away the file" in err


def test_a_run_that_diverges_fails_with_step_and_settings(call, folder):
    code, _, err = call(*TINY, "--lr", "1e30", "--jobs", 1)
    assert code == 1
    assert err.count("\n") == 1
    assert "lr=1e+30" in err
    assert "by step" in err
    assert stored(folder) == {}


# --- run ----------------------------------------------------------------------------------------


def test_a_run_of_your_own_is_trained_once_and_stored(call, folder):
    code, out, err = call(*TINY)
    assert (code, err) == (0, "")
    assert "0 of 1 run stored" in out
    (made,) = folder.glob("*.safetensors")
    assert str(made) in out
    before = stored(folder)

    code, out, err = call(*TINY)
    assert (code, err) == (0, "")
    assert "1 of 1 run stored" in out
    assert "training 1 run" not in out
    assert stored(folder) == before

    run = store.load(made.stem, folder)
    assert (run.data.T, run.data.n, run.data.sparsity, run.config.steps) == (4, 50, 0.9, 20)
    assert f"{run.train_loss:.6g}" in out
    assert f"{run.test_loss:.6g}" in out


def test_fresh_data_and_snapshots_can_be_asked_for(call, folder):
    words = [*TINY, "--T", "inf", "--batch", "8", "--snapshots", "20", "5", "5"]
    assert call(*words)[0] == 0
    (made,) = folder.glob("*.safetensors")
    run = store.load(made.stem, folder)
    assert run.T == float("inf")
    assert run.data.batch == 8
    assert run.snapshots["step"].tolist() == [5, 20]
    assert (run.snapshots["W"][1] == run.W).all()
    assert (run.snapshots["W"][0] != run.W).any()
    assert "1 of 1 run stored" in call(*words)[1]


def test_every_setting_reaches_the_run(call, folder):
    settings = {
        "T": 5, "n": 40, "sparsity": 0.8, "data_seed": 7, "split": "test", "m": 3, "steps": 30,
        "seed": 9, "restarts": 2, "lr": 0.002, "warmup": 4, "weight_decay": 0.5, "eps": 1e-3,
        "reduction": "sum", "gain": 0.5, "dtype": "float64",
    }  # fmt: skip
    flags = [w for k, v in settings.items() for w in (f"--{k.replace('_', '-')}", v)]
    assert call("run", *flags, "--jobs", 1)[0] == 0
    (made,) = folder.glob("*.safetensors")
    run = store.load(made.stem, folder)
    found = dataclasses.asdict(run.data) | dataclasses.asdict(run.config)
    found["data_seed"] = run.data.seed
    assert {k: found[k] for k in settings} == settings


def test_what_is_not_given_is_the_profiles(call, folder):
    (chosen,) = cli.parse(["run", "--T", "20", "--profile", "quick"]).specs
    assert (chosen.data.n, chosen.data.sparsity) == (1_000, 0.99)
    assert chosen.config.steps == paper.STEPS
    assert chosen.config.eps == pytest.approx(1e-6)  # rescaled, as n is
    (chosen,) = cli.parse(["run", "--T", "20"]).specs
    assert (chosen.data.n, chosen.data.sparsity, chosen.config.eps) == (10_000, 0.999, 1e-8)
    (chosen,) = cli.parse(["run", "--T", "inf"]).specs
    assert chosen.data.batch == findings.PROFILES["paper"].fresh[0][0]


def test_the_command_printed_for_a_run_trains_that_run():
    for experiment in findings.EXPERIMENTS:
        have_one = [s for s in findings.specs(experiment, "paper") if not s.own]
        for wanted in have_one[-1:]:
            words = wanted.command().split()
            assert words[:3] == ["python", "-m", "sdd"]
            for profile in ("quick", "paper"):  # whatever the profile at hand
                assert cli.parse([*words[3:], "--profile", profile]).specs == [wanted]
    plain = findings.spec(20, of="quick", eps=1e-8, steps=100, seed=7)
    for other in (plain, dataclasses.replace(plain, snapshots=(5, 20))):
        assert cli.parse(other.command().split()[3:]).specs == [other]


# --- list, status, claims, bench ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["quick", "full"])
def test_list_names_every_run_of_a_profile(name, call):
    code, out, err = call("list", "--profile", name)
    assert (code, err) == (0, "")
    for experiment in findings.EXPERIMENTS:
        assert f"{experiment}: " in out
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    each = [s for e in findings.EXPERIMENTS for s in findings.specs(e, name)]
    assert listed == [s.name for s in each]


def test_status_counts_what_is_stored_and_tells_the_share_of_the_work_left(
    call, folder, monkeypatch, trained
):
    add_profile(monkeypatch, sizes=((3, 1, 1), (4, 0, 1)), fresh=((4, 1, 1),))
    for name in set(findings.EXPERIMENTS) - {"dataset-size", "fresh-data"}:
        monkeypatch.delitem(findings.EXPERIMENTS, name)
    code, out, err = call("status", "--profile", "small")
    assert (code, err) == (0, "")
    shares = [float(share) for share in re.findall(r", the rest (.*)% of all work", out)]
    assert len(shares) == 2
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert "0 of 3 stored, the rest" in out
    assert "0 of 2 stored, the rest" in out
    assert out.endswith("\n5 runs left, 100.0% of all work\n")
    assert str(folder) in out
    assert trained == []

    assert call("run", "fresh-data", "--profile", "small", "--jobs", 1)[0] == 0
    out = call("status", "--profile", "small")[1]
    assert "0 of 3 stored" in out
    assert "2 of 2 stored\n" in out

    assert call("run", "--profile", "small", "--jobs", 1)[0] == 0
    out = call("status", "--profile", "small")[1]
    assert "3 of 3 stored\n" in out
    assert out.rstrip().endswith("all stored")


def test_claims_prints_and_writes_the_scorecard(call, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "missing", lambda specs: [])
    monkeypatch.setattr(findings.Evidence, "stored", lambda of: world(of))
    target = tmp_path / "site" / "claims.json"
    code, out, err = call("claims", "--profile", "quick", "--json", target)
    assert (code, err) == (0, "")
    judged = scorecard.judge_all(world("quick"))
    for line, j in zip(out.splitlines(), judged, strict=True):
        assert line.startswith(f"{j.key} ")
        assert j.verdict in line
        assert f"{j.ours}, true if {j.region}" in line
        assert j.published in line
    assert target.read_text(encoding="utf-8") == scorecard.to_json(judged)


def test_bench_passes_its_target_and_its_length_on(call, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("sdd.bench.main", lambda *given: seen.append(given))
    assert call("bench", "--json", tmp_path / "bench.json")[0] == 0
    assert call("bench", "--short")[0] == 0
    assert seen == [(tmp_path / "bench.json", False), (None, True)]


def test_a_stopped_sweep_keeps_what_is_finished_and_continues_from_there(call, folder, monkeypatch):
    add_profile(monkeypatch, sizes=((4, 6, 0),))
    train, trained = runspec.train, []

    def uninterrupted(data, *args, **options):
        trained.append(data.settings.seed)
        return train(data, *args, **options)

    def interrupted(data, *args, **options):
        if len(trained) == 3:
            raise KeyboardInterrupt
        return uninterrupted(data, *args, **options)

    monkeypatch.setattr(runspec, "train", interrupted)
    words = ["run", "dataset-size", "--profile", "small", "--jobs", "1"]
    code, _, err = call(*words)
    assert code == 130
    assert err.strip().count("\n") == 0
    assert "finished runs are stored" in err
    assert "checkpoints of the others" in err
    kept = stored(folder)
    assert len(kept) == 3

    monkeypatch.setattr(runspec, "train", uninterrupted)
    assert call(*words)[0] == 0
    assert sorted(trained) == [0, 1, 2, 3, 4, 5]  # each once
    assert stored(folder).items() > kept.items()


# --- In a process of its own --------------------------------------------------------------------

MANY_RUNS = """
import dataclasses, sys
from sdd import cli
from sdd import findings

many = dataclasses.replace(findings.PROFILES["quick"], name="many", n=50, sparsity=0.9,
                           steps=3_000, sizes=((4, 400, 0),))
findings.PROFILES["many"] = many
sys.exit(cli.main(["run", "dataset-size", "--profile", "many", "--jobs", "2"]))
"""


def heed_signals():
    """Undo what nohup does, and a shell to what it starts in the background: to ignore signals."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def started(*argv, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *argv], preexec_fn=heed_signals, **pipes, **options)


def still_there(group, patience=10):
    """Tell whether a process group outlives our patience."""
    for _ in range(10 * patience):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def test_the_help_says_that_the_same_command_continues(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "the same command continues from there" in said
    assert "it continues from the checkpoints kept" in said


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_with_one_line(folder):
    process = started("-c", MANY_RUNS, start_new_session=True)
    give_up = time.monotonic() + 120
    while len(stored(folder)) < 3 and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # to the whole group, as from a terminal
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip().count("\n") == 0, err
    assert "finished runs are stored" in err
    kept = stored(folder)
    assert 3 <= len(kept) < 400
    assert all(store.load(name.removesuffix(".safetensors"), folder) is not None for name in kept)
    assert not still_there(process.pid)


LONG_RUNS = """
import dataclasses, sys
from sdd import cli
from sdd import findings

long = dataclasses.replace(findings.PROFILES["quick"], name="long", n=50, sparsity=0.9,
                           steps=10**8, sizes=((4, 2, 0),))
findings.PROFILES["long"] = long
sys.exit(cli.main(["run", "dataset-size", "--profile", "long", "--jobs", sys.argv[1]]))
"""


def in_training(folder):
    """Names of the runs that have taken steps."""
    found = (folder / ".locks").glob("*.steps") if (folder / ".locks").is_dir() else []
    return [file.stem for file in found if file.read_text() not in ("", "0 0")]


def long_runs(jobs, folder):
    """A sweep of two runs that do not end, in a process group of its own, once they have begun."""
    process = started("-c", LONG_RUNS, str(jobs), start_new_session=True)
    wait_until(lambda: len(in_training(folder)) == jobs or process.poll() is not None, 120)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "jobs", "send"),
    [
        ("SIGINT", 2, os.killpg),  # Ctrl-C
        ("SIGTERM", 2, os.kill),
        ("SIGTERM", 1, os.kill),
        ("SIGHUP", 2, os.killpg),  # a terminal is closed
    ],
)
def test_a_signal_ends_a_sweep_with_a_checkpoint_of_each_run_in_training(name, jobs, send, folder):
    process = long_runs(jobs, folder)
    try:
        begun = in_training(folder)
        send(process.pid, getattr(signal, name))
        _, err = process.communicate(timeout=60)
        assert process.returncode == 128 + getattr(signal, name), err
        assert not still_there(process.pid)
    finally:
        process.kill()
    assert err.strip().count("\n") == 0, err
    assert "stopped: finished runs are stored, and so are the last checkpoints" in err
    assert len(begun) == jobs
    assert all(store.checkpoint_path(run, folder).exists() for run in begun)
    assert not list(folder.rglob(".writing-*"))


@pytest.mark.slow
def test_where_nohup_ignores_a_hangup_the_sweep_goes_on(folder, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "heed_signals", ignore_hangup)
    process = long_runs(1, folder)
    try:
        (run,) = in_training(folder)
        process.send_signal(signal.SIGHUP)
        before = (folder / ".locks" / f"{run}.steps").read_text()
        wait_until(lambda: (folder / ".locks" / f"{run}.steps").read_text() not in ("", before), 60)
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM
    finally:
        process.kill()


def ignore_hangup():
    """Do what nohup does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.slow
def test_workers_of_a_killed_sweep_keep_a_checkpoint_and_end_within_a_minute(folder):
    process = long_runs(2, folder)
    begun = in_training(folder)
    process.kill()
    process.communicate(timeout=60)
    assert not still_there(process.pid, patience=60)
    assert all(store.checkpoint_path(run, folder).exists() for run in begun)


def test_the_handlers_of_the_process_are_its_own_again_after_a_command(call):
    before = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGHUP)]
    assert call("list")[0] == 0
    assert [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGHUP)] == before


@pytest.mark.slow
def test_a_reader_who_leaves_early_sees_no_traceback(folder):
    settings = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    sizes = ("quick", "full")  # less than a buffer of output, and more
    lists = [started("-m", "sdd", "list", "--profile", size, env=settings) for size in sizes]
    for process in lists:
        process.stdout.close()
    for process in lists:
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(60) == 0


# --- clean --------------------------------------------------------------------------------------


def test_clean_deletes_runs_when_told_to_and_nothing_of_others(call, folder, monkeypatch):
    assert call("clean") == (0, f"no stored runs in {folder}\n", "")
    call(*TINY)
    (folder / "model.safetensors").write_text("someone's")
    monkeypatch.setattr(cli, "agreed", lambda question: False)
    code, out, _ = call("clean")
    assert code == 0
    assert out.endswith("deletes them)\n")
    assert len(stored(folder)) == 2  # nothing is gone
    assert call("clean", "--yes")[1].endswith("deleted\n")
    assert [p.name for p in folder.iterdir()] == ["model.safetensors"]


def test_a_seed_of_any_size_reaches_the_run_digit_by_digit():
    asked = ["run", "--T", "5", "--data-seed", str(2**53 + 1), "--seed", str(2**60 + 1)]
    (spec,) = cli.parse(asked).specs
    assert (spec.data.seed, spec.config.seed) == (2**53 + 1, 2**60 + 1)
    (again,) = cli.parse(spec.command().split()[3:]).specs
    assert again == spec


# --- Archives -----------------------------------------------------------------------------------


@pytest.fixture
def three(monkeypatch):
    """An experiment of three tiny runs, the only one there is."""
    specs = [sweeps.spec(T=T) for T in (3, 4, 5)]
    monkeypatch.setattr(findings, "EXPERIMENTS", {"three": None})
    monkeypatch.setattr(findings, "specs", lambda name, of: specs)
    return specs


def test_runs_travel_from_store_to_store_and_are_verified_there(
    call, three, folder, tmp_path, monkeypatch
):
    assert call("run", "--jobs", 1)[0] == 0
    code, out, _ = call("export", tmp_path / "runs.tar")
    assert code == 0
    assert re.match(
        r"3 runs of the profile paper in .*runs\.tar, 0\.\d MB, SHA-256 [0-9a-f]{64}", out
    )
    monkeypatch.setenv("SDD_STORE", str(tmp_path / "elsewhere"))
    code, out, _ = call("import", tmp_path / "runs.tar")
    assert (code, "      3  added\n" in out) == (0, True)
    assert "      0  added\n      3  stored already" in call("import", tmp_path / "runs.tar")[1]
    assert call("run")[1].startswith("3 of 3 runs stored")
    code, out, _ = call("verify", "--sample", 2, "--seed", 7, "--jobs", 1)
    assert (code, "2 of 2 have the same bits" in out) == (0, True)
    assert "drawn with --seed 7" in out


def test_damage_in_an_archive_is_told_by_exit_code_1(call, three, tmp_path, monkeypatch):
    call("run", "--jobs", 1)
    call("export", tmp_path / "runs.tar")
    content = bytearray((tmp_path / "runs.tar").read_bytes())
    content[-20_000] ^= 1
    (tmp_path / "runs.tar").write_bytes(content)
    monkeypatch.setenv("SDD_STORE", str(tmp_path / "elsewhere"))
    code, out, _ = call("import", tmp_path / "runs.tar")
    assert (code, "      2  added" in out, "      1  damaged" in out) == (1, True, True)


def test_runs_that_are_not_stored_are_not_exported_and_the_command_that_trains_them_is_told(
    call, three, tmp_path
):
    code, out, err = call("export", tmp_path / "runs.tar", "three")
    assert (code, out) == (2, "")
    assert "3 of the 3 runs asked for are not stored" in err
    assert "-m sdd run three --profile paper" in err
    assert call("verify")[0] == 2
    assert not (tmp_path / "runs.tar").exists()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("export", "the following arguments are required: FILE"),
        ("verify --sample few", "invalid int value: 'few'"),
    ],
)
def test_archive_commands_that_cannot_be_read_are_refused(argv, said, folder, capsys):
    with pytest.raises(SystemExit):
        cli.main(argv.split())
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("verify --sample 0", "sample must be at least 1, not 0"),
        ("verify --seed -1", "seed must be at least 0, not -1"),
        ("export runs.tar nonsense", "experiment must be one of"),
        ("import no-such-file", "no-such-file cannot be read: No such file or directory"),
        ("import /dev/null", "must be an archive that sdd has exported"),
    ],
)
def test_bad_input_to_archive_commands_is_one_sentence(argv, said, call):
    code, out, err = call(*argv.split())
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_signal_that_ends_a_verification_is_its_exit_code(call, three, monkeypatch):
    assert call("run", "--jobs", 1)[0] == 0

    def verify(*args, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    monkeypatch.setattr("sdd.findings.verify.verify", verify)
    code, _, err = call("verify", "--seed", 7)
    assert (code, "nothing is kept; --seed 7 draws the same runs" in err) == (143, True)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SDD_STORE", "~nobody-of-this-name/runs", "is in nobody's home"),
        ("SDD_FINDINGS", "no_such.module", "SDD_FINDINGS names the module no_such.module"),
    ],
)
def test_an_environment_variable_that_names_nothing_is_named(variable, value, said, monkeypatch):
    monkeypatch.setenv(variable, value)
    done = subprocess.run(
        [sys.executable, "-m", "sdd", "status", "--profile", "quick"],
        capture_output=True,
        text=True,
    )
    assert done.returncode > 0
    assert said in done.stderr.splitlines()[-1]


def test_the_share_of_the_work_left_counts_shared_runs_once(call, monkeypatch):
    specs = [sweeps.spec(T=T) for T in (3, 4)]
    monkeypatch.setattr(
        findings, "EXPERIMENTS", {name: findings.EXPERIMENTS["sum"] for name in "ab"}
    )
    monkeypatch.setattr(findings, "specs", lambda name, of: specs)
    assert call("status")[1].endswith("2 runs left, 100.0% of all work\n")


# --- Terminals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["--help", "run --help", "list", "status", "claims"])
def test_a_terminal_that_cannot_show_a_character_gets_an_escape(command, folder, monkeypatch):
    monkeypatch.setattr(cli.sweep, "missing", lambda specs: [])
    judged = SimpleNamespace(
        key="A", verdict="reproduced", ours="1 ± 2", region="≥ 0", published="∞"
    )
    monkeypatch.setattr(cli.Evidence, "stored", lambda profile: None)
    monkeypatch.setattr(scorecard, "judge_all", lambda evidence: [judged])
    said = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said, encoding="ascii"))
    with contextlib.suppress(SystemExit):  # after help
        assert cli.main(command.split()) == 0
    sys.stdout.flush()
    assert said.getvalue().isascii()
    if command == "claims":
        assert rb"ours 1 \xb1 2, true if \u2265 0" in said.getvalue()
