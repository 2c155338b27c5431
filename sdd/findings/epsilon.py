"""What AdamW's ε does: the mean over features is the sum with another ε, and the way between."""

import numpy as np
import pandas as pd

from sdd import paper, sample
from sdd.findings.claims import claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import experiment
from sdd.findings.profiles import SMALL, Profile, choose, data_seeds, small_spec, small_steps, spec
from sdd.findings.rule import within
from sdd.measures.damping import halfway, ratio, to_come
from sdd.measures.elsewhere import without_eps
from sdd.measures.statistics import Estimate, difference
from sdd.measures.table import Measure, load
from sdd.runs.cache import memory
from sdd.runs.spec import RunSpec

__all__ = [
    "MARKS", "active", "drift", "eps_at", "laws", "like_mean_and_sum", "mean_and_sum", "path",
    "twin", "watched", "watched_steps", "without_epsilon",
]  # fmt: skip

# Ten active features a row each; the paper's own size is the fourth, from the runs of the body.
LAWS = ((250, 0.96), (1_000, 0.99), (4_000, 0.9975))

# Of n = 1,000: sparsities that leave 40, 10 and 2.5 features active in a row, and the T at which a
# feature is seen as often in each.
ACTIVE = {0.96: 50, 0.99: 200, 0.9975: 800}

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


def watched_steps(steps: int) -> tuple[int, ...]:
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
            p, T, seed, reduction="sum", eps=eps_at(0.99, ratio),
            snapshots=watched_steps(small_steps(p)) if (T, seed) == (200, 0) else (),
        )
        for T in seeds
        for ratio in ratios(p)
        for seed in range(seeds[T])
    ]  # fmt: skip


def eps_at(sparsity: float, ratio: float) -> float:
    """Return the ε of the summed loss that is so many times 1 − S."""
    return float(f"{ratio * (1 - sparsity):.9g}")


@experiment("eps-law")
def eps_law(p: Profile) -> list[RunSpec]:
    """F3 at T = 2,000, as twins at other n and S with the same ratios of ε to 1 − S."""
    seeds = choose(p, 1, 3, 4)
    return [
        small_spec(
            p, paper.rescaled_size(2_000, n), seed, n=n, sparsity=S, reduction="sum",
            eps=eps_at(S, ratio),
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
        small_spec(p, T, seed, sparsity=S, reduction="sum", eps=eps_at(S, ratio))
        for S, T in ACTIVE.items()
        for ratio in ratios(p)[:: choose(p, 2, 1)]
        for seed in data_seeds(0, choose(p, 1, 4))
    ]


# --- Tables -------------------------------------------------------------------------------------


def mean_and_sum(e: Evidence, *measures: Measure) -> pd.DataFrame:
    """Return the runs on finite data sets, a row a run, by ``reduction``: "mean" or "sum"."""
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
    """Return the runs at n = 1,000 with 40, 10 and 2.5 active ``features``, with a ``ratio``."""
    runs = e.table("eps-active")
    runs = runs.assign(ratio=ratio(runs)).sort_values(["sparsity", "ratio"], kind="stable")
    counts = (runs["n"] * (1 - runs["sparsity"])).map("{:.3g} active".format)
    parts = [to_come(rows) for _, rows in runs.groupby("sparsity")]
    return runs.assign(features=counts, to_come=pd.concat(parts))


def laws(e: Evidence) -> pd.DataFrame:
    """Return the twins of T = 2,000 by n, with their ``ratio`` and what is ``to_come``.

    The published size, where it was trained, has two ratios: those of the mean and of the sum.
    """
    parts = [e.table("eps-law"), e.table("eps-path").query("T == @twin(2_000)")]
    if e.profile.n not in {*parts[0]["n"], SMALL["n"]}:
        parts.append(mean_and_sum(e).query("T == @e.profile.size(2_000)"))
    runs = pd.concat(parts, ignore_index=True)
    runs = runs.assign(ratio=ratio(runs)).sort_values(["n", "ratio"], kind="stable")
    return runs.assign(to_come=pd.concat([to_come(rows) for _, rows in runs.groupby("n")]))


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
    found = mean_and_sum(e).query("T == @e.profile.size(2_000) and snapshots > 0")
    return found.drop_duplicates("reduction")


# --- Claims -------------------------------------------------------------------------------------

_OURS = "ours, on Jermyn's comment"


@claim("R-law", title="ε over 1 − S, and not n, tells where ‖W‖ falls",
       source=_OURS, published="0 (derived)", figure="fig-eps-law", headline=True,
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
