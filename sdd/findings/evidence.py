"""What claims, tables and chapters look at: a profile's stored runs, and the baselines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sdd import theory
from sdd.findings import experiments
from sdd.findings.experiments import Profile
from sdd.measures import geometry
from sdd.measures.summary import Summary, by_size, five_apart, summarize
from sdd.runs import spec as runspec

__all__ = ["Evidence"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the claims look at: the summaries of a profile's runs, and the baselines."""

    profile: Profile
    finite: Sequence[Summary]
    fresh: Sequence[Summary]
    others: Mapping[str, Sequence[Summary]] | None = None  # by experiment; None: as stored

    @classmethod
    def stored(
        cls, of: str | None = None, *, sizes: Sequence[float] | None = None, fresh: bool = True
    ) -> "Evidence":
        """Take the evidence from the stored runs of a profile.

        Parameters
        ----------
        of : str or None
            Name of the profile; None means the current one.
        sizes : sequence of T or None
            Only these finite training sets; None means all.
        fresh : bool
            Take the runs at T = ∞ too.

        Raises
        ------
        MissingRuns
            Where runs are not stored and would take long to train.
        """
        wanted = None if sizes is None else tuple(sizes)
        finite = summarize(experiments.runs("dataset-size", of, wanted))
        endless = summarize(experiments.runs("fresh-data", of)) if fresh else []
        return cls(experiments.profile(of), finite, endless)

    def of(self, experiment: str) -> Sequence[Summary]:
        """Return the runs of an experiment beyond the paper's body, in the order of its specs.

        Raises
        ------
        MissingRuns
            Where runs are not stored and would take long to train.
        """
        if self.others is not None:
            return self.others.get(experiment, ())
        if experiment not in self._loaded:
            found = experiments.runs(experiment, self.profile.name)
            self._loaded[experiment] = [Summary(run) for run in found]
        return self._loaded[experiment]

    @cached_property
    def _loaded(self) -> dict[str, Sequence[Summary]]:
        return {}

    @cached_property
    def count(self) -> int:
        """Number of runs of all experiments of the profile, each counted once."""
        names = experiments.EXPERIMENTS
        return len({s for name in names for s in experiments.specs(name, self.profile.name)})

    @cached_property
    def sizes(self) -> dict[float, list[Summary]]:
        """Summaries of the finite training sets by T."""
        return by_size(self.finite)

    @cached_property
    def shown_fresh(self) -> list[Summary]:
        """The runs at T = ∞ with the batch that the figures show."""
        return [s for s in self.fresh if s.batch == self.profile.fresh[0][0]]

    @cached_property
    def constant(self) -> tuple[float, float]:
        """Loss of the best constant output on the test set, and its standard error."""
        p = self.profile
        losses = theory.constant_loss(
            runspec.test_set(p.n, p.sparsity),
            theory.feature_mean(p.n, p.sparsity),
            per_example=True,
        )
        return geometry.standard_error(np.asarray(losses))

    @cached_property
    def zero(self) -> float:
        """Loss of the all-zero output on the test set."""
        p = self.profile
        return float(theory.constant_loss(runspec.test_set(p.n, p.sparsity), 0.0))

    def at(self, T: float) -> list[Summary]:
        """Return the runs at T, one a data seed; at T = ∞ those that the figures show."""
        return self.shown_fresh if T == math.inf else self.sizes.get(T, [])

    def losses(self, T: float) -> list[float]:
        """Return the test losses of the data seeds at T."""
        return [s.run.test_loss for s in self.at(T)]

    @cached_property
    def borders(self) -> tuple[float, float]:
        """Return the T at which the memorising regime ends and the generalising one begins.

        It ends behind the largest T at which the best represented data point has a higher D than
        the best represented feature, as means over data seeds of the largest D. The other begins
        before the smallest T at which, and above which, five features stand apart in every run.
        Each border is put at the geometric mean of the two neighbouring sizes trained on; NaN
        where no size, or every size, is on its side.
        """
        sizes = sorted(self.sizes)
        points = [np.mean([s.example_D[0] - s.feature_D[0] for s in self.at(T)]) > 0 for T in sizes]
        features = [all(five_apart(s) for s in self.at(T)) for T in sizes]
        last = max((k for k, holds in enumerate(points) if holds), default=-1)
        first = max((k for k, holds in enumerate(features) if not holds), default=-1) + 1
        pairs = ((last, last + 1), (first - 1, first))
        low, high = (
            math.sqrt(sizes[k] * sizes[j]) if 0 <= k and j < len(sizes) else math.nan
            for k, j in pairs
        )
        return low, high

    def between(self, low: float, high: float) -> list[float]:
        """Return the finite T of runs between two published sizes, in units of this profile."""
        first, last = (T if T == math.inf else self.profile.size(int(T)) for T in (low, high))
        return [T for T in self.sizes if first <= T <= last]
