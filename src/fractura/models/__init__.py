"""Detectors: one folder a family, one protocol, one registry."""

from fractura.models.detector import Detector, Target
from fractura.models.registry import (
    DEFAULT_MODEL,
    build_detector,
    build_from_architecture,
    model_names,
    recommended_training,
)

__all__ = [
    "DEFAULT_MODEL",
    "Detector",
    "Target",
    "build_detector",
    "build_from_architecture",
    "model_names",
    "recommended_training",
]
