"""Why replications disagree: the loss summed over features or averaged, and AdamW's ε (C1)."""

from dataclasses import replace
from typing import Any

from sdd import paper
from sdd.findings.profiles import FEW, SMALL, Profile, choose, small_spec, small_steps, spec
from sdd.findings.registry import experiment
from sdd.runs.spec import RunSpec

# Ten active features a row each; the paper's own size is the fourth, from the runs of the body.
LAWS = ((250, 0.96), (1_000, 0.99), (4_000, 0.9975))

# What else might part replications, each a change to training on the sum.
CANDIDATES: dict[str, dict[str, Any]] = {
    "sum, as it is": {},
    "Xavier uniform": {"xavier": "uniform"},
    "no decay of the bias": {"bias_decay": 0.0},
    "best of several seeds": {"restarts": FEW},
    "mean": {"reduction": "mean"},
}


@experiment("identity")
def identity(p: Profile) -> list[RunSpec]:
    """Mean and sum in float64, with ε and n ε: at n = 1,024, where n scales exactly, and 10,000."""
    steps = choose(p, 2_000, p.steps)
    kept = tuple(sorted({round(1.0 * steps ** (k / 23)) for k in range(24)}))
    pairs = []
    for n, S in ((1_024, 0.99), (paper.N, paper.SPARSITY)):
        eps = paper.rescaled_eps(n, S)
        for reduction, factor in (("mean", 1), ("sum", n)):
            run = spec(
                100, of=p.name, n=n, sparsity=S, steps=steps, dtype="float64",
                reduction=reduction, eps=factor * eps,
            )  # fmt: skip
            pairs.append(replace(run, snapshots=kept))
    return pairs


def sum_sizes(p: Profile) -> tuple[tuple[int, int, int], ...]:
    """Return (T, data seeds, parameter seeds) of the runs that train on the sum."""
    few = tuple((T, 2, FEW) for T in (5, 10, 30))
    return choose(
        p,
        ((10, 2, 1), *((T, 2, 1) for T in (30, 50, 100, 200, 500, 1_000))),
        (
            *few,
            *((T, 2, 1) for T in (50, 100, 200, 500, 1_000, 2_000)),
            (5_000, 1, 1),
            (10_000, 2, 1),  # of two data sets one is far past the border, the other before it
            (20_000, 1, 1),
        ),
        (
            *((T, 4, FEW) for T in (3, 5, 6, 8, 10, 15, 30)),
            *((T, 4, 1) for T in paper.DATASET_SIZES if 30 < T <= 200_000),
        ),
    )


@experiment("sum")
def summed(p: Profile) -> list[RunSpec]:
    """F3 and F4 again, trained on the sum over features instead of their mean."""
    return [
        replace(
            spec(T, seed, of=p.name, reduction="sum", restarts=restarts),
            snapshots=_shares(p.steps) if (T, seed) == (p.size(2_000), 0) else (),
        )
        for T, seeds, restarts in sum_sizes(p)
        for seed in range(seeds)
    ]


def _shares(steps: int) -> tuple[int, ...]:
    """Return the steps at which AdamW's second moments are looked at."""
    return tuple(round(share * steps) for share in (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0))


def ratios(p: Profile) -> tuple[float, ...]:
    """Return the values of (sum-form ε) ÷ (1 − S) that are trained with."""
    return tuple(10.0**k for k in choose(p, (-6, -5, -4, -3, -2, -1, 0), range(-6, 2)))


@experiment("eps-path")
def eps_path(p: Profile) -> list[RunSpec]:
    """From the sum to the mean: twins of T = 2,000 to 10,000 at n = 1,000, for many ε."""
    seeds = choose(
        p,
        {200: 2, 500: 1, 1_000: 1},
        {200: 4, 500: 2, 1_000: 1},
        {200: 8, 500: 4, 1_000: 4},
    )
    return [
        replace(
            small_spec(p, T, seed, reduction="sum", eps=_eps(0.99, ratio)),
            snapshots=_shares(small_steps(p)) if (T, seed) == (200, 0) else (),
        )
        for T in seeds
        for ratio in ratios(p)
        for seed in range(seeds[T])
    ]


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


@experiment("candidates")
def candidates(p: Profile) -> list[RunSpec]:
    """Other suspects than the sum, tried on the twin of T = 2,000."""
    return [
        small_spec(p, 200, seed, **{"reduction": "sum", **change})
        for change in CANDIDATES.values()
        for seed in range(choose(p, 2, 4, 8))
    ]
