"""Settings of a training, the one training loop, its checkpoints, and planted starts."""

from sdd.training.config import Run, TrainConfig
from sdd.training.loop import TrainingDiverged, evaluate, train

__all__ = ["Run", "TrainConfig", "TrainingDiverged", "evaluate", "train"]
