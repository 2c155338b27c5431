"""What the figures and the claims look at in a run: D, norms, losses, hidden vectors."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from sdd import engine, metrics
from sdd.data import DataSettings, Stream
from sdd.run import Run

__all__ = ["Summary", "by_size", "five_apart", "spread", "summarize"]

FRESH_SHOWN = 200  # fresh points whose hidden vectors stand for the training set at T = ∞


@dataclass(frozen=True, eq=False)
class Summary:
    """A run, with what is measured on it computed when first asked for."""

    run: Run

    @property
    def T(self) -> float:
        """Number of training points; infinite for fresh ones."""
        return self.run.T

    @property
    def seed(self) -> int:
        """Data seed."""
        assert isinstance(self.run.data, DataSettings)
        return self.run.data.seed

    @property
    def batch(self) -> int | None:
        """Rows per step at T = ∞."""
        assert isinstance(self.run.data, DataSettings)
        return self.run.data.batch

    @property
    def features(self) -> Float[np.ndarray, "n m"]:
        """Columns of W, as rows."""
        return self.run.W.T

    @cached_property
    def hidden(self) -> Float[np.ndarray, "T m"]:
        """Hidden vectors of the training set; of some fresh points at T = ∞."""
        assert isinstance(self.run.data, DataSettings)
        data = self.run.data.make()
        if isinstance(data, Stream):
            data = data.settings.rows(0, FRESH_SHOWN, "fresh")
        return engine.hidden(self.run.W, data)

    @cached_property
    def feature_D(self) -> Float[np.ndarray, "n"]:
        """Dimensionality of every feature, largest first."""
        return np.sort(metrics.dimensionality(self.features))[::-1]

    @cached_property
    def example_D(self) -> Float[np.ndarray, "T"]:
        """Dimensionality of every training point, largest first (none at T = ∞)."""
        if self.T == math.inf:
            return np.zeros(0)
        return np.sort(metrics.dimensionality(self.hidden))[::-1]

    @cached_property
    def norms(self) -> tuple[float, float]:
        """‖W‖_F and ‖b‖₂."""
        return metrics.norms(self.run.W, self.run.b)


def five_apart(s: Summary) -> bool:
    """Tell whether five features stand apart: D₅ ≥ 1.5 D₆ and D₅ ≥ 0.15."""
    return bool(s.feature_D[4] >= 1.5 * s.feature_D[5] and s.feature_D[4] >= 0.15)


def summarize(runs: Iterable[Run]) -> list[Summary]:
    """Return the summaries of the runs, smaller T first."""
    return sorted((Summary(r) for r in runs), key=lambda s: (s.T, s.batch or 0, s.seed))


def by_size(summaries: Iterable[Summary]) -> dict[float, list[Summary]]:
    """Group the summaries by T."""
    groups: dict[float, list[Summary]] = {}
    for s in summaries:
        groups.setdefault(s.T, []).append(s)
    return groups


def spread(values: Iterable[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (NaN for a single value)."""
    a = np.array(list(values), float)
    return float(a.mean()), float(a.std(ddof=1)) if a.size > 1 else math.nan
