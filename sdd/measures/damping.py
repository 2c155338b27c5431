"""How much AdamW's ε damps the steps of each feature: √v against ε, over training.

AdamW divides the first moment by √v̂ + ε. Where √v̂ is far above ε a step has the size of the
learning rate, however small the gradient; where it is far below, the step shrinks with it. Both are
given here as if the loss were summed over features: of a run trained on the mean they are n times
what the optimiser saw, which leaves their ratio as it was.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from sdd.data import DataSettings
from sdd.engine import BETAS
from sdd.training.run import Run

__all__ = [
    "SEEN",
    "by_feature",
    "by_times_seen",
    "drawn_data",
    "effective_share",
    "group_of",
    "halfway",
    "of_the_paper",
    "ratio",
    "root_moments",
    "sum_form_eps",
    "times_seen",
    "to_come",
]

# The groups in which features are looked at: in at most so many training points they are active.
SEEN = {"never": 0, "once": 1, "2 to 5 times": 5, "more often": 2**31}


def _factor(run: Run) -> float:
    return float(run.W.shape[1]) if run.config.reduction == "mean" else 1.0


def sum_form_eps(run: Run) -> float:
    """Return the ε of the same training on the sum over features: n ε where it was on the mean.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    float
        In units of the gradient of the summed loss with respect to a weight.

    Examples
    --------
    >>> from sdd.measures.damping import sum_form_eps
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100, eps=1e-6))
    >>> round(sum_form_eps(run), 9)
    5e-05
    """
    return run.eps * _factor(run)


def root_moments(run: Run) -> tuple[Int[np.ndarray, "k"], Float[np.ndarray, "k n"]]:
    """Return the steps of a run's snapshots and √v̂ of each feature there, in the sum form.

    Of the m weights of a feature the root of the mean square is taken; v̂ = v/(1 − β₂ᵗ) as AdamW
    corrects it. In units of the gradient of the summed loss with respect to a weight.

    Parameters
    ----------
    run : Run
        With k snapshots.

    Returns
    -------
    steps : (k,) int array
        Numbers of the steps.
    root : (k, n) array
        √v̂ after each.

    Raises
    ------
    ValueError
        Where the run has no snapshots.

    Examples
    --------
    >>> from sdd.measures.damping import root_moments
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100), snapshots=(50, 100))
    >>> steps, root = root_moments(run)
    >>> steps, root.shape
    (array([ 50, 100]), (2, 50))
    """
    if not run.snapshots:
        raise ValueError("the run must have snapshots, to read second moments from, but has none")
    steps = np.asarray(run.snapshots["step"], int)
    correction = 1 - BETAS[1] ** np.maximum(steps, 1)
    v = np.asarray(run.snapshots["vW"], np.float64).mean(axis=1) / correction[:, None]
    return steps, _factor(run) * np.sqrt(v)


def effective_share(root: Float[np.ndarray, "..."], eps: float) -> Float[np.ndarray, "..."]:
    """Return √v̂/(√v̂ + ε): the share of AdamW's full step that is left to a weight.

    The effective learning rate is this times the nominal one.

    Parameters
    ----------
    root : array
        √v̂, of any shape.
    eps : float
        AdamW's ε, in the same unit.

    Returns
    -------
    array
        In [0, 1], float64, of the shape of `root`; 0 where both are 0.

    Examples
    --------
    >>> from sdd.measures.damping import effective_share
    >>> effective_share(np.array([0.0, 1e-8, 1e-4]), eps=1e-8).round(3)
    array([0. , 0.5, 1. ])
    """
    root = np.asarray(root, np.float64)
    return np.divide(root, root + eps, out=np.zeros_like(root), where=root + eps > 0)


def drawn_data(run: Run) -> DataSettings:
    """Return the settings of the data that a run was trained on.

    Parameters
    ----------
    run : Run
        Trained on drawn data.

    Returns
    -------
    DataSettings
        As of ``run.data``.

    Raises
    ------
    ValueError
        Where these were data of one's own, which have no settings.

    Examples
    --------
    >>> from sdd.measures.damping import drawn_data
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> drawn_data(run).sparsity
    0.9
    """
    if not isinstance(run.data, DataSettings):
        raise ValueError("the run must be of drawn data, not of data of one's own")
    return run.data


def of_the_paper(run: Run) -> Run:
    """Return the run; raise ValueError where its model is one of one's own.

    For measures that take outputs ReLU(Wᵀ h + b) apart.

    Parameters
    ----------
    run : Run
        Any run.

    Returns
    -------
    Run
        The same.

    Raises
    ------
    ValueError
        Where its model is not the paper's.

    Examples
    --------
    >>> from sdd.measures.damping import of_the_paper
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> of_the_paper(run) is run
    True
    """
    if run.model:
        raise ValueError(f"the run must be of the paper's model for this, not of {run.model}")
    return run


def times_seen(run: Run) -> Int[np.ndarray, "n"]:
    """Return in how many points of its training set each feature is active.

    Parameters
    ----------
    run : Run
        Trained on finitely many points.

    Returns
    -------
    (n,) int array
        From 0 to T.

    Raises
    ------
    ValueError
        Where T is infinite.

    Examples
    --------
    >>> from sdd.measures.damping import times_seen
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100))
    >>> int(times_seen(run).sum()) == data.values.size
    True
    """
    data = run.training_set()
    return np.bincount(data.indices, minlength=data.n)


def group_of(seen: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """Return in which group of `SEEN`, counted from 0, each feature is.

    Parameters
    ----------
    seen : (n,) int array
        In how many points of the training set each is active (see `times_seen`).

    Returns
    -------
    (n,) int array
        From 0 ("never") to 3 ("more often").

    Examples
    --------
    >>> from sdd.measures.damping import group_of
    >>> group_of(np.array([0, 1, 2, 5, 6]))
    array([0, 1, 2, 2, 3])
    """
    return np.searchsorted(list(SEEN.values()), seen)


def ratio(runs: pd.DataFrame) -> pd.Series:
    """Return (ε of the summed loss) ÷ (1 − S) of each run of a table, to three digits.

    Parameters
    ----------
    runs : DataFrame
        With columns ``n``, ``sparsity``, ``reduction`` and ``eps``.

    Returns
    -------
    Series
        A value a run, with the table's index.

    Examples
    --------
    >>> from sdd.measures.damping import ratio
    >>> run = {"n": 10_000, "sparsity": 0.999, "reduction": "mean", "eps": 1e-8}
    >>> ratio(pd.DataFrame([run, {**run, "reduction": "sum"}])).tolist()
    [0.1, 1e-05]
    """
    factor = runs["n"].where(runs["reduction"] == "mean", 1)
    return (factor * runs["eps"] / (1 - runs["sparsity"])).map(lambda v: float(f"{v:.3g}"))


def by_feature(run: Run) -> pd.DataFrame:
    """Return AdamW's second moments of a run: a row a feature and snapshot.

    Parameters
    ----------
    run : Run
        With k snapshots.

    Returns
    -------
    DataFrame
        Columns are ``step``, ``root`` (√v̂, see `root_moments`) and ``share`` (see
        `effective_share`).

    Raises
    ------
    ValueError
        Where the run has no snapshots.

    Examples
    --------
    >>> from sdd.measures.damping import by_feature
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100), snapshots=(50, 100))
    >>> by_feature(run).groupby("step").size().to_dict()
    {50: 50, 100: 50}
    """
    steps, root = root_moments(run)
    step, share = np.repeat(steps, root.shape[1]), effective_share(root, sum_form_eps(run))
    return pd.DataFrame({"step": step, "root": root.ravel(), "share": share.ravel()})


def by_times_seen(run: Run) -> pd.DataFrame:
    """Return how features fare by how often the training set shows them: a row a group of `SEEN`.

    Parameters
    ----------
    run : Run
        With snapshots, and trained on finitely many points.

    Returns
    -------
    DataFrame
        Columns are ``seen``, ``length`` (root mean square length of columns of W) and ``share``
        (median share of a full step, in the snapshot nearest to half of the training); empty groups
        have no row.

    Raises
    ------
    ValueError
        Where the run has no snapshots, or T is infinite.

    Examples
    --------
    >>> from sdd.measures.damping import by_times_seen
    >>> data = sdd.sample(5, n=50, sparsity=0.9)
    >>> run = sdd.train(data, sdd.TrainConfig(steps=100), snapshots=(50,))
    >>> by_times_seen(run)["seen"].tolist()
    ['never', 'once', '2 to 5 times']
    """
    steps, root = root_moments(run)
    half = int(np.argmin(np.abs(steps - run.config.steps / 2)))
    features = pd.DataFrame(
        {
            "seen": pd.Categorical.from_codes(group_of(times_seen(run)), list(SEEN), ordered=True),
            "square": (run.W.astype(float) ** 2).sum(axis=0),
            "share": effective_share(root[half], sum_form_eps(run)),
        }
    )
    found = features.groupby("seen", observed=True).agg({"square": "mean", "share": "median"})
    return found.assign(length=np.sqrt(found["square"])).drop(columns="square").reset_index()


def to_come(runs: pd.DataFrame) -> pd.Series:
    """Return log‖W‖ of runs on a scale from 1 (at the least ratio) to 0 (at the largest).

    How long W is where ε does not matter depends on T; where it begins to matter need not.

    Parameters
    ----------
    runs : DataFrame
        With columns ``ratio`` (see `ratio`) and ``W_norm``, a row a run.

    Returns
    -------
    Series
        A value a run, with the table's index.

    Examples
    --------
    >>> from sdd.measures.damping import to_come
    >>> runs = pd.DataFrame({"ratio": [1e-4, 1e-2, 1.0], "W_norm": [100.0, 10.0, 1.0]})
    >>> to_come(runs).round(3).tolist()
    [1.0, 0.5, 0.0]
    """
    logs = np.log(runs["W_norm"])
    means = logs.groupby(runs["ratio"]).mean()
    return (logs - means.iloc[-1]) / (means.iloc[0] - means.iloc[-1])


def halfway(runs: pd.DataFrame) -> list[float]:
    """Return log₁₀ of the ratio at which each seed's `to_come` passes one half, interpolated.

    Where it is below from the start, or never, that is the first ratio, or the last. Seeds that
    do not have all ratios are left out.

    Parameters
    ----------
    runs : DataFrame
        With columns ``ratio``, ``W_norm`` and ``data_seed``, a row a run.

    Returns
    -------
    list of float
        A value a seed.

    Examples
    --------
    >>> from sdd.measures.damping import halfway
    >>> norms = {"ratio": [1e-4, 1e-2, 1.0], "W_norm": [100.0, 20.0, 1.0]}
    >>> [round(place, 2) for place in halfway(pd.DataFrame({**norms, "data_seed": 0}))]
    [-1.54]
    """
    shares = runs.assign(share=to_come(runs)).pivot(
        index="data_seed", columns="ratio", values="share"
    )
    x, places = np.log10(shares.columns), []
    for y in shares.dropna().to_numpy():
        below = np.flatnonzero(y < 0.5)
        k = below[0] if below.size else len(x) - 1
        ends = [k, max(k - 1, 0)]
        places.append(float(np.interp(0.5, y[ends], x[ends])))
    return places
