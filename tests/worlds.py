"""Made-up tables of runs, shaped so that every claim of the paper's body comes out as published.

Nothing here is trained: norms, dimensionalities and test losses are put in by hand, which makes
them an oracle for what judges and draws them.
"""

import math
from functools import cache

import numpy as np
import pandas as pd

from sdd import paper
from sdd.findings import PROFILES, Evidence, specs
from sdd.findings.profiles import FIRST_JUDGING
from sdd.measures.table import settings_of

ERROR = 1e-5  # standard error of every test loss
ANY = {"test_error": ERROR, "W_norm": 1.0, "b_norm": 1.0, "test_loss": 1.0}
# Squared length of the five features that gives D = 0.2555 beside the decayed initial weights,
# 4 exp(−2 · 0.01 · Σ lr) with Σ lr = 25 at the paper's schedule: D = 2r² / (5r² + R²).
FIVE = 0.2555 * 4 * math.exp(-0.02 * 25) / (2 - 5 * 0.2555)


def corner_radius(k):
    """Return the least radius that memorises k points: r²(1 − cos 2π/k) = 1."""
    return 1 / math.sqrt(1 - math.cos(2 * math.pi / k))


def around(mean, sd, count):
    """Return values of exactly that mean and sample standard deviation."""
    z = np.arange(count) - (count - 1) / 2
    return mean + (sd * z / z.std(ddof=1) if count > 1 else 0 * z)


def published_loss(profile, T):
    """Return the published test loss at the size that stands for T at this profile."""
    if not profile.published_size:
        if T >= profile.size(10_000):
            return 0.992  # below the best constant, which scores 0.9926 there
        T = T * paper.N // profile.n if T >= 50 else T
    # (3,000, which the paper has not, is beyond the bump; 3 and 10 are off the top of its figure.)
    return {3_000: 1.007}.get(T) or paper.TEST_LOSS.get(T, 1.05)


def looks(profile, T, data_seed):
    """Return the measured columns of a run at its place in the paper's story."""
    if T >= profile.size(10_000):  # features: a pentagon
        D = np.linspace(0.25, 0.23, 5) if T < math.inf else np.full(5, 0.255)
        D = D + 0.001 * (data_seed % FIRST_JUDGING % 2 - 0.5)
        W, D6, ring, point_D, h = math.sqrt(5), 0.01, 3, 0.01, 2.0
    else:
        D, D6 = np.full(5, 0.02), 0.02
        W = 8.0 if T >= profile.size(5_000) else 16.0 if T >= 100 else 14.0 if T >= 30 else 5.0
        ring = 21 if T == 30 else T if T < 30 else 3
        point_D, h = 2 / ring if T <= 30 else 0.03, corner_radius(ring) if T <= 30 else 3.0
    return {
        **{f"D{k + 1}": float(v) for k, v in enumerate(D)},
        "D6": D6,
        "five_apart": bool(D[4] >= 1.5 * D6 and D[4] >= 0.15),
        "five_D": float(D.mean()),
        "five_r2": FIVE,
        "five_angle_error": 1.0,
        "other_R2": 4 * math.exp(-0.02 * 25) if T >= profile.size(10_000) else W**2 - 5 * FIVE,
        "other_b": 0.001,
        "negative_b": 0.5,
        "mean_b_loss": 0.9988,
        "columns_standing": 5,
        "on_arms": 1.0,
        "along_points": 0.9,
        "along_shuffled": 0.1 + 1e-3 * (data_seed % 2),
        "point_D_max": math.nan if T == math.inf else point_D,
        "point_D_median": math.nan if T == math.inf else 2 / T if T <= profile.size(500) else 0.0,
        "point_D_min": math.nan if T == math.inf else 0.0 if ring < T else point_D,
        "on_ring": ring,
        "h_max": h,
        "h_mean": h,
        "W_norm": W,
        "b_norm": 0.65 if T >= profile.size(10_000) else 0.8 * W,
        "restarts_lost": int(T == 8),
        "train_loss": 0.0,
        "test_error": ERROR,
    }


def body(profile, experiment):
    """Return the table of "dataset-size" or "fresh-data" as the paper would have it."""
    rows = []
    for s in specs(experiment, profile):
        row = settings_of(s)
        rows.append(row | looks(profile, row["T"], row["data_seed"]))
    frame = pd.DataFrame(rows)
    frame["test_loss"] = 0.0
    # Trainings to look at and those that judge have the published mean each.
    judging = frame["data_seed"] >= FIRST_JUDGING
    for (T, _, _), part in frame.groupby(["T", frame["batch"].fillna(0), judging]):
        sd = 1e-5 if T >= profile.size(10_000) else 1e-3 if T == profile.size(2_000) else 1e-4
        frame.loc[part.index, "test_loss"] = around(published_loss(profile, T), sd, len(part))
    # Parts of the test loss: both gains rise with T, and false firing makes up the rest.
    gain = 1e-4 * np.log10(frame["T"].clip(upper=1e6))
    frame["zero"], frame["constant_gain"], frame["feature_gain"] = 1.0, gain, gain
    frame["false_firing"] = frame["test_loss"] - (1.0 - 2 * gain)
    frame["excess"] = frame["test_loss"] - 1.0
    for name in ("zero", "constant_gain", "feature_gain", "false_firing"):
        frame[f"{name}_error"] = ERROR
    frame["firing_in_loudest_rows"], frame["long_column_rows"] = 0.9, 0.1
    frame["firing_in_long_column_rows"] = 0.95
    frame["rescaled_loss"], frame["rescaled_scale"] = 1.0 - gain, 0.1
    # What hidden vectors tell: less in all as T grows, but more of five features.
    large = frame["T"] >= profile.size(10_000)
    noise = 0.01 * (frame["data_seed"] % 2)
    frame["features_known"] = np.where(large, 14.0, 20.0) + noise
    frame["best_known"] = np.where(large, 0.8, 0.3) + noise
    frame["decoded_loss"] = 1 - frame["features_known"] / profile.n
    return frame


@cache
def world(name="paper"):
    """Return evidence at a profile on which the paper is right in everything."""
    profile = PROFILES[name]
    return Evidence(profile, {k: body(profile, k) for k in ("dataset-size", "fresh-data")})


def settings(experiment, **columns):
    """Return the settings of an experiment's runs at "paper", and columns the same for all."""
    return pd.DataFrame(settings_of(s) for s in specs(experiment, "paper")).assign(**columns)


def with_tables(evidence, tables):
    """Return the evidence with other tables in the place of some."""
    return Evidence(evidence.profile, {**evidence.tables, **tables})


def changed(evidence, experiment, chosen, **columns):
    """Return the evidence with columns changed in the chosen rows of an experiment.

    `chosen` is a pandas query such as "T == 30"; a value may be a function of the rows.
    """
    frame = evidence.tables[experiment].copy()
    rows = frame.query(chosen).index
    for name, value in columns.items():
        frame.loc[rows, name] = value(frame.loc[rows]) if callable(value) else value
    return with_tables(evidence, {experiment: frame})


def summed():
    """Runs on the sum as Jermyn reports them."""
    rows = settings("sum", **ANY)
    peak, wobble = rows["T"] == 2_000, 1 + 0.001 * rows["data_seed"]
    longest = world().table("dataset-size")["b_norm"].max()
    points, late = rows["T"] < 100, rows["T"] >= 20_000
    return rows.assign(
        test_loss=np.where(peak, 5_000 * wobble, 2.0), W_norm=rows["T"] * wobble,
        b_norm=np.where(peak, 3 * longest * wobble, 1.0),
        point_D_max=np.where(points, 0.5, 0.0), D1=0.1, five_apart=late,
    )  # fmt: skip
