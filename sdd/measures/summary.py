"""What the figures and the claims look at in a run: D, norms, losses, hidden vectors."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset, DataSettings, Stream, sample
from sdd.measures import damping, decomposition, geometry
from sdd.measures.decomposition import Refit, Share, Split
from sdd.runs import spec as runspec
from sdd.training.config import Run

__all__ = ["Summary", "by_size", "five_apart", "spread", "summarize", "values_by_size"]

REFIT_ROWS = 20_000  # rows that refits are fitted on
FRESH_SHOWN = 10_000  # fresh points whose hidden vectors stand for the training set at T = ∞


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
        return self.settings.seed

    @property
    def batch(self) -> int | None:
        """Rows per step at T = ∞."""
        return self.settings.batch

    @property
    def features(self) -> Float[np.ndarray, "n m"]:
        """Columns of W, as rows."""
        return self.run.W.T

    @cached_property
    def hidden(self) -> Float[np.ndarray, "T m"]:
        """Hidden vectors of the training set; of some fresh points at T = ∞."""
        data = self.settings.make()
        if isinstance(data, Stream):
            data = data.settings.rows(0, FRESH_SHOWN, "fresh")
        return engine.hidden(self.run.W, data)

    @cached_property
    def feature_D(self) -> Float[np.ndarray, "n"]:
        """Dimensionality of every feature, largest first."""
        return np.sort(geometry.dimensionality(self.features))[::-1]

    @cached_property
    def example_D(self) -> Float[np.ndarray, "T"]:
        """Dimensionality of every training point, largest first (none at T = ∞)."""
        if self.T == math.inf:
            return np.zeros(0)
        return np.sort(geometry.dimensionality(self.hidden))[::-1]

    @cached_property
    def norms(self) -> tuple[float, float]:
        """‖W‖_F and ‖b‖₂."""
        return geometry.norms(self.run.W, self.run.b)

    @cached_property
    def split(self) -> Split:
        """What the test loss is made of."""
        return decomposition.split(self.run.W, self.run.b, self._test)

    @cached_property
    def reach(self) -> float:
        """How much longer the longest hidden vector of test points is than that of training.

        Of as many test points as there are in training (or of all, where there are fewer), on
        average: among more points, one is longer.
        """
        seen = np.linalg.norm(self.hidden, axis=1)
        new = np.linalg.norm(engine.hidden(self.run.W, self._test), axis=1)
        rows = min(len(seen), len(new))
        longest = new[: len(new) // rows * rows].reshape(-1, rows).max(1)
        return float(longest.mean() / seen.max())

    @cached_property
    def seen(self) -> list[Share]:
        """What features contribute in each group of `damping.SEEN`; not for T = ∞."""
        group = damping.group_of(damping.times_seen(self.run))
        return decomposition.shares(self.run.W, self.run.b, self._test, group, len(damping.SEEN))

    @cached_property
    def rescaled(self) -> Refit:
        """Test loss after the scale of the output was refitted, on rows of its own."""
        return decomposition.rescaled(self._fit_moments, self.split.moments)

    @cached_property
    def rescaled_and_shifted(self) -> Refit:
        """Test loss after scale and common shift of the output were refitted."""
        return decomposition.rescaled_and_shifted(self._fit_moments, self.split.moments)

    @cached_property
    def refitted_inside(self) -> Refit:
        """Test loss after scale and common shift inside the ReLU were refitted."""
        return decomposition.refitted_inside(self.run.W, self.run.b, self._fit_rows, self._test)

    @cached_property
    def _fit_moments(self) -> decomposition.Moments:
        return decomposition.moments(self.run.W, self.run.b, self._fit_rows)

    @property
    def settings(self) -> DataSettings:
        """Settings of its data."""
        assert isinstance(self.run.data, DataSettings)
        return self.run.data

    @property
    def _test(self) -> Dataset:
        return runspec.test_set(self.settings.n, self.settings.sparsity)

    @property
    def _fit_rows(self) -> Dataset:
        return _refit_set(self.settings.n, self.settings.sparsity)


@lru_cache(maxsize=2)
def _refit_set(n: int, sparsity: float) -> Dataset:
    """Return rows to fit on, of another seed than the test set, so that they are none of it."""
    return sample(REFIT_ROWS, n, sparsity, seed=1, split="test")


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


def values_by_size(
    summaries: Iterable[Summary], measure: Callable[[Summary], float]
) -> dict[float, list[float]]:
    """Return what is measured on the runs of each T."""
    return {T: [measure(s) for s in group] for T, group in by_size(summaries).items()}


def spread(values: Iterable[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (NaN for a single value)."""
    a = np.array(list(values), float)
    return float(a.mean()), float(a.std(ddof=1)) if a.size > 1 else math.nan
