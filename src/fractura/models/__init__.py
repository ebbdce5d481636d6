"""Detectors: one package per family, one protocol, one catalogue."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fractura.models.catalogue import DEFAULT_MODEL, model_names

if TYPE_CHECKING:
    from fractura.models.detector import Detector, Target
    from fractura.models.registry import (
        build_detector,
        build_from_architecture,
        build_untrained,
        recommended_training,
    )

__all__ = [
    "DEFAULT_MODEL",
    "Detector",
    "Target",
    "build_detector",
    "build_from_architecture",
    "build_untrained",
    "model_names",
    "recommended_training",
]
_MODULES = {"Detector": "detector", "Target": "detector"}


def __getattr__(name: str) -> Any:
    # The base install shows the catalogue without PyTorch.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'registry')}"), name)
