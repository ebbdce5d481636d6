"""Faster R-CNN as a family of the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractura.models.detector import Detector
from fractura.models.family import Family
from fractura.models.faster_rcnn.catalogue import BUILDERS
from fractura.models.faster_rcnn.efficientnet_lite import EfficientNetLitePyramid
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import FasterRCNNSettings


class FasterRCNNFamily(Family):
    """The tutorial's Inception ResNet V2, and the small ones on EfficientNet-Lite0."""

    names = tuple(BUILDERS)
    architectures = ("faster_rcnn",)

    def build(self, name: str, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
        """See ``Family``; the small backbone starts from its ImageNet weights.

        Raises:
            MissingDependencyError: The package with the ImageNet weights is not installed.
        """
        detector = FasterRCNN(BUILDERS[name](name, num_classes))
        if isinstance(detector.feature_extractor, EfficientNetLitePyramid):
            detector.feature_extractor.backbone.load_imagenet_weights()
        return detector

    def rebuild(self, architecture: Mapping[str, Any]) -> Detector:
        """See ``Family``."""
        return FasterRCNN(FasterRCNNSettings.model_validate(dict(architecture)))

    def recommended_training(self, name: str, *, trained: bool) -> dict[str, Any]:
        """See ``Family``; at the rate that ImageNet's weights need, a trained detector forgets what it knows."""
        if "inception_resnet_v2" in name:
            return {"optimizer": "momentum", "learning_rate_base": 0.008, "gradient_clipping_by_norm": 10.0}
        return {
            "optimizer": "adamw",
            "learning_rate_base": 1e-4 if trained else 5e-4,
            "gradient_clipping_by_norm": 10.0,
            "negatives_per_positive": 1.0,
            "ema_decay": 0.998,
        }
