"""How the least of a function is found where no closed form gives it."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

__all__ = ["compass"]


def compass(
    f: Callable[[Float[np.ndarray, " k"]], float],
    start: Sequence[float],
    steps: Sequence[float],
    finest: float = 2.0**-5,
) -> Float[np.ndarray, " k"]:
    """Return a point from which no step of `finest` times `steps` along an axis lowers f.

    From each point on to the lowest of its neighbours, and where none is lower on with half the
    step. Without derivatives, which jump where outputs fall silent.

    Parameters
    ----------
    f : callable
        What is to be low, of a (k,) array.
    start : sequence of float
        Where to begin.
    steps : sequence of float
        First step along each axis.
    finest : float
        Smallest step, in units of the first.
    """
    point = np.array(start, float)
    least, size = f(point), 1.0
    axes = np.concatenate([np.diag(steps), -np.diag(steps)])
    while size >= finest:
        values = [f(point + size * axis) for axis in axes]
        k = int(np.argmin(values))
        if values[k] < least:
            point, least = point + size * axes[k], values[k]
        else:
            size /= 2
    return point
