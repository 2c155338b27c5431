"""Claims judged on the evidence: the scorecard, as records and as JSON."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from sdd.findings import rule
from sdd.findings.claims import CLAIMS, GROUPS, Claim
from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.rule import CONTRADICTED, REPRODUCED, SMALL, UNDECIDED, Verdict
from sdd.names import did_you_mean
from sdd.runs.sweep import MissingRuns

__all__ = [
    "TOGETHER", "Judgement", "by_chance", "judge", "judge_all", "to_json",
]  # fmt: skip

Corrected = Mapping[tuple[str, str], float]  # by id and row, of headlines

TOGETHER = 0.01  # chance that any headline is decided wrongly, all of them corrected together


@dataclass(frozen=True)
class Judgement:
    """One row of the scorecard: a claim, or a part of it that is judged by itself.

    Parameters
    ----------
    id, row : str
        Of the claim, and of its part; "" where it has none.
    group, source, title, statement, estimand
        As of the `Claim`.
    region : str
        Where it is true, in words.
    published
        As of the `Claim`.
    ours, trainings, counted, confidence, note, verdict
        As of the `rule.Verdict`.
    headline, figure, code
        As of the `Claim`.
    profile : str
        Name of the profile that it was judged at.
    value, low, high, values
        As of the `rule.Verdict`, to six digits.
    true_from, true_to : float or None
        Ends of the region; None where it has none.
    log : bool
        Whether these numbers are log₁₀ of what is printed.
    """

    id: str
    row: str
    group: str
    source: str
    title: str
    statement: str
    estimand: str
    region: str
    published: str
    ours: str
    trainings: int
    counted: str
    confidence: float | None
    note: str
    verdict: str
    headline: bool
    figure: str
    code: str
    profile: str
    value: float | None
    low: float | None
    high: float | None
    values: tuple[float, ...]
    true_from: float | None
    true_to: float | None
    log: bool

    @property
    def key(self) -> str:
        """Id and row: no two rows share it."""
        return f"{self.id}: {self.row}" if self.row else self.id


def judge(claim: Claim, evidence: Evidence) -> list[Judgement]:
    """Judge a claim on the evidence, a row for each of its parts.

    A headline is corrected together with all others, on the same evidence.

    Parameters
    ----------
    claim : Claim
        Such as ``CLAIMS["F3-bump"]``.
    evidence : Evidence
        The runs.

    Returns
    -------
    list of Judgement
        A row a part; one row where no part has trainings.

    Raises
    ------
    MissingRuns
        Where runs that it needs are not stored and would take long to train.

    Examples
    --------
    >>> from sdd.findings import CLAIMS, PROFILES, Evidence
    >>> from sdd.findings.scorecard import judge
    >>> [row.verdict for row in judge(CLAIMS["F3-bump"], Evidence(PROFILES["quick"], {}))]
    ['undecided']
    """
    return _judge(claim, evidence, _corrected(evidence) if claim.headline else {})


def _judge(claim: Claim, evidence: Evidence, corrected: Corrected) -> list[Judgement]:
    return [
        _row(claim, evidence, row, _together(verdict, corrected.get((claim.id, row))))
        for row, verdict in _verdicts(claim, evidence).items()
    ]


def _verdicts(claim: Claim, evidence: Evidence) -> dict[str, Verdict]:
    """Judge each row of a claim by itself."""
    if evidence.profile.name == "quick" and not claim.at_quick:
        return {"": Verdict(SMALL)}
    try:
        estimates = claim.estimates(evidence)
    except NoRuns:
        estimates = {}
    if not estimates:
        return {"": Verdict(UNDECIDED, "no trainings")}
    whole = claim.regions.get("")
    return {
        row: rule.judge(estimate, whole or claim.regions[row], unit=claim.unit, log=claim.log)
        for row, estimate in estimates.items()
    }


def _corrected(evidence: Evidence) -> Corrected:
    """Return the corrected p-value of every row of every headline."""
    p: dict[tuple[str, str], float] = {}
    for claim in CLAIMS.values():
        if claim.headline:
            try:
                found = _verdicts(claim, evidence)
            except MissingRuns:  # a chapter is opened that needs other runs: as if undecided
                found = {row: Verdict(UNDECIDED) for row in claim.regions}
            p |= {(claim.id, row): verdict.p for row, verdict in found.items()}
    return dict(zip(p, rule.holm(list(p.values())), strict=True))


def _together(verdict: Verdict, p: float | None) -> Verdict:
    """Return the verdict of a headline whose corrected p-value is p."""
    if p is None or verdict.verdict == SMALL:
        return verdict
    said = f"corrected with the other headlines, {rule.p_text(p)}"
    note = "; ".join(filter(None, (verdict.note, said)))
    decided = verdict.verdict in (REPRODUCED, CONTRADICTED) and p > TOGETHER
    return replace(verdict, note=note, verdict=UNDECIDED if decided else verdict.verdict)


def _row(claim: Claim, evidence: Evidence, row: str, verdict: Verdict) -> Judgement:
    part = claim.regions.get(row) or claim.regions.get("")
    regions = [part] if part else claim.regions.values()
    texts = dict.fromkeys(r.said(claim.unit, log=claim.log) for r in regions)
    return Judgement(
        id=claim.id,
        row=row,
        group=claim.group,
        source=claim.source,
        title=claim.title,
        statement=claim.statement,
        estimand=claim.estimand,
        region="; ".join(texts),
        published=claim.published,
        ours=verdict.ours,
        trainings=verdict.trainings,
        counted=verdict.counted,
        confidence=verdict.confidence,
        note=verdict.note,
        verdict=verdict.verdict,
        headline=claim.headline,
        figure=claim.figure,
        code=claim.code,
        profile=evidence.profile.name,
        value=_short(verdict.value),
        low=_short(verdict.low),
        high=_short(verdict.high),
        values=tuple(float(f"{value:.6g}") for value in verdict.values),
        true_from=_short(part.low) if part else None,
        true_to=_short(part.high) if part else None,
        log=claim.log,
    )


def _short(value: float | None) -> float | None:
    """Return a number to six digits; None where there is none, or it is infinite."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def judge_all(evidence: Evidence, ids: Iterable[str] = ("",)) -> list[Judgement]:
    """Judge every claim, or those whose id starts with one of `ids`, by group and by id.

    Parameters
    ----------
    evidence : Evidence
        The runs.
    ids : iterable of str
        Beginnings of ids.

    Returns
    -------
    list of Judgement
        A row a claim, or a part of it.

    Raises
    ------
    ValueError
        Where no claim's id starts with one of them.
    MissingRuns
        Where runs that it needs are not stored and would take long to train.

    Examples
    --------
    >>> from sdd.findings import PROFILES, Evidence
    >>> from sdd.findings.scorecard import judge_all
    >>> rows = judge_all(Evidence(PROFILES["quick"], {}), ["F3"])
    >>> {row.id[:2] for row in rows}
    {'F3'}
    """
    groups, starts = list(GROUPS), tuple(ids)
    for start in starts:
        if not any(id.startswith(start) for id in CLAIMS):
            like = did_you_mean(start, CLAIMS)
            raise ValueError(f"no claim has an id that starts with {start!r}{like}")
    chosen = [c for c in CLAIMS.values() if c.id.startswith(starts)]
    ordered = sorted(chosen, key=lambda c: (groups.index(c.group), c.id.partition("-")[0]))
    corrected = _corrected(evidence) if any(c.headline for c in chosen) else {}
    return [row for claim in ordered for row in _judge(claim, evidence, corrected)]


def by_chance(judged: Iterable[Judgement]) -> dict[str, float]:
    """Return how often chance alone misleads, over rows that are not corrected together.

    Parameters
    ----------
    judged : iterable of Judgement
        Rows of the scorecard.

    Returns
    -------
    dict of str to float
        Of so many ``intervals`` of 99 % confidence so many are expected to miss what they estimate
        (``missed``); of so many ``shares`` no more than so many to be judged wrongly
        (``misjudged``): either of their bounds is wrong with a chance of 5 % at most, and one alone
        could mislead.

    Examples
    --------
    >>> from sdd.findings.scorecard import by_chance
    >>> by_chance([])["intervals"]
    0
    """
    found = [j.confidence for j in judged if not j.headline and j.confidence]
    shares = sum(c < 0.99 for c in found)
    intervals = len(found) - shares
    return {
        "intervals": intervals, "missed": 0.01 * intervals,
        "shares": shares, "misjudged": 0.05 * shares,
    }  # fmt: skip


def to_json(judgements: Sequence[Judgement]) -> str:
    """Return the scorecard as JSON: a list of objects, one a row.

    Parameters
    ----------
    judgements : sequence of Judgement
        Rows of the scorecard.

    Returns
    -------
    str
        Indented, and ended by a line break.

    Examples
    --------
    >>> import json
    >>> from sdd.findings import CLAIMS, PROFILES, Evidence
    >>> from sdd.findings.scorecard import judge, to_json
    >>> rows = judge(CLAIMS["F3-bump"], Evidence(PROFILES["quick"], {}))
    >>> json.loads(to_json(rows))[0]["id"]
    'F3-bump'
    """
    return json.dumps([asdict(j) for j in judgements], indent=1, ensure_ascii=False) + "\n"
