"""How a finding enters its runs, where they are written: `experiment`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sdd.findings.profiles import Profile, parted, profile
from sdd.names import one_of
from sdd.runs.spec import RunSpec

__all__ = [
    "EXPERIMENTS",
    "Experiment",
    "check_free",
    "count_runs",
    "experiment",
    "run_like",
    "specs",
]

Specs = Callable[[Profile], list[RunSpec]]


@dataclass(frozen=True)
class Experiment:
    """The runs of one figure or question of a finding: their settings by profile.

    Parameters
    ----------
    name : str
        By which it is asked for, such as "dataset-size".
    finding : str
        The module that it is written in.
    specs : callable
        From a `Profile` to the settings of its runs.

    Examples
    --------
    >>> from sdd.findings import EXPERIMENTS
    >>> EXPERIMENTS["dataset-size"].finding
    'double_descent'
    """

    name: str
    finding: str
    specs: Specs

    @property
    def description(self) -> str:
        """First line of the docstring."""
        return (self.specs.__doc__ or "").strip().partition("\n")[0]


EXPERIMENTS: dict[str, Experiment] = {}


def experiment(name: str) -> Callable[[Specs], Specs]:
    """Enter a function from a `Profile` to the settings of runs as an experiment.

    The function must be cheap: it trains nothing and draws no data. The first line of its
    docstring describes the experiment.

    Parameters
    ----------
    name : str
        By which the experiment is asked for, such as "dataset-size".

    Returns
    -------
    callable
        The decorator; it returns the function as it is.

    Raises
    ------
    ValueError
        Where another module has entered an experiment of that name.

    Examples
    --------
    >>> from sdd.findings import EXPERIMENTS, experiment, spec, specs
    >>> @experiment("two-sizes")
    ... def two_sizes(p):
    ...     "Five points and fifty."
    ...     return [spec(T, of=p.name) for T in (5, 50)]
    >>> [s.data.T for s in specs("two-sizes", "quick")]
    [5, 50]
    >>> EXPERIMENTS.pop("two-sizes").description
    'Five points and fifty.'
    """

    def enter(function: Specs) -> Specs:
        finding = function.__module__.rpartition(".")[2]
        check_free(EXPERIMENTS, name, "experiment", finding)
        EXPERIMENTS[name] = Experiment(name, finding, function)
        return function

    return enter


def check_free(entered: dict, name: str, what: str, finding: str) -> None:
    """Raise ValueError where a name is taken by another module (one that is reloaded may).

    Parameters
    ----------
    entered : dict
        What is entered, by name.
    name, what : str
        The name, and what it is one of, such as "claim".
    finding : str
        The module that wants to enter it.

    Raises
    ------
    ValueError
        Where another module has entered it.

    Examples
    --------
    >>> from sdd.findings.experiments import EXPERIMENTS, check_free
    >>> check_free(EXPERIMENTS, "dataset-size", "experiment", "my_finding")
    Traceback (most recent call last):
    ValueError: experiment 'dataset-size' is already entered by double_descent
    """
    if name in entered and entered[name].finding != finding:
        raise ValueError(f"{what} {name!r} is already entered by {entered[name].finding}")


def specs(name: str, of: str | Profile | None = None) -> list[RunSpec]:
    """Return the settings of all runs of an experiment at a profile.

    Parameters
    ----------
    name : str
        Name of the experiment.
    of : str, Profile or None
        The profile; None means the current one.

    Returns
    -------
    list of RunSpec
        A run each; none where the experiment has no runs at this profile.

    Raises
    ------
    ValueError
        Where there is no such experiment or profile.

    Examples
    --------
    >>> from sdd.findings import specs
    >>> specs("dataset-size", "quick")[0].data.n
    1000
    """
    return EXPERIMENTS[one_of("experiment", name, EXPERIMENTS)].specs(
        of if isinstance(of, Profile) else profile(of)
    )


def count_runs(of: str | Profile | None = None) -> int:
    """Return the number of runs of all experiments of a profile, each counted once.

    Parameters
    ----------
    of : str, Profile or None
        The profile; None means the current one.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        Where there is no such profile.

    Examples
    --------
    >>> from sdd.findings.experiments import count_runs
    >>> count_runs("quick") < count_runs("paper")
    True
    """
    return len({s for name in EXPERIMENTS for s in specs(name, of)})


def run_like(name: str, of: str | None = None, **changes: Any) -> RunSpec:
    """Return the first run of an experiment with some of its settings changed.

    Parameters
    ----------
    name, of : str
        Names of the experiment and of the profile; None means the current one.
    **changes
        ``start``, or fields of `DataSettings` or `TrainConfig`; ``seed`` is the parameter seed.
        All else stays as it is: ε, too, where n or S is changed.

    Returns
    -------
    RunSpec
        Its settings.

    Raises
    ------
    ValueError
        Where there is no such experiment, it has no runs at this profile, or a name or a value
        breaks its rule.

    Examples
    --------
    >>> from sdd.findings import run_like
    >>> run_like("dataset-size", "quick", T=7, lr=0.01).config.lr
    0.01
    """
    found = specs(name, of)
    if not found:
        raise ValueError(
            f"{name} must have runs at the profile, but has none at {profile(of).name}"
        )
    first = found[0]
    start = changes.pop("start", first.start)
    data, config = parted(changes)
    return replace(
        first, data=replace(first.data, **data), config=replace(first.config, **config), start=start
    )
