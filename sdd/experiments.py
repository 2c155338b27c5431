"""Every figure's runs, as data: the name of an experiment and a profile give the settings.

This table is the one place that says which data sets are trained on. To add a size, add a line
to `_SIZES`; to add an experiment, add a function to `EXPERIMENTS`.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sdd import paper, sweep
from sdd.data import DataSettings
from sdd.run import Run, TrainConfig
from sdd.sweep import RunSpec

__all__ = ["EXPERIMENTS", "PROFILES", "Profile", "profile", "runs", "source", "spec", "specs"]

FEW = 4  # parameter seeds where a model is cheap (T <= 30): the lowest training loss is kept
KEPT = (0.05, 0.5, 1.0)  # shares of the steps after which a large model's weights are kept ...
KEPT_FROM = 1_000  # ... from this T on, of data seed 0: for the chapter on the engine, and to time

# (T, data seeds, parameter seeds of which the best is kept), at each profile.
_SIZES = {
    "paper": (
        *((T, 4, FEW) for T in (3, 5, 6, 8, 10, 15, 30)),
        *((T, 4, 1) for T in (50, 100, 200, 500, 1_000, 2_000)),
        *((T, 2, 1) for T in (5_000, 10_000)),
        *((T, 1, 1) for T in (20_000, 50_000)),
    ),
    "full": (
        *((T, 4, FEW) for T in (3, 5, 6, 8, 10, 15, 30)),
        *((T, 4, 1) for T in paper.DATASET_SIZES if T > 30),
    ),
    # A tenth of the features: the middle and the generalising regime sit at a tenth of the T.
    "quick": (
        *((T, 2, FEW) for T in (3, 5, 6, 8, 10, 15, 30)),
        *((T, 3, 1) for T in (50, 100, 200, 500, 1_000)),
        (2_000, 2, 1),
    ),
}


@dataclass(frozen=True)
class Profile:
    """One choice of sizes for the whole book.

    Parameters
    ----------
    name : str
        "quick", "paper" or "full".
    n, sparsity, steps
        As in `DataSettings` and `TrainConfig`.
    sizes : tuple of (T, data seeds, parameter seeds)
        Finite data sets trained on.
    fresh : tuple of (batch, seeds)
        Runs at T = ∞; the first batch is the one that the figures show.
    strip : tuple of T
        Sizes drawn side by side where the regimes are shown.
    """

    name: str
    n: int
    sparsity: float
    steps: int
    sizes: tuple[tuple[int, int, int], ...]
    fresh: tuple[tuple[int, int], ...]
    strip: tuple[float, ...]

    @property
    def eps(self) -> float:
        """AdamW's ε: the published size's, rescaled to this profile's."""
        return paper.rescaled_eps(self.n, self.sparsity)

    def size(self, T: int) -> int:
        """Return what the paper's T becomes where a regime, not a polygon, is meant by it."""
        return paper.rescaled_size(T, self.n)

    @property
    def published_size(self) -> bool:
        """Whether runs can be set beside published values: the paper's own n and S."""
        return (self.n, self.sparsity) == (paper.N, paper.SPARSITY)

    def published(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return published values by T where ours can be drawn beside them, else none."""
        return dict(values) if self.published_size else {}


PROFILES = {
    "quick": Profile(
        "quick",
        1_000,
        0.99,
        paper.STEPS,
        _SIZES["quick"],
        ((1_000, 2), (300, 2), (100, 2)),
        (5, 30, 50, 200, 1_000, math.inf),
    ),
    "paper": Profile(
        "paper",
        paper.N,
        paper.SPARSITY,
        paper.STEPS,
        _SIZES["paper"],
        ((3_000, 2), (1_000, 2)),
        (5, 30, 200, 2_000, 10_000, math.inf),
    ),
    "full": Profile(
        "full",
        paper.N,
        paper.SPARSITY,
        paper.STEPS,
        _SIZES["full"],
        ((10_000, 4), (3_000, 4), (1_000, 4)),
        (5, 30, 200, 2_000, 50_000, math.inf),
    ),
}


def profile(name: str | None = None) -> Profile:
    """Return the profile of that name; None means $PROFILE, or "paper".

    Raises
    ------
    ValueError
        Where there is no such profile.
    """
    name = name or os.environ.get("PROFILE") or "paper"
    if name not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, not {name!r}")
    return PROFILES[name]


def spec(T: float, data_seed: int = 0, *, of: str | None = None, **changes: Any) -> RunSpec:
    """Return the settings of one run at the profile's sizes, with any of them changed.

    Parameters
    ----------
    T : int or math.inf
        Number of data points.
    data_seed : int
        Seed of the data. Parameter seeds start at 100 times that, so that no two data seeds share
        one.
    of : str or None
        Name of the profile; None means the current one.
    **changes
        Fields of `DataSettings` or `TrainConfig` to set otherwise; ``seed`` is the parameter seed.

    Returns
    -------
    RunSpec

    Raises
    ------
    ValueError
        Where a name or a value breaks its rule.
    """
    p = profile(of)
    data: dict[str, Any] = {"T": T, "n": p.n, "sparsity": p.sparsity, "seed": data_seed}
    if T == math.inf:
        data["batch"] = p.fresh[0][0]
    config: dict[str, Any] = {"seed": 100 * data_seed, "steps": p.steps}
    for name, value in changes.items():
        if name in ("n", "sparsity", "batch", "split"):
            data[name] = value
        elif name in TrainConfig.__dataclass_fields__:
            config[name] = value
        else:
            raise ValueError(f"a run has no setting named {name!r}")
    settings = DataSettings(**data)
    config.setdefault("eps", paper.rescaled_eps(settings.n, settings.sparsity))
    return RunSpec(settings, TrainConfig(**config))


def _dataset_size(p: Profile) -> list[RunSpec]:
    """F2, F3, F4: finite data sets."""
    return [
        replace(
            spec(T, seed, of=p.name, restarts=restarts),
            snapshots=_kept(p) if (seed, restarts) == (0, 1) and T >= KEPT_FROM else (),
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
    p = profile(of)
    settings = [replace(r.data, T=1, batch=None) for r in drawn if isinstance(r.data, DataSettings)]
    seeds = len(set(settings))
    trained = sum(r.config.restarts for r in drawn)
    best = f", the best by training loss of {trained} trainings" if trained > len(drawn) else ""
    plural = "s" if seeds > 1 else ""
    return (
        f"Profile {p.name}: n = {p.n:,}, S = {p.sparsity}, {p.steps:,} steps; "
        f"{seeds} data seed{plural}, {len(drawn)} run{'s' * (len(drawn) > 1)}{best}."
    )
