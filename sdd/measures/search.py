"""A search for a local minimum that goes downhill in small steps.

`scipy.optimize` finds other local minima of the refits for which it is used: its longer steps land
on the plateau where a model has no output.
"""

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

    It moves to the lowest of a point's neighbours, and where none is lower halves the step. It
    needs no derivatives, which jump where outputs become zero.

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
