"""The model with unlimited data: features in superposition (F1)."""

import math

from sdd.findings.profiles import Profile, spec
from sdd.findings.registry import experiment
from sdd.runs.spec import RunSpec


@experiment("fresh-data")
def fresh_data(p: Profile) -> list[RunSpec]:
    """F1, and the right-hand end of F3 and F4: fresh points at every step."""
    return [
        spec(math.inf, seed, of=p.name, batch=batch)
        for batch, seeds in p.fresh
        for seed in range(seeds)
    ]
