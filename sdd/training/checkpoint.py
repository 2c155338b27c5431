"""How far a training is: all that it can be stopped with, and goes on from with the same bits."""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdd import engine
from sdd.training.config import TrainConfig

__all__ = ["HISTORY", "SNAPSHOT", "Part", "Progress"]

HISTORY = ("step", "lr", "loss", "W_norm", "b_norm")
SNAPSHOT = ("step", "W", "b", "vW", "vb")  # weights, and AdamW's second moments of them


@dataclass(eq=False)
class Part:
    """One parameter seed in training: its state, and what is kept of it so far."""

    state: engine.State
    history: dict[str, list[Any]]
    snapshots: dict[str, list[Any]]
    steps: int = -1  # those of its last stop; none yet
    saved: dict[str, np.ndarray] = field(default_factory=dict)  # the state's arrays at that stop

    @classmethod
    def fresh(cls, W: np.ndarray, b: np.ndarray) -> "Part":
        """Return the beginning of a training from these weights."""
        history: dict[str, list[Any]] = {name: [] for name in HISTORY}
        return cls(engine.State(W, b), history, {name: [] for name in SNAPSHOT})

    def note(self, row: tuple[float, ...], wanted: bool) -> None:
        """Note that the state is at a stop: append the row of history, and a snapshot."""
        for values, value in zip(self.history.values(), row, strict=False):
            values.append(float(value))
        self.steps = self.state.steps
        if wanted:
            state = self.state
            _, vW, _, vb = state.moments
            kept = (self.steps, *(a.copy() for a in (state.W, state.b, vW, vb)))
            for values, one in zip(self.snapshots.values(), kept, strict=True):
                values.append(one)

    def save(self) -> None:
        """Copy the state, which goes on changing in place."""
        self.saved = {name: array.copy() for name, array in self.state.arrays().items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it, as it was when last saved."""
        found = {"steps": np.array([self.steps])}
        found |= {f"state/{name}": array for name, array in self.saved.items()}
        for group, lists in (("history", self.history), ("snapshots", self.snapshots)):
            found |= {f"{group}/{name}": np.array(values) for name, values in lists.items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Part":
        """Return the part that had these `arrays`."""
        groups: dict[str, dict[str, Any]] = {"state": {}, "history": {}, "snapshots": {}}
        for key, array in arrays.items():
            group, _, name = key.partition("/")
            if name:
                groups[group][name] = array if group == "state" else list(array)
        steps = int(arrays["steps"][0])
        ordered = {k: groups["history"][k] for k in HISTORY}
        kept = {k: groups["snapshots"][k] for k in SNAPSHOT}
        state = engine.State.from_arrays(groups["state"], steps)
        return cls(state, ordered, kept, steps, groups["state"])


class Progress:
    """How far a training is: all that the rest of it depends on.

    It holds the parameter seeds now in training, the best of those that are finished, and the
    losses of all that are. `arrays` takes it apart and `from_arrays` puts it together again, for
    `train` to go on from.

    Parameters
    ----------
    config : TrainConfig
        How it is trained.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.losses = np.full(config.restarts, math.nan)  # NaN: not finished
        self.parts: dict[int, Part] = {}
        self.lock = threading.RLock()

    @property
    def steps(self) -> int:
        """Steps taken so far, over all parameter seeds."""
        with self.lock:
            under_way = [p.steps for r, p in self.parts.items() if math.isnan(self.losses[r])]
            finished = int(np.isfinite(self.losses).sum())
        return sum(under_way) + finished * self.config.steps

    def stopped(self, r: int) -> None:
        """Note that seed number r is at a stop; where that was its last, keep the best only."""
        part = self.parts[r]
        if part.steps == self.config.steps:
            self.losses[r] = part.history["loss"][-1]
            best = np.nanargmin(self.losses)
            for other in [o for o in self.parts if np.isfinite(self.losses[o]) and o != best]:
                del self.parts[other]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays by name; to be called from `checkpoint`, see `train`."""
        with self.lock:
            found = {"losses": self.losses.copy()}
            for r, part in self.parts.items():
                found |= {f"{r}/{key}": array for key, array in part.arrays().items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], config: TrainConfig) -> "Progress":
        """Return the progress that had these `arrays`.

        Raises
        ------
        ValueError
            Where the arrays are not those of a training of this kind.
        """
        progress = cls(config)
        try:
            if arrays["losses"].shape != progress.losses.shape:
                raise ValueError("it has another number of restarts")
            progress.losses[:] = arrays["losses"]
            parts: dict[int, dict[str, np.ndarray]] = {}
            for key, array in arrays.items():
                r, _, name = key.partition("/")
                if name:
                    parts.setdefault(int(r), {})[name] = array
            progress.parts = {r: Part.from_arrays(part) for r, part in parts.items()}
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"it is not the progress of a training ({error!r})") from error
        return progress
