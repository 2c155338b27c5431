"""Every figure's runs, as data: the name of an experiment and a profile give the settings.

Here are the experiments of the paper's body; those that go further are in `sdd.findings.extensions`. To
add a size, add a line to `_SIZES` in `sdd.findings.profiles`; to add an experiment, add a function to
`EXPERIMENTS`.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from sdd.data import DataSettings
from sdd.findings import extensions
from sdd.findings.profiles import PROFILES, Profile, profile, spec
from sdd.runs import sweep
from sdd.runs.spec import RunSpec
from sdd.training.config import Run, TrainConfig

__all__ = [
    "EXPERIMENTS",
    "PROFILES",
    "Profile",
    "like",
    "profile",
    "runs",
    "source",
    "spec",
    "specs",
]

KEPT = (0.05, 0.5, 1.0)  # shares of the steps after which a large model's weights are kept ...
# ... from this T on, and on the bump, of data seed 0: for the chapters on the engine and on ε.
KEPT_FROM = 1_000


def _dataset_size(p: Profile) -> list[RunSpec]:
    """F2, F3, F4: finite data sets."""
    return [
        replace(
            spec(T, seed, of=p.name, restarts=restarts),
            snapshots=_kept(p)
            if (seed, restarts) == (0, 1) and (T >= KEPT_FROM or T == p.size(2_000))
            else (),
        )
        for T, seeds, restarts in p.sizes
        for seed in range(seeds)
    ]


def _kept(p: Profile) -> tuple[int, ...]:
    """Return the steps after which weights are kept where they are kept."""
    return tuple(sorted({max(1, round(share * p.steps)) for share in KEPT}))


def _fresh_data(p: Profile) -> list[RunSpec]:
    """F1, and the right-hand end of F3 and F4: fresh points at every step."""
    return [
        spec(math.inf, seed, of=p.name, batch=batch)
        for batch, seeds in p.fresh
        for seed in range(seeds)
    ]


EXPERIMENTS: dict[str, Callable[[Profile], list[RunSpec]]] = {
    "dataset-size": _dataset_size,
    "fresh-data": _fresh_data,
    **extensions.EXPERIMENTS,
}


def specs(name: str, of: str | None = None) -> list[RunSpec]:
    """Return the settings of all runs of an experiment.

    Raises
    ------
    ValueError
        Where there is no such experiment or profile.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {', '.join(EXPERIMENTS)}, not {name!r}")
    return EXPERIMENTS[name](profile(of))


def like(name: str, of: str | None = None, **changes: Any) -> RunSpec:
    """Return the first run of an experiment with some of its settings changed.

    Parameters
    ----------
    name : str
        Name of the experiment.
    of : str or None
        Name of the profile; None means the current one.
    **changes
        ``start``, or fields of `DataSettings` or `TrainConfig`; ``seed`` is the parameter seed.
        All else stays as it is: ε, too, where n or S is changed.

    Returns
    -------
    RunSpec

    Raises
    ------
    ValueError
        Where there is no such experiment, it has no runs at this profile, or a name or a value
        breaks its rule.
    """
    found = specs(name, of)
    if not found:
        raise ValueError(
            f"{name} must have runs at the profile, but has none at {profile(of).name}"
        )
    first = found[0]
    data, config = asdict(first.data), asdict(first.config)
    start = changes.pop("start", first.start)
    for field, value in changes.items():
        group = config if field in config else data
        if field not in group:
            raise ValueError(f"a run has no setting named {field!r}")
        group[field] = value
    return replace(first, data=type(first.data)(**data), config=TrainConfig(**config), start=start)


def runs(name: str, of: str | None = None, sizes: tuple[float, ...] | None = None) -> list[Run]:
    """Return the runs of an experiment (see `sweep.fetch` for those that are not stored).

    Parameters
    ----------
    name : str
        Name of the experiment.
    of : str or None
        Name of the profile; None means the current one.
    sizes : tuple or None
        Only these T.
    """
    wanted = [s for s in specs(name, of) if sizes is None or s.data.T in sizes]
    try:
        return sweep.fetch(wanted)
    except sweep.MissingRuns as error:
        command = f"python -m sdd run {name} --profile {profile(of).name}"
        raise sweep.MissingRuns(
            f"{error}\nor all runs of this experiment with\n    {command}"
        ) from None


def source(drawn: list[Run], of: str | None = None) -> str:
    """Return what a figure's caption says of the runs it was drawn from."""
    settings = [r.data for r in drawn if isinstance(r.data, DataSettings)]
    laws = sorted({(d.n, d.sparsity) for d in settings})
    sizes = ", ".join(f"{n:,}" for n, _ in laws)
    sparsities = ", ".join(f"{S:g}" for S in dict.fromkeys(S for _, S in laws))
    counts = sorted({r.config.steps for r in drawn})
    steps = f"{counts[0]:,}" + (f" to {counts[-1]:,}" if len(counts) > 1 else "")
    seeds = len({d.seed for d in settings})
    trained = sum(r.config.restarts for r in drawn)
    best = f", the best by training loss of {trained} trainings" if trained > len(drawn) else ""
    plural = "s" if seeds > 1 else ""
    return (
        f"Profile {profile(of).name}: n = {sizes}, S = {sparsities}, {steps} steps; "
        f"{seeds} data seed{plural}, {len(drawn)} run{'s' * (len(drawn) > 1)}{best}."
    )
