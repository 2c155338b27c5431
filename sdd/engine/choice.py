"""Which way a step goes: a rule of sizes alone, as the bits of a result hang on it."""

__all__ = ["LEAST", "prunes"]

LEAST = 256  # points and features from which looking for pairs to skip pays: measured


def prunes(m: int, n: int, T: int) -> bool:
    """Return whether a step of this size skips pairs whose sign is known."""
    return m == 2 and min(n, T) >= LEAST
