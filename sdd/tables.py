"""Markdown tables of the book: published values beside ours, and the scorecard."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from IPython.display import Markdown
from myst_nb import glue

from sdd import claims, metrics, paper
from sdd.claims import Evidence, Judgement
from sdd.summary import Summary, spread

__all__ = [
    "batches",
    "checks",
    "dimensions",
    "norms",
    "polygons",
    "publish",
    "scorecard",
    "test_losses",
]

NOT_RUN = "not run at this profile"


def publish(values: Mapping[str, Any]) -> None:
    """Make computed values available to the prose, as {glue:text} roles, without showing them."""
    for name, value in values.items():
        # NumPy scalars print as np.float64(…), which the roles cannot format.
        glue(name, value.item() if isinstance(value, np.generic) else value, display=False)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return Markdown("\n".join(lines))


def _size(T: float) -> str:
    return "∞" if T == math.inf else f"{T:,}"


def _spread(values: Sequence[float], digits: int) -> str:
    mean, sd = spread(values)
    return f"{mean:.{digits}f}" + (f" ± {sd:.{digits}f}" if sd == sd else " (one seed)")


def test_losses(e: Evidence) -> Markdown:
    """Return F3 top as a table: test loss by T, published and ours, with its errors."""
    published = e.profile.published(paper.TEST_LOSS)
    rows = []
    for T in sorted({*published, *e.sizes, math.inf, *e.profile.published(dict.fromkeys((3, 10)))}):
        found = e.shown_fresh if T == math.inf else e.sizes.get(T, [])
        reading = paper.BUMP_READING if T == 2_000 else paper.LOSS_READING
        theirs = f"{published[T]:.4f} ± {reading:.4f}" if T in published else "–"
        if published and T in paper.OFF_THE_TOP:
            theirs = "off the top of the figure"
        ours, error, count = NOT_RUN, "–", "–"
        if found:
            ours = _spread([s.run.test_loss for s in found], 4)
            error = f"{max(s.run.test_error for s in found):.1e}"
            count = str(len(found))
        rows.append([_size(T), theirs, ours, error, count])
    header = ["T", "published (fig)", "ours ± sd over seeds", "largest standard error", "seeds"]
    return _table(header, rows)


def dimensions(e: Evidence) -> Markdown:
    """Return F3 middle as a table: the largest D of features and of data points by T."""
    examples = e.profile.published(paper.EXAMPLE_D)
    features = e.profile.published(paper.FEATURE_D)
    extra = e.profile.published(dict.fromkeys(paper.DATASET_SIZES))
    rows = []
    for T in sorted({*e.sizes, *extra, math.inf}):
        found = e.shown_fresh if T == math.inf else e.sizes.get(T, [])
        low, high = features.get(T, (0.0, 0.0))
        if features and 10_000 < T < math.inf:
            low, high = paper.FEATURE_D_LATER
        theirs = (f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}") if high else "–"
        row = [_size(T), " / ".join(f"{D:.3g}" for D in examples.get(T, ())) or "–"]
        if not found:
            rows.append([*row, NOT_RUN, theirs, NOT_RUN, "–"])
            continue
        row.append("–" if T == math.inf else _top(found[0].example_D, 3))
        apart = sum(claims.five_apart(s) for s in found)
        rows.append([*row, theirs, _top(found[0].feature_D, 6), f"{apart} of {len(found)}"])
    header = ["T", "data points: published (fig)", "ours: three largest (seed 0)",
              "five features: published (fig)", "ours: six largest (seed 0)",
              "five stand apart"]  # fmt: skip
    return _table(header, rows)


def _top(D: Iterable[float], count: int) -> str:
    return " / ".join(f"{v:.3f}" for v in list(D)[:count])


def polygons(e: Evidence, sizes: Sequence[int]) -> Markdown:
    """Return F2 as a table: D of the data points against 2/T, and failed trainings."""
    published = e.profile.published(paper.EXAMPLE_D)
    rows = []
    for T in sizes:
        found: list[Summary] = e.sizes.get(T, [])
        lowest = _spread([float(s.example_D.min()) for s in found], 3)
        highest = _spread([float(s.example_D.max()) for s in found], 3)
        ring = _spread([float(metrics.on_ring(s.hidden).sum()) for s in found], 1)
        loss = max(s.run.train_loss for s in found)
        theirs = " / ".join(f"{D:.3g}" for D in published.get(T, ())) or "–"
        rows.append([str(T), f"{2 / T:.3f}" if T > 2 else "–", theirs, lowest, highest, ring,
                     f"{loss:.2g}"])  # fmt: skip
    header = ["T", "2/T", "D published (fig)", "lowest D", "highest D", "on the ring",
              "worst training loss"]  # fmt: skip
    return _table(header, rows)


def norms(e: Evidence) -> Markdown:
    """Return F4 as a table: both norms by T, beside what the paper says of them."""
    says = {
        paper.NORM_PEAK_AT: "lengths peak around here (text)",
        100: "‖W‖ on a plateau to T = 1,000 (text)",
        math.inf: f"‖W‖ near √5 = {paper.NORM_PLATEAU:.2f} for large T (text)",
    }
    shown = e.profile.published(says)
    rows = []
    extra = e.profile.published(dict.fromkeys(paper.DATASET_SIZES))
    for T in sorted({*e.sizes, *extra, math.inf}):
        found = e.shown_fresh if T == math.inf else e.sizes.get(T, [])
        pair = [_spread([s.norms[k] for s in found], 2) if found else NOT_RUN for k in (0, 1)]
        rows.append([_size(T), shown.get(T, "–"), *pair])
    return _table(["T", "published", "‖W‖, ours ± sd", "‖b‖, ours ± sd"], rows)


def batches(e: Evidence) -> Markdown:
    """Return what the number of fresh rows per step does at T = ∞."""
    rows = []
    for batch, _ in sorted(e.profile.fresh):
        found = [s for s in e.fresh if s.batch == batch]
        D = [float(s.feature_D[:5].mean()) for s in found]
        angle = [claims.angle_error(s) for s in found]
        loss = [s.run.test_loss for s in found]
        rows.append([f"{batch:,}", _spread(D, 3), _spread(angle, 1) + "°", _spread(loss, 4)])
    header = ["rows per step", "mean D of the five", "largest deviation from 72°", "test loss"]
    return _table(header, rows)


def checks(e: Evidence, *ids: str) -> Markdown:
    """Return the claims whose id starts with one of `ids`, judged."""
    judged = [claims.judge(c, e) for c in claims.CLAIMS if c.id.startswith(ids)]
    rows = [[j.statement, j.published, _lines(j.ours), f"**{j.verdict}**"] for j in judged]
    return _table(["Claim", "Published", "Ours", "Verdict"], rows)


def scorecard(judged: Sequence[Judgement]) -> Markdown:
    """Return the whole scorecard, with links to the figures."""
    rows = []
    for j in judged:
        link = f"{{numref}}`{j.figure.partition('#')[2]}`"
        claim = f"{j.statement} ({link}).<br>{j.source}; `{j.id}`"
        rows.append([f"**{j.verdict}**", claim, j.published, _lines(j.ours), _lines(j.spread)])
    return _table(["Verdict", "Claim", "Published", "Ours", "Spread and tolerance"], rows)


def _lines(text: str) -> str:
    """Put the parts of a claim on lines of their own, and keep `|` from ending a cell."""
    return text.replace("|", "\\|").replace("; ", ";<br>") if text else "–"
