"""Markdown tables of the book: published values beside ours, and the scorecard."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from IPython.display import Markdown
from myst_nb import glue

from sdd import paper
from sdd.data import DataSettings
from sdd.findings import claims
from sdd.findings.claims import Evidence, Judgement
from sdd.findings.grids import Grid
from sdd.measures import decomposition, geometry
from sdd.measures.damping import SEEN
from sdd.measures.summary import Summary, by_size, spread

__all__ = [
    "batches",
    "bumps",
    "by_group",
    "checks",
    "dimensions",
    "firing_by_seen",
    "loss_parts",
    "norms",
    "outcomes",
    "polygons",
    "publish",
    "scorecard",
    "summary",
    "tally",
    "test_losses",
    "timings",
]

NOT_RUN = "not run at this profile"


def publish(values: Mapping[str, Any]) -> None:
    """Make computed values available to the prose, as {glue:text} roles, without showing them."""
    for name, value in values.items():
        # NumPy scalars print as np.float64(…), which the roles cannot format.
        glue(name, value.item() if isinstance(value, np.generic) else value, display=False)


def tally(verdicts: Iterable[str]) -> dict[str, int]:
    """Count verdicts, under the names by which the prose asks for them."""
    found = list(verdicts)
    names = {
        "reproduced": claims.REPRODUCED,
        "partly": claims.PARTLY,
        "not": claims.NOT,
        "noisy": claims.NOISY,
        "small": claims.SMALL,
    }
    return {name: found.count(verdict) for name, verdict in names.items()} | {"claims": len(found)}


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    # A value and its deviation stay on one line.
    kept = ([cell.replace(" ± ", "\u00a0±\u00a0") for cell in row] for row in rows)
    lines += ["| " + " | ".join(row) + " |" for row in kept]
    return Markdown("\n".join(lines))


def _size(T: float) -> str:
    return "∞" if T == math.inf else f"{T:,}"


def _spread(values: Sequence[float], digits: int) -> str:
    mean, sd = spread(values)
    # z: what rounds to zero has no sign.
    return f"{mean:z.{digits}f}" + (f" ± {sd:.{digits}f}" if sd == sd else " (one seed)")


def _beside(
    e: Evidence,
    header: Sequence[str],
    published: Mapping[float, Sequence[str]],
    ours: Callable[[list[Summary]], Sequence[str]],
    sizes: Iterable[float],
) -> Markdown:
    """Return a table of published columns beside ours, one row a T.

    What is published for a T that we did not train on is marked so. At another n than the
    published one nothing can stand side by side: published rows follow ours.
    """
    blank = [["–"] * len(next(iter(published.values())))]
    width = len(header) - 1 - len(blank[0])
    missing = [NOT_RUN] + ["–"] * (width - 1)
    rows = []
    for T in sorted({*sizes, *(published if e.profile.published_size else ())}):
        theirs = published.get(T, blank[0]) if e.profile.published_size else blank[0]
        rows.append([_size(T), *theirs, *(ours(e.at(T)) if e.at(T) else missing)])
    if not e.profile.published_size:
        rows += [
            [f"{_size(T)} (n = {paper.N:,})", *published[T], *missing] for T in sorted(published)
        ]
    return _table(header, rows)


def test_losses(e: Evidence) -> Markdown:
    """Return F3 top as a table: test loss by T, published and ours, with its errors."""
    published = {T: ["off the top of the figure"] for T in paper.OFF_THE_TOP} | {
        T: [f"{loss:.4f} ± {paper.BUMP_READING if T == 2_000 else paper.LOSS_READING:.4f}"]
        for T, loss in paper.TEST_LOSS.items()
    }

    def ours(found: list[Summary]) -> list[str]:
        error = max(s.run.test_error for s in found)
        return [_spread([s.run.test_loss for s in found], 4), f"{error:.1e}", str(len(found))]

    header = ["T", "published (fig)", "ours ± sd over seeds", "largest standard error", "seeds"]
    return _beside(e, header, published, ours, [*e.sizes, math.inf])


def dimensions(e: Evidence) -> Markdown:
    """Return F3 middle as a table: the D of data points and features by T."""
    later = (T for T in paper.DATASET_SIZES if T > 10_000)
    five = dict.fromkeys(later, paper.FEATURE_D_LATER) | paper.FEATURE_D
    published: dict[float, list[str]] = {
        T: [
            " / ".join(f"{D:.3g}" for D in paper.EXAMPLE_D.get(T, ())) or "–",
            " to ".join(f"{D:.3g}" for D in sorted(set(five.get(T, ())))) or "–",
        ]
        for T in sorted({*paper.EXAMPLE_D, *five})
    }

    def ours(found: list[Summary]) -> list[str]:
        D = found[0].example_D
        points = f"{D.max():.3f} / {np.median(D):.3f} / {D.min():.3f}" if D.size else "–"
        six = " / ".join(f"{v:.3f}" for v in found[0].feature_D[:6])
        return [points, six, f"{sum(claims.five_apart(s) for s in found)} of {len(found)}"]

    header = ["T", "data points, published (fig)", "five features, published (fig)",
              "data points, ours (seed 0): largest / median / least",
              "features, ours (seed 0): six largest", "five stand apart"]  # fmt: skip
    return _beside(e, header, published, ours, [*e.sizes, math.inf])


def polygons(e: Evidence) -> Markdown:
    """Return F2 as a table: D of the data points against 2/T, the ring, and failed trainings."""
    ring: dict[float, str] = {8: "6 (and 2 inner points)", 30: "{} to {}".format(*paper.RING_OF_30)}
    published: dict[float, list[str]] = {
        T: [" / ".join(f"{D:.3g}" for D in paper.EXAMPLE_D.get(T, ())) or "–", ring.get(T, "–")]
        for T in sorted({*paper.EXAMPLE_D, *ring})
    }

    def ours(found: list[Summary]) -> list[str]:
        T = int(found[0].T)
        lost = sum(int(claims.failed(T, s.run.restart_losses).sum()) for s in found)
        return [
            f"{2 / T:.3f}",
            _spread([float(s.example_D.min()) for s in found], 3),
            _spread([float(s.example_D.max()) for s in found], 3),
            _spread([float(geometry.on_ring(s.hidden).sum()) for s in found], 1),
            f"{lost} of {sum(s.run.restart_losses.size for s in found)}",
        ]

    header = ["T", "D, published (fig)", "on the ring, published (fig)", "2/T", "lowest D",
              "highest D", "on the ring", "trainings that lost a point"]  # fmt: skip
    return _beside(e, header, published, ours, e.sizes)


def norms(e: Evidence) -> Markdown:
    """Return F4 as a table: both norms by T, beside what the paper says of them."""
    published = {
        paper.NORM_PEAK_AT: ["lengths peak around here (text)"],
        100: ["‖W‖ on a plateau from here (text)"],
        1_000: ["to here (text)"],
        2_000: ["‖W‖ falls in the middle regime (text)"],
        math.inf: [f"‖W‖ near √5 = {paper.NORM_PLATEAU:.2f} for large T (text)"],
    }

    def ours(found: list[Summary]) -> list[str]:
        longest = [float(np.linalg.norm(s.hidden, axis=1).max()) for s in found]
        return [*(_spread([s.norms[k] for s in found], 2) for k in (0, 1)), _spread(longest, 2)]

    header = ["T", "published", "‖W‖, ours ± sd", "‖b‖, ours ± sd", "longest ‖h‖, ours ± sd"]
    return _beside(e, header, published, ours, [*e.sizes, math.inf])


def batches(e: Evidence) -> Markdown:
    """Return what the number of fresh rows a step does at T = ∞."""
    rows = []
    for batch, _ in sorted(e.profile.fresh):
        found = [s for s in e.fresh if s.batch == batch]
        # Feature order does not matter for a mean: all biases less those of the five.
        others = []
        for s in found:
            five = geometry.strongest(s.features, 5)
            others.append(float(np.delete(s.run.b, five).mean()))
        rows.append([
            f"{batch:,}",
            _spread([claims.five_D(s) for s in found], 3),
            _spread([claims.angle_error(s) for s in found], 1) + "°",
            _spread([s.run.test_loss for s in found], 4),
            _spread(others, 5),
        ])  # fmt: skip
    header = ["rows a step", "mean D of the five", "largest deviation from 72°", "test loss",
              "mean bias of the other features"]  # fmt: skip
    return _table(header, rows)


def bumps(g: Grid, setting: str) -> Markdown:
    """Return, for each value of a grid's other setting, where its bump is and how high."""
    rows = []
    for value in g.values:
        top, means = g.tops.get(value), [np.mean(v) for v in g.curve(value).values()]
        none = "still rising at the end" if np.argmax(means) == len(means) - 1 else "no bump"
        loss = "–" if top is None else _spread(g.curve(value)[top], 4)
        rows.append([
            f"{value:,}",
            none if top is None else f"{top:,}",
            loss,
            _spread(list(g.heights(value)), 4),
        ])  # fmt: skip
    header = [setting, "T at the top", "test loss there ± sd", "height of the bump ± sd"]
    return _table(header, rows)


def outcomes(groups: Mapping[str, Sequence[Summary]]) -> Markdown:
    """Return what trainings of one T came to: how often, and what these models have in common."""
    total = sum(len(found) for found in groups.values())
    rows = []
    for name, found in groups.items():
        losses = [s.run.train_loss for s in found]
        rows.append([
            name,
            f"{len(found)} of {total}",
            f"{np.median(losses):.1e} ({min(losses):.1e} to {max(losses):.1e})",
            _spread([s.run.test_loss for s in found], 4),
            *(_spread([s.norms[k] for s in found], 1) for k in (0, 1)),
        ])  # fmt: skip
    header = ["came to", "trainings", "training loss: median (lowest to highest)",
              "test loss ± sd", "‖W‖ ± sd", "‖b‖ ± sd"]  # fmt: skip
    return _table(header, rows)


def loss_parts(found: Iterable[Summary]) -> Markdown:
    """Return the parts of the test loss by T, over data seeds."""
    names = ("constant_gain", "feature_gain", "false_firing")
    rows = [
        [
            _size(T),
            _mean_gain(T, group[0].settings),
            *(_spread([getattr(s.split.parts, name) for s in group], 5) for name in names),
            _spread([s.split.parts.excess for s in group], 5),
            f"{max(s.split.errors.false_firing for s in group):.1e}",
            str(len(group)),
        ]
        for T, group in by_size(found).items()
    ]
    header = ["T", "constant gain of the training set's mean (formula)",
              "constant gain ± sd over seeds", "feature gain", "false firing",
              "loss above no output's", "largest standard error of false firing",
              "seeds"]  # fmt: skip
    return _table(header, rows)


def _mean_gain(T: float, law: DataSettings) -> str:
    """Return what the mean of T training points gains as a constant output."""
    if T == math.inf:
        return "–"
    return f"{decomposition.training_mean_gain(int(T), law.n, law.sparsity):.5f}"


def firing_by_seen(found: Iterable[Summary]) -> Markdown:
    """Return which features fire falsely, by how often training has seen them; means over seeds."""
    rows = []
    for T, group in by_size(found).items():
        cells = []
        for k in range(len(SEEN)):
            share = np.mean([s.seen[k].features for s in group])
            firing = np.mean([
                s.seen[k].false_firing / sum(g.false_firing for g in s.seen) for s in group
            ])  # fmt: skip
            cells.append(f"{firing:.1%} ({share:.1%})")
        rows.append([_size(T), *cells])
    header = ["T", *(f"seen {name}: of the false firing (of the features)" for name in SEEN)]
    return _table(header, rows)


def timings(figures: Mapping[str, Any]) -> Markdown:
    """Return step times by T as a table, from the results of `bench.measured`."""
    names = ("textbook", "dense, 1 core", "engine, 1 core", "engine")
    rows = []
    for row in figures["sizes"]:
        seconds = {n: row["seconds"].get(n, []) for n in names}
        best = min(float(np.median(seconds[n])) for n in names[2:])
        text = (
            f"{float(np.median(seconds['textbook'])) / best:,.0f} ×" if seconds["textbook"] else "–"
        )
        rows.append([
            f"{row['T']:,}",
            *(_milliseconds(seconds[n]) for n in names),
            text,
            f"{row['visited'] / row['pairs']:.1%}",
        ])  # fmt: skip
    all_cores = f"engine, {figures['cores']} cores, ms"
    header = ["T", "textbook PyTorch, ms", "every pair, 1 core, ms", "engine, 1 core, ms",
              all_cores, "textbook ÷ engine", "pairs visited"]  # fmt: skip
    return _table(header, rows)


def summary(figures: Mapping[str, Any]) -> Markdown:
    """Return the numbers that the engine is held to, from the results of `bench.measured`."""
    rows = [
        [what, f"{value:,.0f}" if value >= 100 else f"{value:.3g}"]
        for what, value in figures["summary"].items()
    ]
    return _table(["What", "Measured"], rows)


def _milliseconds(seconds: Sequence[float]) -> str:
    """Return the median of repeats, and their extremes."""
    if not seconds:
        return "–"
    low, mid, high = (1e3 * v for v in (min(seconds), float(np.median(seconds)), max(seconds)))
    digits = 3 if mid < 1 else 2 if mid < 100 else 0
    return f"{mid:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def checks(e: Evidence, *ids: str) -> Markdown:
    """Return the claims whose id starts with one of `ids`, judged."""
    judged = [claims.judge(c, e) for c in claims.CLAIMS if c.id.startswith(ids)]
    rows = [[j.statement, j.published, _lines(j.ours), f"**{j.verdict}**"] for j in judged]
    return _table(["Claim", "Published", "Ours", "Verdict"], rows)


def by_group(judged: Sequence[Judgement]) -> Markdown:
    """Return how many claims got which verdict, by where they are from."""
    names = ("reproduced", "partly", "not", "noisy", "small")
    header = ["Source", "claims", "reproduced", "partly", "not reproduced", "too noisy",
              "not at this size"]  # fmt: skip
    rows = []
    for group, title in claims.GROUPS.items():
        counts = tally(j.verdict for j in judged if j.group == group)
        rows.append([title, *(str(counts[name]) for name in ("claims", *names))])
    counts = tally(j.verdict for j in judged)
    rows.append(["**All**", *(f"**{counts[name]}**" for name in ("claims", *names))])
    return _table(header, rows)


def scorecard(judged: Sequence[Judgement]) -> Markdown:
    """Return the claims judged, with links to their figures."""
    rows = []
    for j in judged:
        link = f"{{numref}}`{j.figure.partition('#')[2]}`"
        claim = f"{j.statement} ({link}).<br>{j.source}; `{j.id}`"
        rows.append([f"**{j.verdict}**", claim, j.published, _lines(j.ours), _lines(j.spread)])
    return _table(["Verdict", "Claim", "Published", "Ours", "Spread and tolerance"], rows)


def _lines(text: str) -> str:
    """Put the parts of a claim on lines of their own, and keep `|` from ending a cell."""
    return text.replace("|", "\\|").replace("; ", ";<br>") if text else "–"
