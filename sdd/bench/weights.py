"""Weights to time a step at: what a step costs depends on how far training is."""

from dataclasses import dataclass, replace

import numpy as np

from sdd import engine, findings, paper
from sdd.data import Dataset
from sdd.findings import Profile
from sdd.runs import store
from sdd.runs.spec import RunSpec
from sdd.training import initial_weights
from sdd.training.config import TrainConfig

__all__ = ["Start", "planted", "starts", "trained"]

TRAINED = 2_500  # steps taken where no run is stored
ON = 200  # steps taken on data to which the weights of another size are moved


@dataclass(frozen=True, eq=False)
class Start:
    """Weights, the number of steps and the learning rate at which they are, and their origin."""

    W: np.ndarray
    b: np.ndarray
    step: int
    rate: float
    origin: str


def _rate(p: Profile, step: int) -> float:
    """Return the learning rate of the profile's schedule at a step, or at its last one."""
    return float(TrainConfig(steps=p.steps).rates()[min(step, p.steps - 1)])


def _spec(p: Profile, T: int) -> RunSpec | None:
    found = [s for s in findings.specs("dataset-size", p.name) if s.data.T == T]
    return next((s for s in found if s.data.seed == 0), None)


def _trained_on(
    p: Profile, points: Dataset, start: Start, count: int, origin: str, threads: int
) -> Start:
    """Return the weights that many steps on, on these points."""
    state = engine.State(start.W, start.b, start.step)
    rates = np.array([_rate(p, start.step + t) for t in range(count)])
    how = {"weight_decay": paper.WEIGHT_DECAY, "eps": p.eps, "scale": 1 / p.n}
    engine.advance(state, points, rates, threads=threads, **how)
    return replace(start, W=state.W, b=state.b, step=state.steps, origin=origin)


def starts(
    p: Profile, points: Dataset, last: Start | None, threads: int, on_the_spot: int
) -> list[Start]:
    """Return the weights at which a step on these points is timed: the slowest is reported.

    Parameters
    ----------
    p : Profile
        Whose runs are looked for; `points` are those of its data seed 0.
    points : Dataset
        The training set.
    last : Start or None
        Weights of the next smaller size.
    threads : int
        Threads to use where steps are taken.
    on_the_spot : int
        T up to which weights are trained here where no run is stored.

    Returns
    -------
    list of Start
        Those of the stored run: its snapshots, or its end. Where none is stored, weights trained
        2,500 steps on; beyond `on_the_spot`, those of the next smaller size 200 steps on.
    """
    spec = _spec(p, points.T)
    run = store.load(spec.name) if spec else None
    if run is not None:
        end = {"step": np.array([p.steps]), "W": run.W[None], "b": run.b[None]}
        kept = run.snapshots or end
        return [
            Start(W, b, int(s), _rate(p, int(s)), "stored run")
            for s, W, b in zip(kept["step"], kept["W"], kept["b"], strict=True)
        ]
    if last is None or points.T <= on_the_spot:
        return [trained(p, points, paper.M, threads)]
    origin = f"{ON:,} steps on from the next smaller T"
    made = _trained_on(p, points, last, ON, origin, threads)
    return [replace(made, rate=_rate(p, made.step))]


def trained(p: Profile, points: Dataset, m: int, threads: int) -> Start:
    """Return weights of m hidden dimensions trained 2,500 steps on these points, here."""
    fresh = Start(*initial_weights(m, p.n), 0, 0.0, "")
    count = min(TRAINED, p.steps)
    made = _trained_on(p, points, fresh, count, f"trained {count:,} steps here", threads)
    return replace(made, rate=_rate(p, made.step))


def planted(points: Dataset, m: int, regime: str) -> tuple[np.ndarray, np.ndarray]:
    """Return weights put in by hand, for any m, as training would leave them in a regime.

    Parameters
    ----------
    points : Dataset
        The training set.
    m : int
        Hidden dimensions.
    regime : str
        "generalising": 5 m / 2 features are long, the others short, and the bias is small and
        positive. "memorising": ten points a dimension, W = 10 Σ_i h_i x_iᵀ of random
        directions h_i, and a bias that silences most of what else they would set off.
    """
    rng = np.random.default_rng(m)
    n = points.n
    if regime == "generalising":
        W = rng.normal(size=(m, n))
        W /= np.linalg.norm(W, axis=0)
        few = 5 * m // 2
        W[:, :few] *= 0.8
        W[:, few:] *= np.sqrt(0.9 * m / n)
        return W.astype(np.float32), np.full(n, 0.65 / np.sqrt(n), np.float32)
    few = min(points.T, 10 * m)
    h = rng.normal(size=(few, m))
    h /= np.linalg.norm(h, axis=1)[:, None]
    W = 10 * (h.T @ points.take(np.arange(few)).to_dense())
    W += rng.normal(size=W.shape) / np.sqrt(n)
    return W.astype(np.float32), np.full(n, -0.8 * np.linalg.norm(W) / np.sqrt(n), np.float32)
