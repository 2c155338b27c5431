"""All trials: importing this module enters them."""

from trials import FAULTS, TRIALS, Found, Trial, damage, forged, kills, odd, places, resumed

__all__ = [
    "FAULTS",
    "TRIALS",
    "Found",
    "Trial",
    "damage",
    "forged",
    "kills",
    "odd",
    "places",
    "resumed",
]
