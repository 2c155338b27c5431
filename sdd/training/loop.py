"""The one training loop: full-batch AdamW with a linear warm-up and a cosine decay."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from time import perf_counter

import numpy as np

from sdd import engine
from sdd.data import Dataset, Stream
from sdd.training.checkpoint import Progress, RestartState
from sdd.training.config import Run, TrainConfig
from sdd.training.restarts import side_by_side
from sdd.training.starts import config_weights, hash_arrays

__all__ = ["TrainingDiverged", "evaluate", "train"]

RECORDS = 200  # about so many log-spaced steps of history
STOP_INTERVAL_S = 2.0  # a training stops about so often for callback, checkpoint, threads, Ctrl-C

Callback = Callable[[int, np.ndarray, np.ndarray], None]


class TrainingDiverged(RuntimeError):
    """The loss of a run became infinite or NaN."""


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
        Threads to use, or a function that returns how many may be used now, called every few
        seconds. Several restarts on the CPU train side by side. A run has the same bits on any
        number.
    checkpoint : callable or None
        Called as ``checkpoint(progress)`` after every callback. A training can be resumed from
        what ``progress.arrays()`` returns there.
    resume : Progress or None
        Where to resume, with the same bits as without stopping; it is changed in place.
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
    wanted = set(config.snapshot_steps(snapshots))
    probe = data.at(0) if isinstance(data, Stream) else data
    if init is not None:
        if (count := config.restarts) > 1:
            raise ValueError(f"restarts must be 1 where initial weights are given, not {count}")
        W, b = (np.asarray(a, config.dtype) for a in init)
        engine.check_shapes(W, b, probe)
        if W.shape[0] != config.m:
            raise ValueError(f"W has {W.shape[0]} rows, but config.m = {config.m}")
        init = (W, b)

    progress = Progress(config) if resume is None else resume
    if progress.config != config:
        raise ValueError(f"resume is the progress of {progress.config}, not of {config}")
    for restart in progress.restarts.values():
        engine.check_shapes(restart.state.W, restart.state.b, probe)

    def train_one(r: int, threads: Callable[[], int]) -> None:
        seeded = replace(config, seed=config.seed + r)
        fresh = init or config_weights(seeded, data.n)
        restart = progress.restarts.get(r) or RestartState.fresh(*fresh)

        def on_stop(row: tuple[float, ...]) -> None:
            with progress.lock:
                progress.restarts[r] = restart
                restart.record(row, keep=restart.state.steps in wanted)
                if checkpoint is not None:
                    restart.save()
                progress.keep_best(r)
                if callback is not None:
                    callback(restart.steps, restart.state.W, restart.state.b)
                if checkpoint is not None:
                    checkpoint(progress)

        _train_restart(data, seeded, restart, wanted, threads, on_stop)

    threads_now = threads if callable(threads) else lambda: threads
    todo = np.flatnonzero(np.isnan(progress.losses)).tolist()
    if len(todo) > 1 and threads != 1 and config.device == "cpu":
        side_by_side(train_one, todo, threads_now)
    else:
        for r in todo:
            train_one(r, threads_now)
    best = progress.restarts[int(np.argmin(progress.losses))]
    kept = {name: np.array(values) for name, values in best.snapshots.items()}
    return Run(
        W=best.state.W,
        b=best.state.b,
        config=config,
        data=data.content_hash() if data.settings is None else data.settings,
        history={name: np.array(values) for name, values in best.history.items()},
        train_loss=float(best.history["loss"][-1]),
        restart_losses=progress.losses,
        snapshots=kept if wanted else {},
        start="" if init is None else hash_arrays(*init),
    )


def _train_restart(data, config, restart, wanted, threads, on_stop) -> None:
    """Train one parameter seed to its end.

    `on_stop` is called at each stop with the row to record, which is empty where none is due.

    Stops are the steps that are recorded or wanted, and as many between as `STOP_INTERVAL_S`
    asks for: which those are depends on the machine, but changes neither bits nor history.
    """
    state, rates, advance = restart.state, config.rates(), _advance(config)
    recorded = {0, config.steps}
    recorded |= {round(s) for s in np.geomspace(1, config.steps, RECORDS)}
    options = {
        "weight_decay": config.weight_decay,
        "bias_decay": config.bias_decay,
        "eps": config.eps,
        "scale": 1 / data.n if config.reduction == "mean" else 1.0,
    }
    most = 1  # steps until the next stop; doubled while they take less than STOP_INTERVAL_S
    for step in sorted(recorded | wanted):
        while restart.steps < step:
            now, count = max(1, threads()), min(step - state.steps, most)
            if count:  # none at step 0, which is recorded but not trained
                start = perf_counter()
                ahead = rates[state.steps : state.steps + count]
                advance(state, data, ahead, threads=now, **options)
                pace = (perf_counter() - start) / count
                most = max(1, int(min(2 * most, STOP_INTERVAL_S / max(pace, 1e-9))))
            on_stop(_history_row(state, data, config, rates) if state.steps in recorded else ())


def _advance(config: TrainConfig) -> Callable[..., None]:
    """Return `engine.advance`, or the same for the device asked for."""
    if config.device == "cpu":
        return engine.advance
    from sdd.engine import torch_step as device

    return partial(device.advance, device=device.find_device(config.device, config.dtype))


def _history_row(state, data, config, rates) -> tuple[float, ...]:
    """Return the values of `HISTORY` at this step."""
    step = state.steps
    # Of a stream the next batch, which the model has not seen.
    seen = data.at(step) if isinstance(data, Stream) else data
    loss = engine.loss(state.W, state.b, seen)
    if not math.isfinite(loss):
        raise TrainingDiverged(f"the loss became {loss} by step {step} of {config}; lower lr")
    norms = (np.linalg.norm(a.astype(np.float64)) for a in (state.W, state.b))
    return (step, rates[min(step, config.steps - 1)], loss, *norms)


def evaluate(run: Run, test: Dataset) -> Run:
    """Return the run with its mean loss over a test set, and that mean's standard error."""
    errors = engine.loss(run.W, run.b, test, per_example=True)
    error = float(errors.std(ddof=1) / math.sqrt(errors.size)) if errors.size > 1 else math.nan
    return replace(run, test_loss=float(errors.mean()), test_error=error)
