"""What the closed forms ask of their arguments."""

import numpy as np

__all__ = ["require", "require_law"]


def require(holds: bool | np.bool_, rule: str, value: object) -> None:
    """Raise a ValueError that names the rule and the value where it does not hold.

    Parameters
    ----------
    holds : bool
        Whether the value keeps the rule.
    rule : str
        How the sentence starts, such as "n must be at least 1".
    value : object
        What was given.

    Raises
    ------
    ValueError
        Where it does not.

    Examples
    --------
    >>> sdd.theory.arguments.require(0 >= 1, "n must be at least 1", 0)
    Traceback (most recent call last):
    ValueError: n must be at least 1, not 0
    """
    if not holds:
        raise ValueError(f"{rule}, not {value!r}")


def require_law(n: int, sparsity: float) -> None:
    """Raise a ValueError where n or S can be no law of data.

    Parameters
    ----------
    n, sparsity : int, float
        Law of the data.

    Raises
    ------
    ValueError
        Where n is below 1 or S not in [0, 1).

    Examples
    --------
    >>> sdd.theory.arguments.require_law(1_000, sparsity=99)
    Traceback (most recent call last):
    ValueError: sparsity must be in [0, 1), not 99
    """
    require(n >= 1, "n must be at least 1", n)
    require(0 <= sparsity < 1, "sparsity must be in [0, 1)", sparsity)
