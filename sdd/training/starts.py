"""Where a training starts: random initial weights, or planted ones.

A planted start puts weights where a theory says that a solution lies. It is named by a short
text, which is part of a run's settings:

- ``tgon:F``: the training points on a regular polygon of F times the least radius that memorises
  them (see `sdd.theory.tgon_solution`); their supports must be disjoint.
- ``ring:K:r:b``: the first K features at equal angles, of length r and with bias b; all other
  weights as they are without a start.
- ``top-ring:K:r:b``: the same of the K features with the largest Σ x² in the training set, so
  that no other feature takes their place for its frequency alone.
"""

import hashlib
import math

import numpy as np
from jaxtyping import Float, Int

from sdd import theory
from sdd.data import Dataset, Stream
from sdd.training.config import TrainConfig

__all__ = ["config_weights", "hash_arrays", "initial_weights", "most_used", "planted"]

RINGS = ("ring", "top-ring")


def initial_weights(
    m: int, n: int, seed: int = 0, gain: float = 1.0, dtype: str = "float32", xavier: str = "normal"
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "n"]]:
    """Return Xavier weights (standard deviation gain · √(2/(m + n))) and a zero bias.

    The paper says "Xavier-initialised" and no more: "normal" and "uniform" have the same
    variance. Their random stream is separate from those of the data.

    Parameters
    ----------
    m, n : int
        Hidden dimensions and features.
    seed : int
        Parameter seed.
    gain : float
        Factor on the standard deviation.
    dtype : str
        "float32" or "float64".
    xavier : str
        "normal" or "uniform".

    Returns
    -------
    W : (m, n) array
        Weights.
    b : (n,) array
        Zeros.

    Examples
    --------
    >>> from sdd.training import initial_weights
    >>> W, b = initial_weights(2, 50)
    >>> W.shape, b.shape
    ((2, 50), (50,))
    """
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(3,))))
    edge = math.sqrt(3)
    W = rng.standard_normal((m, n)) if xavier == "normal" else rng.uniform(-edge, edge, (m, n))
    W *= gain * math.sqrt(2 / (m + n))
    return W.astype(dtype), np.zeros(n, dtype)


def config_weights(config: TrainConfig, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `initial_weights` that a config asks for.

    Parameters
    ----------
    config : TrainConfig
        Its m, seed, gain, xavier and dtype count.
    n : int
        Number of features.

    Returns
    -------
    W, b : (m, n) and (n,) array
        As `initial_weights` gives them.

    Examples
    --------
    >>> from sdd.training.starts import config_weights
    >>> config_weights(sdd.TrainConfig(m=3), 50)[0].shape
    (3, 50)
    """
    return initial_weights(config.m, n, config.seed, config.gain, config.dtype, config.xavier)


def hash_arrays(*arrays: np.ndarray) -> str:
    """Return a short hash of the arrays' contents.

    Parameters
    ----------
    *arrays : array
        Of any shape and type; shapes do not count.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> from sdd.training.starts import hash_arrays
    >>> len(hash_arrays(np.zeros(3)))
    16
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def most_used(data: Dataset, count: int) -> Int[np.ndarray, "count"]:
    """Return the features with the largest Σ x² in the data, the largest first.

    Parameters
    ----------
    data : Dataset
        Rows of n features.
    count : int
        How many features.

    Returns
    -------
    (count,) int array
        Their numbers; of equals, the lower first.

    Examples
    --------
    >>> from sdd.training.starts import most_used
    >>> most_used(sdd.Dataset.from_dense(np.eye(4)[[2, 2, 1]]), 2)
    array([2, 1])
    """
    squares = np.bincount(data.indices, data.values.astype(np.float64) ** 2, data.n)
    return np.argsort(-squares, kind="stable")[:count]


def _finite(kind: str, data: Dataset | Stream) -> Dataset:
    if isinstance(data, Stream):
        raise ValueError(f'a start "{kind}" needs a finite T, not T = infinity')
    return data


def planted(
    start: str, data: Dataset | Stream, config: TrainConfig
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "n"]]:
    """Return the weights that a start names, for `sdd.train`'s ``init``.

    Parameters
    ----------
    start : str
        "tgon:F", "ring:K:r:b" or "top-ring:K:r:b", see above.
    data : Dataset or Stream
        The training set; for "tgon" a finite one with disjoint supports, for "top-ring" a finite
        one.
    config : TrainConfig
        m must be 2, and restarts 1.

    Returns
    -------
    W, b : (2, n) and (n,) array
        Of the config's type.

    Raises
    ------
    ValueError
        Where the text names no start, or the start does not fit data and config.

    Examples
    --------
    >>> from sdd.training.starts import planted
    >>> W, b = planted("ring:5:0.9:-0.1", sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig())
    >>> np.linalg.norm(W[:, :5], axis=0).round(3)
    array([0.9, 0.9, 0.9, 0.9, 0.9], dtype=float32)
    """
    kind, *texts = start.split(":")
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        numbers = []
    if config.m != 2 or config.restarts != 1:
        raise ValueError(
            f"a planted start needs m = 2 and restarts = 1, not {config.m} and {config.restarts}"
        )
    if kind == "tgon" and len(numbers) == 1 and numbers[0] > 0:
        points = _finite(kind, data)
        W, b = theory.tgon_solution(points, numbers[0] * theory.tgon_threshold(points.T))
    elif kind in RINGS and len(numbers) == 3 and numbers[0].is_integer() and numbers[0] >= 1:
        K, (r, bias) = int(numbers[0]), numbers[1:]
        if K > data.n:
            raise ValueError(f"a ring must have at most n = {data.n} features, not {K}")
        W, b = config_weights(config, data.n)
        angles = 2 * math.pi * np.arange(K) / K
        chosen = np.arange(K) if kind == "ring" else most_used(_finite(kind, data), K)
        W[:, chosen] = r * np.stack([np.cos(angles), np.sin(angles)])
        b[chosen] = bias
    else:
        raise ValueError(
            'start must be "tgon:F", "ring:K:r:b" or "top-ring:K:r:b", such as "ring:5:0.9:-0.1", '
            f"not {start!r}"
        )
    return W.astype(config.dtype), b.astype(config.dtype)
