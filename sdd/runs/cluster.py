"""Training on a Dask cluster: the same runs, to the same bits, made elsewhere and stored here.

What comes back is the bytes of a run's file, which are checked as any file of a store is.
"""

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sdd.runs import journal, store
from sdd.runs.spec import RunSpec, lacking, make_run
from sdd.runs.waiting import held
from sdd.training.checkpoint import Progress
from sdd.training.files import UNREADABLE
from sdd.training.run import Run

__all__ = ["ClusterError", "connected", "require_dask", "train_on"]

CONNECT_TIMEOUT_S = 10
ASK_EVERY_S = 2  # between questions to the cluster whether a run is still wanted

Answer = tuple[bytes, bytes]  # a run's file, and the journal of a store that holds it alone


class ClusterError(RuntimeError):
    """A Dask cluster was lost, gave a run up or a wrong one back, or has not this version."""


def require_dask() -> None:
    """Raise ImportError, in one sentence, where Dask is not installed."""
    try:
        import distributed  # noqa: F401 - takes a second: only where it is needed
    except ImportError as error:
        raise ImportError(
            f"to train on a Dask cluster, pip install 'sdd[cluster]' ({error})"
        ) from error


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield a client of the Dask cluster there.

    Parameters
    ----------
    address : str
        Of its scheduler.

    Yields
    ------
    distributed.Client
        Closed at the end.

    Raises
    ------
    ConnectionError
        Where no scheduler answers.
    ImportError
        Where Dask is not installed.

    Examples
    --------
    >>> from sdd.runs.cluster import connected
    >>> with connected("tcp://10.0.0.1:8786") as client:  # doctest: +SKIP
    ...     print(client)
    """
    require_dask()
    import distributed

    try:
        # A client that cannot connect may hang when it is collected, so ask before one is made:
        # in a thread, as a notebook has an event loop of its own in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _ask_for_scheduler(address)).result()
        client = distributed.Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # the last two: it is no address
        why = " ".join(str(error).split()) or "something else does"
        raise ConnectionError(f"no Dask scheduler answers at {address}: {why}") from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what fails is raised
    with client:
        yield client


async def _ask_for_scheduler(address: str) -> None:
    """Raise an error unless a Dask scheduler answers at the address in time."""
    from distributed import Security, rpc

    options = Security().get_connection_args("client")
    async with rpc(address, timeout=CONNECT_TIMEOUT_S, connection_args=options) as there:
        kind = (await asyncio.wait_for(there.identity(), 2 * CONNECT_TIMEOUT_S))["type"]
    if kind != "Scheduler":
        raise ValueError(f"a {kind.lower()} does")


def train_on(client: Any, todo: list[RunSpec], folder: Path) -> Iterator[str]:
    """Train the runs on a Dask cluster and store them here; yield the names of those stored.

    Where a run fails, those not finished by then are cancelled, and the others stored before the
    error is raised. Dask trains a run again whose worker dies. A run whose lock another process
    holds is stored at the end, once that is free, unless it was stored there.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster, see `connected`.
    todo : list of RunSpec
        The runs.
    folder : Path
        The store.

    Yields
    ------
    str
        Name of a run that is stored.

    Raises
    ------
    ClusterError
        Where the cluster is lost, lacks this version of the package, gives a run up, or gives back
        what is not the run that was asked for.
    TrainingDiverged
        Where a run diverges.
    StoreError
        Where the store cannot be used.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sdd.runs.cluster import connected, train_on
    >>> with connected("tcp://10.0.0.1:8786") as client:  # doctest: +SKIP
    ...     names = list(train_on(client, specs, Path("runs")))
    """
    from distributed import CancelledError, Event, KilledWorker, as_completed

    try:
        found = {client.run_on_scheduler(_numerics), *client.run(_numerics).values()}
    except (ImportError, AttributeError) as error:
        raise ClusterError(
            f"the cluster's machines need this version of this package, too: {error}"
        ) from error
    if other := found - {store.NUMERICS}:
        raise ClusterError(
            f"the Dask cluster must have this version of sdd, of numerics {store.NUMERICS}, not "
            f"{', '.join(sorted(map(repr, other)))}"
        )
    unwanted = Event(client=client)  # set once nobody waits for the runs any more
    asked = {spec.name for spec in todo}
    made: dict[str, Any] = {}  # what is to come, by the name of the run
    for spec in lacking(todo, lambda name: name not in asked):
        # (Where the run before it is trained on the cluster, too, its answer goes from there.)
        before = spec.after and (made.get(spec.after.name) or store.load(spec.after.name, folder))
        made[spec.name] = client.submit(_train, spec, before, unwanted.name, pure=False)
    names, futures = {future.key: name for name, future in made.items()}, list(made.values())
    failed, busy = None, []
    try:
        for future in as_completed(futures, loop=client.loop):
            if future.status == "finished":
                name, answer = names[future.key], future.result()
                with store.locked(name, folder, wait=False) as mine:
                    if mine:
                        _put(name, answer, folder)
                    else:  # it is being trained there, too, to the same bits
                        busy.append((name, answer))
                if mine:
                    yield name
            elif failed is None:
                failed = future
                client.cancel([f for f in futures if not f.done()])
        for name, answer in busy if failed is None else ():
            with held(name, folder):
                _put(name, answer, folder)
            yield name
        if failed is not None:
            failed.result()
    except KilledWorker as error:
        raise ClusterError(
            f"worker after worker died on a run, the last at {error.last_worker.address}, whose "
            "log says why"
        ) from error
    except store.StoreError:  # (an OSError, too)
        raise
    except (CancelledError, OSError) as error:
        raise ClusterError(f"the Dask cluster was lost: {error}") from error
    finally:
        with contextlib.suppress(Exception):
            unwanted.set()


def _put(name: str, answer: Answer, folder: Path) -> None:
    """Check what has come back for a run whose lock is held here; store it unless it is by now."""
    with tempfile.TemporaryDirectory() as scratch:
        there = Path(scratch)
        file = store.path(name, there)
        try:
            for place, content in zip((file, there / journal.JOURNAL), answer, strict=True):
                place.write_bytes(content)
            run = store._read(file, name)
        except UNREADABLE as error:
            raise ClusterError(
                f"the cluster must give back the run {name} that was asked of it, but {error}"
            ) from error
        if store.load(name, folder) is not None:
            return
        store.set_aside(name, folder)
        store.save_run(run, folder)
        # (The last entry counts: trained there.)
        journal.note([e for e in journal.entries(there).values() if e.name == name], folder)


def _numerics() -> int:
    """Return the numerics of the package where this is called, on a machine of the cluster."""
    return store.NUMERICS


def _train(spec: RunSpec, before: Run | Answer | None, event: str) -> Answer:
    """Train and evaluate one run on a Dask worker, unless the event says that it is unwanted."""
    from distributed import Event

    unwanted, asked, began = Event(event), time.monotonic(), time.thread_time()

    def on_stop(progress: Progress) -> None:
        nonlocal asked
        if time.monotonic() - asked > ASK_EVERY_S:
            asked = time.monotonic()
            if unwanted.is_set():
                raise ClusterError("the run is not wanted any more")

    with tempfile.TemporaryDirectory() as scratch:
        if spec.after and isinstance(before, tuple):
            store.path(name := spec.after.name, Path(scratch)).write_bytes(before[0])
            before = store.load(name, Path(scratch))
        made = make_run(spec, after=before, checkpoint=on_stop)
        file = store.save_run(made, Path(scratch), time.thread_time() - began)
        return file.read_bytes(), (Path(scratch) / journal.JOURNAL).read_bytes()
