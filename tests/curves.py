"""Made-up runs whose test loss is a given function of T and of the settings."""

import numpy as np
import pandas as pd

from sdd.findings import PROFILES, Evidence, specs
from sdd.measures.table import settings_of

ERROR = 1e-5  # standard error of every test loss


def bumped(T, top, height):
    """Falling in T but for a bump: 1.0 at small T, 0.98 at large T, and between them a triangle."""
    fall = 0.0 if top >= T else 0.02
    near = max(0.0, 1 - abs(np.log10(T / top)) / 0.5)
    return 1 - fall + (height + fall) * near


def jittered(run):
    """A spread over models, smaller for wide ones as the paper says."""
    return 1e-4 * (-1) ** run.data_seed * (1 if run.m <= 3 else 0.2)


def made_up(profile, losses, spread=jittered):
    """Return evidence in which the runs of each experiment score what its function says of them."""
    tables = {}
    for name, loss in losses.items():
        frame = pd.DataFrame([settings_of(s) for s in specs(name, profile)])
        values = [loss(run) + spread(run) for run in frame.itertuples()]
        tables[name] = frame.assign(test_loss=values, test_error=ERROR)
    return Evidence(PROFILES[profile], tables)


def grid(losses, errors=ERROR):
    """Return the runs of a grid of (rows, sizes, models) losses: m = 1, 2, 4 … and T = 10, 20 …"""
    losses = np.asarray(losses, float)
    rows, sizes, models = np.indices(losses.shape)
    columns = {"m": 2**rows, "T": 10.0 * 2**sizes, "data_seed": models, "test_loss": losses,
               "test_error": np.broadcast_to(errors, losses.shape)}  # fmt: skip
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})
