"""A run that begins with another's final weights: trained after it, wherever and however often."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import distributed
import numpy as np
import pytest
from sweeps import contents, files, spec, wait_until

import sdd
from sdd import cli, findings
from sdd.findings.experiments import Experiment
from sdd.measures.verification import verify
from sdd.runs import store, sweep
from sdd.runs.archive import export_runs
from sdd.runs.importing import import_runs
from sdd.runs.on_the_spot import MissingRuns, expected_seconds
from sdd.runs.sweep import fetch, missing, require, train_missing

FIRST = spec(50)
SECOND = replace(spec(400, T=8), after=FIRST)  # longer than what comes before it
THIRD = replace(spec(60, T=9), after=SECOND)
CHAIN = [FIRST, SECOND, THIRD]


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """The folder of a store that holds the chain, trained one by one."""
    folder = tmp_path_factory.mktemp("chain")
    assert train_missing(THIRD, folder, jobs=1, quiet=True) == 3
    return folder


def test_it_is_what_training_from_those_weights_gives(chain):
    first, second, third = (store.load(s.name, chain) for s in CHAIN)
    for before, s, run in ((first, SECOND, second), (second, THIRD, third)):
        by_hand = sdd.train(s.data.make(), s.config, init=(before.W, before.b))
        assert np.array_equal(run.W, by_hand.W)
        assert np.array_equal(run.history["loss"], by_hand.history["loss"])
        assert run.start == run.settings["start"] == f"run:{store.name_of(before)}"
    assert abs(second.history["loss"][0] - first.errors(SECOND.data.make()).mean()) < 1e-5


@pytest.mark.parametrize("jobs", [2, 4])
def test_side_by_side_each_waits_for_the_one_before_it(chain, jobs, tmp_path):
    fork = replace(spec(70, T=9), after=SECOND)
    assert train_missing([THIRD, fork, spec(90)], tmp_path, jobs=jobs, quiet=True) == 5
    assert contents(chain).items() <= contents(tmp_path).items()


def test_what_comes_before_is_trained_only_where_it_is_needed(chain, tmp_path):
    assert missing(THIRD, tmp_path) == CHAIN
    for name in (SECOND.name, THIRD.name):
        store.path(name, tmp_path).write_bytes(store.path(name, chain).read_bytes())
    assert missing(CHAIN[1:], tmp_path) == []
    store.path(THIRD.name, tmp_path).unlink()
    assert missing(THIRD, tmp_path) == [THIRD]
    assert fetch(THIRD, tmp_path)[0].T == 9
    assert contents(tmp_path) == {k: v for k, v in contents(chain).items() if FIRST.name not in k}


def test_how_long_it_takes_is_asked_without_training_what_comes_before():
    slow = spec(10**9, T=40)  # would take days
    assert expected_seconds([replace(spec(50), after=slow)]) < 60


def test_what_is_said_of_missing_runs_counts_those_before_them(chain, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("SDD_ON_THE_SPOT", "0")
    monkeypatch.setattr(sweep, "expected_seconds", lambda specs: asked.append(specs) or 1.0)
    for call in (fetch, require):
        with pytest.raises(MissingRuns, match=r"^3 of 3 runs are not stored"):
            call(THIRD, tmp_path)
        with pytest.raises(MissingRuns, match=r"^4 of 4 runs are not stored"):
            call([THIRD, spec(90), THIRD], tmp_path)
    store.path(FIRST.name, tmp_path).write_bytes(store.path(FIRST.name, chain).read_bytes())
    for call in (fetch, require):
        with pytest.raises(MissingRuns, match=r"^2 of 2 runs are not stored"):
            call(THIRD, tmp_path)
        with pytest.raises(MissingRuns, match=r"^2 of 3 runs are not stored"):
            call([THIRD, FIRST], tmp_path)
    assert asked == [*[CHAIN, [*CHAIN, spec(90)]] * 2, *[CHAIN[1:]] * 4]


def chained(profile):
    """Two runs, of which one begins after the other, which begins after a third."""
    return CHAIN[1:]


@pytest.mark.parametrize("words", [["run", "chained", "--jobs", "1"], ["status"], ["list"]])
def test_commands_count_and_list_the_runs_before(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    monkeypatch.setattr(sweep, "train_missing", lambda *_, **__: 0)
    for name in set(findings.EXPERIMENTS):
        monkeypatch.delitem(findings.EXPERIMENTS, name)
    monkeypatch.setitem(findings.EXPERIMENTS, "chained", Experiment("chained", "setup", chained))
    assert cli.main([*words, "--profile", "quick"]) == 0
    out = capsys.readouterr().out
    assert {
        "run": "0 of 3 runs stored in ",
        "status": "0 of 3 stored, the rest 100.0% of all work\n3 runs left, 100.0% of all work",
        "list": f"{SECOND.name}  T = 8, after another run: no command, but",
    }[words[0]] in out


def test_an_archive_holds_what_its_runs_begin_after(chain, tmp_path):
    with pytest.raises(MissingRuns, match="3 of the 3 runs asked for are not stored"):
        export_runs([THIRD], tmp_path / "none.tar", tmp_path)
    export_runs([THIRD], tmp_path / "runs.tar", chain)
    found = import_runs(tmp_path / "runs.tar", tmp_path / "there")
    assert sorted(found.added) == sorted(s.name for s in CHAIN)
    assert contents(tmp_path / "there") == contents(chain)


def test_it_can_be_verified_alone(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("SDD_STORE", str(chain))
    (found,) = verify([THIRD], tmp_path, jobs=1, among=[THIRD])
    assert found.same
    assert contents(tmp_path) == contents(chain)


SWEEP = """
import sys
sys.path.insert(0, "{here}")
from pathlib import Path
from dataclasses import replace
from sweeps import spec
from sdd.runs.sweep import train_missing
train_missing(replace(spec(60_000, T=40), after=spec(50)), Path("{folder}"), jobs=1, quiet=True)
"""


def test_a_stopped_run_continues_from_its_checkpoint_to_the_same_bytes(tmp_path):
    last = replace(spec(60_000, T=40), after=spec(50))
    code = SWEEP.format(here=os.path.dirname(__file__), folder=tmp_path / "a")
    with subprocess.Popen([sys.executable, "-c", code]) as sweep:
        wait_until(lambda: store.load(spec(50).name, tmp_path / "a"), 60)
        wait_until(lambda: list((tmp_path / "a").rglob(f"*{last.name}*")), 60)
        sweep.send_signal(signal.SIGTERM)
    assert store.load(last.name, tmp_path / "a") is None
    assert train_missing(last, tmp_path / "a", jobs=1, quiet=True) == 1
    assert train_missing(last, tmp_path / "b", jobs=1, quiet=True) == 2
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.slow
def test_a_cluster_gives_the_same_files_whether_or_not_the_first_is_stored_here(chain, tmp_path):
    options = {"dashboard_address": None, "worker_dashboard_address": None, "silence_logs": 60}
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, **options) as cluster:
        there = cluster.scheduler_address
        assert train_missing(FIRST, tmp_path, jobs=1, quiet=True) == 1
        assert train_missing(THIRD, tmp_path, quiet=True, dask=there) == 2
        assert train_missing(THIRD, tmp_path / "all", quiet=True, dask=there) == 3
    assert contents(tmp_path) == contents(tmp_path / "all") == contents(chain)
    assert len(files(tmp_path)) == 3
