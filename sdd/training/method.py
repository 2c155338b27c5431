"""How steps are taken and losses computed: by the engine, or by PyTorch."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sdd import engine
from sdd.data import Dataset
from sdd.training.config import TrainConfig

if TYPE_CHECKING:
    from sdd.model import ReLUOutput

__all__ = ["Method"]


class Method:
    """The way to train a model: the paper's by the engine, or another device, or one's own.

    Parameters
    ----------
    config : TrainConfig
        Names the device.
    model : subclass of ReLUOutput, or None
        None, or `ReLUOutput` itself, is the paper's.

    Raises
    ------
    TypeError
        Where the model is no such class.
    ValueError
        Where this machine has no such device.
    """

    def __init__(self, config: TrainConfig, model: "type[ReLUOutput] | None") -> None:
        self.config, self.model, self.name = config, model, ""
        self.advance: Callable[..., None] = engine.advance
        if model is not None:  # PyTorch takes seconds to import
            from sdd.engine import torch_model
            from sdd.model import ReLUOutput, model_name

            if model is ReLUOutput:
                self.model = None
            else:
                self.name = model_name(model)
                self.advance = partial(torch_model.advance, model=model, device=config.device)
        if self.model is None and config.device != "cpu":
            from sdd.engine import torch_step

            device = torch_step.find_device(config.device, config.dtype)
            self.advance = partial(torch_step.advance, device=device)

    def others(self, n: int, config: TrainConfig) -> dict[str, np.ndarray]:
        """Return the initial parameters besides W and b, and their moments.

        Parameters
        ----------
        n : int
            Number of features.
        config : TrainConfig
            Its m, seed and dtype count.

        Returns
        -------
        dict of str to array
            Empty for the paper's model.

        Examples
        --------
        >>> from sdd.training.method import Method
        >>> config = sdd.TrainConfig(steps=100)
        >>> Method(config, None).others(50, config)
        {}
        """
        if self.model is None:
            return {}
        from sdd.engine import torch_model

        found = torch_model.initial_others(self.model, n, config.m, config.seed)
        return {name: array.astype(config.dtype) for name, array in found.items()}

    def loss(self, state: engine.State, data: Dataset) -> float:
        """Return the mean squared error of the points.

        Parameters
        ----------
        state : engine.State
            Of the training.
        data : Dataset
            The points.

        Returns
        -------
        float
            In the summed form.

        Examples
        --------
        >>> from sdd.training.method import Method
        >>> state = sdd.engine.State(np.zeros((2, 4), np.float32), np.zeros(4, np.float32))
        >>> Method(sdd.TrainConfig(), None).loss(state, sdd.Dataset.from_dense(np.eye(4)))
        1.0
        """
        if self.model is None:
            return engine.loss(state.W, state.b, data)
        from sdd.engine import torch_model

        module = torch_model.module_of(
            self.model, state.W, state.b, state.others, self.config.device
        )
        return data.mean(torch_model.errors(module, data))
