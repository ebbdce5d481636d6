"""Detectors: one folder a family, one protocol, one registry."""

from fractura.detectors.detector import Detector, Target
from fractura.detectors.registry import (
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
