"""Trials of the store and its sweeps: the same in `make harness`, many times, and as tests, a few.

A trial is a function of what it has `Found`, how many times to try, a source of randomness, and an
empty folder. It counts faults; none of them may be there.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FAULTS", "TRIALS", "Found", "Trial", "trial"]

# What may go wrong; each is a column of the table.
FAULTS = ("lost", "retrained", "accepted", "crashed", "hung", "left")


@dataclass
class Found:
    """What a trial has found: how often it tried, its faults, and what it measured."""

    tried: int = 0
    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in FAULTS})
    measured: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # what could not be tried here, and why

    def fault(self, kind: str, what: str) -> None:
        self.faults[kind].append(what)

    @property
    def said(self) -> str:
        """Every fault in a line; "" where there is none."""
        return "\n".join(f"{kind}: {what}" for kind, all_ in self.faults.items() for what in all_)


@dataclass(frozen=True)
class Trial:
    """A trial with its number of tries: `many` in `make harness`, `few` as a test (0: none)."""

    name: str
    run: Callable[[Found, int, random.Random, Path], None]
    many: int
    few: int


TRIALS: dict[str, Trial] = {}


def trial(name: str, many: int, few: int) -> Callable:
    """Enter a function as a trial."""

    def enter(function: Callable) -> Callable:
        TRIALS[name] = Trial(name, function, many, few)
        return function

    return enter
