"""One module a chapter, with its runs and its claims; the rule that judges them; the scorecard.

Every module of this package is read, so that its experiments and claims are entered; so are
modules of your own, named in the environment variable ``SDD_FINDINGS`` (separated by commas).
"""

import importlib
import os
import pkgutil

from sdd.findings.claims import CLAIMS, claim
from sdd.findings.evidence import Evidence
from sdd.findings.experiments import EXPERIMENTS, experiment, run_like, specs
from sdd.findings.profiles import PROFILES, Profile, profile, spec

__all__ = [
    "CLAIMS",
    "EXPERIMENTS",
    "PROFILES",
    "Evidence",
    "Profile",
    "claim",
    "experiment",
    "profile",
    "run_like",
    "spec",
    "specs",
]

_own = [name for name in os.environ.get("SDD_FINDINGS", "").split(",") if name]
for _module in [*(f"{__name__}.{found.name}" for found in pkgutil.iter_modules(__path__)), *_own]:
    try:
        globals()[_module.rpartition(".")[2]] = importlib.import_module(_module)
    except ModuleNotFoundError as error:
        if _module in _own and error.name and _module.startswith(error.name):
            error.msg = f"SDD_FINDINGS names the module {_module}, which is not to be found"
        raise
