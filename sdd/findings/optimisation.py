"""How much of a training is chance: outcomes at T = 8 (C10), spread over initial weights."""

from sdd.findings.profiles import Profile, choose, small_spec, spec
from sdd.findings.registry import experiment
from sdd.runs.spec import RunSpec


@experiment("eight-points")
def eight_points(p: Profile) -> list[RunSpec]:
    """T = 8 from many initial weights: how often it fails, and how."""
    return [
        spec(8, seed, of=p.name, seed=1_000 + 100 * seed + k)
        for seed in range(choose(p, 2, 4))
        for k in range(choose(p, 8, 24, 64))
    ]


@experiment("initial-weights")
def initial_weights(p: Profile) -> list[RunSpec]:
    """Several data sets, each from many initial weights, at m = 2 and m = 4."""
    return [
        small_spec(p, T, seed, m=m, seed=2_000 + 100 * seed + k)
        for T in choose(p, (8, 30, 100), (8, 15, 30, 100), (8, 15, 30, 50, 100, 200, 500))
        for seed in range(choose(p, 3, 2, 4))
        for m in (2, 4)
        for k in range(choose(p, 4, 8, 16))
    ]
