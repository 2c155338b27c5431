"""The paper's appendix (A1: weight decay, A2: steps) and the small problem (C2)."""

from itertools import product
from typing import Any

from sdd import paper
from sdd.findings.profiles import SMALL, Profile, choose, small_spec, spec
from sdd.findings.registry import experiment
from sdd.runs.spec import RunSpec


def small_sizes(p: Profile) -> tuple[tuple[int, int], ...]:
    """Return (T, data seeds) of the small problem's own curve."""
    few = choose(p, (30, 100, 200, 500, 1_000), (10, 30, 50, 100, 200, 500, 1_000))
    return tuple((T, choose(p, 2, 3, 4)) for T in few)


@experiment("small-problem")
def small_problem(p: Profile) -> list[RunSpec]:
    """F3 at n = 1,000, with ε rescaled along (first), and with ε = 1e-8 kept (then)."""
    return [
        small_spec(p, T, seed, **changes)
        for changes in ({}, {"eps": paper.EPS})
        for T, seeds in small_sizes(p)
        for seed in range(seeds)
    ]


def _appendix_sizes(p: Profile) -> tuple[int, ...]:
    published = (100, 300, 1_000, 2_000, 3_000, 5_000, 7_000, 10_000, 20_000, 50_000)
    # To 3,000: with many steps the loss falls again only beyond T = 1,000.
    return choose(p, (30, 100, 300, 1_000), (10, 30, 100, 200, 300, 500, 1_000, 3_000), published)


def _appendix(p: Profile, T: int, seed: int, **changes: Any) -> RunSpec:
    """Return a run of the appendix: m = 4; at the paper's own size in the full profile."""
    own = {} if p.name == "full" else SMALL
    # At "paper" a number of steps that A2 has, too: the curve of the usual decay is in both.
    steps = choose(p, p.steps // 5, 20_000, p.steps)
    return spec(T, seed, of=p.name, m=4, **{"steps": steps, **own, **changes})


@experiment("weight-decay")
def weight_decay(p: Profile) -> list[RunSpec]:
    """A1: m = 4, test loss against T for several weight decays."""
    decays = choose(
        p,
        (0.001, 0.01, 0.1, 1.0),
        (0.001, 0.01, 0.1, 0.3, 1.0),
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    )
    return [
        _appendix(p, T, seed, weight_decay=decay)
        for T, decay in product(_appendix_sizes(p), decays)
        for seed in range(choose(p, 2, 2, 4))
    ]


@experiment("steps")
def step_counts(p: Profile) -> list[RunSpec]:
    """A2: m = 4, test loss against T for several numbers of steps, 5 % of them warm-up."""
    counts = choose(p, (500, 1_000, 2_500, 5_000, 10_000), (1_000, 2_500, 5_000, 20_000, 50_000))
    return [
        _appendix(p, T, seed, steps=steps)
        for T, steps in product(_appendix_sizes(p), counts)
        for seed in range(choose(p, 2, 2, 4))
    ]
