"""Faster R-CNN: the tutorial's Inception ResNet V2 and a small EfficientNet-Lite0, one code."""

from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import FasterRCNNSettings

__all__ = ["FasterRCNN", "FasterRCNNSettings"]
