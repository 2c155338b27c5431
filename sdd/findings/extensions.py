"""The runs behind everything beyond the paper's body: what follows from them is in `sdd.findings.claims`.

Each function takes a `Profile` and returns its runs' settings; `sdd.findings.experiments` lists them all.
Most are at n = 1,000, S = 0.99, where a model takes seconds, with T and ε rescaled (`sdd.paper`).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from typing import Any

from sdd import paper
from sdd.findings.profiles import FEW, Profile, spec
from sdd.runs.spec import RunSpec

__all__ = ["BEST_RINGS", "CANDIDATES", "DISJOINT", "EXPERIMENTS", "LAWS", "SMALL"]

# The size of most extensions: ten active features a row, like the paper's.
SMALL: dict[str, Any] = {"n": 1_000, "sparsity": 0.99}
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

# T: a data seed at which the T points share no feature (at n = 10,000, S = 0.999).
DISJOINT = {5: 0, 8: 1, 12: 1}
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


def _small_steps(p: Profile) -> int:
    """Return the steps of the extensions: the paper's, but a fifth of them at the quick profile."""
    return p.steps if p.name in ("paper", "full") else p.steps // 5


def _small(p: Profile, T: float, data_seed: int, **changes: Any) -> RunSpec:
    """Return a run at n = 1,000, S = 0.99."""
    return spec(T, data_seed, of=p.name, **{"steps": _small_steps(p), **SMALL, **changes})


def _at(p: Profile, quick: Any, paper: Any, full: Any = None) -> Any:
    """Choose by profile; the full one is like the paper's, and one of your own like the quick."""
    return {"paper": paper, "full": paper if full is None else full}.get(p.name, quick)


# --- Why replications disagree ------------------------------------------------------------------


def _identity(p: Profile) -> list[RunSpec]:
    """Mean and sum in float64, with ε and n ε: at n = 1,024, where n scales exactly, and 10,000."""
    steps = _at(p, 2_000, p.steps)
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
    return _at(
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


def _sum(p: Profile) -> list[RunSpec]:
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
    return tuple(10.0**k for k in _at(p, (-6, -5, -4, -3, -2, -1, 0), range(-6, 2)))


def _eps_path(p: Profile) -> list[RunSpec]:
    """From the sum to the mean: twins of T = 2,000 to 10,000 at n = 1,000, for many ε."""
    seeds = _at(
        p,
        {200: 2, 500: 1, 1_000: 1},
        {200: 4, 500: 2, 1_000: 1},
        {200: 8, 500: 4, 1_000: 4},
    )
    return [
        replace(
            _small(p, T, seed, reduction="sum", eps=_eps(0.99, ratio)),
            snapshots=_shares(_small_steps(p)) if (T, seed) == (200, 0) else (),
        )
        for T in seeds
        for ratio in ratios(p)
        for seed in range(seeds[T])
    ]


def _eps(sparsity: float, ratio: float) -> float:
    return float(f"{ratio * (1 - sparsity):.9g}")


def _eps_law(p: Profile) -> list[RunSpec]:
    """F3 at T = 2,000, as twins at other n and S with the same ratios of ε to 1 − S."""
    seeds = _at(p, 1, 3, 4)
    return [
        _small(
            p, paper.rescaled_size(2_000, n), seed, n=n, sparsity=S, reduction="sum",
            eps=_eps(S, ratio),
        )
        for n, S in LAWS
        if n != SMALL["n"]  # that one is the path above
        for ratio in ratios(p)[:: _at(p, 2, 1)]
        for seed in range(seeds)
    ]  # fmt: skip


def _candidates(p: Profile) -> list[RunSpec]:
    """Other suspects than the sum, tried on the twin of T = 2,000."""
    return [
        _small(p, 200, seed, **{"reduction": "sum", **change})
        for change in CANDIDATES.values()
        for seed in range(_at(p, 2, 4, 8))
    ]


def small_sizes(p: Profile) -> tuple[tuple[int, int], ...]:
    """Return (T, data seeds) of the small problem's own curve."""
    few = _at(p, (30, 100, 200, 500, 1_000), (10, 30, 50, 100, 200, 500, 1_000))
    return tuple((T, _at(p, 2, 3, 4)) for T in few)


def _small_problem(p: Profile) -> list[RunSpec]:
    """F3 at n = 1,000, with ε rescaled along (first), and with ε = 1e-8 kept (then)."""
    return [
        _small(p, T, seed, **changes)
        for changes in ({}, {"eps": paper.EPS})
        for T, seeds in small_sizes(p)
        for seed in range(seeds)
    ]


# --- F5, A1, A2 ---------------------------------------------------------------------------------


def _width(p: Profile) -> list[RunSpec]:
    """F5: test loss over the number of data points T and of hidden dimensions m."""
    ms: Iterable[int] = _at(
        p,
        (1, 2, 4, 8, 16),
        (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 30),
        (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 30, 40, 60, 90, 128),
    )
    sizes: Iterable[int] = _at(
        p,
        (10, 30, 100, 300, 1_000),
        (10, 20, 50, 100, 150, 200, 300, 500, 1_000, 3_000),
        (10, 20, 50, 100, 150, 200, 300, 500, 1_000, 3_000, 10_000),
    )
    steps, models = _at(p, 1_000, 5_000, p.steps), _at(p, 2, 2, 4)
    return [
        _small(p, T, seed, m=m, steps=steps)
        for T, m in product(sizes, ms)
        for seed in range(models)
    ]


def _width_published(p: Profile) -> list[RunSpec]:
    """F5 at the published n = 10,000: a coarser map, of the full profile alone."""
    if p.name != "full":
        return []
    return [
        spec(T, seed, of=p.name, m=m)
        for T, m in product((10, 100, 500, 1_000, 2_000, 5_000, 10_000), (2, 3, 4, 8, 16, 32))
        for seed in range(2)
    ]


def _appendix_sizes(p: Profile) -> tuple[int, ...]:
    published = (100, 300, 1_000, 2_000, 3_000, 5_000, 7_000, 10_000, 20_000, 50_000)
    # To 3,000: with many steps the loss falls again only beyond T = 1,000.
    return _at(p, (30, 100, 300, 1_000), (10, 30, 100, 200, 300, 500, 1_000, 3_000), published)


def _appendix(p: Profile, T: int, seed: int, **changes: Any) -> RunSpec:
    """Return a run of the appendix: m = 4; at the paper's own size in the full profile."""
    own = {} if p.name == "full" else SMALL
    # At "paper" a number of steps that A2 has, too: the curve of the usual decay is in both.
    steps = _at(p, p.steps // 5, 20_000, p.steps)
    return spec(T, seed, of=p.name, m=4, **{"steps": steps, **own, **changes})


def _weight_decay(p: Profile) -> list[RunSpec]:
    """A1: m = 4, test loss against T for several weight decays."""
    decays = _at(
        p,
        (0.001, 0.01, 0.1, 1.0),
        (0.001, 0.01, 0.1, 0.3, 1.0),
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    )
    return [
        _appendix(p, T, seed, weight_decay=decay)
        for T, decay in product(_appendix_sizes(p), decays)
        for seed in range(_at(p, 2, 2, 4))
    ]


def _steps(p: Profile) -> list[RunSpec]:
    """A2: m = 4, test loss against T for several numbers of steps, 5 % of them warm-up."""
    counts = _at(p, (500, 1_000, 2_500, 5_000, 10_000), (1_000, 2_500, 5_000, 20_000, 50_000))
    return [
        _appendix(p, T, seed, steps=steps)
        for T, steps in product(_appendix_sizes(p), counts)
        for seed in range(_at(p, 2, 2, 4))
    ]


# --- Theory beside results ----------------------------------------------------------------------


def _planted_polygons(p: Profile) -> list[RunSpec]:
    """Lookup tables planted around the least radius that memorises, then trained."""
    sizes = _at(p, (8,), tuple(DISJOINT))
    return [
        replace(
            spec(
                T, DISJOINT[T], of=p.name, n=paper.N, sparsity=paper.SPARSITY,
                steps=_at(p, 4_000, 20_000), weight_decay=decay,
            ),
            start=f"tgon:{factor}",
        )
        for T, factor, decay in product(sizes, TGON_FACTORS, (0.0, 0.1))
    ]  # fmt: skip


def _free_features(p: Profile) -> list[RunSpec]:
    """Models that have F features only: free biases, biases held at zero, and planted rings."""
    lr = 3e-3  # short trainings of few weights: a length of one must be in reach
    return [
        replace(
            _small(
                p, _at(p, 10_000, 20_000), seed, features=F, steps=_at(p, 1_500, 3_000), lr=lr,
                weight_decay=0.0, bias_decay=decay, reduction="sum",
            ),
            start=start,
        )
        for F, (r, b) in BEST_RINGS.items()
        # (A decay of 1/lr takes back at each step what a bias has become: it stays below lr.)
        for decay, start in ((0.0, ""), (1 / lr, ""), (0.0, f"ring:{F}:{r}:{b}"))
        for seed in range(_at(p, 2, 3))
    ]  # fmt: skip


LEFTOVER: tuple[dict[str, Any], ...] = (
    {"weight_decay": 0.0},
    {"steps": 0.5},  # of the profile's
    {"gain": 0.5},
)


def _leftover(p: Profile) -> list[RunSpec]:
    """Pentagons at other weight decays, steps and Xavier gains, which should set their D."""

    def settings(change: dict[str, Any]) -> dict[str, Any]:
        return {k: round(v * p.steps) if k == "steps" else v for k, v in change.items()}

    return [
        *(
            _small(p, math.inf, seed, batch=100, **{"steps": p.steps, **settings(change)})
            for change in ({}, *LEFTOVER)
            for seed in (2, 3)  # (0 and 1 are F1's at quick)
        ),
        # At the paper's own size, beside F3's models of T = 10,000; these runs are long.
        *(spec(10_000, of=p.name, **settings(change)) for change in _at(p, (), (), LEFTOVER)),
    ]


def _planted_rings(p: Profile) -> list[RunSpec]:
    """Rings of the most used features planted among all n, then trained; and a usual start."""
    return [
        replace(_small(p, _at(p, 2_000, 3_000), seed, steps=_at(p, 5_000, 20_000)), start=start)
        for start in ("", *(f"top-ring:{K}:0.93:-0.12" for K in _at(p, (5, 6), (5, 6, 7))))
        for seed in range(_at(p, 2, 3))
    ]


# --- Optimisation -------------------------------------------------------------------------------


def _eight_points(p: Profile) -> list[RunSpec]:
    """T = 8 from many initial weights: how often it fails, and how."""
    return [
        spec(8, seed, of=p.name, seed=1_000 + 100 * seed + k)
        for seed in range(_at(p, 2, 4))
        for k in range(_at(p, 8, 24, 64))
    ]


def _initial_weights(p: Profile) -> list[RunSpec]:
    """Several data sets, each from many initial weights, at m = 2 and m = 4."""
    return [
        _small(p, T, seed, m=m, seed=2_000 + 100 * seed + k)
        for T in _at(p, (8, 30, 100), (8, 15, 30, 100), (8, 15, 30, 50, 100, 200, 500))
        for seed in range(_at(p, 3, 2, 4))
        for m in (2, 4)
        for k in range(_at(p, 4, 8, 16))
    ]


EXPERIMENTS: dict[str, Callable[[Profile], list[RunSpec]]] = {
    "identity": _identity,
    "sum": _sum,
    "eps-path": _eps_path,
    "eps-law": _eps_law,
    "candidates": _candidates,
    "small-problem": _small_problem,
    "width": _width,
    "width-published": _width_published,
    "weight-decay": _weight_decay,
    "steps": _steps,
    "planted-polygons": _planted_polygons,
    "free-features": _free_features,
    "leftover": _leftover,
    "planted-rings": _planted_rings,
    "eight-points": _eight_points,
    "initial-weights": _initial_weights,
}
