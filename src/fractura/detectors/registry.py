"""From a model's name, or the architecture on a model card, to a detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from fractura.detectors.detector import Detector
from fractura.detectors.faster_rcnn.catalogue import BUILDERS
from fractura.detectors.faster_rcnn.efficientnet_lite import EfficientNetLitePyramid
from fractura.detectors.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.detectors.faster_rcnn.settings import FasterRCNNSettings
from fractura.errors import ModelError, UsageError, suggest_name

DEFAULT_MODEL = "faster_rcnn_efficientnet_lite0_448x448"


def model_names() -> tuple[str, ...]:
    """Every name that ``build_detector`` knows."""
    return tuple(BUILDERS)


def build_detector(name: str, num_classes: int) -> Detector:
    """A fresh detector; the small trunk starts from its ImageNet weights.

    Args:
        name: One of ``model_names()``.
        num_classes: Number of classes, background not counted.

    Raises:
        UsageError: No model has this name.
        MissingDependencyError: The package with the ImageNet weights is not installed.
    """
    _known(name)
    detector = FasterRCNN(BUILDERS[name](name, num_classes))
    if isinstance(detector.feature_extractor, EfficientNetLitePyramid):
        detector.feature_extractor.trunk.load_imagenet_weights()
    return detector


def build_from_architecture(architecture: Mapping[str, Any]) -> Detector:
    """The detector that ``Detector.architecture`` described, with fresh weights.

    Raises:
        ModelError: The description does not fit this version.
    """
    try:
        return FasterRCNN(FasterRCNNSettings.model_validate(dict(architecture)))
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(
            f"the model's architecture is not one this version knows: {first['msg']}",
            place=".".join(str(part) for part in first["loc"]),
            hint="use the fractura version named on the model's card",
        ) from error


def recommended_training(name: str) -> dict[str, Any]:
    """Training settings that suit a model, by their names in ``TrainSettings``."""
    _known(name)
    if "inception_resnet_v2" in name:
        return {"optimizer": "momentum", "learning_rate_base": 0.008, "gradient_clipping_by_norm": 10.0}
    return {
        "optimizer": "adamw",
        "learning_rate_base": 5e-4,
        "gradient_clipping_by_norm": 10.0,
        "negatives_per_positive": 1.0,
        "ema_decay": 0.998,
    }


def _known(name: str) -> None:
    if name not in BUILDERS:
        raise UsageError(f"no model is called '{name}'", hint=suggest_name(name, BUILDERS))
