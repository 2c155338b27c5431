"""Training on a Dask cluster: the same runs, to the same bits, made elsewhere and stored here."""

import asyncio
import contextlib
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdd.runs import store
from sdd.training.checkpoint import Progress
from sdd.training.config import Run
from sdd.runs.spec import RunSpec, make_run

__all__ = ["ClusterError", "connected", "trained_there"]

REACHED = 10  # seconds in which a Dask scheduler has to answer
FETCHED = 60  # seconds in which a finished run has to come once another has failed


class ClusterError(RuntimeError):
    """A Dask cluster was lost, or gave a run up."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield a client of the Dask cluster at that address.

    Raises
    ------
    ConnectionError
        Where no Dask scheduler answers there.
    ValueError
        Where Dask is not installed.
    """
    try:
        import distributed  # takes a second: only where it is needed
    except ImportError as error:
        raise ValueError(f"to train on a Dask cluster, install distributed ({error})") from error
    try:
        # (Before a client is made: one that cannot connect stays open, and where it is collected
        # while Dask starts the next, both wait for ever.)
        distributed.utils.LoopRunner().run_sync(_ask_for_scheduler, address)
        client = distributed.Client(address, timeout=REACHED, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # the last two: it is no address
        why = " ".join(str(error).split()) or "something else does"
        raise ConnectionError(f"no Dask scheduler answers at {address}: {why}") from error
    log = logging.getLogger("distributed.client")
    level = log.level
    log.setLevel(logging.CRITICAL)  # what goes wrong is raised, in one sentence
    try:
        with client:
            yield client
    finally:
        log.setLevel(level)


async def _ask_for_scheduler(address: str) -> None:
    """Ask who is there, within a time; an error where it is no Dask scheduler."""
    from distributed import Security, rpc

    options = Security().get_connection_args("client")
    async with rpc(address, timeout=REACHED, connection_args=options) as there:
        # (Dask's own timeout ends with the connection: it would wait for ever to be greeted.)
        kind = (await asyncio.wait_for(there.identity(), 2 * REACHED))["type"]
    if kind != "Scheduler":
        raise ValueError(f"a {kind.lower()} does")


# Not by joblib's own Dask backend (1.6.0): it trains here, not there, where the cluster has but one
# thread, and waits for ever for a task that Dask has given up.
def trained_there(client: Any, todo: list[RunSpec], folder: Path) -> Iterator[str]:
    """Train the runs on a Dask cluster and store them here; yield the names of those stored.

    Where a run fails, those that have ended by then are stored before the error is raised.

    Raises
    ------
    ClusterError
        Where the cluster is lost, lacks this package, or gives a run up.
    ValueError
        Where the cluster has another version of this package.
    TrainingDiverged
        Where a run diverges.
    """
    from distributed import KilledWorker, as_completed
    from distributed.client import FutureCancelledError

    # (Handed over all at once, the longest first, so that workers that come later have work, too.)
    calls = [pickle.dumps(_Call(spec, store.NUMERICS)) for spec in todo]
    tasks = client.map(pickle.loads, calls, key="train", pure=False)
    futures = as_completed(tasks, loop=client.loop)
    del tasks  # so that a cluster forgets a run that has come back
    try:
        for run in _come_back(futures):
            # (Named by what came back: it need not be asked which future was whose.)
            yield store.save_run(run, folder).stem
    except KilledWorker as error:
        raise ClusterError(
            f"worker after worker died on a run, the last at {error.last_worker.address} (out of "
            "memory?)"
        ) from error
    except (ImportError, AttributeError) as error:
        # (The latter is how a pickle tells of a name that another version of the package lacks.)
        if isinstance(error, AttributeError) and "Can't get attribute" not in str(error):
            raise
        raise ClusterError(
            f"the cluster's workers need this version of this package, too: {error}"
        ) from error
    except FutureCancelledError as error:
        raise ClusterError(f"the Dask cluster was lost: {error.reason}") from error
    except RuntimeError as error:
        if "deserialization of the task graph" not in str(error):
            raise
        raise ClusterError(
            "the Dask scheduler cannot read what it is sent (another version of Dask?): "
            f"{error.__cause__}"
        ) from error


def _come_back(futures: Any) -> Iterator[Run]:
    """Yield the runs as they end; where one fails, those that have ended too, and then raise."""
    from distributed.client import FutureCancelledError

    for future in futures:
        try:
            run = future.result()
        except Exception:
            for other in futures.next_batch(block=False):
                # (It may have been lost with its worker meanwhile: that is not what went wrong.)
                with contextlib.suppress(OSError, FutureCancelledError):
                    if other.status == "finished":
                        yield other.result(FETCHED)
            raise
        yield run


class _Call:
    """What is the run itself once it has been pickled and read again.

    A Dask scheduler reads the tasks that it hands on, and a worker reads them before it can tell
    of an error: where they lack this package, the one fails and the other goes silent. So a task is
    to read some bytes, which takes nothing of ours; what a worker lacks comes out while it runs.
    """

    def __init__(self, spec: RunSpec, numerics: int) -> None:
        self.arguments = spec, numerics

    def __reduce__(self) -> Any:
        return _made_there, self.arguments


def _made_there(spec: RunSpec, numerics: int) -> Run:
    """Train and evaluate one run, on one thread of a Dask worker."""
    from distributed import get_worker

    if numerics != store.NUMERICS:
        raise ValueError(
            f"the Dask cluster must have this version of sdd, of numerics {numerics}, not "
            f"{store.NUMERICS}"
        )
    worker = get_worker()
    key = worker.get_current_task()

    def look(progress: Progress) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":  # the sweep has ended: nobody waits for it
            raise ClusterError("the run is not wanted any more")

    return make_run(spec, checkpoint=look)
