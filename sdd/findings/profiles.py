"""The sizes of the book: three profiles, and what one run's settings are at each of them."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdd import paper
from sdd.data import DataSettings
from sdd.names import did_you_mean, one_of
from sdd.runs.spec import RunSpec
from sdd.training.config import TrainConfig

__all__ = [
    "FEW",
    "FIRST_JUDGING",
    "PROFILES",
    "SMALL",
    "Profile",
    "choose",
    "data_seeds",
    "parted",
    "profile",
    "small_spec",
    "small_steps",
    "spec",
]

FEW = 4  # trainings from other initial weights of which the best is kept, where selection is asked

# Data seeds below are for looking, and for choosing what to claim; those from here on judge it.
FIRST_JUDGING = 20


@dataclass(frozen=True)
class Profile:
    """One choice of sizes for the whole book.

    Parameters
    ----------
    name : str
        "quick", "paper" or "full".
    n, sparsity, steps
        As in `DataSettings` and `TrainConfig`.
    sizes : tuple of (T, to look at, to judge)
        Finite data sets trained on: how many trainings there are of each kind. A training has data
        and initial weights of its own; the data seeds of those that judge start at
        `FIRST_JUDGING`.
    fresh : tuple of (batch, to look at, to judge)
        Runs at T = ∞; the first batch is the one that the figures show.
    strip : tuple of T
        Sizes drawn side by side where the regimes are shown.

    Examples
    --------
    >>> from sdd.findings import PROFILES
    >>> list(PROFILES), PROFILES["quick"].n
    (['quick', 'paper', 'full'], 1000)
    """

    name: str
    n: int
    sparsity: float
    steps: int
    sizes: tuple[tuple[int, int, int], ...]
    fresh: tuple[tuple[int, int, int], ...]
    strip: tuple[float, ...]

    @property
    def eps(self) -> float:
        """AdamW's ε: the published size's, rescaled to this profile's."""
        return paper.rescaled_eps(self.n, self.sparsity)

    def size(self, T: int) -> int:
        """Return what the paper's T becomes where a regime, not a polygon, is meant by it.

        Parameters
        ----------
        T : int
            A size of the paper.

        Returns
        -------
        int
            The size at this profile's n.

        Examples
        --------
        >>> from sdd.findings import PROFILES
        >>> PROFILES["quick"].size(2_000), PROFILES["paper"].size(2_000)
        (200, 2000)
        """
        return paper.rescaled_size(T, self.n)

    @property
    def published_size(self) -> bool:
        """Whether runs can be set beside published values: the paper's own n and S."""
        return (self.n, self.sparsity) == (paper.N, paper.SPARSITY)

    def published(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return published values by T where ours can be drawn beside them, else none.

        Parameters
        ----------
        values : mapping
            Such as one of `sdd.paper`, by T.

        Returns
        -------
        dict
            The same, or empty where n or S is not the paper's.

        Examples
        --------
        >>> from sdd.findings import PROFILES
        >>> PROFILES["paper"].published({5: 0.4}), PROFILES["quick"].published({5: 0.4})
        ({5: 0.4}, {})
        """
        return dict(values) if self.published_size else {}


def data_seeds(look: int, judge: int) -> list[int]:
    """Return the data seeds of so many trainings to look at, and so many that judge.

    Parameters
    ----------
    look, judge : int
        Numbers of trainings.

    Returns
    -------
    list of int
        From 0, and from `FIRST_JUDGING` on.

    Examples
    --------
    >>> from sdd.findings.profiles import data_seeds
    >>> data_seeds(look=1, judge=3)
    [0, 20, 21, 22]
    """
    return [*range(look), *range(FIRST_JUDGING, FIRST_JUDGING + judge)]


_FEW_POINTS = (3, 5, 6, 8, 10, 15, 30)
PROFILES = {
    p.name: p
    for p in (
        # A tenth of the features: the middle and the generalising regime sit at a tenth of the T.
        Profile(
            "quick", 1_000, 0.99, paper.STEPS,
            sizes=(
                *((T, 1, 4) for T in _FEW_POINTS),
                *((T, 1, 4) for T in (50, 100, 200)),
                *((T, 1, 3) for T in (500, 1_000)),
                (2_000, 1, 2),
            ),
            fresh=((1_000, 1, 2), (100, 0, 2)),
            strip=(5, 30, 50, 200, 1_000, math.inf),
        ),
        # By simulation 17 trainings decide a rise like the bump's with a chance of 95 %, and 30 of
        # 30 is what it takes to say "at least nine of ten".
        Profile(
            "paper", paper.N, paper.SPARSITY, paper.STEPS,
            sizes=(
                *((T, 4, 32) for T in _FEW_POINTS),
                *((T, 4, 8) for T in (50, 100, 200)),
                (500, 4, 20), (1_000, 4, 8), (2_000, 4, 20), (3_000, 0, 8), (5_000, 1, 20),
                (10_000, 1, 4), (20_000, 0, 2), (50_000, 0, 2),
            ),
            fresh=((10_000, 1, 3), (1_000, 0, 2)),
            strip=(5, 30, 200, 2_000, 50_000, math.inf),
        ),
        Profile(
            "full", paper.N, paper.SPARSITY, paper.STEPS,
            sizes=(
                *((T, 4, 32) for T in _FEW_POINTS),
                *((T, 4, 20) for T in (50, 100, 200, 500, 1_000, 2_000, 3_000, 5_000, 10_000)),
                *((T, 1, 8) for T in (20_000, 50_000)),
                *((T, 0, 4) for T in (100_000, 200_000, 500_000)),
            ),
            fresh=((10_000, 1, 4), (1_000, 0, 4), (3_000, 0, 4), (30_000, 0, 4)),
            strip=(5, 30, 200, 2_000, 50_000, math.inf),
        ),
    )
}  # fmt: skip


def profile(name: str | None = None) -> Profile:
    """Return the profile of that name.

    Parameters
    ----------
    name : str or None
        "quick", "paper" or "full"; None means $PROFILE, or "paper".

    Returns
    -------
    Profile
        Its sizes.

    Raises
    ------
    ValueError
        Where there is no such profile.

    Examples
    --------
    >>> from sdd.findings import profile
    >>> profile("quick").sparsity
    0.99
    """
    name = name or os.environ.get("PROFILE") or "paper"
    return PROFILES[one_of("profile", name, PROFILES)]


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
        ``start``, ``snapshots``, ``model``, ``test``, ``after``, or fields of `DataSettings` or
        `TrainConfig` to set otherwise; ``seed`` is the parameter seed.

    Returns
    -------
    RunSpec
        The run's settings.

    Raises
    ------
    ValueError
        Where a name or a value breaks its rule.

    Examples
    --------
    >>> from sdd.findings import spec
    >>> lower = spec(30, data_seed=1, of="quick", lr=1e-4)
    >>> lower.data.n, lower.config.seed, lower.config.lr
    (1000, 100, 0.0001)
    """
    p = profile(of)
    kept = {
        name: changes.pop(name)
        for name in ("start", "snapshots", "model", "test", "after")
        if name in changes
    }
    data, config = parted(changes)
    batch = p.fresh[0][0] if T == math.inf else None
    law = {"n": p.n, "sparsity": p.sparsity, "batch": batch} | data
    usual = {"seed": 100 * data_seed, "steps": p.steps}
    return RunSpec(DataSettings(T, seed=data_seed, **law), TrainConfig(**usual | config), **kept)


def parted(changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part changes of a run into those of its `DataSettings` and those of its `TrainConfig`.

    Parameters
    ----------
    changes : mapping of str to value
        By the names of their fields; ``seed`` is the parameter seed.

    Returns
    -------
    data, config : dict
        Changes of either.

    Raises
    ------
    ValueError
        Where a name is of neither.

    Examples
    --------
    >>> from sdd.findings.profiles import parted
    >>> parted({"n": 500, "lr": 0.01})
    ({'n': 500}, {'lr': 0.01})
    """
    of_config, of_data = TrainConfig.__dataclass_fields__, DataSettings.__dataclass_fields__
    for name in changes:
        if name not in of_config and name not in of_data:
            like = did_you_mean(name, (*of_data, *of_config, "start", "snapshots"))
            raise ValueError(f"a run has no setting named {name!r}{like}")
    config = {name: value for name, value in changes.items() if name in of_config}
    return {name: v for name, v in changes.items() if name not in config}, config


# --- The small problem of most extensions: ten active features a row, like the paper's ----------

SMALL: dict[str, Any] = {"n": 1_000, "sparsity": 0.99}


def choose(p: Profile, quick: Any, paper: Any, full: Any = None) -> Any:
    """Choose by profile; the full one is like the paper's, and one of your own like the quick.

    Parameters
    ----------
    p : Profile
        The profile.
    quick, paper, full
        What to choose from; None for `full` means that of `paper`.

    Returns
    -------
    value
        One of the three.

    Examples
    --------
    >>> from sdd.findings import PROFILES
    >>> from sdd.findings.profiles import choose
    >>> choose(PROFILES["quick"], 10, 100), choose(PROFILES["full"], 10, 100)
    (10, 100)
    """
    return {"paper": paper, "full": paper if full is None else full}.get(p.name, quick)


def small_steps(p: Profile) -> int:
    """Return the steps of the extensions: the paper's, but a fifth of them at the quick profile.

    Parameters
    ----------
    p : Profile
        The profile.

    Returns
    -------
    int
        Full-batch updates.

    Examples
    --------
    >>> from sdd.findings import PROFILES
    >>> from sdd.findings.profiles import small_steps
    >>> small_steps(PROFILES["quick"])
    10000
    """
    return choose(p, p.steps // 5, p.steps)


def small_spec(p: Profile, T: float, data_seed: int, **changes: Any) -> RunSpec:
    """Return the settings of one run at n = 1,000, S = 0.99, with any of them changed.

    Parameters
    ----------
    p : Profile
        The profile, which gives the number of steps.
    T, data_seed, **changes
        As for `spec`.

    Returns
    -------
    RunSpec
        The run's settings.

    Raises
    ------
    ValueError
        Where a name or a value breaks its rule.

    Examples
    --------
    >>> from sdd.findings import PROFILES
    >>> from sdd.findings.profiles import small_spec
    >>> small_spec(PROFILES["quick"], 30, 0, weight_decay=0.1).config.weight_decay
    0.1
    """
    return spec(T, data_seed, of=p.name, **{"steps": small_steps(p), **SMALL, **changes})
