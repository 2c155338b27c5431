"""Repeated points that take a feature's place (C5 to C7)."""

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.page import mean_sd, size
from sdd.findings.profiles import Profile, choose, data_seeds, small_spec, spec
from sdd.findings.rule import above, below, within
from sdd.measures.repeats import FLOOR, TOP, ending, places
from sdd.measures.statistics import Estimate, mean, share
from sdd.measures.table import load
from sdd.runs.spec import RunSpec

__all__ = [
    "boundaries", "endings", "fast", "numbers", "same_ends", "several", "slopes", "table",
]  # fmt: skip

T = paper.rescaled_size(30_000, 1_000)  # the comment's size, at n = 1,000
# A tenth of the steps at ten times the rate: of an AdamW step it is the sum of the rates that
# counts, and the ends are the same (see `same_ends`).
STEPS, RATE = 5_000, 1e-2
# Repeats that are tried at each size, about where the boundary was on data seed 0. (Changed
# once the runs that judge were seen, as 6 at T = 5,000 and 11 at 20,000 were too few for some.)
GRID = {1_000: (2, 3, 4), 2_000: (2, 3, 4, 5), 5_000: (4, 5, 6, 7), 10_000: (6, 7, 8, 9),
        20_000: (9, 11, 13, 15)}  # fmt: skip
SETS = {1_000: 5, 2_000: 3, 5_000: 5, 10_000: 1, 20_000: 5}  # data sets at each size
NEAR, FAR = 5, 20  # T/n between which the slope is taken


def fast(p: Profile, T: int, seed: int, **changes) -> RunSpec:
    """Return a run at n = 1,000 with a tenth of the paper's steps at ten times its rate."""
    return small_spec(p, T, seed, **{"steps": STEPS, "lr": RATE, **changes})


@experiment("repeats")
def repeats(p: Profile) -> list[RunSpec]:
    """One point three and five times (C5), three of them five times and eight ten times (C6)."""
    one = data_seeds(1, choose(p, 4, 24))
    several = data_seeds(1, choose(p, 2, 12))
    return [
        fast(p, T, seed, repeats=R, repeated=k)
        for R, k, seeds in (
            (3, 1, one[: choose(p, 4, 17)]),
            (5, 1, one),
            (5, 3, several),
            (10, 8, several),
        )
        for seed in seeds
    ]


@experiment("repeats-boundary")
def repeats_boundary(p: Profile) -> list[RunSpec]:
    """One point, about as often as it takes to be memorised, at several sizes (C7)."""
    trainings = choose(p, {1_000: 2, 2_000: 2}, SETS)
    tried = [
        fast(p, t, seed, repeats=R)
        for t, count in trainings.items()
        for seed in data_seeds(0, count)
        for R in GRID[t]
    ]
    full = {10_000: (2, 3, 4), 30_000: (3, 4, 5), 100_000: (4, 5, 6, 8)}
    return tried + [
        spec(t, seed, of=p.name, repeats=R)
        for t, Rs in choose(p, {}, {}, full).items()
        for seed in data_seeds(0, 3)
        for R in Rs
    ]


@experiment("repeats-schedule")
def repeats_schedule(p: Profile) -> list[RunSpec]:
    """The same trainings at the paper's own steps and rate, and faster."""
    few = choose(p, ((1_000, 3, 0),), ((2_000, 3, 0), (2_000, 4, 0)))
    paper_own = {"steps": paper.STEPS, "lr": paper.LEARNING_RATE}
    return [fast(p, t, seed, repeats=R, **how) for t, R, seed in few for how in ({}, paper_own)]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None) -> pd.DataFrame:
    """Return the trainings with repeated points at T/n = 3, a row a training."""
    return Evidence.stored(of).table("repeats", places)


def several(runs: pd.DataFrame) -> pd.DataFrame:
    """Return who has the places in `table`, as a table of text: a row for each way to repeat."""
    return pd.DataFrame([
        {
            "points repeated": k,
            "times": R,
            "trainings": len(rows),
            "points embedded ± sd": mean_sd(rows["embedded"], 2),
            "features ± sd": mean_sd(rows["features"], 2),
            "both together ± sd": mean_sd(rows["embedded"] + rows["features"], 2),
            "angles off by ± sd": mean_sd(rows["star_error"], 1) + "°",
        }
        for (k, R), rows in runs.groupby(["repeated", "repeats"])
    ])  # fmt: skip


def endings(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the vectors of the first training of each way to repeat, see `ending`."""
    first = runs.query("data_seed == 0").sort_values(["repeated", "repeats"])
    titles = [
        f"{row.repeated} point{'s' if row.repeated > 1 else ''}, {row.repeats} ×"
        for row in first.itertuples()
    ]
    return pd.concat(map(ending, load(first["run"]), titles), ignore_index=True)


def boundaries(runs: pd.DataFrame) -> pd.DataFrame:
    """Return from how many repeats on a point is memorised, a row a data set.

    Of repeats R in order, that is half-way between the last that does not do and the first that
    does; where outcomes are not in order, the mean of all such steps (the estimate of Spearman
    and Kärber). Below the repeats that were tried none is taken to do, and above all.

    Returns
    -------
    DataFrame
        ``n``, ``T``, ``data_seed``, ``ratio``, which is T/n, ``boundary``, ``boundary_ratio``,
        which is that divided by T/n, and ``beyond``: whether no number tried was enough, so that
        the boundary is one from below.
    """
    rows = []
    for (n, t, seed), found in runs.groupby(["n", "T", "data_seed"]):
        found = found.sort_values("repeats")
        R = found["repeats"].to_numpy(float)
        R = np.array([2 * R[0] - R[1], *R, 2 * R[-1] - R[-2]])
        steps = np.diff(np.array([0, *found["first_top"].astype(float), 1]))
        boundary = float(steps @ (R[:-1] + R[1:]) / 2)
        beyond = not found["first_top"].any()
        rows.append((n, t, seed, t / n, boundary, boundary * n / t, beyond))
    return pd.DataFrame(
        rows, columns=["n", "T", "data_seed", "ratio", "boundary", "boundary_ratio", "beyond"]
    )


def slopes(found: pd.DataFrame) -> pd.Series:
    """Return how much the boundary grows for each T/n, from `NEAR` to `FAR`, by data set."""
    by_ratio = found.query("n == 1000").pivot(index="data_seed", columns="ratio", values="boundary")
    return ((by_ratio[FAR] - by_ratio[NEAR]) / (FAR - NEAR)).dropna()


def same_ends(e: Evidence) -> pd.DataFrame:
    """Return the point's D and loss by either schedule, as a table of text."""
    runs = e.table("repeats-schedule", places).sort_values(["T", "repeats", "steps"])
    return pd.DataFrame({
        "T": runs["T"].map(size),
        "repeats": runs["repeats"],
        "steps": runs["steps"].map("{:,}".format),
        "learning rate": runs["lr"].map("{:g}".format),
        "D of the point": runs["first_D"].map("{:.4f}".format),
        "its loss": runs["first_loss"].map("{:.3f}".format),
        "largest D of features": [
            ", ".join(f"{row[f'D{k}']:.2f}" for k in range(1, 6)) for _, row in runs.iterrows()
        ],
    })  # fmt: skip


def numbers(e: Evidence) -> dict[str, object]:
    """Return the numbers of the chapter's prose, by the names that they are glued under."""
    runs = e.judging("repeats", places)
    one, several = (runs.query("repeats == 5 and repeated == @k") for k in (1, 3))
    found = boundaries(e.table("repeats-boundary", places)).query("n == 1000")
    least, most = (
        rows for _, rows in list(found.groupby("ratio"))[:: found["ratio"].nunique() - 1]
    )
    return {
        "floor": FLOOR, "top": TOP, "published": paper.JERMYN_REPEATS,
        "T": T, "n": 1_000, "steps": STEPS, "rate": RATE, "own-steps": paper.STEPS,
        "own-rate": paper.LEARNING_RATE,
        "one": len(one), "one-embedded": int(one["embedded"].sum()),
        "one-features": one.query("embedded == 1")["features"].mean(),
        "one-error": one.query("embedded == 1")["star_error"].median(),
        "three": len(three := runs.query("repeats == 3")), "three-loss": three["first_loss"].mean(),
        "three-embedded": int(three["embedded"].sum()),
        "places": (several["embedded"] + several["features"]).mean(),
        "least-ratio": least["ratio"].iloc[0], "least": least["boundary"].mean(),
        "least-share": least["boundary_ratio"].mean(),
        "most-ratio": most["ratio"].iloc[0], "most": most["boundary"].mean(),
        "most-share": most["boundary_ratio"].mean(), "most-sets": len(most),
        "most-beyond": int(most["beyond"].sum()),
    }  # fmt: skip


# --- Claims -------------------------------------------------------------------------------------

_AT = "over trainings at T/n = 3"
_FIVE = f"one point five times, {_AT}"
_PLACES = "fig-repeats-places"


def _one(e: Evidence, R: int = 5, k: int = 1) -> pd.DataFrame:
    return e.judging("repeats", places).query("repeats == @R and repeated == @k")


@claim("C5-embedded", source="C5, comment by Jermyn", published="embedded (one training)",
       region=above(0.5), figure=_PLACES, estimand="Share of trainings that embed the point: its "
       f"own loss is below half of that of an output of zero; {_FIVE}")  # fmt: skip
def _embedded(e: Evidence) -> Estimate:
    """At T/n = 3 a point that occurs five times is embedded."""
    return share(_one(e)["embedded"] == 1)


@claim("C5-fifth", title="A point stored beside four features ousts the fifth",
       source="C5, comment by Jermyn", published="four features (one training)",
       region=within(4, 0.5), figure=_PLACES, estimand="Features with D of at least 0.1 that the "
       f"point does not contain, mean over trainings that embed it; {_FIVE}")  # fmt: skip
def _fifth(e: Evidence) -> Estimate:
    """Beside the point there are four features: it suppresses the fifth."""
    return mean(_one(e).query("embedded == 1")["features"])


@claim("C5-place", title="The point lies where the fifth feature would",
       source="ours, beside C5", published="not stated", region=below(18),
       figure=_PLACES, estimand="By how many degrees the angles between these features and the "
       "point differ from equal ones, mean over trainings that embed it; a quarter of 72° is "
       f"the most; {_FIVE}")  # fmt: skip
def _place(e: Evidence) -> Estimate:
    """The point lies where the fifth feature would: the five are a regular star."""
    return mean(_one(e).query("embedded == 1")["star_error"])


@claim("C6-each", title="Each point that is embedded replaces a feature",
       source="C6, comment by Jermyn", published="each replaces a feature",
       region=within(5, 0.5), figure=_PLACES, estimand="Examples embedded and "
       f"features, together, mean; three points five times each, {_AT}")  # fmt: skip
def _each(e: Evidence) -> Estimate:
    """Of several repeated points each that is embedded replaces a feature."""
    runs = _one(e, 5, 3)
    return mean(runs["embedded"] + runs["features"])


_MORE = {"points": within(5, 0.5), "features": within(0, 0.5)}


@claim("C6-more", title="Of more than five repeated points five are embedded",
       source="C6, comment by Jermyn", published="five points, no feature",
       region=_MORE, figure=_PLACES, estimand="Examples embedded, and features, mean; "
       f"eight points ten times each, {_AT}")  # fmt: skip
def _more(e: Evidence) -> dict[str, Estimate]:
    """Of more than five repeated points five are embedded, and no feature."""
    runs = _one(e, 10, 8)
    return {"points": mean(runs["embedded"]), "features": mean(runs["features"])}


@claim("C7-few", title="A point that occurs three times is not embedded",
       source="C7, comment by Jermyn", published="changes nothing", region=above(0.5),
       figure=_PLACES, estimand="Loss of a point that occurs three times as a share of that of "
       f"an output of zero, mean {_AT}")  # fmt: skip
def _few(e: Evidence) -> Estimate:
    """A point that occurs three times is not embedded at T/n = 3."""
    return mean(_one(e, 3)["first_loss"])


_STEEP = dict.fromkeys(("slope", f"T/n = {FAR}"), within(paper.JERMYN_REPEATS, 0.2))


@claim("C7-boundary", title="A point is memorised from 0.4 T/n repeats on",
       source="C7, comment by Jermyn", published="0.4 T/n at large T/n",
       region=_STEEP, figure="fig-repeats-boundary", at_quick=False,
       estimand="Repeats from which on a point is memorised (D in the top 0.1 % of points): "
       f"their growth for each T/n, from {NEAR} to {FAR}, mean over data sets; and they divided "
       f"by T/n at {FAR}. The region ends half-way to no growth")  # fmt: skip
def _boundary(e: Evidence) -> dict[str, Estimate]:
    """The boundary of what is memorised is at 0.4 T/n repeats where T/n is large."""
    found = boundaries(e.judging("repeats-boundary", places))
    far = found.query("n == 1000 and ratio == @FAR")
    return {"slope": mean(slopes(found)), f"T/n = {FAR}": mean(far["boundary_ratio"])}
