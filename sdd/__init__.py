"""Exact, fast reproduction of "Superposition, Memorization, and Double Descent".

Letters, here and everywhere in the package (words are told on the book's home page):

===  =========================================================================
n    number of features (10,000 in the paper)
m    number of hidden dimensions (mostly 2)
T    number of training points; T = ∞ means fresh points at every step
S    sparsity: the probability that a feature is zero (0.999); p = 1 − S
X    the training set, (T, n), rows of unit norm
W    the weights, (m, n), used as encoder and, transposed, as decoder
b    the bias, (n,)
h    the hidden vectors h_i = W x_i, (T, m)
D    dimensionality, of a feature (a column of W) or of an example (a row of h)
x'   the output, ReLU(Wᵀ h + b)
L    the loss: squared error summed over features, averaged over points
ε    AdamW's constant: it divides by √v + ε
θ    what a claim estimates
C    the region of θ in which the claim is true
===  =========================================================================

Five lines train a model and look at it::

    import sdd
    data = sdd.sample(T=10)
    run = sdd.train(data)
    print(run.train_loss, sdd.dimensionality(run.hidden()))

And ``sdd.findings.double_descent.table()`` is a finding as a table, a row a training.
"""

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from typing import TYPE_CHECKING, Any

from sdd.data import Dataset, DataSettings, Stream, sample, stream
from sdd.engine import hidden, loss, loss_and_grad
from sdd.measures.geometry import dimensionality
from sdd.training import Run, TrainConfig, TrainingDiverged, evaluate, load, train

if TYPE_CHECKING:
    from sdd.measures.table import table
    from sdd.model import ReLUOutput
    from sdd.runs import RunSpec, fetch, train_missing

__all__ = [
    "DataSettings",
    "Dataset",
    "ReLUOutput",
    "Run",
    "RunSpec",
    "Stream",
    "TrainConfig",
    "TrainingDiverged",
    "dimensionality",
    "evaluate",
    "fetch",
    "findings",
    "hidden",
    "load",
    "loss",
    "loss_and_grad",
    "sample",
    "stream",
    "table",
    "train",
    "train_missing",
]

# Imported when first asked for: PyTorch, pandas and joblib take seconds.
_LATER = {
    "ReLUOutput": "sdd.model",
    "RunSpec": "sdd.runs",
    "fetch": "sdd.runs",
    "table": "sdd.measures.table",
    "train_missing": "sdd.runs",
}


def __getattr__(name: str) -> Any:
    """Import a name of `_LATER`, or a module of this package, when it is first asked for."""
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    if name == "__version__":
        return importlib.metadata.version("sdd")
    if not name.startswith("_") and importlib.util.find_spec(f"sdd.{name}") is not None:
        return importlib.import_module(f"sdd.{name}")
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__]
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *(found.name for found in pkgutil.iter_modules(__path__))})
