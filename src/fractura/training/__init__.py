"""Training: settings in, a trained-model folder out."""

from fractura.training.settings import TrainSettings
from fractura.training.trainer import TrainResult, train

__all__ = ["TrainResult", "TrainSettings", "train"]
