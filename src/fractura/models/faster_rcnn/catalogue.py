"""The named Faster R-CNNs: what `--model NAME` builds."""

from __future__ import annotations

from fractura.models.faster_rcnn.settings import (
    AnchorSettings,
    EfficientNetLiteSettings,
    FasterRCNNSettings,
    InceptionResNetV2Settings,
)
from fractura.models.resizer import FixedShapeResizer, KeepAspectRatioResizer


def inception_resnet_v2(name: str, num_classes: int) -> FasterRCNNSettings:
    """The zoo's models: 640x640 learns batch statistics and clips anchors, 1024x1024 does neither."""
    side = 640 if name.endswith("_640x640") else 1024
    return FasterRCNNSettings(
        name=name,
        num_classes=num_classes,
        image_resizer=FixedShapeResizer(height=side, width=side),
        feature_extractor=InceptionResNetV2Settings(batch_norm_trainable=side == 640),
        clip_anchors_to_image=side == 640,
    )


def efficientnet_lite0(name: str, num_classes: int) -> FasterRCNNSettings:
    """The small detector: anchors and crops made for fractures of a few dozen pixels."""
    side = int(name.rsplit("x", 1)[1])
    strides = (8, 16, 32)
    return FasterRCNNSettings(
        name=name,
        num_classes=num_classes,
        image_resizer=FixedShapeResizer(height=side, width=side, antialias=True),
        feature_extractor=EfficientNetLiteSettings(),
        anchors=AnchorSettings(
            strides=strides,
            base_sizes=tuple(3.0 * stride for stride in strides),
            offsets=tuple(stride / 2 for stride in strides),
            scales=(0.7, 1.0, 1.4),
            aspect_ratios=(0.5, 1.0, 2.0),
        ),
        clip_anchors_to_image=True,
        first_stage_box_predictor_depth=96,
        first_stage_matched_threshold=0.5,
        first_stage_pre_nms_top_n=500,
        first_stage_max_proposals=100,
        initial_crop_size=7,
        append_groundtruth_boxes=True,
        second_stage_nms_iou_threshold=0.4,
    )


def efficientnet_lite0_fine(name: str, num_classes: int) -> FasterRCNNSettings:
    """The small detector with an eye for detail: images keep their shape, regions are cut from the map of stride 4."""
    plain = efficientnet_lite0(name, num_classes)
    side = plain.image_resizer.resized_size(1, 1)[0]
    return plain.model_copy(
        update={
            "image_resizer": KeepAspectRatioResizer(min_dimension=side, max_dimension=side, antialias=True),
            "feature_extractor": EfficientNetLiteSettings(frozen_blocks=2, crop_stride=4),
            "first_stage_matched_threshold": 0.4,
            "second_stage_matched_threshold": 0.4,
        }
    )


BUILDERS = {
    "faster_rcnn_inception_resnet_v2_640x640": inception_resnet_v2,
    "faster_rcnn_inception_resnet_v2_1024x1024": inception_resnet_v2,
    "faster_rcnn_efficientnet_lite0_320x320": efficientnet_lite0,
    "faster_rcnn_efficientnet_lite0_448x448": efficientnet_lite0,
    "faster_rcnn_efficientnet_lite0_640x640": efficientnet_lite0,
    "faster_rcnn_efficientnet_lite0_fine_256x256": efficientnet_lite0_fine,
    "faster_rcnn_efficientnet_lite0_fine_448x448": efficientnet_lite0_fine,
    "faster_rcnn_efficientnet_lite0_fine_512x512": efficientnet_lite0_fine,
    "faster_rcnn_efficientnet_lite0_fine_640x640": efficientnet_lite0_fine,
}
