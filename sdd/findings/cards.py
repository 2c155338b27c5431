"""Claims as a reader sees them in the book: a row each that unfolds, a tile each, a small plot."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from statistics import stdev

from sdd.findings.claims import GROUPS
from sdd.findings.rule import CONTRADICTED, REPRODUCED, SMALL, UNDECIDABLE, UNDECIDED
from sdd.findings.scorecard import Judgement

__all__ = [
    "FINDINGS", "HEAD", "MIXED", "SIGNS", "by_claim", "chapter", "counted", "filters", "findings",
    "groups", "mark", "name", "plot", "row", "tiles", "together", "together_on", "verdict_mark",
]  # fmt: skip

# Verdicts in words, with a sign, a class and a short word each: none is told by colour alone.
SIGNS = {
    REPRODUCED: ("✓", "reproduced", "reproduced"),
    CONTRADICTED: ("✗", "contradicted", "contradicted"),
    UNDECIDED: ("?", "undecided", "undecided"),
    UNDECIDABLE: ("≈", "undecidable", "undecidable"),
    SMALL: ("–", "small", "not judged"),
}
MIXED = "◐"  # of parts with several verdicts


@dataclass(frozen=True)
class Finding:
    """One of the paper's findings, in a sentence, and the headlines that it rests on."""

    sentence: str
    ids: tuple[str, ...]


FINDINGS = (
    Finding("Where data is scarce, the network stores data points.", ("F2-T5", "F3-points")),
    Finding(
        "Where data is plentiful, it stores features.", ("F1-pentagon", "F3-features", "F4-norms")
    ),
    Finding(
        "In between, more data hurts: double descent.",
        ("F3-floor", "F3-above-one", "F3-bump", "F3-below-one"),
    ),
)

# Above the columns of a row.
HEAD = (
    "<p>"
    + "".join(
        f"<span>{column}</span>"
        for column in ("Verdict", "Claim", "Published", "Ours", "Shaded: true")
    )
    + "</p>"
)
WIDTH, HEIGHT = 160, 28  # of a plot


def by_claim(judged: Iterable[Judgement]) -> list[list[Judgement]]:
    """Return the rows of each claim, headlines first."""
    claims = [list(parts) for _, parts in groupby(judged, key=lambda j: j.id)]
    return sorted(claims, key=lambda parts: not parts[0].headline)


def together(verdicts: Iterable[str]) -> tuple[str, str, str]:
    """Return sign, class and words of several verdicts: theirs where they agree."""
    found = list(verdicts)
    if len(set(found)) == 1:
        return SIGNS[found[0]]
    return MIXED, "mixed", f"{found.count(REPRODUCED)} of {len(found)}"


def mark(sign: str, kind: str, words: str) -> str:
    """Return a verdict as HTML: its sign, its words, and a class for its colour."""
    return f'<span class="verdict {kind}">{sign} <span>{words}</span></span>'


def verdict_mark(verdict: str) -> str:
    """Return one of `SIGNS` as such HTML."""
    sign, kind, _ = SIGNS[verdict]
    return mark(sign, kind, verdict)


def tally(parts: Sequence[Judgement]) -> str:
    """Return in words how many parts got which verdict."""
    found = [j.verdict for j in parts]
    return ", ".join(
        f"{found.count(verdict)} {words}"
        for verdict, (_, _, words) in SIGNS.items()
        if verdict in found
    )


def plot(parts: Sequence[Judgement]) -> str:
    """Return a drawing of trainings and interval against the region, as SVG; "" without numbers.

    The border of the region, or the middle of one with two, is in the middle of the drawing. Each
    part has a band, and its own scale.
    """
    drawn = [j for j in parts if j.value is not None and (j.true_from, j.true_to) != (None, None)]
    if not drawn:
        return ""
    height = HEIGHT / len(drawn)
    bands = "".join(_band(j, k * height, height) for k, j in enumerate(drawn))
    words = _words(drawn[0]) if len(parts) == 1 else f"{len(parts)} parts: {tally(parts)}"
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(words)}">{bands}</svg>'
    )


def _words(j: Judgement) -> str:
    """Return in words what a plot of one part shows."""
    ours = re.sub(r" \[(.*), (.*)\]", r", interval \1 to \2", j.ours)
    return f"estimate {ours}; true if {j.region}"


def _band(j: Judgement, top: float, height: float) -> str:
    """Return a part's region, trainings and interval; in a low band without the trainings."""
    ends = [end for end in (j.true_from, j.true_to) if end is not None]
    middle = sum(ends) / len(ends)
    seen = [v for v in (j.value, j.low, j.high) if v is not None]
    far = max(abs(v - middle) for v in (*seen, *(j.values if height == HEIGHT else ())))
    reach = 1.08 * max(far, 2 * (max(ends) - min(ends))) or 1.0

    def x(value: float) -> str:
        return f"{WIDTH / 2 * (1 + (value - middle) / reach):.4g}"

    start = "0" if j.true_from is None else x(j.true_from)
    width = float(str(WIDTH) if j.true_to is None else x(j.true_to)) - float(start)
    high = max(height - 1, 0.8 * height)
    shapes = [f'<rect x="{start}" y="{top:.3g}" width="{width:.4g}" height="{high:.3g}"/>']
    line = top + height / 2
    if height == HEIGHT and j.values:
        dots = "".join(f"M{x(v)},{top + 8:.3g}h0" for v in j.values)
        shapes.append(f'<path class="trainings" d="{dots}"/>')
        line = top + 19
    tick = min(5.0, 0.4 * height)
    path = f"M{x(j.value or 0)},{line - tick:.4g}v{2 * tick:.3g}"
    if j.low is not None and j.high is not None:
        path += f"M{x(j.low)},{line:.4g}H{x(j.high)}"
    kind = SIGNS[j.verdict][1]
    shapes.append(f'<path class="verdict {kind}" d="{path}"/>')
    return "".join(shapes)


def chapter(j: Judgement) -> str:
    """Return the name of the page that has the figure of a claim, such as "double-descent"."""
    return Path(j.figure.partition("#")[0]).stem


def row(parts: Sequence[Judgement], *, scorecard: bool) -> str:
    """Return a claim as a line that unfolds, as Markdown; with an address on the scorecard."""
    j = parts[0]
    title = f"<strong>{escape(j.title)}</strong>" if j.headline else escape(j.title)
    ours = j.ours if len(parts) == 1 else tally(parts)
    verdicts = " ".join(dict.fromkeys(SIGNS[p.verdict][1] for p in parts))
    address = f' id="claim-{j.id}"' if scorecard else ""
    back = "" if scorecard else f'<a href="scorecard.html#claim-{j.id}">on the scorecard</a> · '
    code = f'<a href="../{j.code}">code of the check</a> · ' if j.code else ""
    terms = {"Paper": j.published, "Estimated": j.estimand, "Source": j.source}
    details = "".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in terms.items())
    return f"""\
<details class="claim" data-claim="{j.id}" data-source="{j.group}" data-finding="{chapter(j)}" \
data-verdict="{verdicts}"><summary>{mark(*together(p.verdict for p in parts))}\
<span class="title">{title}</span><span class="theirs">{escape(j.published)}</span>\
<span class="ours">{escape(ours)}</span>{plot(parts)}</summary>
<div class="more"{address}><p>{escape(j.statement)}.</p>
<ul>{"".join(map(_part, parts))}</ul>
<dl>{details}</dl>

{{numref}}`{j.figure.partition("#")[2]}` · {code}{back}`{j.id}`

</div></details>
"""


def _part(j: Judgement) -> str:
    """Return a part with its numbers, as an item of a list."""
    spread = f"standard deviation {stdev(j.values):.2g}" if len(j.values) > 1 else ""
    said = (f"true if {j.region}", j.counted, spread, j.note)
    name = f"<em>{escape(j.row)}</em>: " if j.row else ""
    small = f"<small>{escape('; '.join(filter(None, said)))}</small>"
    text = f"{verdict_mark(j.verdict)} {name}<b>{escape(j.ours)}</b> {small}"
    return f"<li><span>{text}</span>{plot([j])}</li>"


def together_on(finding: Finding, judged: Sequence[Judgement]) -> tuple[str, str, str]:
    """Return sign, class and words of what became of a finding's headlines."""
    sign, kind, words = together(j.verdict for j in judged if j.id in finding.ids)
    return sign, kind, f"{words} reproduced" if sign == MIXED else words


def findings(judged: Sequence[Judgement]) -> str:
    """Return the paper's findings, each with the verdict of its headlines, as HTML."""
    items = []
    for finding in FINDINGS:
        links = "".join(
            f'<a href="scorecard.html#claim-{parts[0].id}">{together(j.verdict for j in parts)[0]} '
            f"{escape(parts[0].title)}</a>"
            for parts in by_claim(judged)
            if parts[0].id in finding.ids
        )
        items.append(
            f"<li>{mark(*together_on(finding, judged))}"
            f"<strong>{finding.sentence}</strong><small>{links}</small></li>"
        )
    return f'<ul class="findings">{"".join(items)}</ul>'


def name(j: Judgement) -> str:
    """Return a row's title with the name of its part."""
    return f"{j.title}: {j.row}" if j.row else j.title


# For readers who move by keys: the tiles are links, more than two hundred of them.
SKIP = '<a class="skip-tiles" href="#after-tiles">Skip the tiles</a>'


def groups(judged: Sequence[Judgement]) -> list[tuple[str, list[list[Judgement]]]]:
    """Return the title of each source, with the rows of each of its claims."""
    found = [(title, by_claim(j for j in judged if j.group == g)) for g, title in GROUPS.items()]
    return [(title, claims) for title, claims in found if claims]


def counted(claims: Sequence[Sequence[Judgement]]) -> str:
    """Return in words how many rows claims have, and how they were judged."""
    rows = [j for parts in claims for j in parts]
    return f"{len(rows)} checks of {len(claims)} claims: {tally(rows)}"


def tiles(judged: Sequence[Judgement]) -> str:
    """Return a tile for each row, a strip for each source, as HTML."""
    strips = "".join(
        f"<p><strong>{title}</strong>: {counted(claims)}</p>"
        f"<ul>{''.join(_tile(j) for parts in claims for j in parts)}</ul>"
        for title, claims in groups(judged)
    )
    return f'{SKIP}<div class="tiles">{strips}</div><div id="after-tiles" tabindex="-1"></div>'


def _tile(j: Judgement) -> str:
    sign, kind, _ = SIGNS[j.verdict]
    said = escape(f"{j.verdict}: {name(j)}")
    return (
        f'<li><a class="verdict {kind}" href="#claim-{j.id}" title="{said}" '
        f'aria-label="{said}"><span>{sign}</span></a></li>'
    )


def filters(judged: Sequence[Judgement]) -> str:
    """Return a form that book/assets/claims.js makes hide rows by; it is hidden without script."""
    chapters = dict.fromkeys(map(chapter, judged))
    fields = {
        "finding": {c: c.replace("-", " ").capitalize() for c in chapters},
        "source": GROUPS,
        "verdict": {kind: f"{sign} {words}" for sign, kind, words in SIGNS.values()},
    }
    selects = "".join(
        f'<label>{field.capitalize()} <select name="{field}"><option value="">all</option>'
        + "".join(f'<option value="{value}">{words}</option>' for value, words in options.items())
        + "</select></label>"
        for field, options in fields.items()
    )
    return (
        f'<form class="claim-filters" hidden>{selects}<button type="reset">Show all</button>'
        '<output aria-live="polite"></output></form>'
    )
