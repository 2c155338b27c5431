"""Training on a Dask cluster: the same runs, to the same bits, made elsewhere and stored here."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sdd.runs import store
from sdd.runs.spec import RunSpec, make_run
from sdd.training.checkpoint import Progress
from sdd.training.run import Run

__all__ = ["ClusterError", "connected", "require_dask", "train_on"]

CONNECT_TIMEOUT_S = 10
ASK_EVERY_S = 2  # between questions to the cluster whether a run is still wanted


class ClusterError(RuntimeError):
    """A Dask cluster was lost, gave a run up, or lacks this version of the package."""


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
    error is raised. Dask trains a run again whose worker dies.

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
        Where the cluster is lost, lacks this version of the package, or gives a run up.
    TrainingDiverged
        Where a run diverges.

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
            f"{', '.join(map(str, sorted(other)))}"
        )
    unwanted = Event(client=client)  # set once nobody waits for the runs any more
    futures = client.map(_train, todo, event=unwanted.name, pure=False)
    failed = None
    try:
        for future in as_completed(futures, loop=client.loop):
            if future.status == "finished":
                yield _stored(future.result(), folder)
            elif failed is None:
                failed = future
                client.cancel([f for f in futures if not f.done()])
        if failed is not None:
            failed.result()
    except KilledWorker as error:
        raise ClusterError(
            f"worker after worker died on a run, the last at {error.last_worker.address} (out of "
            "memory?)"
        ) from error
    except (CancelledError, OSError) as error:
        raise ClusterError(f"the Dask cluster was lost: {error}") from error
    finally:
        with contextlib.suppress(Exception):
            unwanted.set()


def _stored(made: Run, folder: Path) -> str:
    """Store a run that has come back, unless it is stored by now; return its name."""
    name = store.name_of(made)
    # One whose lock another process holds is being trained there, too, to the same bits.
    with store.locked(name, folder, wait=False) as mine:
        if mine and store.load(name, folder) is not None:
            return name
        if mine:
            store.set_aside(name, folder)
        store.save_run(made, folder)
    return name


def _numerics() -> int:
    """Return the numerics of the package where this is called, on a machine of the cluster."""
    return store.NUMERICS


def _train(spec: RunSpec, event: str) -> Run:
    """Train and evaluate one run on a Dask worker, unless the event says that it is unwanted."""
    from distributed import Event

    unwanted, asked = Event(event), time.monotonic()

    def on_stop(progress: Progress) -> None:
        nonlocal asked
        if time.monotonic() - asked > ASK_EVERY_S:
            asked = time.monotonic()
            if unwanted.is_set():
                raise ClusterError("the run is not wanted any more")

    return make_run(spec, checkpoint=on_stop)
