"""What a chapter shows besides figures: numbers for its prose, and tables."""

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from sdd import paper
from sdd.findings import cards
from sdd.findings.evidence import Evidence
from sdd.findings.profiles import Profile
from sdd.findings.prose import Markdown, building, plain, publish, say
from sdd.findings.provenance import csv, source
from sdd.findings.scorecard import Judgement, judge_all
from sdd.findings.tables import thinned

__all__ = [
    "beside",
    "between",
    "checks",
    "csv",
    "findings",
    "markdown",
    "mean_sd",
    "publish",
    "say",
    "scorecard",
    "size",
    "source",
    "thinned",
    "tiles",
]


def mean_sd(values: Iterable[float], digits: int) -> str:
    """Return mean ± sample standard deviation as text, or the one value there is.

    Parameters
    ----------
    values : iterable of float
        One a training.
    digits : int
        Decimals.

    Returns
    -------
    str
        As it is printed.

    Examples
    --------
    >>> from sdd.findings import page
    >>> page.mean_sd([1, 2, 3], 1)
    '2.0 ± 1.0'
    """
    found = pd.Series(list(values), dtype=float)
    # z: what rounds to zero has no sign.
    deviation = f" ± {found.std():.{digits}f}" if len(found) > 1 else " (one training)"
    return f"{found.mean():z.{digits}f}{deviation}"


def size(T: float) -> str:
    """Return T as it is printed.

    Parameters
    ----------
    T : float
        A size, or ∞.

    Returns
    -------
    str
        With commas.

    Examples
    --------
    >>> from sdd.findings import page
    >>> page.size(50_000), page.size(np.inf)
    ('50,000', '∞')
    """
    return "∞" if T == math.inf else f"{T:,.0f}"


def between(gap: tuple[float, float]) -> str:
    """Return where a border lies, between two neighbouring sizes, in words.

    Parameters
    ----------
    gap : tuple of (low, high)
        Sizes; NaN where it lies beyond those trained on.

    Returns
    -------
    str
        In words.

    Examples
    --------
    >>> from sdd.findings import page
    >>> page.between((500, 1_000)), page.between((np.nan, 5))
    ('between 500 and 1,000', 'below 5')
    """
    low, high = gap
    if math.isnan(low):
        return f"below {size(high)}"
    return f"above {size(low)}" if math.isnan(high) else f"between {size(low)} and {size(high)}"


def markdown(frame: pd.DataFrame) -> Markdown:
    """Return a table of text as Markdown, its columns' names as the header.

    Parameters
    ----------
    frame : DataFrame
        A row a line; its index is left out.

    Returns
    -------
    Markdown
        What a notebook shows as a table.

    Examples
    --------
    >>> from sdd.findings import page
    >>> print(page.markdown(pd.DataFrame({"T": [5, 8], "D": [0.4, 0.25]})).data)
    | T | D |
    | --- | --- |
    | 5 | 0.4 |
    | 8 | 0.25 |
    """
    header = [str(c) for c in frame.columns]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    # A value and its deviation stay on one line.
    for row in frame.astype(str).itertuples(index=False):
        lines.append("| " + " | ".join(cell.replace(" ± ", "\u00a0±\u00a0") for cell in row) + " |")
    text = "\n".join(lines)
    return Markdown(text if building() else plain(text))


def beside(p: Profile, theirs: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Return published columns beside ours as text, a row a T.

    What is published for a T that we did not train on is marked so. At another n than the
    published one nothing can stand side by side: published rows follow ours.

    Parameters
    ----------
    p : Profile
        That of our runs.
    theirs, ours : DataFrame
        Indexed by T.

    Returns
    -------
    DataFrame
        With ``T`` as text, their columns and ours.

    Examples
    --------
    >>> from sdd.findings import PROFILES, page
    >>> theirs, ours = pd.DataFrame({"theirs": ["0.4"]}, [5]), pd.DataFrame({"ours": ["0.39"]}, [5])
    >>> page.beside(PROFILES["paper"], theirs, ours).values.tolist()
    [['5', '0.4', '0.39']]
    """
    if p.published_size:
        rows = theirs.join(ours, how="outer").sort_index()
        names = [size(T) for T in rows.index]
    else:
        rows = pd.concat([ours.sort_index(), theirs.sort_index()])[[*theirs, *ours]]
        names = [size(T) for T in ours.sort_index().index]
        names += [f"{size(T)} (n = {paper.N:,})" for T in theirs.sort_index().index]
    first = ours.columns[0]
    rows[first] = rows[first].fillna("not run at this profile")
    rows = rows.convert_dtypes().astype(object).fillna("–")
    return rows.reset_index(drop=True).assign(T=names)[["T", *rows.columns]]


def checks(evidence: Evidence, *ids: str) -> Markdown:
    """Return the claims whose id starts with one of `ids`, judged, as on the scorecard.

    Parameters
    ----------
    evidence : Evidence
        The runs.
    *ids : str
        Beginnings of ids.

    Returns
    -------
    Markdown
        As of `scorecard`, with links there.

    Raises
    ------
    MissingRuns
        Where runs that a claim needs are not stored and would take long to train.

    Examples
    --------
    >>> from sdd.findings import PROFILES, Evidence, page
    >>> "undecided" in page.checks(Evidence(PROFILES["quick"], {}), "F3-bump").data
    True
    """
    return _rows(judge_all(evidence, ids), scorecard=False)


def findings(judged: Sequence[Judgement]) -> Markdown:
    """Return the paper's findings, a sentence each, with what became of their headlines.

    Parameters
    ----------
    judged : sequence of Judgement
        Rows of the scorecard, all headlines of the paper among them.

    Returns
    -------
    Markdown
        A list.

    Examples
    --------
    >>> from sdd.findings import PROFILES, Evidence, page
    >>> from sdd.findings.scorecard import judge_all
    >>> judged = judge_all(Evidence(PROFILES["quick"], {}))
    >>> "double descent" in page.findings(judged).data
    True
    """
    if building():
        return Markdown(cards.findings(judged))
    return Markdown(
        "\n".join(
            f"- {cards.mark(*cards.together_on(f, judged))} {f.sentence}" for f in cards.FINDINGS
        )
    )


def tiles(judged: Sequence[Judgement]) -> Markdown:
    """Return how the rows were judged, by where their claims are from.

    Parameters
    ----------
    judged : sequence of Judgement
        Rows of the scorecard.

    Returns
    -------
    Markdown
        A strip of tiles for each source, a tile a row; in a notebook only how many.

    Examples
    --------
    >>> from sdd.findings import PROFILES, Evidence, page
    >>> from sdd.findings.scorecard import judge_all
    >>> judged = judge_all(Evidence(PROFILES["quick"], {}), ["F3"])
    >>> page.tiles(judged).data.startswith("- **The paper's body**: ")
    True
    """
    if building():
        return Markdown(cards.tiles(judged) + cards.filters(judged))
    lines = [f"- **{title}**: {cards.counted(claims)}" for title, claims in cards.groups(judged)]
    return Markdown("\n".join(lines))


def scorecard(judged: Sequence[Judgement]) -> Markdown:
    """Return claims as lines that unfold, headlines first, each with its address on the page.

    Parameters
    ----------
    judged : sequence of Judgement
        Rows of the scorecard.

    Returns
    -------
    Markdown
        With a little HTML; in a notebook a table, a row a claim or a part of it.

    Examples
    --------
    >>> from sdd.findings import PROFILES, Evidence, page
    >>> from sdd.findings.scorecard import judge_all
    >>> judged = judge_all(Evidence(PROFILES["quick"], {}), ["F3-bump"])
    >>> "Double descent" in page.scorecard(judged).data
    True
    """
    return _rows(judged, scorecard=True)


def _rows(judged: Sequence[Judgement], *, scorecard: bool) -> Markdown:
    claims = cards.by_claim(judged)
    if building():
        rows = "".join(cards.row(parts, scorecard=scorecard) for parts in claims)
        return Markdown(f'<div class="claims">\n{cards.HEAD}\n\n{rows}\n</div>')
    lines = [
        {
            "Claim": f"{j.statement}{f': *{j.row}*' if j.row else ''} (`{j.id}`, "
            f"[{j.figure.partition('#')[2]}]({cards.chapter(j)}.ipynb))",
            "Published": j.published,
            "Ours": "; ".join(filter(None, (j.ours, f"true if {j.region}", j.counted, j.note))),
            "Verdict": cards.verdict_mark(j.verdict),
        }
        for parts in claims
        for j in parts
    ]
    return markdown(pd.DataFrame(lines).map(lambda cell: cell.replace("|", "\\|")))
