"""The fields of a ``pipeline.config``'s ``model``; they become ``FasterRCNNSettings``.

Names, types and defaults are those of tensorflow/models research/object_detection/protos/*.proto.
"""

from __future__ import annotations

from fractura.tensorflow_od.pipeline_hyperparams_fields import CONVOLUTION, FULLY_CONNECTED, unused_hyperparams
from fractura.tensorflow_od.pipeline_schema import (
    Refusal,
    Table,
    ValueField,
    fixed,
    flag,
    ignored,
    message,
    number,
    refused,
    same,
    text,
    whole,
)

FEATURE_EXTRACTORS = {
    "faster_rcnn_inception_resnet_v2_keras": "inception_resnet_v2",
    **{f"faster_rcnn_resnet{depth}_keras": f"resnet{depth}_v1" for depth in (50, 101, 152)},
}
"""The supported extractors, and what fractura calls their backbones."""

OTHER_EXTRACTORS = {
    **{f"faster_rcnn_resnet{depth}_fpn_keras": "its feature pyramid is not implemented" for depth in (50, 101, 152)},
    **{
        f"faster_rcnn_{name}": "it is an extractor of TensorFlow 1, and TensorFlow 2 refuses it as well"
        for name in (
            "inception_resnet_v2", "inception_v2", "resnet50", "resnet101", "resnet152", "mobilenet_v1", "nas", "pnas",
        )
    },
}  # fmt: skip
"""Extractors of the Object Detection API that fractura does not have, and why."""

_TPU = "it changes how TensorFlow computes on a TPU, not what it computes"
_TF1 = "TensorFlow 2 does not use it either"
_OUTPUTS = "the model gives the outputs that the exporter gives without it"
_MASKS = "fractura detects boxes, not masks or keypoints"
_PLAIN_NMS = "only plain non-maximum suppression is implemented"


_RESIZING: Table = {
    "resize_method": fixed(
        "enum",
        "BILINEAR",
        "only bilinear resizing is implemented",
        choices=("BILINEAR", "NEAREST_NEIGHBOR", "BICUBIC", "AREA"),
    ),
    "convert_to_grayscale": fixed("bool", False, "the backbone takes three channels"),
}
_IMAGE_RESIZER: Table = {
    "fixed_shape_resizer": message(
        {
            "height": whole(300, 1, setting="image_resizer.height", fresh=640),
            "width": whole(300, 1, setting="image_resizer.width", fresh=640),
            **_RESIZING,
        },
        oneof="resizer",
        sets={"image_resizer.kind": "fixed_shape_resizer"},
    ),
    "keep_aspect_ratio_resizer": message(
        {
            "min_dimension": whole(600, 1, setting="image_resizer.min_dimension", fresh=600),
            "max_dimension": whole(1024, 1, setting="image_resizer.max_dimension", fresh=1024),
            "pad_to_max_dimension": flag(False, setting="image_resizer.pad_to_max_dimension"),
            "per_channel_pad_value": ignored(
                "float", "images are padded with black, TensorFlow's default", repeated=True
            ),
            **_RESIZING,
        },
        oneof="resizer",
        sets={"image_resizer.kind": "keep_aspect_ratio_resizer"},
    ),
}

_SQUARE = "anchors.base_sizes.0", "anchors.strides.0", "anchors.offsets.0"
"""One setting for height and width alike: a file in which they differ is refused."""

_ANCHORS: Table = {
    "scales": number((), setting="anchors.scales", required=True, fresh=(0.25, 0.5, 1.0, 2.0)),
    "aspect_ratios": number((), setting="anchors.aspect_ratios", required=True, fresh=(0.5, 1.0, 2.0)),
    "height": whole(256, 1, setting=_SQUARE[0]),
    "width": whole(256, 1, setting=_SQUARE[0]),
    "height_stride": whole(16, 1, setting=_SQUARE[1], fresh=16),
    "width_stride": whole(
        16,
        1,
        setting=_SQUARE[1],
        fresh=16,
        refusal=Refusal("anchors of stride {value} are not supported", "use 16, the stride of the backbone"),
    ),
    "height_offset": whole(0, setting=_SQUARE[2]),
    "width_offset": whole(0, setting=_SQUARE[2]),
}


_SECOND_STAGE_NMS: Table = {
    "score_threshold": number(0.0, setting="second_stage_nms_score_threshold", fresh=0.0),
    "iou_threshold": number(0.6, setting="second_stage_nms_iou_threshold", fresh=0.6),
    "max_detections_per_class": whole(100, 1, fresh=100),
    "max_total_detections": whole(100, 1, fresh=100),
    "use_static_shapes": ignored("bool", _TPU),
    "use_partitioned_nms": ignored("bool", _TPU),
    "use_cpu_nms": ignored("bool", "it says where TensorFlow computes, not what"),
    "use_hard_nms": ignored("bool", "without soft_nms_sigma, both ways give the same"),
    "max_classes_per_detection": ignored("int", "it only matters with use_class_agnostic_nms"),
    "use_class_agnostic_nms": fixed("bool", False, _PLAIN_NMS),
    "use_combined_nms": fixed("bool", False, _PLAIN_NMS),
    "soft_nms_sigma": fixed("float", 0.0, _PLAIN_NMS),
    "change_coordinate_frame": fixed("bool", True, "boxes are fractions of the image"),
}
_BOX_PREDICTOR: Table = {
    "fc_hyperparams": message(FULLY_CONNECTED),
    "use_dropout": flag(False),
    "dropout_keep_probability": number(0.5),
    "box_code_size": fixed("int", 4, "a box has four codes"),
    "predict_instance_masks": fixed("bool", False, _MASKS),
    "predict_keypoints": fixed("bool", False, _MASKS),
    "conv_hyperparams": message(unused_hyperparams(_MASKS)),
    **{
        name: ignored("int", _MASKS)
        for name in ("mask_prediction_conv_depth", "mask_height", "mask_width", "mask_prediction_num_conv_layers")
    },
    "masks_are_class_agnostic": ignored("bool", _MASKS),
    "convolve_then_upsample_masks": ignored("bool", _MASKS),
    "share_box_across_classes": flag(False),
}

_FASTER_RCNN: Table = {
    "number_of_stages": fixed("int", 2, "a region proposal network alone predicts no classes"),
    "num_classes": whole(0, 1, required=True, fresh=1),
    "image_resizer": message(_IMAGE_RESIZER, closed=True, required=True, needs_one=True),
    "feature_extractor": message(
        {
            "type": text(
                choices=FEATURE_EXTRACTORS,
                refusals=OTHER_EXTRACTORS,
                setting="feature_extractor.kind",
                required=True,
                fresh="inception_resnet_v2",
            ),
            "first_stage_features_stride": fixed("int", 16, "the backbones have stride 16"),
            "batch_norm_trainable": flag(False, setting="feature_extractor.batch_norm_trainable"),
            "pad_to_multiple": ignored("int", _TF1),
            "conv_hyperparams": refused("the backbone's layers are those of its paper; TensorFlow refuses it as well"),
            "override_base_feature_extractor_hyperparams": fixed(
                "bool", False, "the backbone's layers stay as they are"
            ),
            "fpn": refused("a feature pyramid is not implemented"),
        },
        required=True,
    ),
    "first_stage_anchor_generator": message(
        {"grid_anchor_generator": message(_ANCHORS, required=True)}, closed=True, required=True
    ),
    "first_stage_atrous_rate": fixed("int", 1, "the first stage does not use dilated convolutions"),
    "first_stage_box_predictor_conv_hyperparams": message(CONVOLUTION),
    "first_stage_box_predictor_kernel_size": fixed("int", 3, "the first stage uses 3x3 kernels"),
    "first_stage_box_predictor_depth": whole(512, 1),
    "first_stage_minibatch_size": whole(256, 1),
    "first_stage_positive_balance_fraction": number(0.5),
    "first_stage_nms_score_threshold": number(0.0, fresh=0.0),
    "first_stage_nms_iou_threshold": number(0.7, fresh=0.7),
    "first_stage_max_proposals": whole(300, 1, fresh=300),
    "first_stage_localization_loss_weight": number(1.0, fresh=2.0),
    "first_stage_objectness_loss_weight": number(1.0, fresh=1.0),
    "initial_crop_size": whole(0, 1, required=True, fresh=17),
    "maxpool_kernel_size": whole(0, 1, required=True, fresh=1),
    "maxpool_stride": whole(0, 1, required=True, fresh=1),
    "second_stage_box_predictor": message(
        {"mask_rcnn_box_predictor": message(_BOX_PREDICTOR, required=True)}, closed=True, required=True
    ),
    "second_stage_batch_size": whole(64, 1),
    "second_stage_balance_fraction": number(0.25),
    "second_stage_post_processing": message(
        {
            "batch_non_max_suppression": message(_SECOND_STAGE_NMS, required=True),
            "score_converter": ValueField(
                kind="enum", default="IDENTITY", choices=same("IDENTITY", "SIGMOID", "SOFTMAX"), fresh="SOFTMAX"
            ),
            "logit_scale": fixed("float", 1.0, "logits are converted to scores as they are"),
            "calibration_config": refused("calibrated scores are not implemented here; see fractura calibrate"),
        },
        required=True,
    ),
    "second_stage_localization_loss_weight": number(1.0, fresh=2.0),
    "second_stage_classification_loss_weight": number(1.0, fresh=1.0),
    "second_stage_mask_prediction_loss_weight": ignored("float", _MASKS),
    "inplace_batchnorm_update": ignored("bool", _TF1),
    "use_matmul_crop_and_resize": ignored("bool", _TPU),
    "clip_anchors_to_image": flag(False),
    "use_matmul_gather_in_matcher": ignored("bool", _TPU),
    "use_static_balanced_label_sampler": ignored("bool", _TPU),
    "use_static_shapes": ignored("bool", _TPU),
    "use_static_shapes_for_eval": ignored("bool", _TPU),
    "use_partitioned_nms_in_first_stage": ignored("bool", _TPU),
    "use_combined_nms_in_first_stage": fixed("bool", False, _PLAIN_NMS),
    "resize_masks": ignored("bool", _MASKS),
    "hard_example_miner": refused("hard example mining is not implemented"),
    "second_stage_classification_loss": message(
        {
            "weighted_softmax": message(
                {
                    "logit_scale": fixed("float", 1.0, "the loss is plain softmax"),
                    "anchorwise_output": ignored("bool", _TF1),
                }
            )
        },
        closed=True,
    ),
    "return_raw_detections_during_predict": fixed("bool", False, _OUTPUTS),
    "output_final_box_features": fixed("bool", False, _OUTPUTS),
    "output_final_box_rpn_features": fixed("bool", False, _OUTPUTS),
    "context_config": refused("Context R-CNN is not implemented"),
}

MODEL = message({"faster_rcnn": message(_FASTER_RCNN, required=True)}, closed=True, required=True)
"""``model``; its settings are those of ``FasterRCNNSettings``."""
