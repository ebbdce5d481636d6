"""Which class implements which backbone of ``FasterRCNNSettings.feature_extractor``: one line per backbone."""

from __future__ import annotations

from fractura.models.faster_rcnn.efficientnet_lite import EfficientNetLitePyramid
from fractura.models.faster_rcnn.feature_extractor import FeatureExtractor
from fractura.models.faster_rcnn.inception_resnet_v2 import InceptionResNetV2
from fractura.models.faster_rcnn.resnet import ResNet
from fractura.models.faster_rcnn.settings import FasterRCNNSettings

BACKBONES: dict[str, type[FeatureExtractor]] = {
    "inception_resnet_v2": InceptionResNetV2,
    "resnet50_v1": ResNet,
    "resnet101_v1": ResNet,
    "resnet152_v1": ResNet,
    "efficientnet_lite0_fpn": EfficientNetLitePyramid,
}
"""By ``kind`` of the feature extractor's settings."""


def build_backbone(settings: FasterRCNNSettings) -> FeatureExtractor:
    """The backbone that ``settings`` ask for, with random weights."""
    return BACKBONES[settings.feature_extractor.kind].from_settings(settings)
