"""What the closed forms ask of their arguments."""

import numpy as np

__all__ = ["require", "require_law"]


def require(holds: bool | np.bool_, rule: str, value: object) -> None:
    """Raise a ValueError that names the rule and the value where it does not hold."""
    if not holds:
        raise ValueError(f"{rule}, not {value!r}")


def require_law(n: int, sparsity: float) -> None:
    """Raise a ValueError where n or S can be no law of data."""
    require(n >= 1, "n must be at least 1", n)
    require(0 <= sparsity < 1, "sparsity must be in [0, 1)", sparsity)
