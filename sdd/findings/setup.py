"""The model with unlimited data: features in superposition (F1)."""

import math
from dataclasses import fields

import pandas as pd

from sdd import theory
from sdd.findings.profiles import Profile, spec
from sdd.findings.registry import experiment
from sdd.runs.spec import RunSpec
from sdd.training.config import TrainConfig


@experiment("fresh-data")
def fresh_data(p: Profile) -> list[RunSpec]:
    """F1, and the right-hand end of F3 and F4: fresh points at every step."""
    return [
        spec(math.inf, seed, of=p.name, batch=batch)
        for batch, seeds in p.fresh
        for seed in range(seeds)
    ]


def predicted_D(frame: pd.DataFrame) -> pd.Series:
    """Return the D of a pentagon that `theory` predicts for each run, from its settings and r.

    Parameters
    ----------
    frame : DataFrame
        A row a run, with its settings and ``five_r2``, the mean squared length of its five.
    """
    names = [f.name for f in fields(TrainConfig)]
    found = []
    for row in frame.to_dict("records"):
        # A setting that is None reads NaN where a column of numbers holds it.
        settings = {name: None if pd.isna(row[name]) else row[name] for name in names}
        config = TrainConfig(**settings)
        found.append(
            theory.predicted_pentagon_dimensionality(
                math.sqrt(row["five_r2"]), row["n"], config.weight_decay,
                float(config.rates().sum()), gain=config.gain,
            )
        )  # fmt: skip
    return pd.Series(found, frame.index, dtype=float)
