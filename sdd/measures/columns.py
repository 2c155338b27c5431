"""What is measured on a run, as named numbers: the columns of `sdd.measures.table`."""

import hashlib
import math
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import theory
from sdd.data import Dataset, DataSettings, test_set
from sdd.measures import arrangements, damping, decomposition, refits
from sdd.measures.damping import drawn_data, of_the_paper
from sdd.measures.geometry import dimensionality, equal_angle_error, on_ring, strongest
from sdd.measures.knowledge import Knowledge
from sdd.training.run import Run

__all__ = [
    "arrangement",
    "bits",
    "few_rows_loss",
    "firing_by_times_seen",
    "geometry",
    "hidden_reach",
    "hidden_vectors",
    "known_features",
    "loss_parts",
    "losses",
    "point_losses",
    "refit_inside",
    "ring_columns",
    "ring_loss_change",
    "test_rows",
]

FRESH_SHOWN = 10_000  # fresh points whose hidden vectors stand for the training set at T = ∞
REFIT_ROWS = 20_000  # rows that refits are fitted on
EXTREME = 0.01  # share of the rows, or of the features, that are singled out as extreme
LARGEST = 6  # dimensionalities of features that are columns: five, and the next
APART = 1.5, 0.15  # five features stand apart where D₅ ≥ 1.5 D₆ and D₅ ≥ 0.15


LOSSES = ("train_loss", "test_loss", "test_error", "restarts_lost", "W_norm", "b_norm")


def losses(run: Run) -> dict[str, Any]:
    """Return the losses, in the summed form, and the norms of the weights.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    dict of str to float
        ``train_loss``, ``test_loss`` and its standard error ``test_error`` (NaN until
        evaluated), ``W_norm`` and ``b_norm``. ``restarts_lost`` counts the parameter seeds
        whose training loss is above 1/2T, half of one point's share: they have lost a point.

    Examples
    --------
    >>> from sdd.measures.columns import losses
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> losses(run)["restarts_lost"]
    0
    """
    row = run.table_row()
    return {name: row[name] for name in LOSSES}


def geometry(run: Run) -> dict[str, Any]:
    """Return what features and data points look like in hidden space.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    dict
        ``D1`` … ``D6``: the largest dimensionalities of features; ``five_apart``: whether five
        stand apart. Of those five: ``five_D``, their mean; ``five_r2``, their mean squared
        length; ``five_angle_error``, in degrees from 72° (m = 2). ``other_R2`` and ``other_b``:
        the summed squared length and the mean bias of all other features. ``columns_standing``:
        columns of W longer than half the longest. Of data points (fresh ones at T = ∞):
        ``point_D_max``, ``_median``, ``_min`` (NaN at T = ∞), ``on_ring``, ``h_max`` and
        ``h_mean`` (lengths).

    Examples
    --------
    >>> from sdd.measures.columns import geometry
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = geometry(run)  # five points on one ring
    >>> found["on_ring"], round(found["point_D_median"], 1)
    (5, 0.4)
    """
    columns = run.W.T
    D = dimensionality(columns)
    five = strongest(columns, min(5, len(D)))
    squares = (columns.astype(float) ** 2).sum(1)
    largest = np.full(LARGEST, math.nan)
    largest[: min(LARGEST, len(D))] = np.sort(D)[::-1][:LARGEST]
    planar = columns.shape[1] == 2 and len(five) == 5 and columns[five].any(1).all()
    H = hidden_vectors(run)
    point_D = dimensionality(H) if run.T < math.inf else np.full(1, math.nan)
    lengths = np.linalg.norm(H.astype(float), axis=1)
    others = np.delete(run.b, five)
    return {
        **{f"D{k + 1}": float(v) for k, v in enumerate(largest)},
        "five_apart": bool(largest[4] >= APART[0] * largest[5] and largest[4] >= APART[1]),
        "five_D": float(largest[:5].mean()),
        "five_r2": float(squares[five].mean()),
        "five_angle_error": equal_angle_error(columns[five]) if planar else math.nan,
        "other_R2": float(squares.sum() - squares[five].sum()),
        "other_b": float(others.mean()) if others.size else math.nan,
        "columns_standing": int(on_ring(columns).sum()),
        "point_D_max": float(point_D.max()),
        "point_D_median": float(np.median(point_D)),
        "point_D_min": float(point_D.min()),
        "on_ring": int(on_ring(H).sum()),
        "h_max": float(lengths.max()),
        "h_mean": float(lengths.mean()),
    }


def hidden_vectors(run: Run) -> Float[np.ndarray, "T m"]:
    """Return the hidden vectors of a run's training set; of 10,000 fresh points at T = ∞.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    (T, m) array
        Hidden vectors as rows.

    Examples
    --------
    >>> from sdd.measures.columns import hidden_vectors
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> hidden_vectors(run).shape
    (5, 2)
    """
    if run.T < math.inf:
        return run.hidden()
    return run.hidden(drawn_data(run).rows(0, FRESH_SHOWN, "fresh"))


def point_losses(run: Run) -> Float[np.ndarray, "T"]:
    """Return the loss of each point of a run's finite training set.

    Parameters
    ----------
    run : Run
        Trained on finitely many points.

    Returns
    -------
    (T,) array
        In the summed form.

    Raises
    ------
    ValueError
        Where T is infinite.

    Examples
    --------
    >>> from sdd.measures.columns import point_losses
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> bool(abs(point_losses(run).mean() - run.train_loss) < 1e-4)
    True
    """
    return run.errors()


def loss_parts(run: Run) -> dict[str, Any]:
    """Return what the test loss is made of, with standard errors (see `decomposition`).

    Parameters
    ----------
    run : Run
        Of the paper's model, trained on drawn data.

    Returns
    -------
    dict of str to float
        ``zero``, ``constant_gain``, ``feature_gain`` and ``false_firing``, and the standard
        error of each, such as ``zero_error``. ``excess``: the loss less that of no output,
        which is false firing less both gains. ``firing_in_loudest_rows``: share of the false
        firing in the 1 % of rows with most of it. ``long_column_rows`` and
        ``firing_in_long_column_rows``: share of the rows that hold one of the 1 % of features
        with the longest columns, and of the false firing in those rows. ``rescaled_loss`` and
        ``shifted_loss``: the test loss with the output's scale, or scale and shift, fitted on
        other rows; ``rescaled_scale``: that scale.

    Raises
    ------
    ValueError
        Where the run is of data, or of a model, of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import loss_parts
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = loss_parts(run)
    >>> bool(found["false_firing"] > 0), bool(found["shifted_loss"] < found["rescaled_loss"])
    (True, True)
    """
    rows = test_rows(of_the_paper(run))
    known = decomposition.outputs(run.W, run.b, rows)
    parts = decomposition.row_parts(run.W, run.b, rows, known)
    fit = decomposition.moments(run.W, run.b, _fit_rows(run))
    test = decomposition.moments(run.W, run.b, rows, known)
    scaled = refits.rescaled(fit, test)
    means, firing = parts.mean(), parts["false_firing"]
    total = firing.sum() or 1.0
    holds = decomposition.holds_a_long_column(run.W, rows, EXTREME)
    return {
        **means,
        **parts.sem().add_suffix("_error"),
        "excess": means["false_firing"] - means["constant_gain"] - means["feature_gain"],
        "firing_in_loudest_rows": firing.nlargest(max(1, round(EXTREME * rows.T))).sum() / total,
        "long_column_rows": holds.mean(),
        "firing_in_long_column_rows": firing[holds].sum() / total,
        "rescaled_loss": scaled.loss,
        "rescaled_scale": scaled.scale,
        "shifted_loss": refits.rescaled_and_shifted(fit, test).loss,
    }


def refit_inside(run: Run) -> dict[str, Any]:
    """Return the test loss with scale and common shift refitted inside the ReLU (slow).

    Parameters
    ----------
    run : Run
        Of the paper's model, trained on drawn data.

    Returns
    -------
    dict of str to float
        ``inside_loss`` and ``inside_scale`` (see `refits.refitted_inside`).

    Raises
    ------
    ValueError
        Where the run is of data, or of a model, of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import refit_inside, test_rows
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> refit_inside(run)["inside_loss"] < sdd.loss(run.W, run.b, test_rows(run))
    True
    """
    of_the_paper(run)
    found = refits.refitted_inside(run.W, run.b, _fit_rows(run), test_rows(run))
    return {"inside_loss": found.loss, "inside_scale": found.scale}


def known_features(run: Run) -> dict[str, Any]:
    """Return what the hidden vectors of test points tell of their features (see `knowledge`).

    Parameters
    ----------
    run : Run
        Trained on drawn data.

    Returns
    -------
    dict of str to float
        ``features_known``: features' worth of variance, with its standard error
        ``features_known_error``; ``best_known``: mean share explained of the five features that
        are known best; ``decoded_loss``: the test loss that the best decoder of these hidden
        vectors has.

    Raises
    ------
    ValueError
        Where the run is of data of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import known_features, test_rows
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> known_features(run)["decoded_loss"] < sdd.loss(run.W, run.b, test_rows(run))
    True
    """
    rows = test_rows(run)
    wide = replace(run, W=run.W.astype(np.float64), b=run.b.astype(np.float64))
    found = Knowledge(wide.hidden(rows), rows)
    return {
        "features_known": found.features,
        "features_known_error": found.error / float(found.variance.mean()),
        "best_known": float(found.best().mean()),
        "decoded_loss": found.left,
    }


def hidden_reach(run: Run) -> dict[str, Any]:
    """Return how far hidden vectors of test points reach beyond those of training points.

    Test points are taken in groups as large as the training set (or all together, where there are
    fewer), and the longest of each averaged: the longest of a larger group is longer.

    Parameters
    ----------
    run : Run
        Trained on drawn data.

    Returns
    -------
    dict of str to float
        ``reach``: the longest hidden vector of test points ÷ that of training points.

    Raises
    ------
    ValueError
        Where the run is of data of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import hidden_reach
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> hidden_reach(run)["reach"] < 1  # points trained on are pushed outwards
    True
    """
    seen = np.linalg.norm(hidden_vectors(run), axis=1)
    new = np.linalg.norm(run.hidden(test_rows(run)), axis=1)
    rows = min(len(seen), len(new))
    longest = new[: len(new) // rows * rows].reshape(-1, rows).max(1)
    return {"reach": float(longest.mean() / seen.max())}


def firing_by_times_seen(run: Run) -> dict[str, Any]:
    """Return, for each group of `damping.SEEN`, its share of the features and of false firing.

    Parameters
    ----------
    run : Run
        Of the paper's model, trained on finitely many drawn points.

    Returns
    -------
    dict of str to float
        Two a group, such as ``features, seen once`` and ``false firing, seen once``.

    Raises
    ------
    ValueError
        Where T is infinite, or the run is of data, or of a model, of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import firing_by_times_seen
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> round(firing_by_times_seen(run)["features, seen never"], 2)
    0.48
    """
    group, count = damping.group_of(damping.times_seen(of_the_paper(run))), len(damping.SEEN)
    features = np.bincount(group, minlength=count) / group.size
    firing = decomposition.false_firing_of_groups(run.W, run.b, test_rows(run), group, count)
    rows = {}
    for name, share, false in zip(damping.SEEN, features, firing / firing.sum(), strict=True):
        rows[f"features, seen {name}"] = float(share)
        rows[f"false firing, seen {name}"] = float(false)
    return rows


def arrangement(run: Run) -> dict[str, Any]:
    """Return how the hidden vectors of a few points in the plane are arranged.

    Parameters
    ----------
    run : Run
        With m = 2.

    Returns
    -------
    dict
        ``arrangement`` is its kind, and ``fan`` says whether the points are on unlike circles
        with a wide angular gap (`arrangements`). ``on_main_circle``: points on the fullest
        circle; ``fan_step`` and ``fan_least_step``: the angle in degrees between neighbours
        there, and the least that memorises at its radius.

    Raises
    ------
    ValueError
        Where m is not 2.

    Examples
    --------
    >>> from sdd.measures.columns import arrangement
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = arrangement(run)
    >>> found["arrangement"], found["on_main_circle"]
    ('one ring', 5)
    """
    H = hidden_vectors(run)
    kind, main = arrangements.kind(H), arrangements.main(H)
    ring = H[main].astype(float)
    r = float(np.linalg.norm(ring, axis=1).mean())
    return {
        "arrangement": kind,
        "fan": bool(arrangements.circles(H).max() > 0 and kind == arrangements.FAN),
        "on_main_circle": int(main.sum()),
        "fan_step": (360.0 - arrangements.widest_gap(ring)) / max(1, len(ring) - 1),
        "fan_least_step": float(np.degrees(np.arccos(np.clip(1 - 1 / max(r, 1e-9) ** 2, -1, 1)))),
    }


def ring_columns(run: Run) -> dict[str, Any]:
    """Return the lengths of columns of W where a few are a ring.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    dict of str to float
        ``length_mean``, ``length_min`` and ``b_mean``, over all features; ``rest_R2``: the
        summed squared length of all but the F longest, F being the corners of a planted ring.

    Examples
    --------
    >>> from sdd.measures.columns import ring_columns
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> found = ring_columns(run)
    >>> found["length_min"] < found["length_mean"]
    True
    """
    squares = np.sort((run.W.astype(float) ** 2).sum(axis=0))
    corners = int(run.start.split(":")[1]) if "ring:" in run.start else 0
    lengths = np.sqrt(squares)
    return {
        "length_mean": float(lengths.mean()),
        "length_min": float(lengths[0]),
        "b_mean": float(run.b.mean()),
        "rest_R2": float(squares[: len(squares) - corners].sum()),
    }


def ring_loss_change(run: Run) -> dict[str, Any]:
    """Return by how much a model of a few features changes the training loss, ÷ p.

    The training loss less that of no output, in units of the rate p at which a feature is active.
    p is estimated from the training set itself, as (1/T) Σ x² over F E[x²|active], so that how
    often the F features happen to be active in it cancels.

    Parameters
    ----------
    run : Run
        Trained on finitely many drawn points.

    Returns
    -------
    dict of str to float
        ``loss_change``: negative where the model is better than no output.

    Raises
    ------
    ValueError
        Where T is infinite, or the run is of data of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import ring_loss_change
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> ring_loss_change(run)["loss_change"] < 0
    True
    """
    data, zero = drawn_data(run), theory.constant_loss(run.training_set(), 0.0)
    each = theory.zero_baseline(data.n, data.sparsity) / (data.n * (1 - data.sparsity))
    return {"loss_change": (run.train_loss / zero - 1) * run.W.shape[1] * each}


def few_rows_loss(run: Run) -> dict[str, Any]:
    """Return the loss on the first 1,000 test points only: published replications use so few.

    Parameters
    ----------
    run : Run
        Trained on drawn data.

    Returns
    -------
    dict of str to float
        ``few_rows_loss``, in the summed form.

    Raises
    ------
    ValueError
        Where the run is of data of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import few_rows_loss, test_rows
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> abs(few_rows_loss(run)["few_rows_loss"] / sdd.loss(run.W, run.b, test_rows(run)) - 1) < 0.1
    True
    """
    few = test_rows(run).take(np.arange(1_000))
    return {"few_rows_loss": float(run.errors(few).mean())}


def bits(run: Run) -> dict[str, Any]:
    """Return a hash of weights and biases, at the end and in the snapshots that the run has.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    dict of str to str
        ``bits``: 64 hexadecimal digits.

    Examples
    --------
    >>> from sdd.measures.columns import bits
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> len(bits(run)["bits"])
    64
    """
    kept = [run.W, run.b, *(run.snapshots[k] for k in ("W", "b") if k in run.snapshots)]
    # Zero is added so that −0 counts as 0.
    return {"bits": hashlib.sha256(b"".join((a + 0.0).tobytes() for a in kept)).hexdigest()}


def test_rows(run: Run) -> Dataset:
    """Return the test set of the data that a run was trained on.

    Parameters
    ----------
    run : Run
        Trained on drawn data.

    Returns
    -------
    Dataset
        As `sdd.data.test_set` gives it.

    Raises
    ------
    ValueError
        Where the run is of data of one's own.

    Examples
    --------
    >>> from sdd.measures.columns import test_rows
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> test_rows(run).T
    200000
    """
    data = drawn_data(run)
    return test_set(data.n, data.sparsity, data.features)


def _fit_rows(run: Run) -> Dataset:
    """Return rows to fit on, of another seed than the test set, so that they are none of it."""
    data = drawn_data(run)
    law = DataSettings(REFIT_ROWS, data.n, data.sparsity, seed=1, features=data.features)
    return law.rows(0, REFIT_ROWS, "test")
