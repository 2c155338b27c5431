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
    print(run.train_loss, sdd.dimensionality(sdd.hidden(run.W, data)))

And ``sdd.findings.double_descent.table()`` is a finding as a table, a row a training.
"""

import importlib
from typing import Any

from sdd.data import Dataset, DataSettings, Stream, sample, stream
from sdd.engine import hidden, loss, loss_and_grad
from sdd.measures.geometry import dimensionality
from sdd.training import Run, TrainConfig, TrainingDiverged, evaluate, train

__all__ = [
    "DataSettings",
    "Dataset",
    "Run",
    "Stream",
    "TrainConfig",
    "TrainingDiverged",
    "dimensionality",
    "evaluate",
    "findings",
    "hidden",
    "loss",
    "loss_and_grad",
    "sample",
    "stream",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import `sdd.findings` when first asked for, as it imports the module of each chapter."""
    if name == "findings":
        return importlib.import_module("sdd.findings")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
