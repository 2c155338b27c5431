"""How a finding enters itself: `experiment` for its runs, `claim` for what is judged on them.

Both stand where they are written, in the module of the finding's chapter, and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sdd.findings.evidence import Evidence
from sdd.findings.profiles import Profile, parted, profile
from sdd.findings.rule import Verdict
from sdd.runs.spec import RunSpec

__all__ = [
    "CLAIMS",
    "EXPERIMENTS",
    "GROUPS",
    "Claim",
    "Experiment",
    "claim",
    "count_runs",
    "experiment",
    "run_like",
    "specs",
]

# Where a claim is from, in the order of the scorecard.
GROUPS = {
    "body": "The paper's body",
    "appendix": "The paper's appendix",
    "comments": "Comments printed with the paper",
    "ours": "Beyond the paper: ours",
}
_BY_LETTER = {"F": "body", "A": "appendix", "C": "comments"}


Specs = Callable[[Profile], list[RunSpec]]
Check = Callable[[Evidence], Verdict]


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


@dataclass(frozen=True)
class Claim:
    """A statement of a finding and how it is judged, as `claim` enters it."""

    id: str
    finding: str
    statement: str
    source: str
    published: str
    figure: str
    check: Check
    at_quick: bool = True

    @property
    def group(self) -> str:
        """Where it is from: one of `GROUPS`, by its source and id."""
        return "ours" if self.source.startswith("ours") else _BY_LETTER.get(self.id[0], "ours")


EXPERIMENTS: dict[str, Experiment] = {}
CLAIMS: dict[str, Claim] = {}


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
        _check_free(EXPERIMENTS, name, "experiment", finding)
        EXPERIMENTS[name] = Experiment(name, finding, function)
        return function

    return enter


def claim(
    id: str,
    *,
    source: str,
    published: str,
    figure: str,
    statement: str = "",
    at_quick: bool = True,
) -> Callable[[Check], Check]:
    """Enter a function from the evidence to a verdict as a claim.

    Parameters
    ----------
    id : str
        Stable name, by figure, such as "F3-bump".
    source : str
        Figure and section of the paper, or "ours".
    published : str
        Published value with its reading error, or "text".
    figure : str
        Name of our figure in the chapter of the finding, such as "fig-bump"; of another chapter's,
        "setup#fig-pentagon".
    statement : str
        In our words; the function's docstring where none is given.
    at_quick : bool
        False for claims that say something only at the published size.

    Raises
    ------
    ValueError
        Where another module has entered a claim of that id.
    """

    def enter(check: Check) -> Check:
        finding = check.__module__.rpartition(".")[2]
        _check_free(CLAIMS, id, "claim", finding)
        page, _, anchor = f"{finding.replace('_', '-')}#{figure}".rpartition("#")
        page = page.rpartition("#")[2]
        text = " ".join((statement or check.__doc__ or "").split()).rstrip(".")
        CLAIMS[id] = Claim(
            id, finding, text, source, published, f"book/{page}.html#{anchor}", check, at_quick
        )
        return check

    return enter


def _check_free(entered: dict, name: str, what: str, finding: str) -> None:
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
