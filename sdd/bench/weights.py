"""Weights to time a step at: what a step costs depends on how far training is."""

from typing import NamedTuple

import numpy as np

from sdd import engine, findings, paper
from sdd.data import Dataset
from sdd.findings import Profile
from sdd.runs import store
from sdd.training import TrainConfig, initial_weights

__all__ = ["Start", "planted", "starts", "trained"]

TRAINED = 2_500  # steps taken where no run is stored
ON = 200  # steps taken on data to which the weights of another size are moved


class Start(NamedTuple):
    """Weights, the number of steps and the learning rate at which they are, and their origin."""

    W: np.ndarray
    b: np.ndarray
    step: int = 0
    rate: float = 1e-6
    origin: str = ""


def _rates(p: Profile, step: int, count: int = 1) -> np.ndarray:
    """Return the learning rates of so many steps; after the last step, that of the last."""
    rates = TrainConfig(steps=p.steps).rates()
    return rates[np.minimum(step + np.arange(count), p.steps - 1)]


def _continued(
    p: Profile, points: Dataset, start: Start, count: int, origin: str, threads: int
) -> Start:
    """Return the weights that many steps on, on these points."""
    state = engine.State(start.W, start.b, start.step)
    how = {"weight_decay": paper.WEIGHT_DECAY, "eps": p.eps, "scale": 1 / p.n}
    engine.advance(state, points, _rates(p, start.step, count), threads=threads, **how)
    return Start(state.W, state.b, state.steps, float(_rates(p, state.steps)[0]), origin)


def starts(
    p: Profile, points: Dataset, last: Start | None, threads: int, on_the_spot: int
) -> list[Start]:
    """Return the weights at which a step on these points, of data seed 0, is timed.

    They are those of the stored run: its snapshots, or its end. Where none is stored, weights
    trained 2,500 steps; beyond T = `on_the_spot`, `last` of the next smaller size 200 steps on.
    """
    for spec in findings.specs("dataset-size", p.name):
        first = (spec.data.T, getattr(spec.data, "seed", None)) == (points.T, 0)
        run = store.load(spec.name) if first else None
        if run is not None:
            end = {"step": np.array([p.steps]), "W": run.W[None], "b": run.b[None]}
            kept = run.snapshots or end
            return [
                Start(W, b, int(s), float(_rates(p, int(s))[0]), "stored run")
                for s, W, b in zip(kept["step"], kept["W"], kept["b"], strict=True)
            ]
    if last is None or points.T <= on_the_spot:
        return [trained(p, points, paper.M, threads)]
    return [_continued(p, points, last, ON, f"{ON:,} steps on from the next smaller T", threads)]


def trained(p: Profile, points: Dataset, m: int, threads: int) -> Start:
    """Return weights of m hidden dimensions trained 2,500 steps on these points, here."""
    count = min(TRAINED, p.steps)
    fresh = Start(*initial_weights(m, p.n))
    return _continued(p, points, fresh, count, f"trained {count:,} steps here", threads)


def planted(points: Dataset, m: int, regime: str) -> Start:
    """Return weights put in by hand, for any m, as training would leave them in a regime.

    "generalising": 5 m / 2 features are long, the others short, and the bias is small and
    positive. "memorising": ten points a dimension, W = 10 Σ_i h_i x_iᵀ of random directions h_i,
    and a bias that silences most of what else they would set off.
    """
    rng, n = np.random.default_rng(m), points.n
    if regime == "generalising":
        W = rng.normal(size=(m, n))
        lengths = np.where(np.arange(n) < 5 * m // 2, 0.8, np.sqrt(0.9 * m / n))
        W *= lengths / np.linalg.norm(W, axis=0)
        bias = 0.65 / np.sqrt(n)
    else:
        few = min(points.T, 10 * m)
        h = rng.normal(size=(few, m))
        h /= np.linalg.norm(h, axis=1)[:, None]
        W = 10 * (h.T @ points.take(np.arange(few)).to_dense())
        W += rng.normal(size=W.shape) / np.sqrt(n)
        bias = -0.8 * np.linalg.norm(W) / np.sqrt(n)
    return Start(W.astype(np.float32), np.full(n, bias, np.float32))
