"""Where generalising overtakes memorising, roughly."""

from sdd.theory.constants import feature_mean
from sdd.theory.rings import best_ring
from sdd.theory.rules import require

__all__ = ["crossover"]


def crossover(n: int, sparsity: float, K: int | float) -> tuple[float, float]:
    """Return bounds of the T where generalising overtakes memorising K points.

    Memorising lowers the training loss by about K/T. Generalising lowers it by what a pentagon
    with b = 0 gains, and by n μ² besides where it has the best constant output. T is K over either
    gain: the lower bound with both, the upper one with the pentagon's alone. A rough estimate.

    Raises
    ------
    ValueError
        Where K is not positive, n < 1, or S is not in [0, 1).
    """
    require(K > 0, "K must be positive", K)
    pentagon = -(1 - sparsity) * best_ring(5, free_bias=False, n=n, sparsity=sparsity).loss_change
    constant = n * feature_mean(n, sparsity) ** 2
    return K / (pentagon + constant), K / pentagon
