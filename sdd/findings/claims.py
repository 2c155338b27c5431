"""How a finding enters what is judged on its runs, where it is written: `claim`."""

from collections.abc import Callable
from dataclasses import dataclass

from sdd.findings.evidence import Evidence
from sdd.findings.experiments import check_free
from sdd.findings.rule import Verdict

__all__ = ["CLAIMS", "GROUPS", "Claim", "claim"]

# Where a claim is from, in the order of the scorecard.
GROUPS = {
    "body": "The paper's body",
    "appendix": "The paper's appendix",
    "comments": "Comments printed with the paper",
    "ours": "Beyond the paper: ours",
}
_BY_LETTER = {"F": "body", "A": "appendix", "C": "comments"}

Check = Callable[[Evidence], Verdict]


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


CLAIMS: dict[str, Claim] = {}


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
        What the paper says, with its reading error and where it is from ("(fig)", "(text)"), what a
        formula gives, or "not stated".
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
        check_free(CLAIMS, id, "claim", finding)
        page, _, anchor = f"{finding.replace('_', '-')}#{figure}".rpartition("#")
        page = page.rpartition("#")[2]
        text = " ".join((statement or check.__doc__ or "").split()).rstrip(".")
        CLAIMS[id] = Claim(
            id, finding, text, source, published, f"book/{page}.html#{anchor}", check, at_quick
        )
        return check

    return enter
