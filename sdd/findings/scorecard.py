"""Claims judged on the evidence: the scorecard, as records and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sdd.findings.claims import CLAIMS, GROUPS, Claim
from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.rule import NOISY, NOT, PARTLY, REPRODUCED, SMALL, Verdict

__all__ = ["Judgement", "judge", "judge_all", "tally", "to_json"]


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


def judge(claim: Claim, evidence: Evidence) -> Judgement:
    """Judge one claim on the evidence."""
    if evidence.profile.name == "quick" and not claim.at_quick:
        verdict = Verdict(SMALL, "–", "")
    else:
        try:
            verdict = claim.check(evidence)
        except NoRuns:
            verdict = Verdict(NOISY, "no runs", "")
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


def judge_all(evidence: Evidence, ids: Iterable[str] = ("",)) -> list[Judgement]:
    """Judge every claim, or those whose id starts with one of `ids`, by group and by id."""
    groups, starts = list(GROUPS), tuple(ids)
    chosen = [c for c in CLAIMS.values() if c.id.startswith(starts)]
    ordered = sorted(chosen, key=lambda c: (groups.index(c.group), c.id.partition("-")[0]))
    return [judge(claim, evidence) for claim in ordered]


def tally(verdicts: Iterable[str]) -> dict[str, int]:
    """Count verdicts, under the names by which the prose asks for them."""
    found = list(verdicts)
    names = {"reproduced": REPRODUCED, "partly": PARTLY, "not": NOT, "noisy": NOISY, "small": SMALL}
    return {name: found.count(verdict) for name, verdict in names.items()} | {"claims": len(found)}


def to_json(judgements: Sequence[Judgement]) -> str:
    """Return the scorecard as JSON: a list of objects, one a claim."""
    return json.dumps([asdict(j) for j in judgements], indent=1, ensure_ascii=False) + "\n"
