"""What each field of a ``pipeline.config`` means here: honoured, without effect (and why), or fixed to one value.

Field names, types and defaults follow tensorflow/models research/object_detection/protos/*.proto for what Faster R-CNN
can use; a field that is in no table is kept in the file and listed as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Effect(Enum):
    """What a field does."""

    HONOURED = "honoured"
    NONE = "no effect"
    FIXED = "fixed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FieldRule:
    """One field.

    Attributes:
        kind: ``int``, ``float``, ``bool``, ``string``, ``enum`` or ``message``.
        default: Value where the field is absent; for FIXED the only value that is accepted; for NONE the value that is
            used whatever the file says (None if there is no such thing).
        effect: What the field does.
        reason: Why it has no effect, or why it is fixed.
        choices: Names of an enum.
        message: Table of a message's fields.
        repeated: May stand several times.
        minimum: Lowest number that makes sense.
        oneof: Fields of the same message with the same word exclude each other: the last one counts.
        closed: An unknown field of this message is an error and not merely listed: it names a thing that is not built.
    """

    kind: str
    default: Any = None
    effect: Effect = Effect.HONOURED
    reason: str = ""
    choices: tuple[str, ...] = ()
    message: dict[str, FieldRule] | None = None
    repeated: bool = False
    minimum: float | None = None
    oneof: str = ""
    closed: bool = False


def _int(default: int = 0, minimum: int | None = None) -> FieldRule:
    return FieldRule("int", default, minimum=minimum)


def _float(default: float = 0.0, minimum: float | None = 0.0) -> FieldRule:
    return FieldRule("float", default, minimum=minimum)


def _bool(default: bool) -> FieldRule:
    return FieldRule("bool", default)


def _text(default: str = "", *, repeated: bool = False) -> FieldRule:
    return FieldRule("string", default, repeated=repeated)


def _numbers() -> FieldRule:
    return FieldRule("float", (), repeated=True, minimum=0.0)


def _message(
    table: dict[str, FieldRule], *, repeated: bool = False, oneof: str = "", closed: bool = False
) -> FieldRule:
    return FieldRule("message", message=table, repeated=repeated, oneof=oneof, closed=closed)


def _none(
    kind: str, reason: str, *, repeated: bool = False, choices: tuple[str, ...] = (), used: float | None = None
) -> FieldRule:
    return FieldRule(kind, used, Effect.NONE, reason, choices=choices, repeated=repeated)


def _fixed(kind: str, value: Any, reason: str, *, choices: tuple[str, ...] = ()) -> FieldRule:
    return FieldRule(kind, value, Effect.FIXED, reason, choices=choices)


_TPU = "it changes how TensorFlow computes on a TPU, not what it computes"
_PIPELINE = "it tunes TensorFlow's reading threads; fractura sets its own (see --workers)"
_REPLICAS = "TensorFlow 2 does not use it either: all replicas step together"
_TF1 = "TensorFlow 2 does not use it either"
_DENSE = "TensorFlow does not pass it on to these layers either: they start from glorot_uniform, without decay"
_START = "layers that no checkpoint fills always start as in the zoo's configs: truncated normal, deviation 0.01"
_MASKS = "fractura detects boxes, no masks or keypoints"
_PLAIN_NMS = "only plain non-maximum suppression with the softmax score is built"
_RESIZE = ("BILINEAR", "NEAREST_NEIGHBOR", "BICUBIC", "AREA")

_IMAGE_RESIZER = {
    "fixed_shape_resizer": _message(
        {
            "height": _int(300, 1),
            "width": _int(300, 1),
            "resize_method": _fixed("enum", "BILINEAR", "only bilinear resizing is built", choices=_RESIZE),
            "convert_to_grayscale": _fixed("bool", False, "the backbone takes three channels"),
        },
        oneof="resizer",
    ),
    "keep_aspect_ratio_resizer": _message(
        {
            "min_dimension": _int(600, 1),
            "max_dimension": _int(1024, 1),
            "resize_method": _fixed("enum", "BILINEAR", "only bilinear resizing is built", choices=_RESIZE),
            "pad_to_max_dimension": _bool(False),
            "convert_to_grayscale": _fixed("bool", False, "the backbone takes three channels"),
            "per_channel_pad_value": _none(
                "float", "images are padded with black, TensorFlow's default", repeated=True
            ),
        },
        oneof="resizer",
    ),
}

_DECAY = {
    kind: _message({"weight": _fixed("float", 0.0, "these layers are trained without weight decay, as in the zoo")})
    for kind in ("l1_regularizer", "l2_regularizer")
}
_INITIALIZERS = {
    "truncated_normal_initializer": {"mean": "float", "stddev": "float"},
    "variance_scaling_initializer": {"factor": "float", "uniform": "bool", "mode": "enum"},
    "random_normal_initializer": {"mean": "float", "stddev": "float"},
}


def _initializers(reason: str) -> dict[str, FieldRule]:
    modes = ("FAN_IN", "FAN_OUT", "FAN_AVG")
    return {
        name: _message({key: _none(kind, reason, choices=modes) for key, kind in fields.items()})
        for name, fields in _INITIALIZERS.items()
    }


_ACTIVATION = _none(
    "enum",
    "the Keras layers use relu6 in the first stage and nothing else",
    choices=("NONE", "RELU", "RELU_6", "SWISH"),
)
_CONV = {
    "op": _fixed("enum", "CONV", "this layer is a convolution", choices=("CONV", "FC")),
    "regularizer": _message(_DECAY),
    "initializer": _message(
        {
            **_initializers(_START),
            "truncated_normal_initializer": _message(
                {"mean": _none("float", _START, used=0.0), "stddev": _none("float", _START, used=0.01)}
            ),
        }
    ),
    "activation": _ACTIVATION,
}
_FULLY_CONNECTED = {
    "op": _none("enum", _DENSE, choices=("CONV", "FC")),
    "regularizer": _message({kind: _message({"weight": _none("float", _DENSE)}) for kind in _DECAY}),
    "initializer": _message(_initializers(_DENSE)),
    "activation": _none("enum", _DENSE, choices=("NONE", "RELU", "RELU_6", "SWISH")),
}

_FASTER_RCNN = {
    "number_of_stages": _fixed("int", 2, "a region proposal network alone gives no classes"),
    "num_classes": _int(0, 1),
    "image_resizer": _message(_IMAGE_RESIZER, closed=True),
    "feature_extractor": _message(
        {
            "type": _text(),
            "first_stage_features_stride": _fixed("int", 16, "the backbone is built with stride 16"),
            "batch_norm_trainable": _bool(False),
            "pad_to_multiple": _none("int", _TF1),
        }
    ),
    "first_stage_anchor_generator": _message(
        {
            "grid_anchor_generator": _message(
                {
                    "height": _int(256, 1),
                    "width": _int(256, 1),
                    "height_stride": _int(16, 1),
                    "width_stride": _int(16, 1),
                    "height_offset": _int(0),
                    "width_offset": _int(0),
                    "scales": _numbers(),
                    "aspect_ratios": _numbers(),
                }
            )
        },
        closed=True,
    ),
    "first_stage_atrous_rate": _fixed("int", 1, "the first stage is built without holes"),
    "first_stage_box_predictor_conv_hyperparams": _message(_CONV),
    "first_stage_box_predictor_kernel_size": _fixed("int", 3, "the first stage is built with 3x3 windows"),
    "first_stage_box_predictor_depth": _int(512, 1),
    "first_stage_minibatch_size": _int(256, 1),
    "first_stage_positive_balance_fraction": _float(0.5),
    "first_stage_nms_score_threshold": _float(0.0),
    "first_stage_nms_iou_threshold": _float(0.7),
    "first_stage_max_proposals": _int(300, 1),
    "first_stage_localization_loss_weight": _float(1.0),
    "first_stage_objectness_loss_weight": _float(1.0),
    "initial_crop_size": _int(0, 1),
    "maxpool_kernel_size": _fixed("int", 1, "crops are not pooled"),
    "maxpool_stride": _fixed("int", 1, "crops are not pooled"),
    "second_stage_box_predictor": _message(
        {
            "mask_rcnn_box_predictor": _message(
                {
                    "fc_hyperparams": _message(_FULLY_CONNECTED),
                    "use_dropout": _fixed("bool", False, "the second stage is built without dropout"),
                    "dropout_keep_probability": _none("float", "there is no dropout (use_dropout is false)"),
                    "box_code_size": _fixed("int", 4, "a box has four codes"),
                    "predict_instance_masks": _fixed("bool", False, _MASKS),
                    "predict_keypoints": _fixed("bool", False, _MASKS),
                    "share_box_across_classes": _bool(False),
                }
            )
        },
        closed=True,
    ),
    "second_stage_batch_size": _int(64, 1),
    "second_stage_balance_fraction": _float(0.25),
    "second_stage_post_processing": _message(
        {
            "batch_non_max_suppression": _message(
                {
                    "score_threshold": _float(0.0),
                    "iou_threshold": _float(0.6),
                    "max_detections_per_class": _int(100, 1),
                    "max_total_detections": _int(100, 1),
                    "use_static_shapes": _none("bool", _TPU),
                    "use_partitioned_nms": _none("bool", _TPU),
                    "use_cpu_nms": _none("bool", "it says where TensorFlow computes, not what"),
                    "use_class_agnostic_nms": _fixed("bool", False, _PLAIN_NMS),
                    "use_combined_nms": _fixed("bool", False, _PLAIN_NMS),
                    "soft_nms_sigma": _fixed("float", 0.0, _PLAIN_NMS),
                    "change_coordinate_frame": _fixed("bool", True, "boxes are fractions of the image"),
                }
            ),
            "score_converter": _fixed("enum", "SOFTMAX", _PLAIN_NMS, choices=("IDENTITY", "SIGMOID", "SOFTMAX")),
            "logit_scale": _fixed("float", 1.0, _PLAIN_NMS),
        }
    ),
    "second_stage_localization_loss_weight": _float(1.0),
    "second_stage_classification_loss_weight": _float(1.0),
    "second_stage_mask_prediction_loss_weight": _none("float", _MASKS),
    "inplace_batchnorm_update": _none("bool", _TF1),
    "use_matmul_crop_and_resize": _none("bool", _TPU),
    "clip_anchors_to_image": _bool(False),
    "use_matmul_gather_in_matcher": _none("bool", _TPU),
    "use_static_balanced_label_sampler": _none("bool", _TPU),
    "use_static_shapes": _none("bool", _TPU),
    "use_static_shapes_for_eval": _none("bool", _TPU),
    "use_partitioned_nms_in_first_stage": _none("bool", _TPU),
    "use_combined_nms_in_first_stage": _fixed("bool", False, _PLAIN_NMS),
    "resize_masks": _none("bool", _MASKS),
    "hard_example_miner": _fixed("message", None, "hard example mining is not built"),
    "second_stage_classification_loss": _message(
        {"weighted_softmax": _message({"logit_scale": _fixed("float", 1.0, "the loss is plain softmax")})}, closed=True
    ),
    "context_config": _fixed("message", None, "Context R-CNN is not built"),
}

_LEARNING_RATE = {
    "constant_learning_rate": _message({"learning_rate": _float(0.002)}, oneof="rate"),
    "exponential_decay_learning_rate": _message(
        {
            "initial_learning_rate": _float(0.002),
            "decay_steps": _int(4_000_000, 1),
            "decay_factor": _float(0.95),
            "staircase": _bool(True),
            "burnin_learning_rate": _float(0.0),
            "burnin_steps": _int(0, 0),
            "min_learning_rate": _float(0.0),
        },
        oneof="rate",
    ),
    "manual_step_learning_rate": _message(
        {
            "initial_learning_rate": _float(0.002),
            "schedule": _message({"step": _int(0, 0), "learning_rate": _float(0.002)}, repeated=True),
            "warmup": _bool(False),
        },
        oneof="rate",
    ),
    "cosine_decay_learning_rate": _message(
        {
            "learning_rate_base": _float(0.002),
            "total_steps": _int(4_000_000, 1),
            "warmup_learning_rate": _float(0.0002),
            "warmup_steps": _int(10_000, 0),
            "hold_base_rate_steps": _int(0, 0),
        },
        oneof="rate",
    ),
}
_OPTIMIZER = {
    "momentum_optimizer": _message(
        {"learning_rate": _message(_LEARNING_RATE, closed=True), "momentum_optimizer_value": _float(0.9)},
        oneof="optimizer",
    ),
    "rms_prop_optimizer": _message(
        {
            "learning_rate": _message(_LEARNING_RATE, closed=True),
            "momentum_optimizer_value": _float(0.9),
            "decay": _float(0.9),
            "epsilon": _float(1.0),
        },
        oneof="optimizer",
    ),
    "adam_optimizer": _message(
        {"learning_rate": _message(_LEARNING_RATE, closed=True), "epsilon": _float(1e-8)}, oneof="optimizer"
    ),
    "use_moving_average": _bool(True),
    "moving_average_decay": _float(0.9999),
}

_FLIP = {
    "keypoint_flip_permutation": _none("int", _MASKS, repeated=True),
    "probability": _float(0.5),
}
AUGMENTATIONS = {
    "random_horizontal_flip": _FLIP,
    "random_vertical_flip": _FLIP,
    "random_rotation90": {
        "keypoint_rot_permutation": _none("int", _MASKS, repeated=True),
        "probability": _float(0.5),
    },
    "random_adjust_brightness": {"max_delta": _float(0.2)},
    "random_adjust_contrast": {"min_delta": _float(0.8), "max_delta": _float(1.25)},
    "random_adjust_hue": {"max_delta": _float(0.02)},
    "random_adjust_saturation": {"min_delta": _float(0.8), "max_delta": _float(1.25)},
    "random_square_crop_by_scale": {
        "max_border": _int(128, 0),
        "scale_min": _float(0.6),
        "scale_max": _float(1.3),
        "num_scales": _int(8, 1),
    },
}
"""Steps of augmentation and their settings."""

_TRAIN = {
    "batch_size": _int(32, 1),
    "num_steps": _int(0, 0),
    "optimizer": _message(_OPTIMIZER, closed=True),
    "gradient_clipping_by_norm": _float(0.0),
    "fine_tune_checkpoint": _text(),
    "fine_tune_checkpoint_type": _text(),
    "fine_tune_checkpoint_version": _fixed(
        "enum", "V2", "only checkpoints of TensorFlow 2 are read", choices=("UNKNOWN", "V1", "V2")
    ),
    "from_detection_checkpoint": _bool(False),
    "load_all_detection_checkpoint_vars": _fixed("bool", False, "TensorFlow 2 refuses it too; use type 'full'"),
    "run_fine_tune_checkpoint_dummy_computation": _none("bool", "weights are there as soon as the model is built"),
    "data_augmentation_options": _message(
        {name: _message(table, oneof="step") for name, table in AUGMENTATIONS.items()}, repeated=True, closed=True
    ),
    "max_number_of_boxes": _int(100, 1),
    "unpad_groundtruth_tensors": _none("bool", "boxes are never padded here, and padded ones weigh nothing there"),
    "sync_replicas": _none("bool", _REPLICAS),
    "startup_delay_steps": _none("float", _REPLICAS),
    "replicas_to_aggregate": _none("int", _REPLICAS),
    "keep_checkpoint_every_n_hours": _none("float", _TF1),
    "bias_grad_multiplier": _none("float", _TF1),
    "freeze_variables": _none("string", _TF1, repeated=True),
    "update_trainable_variables": _none("string", _TF1, repeated=True),
    "batch_queue_capacity": _none("int", _PIPELINE),
    "num_batch_queue_threads": _none("int", _PIPELINE),
    "prefetch_queue_capacity": _none("int", _PIPELINE),
    "add_regularization_loss": _none("bool", "this model has no regularisation to add"),
    "merge_multiple_label_boxes": _fixed("bool", False, "a box has one class"),
    "use_multiclass_scores": _fixed("bool", False, "a box has one class"),
    "retain_original_images": _none("bool", "it only changes what TensorFlow shows"),
    "summarize_gradients": _none("bool", "it only changes what TensorFlow shows"),
    "use_bfloat16": _none("bool", "it counts on a TPU only; here --mixed-precision chooses"),
}

_INPUT = {
    "name": _none("string", "it only names a folder of TensorBoard files"),
    "label_map_path": _text(),
    "tf_record_input_reader": _message({"input_path": _text(repeated=True)}),
    "shuffle": _bool(True),
    "num_epochs": _none("int", "images are shown until num_steps is reached, or once in evaluation, as in TensorFlow "
                               "2"),
    "sample_1_of_n_examples": _int(1, 1),
    "max_number_of_boxes": _none("int", "train_config.max_number_of_boxes counts"),
    "shuffle_buffer_size": _none("int", "all images are shuffled, not a window of them"),
    "filenames_shuffle_buffer_size": _none("int", "all images are shuffled, not files"),
    **{
        name: _none("int", _PIPELINE)
        for name in (
            "num_readers", "num_parallel_batches", "num_prefetch_batches", "queue_capacity", "min_after_dequeue",
            "read_block_length", "prefetch_size", "num_parallel_map_calls",
        )
    },
    "drop_remainder": _none("bool", "training always fills its batches, evaluation always sees every image"),
    "num_additional_channels": _fixed("int", 0, "the backbone takes three channels"),
    "num_keypoints": _none("int", _MASKS),
    "load_instance_masks": _none("bool", _MASKS),
    "mask_type": _none("enum", _MASKS, choices=("DEFAULT", "NUMERICAL_MASKS", "PNG_MASKS")),
    "use_display_name": _none("bool", "TensorFlow takes names and display names alike, and so does fractura"),
    "include_source_id": _none("bool", _TF1),
    "input_type": _fixed(
        "enum",
        "TF_EXAMPLE",
        "only tf.train.Example is read",
        choices=("INPUT_DEFAULT", "TF_EXAMPLE", "TF_SEQUENCE_EXAMPLE"),
    ),
}  # fmt: skip

_SHOWN = "it only changes what TensorFlow draws"
_EVAL = {
    "batch_size": _none("int", "images are evaluated one by one; the result is the same"),
    "metrics_set": _text(repeated=True),
    "num_visualizations": _int(10, 0),
    "min_score_threshold": _float(0.5),
    "max_num_boxes_to_visualize": _int(20, 0),
    "eval_interval_secs": _int(300, 0),
    "use_moving_averages": _bool(False),
    "num_examples": _none("int", "every image is evaluated, as in TensorFlow 2"),
    "max_evals": _none("int", "TensorFlow 2 does not use it either; --eval_timeout ends the waiting"),
    "include_metrics_per_category": _none("bool", "fractura evaluate always reports every class"),
    "retain_original_images": _none("bool", _SHOWN),
    "visualize_groundtruth_boxes": _none("bool", _SHOWN),
    "skip_scores": _none("bool", _SHOWN),
    "skip_labels": _none("bool", _SHOWN),
    "visualization_export_dir": _none("string", _SHOWN),
    "save_graph": _none("bool", _TF1),
    "eval_master": _none("string", _TF1),
    "export_path": _none("string", "fractura detect writes the boxes"),
}

PIPELINE = {
    "model": _message({"faster_rcnn": _message(_FASTER_RCNN)}, closed=True),
    "train_config": _message(_TRAIN),
    "train_input_reader": _message(_INPUT),
    "eval_config": _message(_EVAL),
    "eval_input_reader": _message(_INPUT, repeated=True),
}
"""The outermost message."""
