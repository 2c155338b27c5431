"""How a finding enters what is judged on its runs, where it is written: `claim`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sdd.findings.evidence import Evidence
from sdd.findings.experiments import check_free
from sdd.findings.rule import Region
from sdd.measures.statistics import Estimate

__all__ = ["CLAIMS", "GROUPS", "Claim", "claim"]

LONGEST = 60  # characters of a title: one line of the scorecard

# Where a claim is from, in the order of the scorecard.
GROUPS = {
    "body": "The paper's body",
    "appendix": "The paper's appendix",
    "comments": "Comments printed with the paper",
    "ours": "Beyond the paper: ours",
}
_BY_LETTER = {"F": "body", "A": "appendix", "C": "comments"}

Estimates = Estimate | Mapping[str, Estimate]
Check = Callable[[Evidence], Estimates]


@dataclass(frozen=True)
class Claim:
    """A statement of a finding, what is estimated, and where it is true; `claim` enters it.

    Parameters
    ----------
    id
        As for `claim`.
    finding : str
        The module that it is written in.
    title : str
        The statement in short.
    statement : str
        In our words, without the last full stop.
    source, published
        As for `claim`.
    figure : str
        Address of our figure in the site.
    check : callable
        From the evidence to an estimate, or to one for each row.
    estimand
        As for `claim`.
    regions : mapping of row to Region
        A row for each part that is judged by itself; one without a name is all.
    headline, unit, log, at_quick
        As for `claim`.

    Examples
    --------
    >>> from sdd.findings import CLAIMS
    >>> CLAIMS["F3-bump"].group
    'body'
    """

    id: str
    finding: str
    title: str
    statement: str
    source: str
    published: str
    figure: str
    check: Check
    estimand: str
    regions: Mapping[str, Region]
    headline: bool = False
    unit: str = ""
    log: bool = False
    at_quick: bool = True

    @property
    def group(self) -> str:
        """Where it is from: one of `GROUPS`, by its source and id."""
        return "ours" if self.source.startswith("ours") else _BY_LETTER.get(self.id[0], "ours")

    @property
    def code(self) -> str:
        """Address of the code of its check in the site; "" where a module of one's own has it."""
        module, name = self.check.__module__, self.check.__qualname__.partition(".")[0]
        inside = module.startswith("sdd.")
        return f"_modules/{module.replace('.', '/')}.html#{name}" if inside else ""

    def estimates(self, evidence: Evidence) -> Mapping[str, Estimate]:
        """Return the estimate of each row that there are trainings for.

        Parameters
        ----------
        evidence : Evidence
            The runs.

        Returns
        -------
        mapping of row to Estimate
            With the row "" where the claim has no parts.

        Raises
        ------
        NoRuns
            Where the claim's experiment has no runs at this profile.

        Examples
        --------
        >>> from sdd.findings import CLAIMS, PROFILES, Evidence
        >>> runs = pd.DataFrame({"T": [5, 6, 10], "data_seed": 20, "on_ring": [5, 6, 8]})
        >>> evidence = Evidence(PROFILES["quick"], {"dataset-size": runs})
        >>> {row: found.value for row, found in CLAIMS["F2-ring"].estimates(evidence).items()}
        {'T = 5': 1.0, 'T = 6': 1.0, 'T = 10': 0.0}
        """
        found = self.check(evidence)
        return found if isinstance(found, Mapping) else {"": found}


CLAIMS: dict[str, Claim] = {}


def claim(
    id: str,
    *,
    source: str,
    published: str,
    figure: str,
    estimand: str,
    region: Region | Mapping[str, Region],
    title: str = "",
    statement: str = "",
    headline: bool = False,
    unit: str = "",
    log: bool = False,
    at_quick: bool = True,
) -> Callable[[Check], Check]:
    """Enter a function from the evidence to an estimate as a claim.

    Parameters
    ----------
    id : str
        Stable name, by figure, such as "F3-bump".
    source : str
        Figure and section of the paper, or "ours".
    published : str
        What the paper says, with its reading error and where it is from ("(fig)", "(text)"), what a
        formula gives, or "not stated".
    figure : str
        Name of our figure in the chapter of the finding, such as "fig-data"; elsewhere
        "setup#fig-pentagon".
    estimand : str
        Which number is estimated, averaged over which trainings, in words.
    region : Region, or mapping of row to Region
        Where the claim is true, chosen before the runs that judge it. A claim of several parts has
        a row for each, such as "T = 30", and its function returns the estimates by the same names
        (those that the profile has trainings for).
    title : str
        The statement in at most 60 characters; itself where none is given.
    statement : str
        In our words; the function's docstring where none is given.
    headline : bool
        Whether it is one of the few claims that are corrected together.
    unit : str
        Printed after the estimate.
    log : bool
        Whether the estimate is log₁₀ of a factor: estimate and region are printed as factors.
    at_quick : bool
        False for claims that say something only at the published size.

    Returns
    -------
    callable
        The decorator; it returns the function as it is.

    Raises
    ------
    ValueError
        Where another module has entered a claim of that id, or the title is too long.

    Examples
    --------
    >>> from sdd.findings import CLAIMS, claim
    >>> from sdd.findings.rule import above
    >>> from sdd.measures.statistics import mean
    >>> @claim("X-long", source="ours", published="not stated", figure="fig-norms",
    ...        region=above(2), estimand="‖W‖ at T = 5, mean over trainings")
    ... def _long(e):
    ...     "The weights are long."
    ...     return mean(e.at(5)["W_norm"])
    >>> CLAIMS.pop("X-long").statement
    'The weights are long'
    """

    def enter(check: Check) -> Check:
        finding = check.__module__.rpartition(".")[2]
        check_free(CLAIMS, id, "claim", finding)
        page, _, anchor = f"{finding.replace('_', '-')}#{figure}".rpartition("#")
        page = page.rpartition("#")[2]
        text = " ".join((statement or check.__doc__ or "").split()).rstrip(".")
        if len(short := title or text) > LONGEST:
            rule = f"the title of {id} must have at most {LONGEST} characters"
            raise ValueError(f"{rule}, not {len(short)}: {short}")
        regions = {"": region} if isinstance(region, Region) else dict(region)
        CLAIMS[id] = Claim(
            id, finding, short, text, source, published, f"book/{page}.html#{anchor}", check,
            estimand, regions, headline, unit, log, at_quick,
        )  # fmt: skip
        return check

    return enter
