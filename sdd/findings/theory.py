"""Closed forms beside what training does: polygons, rings, and what sets D."""

import math
from dataclasses import replace
from itertools import product
from typing import Any

from sdd import paper
from sdd.findings.profiles import Profile, choose, small_spec, spec
from sdd.findings.registry import experiment
from sdd.runs.spec import RunSpec

# T: a data seed at which the T points share no feature (at n = 10,000, S = 0.999).
DISJOINT = {5: 0, 8: 1, 12: 1}
TGON_FACTORS = (0.8, 0.95, 1.05, 1.2)  # of the least radius that memorises

TGON_FACTORS = (0.8, 0.95, 1.05, 1.2)  # of the least radius that memorises

# F: r and b of `theory.best_ring` with a free bias, at n = 1,000, S = 0.99.
BEST_RINGS = {
    3: (1.0, 0.0),
    4: (1.0, 0.0),
    5: (1.153, -0.143),
    6: (1.237, -0.268),
    7: (1.237, -0.321),
    8: (1.166, -0.297),
}

LEFTOVER: tuple[dict[str, Any], ...] = (
    {"weight_decay": 0.0},
    {"steps": 0.5},  # of the profile's
    {"gain": 0.5},
)


@experiment("planted-polygons")
def planted_polygons(p: Profile) -> list[RunSpec]:
    """Lookup tables planted around the least radius that memorises, then trained."""
    sizes = choose(p, (8,), tuple(DISJOINT))
    return [
        replace(
            spec(
                T, DISJOINT[T], of=p.name, n=paper.N, sparsity=paper.SPARSITY,
                steps=choose(p, 4_000, 20_000), weight_decay=decay,
            ),
            start=f"tgon:{factor}",
        )
        for T, factor, decay in product(sizes, TGON_FACTORS, (0.0, 0.1))
    ]  # fmt: skip


@experiment("free-features")
def free_features(p: Profile) -> list[RunSpec]:
    """Models that have F features only: free biases, biases held at zero, and planted rings."""
    lr = 3e-3  # short trainings of few weights: a length of one must be in reach
    return [
        replace(
            small_spec(
                p, choose(p, 10_000, 20_000), seed, features=F, steps=choose(p, 1_500, 3_000), lr=lr,
                weight_decay=0.0, bias_decay=decay, reduction="sum",
            ),
            start=start,
        )
        for F, (r, b) in BEST_RINGS.items()
        # (A decay of 1/lr takes back at each step what a bias has become: it stays below lr.)
        for decay, start in ((0.0, ""), (1 / lr, ""), (0.0, f"ring:{F}:{r}:{b}"))
        for seed in range(choose(p, 2, 3))
    ]  # fmt: skip


@experiment("leftover")
def leftover(p: Profile) -> list[RunSpec]:
    """Pentagons at other weight decays, steps and Xavier gains, which should set their D."""

    def settings(change: dict[str, Any]) -> dict[str, Any]:
        return {k: round(v * p.steps) if k == "steps" else v for k, v in change.items()}

    return [
        *(
            small_spec(p, math.inf, seed, batch=100, **{"steps": p.steps, **settings(change)})
            for change in ({}, *LEFTOVER)
            for seed in (2, 3)  # (0 and 1 are F1's at quick)
        ),
        # At the paper's own size, beside F3's models of T = 10,000; these runs are long.
        *(spec(10_000, of=p.name, **settings(change)) for change in choose(p, (), (), LEFTOVER)),
    ]


@experiment("planted-rings")
def planted_rings(p: Profile) -> list[RunSpec]:
    """Rings of the most used features planted among all n, then trained; and a usual start."""
    return [
        replace(
            small_spec(p, choose(p, 2_000, 3_000), seed, steps=choose(p, 5_000, 20_000)),
            start=start,
        )
        for start in ("", *(f"top-ring:{K}:0.93:-0.12" for K in choose(p, (5, 6), (5, 6, 7))))
        for seed in range(choose(p, 2, 3))
    ]
