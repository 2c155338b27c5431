"""The paper's claims as checks on stored runs: statement, published value, ours, verdict.

Each check turns evidence into a verdict by the rules of `sdd.findings.rule`, which the scorecard states.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from sdd.findings.claims import (
    appendix,
    loss,
    optimisation,
    parts,
    polygons,
    regimes,
    replication,
    theory,
)
from sdd.findings.claims.claim import GROUPS, Claim, Judgement
from sdd.findings.claims.loss import bump
from sdd.findings.claims.polygons import angle_error, failed, five_D, predicted_D, split_lengths
from sdd.findings.evidence import Evidence
from sdd.findings.rule import (
    NOISY,
    NOT,
    PARTLY,
    REPRODUCED,
    SMALL,
    Verdict,
    combine,
    judge_each,
    judge_sign,
    judge_value,
)
from sdd.measures.summary import five_apart

__all__ = [
    "CLAIMS",
    "GROUPS",
    "NOISY",
    "NOT",
    "PARTLY",
    "REPRODUCED",
    "SMALL",
    "Claim",
    "Evidence",
    "Judgement",
    "Verdict",
    "angle_error",
    "bump",
    "combine",
    "failed",
    "five_D",
    "five_apart",
    "judge",
    "judge_all",
    "judge_each",
    "judge_sign",
    "judge_value",
    "predicted_D",
    "split_lengths",
    "to_json",
]

CLAIMS: tuple[Claim, ...] = (
    *polygons.CLAIMS,
    *regimes.CLAIMS,
    *loss.CLAIMS,
    *parts.CLAIMS,
    *appendix.CLAIMS,
    *replication.CLAIMS,
    *optimisation.CLAIMS,
    *theory.CLAIMS,
)


def judge(claim: Claim, evidence: Evidence) -> Judgement:
    """Judge one claim on the evidence."""
    if evidence.profile.name == "quick" and not claim.at_quick:
        verdict = Verdict(SMALL, "–", "")
    elif not all(evidence.of(name) for name in claim.needs):
        verdict = Verdict(NOISY, "no runs", "")
    else:
        verdict = claim.check(evidence)
    return Judgement(
        id=claim.id,
        group=claim.group,
        source=claim.source,
        statement=claim.statement,
        published=claim.published,
        ours=verdict.ours,
        spread=verdict.spread,
        verdict=verdict.verdict,
        figure=claim.figure,
        profile=evidence.profile.name,
    )


def judge_all(evidence: Evidence) -> list[Judgement]:
    """Judge every claim on the evidence."""
    return [judge(claim, evidence) for claim in CLAIMS]


def to_json(judgements: Sequence[Judgement]) -> str:
    """Return the scorecard as JSON: a list of objects, one a claim."""
    return json.dumps([asdict(j) for j in judgements], indent=1, ensure_ascii=False) + "\n"
