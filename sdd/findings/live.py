"""What the model that trains in the page starts from (book/live.md), and what it is held to."""

import math
from typing import Any

import numpy as np

from sdd import paper
from sdd.findings.playing import exact, publish_data
from sdd.findings.profiles import PROFILES, SMALL, spec
from sdd.measures.arrangements import STEP
from sdd.measures.repeats import FLOOR
from sdd.measures.stored import HALF
from sdd.training.starts import initial_weights

__all__ = ["BATCH", "SEEDS", "content", "publish"]

SEEDS = range(6)  # of the trainings whose initial weights the page is given; it draws others
BATCH = 200  # fresh points a step at T = ∞: few, and yet features are found
SHARE = 0.5  # a point is memorised where its squared error is at most this share of 1/T


def _seed(seed: int) -> int:
    """Return the parameter seed of the trainings of a data seed in this book."""
    return spec(1, seed, of="quick").config.seed


def content() -> dict[str, Any]:
    """Return the data of the page: settings, presets, thresholds and initial weights.

    The page trains on the sum over features. On the mean with ε is on the sum with n ε, so both
    are marks on one slider.
    """
    n, sparsity = SMALL["n"], SMALL["sparsity"]
    eps = {
        "sum": paper.rescaled_eps(n, sparsity, reduction="sum"),
        "mean": float(f"{n * paper.rescaled_eps(n, sparsity):.9g}"),
    }
    usual = {
        "T": 5, "seed": 2, "lr": paper.LEARNING_RATE, "decay": paper.WEIGHT_DECAY,
        "eps": eps["mean"], "steps": PROFILES["quick"].steps,
    }  # fmt: skip
    presets = [
        {"name": "Pentagon of points", "T": 5, "seed": 2},
        {"name": "Octagon that fails", "T": 8, "seed": 0},
        {"name": "Fan that memorises", "T": 8, "seed": 3},
        {"name": "Thirty points", "T": 30, "seed": 0},
        {"name": "Mean against sum", "T": 30, "seed": 2, "then": {"eps": eps["sum"]}},
        {"name": "Pentagon of features", "T": math.inf, "seed": 1, "lr": 0.005, "steps": 10_000},
    ]
    weights = [initial_weights(2, n, _seed(seed), dtype="float64")[0] for seed in SEEDS]
    return {
        "n": n, "sparsity": sparsity, "batch": BATCH, "eps": eps, "usual": usual,
        "presets": presets, "rules": {"step": STEP, "half": HALF, "share": SHARE, "D": FLOOR},
        "seeds": list(SEEDS), "apart": _seed(1), "weights": exact(np.stack(weights)),
    }  # fmt: skip


def publish() -> None:
    """Write the data for the page, while the book is built."""
    publish_data("live", content())
