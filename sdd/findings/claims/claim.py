"""What a claim is, and what judging one gives."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from sdd.findings.evidence import Evidence
from sdd.findings.rule import Verdict

__all__ = ["GROUPS", "Claim", "Judgement", "label"]

# Where a claim is from, in the order of the scorecard.
GROUPS = {
    "body": "The paper's body",
    "appendix": "The paper's appendix",
    "comments": "Comments printed with the paper",
    "ours": "Beyond the paper: ours",
}


@dataclass(frozen=True)
class Judgement:
    """One line of the scorecard."""

    id: str
    group: str
    source: str
    statement: str
    published: str
    ours: str
    spread: str
    verdict: str
    figure: str
    profile: str


@dataclass(frozen=True)
class Claim:
    """A statement of the paper and how it is judged.

    Parameters
    ----------
    id : str
        Stable name, by figure.
    source : str
        Figure and section of the paper.
    statement : str
        In our words.
    published : str
        Published value with its reading error, or "text".
    figure : str
        Page and anchor of our figure.
    check : callable
        From the evidence to a verdict.
    at_quick : bool
        False for claims that say something only at the published size.
    needs : tuple of str
        Experiments beyond the paper's body that the check looks at.
    """

    id: str
    source: str
    statement: str
    published: str
    figure: str
    check: Callable[[Evidence], Verdict]
    at_quick: bool = True
    needs: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Where it is from: one of `GROUPS`, by its source and id."""
        if self.source.startswith("ours"):
            return "ours"
        return {"F": "body", "A": "appendix", "C": "comments"}[self.id[0]]


def label(T: float) -> str:
    """Return T as it is printed."""
    return "T = ∞" if T == math.inf else f"T = {T:,}"
