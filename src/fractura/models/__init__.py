"""Detectors: one folder per family, one protocol, one registry.

The names are imported when they are first used: the catalogue must be readable without PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractura.models.detector import Detector, Target
    from fractura.models.registry import (
        DEFAULT_MODEL,
        build_detector,
        build_from_architecture,
        model_names,
        recommended_training,
    )

_HOMES = {
    "DEFAULT_MODEL": "registry",
    "Detector": "detector",
    "Target": "detector",
    "build_detector": "registry",
    "build_from_architecture": "registry",
    "model_names": "registry",
    "recommended_training": "registry",
}

__all__ = [
    "DEFAULT_MODEL",
    "Detector",
    "Target",
    "build_detector",
    "build_from_architecture",
    "model_names",
    "recommended_training",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fractura.models' has no attribute {name!r}")
    return getattr(import_module(f"fractura.models.{_HOMES[name]}"), name)
