"""A cell that trains shows how far it is, can be interrupted, and says in short what is missing."""

import os
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel
from sweeps import spec, wait_until

from sdd.runs import store
from sdd.runs.on_the_spot import MissingRuns, expected_seconds

LONG = [spec(2_000_000 + k, T=40) for k in range(3)]
CELL = """
import sys
sys.path.insert(0, {tests!r})
import joblib
from sdd.runs import fetch, sweep, worker
from test_on_the_spot import LONG
worker.CHECKPOINT_EVERY_S = 0.5
joblib.cpu_count = lambda: {cores}
fetch(LONG[:{runs}])
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel whose store is a folder of its own, which trains however long it takes."""
    folder = tmp_path_factory.mktemp("store")
    env = os.environ | {"SDD_STORE": str(folder), "SDD_ON_THE_SPOT": "inf"}
    manager, client = start_new_kernel(env=env)
    yield manager, client, folder
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def workers(pid):
    """The processes of loky that train below a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat, line = (entry / "stat").read_text(), (entry / "cmdline").read_text()
            except OSError:
                continue  # it has ended
            state, parent = stat.rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z" and "popen_loky" in line:
                found.append(int(entry.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize(("cores", "runs"), [(1, 1), (2, 3)])
def test_a_training_cell_shows_how_far_it_is_and_an_interrupt_keeps_it(kernel, cores, runs):
    manager, client, folder = kernel
    tests = str(Path(__file__).parent)
    request = client.execute(CELL.format(tests=tests, cores=cores, runs=runs))
    shown, said, interrupted, deadline = "", [], False, time.monotonic() + 120
    while True:
        assert time.monotonic() < deadline
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        if message["msg_type"] == "stream":
            assert content["name"] == "stdout" or "Compiling" in content["text"]
            shown += content["text"]
        if message["msg_type"] == "error":
            said.append((content["ename"], content["traceback"]))
        if content.get("execution_state") == "idle":
            break
        # Once it shows a bar that moves, and a checkpoint is kept.
        if not interrupted and " left" in shown and any(folder.glob(".checkpoints/*")):
            assert cores == 1 or len(workers(manager.provisioner.pid)) == 2
            interrupted = True
            manager.interrupt_kernel()
    ((name, lines),) = said
    assert name == "Interrupted"
    assert lines == [f"Interrupted: {lines[0].partition(': ')[2]}"]
    assert "continues" in lines[0]
    assert "\r  " in shown
    wait_until(lambda: not workers(manager.provisioner.pid), 10)
    kept = [store.load_checkpoint(s.name, s.config, folder) for s in LONG]
    assert max(progress.steps for progress in kept if progress) > 0


def test_the_message_of_what_is_missing_is_all_that_a_notebook_shows():
    error = MissingRuns("2 of 3 runs are not stored", "python -m sdd run width", "or wait")
    (shown,) = error._render_traceback_()
    said, command, more = shown.splitlines()
    assert said == "MissingRuns: 2 of 3 runs are not stored; train them with"
    assert command.split()[1:] == ["-m", "sdd", "run", "width"]
    assert Path(command.split()[0]).exists()
    assert more == "or wait"


def test_the_time_expected_grows_with_the_work():
    short, long = expected_seconds([spec(2_000)]), expected_seconds([spec(20_000_000, T=400)])
    assert 0 <= short < 10 < long
