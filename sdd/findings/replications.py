"""Why replications disagree: the loss summed over features or averaged, and AdamW's ε (C1)."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sdd import paper, sample
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence, borders
from sdd.findings.experiments import experiment
from sdd.findings.page import markdown
from sdd.findings.profiles import (
    FEW,
    SMALL,
    Profile,
    choose,
    data_seeds,
    small_spec,
    small_steps,
    spec,
)
from sdd.findings.prose import Markdown
from sdd.findings.rule import USUALLY, above, between, within
from sdd.measures.columns import few_rows_loss
from sdd.measures.damping import halfway, ratio, to_come
from sdd.measures.elsewhere import redrawn, without_eps
from sdd.measures.statistics import Estimate, difference, mean, share
from sdd.measures.table import Measure, load
from sdd.runs.cache import memory
from sdd.runs.spec import RunSpec

__all__ = [
    "JERMYN", "MARKS", "active", "beside_jermyn", "candidates", "drift", "full_size", "laws",
    "like_mean_and_sum", "nearest", "on_the_map", "outside", "path", "peaks", "places", "rate_map",
    "rates", "signatures", "table", "twin", "watched", "without_epsilon",
]  # fmt: skip

# Ten active features a row each; the paper's own size is the fourth, from the runs of the body.
LAWS = ((250, 0.96), (1_000, 0.99), (4_000, 0.9975))

# Of n = 1,000: sparsities that leave 40, 10 and 2.5 features active in a row, and the T at which a
# feature is seen as often in each.
ACTIVE = {0.96: 50, 0.99: 200, 0.9975: 800}

_AS_IS = "sum, as it is"

# What else might part replications, each a change to training on the sum.
CANDIDATES: dict[str, dict[str, Any]] = {
    _AS_IS: {},
    "Xavier uniform": {"xavier": "uniform"},
    "no decay of the bias": {"bias_decay": 0.0},
    "best of several seeds": {"restarts": FEW},
    "mean": {"reduction": "mean"},
}

# Learning rates, and the T whose twins are trained with each.
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
MAP = (1e-6, 1e-4, 1e-3, 1e-2, 1.0)  # and the two of `MARKS`
TWINS = (100, 300, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
CONFIRMED = {
    3e-3: (100, 500, 1_000, 2_000, 10_000),
    1e-2: (100, 500, 1_000, 2_000, 5_000, 10_000),
}

# What Jermyn's text says of his replication, in numbers.
JERMYN = {
    "peak": paper.JERMYN_PEAK, "b": paper.JERMYN_B, "middle": paper.JERMYN_MIDDLE,
    "features": paper.JERMYN_FEATURES,
}  # fmt: skip

# ε of the summed loss ÷ (1 − S), at the published size and ε.
MARKS = {
    "sum": paper.EPS / (1 - paper.SPARSITY),
    "mean": paper.N * paper.EPS / (1 - paper.SPARSITY),
}


@experiment("identity")
def identity(p: Profile) -> list[RunSpec]:
    """Mean and sum in float64, with ε and n ε: at n = 1,024, where n scales exactly, and 10,000."""
    steps = choose(p, 2_000, p.steps)
    kept = tuple(sorted({round(1.0 * steps ** (k / 23)) for k in range(24)}))
    return [
        spec(
            100, of=p.name, n=n, sparsity=S, steps=steps, dtype="float64", snapshots=kept,
            reduction=reduction, eps=(n if reduction == "sum" else 1) * paper.rescaled_eps(n, S),
        )
        for n, S in ((1_024, 0.99), (paper.N, paper.SPARSITY))
        for reduction in ("mean", "sum")
    ]  # fmt: skip


@experiment("sum")
def summed(p: Profile) -> list[RunSpec]:
    """F3 and F4 again, trained on the sum over features instead of their mean."""
    # T: data seeds. Of two data sets of 10,000 one is far past the border, the other before it.
    seeds = choose(
        p,
        dict.fromkeys((10, 30, 50, 100, 200, 500, 1_000), 2),
        dict.fromkeys((5, 10, 30, 50, 100, 200, 500, 1_000, 2_000), 2)
        | {5_000: 1, 10_000: 2, 20_000: 1},
        dict.fromkeys((T for T in paper.DATASET_SIZES if T <= 200_000), 4),
    )
    return [
        spec(
            T, seed, of=p.name, reduction="sum",
            snapshots=_shares(p.steps) if (T, seed) == (p.size(2_000), 0) else (),
        )
        for T, count in seeds.items()
        for seed in range(count)
    ]  # fmt: skip


def _shares(steps: int) -> tuple[int, ...]:
    """Return the steps at which AdamW's second moments are looked at."""
    return tuple(round(share * steps) for share in (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0))


def ratios(p: Profile) -> tuple[float, ...]:
    """Return the values of (sum-form ε) ÷ (1 − S) that are trained with."""
    return tuple(10.0**k for k in choose(p, (-6, -5, -4, -3, -2, -1, 0), range(-6, 2)))


@experiment("eps-path")
def eps_path(p: Profile) -> list[RunSpec]:
    """From the sum to the mean: twins of T = 2,000 to 10,000 at n = 1,000, for many ε."""
    seeds = dict(zip((200, 500, 1_000), choose(p, (2, 1, 1), (4, 2, 1), (8, 4, 4)), strict=True))
    return [
        small_spec(
            p, T, seed, reduction="sum", eps=_eps(0.99, ratio),
            snapshots=_shares(small_steps(p)) if (T, seed) == (200, 0) else (),
        )
        for T in seeds
        for ratio in ratios(p)
        for seed in range(seeds[T])
    ]  # fmt: skip


def _eps(sparsity: float, ratio: float) -> float:
    return float(f"{ratio * (1 - sparsity):.9g}")


@experiment("eps-law")
def eps_law(p: Profile) -> list[RunSpec]:
    """F3 at T = 2,000, as twins at other n and S with the same ratios of ε to 1 − S."""
    seeds = choose(p, 1, 3, 4)
    return [
        small_spec(
            p, paper.rescaled_size(2_000, n), seed, n=n, sparsity=S, reduction="sum",
            eps=_eps(S, ratio),
        )
        for n, S in LAWS
        if n != SMALL["n"]  # that one is the path above
        for ratio in ratios(p)[:: choose(p, 2, 1)]
        for seed in range(seeds)
    ]  # fmt: skip


@experiment("eps-active")
def eps_active(p: Profile) -> list[RunSpec]:
    """The law of ε at one n with 40, 10 and 2.5 active features: it tells 1 − S from 1/n."""
    return [
        small_spec(p, T, seed, sparsity=S, reduction="sum", eps=_eps(S, ratio))
        for S, T in ACTIVE.items()
        for ratio in ratios(p)[:: choose(p, 2, 1)]
        for seed in data_seeds(0, choose(p, 1, 4))
    ]


@experiment("learning-rates")
def learning_rates(p: Profile) -> list[RunSpec]:
    """The sum and the mean at several learning rates: twins along the whole axis of T."""
    seeds = choose(p, 2, 4)
    return [
        small_spec(p, twin(T), seed, reduction=reduction, lr=lr)
        for reduction in ("mean", "sum")
        for lr in RATES
        for T in choose(p, TWINS[:-1], TWINS)
        for seed in range(seeds)
    ]  # fmt: skip


@experiment("rate-map")
def rate_map_runs(p: Profile) -> list[RunSpec]:
    """Between the sum and the mean at other learning rates: the twin of T = 2,000."""
    return [
        small_spec(p, twin(2_000), 0, reduction="sum", eps=_eps(0.99, ratio), lr=lr)
        for lr in RATES
        for ratio in (*MAP, *MARKS.values())
    ]


@experiment("rates-confirmed")
def rates_confirmed(p: Profile) -> list[RunSpec]:
    """The two learning rates nearest to Jermyn's text on the twins, at the published size."""
    return [
        spec(T, 0, of=p.name, reduction="sum", lr=lr)
        for lr, sizes in (CONFIRMED if p.published_size else {}).items()
        for T in sizes
    ]


@experiment("interaction-law")
def interaction_law(p: Profile) -> list[RunSpec]:
    """A public replication whose results are committed: its settings, each step on all rows."""
    return [
        spec(T, seed, of=p.name, **paper.WENJIE_SETTINGS)
        for T in choose(p, (200, 500), tuple(paper.WENJIE_LOSS))
        for seed in data_seeds(0, choose(p, 3, 8))
    ]


@experiment("candidates")
def candidate_changes(p: Profile) -> list[RunSpec]:
    """Other suspects than the sum, tried on the twin of T = 2,000."""
    return [
        small_spec(p, 200, seed, **{"reduction": "sum", **change})
        for change in CANDIDATES.values()
        for seed in range(choose(p, 2, 4, 8))
    ]


# --- Tables -------------------------------------------------------------------------------------


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs on finite data sets, a row a run, by ``reduction``: "mean" or "sum"."""
    return _mean_and_sum(Evidence.stored(of), *measures)


def _mean_and_sum(e: Evidence, *measures: Measure) -> pd.DataFrame:
    found = (e.table(name, *measures) for name in ("dataset-size", "sum"))
    return pd.concat(found, ignore_index=True)


def twin(T: int) -> int:
    """Return the T of the small problem that stands for the paper's T."""
    return paper.rescaled_size(T, int(SMALL["n"]))


def path(e: Evidence) -> pd.DataFrame:
    """Return the runs from the sum to the mean, with their ``ratio`` and the ``twin`` they are."""
    runs = e.table("eps-path")
    names = {float(twin(T)): f"twin of T = {T:,}" for T in (2_000, 5_000, 10_000)}
    return runs.assign(ratio=ratio(runs), twin=runs["T"].map(names))


def active(e: Evidence) -> pd.DataFrame:
    """Return the runs at n = 1,000 with 40, 10 and 2.5 active features, with their ``ratio``."""
    runs = e.table("eps-active")
    runs = runs.assign(ratio=ratio(runs)).sort_values(["sparsity", "ratio"], kind="stable")
    counts = (runs["n"] * (1 - runs["sparsity"])).map("{:.3g} active".format)
    parts = [to_come(rows) for _, rows in runs.groupby("sparsity")]
    return runs.assign(**{"features active": counts, "to_come": pd.concat(parts)})


def laws(e: Evidence) -> pd.DataFrame:
    """Return the twins of T = 2,000 by n, with their ``ratio`` and what is ``to_come``.

    The published size, where it was trained, has two ratios: those of the mean and of the sum.
    """
    parts = [e.table("eps-law"), e.table("eps-path").query("T == @twin(2_000)")]
    if e.profile.n not in {*parts[0]["n"], SMALL["n"]}:
        parts.append(_mean_and_sum(e).query("T == @e.profile.size(2_000)"))
    runs = pd.concat(parts, ignore_index=True)
    runs = runs.assign(ratio=ratio(runs)).sort_values(["n", "ratio"], kind="stable")
    return runs.assign(to_come=pd.concat([to_come(rows) for _, rows in runs.groupby("n")]))


def peaks(runs: pd.DataFrame, y: str, up_to: int) -> list[float]:
    """Return the highest value in a column of each data seed that has all sizes up to a T.

    Below T = 30, which does not count, a single badly placed point can lift the loss as far.
    """
    runs = runs[runs["T"] >= 30]
    sizes = runs[runs["T"] <= up_to].groupby("data_seed")["T"].nunique()
    return runs.groupby("data_seed")[y].max()[sizes == sizes.max()].tolist()


def rates(e: Evidence) -> pd.DataFrame:
    """Return the twins at several learning rates, with ``of``: the published T they stand for."""
    runs = e.table("learning-rates")
    return runs.assign(of=runs["T"].map({float(twin(T)): T for T in TWINS}))


def signatures(runs: pd.DataFrame, longest: float) -> pd.Series:
    """Return what Jermyn's text has a number for, of trainings that differ in data and T only.

    ``peak``: the highest mean test loss; ``b``: the highest mean ‖b‖, as a multiple of `longest`;
    ``middle``: where data points cease to have the highest D; ``features``: the first size from
    which on five features stand apart in every training (twice the last where there is none);
    ``rise``: ‖W‖ at T = 1,000 as a multiple of that at 100. ``last`` is the last size, and ``ends``
    are the two that ``middle`` is half way between. ``distance`` from Jermyn's: the root mean
    square, over the first four, of how many times one is to be doubled to give the other.

    Parameters
    ----------
    runs : DataFrame
        With ``of``, the published T that each stands for; from T = 100 on.
    longest : float
        The highest mean ‖b‖ of training on the mean at the published learning rate.
    """
    runs = runs.query("of >= 100").assign(T=lambda f: f["of"])
    means = runs.groupby("T")[["test_loss", "b_norm", "W_norm"]].mean()
    middle, onset = borders(runs)
    sizes = means.index
    found = {
        "peak": means["test_loss"].max(), "b": means["b_norm"].max() / longest,
        "middle": sizes[0] if math.isnan(middle) else middle,
        "features": 2 * sizes[-1] if math.isnan(onset) else min(T for T in sizes if T > onset),
    }  # fmt: skip
    doublings = [math.log2(found[name] / JERMYN[name]) for name in JERMYN]
    around = [sizes[sizes < middle], sizes[sizes > middle]]
    known = not math.isnan(middle)
    ends = f"{around[0][-1]:,.0f} to {around[1][0]:,.0f}" if known else f"{sizes[0]:,.0f} or before"
    found |= {"last": sizes[-1], "ends": ends}
    found["rise"] = means["W_norm"].get(1_000, math.nan) / means["W_norm"].get(100, math.nan)
    return pd.Series(found | {"distance": float(np.sqrt(np.mean(np.square(doublings))))})


def places(e: Evidence) -> pd.DataFrame:
    """Return the `signatures` of the twins by ``reduction`` and ``lr``, the nearest first."""
    runs = rates(e)
    usual = runs.query("reduction == 'mean' and lr == @paper.LEARNING_RATE")
    longest = usual.groupby("T")["b_norm"].mean().max()
    found = {key: signatures(rows, longest) for key, rows in runs.groupby(["reduction", "lr"])}
    table = pd.DataFrame(found).T.rename_axis(["reduction", "lr"])
    return table.sort_values("distance").reset_index()


def rate_map(e: Evidence) -> pd.DataFrame:
    """Return the twins of T = 2,000 by ``ratio`` and ``lr``."""
    runs = e.table("rate-map")
    return runs.assign(ratio=ratio(runs))


def beside_jermyn(e: Evidence) -> Markdown:
    """Return the `signatures` of the twins, and of the published size, as a table beside his."""
    rows = [("Jermyn", "not stated", *(f"{v:,}" for v in JERMYN.values()), "rises", "")]
    found = places(e).assign(n=int(SMALL["n"]))
    if e.profile.published_size:
        found = pd.concat([found, full_size(e).assign(n=e.profile.n)])
    for _, row in found.iterrows():
        onset, peak = f"{row['features']:,.0f}", row["peak"]
        rows.append((
            f"{row['reduction']}, n = {row['n']:,}", f"{row['lr']:g}",
            f"{peak:,.0f}" if peak > 10 else f"{peak:.3f}",
            f"{row['b']:.1f}", row["ends"],
            onset if row["features"] <= row["last"] else f"after {row['last']:,.0f}",
            f"{row['rise']:.1f} times", f"{row['distance']:.1f}",
        ))  # fmt: skip
    columns = ["trained on", "learning rate", "peak of the test loss", "‖b‖ ÷ the mean's",
               "middle from T", "features from", "‖W‖, 100 to 1,000", "distance"]  # fmt: skip
    return markdown(pd.DataFrame(rows, columns=columns))


def full_size(e: Evidence) -> pd.DataFrame:
    """Return the `signatures` at the published size of the sum at two learning rates."""
    own = e.table("dataset-size").query("T >= 100").groupby("T")["b_norm"].mean().max()
    runs = pd.concat([e.table("sum"), e.table("rates-confirmed")])
    runs = runs.assign(of=runs["T"])
    found = {key: signatures(rows, own) for key, rows in runs.groupby(["reduction", "lr"])}
    table = pd.DataFrame(found).T.rename_axis(["reduction", "lr"])
    return table.sort_values("distance").reset_index()


def nearest(e: Evidence) -> pd.Series:
    """Return the `signatures` nearest to Jermyn's: of the published size, or else of the twins."""
    return (full_size(e) if e.profile.published_size else places(e)).iloc[0]


def on_the_map(e: Evidence) -> dict[str, tuple[float, float]]:
    """Return where replications lie: ε of the summed loss ÷ (1 − S), and the learning rate."""
    n, rare = int(SMALL["n"]), 1 - SMALL["sparsity"]
    near, usual = nearest(e), paper.LEARNING_RATE
    return {
        "authors": (MARKS["mean"], usual),
        "Jermyn": (MARKS[near["reduction"]], near["lr"]),
        "shrunk, mean": (n * paper.EPS / rare, usual),
        "shrunk, sum": (paper.EPS / rare, usual),
        "Interaction_Law": (paper.EPS / rare, paper.WENJIE_SETTINGS["lr"]),
    }


def outside(e: Evidence) -> pd.DataFrame:
    """Return the runs of "interaction-law" twice, by ``rows``, with their test ``loss``."""
    runs = e.table("interaction-law", redrawn)
    whole = runs.assign(rows="all rows", loss=runs["test_loss"])
    return pd.concat([runs.assign(rows="drawn anew", loss=runs["redrawn_loss"]), whole])


def without_epsilon(steps: int = 300) -> pd.DataFrame:
    """Return how far mean and sum are apart after some steps with AdamW, and without any ε.

    On the twin of T = 2,000. It is kept beside the stored runs.
    """
    kept, n = memory().cache(_apart), int(SMALL["n"])
    small = float(paper.rescaled_eps(n, SMALL["sparsity"]))
    return pd.DataFrame(
        [("Adam-atan2", kept(n, None, steps)), ("AdamW", kept(n, small, steps))],
        columns=["optimiser", "apart"],
    )


def _apart(n: int, eps: float | None, steps: int) -> float:
    data = sample(twin(2_000), n, SMALL["sparsity"])
    return without_eps(data, steps, eps)


def candidates(e: Evidence) -> pd.DataFrame:
    """Return the runs of `CANDIDATES`, in their order, each with the name of its ``candidate``."""
    runs = e.table("candidates", few_rows_loss)
    return runs.assign(candidate=np.repeat(list(CANDIDATES), len(runs) // len(CANDIDATES)))


def drift(e: Evidence) -> pd.DataFrame:
    """Return how far training on the mean and its twin on the sum are apart.

    A row a snapshot: ``n``, ``step``, and ``difference``, the largest of a weight as a share of the
    largest weight.
    """
    parts = []
    for n, pair in e.table("identity").groupby("n"):
        mean, total = (run.snapshots for run in load(pair["run"]))
        apart = np.abs(mean["W"] - total["W"]).max((1, 2)) / np.abs(mean["W"]).max((1, 2))
        parts.append(pd.DataFrame({"n": n, "step": mean["step"], "difference": apart}))
    return pd.concat(parts, ignore_index=True)


def like_mean_and_sum(e: Evidence) -> pd.DataFrame:
    """Return the runs with snapshots of the path that are nearest to `MARKS`, by ``like``."""
    kept = path(e).query("snapshots > 0")
    near = [np.abs(np.log(kept["ratio"] / mark)).idxmin() for mark in MARKS.values()]
    return kept.loc[near].assign(like=list(MARKS))


def watched(e: Evidence) -> pd.DataFrame:
    """Return the run on the mean and the one on the sum at T = 2,000 that have snapshots."""
    found = _mean_and_sum(e).query("T == @e.profile.size(2_000) and snapshots > 0")
    return found.drop_duplicates("reduction")


# --- Claims -------------------------------------------------------------------------------------

_C1 = "Jermyn's comment"
_OURS = "ours, on Jermyn's comment"
_CURVES, _NORMS = "fig-mean-and-sum", "fig-mean-and-sum-norms"


def _peaks(e: Evidence, name: str, y: str) -> list[float]:
    runs = e.table(name) if name == "sum" else e.judging(name)
    return peaks(runs, y, e.profile.size(2_000))


@claim("C1-peak", source=_C1, published="about 5,000 (text)", figure=_CURVES, at_quick=False,
       region=between(2_500, 10_000), estimand="The highest test loss over T, from 30 on: mean "
       "over series of trainings on the sum. \"About\" means within a factor of two")  # fmt: skip
def _peak_loss(e: Evidence) -> Estimate:
    """Trained on the sum, the test loss peaks as high as Jermyn's."""
    return mean(_peaks(e, "sum", "test_loss"))


@claim("C1-higher", title="The test loss peaks higher on the sum than on the mean",
       source=_C1, published="5,000 against 1.022 (text, fig)", figure=_CURVES,
       region=above(0), log=True, estimand="log₁₀ of the highest test loss over T, from 30 on: "
       "mean over series of trainings on the sum, less that over series on the mean")  # fmt: skip
def _higher_peak(e: Evidence) -> Estimate:
    """The peak of the test loss is higher trained on the sum than on the mean."""
    total, own = (np.log10(_peaks(e, name, "test_loss")) for name in ("sum", "dataset-size"))
    return difference(total, own)


@claim("C1-b", title="On the sum the longest ‖b‖ is about three times as long",
       source=_C1, published="about 3 (text)", figure=_NORMS, at_quick=False,
       region=between(2, 4), estimand="The highest ‖b‖ over T, from 30 on: mean over series of "
       "trainings on the sum, as a multiple of the mean over series on the mean (which is taken "
       "as known: it spreads little)")  # fmt: skip
def _peak_b(e: Evidence) -> Estimate:
    """Trained on the sum, the longest ‖b‖ is about three times that trained on the mean."""
    own = float(np.mean(_peaks(e, "dataset-size", "b_norm")))
    return mean(b / own for b in _peaks(e, "sum", "b_norm"))


@claim("C1-features", title="On the sum five features stand from T = 20,000 on",
       source=_C1, published="first at T = 20,000 (text)", figure=_NORMS,
       at_quick=False, region={"not at T = 10,000": USUALLY, "at T = 20,000": USUALLY},
       estimand="Share of the trainings on the sum in which five features stand apart at T = "
       "20,000, and of those in which they do not at 10,000")  # fmt: skip
def _later_features(e: Evidence) -> dict[str, Estimate]:
    """Trained on the sum, five features stand apart from T = 20,000 on, and not at 10,000."""
    apart = {T: rows["five_apart"] for T, rows in e.table("sum").groupby("T")}
    found = {"not at T = 10,000": (10_000, False), "at T = 20,000": (20_000, True)}
    return {
        row: share(apart[e.profile.size(T)] == wanted)
        for row, (T, wanted) in found.items()
        if e.profile.size(T) in apart
    }


@claim("C1-middle", source=_C1, published="T ≈ 100 (text)", figure=_CURVES, at_quick=False,
       region=USUALLY, estimand="Share of the series of trainings on the sum in which data points "
       "cease to have the highest D between T = 50 and 200: within a factor of two")  # fmt: skip
def _middle(e: Evidence) -> Estimate:
    """Trained on the sum, the middle regime begins at T ≈ 100."""
    ends = [borders(rows)[0] for _, rows in e.table("sum").groupby("data_seed")]
    return share(paper.JERMYN_MIDDLE / 2 <= T <= paper.JERMYN_MIDDLE * 2 for T in ends)


@claim("C1-rise", title="On the sum ‖W‖ rises from T = 100 to 1,000",
       source=_C1, published="rises (text)", figure=_NORMS, at_quick=False,
       region=above(1), estimand="‖W‖ at T = 1,000 as a multiple of that at T = 100: mean over "
       "series of trainings on the sum. (Where the paper's is flat it would be 1)")  # fmt: skip
def _rises(e: Evidence) -> Estimate:
    """Trained on the sum, ‖W‖ rises over T = 100 to 1,000, as Jermyn's does."""
    norms = e.table("sum").pivot_table(index="data_seed", columns="T", values="W_norm")
    low, high = (norms[float(e.profile.size(T))] for T in (100, 1_000))
    return mean((high / low).dropna())


@claim("R-law", title="ε over 1 − S, and not n, tells where ‖W‖ falls",
       source=_OURS, published="0 (derived)", figure="fig-eps-active", headline=True,
       at_quick=False, region=within(0, 0.6), estimand="Where ‖W‖ has half fallen, as log₁₀ of "
       "ε ÷ (1 − S), with 40 active features less that with 2.5, n being 1,000 in both: difference "
       "of means over trainings. Were it n that counts and not 1 − S, it would be −1.2; half of "
       "that is 0.6")  # fmt: skip
def _law(e: Evidence) -> Estimate:
    """Where ‖W‖ falls depends on AdamW's ε (of the summed loss) over 1 − S, and not on n."""
    half = {S: halfway(rows) for S, rows in active(e).groupby("sparsity")}
    return difference(half[min(ACTIVE)], half[max(ACTIVE)])


@claim("R-law-n", source=_OURS, published="0 (derived)", figure="fig-eps-law", at_quick=False,
       region={"n = 250": within(0, 0.3), "n = 4,000": within(0, 0.3)},
       estimand="Where ‖W‖ has half fallen, as log₁₀ of ε ÷ (1 − S), with ten active features and "
       "that n, less the same at n = 1,000: difference of means over trainings at the twin of "
       "T = 2,000. Were it ε itself that counts, it would be ∓ 0.6; half is 0.3")  # fmt: skip
def _other_n(e: Evidence) -> dict[str, Estimate]:
    """The same ratio counts at other n."""
    half = {n: halfway(rows) for n, rows in laws(e).query("n != @paper.N").groupby("n")}
    here = half.pop(SMALL["n"])
    return {f"n = {n:,}": difference(found, here) for n, found in half.items()}


@claim("R-rate", title="A higher learning rate raises the peaks on the sum, too",
       source=_OURS, published="not stated", figure="fig-rates", log=True,
       region={"peak of the test loss": above(0), "peak of ‖b‖": above(0)},
       estimand="log₁₀ of the highest value over the twins' T: mean over series of trainings on "
       "the sum at the learning rate 10⁻², less that at 10⁻³")  # fmt: skip
def _rate_moves(e: Evidence) -> dict[str, Estimate]:
    """A higher learning rate, too, raises the peaks of the test loss and of ‖b‖ on the sum."""
    runs = rates(e).query("reduction == 'sum'").groupby(["lr", "data_seed"])
    top = np.log10(runs[["test_loss", "b_norm"]].max())
    rows = {"peak of the test loss": "test_loss", "peak of ‖b‖": "b_norm"}
    return {
        row: difference(top.loc[1e-2, column], top.loc[1e-3, column])
        for row, column in rows.items()
    }


@claim("R-mean", title="On the twin the mean makes ‖W‖ shorter than the sum does",
       source=_OURS, published="not stated", figure="fig-candidates", region=above(0),
       estimand="‖W‖ trained on the sum less that trained on the mean: difference of means over "
       "trainings at n = 1,000, T = 200, the twin of T = 2,000")  # fmt: skip
def _mean_parts(e: Evidence) -> Estimate:
    """On the twin, too, the mean makes ‖W‖ shorter than the sum does."""
    norms = candidates(e).set_index("candidate")["W_norm"]
    return difference(norms["sum, as it is"], norms["mean"])


@claim("R-candidates", source=_OURS, published="0 (expected)", figure="fig-candidates",
       region={name: within(0, 20) for name in CANDIDATES if name not in ("mean", _AS_IS)},
       at_quick=False, estimand="‖W‖ trained on the sum with that change, less that without: "
       "difference of means over trainings at the twin of T = 2,000. The mean lowers ‖W‖ by about "
       "40 there (our first trials); half of that is 20")  # fmt: skip
def _nothing_else(e: Evidence) -> dict[str, Estimate]:
    """Three other changes leave ‖W‖ where the sum has it."""
    norms = candidates(e).groupby("candidate", sort=False)["W_norm"].apply(list)
    names = (name for name in CANDIDATES if name not in ("mean", _AS_IS))
    return {name: difference(norms[name], norms[_AS_IS]) for name in names}


@claim("R-test-rows", source=_OURS, published="1 (expected)", figure="fig-candidates",
       region=between(0.5, 2), estimand="Test loss on the first 1,000 test points ÷ that on all: "
       "mean over trainings on the sum at the twin of T = 2,000")  # fmt: skip
def _few_rows(e: Evidence) -> Estimate:
    """Nor do few test points explain the losses."""
    runs = candidates(e).query("candidate == @_AS_IS")
    return mean(runs["few_rows_loss"] / runs["test_loss"])


def _half_to_one(loss: float) -> float:
    return float(f"{abs(loss - 1) / 2:.2g}")


@claim("R-outside", title="The public replication Interaction_Law is reproduced",
       source="ours, on wenjie1835/Interaction_Law", published="its summary.csv",
       figure="fig-outside", statement="Trained as the public replication Interaction_Law "
       "says, with rows drawn anew at every step and its warm-up, test losses are as it reports",
       region={f"T = {T:,}": within(loss, _half_to_one(loss))
               for T, (loss, _) in paper.WENJIE_LOSS.items()},
       estimand="Test loss at n = 1,000 after 3,000 steps: mean over trainings, each with its own "
       "data (theirs: five trainings on one data set). The region is half of the way to 1, the "
       "loss of no output")  # fmt: skip
def _outside(e: Evidence) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for T, rows in e.table("interaction-law", redrawn).groupby("T"):
        # Their test set has few rows: its error is that of ours, times the root of how many fewer.
        fewer = math.sqrt(paper.TEST_ROWS / paper.WENJIE_ROWS)
        found[f"T = {T:,.0f}"] = mean(
            rows["redrawn_loss"], error=float(rows["redrawn_error"].mean()),
            reading=2 * fewer * float(rows["redrawn_error"].mean()), seeds=paper.WENJIE_SEEDS,
        )  # fmt: skip
    return found
