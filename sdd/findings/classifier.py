"""A classifier of digits, trained as any model of one's own, and what is measured on it."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np

from sdd.data import Dataset
from sdd.data.images import digits, labelled, mnist
from sdd.measures.geometry import maximal_dimensionality
from sdd.measures.table import load
from sdd.runs.spec import RunSpec
from sdd.training.config import TrainConfig
from sdd.training.run import Run

__all__ = ["COMMENT", "TRAINED", "UNITS", "classified", "classifier", "left_out",
           "network", "parts"]  # fmt: skip

TRAINED = 1_000  # digits to train on, and five sixths of MNIST; the others are for testing
UNITS, COMMENT = 64, 512  # of the hidden layer: ours, and the comment's
RATES = {COMMENT: 0.01}  # learning rates; 0.03 for all else


@cache
def classifier() -> Any:
    """Return the model: one hidden layer of ReLU units, trained on the cross-entropy of labels."""
    import torch  # in here, as it takes seconds

    import sdd

    class Classifier(sdd.ReLUOutput):
        """W is the encoder of pixels (its columns but the last ten) and the decoder of labels."""

        def __init__(self, n, m=2):
            super().__init__(n, m)
            self.c = torch.nn.Parameter(torch.zeros(m))

        def hidden(self, x):
            return torch.relu(x[:, :-10] @ self.W[:, :-10].T + self.c)

        def logits(self, x):
            return self.hidden(x) @ self.W[:, -10:] + self.b[-10:]

        def forward(self, x):
            chances = torch.softmax(self.logits(x), 1) * x[:, -10:].sum(1, keepdim=True)
            return torch.cat([x[:, :-10], chances], 1)

        def objective(self, x):
            label = x[:, -10:].argmax(1)
            return torch.nn.functional.cross_entropy(self.logits(x), label, reduction="none")

    return Classifier


@cache
def parts(of: Callable[[], Any] = digits) -> tuple[Dataset, Dataset]:
    """Return the pictures to train on, and those to test on."""
    data = labelled(*of())
    trained = TRAINED if of is digits else data.T * 5 // 6
    return data[:trained], data[trained:]


def network(data: Dataset, test: Dataset, seed: int, units: int = UNITS) -> RunSpec:
    """Return the settings of one training of the classifier."""
    config = TrainConfig(
        m=units, steps=150, lr=RATES.get(units, 0.03), eps=1e-8, reduction="sum", seed=seed
    )
    return RunSpec(data, config, model=classifier(), test=test)


def _tested(run: Run, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the cross-entropy of each row, and whether it is classified right."""
    import torch

    x = torch.from_numpy(data.to_dense())
    with torch.no_grad():
        module = run.torch()
        right = module.logits(x).argmax(1) == x[:, -10:].argmax(1)
        return module.objective(x).double().numpy(), right.numpy()


def classified(run: Run) -> dict[str, float]:
    """Return the share of the test pictures that are classified right, ``accuracy``."""
    known = [parts()[1]] if mnist() is None else [parts()[1], parts(mnist)[1]]
    test = next(data for data in known if data.content_hash() == run.test)
    return {"accuracy": float(_tested(run, test)[1].mean())}


def left_out(run: Run) -> dict[str, float]:
    """Return which of the digits the training lacks, and what that does to the digit's loss.

    ``image`` is its row. ``D*`` and ``loss`` (cross-entropy) are those of the digit in the training
    from the same initial weights that has it, ``change`` is its loss here less that.
    """
    data = parts()[0]
    differs = data.to_dense()[:-1] != run.training_set().to_dense()
    image = int(np.argmax(np.append(differs.any(axis=1), True)))
    D, losses = _with_all(run.config.seed, run.config.m)
    change = _tested(run, data.take([image]))[0][0] - losses[image]
    return {"image": image, "D*": D[image], "loss": losses[image], "change": float(change)}


@lru_cache(maxsize=4)
def _with_all(seed: int, units: int) -> tuple[list[float], list[float]]:
    """Return D* and loss of every digit in the training that has them all."""
    (run,) = load([network(*parts(), seed, units).name])
    losses, _ = _tested(run, run.training_set())
    return maximal_dimensionality(run.hidden()).tolist(), losses.tolist()
