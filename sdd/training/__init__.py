"""Settings of a training, where it starts, the one training loop, and its checkpoints."""

from sdd.training.checkpoint import Progress, ResumeError
from sdd.training.config import TrainConfig
from sdd.training.files import load
from sdd.training.loop import TrainingDiverged, evaluate, train
from sdd.training.run import Run
from sdd.training.starts import initial_weights

__all__ = [
    "Progress",
    "ResumeError",
    "Run",
    "TrainConfig",
    "TrainingDiverged",
    "evaluate",
    "initial_weights",
    "load",
    "train",
]
