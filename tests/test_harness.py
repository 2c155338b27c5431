"""Kills, damage, full disks, others' stores: the trials of `make harness`, each a few times."""

from pathlib import Path

import harness
import pytest

QUICK = ("damaged files", "forged files")
SHORT = [name for name, trial in harness.TRIALS.items() if trial.few]
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SHORT]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_wrongly_accepted_or_left_behind(name):
    trial = harness.TRIALS[name]
    found, _ = harness.run(trial, trial.few, seed=0)
    assert found.said == ""
    if not found.tried:
        pytest.skip(found.left_out[0])
