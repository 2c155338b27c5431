"""What a training leaves: a `Run`, the model with what it was trained on and how it went."""

import math
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sdd import engine
from sdd.data import Dataset, DataSettings, as_dataset
from sdd.names import printable, what_failed
from sdd.training.config import TrainConfig

__all__ = ["Run", "settings_row"]


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A trained model, what it was trained on, and how the training went.

    Parameters
    ----------
    W : (m, n) array
        Weights.
    b : (n,) array
        Bias.
    config : TrainConfig
        How it was trained.
    data : DataSettings or Dataset
        What it was trained on: how it was drawn, or data of your own.
    history : dict of (records,) arrays
        "step", "lr", "loss" (summed form, before the step's update), "W_norm", "b_norm".
    train_loss : float
        Final loss on the training set, in the summed form; on a fresh batch for T = ∞.
    restart_losses : (restarts,) array
        Final training losses of all parameter seeds; the run is the one of the lowest.
    snapshots : dict of arrays
        "step" (k,), "W" (k, m, n), "b" (k, n), AdamW's second moments of both, "vW" and "vb", and
        the other parameters of a model of your own.
    start : str
        "" for a fresh start, the name of a planted one (see `sdd.training.starts`), "run:NAME"
        after the run of that name, or the hash of the initial weights that were given.
    test_loss, test_error : float
        Mean over a test set and its standard error; NaN until evaluated.
    model : str
        "" for the paper's model, or the `sdd.model.model_name` of one of your own.
    others : dict of arrays
        The parameters besides W and b of a model of your own, by name.
    test : str
        Content hash of the test set, where it was one of your own.

    Examples
    --------
    >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
    >>> run.W.shape, run.steps, len(run.history["loss"]) > 50
    ((2, 50), 100, True)
    """

    W: Float[np.ndarray, "m n"]
    b: Float[np.ndarray, "n"]
    config: TrainConfig
    data: DataSettings | Dataset
    history: dict[str, np.ndarray]
    train_loss: float
    restart_losses: Float[np.ndarray, "restarts"]
    snapshots: dict[str, np.ndarray] = field(default_factory=dict)
    start: str = ""
    test_loss: float = math.nan
    test_error: float = math.nan
    model: str = ""
    others: dict[str, np.ndarray] = field(default_factory=dict)
    test: str = ""

    @property
    def T(self) -> float:
        """Number of training points (infinite for fresh batches)."""
        return self.data.T

    @property
    def eps(self) -> float:
        """AdamW's ε, as it was used."""
        return self.config.eps or 0.0  # (never None in a run)

    @property
    def steps(self) -> int:
        """Steps taken: those of the config, or fewer where a callback stopped the training."""
        return int(self.history["step"][-1])

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the run, as plain values."""
        if isinstance(self.data, Dataset):
            data = {"hash": self.data.content_hash()}
        else:
            data = asdict(self.data)
        own = {name: text for name in ("model", "test") if (text := getattr(self, name))}
        return {"data": data, "config": asdict(self.config), "start": self.start} | own

    def training_set(self) -> Dataset:
        """Return the points that it was trained on, drawn again where they were drawn.

        Raises
        ------
        ValueError
            Where it saw fresh points at every step (T = ∞).
        """
        data = self.data if isinstance(self.data, Dataset) else self.data.make()
        if not isinstance(data, Dataset):
            raise ValueError("the training set must be finite, but this run's T is infinite")
        return data

    def hidden(self, data: Any = None) -> Float[np.ndarray, "T m"]:
        """Return the hidden vectors of points, h = W x in the paper's model.

        Parameters
        ----------
        data : Dataset or (T, n) array, tensor or scipy.sparse matrix
            The points; None means the training set.

        Returns
        -------
        (T, m) array
            Hidden vectors as rows.

        Raises
        ------
        ValueError
            Where no data are given and T is infinite, or they do not fit the weights.

        Examples
        --------
        >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=300, lr=0.03))
        >>> sdd.dimensionality(run.hidden()).round(1)  # five points in two dimensions
        array([0.4, 0.4, 0.4, 0.4, 0.4])
        """
        data = self.training_set() if data is None else as_dataset(data)
        if not self.model:
            return engine.hidden(self.W, data)
        engine.check_shapes(self.W, self.b, data)
        from sdd.engine import torch_model  # PyTorch takes seconds

        return torch_model.hidden(self.torch(), data)

    def errors(self, data: Any = None) -> Float[np.ndarray, "T"]:
        """Return the squared error of each point, summed over features, in float64.

        Parameters
        ----------
        data : Dataset or (T, n) array, tensor or scipy.sparse matrix
            The points; None means the training set.

        Returns
        -------
        (T,) array
            Their mean is the loss; where points count several times, `Dataset.mean` of them is.

        Raises
        ------
        ValueError
            Where no data are given and T is infinite, or they do not fit the weights.

        Examples
        --------
        >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
        >>> bool(abs(run.errors().mean() - run.train_loss) < 1e-4)
        True
        """
        data = self.training_set() if data is None else as_dataset(data)
        if not self.model:
            return engine.loss(self.W, self.b, data, per_example=True)
        engine.check_shapes(self.W, self.b, data)
        from sdd.engine import torch_model

        return torch_model.errors(self.torch(), data)

    def torch(self) -> Any:
        """Return the model as a PyTorch module with these weights: `sdd.ReLUOutput`, or your own.

        Raises
        ------
        LookupError
            Where the class of a model of your own is not defined in this Python.
        """
        from sdd.engine import torch_model
        from sdd.model import find_model

        return torch_model.module_of(find_model(self.model), self.W, self.b, self.others)

    def save(self, path: Any) -> None:
        """Write the run to a file, whole or not at all; `sdd.load` reads it.

        Parameters
        ----------
        path : str or Path
            Its folder is made where it is missing; a file that is there is replaced.

        Raises
        ------
        OSError
            Where it cannot be written.

        Examples
        --------
        >>> run = sdd.train(sdd.sample(5, n=50, sparsity=0.9), sdd.TrainConfig(steps=100))
        >>> run.save("five-points.safetensors")
        >>> sdd.load("five-points.safetensors").train_loss == run.train_loss
        True
        """
        from sdd.training.files import write_run

        try:
            write_run(self, Path(path))
        except OSError as error:
            why = f"the run cannot be saved as {printable(path)}: {what_failed(error)}"
            raise type(error)(why) from error

    def table_row(self) -> dict[str, Any]:
        """Return settings and losses as named plain values: a row of a table.

        ``data_seed`` and ``seed`` are the seeds of data and of initial weights; ``lr_sum`` is the
        sum of all learning rates, ``W_norm`` and ``b_norm`` are Euclidean. ``data`` is the content
        hash of data of your own, and ``model`` the name of the model's class.
        """
        lost = int((self.restart_losses > 0.5 / self.T).sum()) if self.T < math.inf else 0
        # (Not by np.linalg.norm: BLAS starts threads for it, which takes longer than the sum.)
        norms = (math.sqrt((a.astype(np.float64) ** 2).sum()) for a in (self.W, self.b))
        return {
            **settings_row(self.data, self.config, self.start, self.model),
            "snapshots": len(self.snapshots.get("step", ())),
            "train_loss": float(self.train_loss),
            "test_loss": float(self.test_loss),
            "test_error": float(self.test_error),
            "restarts_lost": lost,
            **dict(zip(("W_norm", "b_norm"), norms, strict=True)),
        }

    def __repr__(self) -> str:
        (m, n), c = self.W.shape, self.config
        if isinstance(self.data, Dataset):
            of = f"T = {self.T:,} points of your own ({self.data.content_hash()})"
        else:
            T = "∞" if self.T == math.inf else f"{self.T:,}"
            of = f"T = {T}, S = {self.data.sparsity:g}, data seed {self.data.seed}"
        taken = f"{self.steps:,}" + (f" of {c.steps:,}" if self.steps < c.steps else "")
        tested = f"{self.test_loss:.6g} ± {self.test_error:.1g}"
        return (
            f"Run of {self.model or 'ReLUOutput'}, W {m} × {n:,}: {of}\n"
            f"  {taken} steps, lr {c.lr:g}, weight decay {c.weight_decay:g}, ε {c.eps:g} "
            f"({c.reduction}), seed {c.seed}\n"
            f"  training loss {self.train_loss:.6g}, test loss "
            f"{tested if math.isfinite(self.test_loss) else 'not evaluated'}"
        )


def settings_row(
    data: DataSettings | Dataset, config: TrainConfig, start: str, model: str = ""
) -> dict[str, Any]:
    """Return the settings of a run as named plain values; see `Run.table_row`.

    Parameters
    ----------
    data : DataSettings or Dataset
        What it is trained on.
    config, start, model
        As of a `Run`.

    Returns
    -------
    dict
        A value a setting.

    Examples
    --------
    >>> from sdd.training.run import settings_row
    >>> settings_row(sdd.DataSettings(T=5, n=50), sdd.TrainConfig(lr=0.01), "")["lr"]
    0.01
    """
    if isinstance(data, Dataset):
        drawn = {
            "batch": None,
            "features": None,
            "repeats": None,
            "repeated": None,
            "data_seed": math.nan,
            "data": data.content_hash(),
        }
    else:
        drawn = {k: getattr(data, k) for k in ("batch", "features", "repeats", "repeated")}
        drawn |= {"data_seed": data.seed, "data": ""}
    return {
        "T": float(data.T), "n": data.n, "sparsity": data.sparsity, **drawn,
        "model": model.rpartition("-")[0] or "ReLUOutput", **vars(config),
        "lr_sum": _rates_sum(replace(config, seed=0)), "start": start,
    }  # fmt: skip


@lru_cache
def _rates_sum(config: TrainConfig) -> float:
    """Return the sum of all learning rates: that of thousands of rows in one table."""
    return float(config.rates().sum())
