"""Forked processes and threads of a reader's own get the same bits as one alone, and never hang."""

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
from own_models import Untied
from sweeps import contents, spec

from sdd import engine
from sdd.data import sample, stream
from sdd.kernels import kernel
from sdd.measures.geometry import dimensionality
from sdd.runs.sweep import train_missing
from sdd.training import TrainConfig, train

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
LIMIT_S = 60  # after which something counts as hanging


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def trained(data, threads, model=None, **config):
    config = TrainConfig(**{"steps": 12, "lr": 1e-2, "eps": 1e-8} | config)
    run = train(data(), config, threads=threads, model=model)
    return digest(run.W, run.b, run.history["loss"], *run.others.values())


def loss(threads):
    data = sample(2_600, 800, 0.99)
    W = np.random.default_rng(0).normal(0, 0.1, (2, 800))
    parts = engine.loss_and_grad(W, W[0], data, threads=threads)
    return digest(*parts, engine.loss(W, W[0], data, per_example=True))


def rows(threads):
    data = stream(30_000, 2_000, 0.99).at(3, threads)
    return digest(data.indptr, data.indices, data.values)


def measured(threads):
    h = np.random.default_rng(0).normal(size=(400, 30))
    return digest(dimensionality(h))


TASKS = {  # all of them large enough for more than one thread
    "pruned": partial(trained, partial(sample, 2_600, 800, 0.99)),
    "all pairs": partial(trained, partial(sample, 9_000, 250, 0.98)),
    "tiles": partial(trained, partial(sample, 2_600, 800, 0.99), m=6, steps=4),
    "fresh points": partial(trained, partial(stream, 2_600, 800, 0.99)),
    "restarts": partial(trained, partial(sample, 300, 400, 0.97), restarts=4, steps=60),
    "a model of one's own": partial(trained, partial(sample, 40, 2_000, 0.99), model=Untied, m=20),
    "its restarts": partial(
        trained, partial(sample, 20, 60, 0.9), model=Untied, restarts=4, steps=40
    ),
    "loss": loss,
    "rows": rows,
    "measures": measured,
}


def in_a_fork(task):
    """What a task gives in a forked child, which is ended where it hangs."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=lambda: theirs.send(task()))
    child.start()
    try:
        assert ours.poll(LIMIT_S), "the forked child hangs"
        found = ours.recv()
        child.join(LIMIT_S)
        assert child.exitcode == 0
        return found
    finally:
        child.kill()
        child.join()


@pytest.fixture
def threads_of_pytorch():
    """PyTorch's threads are at work in this process, as before most forks."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.rand(800, 800) @ torch.rand(800, 800)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("name", TASKS)
def test_a_forked_child_gives_the_bits_of_its_parent(name, threads_of_pytorch):
    task = TASKS[name]
    alone = task(1)
    assert task(2) == alone  # and now threads have been at work here
    assert in_a_fork(partial(task, 2)) == alone
    assert in_a_fork(partial(in_a_fork, partial(task, 2))) == alone  # a child's child


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_forked_while_a_kernel_is_compiled_can_compile(monkeypatch):
    from numba.core.compiler_lock import global_compiler_lock

    compiling, forking = threading.Event(), threading.Event()

    def compile_for_a_while():
        with global_compiler_lock:
            compiling.set()
            forking.wait(0.5)  # never set: the fork waits for this thread

    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(compile_for_a_while)
        compiling.wait(LIMIT_S)
        fresh = kernel()(lambda x: x + 1)
        assert in_a_fork(partial(fresh, 41)) == 42
        busy.result()


def at_once(calls):
    """What the calls give, begun together, each in a thread."""
    together = threading.Barrier(len(calls))

    def begun(call):
        together.wait(LIMIT_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begun, calls, timeout=LIMIT_S))


def test_several_threads_at_once_give_the_bits_of_each_alone():
    names = [*TASKS, *TASKS]
    alone = {name: task(1) for name, task in TASKS.items()}
    before = torch.get_num_threads()
    found = at_once([partial(TASKS[name], 1 + k % 3) for k, name in enumerate(names)])
    assert dict(zip(names[: len(TASKS)], found, strict=False)) == alone
    assert found[len(TASKS) :] == list(alone.values())
    assert torch.get_num_threads() == before
    assert at_once([torch.get_num_threads]) == [before]  # nor for threads to come


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_sweeps_in_several_threads_and_after_a_fork_store_the_same_files(tmp_path):
    specs = [spec(300, seed=k, T=40) for k in range(4)]
    folders = [tmp_path / name for name in ("here", "there", "fork")]
    sweep = partial(train_missing, specs, jobs=2, quiet=True)
    assert at_once([partial(sweep, folder) for folder in folders[:2]]) == [4, 4]
    assert in_a_fork(partial(sweep, folders[2])) == 4
    assert contents(folders[0]) == contents(folders[1]) == contents(folders[2])
    assert len(contents(folders[0])) == 4


NORMS = """
import numpy as np, sdd
run = sdd.train(sdd.sample(3, n=20_000, sparsity=0.9995), sdd.TrainConfig(steps=3, seed=5))
print(run.history["W_norm"].tobytes().hex())
"""


@pytest.mark.slow
def test_the_history_is_the_same_whatever_threads_blas_may_take():
    def norms(count):
        env = os.environ | {"OPENBLAS_NUM_THREADS": count, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", NORMS], env=env, check=True, capture_output=True
        )
        return done.stdout

    assert norms("1") == norms("2") == norms("4")
