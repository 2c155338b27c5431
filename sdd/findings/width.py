"""Bigger models and more data: test loss over T and m (F5)."""

from collections.abc import Iterable
from itertools import product

import pandas as pd

from sdd.findings.evidence import Evidence, NoRuns
from sdd.findings.experiments import experiment
from sdd.findings.profiles import Profile, choose, small_spec, spec
from sdd.measures.table import Measure
from sdd.runs.spec import RunSpec

__all__ = ["maps", "table"]

STEADY_FROM = 3  # m above which optimisation is said to be steadier


@experiment("width")
def width(p: Profile) -> list[RunSpec]:
    """F5: test loss over the number of data points T and of hidden dimensions m."""
    ms: Iterable[int] = choose(
        p,
        (1, 2, 4, 8, 16),
        (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 30),
        (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 30, 40, 60, 90, 128),
    )
    sizes: Iterable[int] = choose(
        p,
        (10, 30, 100, 300, 1_000),
        (10, 20, 50, 100, 150, 200, 300, 500, 1_000, 3_000),
        (10, 20, 50, 100, 150, 200, 300, 500, 1_000, 3_000, 10_000),
    )
    steps, models = choose(p, 1_000, 5_000, p.steps), choose(p, 2, 2, 4)
    return [
        small_spec(p, T, seed, m=m, steps=steps)
        for T, m in product(sizes, ms)
        for seed in range(models)
    ]


@experiment("width-published")
def width_published(p: Profile) -> list[RunSpec]:
    """F5 at the published n = 10,000: a coarser map, of the full profile alone."""
    if p.name != "full":
        return []
    return [
        spec(T, seed, of=p.name, m=m)
        for T, m in product((10, 100, 500, 1_000, 2_000, 5_000, 10_000), (2, 3, 4, 8, 16, 32))
        for seed in range(2)
    ]


def table(of: str | None = None, *measures: Measure) -> pd.DataFrame:
    """Return the runs behind the chapter, a row a run: T and m varied at n = 1,000."""
    return Evidence.stored(of).table("width", *measures)


def maps(e: Evidence) -> list[pd.DataFrame]:
    """Return the runs of each map that there is at this profile: at n = 1,000, then at 10,000."""
    found = []
    for name in ("width", "width-published"):
        try:
            found.append(e.table(name))
        except NoRuns:  # the larger map is of the full profile alone
            continue
    return found
