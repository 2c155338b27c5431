"""The one training loop: full-batch AdamW with a linear warm-up and a cosine decay."""

import contextlib
import hashlib
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from sdd import engine, paper
from sdd.data import Dataset, DataSettings, Stream, as_data, as_dataset, origin, whole_number
from sdd.threads import one_blas_thread
from sdd.training.advice import advice
from sdd.training.checkpoint import Progress, RestartState, ResumeError
from sdd.training.config import TrainConfig
from sdd.training.method import Method
from sdd.training.restarts import side_by_side
from sdd.training.run import Run
from sdd.training.starts import config_weights, hash_arrays

if TYPE_CHECKING:
    from sdd.model import ReLUOutput

__all__ = ["TrainingDiverged", "evaluate", "train"]

RECORDS = 200  # about so many log-spaced steps of history
STOP_INTERVAL_S = 2.0  # a training stops about so often for callback, checkpoint, threads, Ctrl-C

Callback = Callable[[int, np.ndarray, np.ndarray], Any]


class TrainingDiverged(RuntimeError):
    """The loss of a run became infinite or NaN."""


def train(
    data: Any,
    config: TrainConfig | None = None,
    *,
    model: "type[ReLUOutput] | None" = None,
    init: tuple[np.ndarray, np.ndarray] | None = None,
    snapshots: Iterable[int] = (),
    callback: Callback | None = None,
    threads: int | Callable[[], int] = 1,
    progress: bool = False,
    checkpoint: Callable[[Progress], None] | None = None,
    resume: Progress | None = None,
) -> Run:
    """Train a model and return the run (section "Experiment Setup").

    Parameters
    ----------
    data : Dataset or Stream, or (T, n) array, tensor or scipy.sparse matrix
        Training set, points as rows; with a stream every step sees fresh points (T = ∞).
    config : TrainConfig or None
        Settings; None means the paper's. AdamW's ε, unless given, is rescaled to the data.
    model : subclass of ReLUOutput, or None
        A model or a loss of your own, trained by PyTorch; None means the paper's, by the engine.
    init : (W, b) or None
        Warm or planted start; None means `initial_weights`.
    snapshots : iterable of int
        Numbers of steps after which to keep W, b and AdamW's second moments.
    callback : callable or None
        Called as ``callback(step, W, b)`` with read-only copies at every recorded step, and every
        few seconds; with restarts side by side from their threads, but never twice at once. Where
        it returns True, the training (of this restart) ends there.
    threads : int or callable
        Threads to use, or a function that returns how many may be used now, called every few
        seconds. Several restarts on the CPU train side by side. A run has the same bits on any
        number.
    progress : bool
        Show on stdout how far the training is, and how long the rest will take.
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
    ResumeError
        Where `resume` is the progress of another training; a ValueError.
    TypeError
        Where the data are nothing to train on, or the model is no such class.
    TrainingDiverged
        Where the loss becomes infinite or NaN; step and settings are named.

    Examples
    --------
    >>> run = sdd.train(sdd.sample(T=5, n=100, sparsity=0.9), sdd.TrainConfig(steps=200, seed=1))
    >>> run.W.shape, run.config.eps
    ((2, 100), 0.0001)
    """
    data = as_data(data)
    config = (TrainConfig() if config is None else config).for_data(data, own=model is not None)
    if not callable(threads):
        threads = whole_number("threads", threads, 1)
    wanted = set(config.snapshot_steps(snapshots))
    method = Method(config, model)
    probe = data.at(0) if isinstance(data, Stream) else data
    if init is not None:
        if (count := config.restarts) > 1:
            raise ValueError(f"restarts must be 1 where initial weights are given, not {count}")
        with np.errstate(over="ignore"):
            W, b = (np.asarray(a, config.dtype) for a in init)
        engine.check_shapes(W, b, probe)
        if W.shape[0] != config.m:
            raise ValueError(f"W has {W.shape[0]} rows, but config.m = {config.m}")
        if not (np.isfinite(W).all() and np.isfinite(b).all()):
            raise ValueError(f"initial weights must be finite as {config.dtype}, but some are not")
        init = (W, b)

    made = Progress(config) if resume is None else resume
    if resume is not None or checkpoint is not None:
        of = _origin(data, init, wanted, method)
        if resume is not None:
            theirs = resume.config.for_data(data, own=model is not None)
            if theirs != config:
                raise ResumeError(f"resume is the progress of {theirs}, not of {config}")
            _check_resumed(resume, config, probe, of, method)
        made.origin = of
    made.config = config

    def train_one(r: int, threads: Callable[[], int]) -> None:
        seeded = replace(config, seed=config.seed + r)
        fresh = init or config_weights(seeded, data.n)
        restart = made.restarts.get(r) or RestartState.fresh(*fresh, method.others(data.n, seeded))

        rates = config.rates()

        def row_now() -> tuple[float, ...]:
            first = (*restart.history["loss"], math.nan)[0]
            return _history_row(restart.state, data, seeded, rates, method, first)

        def on_stop(due: bool) -> None:
            row = row_now() if due else ()
            with made.lock:
                made.restarts[r] = restart
                restart.record(row, keep=restart.state.steps in wanted)
                if checkpoint is not None:
                    restart.save()
                if callback is not None:
                    copies = restart.state.W.copy(), restart.state.b.copy()
                    for array in copies:
                        array.flags.writeable = False
                    if callback(restart.steps, *copies) is True:
                        restart.end(row or row_now())
                made.keep_best(r)
                if bar is not None:
                    bar.update(made.steps - bar.n)
                if checkpoint is not None:
                    checkpoint(made)

        _train_restart(data, seeded, restart, rates, method, wanted, threads, on_stop)

    total = config.steps * config.restarts
    # (Only where it is shown, as each bar leaves a semaphore for a killed process to leak.)
    bar = tqdm(initial=made.steps, total=total, file=sys.stdout) if progress else None
    threads_now = threads if callable(threads) else lambda: threads
    todo = np.flatnonzero(np.isnan(made.losses)).tolist()
    with contextlib.nullcontext() if bar is None else bar:
        if len(todo) > 1 and threads != 1 and config.device == "cpu":
            side_by_side(train_one, todo, threads_now)
        else:
            for r in todo:
                train_one(r, threads_now)
    best = made.restarts[int(np.argmin(made.losses))]
    kept = {name: np.array(values) for name, values in best.snapshots.items()}
    return Run(
        W=best.state.W,
        b=best.state.b,
        config=config,
        data=origin(data),
        history={name: np.array(values) for name, values in best.history.items()},
        train_loss=float(best.history["loss"][-1]),
        restart_losses=made.losses,
        snapshots=kept if wanted else {},
        start="" if init is None else hash_arrays(*init),
        model=method.name,
        others=engine.parameters(best.state.others),
    )


def _origin(data, init, wanted, method) -> bytes:
    """Return a hash of what is trained, on what and from where, besides the settings."""
    of = data.content_hash() if isinstance(data, Dataset) else repr(data)
    start = hash_arrays(*init) if init is not None else ""
    return hashlib.sha256(repr((of, start, sorted(wanted), method.name)).encode()).digest()[:8]


def _check_resumed(progress, config, probe, origin, method) -> None:
    """Raise ResumeError where a training cannot go on from there."""
    try:
        for restart in progress.restarts.values():
            engine.check_shapes(restart.state.W, restart.state.b, probe)
    except ValueError as error:
        raise ResumeError(f"resume must be the progress of this training, but {error}") from None
    if progress.restarts and progress.origin != origin:
        why = "other data, initial weights, snapshots or another model"
        if not progress.origin:
            why = "an earlier version, which did not write down what it trained on"
        raise ResumeError(f"resume must be the progress of this training, but it is of {why}")
    others = {k: a.shape for k, a in method.others(probe.n, config).items()}
    for restart in progress.restarts.values():
        if {k: a.shape for k, a in restart.state.others.items()} != others:
            raise ResumeError("resume must have the parameters of the model, but has others")


def _train_restart(data, config, restart, rates, method, wanted, threads, on_stop) -> None:
    """Train one parameter seed to its end.

    `on_stop` is called at each stop, and told whether a row of the history is due.

    Stops are the steps that are recorded or wanted, and as many between as `STOP_INTERVAL_S`
    asks for: which those are depends on the machine, but changes neither bits nor history.
    """
    state = restart.state
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
                method.advance(state, data, ahead, threads=now, **options)
                pace = (perf_counter() - start) / count
                most = max(1, int(min(2 * most, STOP_INTERVAL_S / max(pace, 1e-9))))
            on_stop(state.steps in recorded)
            if restart.ended:
                return


def _history_row(state, data, config, rates, method, first_loss) -> tuple[float, ...]:
    """Return the values of `HISTORY` at this step; `first_loss` is the loss before the first."""
    step = state.steps
    # Of a stream the next batch, which the model has not seen.
    seen = data.at(step) if isinstance(data, Stream) else data
    loss = method.loss(state, seen)
    with one_blas_thread():
        norms = [float(np.linalg.norm(a.astype(np.float64))) for a in (state.W, state.b)]
    if not np.isfinite([loss, *norms]).all():
        # (Where the engine skips pairs, a weight of NaN need not show in the loss.)
        what = f"the loss became {loss}" if not math.isfinite(loss) else "weights became infinite"
        change = advice(config, method.name, step, first_loss)
        raise TrainingDiverged(f"{what} by step {step} of {config}; {change}")
    return (step, rates[min(step, config.steps - 1)], loss, *norms)


def evaluate(run: Run, test: Any) -> Run:
    """Return the run with its mean loss over a test set, and that mean's standard error.

    Parameters
    ----------
    run : Run
        Any run.
    test : Dataset or (T, n) array, tensor or scipy.sparse matrix
        The test set; a point that counts several times is taken as so many points.

    Returns
    -------
    Run
        With ``test_loss`` and ``test_error``.

    Raises
    ------
    ValueError
        Where the test set has another n than the weights.
    TypeError
        Where it is no data set.

    Examples
    --------
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> run = sdd.evaluate(run, sdd.sample(1_000, n=50, sparsity=0.9, split="test"))
    >>> 0.5 < run.test_loss < 2
    True
    """
    test, of = as_dataset(test).copies, run.data
    errors = run.errors(test)
    usual = isinstance(of, DataSettings) and test.settings == DataSettings(
        paper.TEST_ROWS, of.n, of.sparsity, split="test", features=of.features
    )
    error = float(errors.std(ddof=1) / math.sqrt(errors.size)) if errors.size > 1 else math.nan
    own = "" if usual else test.content_hash()
    return replace(run, test_loss=float(errors.mean()), test_error=error, test=own)
