"""A Dask cluster gives the files of a local sweep, whatever happens to its workers."""

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import distributed
import pytest
from sweeps import SLOW, contents, files, spec, wait_until

from sdd.runs import cluster as clusters
from sdd.runs import journal, store, sweep
from sdd.runs.cluster import ClusterError
from sdd.runs.sweep import missing, train_missing
from sdd.training import TrainingDiverged

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster():
    """A scheduler in this process, two workers of one thread in processes of their own."""
    options = {"dashboard_address": None, "worker_dashboard_address": None, "silence_logs": 60}
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, **options) as made:
        yield made


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as made:
        made.wait_for_workers(2, timeout=60)  # one that a test has killed is replaced
        yield made


def kill_a_busy_worker(client):
    pids = client.run(os.getpid)
    wait_until(lambda: any(client.processing().values()), 60)
    busy = next(worker for worker, tasks in client.processing().items() if tasks)
    os.kill(pids[busy], signal.SIGKILL)


def test_a_cluster_that_loses_a_worker_gives_the_files_of_a_local_sweep(
    cluster, client, tmp_path, trained, undisturbed
):
    before = []

    def kill():
        wait_until(lambda: files(tmp_path), 60)
        before.append(files(tmp_path))
        kill_a_busy_worker(client)

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill)
        there = cluster.scheduler_address
        assert train_missing(SLOW, tmp_path, quiet=True, dask=there) == len(SLOW)
        killed.result()
    assert 1 <= len(before[0]) < len(SLOW)  # stored as they come
    assert before[0].items() <= files(tmp_path).items()
    assert contents(tmp_path) == undisturbed
    assert all(entry.seconds > 0 for entry in journal.entries(tmp_path).values())
    assert trained == []  # none of them here
    assert train_missing(SLOW, tmp_path, quiet=True, dask="nowhere") == 0  # nobody is asked


def test_what_stands_in_the_way_of_a_run_is_set_aside_and_a_sound_run_is_not(cluster, tmp_path):
    bad, good = spec(50), spec(60)
    store.path(bad.name, tmp_path).write_bytes(b"someone's")
    with pytest.warns(UserWarning, match="was set aside as"):
        assert train_missing([bad], tmp_path, quiet=True, dask=cluster.scheduler_address) == 1
    assert store.path(bad.name, tmp_path).with_suffix(".damaged").read_bytes() == b"someone's"
    # As if another sweep had stored it while the cluster was at it.
    train_missing([good], tmp_path, jobs=1, quiet=True)
    before = files(tmp_path)
    clusters._put(good.name, answer(good, tmp_path), tmp_path)
    assert files(tmp_path) == before
    assert not store.path(good.name, tmp_path).with_suffix(".damaged").exists()


def answer(of, folder):
    """What a machine of the cluster would give back for a run that is stored here."""
    return store.path(of.name, folder).read_bytes(), (folder / ".journal").read_bytes()


WRONG = {
    "another run": lambda own, other: other,
    "another order": lambda own, other: own[::-1],
    "a damaged file": lambda own, other: (own[0][:-9] + bytes(9), own[1]),
    "half a file": lambda own, other: (own[0][:200], own[1]),
    "no bytes": lambda own, other: ("a run", own[1]),
    "a run": lambda own, other: sweep.fetch,
    "too much": lambda own, other: (*own, b""),
    "nothing": lambda own, other: None,
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_the_run_that_was_asked_for_is_refused(what, tmp_path):
    own, other = spec(50), spec(60)
    train_missing([own, other], tmp_path / "cluster", jobs=1, quiet=True)
    answers = (answer(which, tmp_path / "cluster") for which in (own, other))
    with pytest.raises(ClusterError, match=f"give back the run {own.name} .*, but ") as error:
        clusters._put(own.name, WRONG[what](*answers), tmp_path)
    assert "\n" not in str(error.value)
    assert files(tmp_path) == {}


def test_a_run_of_other_numerics_is_refused(tmp_path, monkeypatch):
    own = spec(50)
    train_missing([own], tmp_path / "cluster", jobs=1, quiet=True)
    sent = answer(own, tmp_path / "cluster")
    monkeypatch.setattr(store, "NUMERICS", 99)
    with pytest.raises(ClusterError, match=f"give back the run {own.name} "):
        clusters._put(own.name, sent, tmp_path)
    assert files(tmp_path) == {}


def test_a_run_that_somebody_else_holds_is_stored_once_it_is_free(cluster, tmp_path, undisturbed):
    call = partial(train_missing, SLOW, tmp_path, quiet=True, dask=cluster.scheduler_address)
    with ThreadPoolExecutor(1) as pool:
        with store.locked(SLOW[0].name, tmp_path):
            sweeping = pool.submit(call)
            wait_until(lambda: len(files(tmp_path)) == len(SLOW) - 1 or sweeping.done(), 120)
            assert missing(SLOW, tmp_path) == SLOW[:1]
        assert sweeping.result(60) == len(SLOW)
    assert contents(tmp_path) == undisturbed


def test_a_run_that_a_cluster_gives_up_is_told_and_those_that_finished_are_stored(
    cluster, client, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    endless = spec(10**7)

    def kill():
        wait_until(lambda: files(tmp_path), 60)
        kill_a_busy_worker(client)

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill)
        with pytest.raises(ClusterError, match="worker after worker died on a run, the last at"):
            train_missing([endless, spec(60)], tmp_path, quiet=True, dask=cluster.scheduler_address)
        killed.result()
    assert missing([endless, spec(60)], tmp_path) == [endless]


def test_a_run_that_diverges_on_a_cluster_is_named_and_the_others_end(cluster, client, tmp_path):
    endless, bad = spec(10**7), spec(60, lr=1e30)
    with pytest.raises(TrainingDiverged, match=r"steps=60.*lr=1e\+30"):
        train_missing([endless, bad], tmp_path, quiet=True, dask=cluster.scheduler_address)
    assert missing([endless, bad], tmp_path) == [endless, bad]
    busy = lambda dask_worker: len(dask_worker.state.executing)  # noqa: E731 - sent as it is
    wait_until(lambda: not any(client.run(busy).values()), 30)


def test_a_cluster_with_another_version_is_refused(cluster, client, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "NUMERICS", 99)
    with pytest.raises(ClusterError, match="must have this version of sdd, of numerics 99, not 3"):
        train_missing([spec()], tmp_path, quiet=True, dask=cluster.scheduler_address)
    assert files(tmp_path) == {}


WITHOUT_SDD = """
import asyncio, sys
from distributed import Scheduler, Worker

sys.modules["sdd"] = None

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        async with Worker(scheduler.address, nthreads=1, dashboard=False) as worker:
            print(scheduler.address, flush=True)
            await worker.finished()

asyncio.run(main())
"""


def test_a_cluster_without_this_package_is_told(tmp_path, trained):
    command = [sys.executable, "-c", WITHOUT_SDD]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            address = process.stdout.readline().strip()
            with pytest.raises(ClusterError, match=r"need this version .*: No module") as error:
                train_missing([spec()], tmp_path, quiet=True, dask=address)
        finally:
            process.kill()
    assert "\n" not in str(error.value)
    assert trained == []


def test_a_scheduler_that_goes_away_is_told(tmp_path):
    options = {"dashboard_address": None, "worker_dashboard_address": None, "silence_logs": 60}
    made = distributed.LocalCluster(1, threads_per_worker=1, processes=False, **options)
    client = distributed.Client(made.scheduler_address, set_as_default=False)

    def close():
        wait_until(lambda: any(client.processing().values()), 60)
        client.close()
        made.close()

    with ThreadPoolExecutor(1) as pool:
        closed = pool.submit(close)
        with pytest.raises(ClusterError, match="the Dask cluster was lost"):
            train_missing([spec(10**6)], tmp_path, quiet=True, dask=made.scheduler_address)
        closed.result()
    assert files(tmp_path) == {}


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(clusters, "CONNECT_TIMEOUT_S", 0.5)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "foo://127.0.0.1:1", ""])
def test_an_address_where_no_scheduler_answers_is_named(address, tmp_path, impatient, trained):
    with pytest.raises(ConnectionError, match=f"no Dask scheduler answers at {address}:") as error:
        train_missing([spec()], tmp_path, quiet=True, dask=address)
    assert "\n" not in str(error.value)
    assert trained == []


def test_something_else_that_answers_is_told(cluster, client, tmp_path, impatient, trained):
    worker = next(iter(client.scheduler_info()["workers"]))
    with pytest.raises(ConnectionError, match=f"answers at {worker}: a worker does"):
        train_missing([spec()], tmp_path, quiet=True, dask=worker)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=f"answers at {there}: something else does"):
            train_missing([spec()], tmp_path, quiet=True, dask=there)
    assert trained == []


def test_a_missing_package_and_two_ways_at_once_are_told(tmp_path, monkeypatch, trained):
    with pytest.raises(ValueError, match="give jobs or a Dask cluster, not both: 2 and tcp://a:1"):
        train_missing([spec()], tmp_path, jobs=2, dask="tcp://a:1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"to train on a Dask cluster, pip install 'sdd\[cluster"):
        train_missing([spec()], tmp_path, quiet=True, dask="tcp://127.0.0.1:1")
    assert trained == []
