"""Where generalising overtakes memorising, roughly."""

from sdd.theory.rules import require

__all__ = ["crossover"]


def crossover(n: int, K: int | float) -> tuple[float, float]:
    """Return bounds (K n/11, K n/4) of the T where generalising overtakes memorising K points.

    Memorising lowers the training loss by about K/T. Generalising lowers it by about 4/n with a
    pentagon alone, and by about 11.4/n with the constant output's 7.4/n besides; both hold where
    np = 10 features are active a row. Equal gains give the bounds: a rough estimate.

    Raises
    ------
    ValueError
        Where K is not positive.
    """
    require(K > 0, "K must be positive", K)
    return K * n / 11, K * n / 4
