"""What `import sdd` gives."""

import subprocess
import sys

import pytest

import sdd


def python(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )


def test_every_public_name_and_every_room_is_reachable_and_listed():
    for name in (*sdd.__all__, "figures", "measures", "theory", "paper", "runs", "model"):
        assert getattr(sdd, name) is not None
        assert name in dir(sdd)


@pytest.mark.slow
def test_a_misspelt_name_gets_the_right_one():
    assert (
        python("import sdd; sdd.trian")
        .stderr.strip()
        .endswith("AttributeError: module 'sdd' has no attribute 'trian'. Did you mean: 'train'?")
    )


@pytest.mark.slow
def test_importing_the_package_loads_neither_torch_nor_plots():
    done = python("import sys, sdd; print({'torch', 'matplotlib', 'pandas'} & set(sys.modules))")
    assert done.stdout.strip() == "set()"
