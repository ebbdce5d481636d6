"""Fresh ``pipeline.config`` files for the zoo's two Faster R-CNN models, made from their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fractura.core.errors import UsageError, suggest_name


@dataclass(frozen=True)
class ZooModel:
    """What differs between the zoo's two models.

    Attributes:
        side: Height and width of the canvas, in pixels.
        batch_norm_trainable: Batch statistics in training; anchors are clipped to the canvas then, too.
        share_box_across_classes: One box a proposal instead of one for each class.
    """

    side: int
    batch_norm_trainable: bool
    share_box_across_classes: bool


MODELS = {
    "faster_rcnn_inception_resnet_v2_640x640": ZooModel(640, True, True),
    "faster_rcnn_inception_resnet_v2_1024x1024": ZooModel(1024, False, False),
}


def pipeline_template(model: str, num_classes: int, batch_size: int, num_steps: int) -> str:
    """The text of a ``pipeline.config`` for fine-tuning one of ``MODELS``; paths are left open.

    Args:
        model: Its name.
        num_classes: As many as the label map has.
        batch_size: Images per step; the learning rate is the zoo's 0.008 at 16 images, in proportion.
        num_steps: Steps of training; the learning rate falls over all of them.

    Raises:
        UsageError: There is no such model.
    """
    if model not in MODELS:
        raise UsageError(f"there is no model '{model}'", hint=suggest_name(model, MODELS))
    parts = {
        "model": {"faster_rcnn": _faster_rcnn(num_classes, MODELS[model])},
        "train_config": _train_config(batch_size, num_steps),
        "train_input_reader": {},
        "eval_config": {"metrics_set": '"coco_detection_metrics"', "batch_size": 1},
    }
    heading = (
        f"# {model}, for fine-tuning; written by fractura configure.\n"
        "# Every field is explained in the protos of the TensorFlow Object Detection API.\n\n"
    )
    return heading + _rendered(parts)


def _rendered(message: Mapping[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in message.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                lines.append(f"{indent}{name} {{\n{_rendered(each, indent + '  ')}{indent}}}\n")
            else:
                shown = str(each).lower() if isinstance(each, bool) else str(each)
                lines.append(f"{indent}{name}: {shown}\n")
    return "".join(lines)


def _faster_rcnn(num_classes: int, zoo: ZooModel) -> dict[str, Any]:
    extractor: dict[str, Any] = {"type": '"faster_rcnn_inception_resnet_v2_keras"'}
    predictor: dict[str, Any] = {"fc_hyperparams": {"op": "FC", **_hyperparameters("variance_scaling_initializer", {
        "factor": 1.0, "uniform": True, "mode": "FAN_AVG",
    })}}  # fmt: skip
    if zoo.batch_norm_trainable:
        extractor["batch_norm_trainable"] = True
    if zoo.share_box_across_classes:
        predictor["share_box_across_classes"] = True
    model: dict[str, Any] = {
        "num_classes": num_classes,
        "image_resizer": {"fixed_shape_resizer": {"height": zoo.side, "width": zoo.side}},
        "feature_extractor": extractor,
        "first_stage_anchor_generator": {
            "grid_anchor_generator": {
                "scales": "[0.25, 0.5, 1.0, 2.0]",
                "aspect_ratios": "[0.5, 1.0, 2.0]",
                "height_stride": 16,
                "width_stride": 16,
            }
        },
        "first_stage_box_predictor_conv_hyperparams": {
            "op": "CONV",
            **_hyperparameters("truncated_normal_initializer", {"stddev": 0.01}),
        },
        "first_stage_nms_score_threshold": 0.0,
        "first_stage_nms_iou_threshold": 0.7,
        "first_stage_max_proposals": 300,
        "first_stage_localization_loss_weight": 2.0,
        "first_stage_objectness_loss_weight": 1.0,
        "initial_crop_size": 17,
        "maxpool_kernel_size": 1,
        "maxpool_stride": 1,
        "second_stage_box_predictor": {"mask_rcnn_box_predictor": predictor},
        "second_stage_post_processing": {
            "batch_non_max_suppression": {
                "score_threshold": 0.0,
                "iou_threshold": 0.6,
                "max_detections_per_class": 100,
                "max_total_detections": 100,
            },
            "score_converter": "SOFTMAX",
        },
        "second_stage_localization_loss_weight": 2.0,
        "second_stage_classification_loss_weight": 1.0,
    }
    if zoo.batch_norm_trainable:
        model["clip_anchors_to_image"] = True
    return model


def _hyperparameters(initializer: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"regularizer": {"l2_regularizer": {"weight": 0.0}}, "initializer": {initializer: dict(settings)}}


def _train_config(batch_size: int, num_steps: int) -> dict[str, Any]:
    steps = ("random_horizontal_flip", "random_adjust_contrast")
    return {
        "batch_size": batch_size,
        "num_steps": num_steps,
        "optimizer": {
            "momentum_optimizer": {
                "learning_rate": {
                    "cosine_decay_learning_rate": {
                        "learning_rate_base": f"{0.008 * batch_size / 16:.6g}",
                        "total_steps": num_steps,
                        "warmup_learning_rate": 0.0,
                        "warmup_steps": min(1000, num_steps // 20),
                    }
                },
                "momentum_optimizer_value": 0.9,
            },
            "use_moving_average": False,
        },
        "gradient_clipping_by_norm": 10.0,
        "fine_tune_checkpoint_version": "V2",
        "fine_tune_checkpoint_type": '"detection"',
        "data_augmentation_options": [{step: {}} for step in steps],
        "max_number_of_boxes": 100,
    }
