"""How a finding enters its runs, where they are written: `experiment`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sdd.findings.profiles import Profile, parted, profile
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
    """The runs of one figure or question of a finding: their settings by profile."""

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

    Raises
    ------
    ValueError
        Where another module has entered an experiment of that name.
    """

    def enter(function: Specs) -> Specs:
        finding = function.__module__.rpartition(".")[2]
        check_free(EXPERIMENTS, name, "experiment", finding)
        EXPERIMENTS[name] = Experiment(name, finding, function)
        return function

    return enter


def check_free(entered: dict, name: str, what: str, finding: str) -> None:
    """Raise ValueError where a name is taken by another module (one that is reloaded may)."""
    if name in entered and entered[name].finding != finding:
        raise ValueError(f"{what} {name!r} is already entered by {entered[name].finding}")


def specs(name: str, of: str | Profile | None = None) -> list[RunSpec]:
    """Return the settings of all runs of an experiment at a profile (None: the current one).

    Raises
    ------
    ValueError
        Where there is no such experiment or profile.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    return EXPERIMENTS[name].specs(of if isinstance(of, Profile) else profile(of))


def count_runs(of: str | Profile | None = None) -> int:
    """Return the number of runs of all experiments of a profile, each counted once."""
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

    Raises
    ------
    ValueError
        Where there is no such experiment, it has no runs at this profile, or a name or a value
        breaks its rule.
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
