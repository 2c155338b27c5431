"""The one training loop: full-batch AdamW with a linear warm-up and a cosine decay."""

import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from time import perf_counter

import numpy as np
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset, Stream, whole_number
from sdd.training.checkpoint import Part, Progress
from sdd.training.config import Run, TrainConfig

__all__ = ["TrainingDiverged", "evaluate", "initial_weights", "train"]

RECORDS = 200  # about so many log-spaced steps of history
BETWEEN = 2.0  # seconds, about, between looks at the callback, at threads and at Ctrl-C

Callback = Callable[[int, np.ndarray, np.ndarray], None]


class TrainingDiverged(RuntimeError):
    """The loss of a run became infinite or NaN."""


def initial_weights(
    m: int,
    n: int,
    seed: int = 0,
    gain: float = 1.0,
    dtype: str = "float32",
    xavier: str = "normal",
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "n"]]:
    """Return Xavier weights (standard deviation gain · √(2/(m + n))) and a zero bias.

    The paper says "Xavier-initialised" and no more: "normal" and "uniform" have the same
    variance. Their random stream is separate from those of the data.
    """
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(3,))))
    unit = (
        rng.standard_normal((m, n))
        if xavier == "normal"
        else rng.uniform(-math.sqrt(3), math.sqrt(3), (m, n))
    )
    W = unit * (gain * math.sqrt(2 / (m + n)))
    return W.astype(dtype), np.zeros(n, dtype)


def train(
    data: Dataset | Stream,
    config: TrainConfig | None = None,
    *,
    init: tuple[np.ndarray, np.ndarray] | None = None,
    snapshots: Iterable[int] = (),
    callback: Callback | None = None,
    threads: int | Callable[[], int] = 1,
    checkpoint: Callable[[Progress], None] | None = None,
    resume: Progress | None = None,
) -> Run:
    """Train a model and return the run (section "Experiment Setup").

    Parameters
    ----------
    data : Dataset or Stream
        Training set; with a stream every step sees fresh points (T = ∞).
    config : TrainConfig or None
        Settings; None means the paper's.
    init : (W, b) or None
        Warm or planted start; None means `initial_weights`.
    snapshots : iterable of int
        Numbers of steps after which to keep W, b and AdamW's second moments.
    callback : callable or None
        Called as ``callback(step, W, b)`` at every recorded step, and every few seconds; with
        restarts side by side from their threads, but never twice at once.
    threads : int or callable
        Threads to use, or a function that tells how many those are now, asked every few
        seconds. Several restarts on the CPU train side by side. A run has the same bits on any
        number.
    checkpoint : callable or None
        Called as ``checkpoint(progress)`` after every callback. What ``progress.arrays()``
        returns there is enough to go on from.
    resume : Progress or None
        Go on from there, with the same bits as without stopping; it is changed in place.
        Settings, data, initial weights and snapshots must be the same.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        Where settings, data and initial weights do not fit each other.
    TrainingDiverged
        Where the loss becomes infinite or NaN; step and settings are named.
    """
    config = TrainConfig() if config is None else config
    wanted = {whole_number("a snapshot's step", step, 0) for step in snapshots}
    if wanted and max(wanted) > config.steps:
        raise ValueError(f"snapshots must be at most steps = {config.steps}, not {max(wanted)}")
    probe = data.at(0) if isinstance(data, Stream) else data
    if init is not None:
        if config.restarts > 1:
            raise ValueError(
                f"restarts must be 1 where initial weights are given, not {config.restarts}"
            )
        W, b = (np.asarray(a, config.dtype) for a in init)
        engine.check_shapes(W, b, probe)
        if W.shape[0] != config.m:
            raise ValueError(f"W has {W.shape[0]} rows, but config.m = {config.m}")
        init = (W, b)

    progress = Progress(config) if resume is None else resume
    if progress.config != config:
        raise ValueError(f"resume is the progress of {progress.config}, not of {config}")
    for part in progress.parts.values():
        engine.check_shapes(part.state.W, part.state.b, probe)

    def train_one(r: int, threads: Callable[[], int]) -> None:
        seeded = replace(config, seed=config.seed + r)
        part = progress.parts.get(r) or Part.fresh(*(init or _start(seeded, data.n)))

        def look(row: tuple[float, ...]) -> None:
            with progress.lock:
                progress.parts[r] = part
                part.note(row, part.state.steps in wanted)
                if checkpoint is not None:
                    part.save()
                progress.stopped(r)
                if callback is not None:
                    callback(part.steps, part.state.W, part.state.b)
                if checkpoint is not None:
                    checkpoint(progress)

        _train_once(data, seeded, part, wanted, threads, look)

    count = threads if callable(threads) else lambda: threads
    todo = [r for r in range(config.restarts) if math.isnan(progress.losses[r])]
    if len(todo) > 1 and threads != 1 and config.device == "cpu":
        _side_by_side(train_one, todo, count)
    else:
        for r in todo:
            train_one(r, count)
    best = progress.parts[int(np.argmin(progress.losses))]
    settings = data.settings if data.settings is not None else data.content_hash()
    kept = {name: np.array(values) for name, values in best.snapshots.items()}
    return Run(
        W=best.state.W,
        b=best.state.b,
        config=config,
        data=settings,
        history={name: np.array(values) for name, values in best.history.items()},
        train_loss=float(best.history["loss"][-1]),
        restart_losses=progress.losses,
        snapshots=kept if wanted else {},
        start="" if init is None else hash_arrays(*init),
    )


def _start(config: TrainConfig, n: int) -> tuple[np.ndarray, np.ndarray]:
    return initial_weights(config.m, n, config.seed, config.gain, config.dtype, config.xavier)


def _train_once(data, config, part, wanted, threads, look) -> None:
    """Train one parameter seed to its end; `look` is called at each stop with a row of history.

    Stops are the steps that are recorded or wanted, and as many between as the time asks for:
    where those fall hangs on the machine, but changes neither bits nor history.
    """
    state, rates, advance = part.state, config.rates(), _advance(config)
    recorded = {0, config.steps}
    recorded |= {round(s) for s in np.geomspace(1, config.steps, RECORDS)}
    options = {
        "weight_decay": config.weight_decay,
        "bias_decay": config.bias_decay,
        "eps": config.eps,
        "scale": 1 / data.n if config.reduction == "mean" else 1.0,
    }
    most = 1  # steps until the next stop: doubled as long as they take less than BETWEEN
    for step in sorted(recorded | wanted):
        while part.steps < step:
            now, count = max(1, threads()), min(step - state.steps, most)
            if count:  # (none before the first stop)
                start = perf_counter()
                ahead = rates[state.steps : state.steps + count]
                advance(state, data, ahead, threads=now, **options)
                pace = (perf_counter() - start) / count
                most = max(1, int(min(2 * most, BETWEEN / max(pace, 1e-9))))
            look(_row(state, data, config, rates) if state.steps in recorded else ())


def _advance(config: TrainConfig) -> Callable[..., None]:
    """Return `engine.advance`, or its like on the device asked for."""
    if config.device == "cpu":
        return engine.advance
    from sdd.engine import torch_step as device

    return partial(device.advance, device=device.find_device(config.device, config.dtype))


def _row(state, data, config, rates) -> tuple[float, ...]:
    """Return what the history says of this step."""
    step = state.steps
    # With fresh batches: the one that comes next, which the model has not seen.
    seen = data.at(step) if isinstance(data, Stream) else data
    loss = engine.loss(state.W, state.b, seen)
    if not math.isfinite(loss):
        raise TrainingDiverged(f"the loss became {loss} by step {step} of {config}; lower lr")
    norms = (np.linalg.norm(a.astype(np.float64)) for a in (state.W, state.b))
    return (step, rates[min(step, config.steps - 1)], loss, *norms)


class _Stopped(Exception):
    """Another restart failed, or Ctrl-C was pressed."""


def _side_by_side(train_one, todo: list[int], threads: Callable[[], int]) -> None:
    """Train restarts in as many Python threads as there may be now.

    Each has one thread, the last one left has all: numba's simplest threading layer allows no two
    callers at once.
    """
    waiting, stop = list(reversed(todo)), threading.Event()
    active: set[int] = set()
    running: set[Future] = set()

    def share() -> int:
        if stop.is_set():
            raise _Stopped
        return threads() if len(active) == 1 else 1

    def work(r: int) -> None:
        try:
            train_one(r, share)
        finally:
            active.remove(r)

    with ThreadPoolExecutor(len(todo)) as pool:
        try:
            while waiting or running:
                while waiting and len(active) < max(1, threads()):
                    active.add(waiting[-1])  # before it starts, so that none takes it for absent
                    running.add(pool.submit(work, waiting.pop()))
                # (Not for ever: there may be more threads by and by.)
                done, running = wait(running, 1, FIRST_COMPLETED)
                for future in done:
                    future.result()
        except BaseException:
            stop.set()  # the others end at their next stop
            raise


def hash_arrays(*arrays: np.ndarray) -> str:
    """Return a short hash of the arrays' contents."""
    import hashlib

    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def evaluate(run: Run, test: Dataset) -> Run:
    """Return the run with its mean loss over a test set, and that mean's standard error."""
    errors = engine.loss(run.W, run.b, test, per_example=True)
    error = float(errors.std(ddof=1) / math.sqrt(errors.size)) if errors.size > 1 else math.nan
    return replace(run, test_loss=float(errors.mean()), test_error=error)
