"""Which way a step goes: a rule of sizes alone, as the bits of a result depend on it.

| m        | small T                             | large T                                      |
|----------|-------------------------------------|----------------------------------------------|
| 1        | all pairs, the kernel for any m     | pairs of known sign skipped, T, n ≥ 256      |
| 2, 3, 4  | all pairs, in registers             | the same                                     |
| 5 and up | all pairs, the kernel for any m     | tiles, and lists of active pairs, T ≥ 100    |

The bounds were measured: they are about where either way takes as long. How many threads a step
is worth depends on its size too, and changes no bit.
"""

__all__ = ["LEAST", "prunes", "threads_for", "tiled"]

LEAST = 256  # points and features from which looking for pairs to skip pays
LEAST_TILED = 100  # points from which tiles pay
THREAD_PAIRS = 2e6  # a step of fewer pairs is over sooner on one thread


def prunes(m: int, n: int, T: int) -> bool:
    """Return whether a step of this size skips pairs of known sign."""
    return m <= 4 and min(n, T) >= LEAST


def tiled(m: int, n: int, T: int) -> bool:
    """Return whether a step of this size goes through tiles."""
    return m > 4 and T >= LEAST_TILED


def threads_for(n: int, T: int, allowed: int) -> int:
    """Return how many threads a step of this size takes where so many are allowed."""
    return allowed if T * n >= THREAD_PAIRS else 1
