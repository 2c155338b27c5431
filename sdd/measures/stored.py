"""How many of a run's training points are stored: restored better than by half."""

from sdd.measures.columns import point_losses
from sdd.training.run import Run

__all__ = ["HALF", "PLANTED", "stored_points"]

HALF = 0.5  # a point whose squared error is below this counts as stored; no output leaves it one
PLANTED = 8  # points of the polygons that are planted, and then grown


def stored_points(run: Run) -> dict[str, int]:
    """Return how many training points are stored, of all and of the first `PLANTED`.

    Parameters
    ----------
    run : Run
        A run of finite T.

    Returns
    -------
    dict of str to int
        ``stored`` and ``first_stored``.

    Examples
    --------
    >>> from sdd.measures.stored import stored_points
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
    >>> stored_points(run)
    {'stored': 5, 'first_stored': 5}
    """
    stored = point_losses(run) < HALF
    return {"stored": int(stored.sum()), "first_stored": int(stored[:PLANTED].sum())}
