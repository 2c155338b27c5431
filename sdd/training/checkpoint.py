"""The state of a training: what it is stopped with, and resumed from with the same bits."""

import math
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdd import engine
from sdd.training.config import TrainConfig
from sdd.training.layout import HISTORY, SNAPSHOT, check_progress, shapes

__all__ = ["Progress", "RestartState", "ResumeError", "grouped"]


class ResumeError(ValueError):
    """A training cannot be resumed from this progress: it is of another one, or is damaged."""


def grouped(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Return the arrays "group/name" by group, then by name; name is "" where there is no "/".

    Parameters
    ----------
    arrays : mapping of str to array
        As a file holds them.

    Returns
    -------
    dict of str to dict of str to array
        Of a group that is not there, an empty one.

    Examples
    --------
    >>> from sdd.training.checkpoint import grouped
    >>> dict(grouped({"W": 1, "history/lr": 2, "history/loss": 3}))
    {'W': {'': 1}, 'history': {'lr': 2, 'loss': 3}}
    """
    groups: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for key, array in arrays.items():
        group, _, name = key.partition("/")
        groups[group][name] = array
    return groups


@dataclass(eq=False)
class RestartState:
    """One restart (parameter seed) in training: its weights and moments, history and snapshots.

    Parameters
    ----------
    state : engine.State
        Weights and moments, which later steps change in place.
    history, snapshots : dict of str to list
        A value, or an array, for each step recorded or kept.
    steps : int
        Steps at its last stop; −1 before the first.
    saved : dict of str to array
        The state's arrays at that stop.
    ended : bool
        Whether its callback ended the training.
    """

    state: engine.State
    history: dict[str, list[Any]]
    snapshots: dict[str, list[Any]]
    steps: int = -1  # at its last stop; -1 before the first
    saved: dict[str, np.ndarray] = field(default_factory=dict)  # the state's arrays at that stop
    ended: bool = False  # by its callback

    @classmethod
    def fresh(
        cls, W: np.ndarray, b: np.ndarray, others: Mapping[str, np.ndarray] | None = None
    ) -> "RestartState":
        """Return the beginning of a training from these weights (and a model's others).

        Parameters
        ----------
        W : (m, n) array
            Weights.
        b : (n,) array
            Bias.
        others : mapping of str to array, or None
            What else a model of one's own has.

        Returns
        -------
        RestartState
            With copies of them.

        Examples
        --------
        >>> from sdd.training.checkpoint import RestartState
        >>> RestartState.fresh(np.zeros((2, 50)), np.zeros(50)).steps
        -1
        """
        state = engine.State(W, b, others={k: np.array(a) for k, a in (others or {}).items()})
        names = (*SNAPSHOT, *engine.parameters(state.others))
        return cls(state, {name: [] for name in HISTORY}, {name: [] for name in names})

    def record(self, row: tuple[float, ...], keep: bool) -> None:
        """Append a row to the history, unless it is empty, and a snapshot where asked to.

        Parameters
        ----------
        row : tuple of float
            The values of `HISTORY` at this step, or none.
        keep : bool
            Whether to keep a snapshot.

        Examples
        --------
        >>> from sdd.training.checkpoint import RestartState
        >>> restart = RestartState.fresh(np.zeros((2, 50)), np.zeros(50))
        >>> restart.record((0, 1e-3, 1.0, 0.0, 0.0), keep=True)
        >>> restart.history["loss"], restart.snapshots["step"]
        ([1.0], [0])
        """
        for values, value in zip(self.history.values(), row, strict=False):
            values.append(float(value))
        self.steps = self.state.steps
        if keep:
            _, vW, _, vb = self.state.moments
            own = engine.parameters(self.state.others).values()
            arrays = (a.copy() for a in (self.state.W, self.state.b, vW, vb, *own))
            for values, kept in zip(self.snapshots.values(), (self.steps, *arrays), strict=True):
                values.append(kept)

    def end(self, row: tuple[float, ...]) -> None:
        """End the training here.

        Parameters
        ----------
        row : tuple of float
            The last row of its history.

        Examples
        --------
        >>> from sdd.training.checkpoint import RestartState
        >>> restart = RestartState.fresh(np.zeros((2, 50)), np.zeros(50))
        >>> restart.record((0, 1e-3, 1.0, 0.0, 0.0), keep=False)
        >>> restart.end((0, 1e-3, 1.0, 0.0, 0.0))
        >>> restart.ended
        True
        """
        self.ended = True
        if self.history["step"][-1] < self.steps:
            for values, value in zip(self.history.values(), row, strict=True):
                values.append(float(value))

    def save(self) -> None:
        """Copy the state, as later steps change it in place."""
        self.saved = {name: array.copy() for name, array in self.state.arrays().items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it, as it was when last saved."""
        found = {"steps": np.array([self.steps])}
        found |= {f"state/{name}": array for name, array in self.saved.items()}
        for group, lists in (("history", self.history), ("snapshots", self.snapshots)):
            found |= {f"{group}/{name}": np.array(values) for name, values in lists.items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "RestartState":
        """Return the restart that had these `arrays`.

        Parameters
        ----------
        arrays : mapping of str to array
            As `arrays` gave them.

        Returns
        -------
        RestartState
            From which the training goes on with the same bits.

        Raises
        ------
        KeyError
            Where these are no such arrays.

        Examples
        --------
        >>> from sdd.training.checkpoint import RestartState
        >>> restart = RestartState.fresh(np.zeros((2, 50)), np.zeros(50))
        >>> restart.record((0, 1e-3, 1.0, 0.0, 0.0), keep=True)
        >>> restart.save()
        >>> RestartState.from_arrays(restart.arrays()).history == restart.history
        True
        """
        groups, steps = grouped(arrays), int(arrays["steps"][0])
        history = {name: list(groups["history"][name]) for name in HISTORY}
        state = engine.State.from_arrays(groups["state"], steps)
        names = (*SNAPSHOT, *engine.parameters(state.others))
        snapshots = {name: list(groups["snapshots"][name]) for name in names}
        return cls(state, history, snapshots, steps, groups["state"])


class Progress:
    """All that the rest of a training depends on: a checkpoint, as arrays.

    It holds the restarts now in training, the best of those that are finished, and the losses of
    all finished ones. `train` resumes from what `from_arrays` makes of its `arrays`.

    Parameters
    ----------
    config : TrainConfig
        How is trained.

    Attributes
    ----------
    origin : bytes
        Hash of what is trained, on what and from where: a training is resumed as itself alone.
    seconds : float
        CPU time that the training has taken, where whoever keeps checkpoints counts it.

    Examples
    --------
    >>> from sdd.training import Progress
    >>> kept = []
    >>> data, config = sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100)
    >>> run = sdd.train(data, config, checkpoint=lambda p: kept.append(p.arrays()))
    >>> again = sdd.train(data, config, resume=Progress.from_arrays(kept[3], config))
    >>> np.array_equal(run.W, again.W)
    True
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.losses = np.full(config.restarts, math.nan)  # NaN: not finished
        self.restarts: dict[int, RestartState] = {}
        self.lock = threading.RLock()
        self.origin = b""
        self.seconds = 0.0

    @property
    def steps(self) -> int:
        """Steps taken so far, over all restarts."""
        with self.lock:
            begun = [s.steps for r, s in self.restarts.items() if math.isnan(self.losses[r])]
            return sum(begun) + int(np.isfinite(self.losses).sum()) * self.config.steps

    def keep_best(self, r: int) -> None:
        """Where restart r is finished, note its loss and drop all finished ones but the best.

        Parameters
        ----------
        r : int
            Number of the restart.

        Examples
        --------
        >>> from sdd.training.checkpoint import Progress, RestartState
        >>> progress = Progress(sdd.TrainConfig(steps=100))
        >>> progress.restarts[0] = RestartState.fresh(np.zeros((2, 50)), np.zeros(50))
        >>> progress.keep_best(0)  # it has not taken a step
        >>> progress.losses
        array([nan])
        """
        restart = self.restarts[r]
        if restart.steps == self.config.steps or restart.ended:
            self.losses[r] = restart.history["loss"][-1]
            best = np.nanargmin(self.losses)
            for other in [o for o in self.restarts if np.isfinite(self.losses[o]) and o != best]:
                del self.restarts[other]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays by name; to be called from `checkpoint`, see `train`."""
        with self.lock:
            found = {"losses": self.losses.copy()}
            if self.origin:
                found["origin"] = np.frombuffer(self.origin, np.uint8)
            for r, restart in self.restarts.items():
                found |= {f"{r}/{key}": array for key, array in restart.arrays().items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], config: TrainConfig) -> "Progress":
        """Return the progress that had these `arrays`.

        Parameters
        ----------
        arrays : mapping of str to array
            As `arrays` gave them.
        config : TrainConfig
            How is trained.

        Returns
        -------
        Progress
            What `sdd.train` takes as ``resume``.

        Raises
        ------
        ResumeError
            Where these are no such arrays.

        Examples
        --------
        >>> from sdd.training import Progress
        >>> fresh = Progress(sdd.TrainConfig(steps=100))
        >>> Progress.from_arrays(fresh.arrays(), fresh.config).steps
        0
        """
        progress = cls(config)
        try:
            check_progress(config, shapes(arrays))
            groups = grouped(arrays)
            progress.losses[:] = groups.pop("losses")[""]
            progress.origin = groups.pop("origin", {"": np.empty(0)})[""].tobytes()
            progress.restarts = {int(r): RestartState.from_arrays(a) for r, a in groups.items()}
            progress._check()
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ResumeError(f"it is not the progress of a training ({error})") from error
        return progress

    def _check(self) -> None:
        """Raise ValueError where it holds what no training leaves."""
        for r, restart in self.restarts.items():
            arrays, done = restart.state.arrays(), math.isfinite(self.losses[r])
            weights = (
                restart.state.W,
                restart.state.b,
                *engine.parameters(restart.state.others).values(),
            )
            if not all(np.isfinite(array).all() for array in weights):
                raise ValueError(f"the weights of restart {r} are not all finite")
            if not 0 <= restart.steps < self.config.steps + done:
                raise ValueError(
                    f"restart {r} has taken {restart.steps} of {self.config.steps} steps"
                )
            for name in ("points", "features"):
                order = np.sort(arrays.get(name, np.empty(0, np.int32)))
                if not np.array_equal(order, np.arange(order.size)):
                    raise ValueError(f"the order of the {name} of restart {r} is none")
        if np.isinf(self.losses).any():
            raise ValueError("a loss is infinite")
        if np.isfinite(self.losses).any() and np.nanargmin(self.losses) not in self.restarts:
            raise ValueError("the best restart is not in it")
