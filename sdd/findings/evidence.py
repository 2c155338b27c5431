"""What claims and chapters look at: a profile's runs as tables, and the baselines."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from sdd import theory
from sdd.data import test_set
from sdd.findings.experiments import specs
from sdd.findings.profiles import FIRST_JUDGING, Profile, profile
from sdd.measures.statistics import standard_error
from sdd.measures.table import Measure, table, with_measures
from sdd.runs.sweep import MissingRuns

__all__ = ["Evidence", "NoRuns", "baselines", "borders", "gaps", "last_and_next"]


class NoRuns(LookupError):
    """An experiment has no runs at this profile, so nothing can be judged on them."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """A profile's runs as tables, a row a run, and the baselines of its test set.

    Parameters
    ----------
    profile : Profile
        Sizes of the runs.
    tables : mapping of experiment to DataFrame, or None
        Tables made otherwise, with all columns that are asked of them; None: of the stored runs.

    Examples
    --------
    >>> from sdd.findings import PROFILES, Evidence
    >>> runs = pd.DataFrame({"T": [5.0, 5.0], "data_seed": [0, 20], "W_norm": [3.0, 3.1]})
    >>> evidence = Evidence(PROFILES["quick"], {"dataset-size": runs})
    >>> len(evidence.table("dataset-size")), len(evidence.judging("dataset-size"))
    (2, 1)
    """

    profile: Profile
    tables: Mapping[str, pd.DataFrame] | None = None
    _known: dict[Any, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def stored(cls, of: str | None = None) -> "Evidence":
        """Take the evidence from the stored runs of a profile.

        Parameters
        ----------
        of : str or None
            Name of the profile; None means the current one.

        Returns
        -------
        Evidence
            Nothing is read until it is asked for.

        Raises
        ------
        ValueError
            Where there is no such profile.

        Examples
        --------
        >>> from sdd.findings import Evidence
        >>> Evidence.stored("quick").profile.n
        1000
        """
        return cls(profile(of))

    def table(self, experiment: str, *measures: Measure, T: float | None = None) -> pd.DataFrame:
        """Return the runs of an experiment as a table, with measures; see `sdd.measures.table`.

        Parameters
        ----------
        experiment : str
            Name of the experiment.
        *measures : callable
            What to measure besides losses and geometry: functions from a run to named numbers.
        T : float or None
            With T the runs of that size alone, and no others need be stored.

        Returns
        -------
        DataFrame
            A row a run.

        Raises
        ------
        NoRuns
            Where the experiment has no runs at this profile (of that size).
        MissingRuns
            Where runs are not stored and would take long to train.

        Examples
        --------
        >>> from sdd.findings import PROFILES, Evidence
        >>> runs = pd.DataFrame({"T": [5.0, 8.0], "W_norm": [3.0, 4.0]})
        >>> Evidence(PROFILES["quick"], {"mine": runs}).table("mine", T=8)["W_norm"].tolist()
        [4.0]
        """
        if self.tables is not None:
            found = self.tables.get(experiment, pd.DataFrame())
            found = found if T is None or found.empty else found[found["T"] == T]
        else:
            key = (experiment, T, *measures)
            if key not in self._known:
                self._known[key] = self._stored_table(experiment, T, *measures)
            found = self._known[key]
        if found.empty:
            of = "" if T is None else f" at T = {T:,.0f}"
            raise NoRuns(f"{experiment} has no runs{of} at the profile {self.profile.name}")
        return found

    def _stored_table(self, experiment: str, T: float | None, *measures: Measure) -> pd.DataFrame:
        chosen = specs(experiment, self.profile)
        try:
            return table([s for s in chosen if T is None or s.data.T == T], *measures)
        except MissingRuns as error:
            raise _told(error, experiment, self.profile.name) from None

    def body(self, *measures: Measure, fresh: bool = True) -> pd.DataFrame:
        """Return the runs of the paper's body by T: of finite data sets, and of `fresh` data.

        Parameters
        ----------
        *measures : callable
            As for `table`.
        fresh : bool
            Whether those at T = ∞ are in it.

        Returns
        -------
        DataFrame
            A row a run, by T and data seed.

        Raises
        ------
        NoRuns, MissingRuns
            As for `table`.

        Examples
        --------
        >>> from sdd.findings import PROFILES, Evidence
        >>> runs = pd.DataFrame({"T": [8.0, 5.0], "data_seed": 20})
        >>> evidence = Evidence(PROFILES["quick"], {"dataset-size": runs})
        >>> evidence.body(fresh=False)["T"].tolist()
        [5.0, 8.0]
        """
        found = self.table("dataset-size", *measures)
        if fresh:
            found = pd.concat([found, self.fresh(*measures)], ignore_index=True)
        return found.sort_values(["T", "data_seed"], kind="stable", ignore_index=True)

    def fresh(self, *measures: Measure) -> pd.DataFrame:
        """Return the runs at T = ∞, of the number of rows a step that the figures show.

        Parameters
        ----------
        *measures : callable
            As for `table`.

        Returns
        -------
        DataFrame
            A row a run.

        Raises
        ------
        NoRuns, MissingRuns
            As for `table`.

        Examples
        --------
        >>> from sdd.findings import PROFILES, Evidence
        >>> runs = pd.DataFrame({"T": np.inf, "batch": [100, 1_000]})
        >>> len(Evidence(PROFILES["quick"], {"fresh-data": runs}).fresh())
        1
        """
        endless = self.table("fresh-data", *measures)
        return endless[endless["batch"] == self.profile.fresh[0][0]]

    def judging(self, experiment: str, *measures: Measure, T: float | None = None) -> pd.DataFrame:
        """Return the runs of an experiment that judge claims: of data seeds from 20 on.

        Parameters
        ----------
        experiment, *measures, T
            As for `table`.

        Returns
        -------
        DataFrame
            A row a run.

        Raises
        ------
        NoRuns
            Where it has none at this profile (of that T).
        MissingRuns
            As for `table`.

        Examples
        --------
        >>> from sdd.findings import PROFILES, Evidence
        >>> runs = pd.DataFrame({"T": 5.0, "data_seed": [0, 20, 21]})
        >>> Evidence(PROFILES["quick"], {"mine": runs}).judging("mine")["data_seed"].tolist()
        [20, 21]
        """
        found = self.table(experiment, *measures, T=T)
        found = found[found["data_seed"] >= FIRST_JUDGING]
        if found.empty:
            raise NoRuns(f"{experiment} has no runs that judge, at {self.profile.name}")
        return found

    def at(self, T: float, *measures: Measure) -> pd.DataFrame:
        """Return the runs of the body at one T that judge claims, a row a training.

        Parameters
        ----------
        T : float
            A finite size, or ∞.
        *measures : callable
            As for `table`.

        Returns
        -------
        DataFrame
            A row a run.

        Raises
        ------
        NoRuns
            Where this size was not trained on.
        MissingRuns
            As for `table`.

        Examples
        --------
        >>> from sdd.findings import PROFILES, Evidence
        >>> runs = pd.DataFrame({"T": [5.0, 8.0], "data_seed": 20})
        >>> len(Evidence(PROFILES["quick"], {"dataset-size": runs}).at(5))
        1
        """
        if T == math.inf:
            endless = self.judging("fresh-data", *measures)
            return endless[endless["batch"] == self.profile.fresh[0][0]]
        return self.judging("dataset-size", *measures, T=T)

    def measured(self, rows: pd.DataFrame, *measures: Measure) -> pd.DataFrame:
        """Return some rows of a table with further measures, which are made of these runs only.

        Parameters
        ----------
        rows : DataFrame
            A row a run, with their names in ``run``.
        *measures : callable
            As for `table`.

        Returns
        -------
        DataFrame
            The rows with a column a measure; as they are, where tables were given.

        Raises
        ------
        MissingRuns
            Where one of these runs is not stored.

        Examples
        --------
        >>> from sdd.findings import PROFILES, Evidence
        >>> from sdd.measures.columns import loss_parts
        >>> runs = pd.DataFrame({"T": [5.0], "false_firing": [0.01]})
        >>> evidence = Evidence(PROFILES["quick"], {"dataset-size": runs})
        >>> evidence.measured(runs, loss_parts)["false_firing"].tolist()
        [0.01]
        """
        return rows if self.tables is not None else with_measures(rows, *measures)

    @cached_property
    def sizes(self) -> list[int]:
        """The finite T of the body, in increasing order."""
        if self.tables is None:
            return sorted({int(s.data.T) for s in specs("dataset-size", self.profile)})
        return [int(T) for T in sorted(self.table("dataset-size")["T"].unique())]

    def between(self, low: float, high: float) -> list[int]:
        """Return the finite T of runs between two published sizes, in units of this profile.

        Parameters
        ----------
        low, high : float
            Sizes as published, the ends included; ∞ is allowed.

        Returns
        -------
        list of int
            Sizes as trained on.

        Examples
        --------
        >>> from sdd.findings import Evidence
        >>> Evidence.stored("quick").between(300, 1_000)  # at a tenth of the paper's n
        [30, 50, 100]
        """
        first, last = (T if T == math.inf else self.profile.size(int(T)) for T in (low, high))
        return [T for T in self.sizes if first <= T <= last]

    @cached_property
    def gaps(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The `gaps` between the regimes in the runs of the body."""
        return gaps(self.table("dataset-size"))

    @cached_property
    def borders(self) -> tuple[float, float]:
        """Where figures draw the borders of the regimes: in the middle of each gap, on a log axis.

        NaN where a border is outside the sizes trained on.
        """
        first, second = (math.sqrt(low * high) for low, high in self.gaps)
        return first, second

    @cached_property
    def constant(self) -> tuple[float, float]:
        """Loss of the best constant output on the test set, and its standard error."""
        p = self.profile
        losses = theory.constant_loss(
            test_set(p.n, p.sparsity), theory.feature_mean(p.n, p.sparsity), per_example=True
        )
        return standard_error(np.asarray(losses))

    @cached_property
    def zero(self) -> float:
        """Loss of the all-zero output on the test set."""
        return baselines(self.profile.n, self.profile.sparsity)["no output"]


# How long the runs of all chapters take on two idle cores.
TAKES = {"quick": "10 minutes", "paper": "90 minutes", "full": "days"}


def _told(error: MissingRuns, experiment: str, name: str) -> MissingRuns:
    """Return the error with the command that trains the experiment, and what else can be done."""
    run = "python -m sdd run"
    more = f"or the runs of all chapters ({TAKES.get(name, 'long')} on two idle cores) with\n    "
    more += f"{sys.executable}{run.removeprefix('python')} --profile {name}"
    if name != "quick":
        more += f"\nor choose small models, which are trained in {TAKES['quick']}: PROFILE=quick"
    said = f"the experiment {experiment} at the profile {name}: {error.said}"
    return MissingRuns(said, f"{run} {experiment} --profile {name}", more)


HALF = 0.5  # of m/T: the share of a dimension that the middle data point of a stored set has


def gaps(finite: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the neighbouring sizes between which the regimes of data points and of features end.

    Data points are stored up to the largest T at which the median data point has at least half of
    m/T, its fair share of the dimensions, as a mean over runs. Features are stored from the
    smallest T on from which five of them stand apart in every run. The first half of this rule was
    chosen so that it finds what the eye reads off the published figure.

    Parameters
    ----------
    finite : DataFrame
        Runs of finite data sets, with ``T``, ``m``, ``point_D_median`` and ``five_apart``.

    Returns
    -------
    points, features : tuple of (low, high)
        Two neighbouring sizes each; NaN stands for a size beyond those trained on.

    Examples
    --------
    >>> from sdd.findings.evidence import gaps
    >>> runs = pd.DataFrame({"T": [5, 50, 500], "m": 2, "point_D_median": [0.4, 0.01, 0.001]})
    >>> gaps(runs.assign(five_apart=[False, False, True]))
    ((5, 50), (50, 500))
    """
    share = finite["point_D_median"] * finite["T"] / finite["m"]
    by_T = finite.assign(share=share).groupby("T")
    return last_and_next(by_T["share"].mean() >= HALF), last_and_next(~by_T["five_apart"].all())


def borders(finite: pd.DataFrame) -> tuple[float, float]:
    """Return the T at which features overtake data points, and at which five features are stored.

    The first is just above the largest T at which the best represented data point has a higher D
    than the best represented feature, as means over runs of the largest D; the second is that of
    `gaps`.

    Parameters
    ----------
    finite : DataFrame
        Runs of finite data sets, with ``T``, ``D1``, ``point_D_max`` and ``five_apart``.

    Returns
    -------
    overtaken, stored : float
        Each is the geometric mean of the two neighbouring sizes trained on; NaN where it lies
        outside them.

    Examples
    --------
    >>> from sdd.findings.evidence import borders
    >>> runs = pd.DataFrame({"T": [5, 50, 500], "D1": 0.2, "point_D_max": [0.4, 0.1, 0.0]})
    >>> [round(T) for T in borders(runs.assign(five_apart=[False, False, True]))]
    [16, 158]
    """
    by_T = finite.assign(lead=finite["point_D_max"] - finite["D1"]).groupby("T")
    found = last_and_next(by_T["lead"].mean() > 0), last_and_next(~by_T["five_apart"].all())
    first, second = (math.sqrt(low * high) for low, high in found)
    return first, second


def last_and_next(holds: pd.Series) -> tuple[float, float]:
    """Return the last T at which something holds, and the next.

    Parameters
    ----------
    holds : Series of bool
        Indexed by T, in increasing order.

    Returns
    -------
    last, next : float
        NaN beyond the sizes.

    Examples
    --------
    >>> from sdd.findings.evidence import last_and_next
    >>> last_and_next(pd.Series({5: True, 50: False}))
    (5, 50)
    """
    sizes = [math.nan, *holds.index, math.nan]
    last = max((k for k, held in enumerate(holds, start=1) if held), default=0)
    return sizes[last], sizes[last + 1]


@lru_cache
def baselines(n: int, sparsity: float) -> dict[str, float]:
    """Return what no output and the best constant output score on the test set of that law.

    Parameters
    ----------
    n : int
        Number of features.
    sparsity : float
        Probability S in [0, 1) that a feature is zero.

    Returns
    -------
    dict of str to float
        Losses in the summed form, by the names that figures print.

    Raises
    ------
    ValueError
        Where n or S can be no law of data.

    Examples
    --------
    >>> from sdd.findings.evidence import baselines
    >>> [round(loss, 2) for loss in baselines(50, 0.9).values()]
    [0.99, 0.92]
    """
    test, mean = test_set(n, sparsity), theory.feature_mean(n, sparsity)
    return {
        "no output": float(theory.constant_loss(test, 0.0)),
        "best\nconstant": float(theory.constant_loss(test, mean)),
    }
