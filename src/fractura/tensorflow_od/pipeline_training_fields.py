"""The fields of a ``pipeline.config``, except those of its ``model``: training, input and evaluation.

Names, types and defaults are those of tensorflow/models research/object_detection/protos/*.proto.
"""

from __future__ import annotations

from typing import Any

from fractura.tensorflow_od.pipeline_augmentation_fields import AUGMENTATIONS
from fractura.tensorflow_od.pipeline_model_fields import MODEL
from fractura.tensorflow_od.pipeline_schema import (
    MessageField,
    Table,
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

_PIPELINE = "it tunes TensorFlow's reading threads; fractura sets its own (see --workers)"
_REPLICAS = "TensorFlow 2 does not use it either: all replicas step together"
_TF1 = "TensorFlow 2 does not use it either"
_MASKS = "fractura detects boxes, not masks or keypoints"
_SHOWN = "it only changes what TensorFlow draws"
_CONTEXT = "it only matters for Context R-CNN"
_OTHER_METRICS = "COCO's metrics do not use it"


def _rate(fields: Table, schedule: str, **sets: Any) -> MessageField:
    return message(fields, oneof="rate", sets={"learning_rate_schedule": schedule, **sets})


_LEARNING_RATE = message(
    {
        "cosine_decay_learning_rate": _rate(
            {
                "learning_rate_base": number(0.002, fresh=0.008),
                "total_steps": whole(4_000_000, 1, fresh=20_000),
                "warmup_learning_rate": number(0.0002, fresh=0.0),
                "warmup_steps": whole(10_000, 0, fresh=1000),
                "hold_base_rate_steps": whole(0, 0),
            },
            "cosine_decay",
        ),
        "constant_learning_rate": _rate(
            {"learning_rate": number(0.002, setting="learning_rate_base")}, "constant", warmup_steps=0
        ),
        "exponential_decay_learning_rate": _rate(
            {
                "initial_learning_rate": number(0.002, setting="learning_rate_base"),
                "decay_steps": whole(4_000_000, 1, setting="exponential_decay.decay_steps"),
                "decay_factor": number(0.95, setting="exponential_decay.decay_factor"),
                "staircase": flag(True, setting="exponential_decay.staircase"),
                "burnin_learning_rate": number(0.0, setting="exponential_decay.burnin_learning_rate"),
                "burnin_steps": whole(0, 0, setting="exponential_decay.burnin_steps"),
                "min_learning_rate": number(0.0, setting="exponential_decay.min_learning_rate"),
            },
            "exponential_decay",
        ),
        "manual_step_learning_rate": _rate(
            {
                "initial_learning_rate": number(0.002, setting="learning_rate_base"),
                "schedule": message(
                    {"step": whole(0, 0), "learning_rate": number(0.002)},
                    repeated=True,
                    setting="manual_step.schedule",
                ),
                "warmup": flag(False, setting="manual_step.warmup"),
            },
            "manual_step",
        ),
    },
    closed=True,
    required=True,
    needs_one=True,
)

_OPTIMIZER: Table = {
    "momentum_optimizer": message(
        {"learning_rate": _LEARNING_RATE, "momentum_optimizer_value": number(0.9, fresh=0.9)},
        oneof="optimizer",
        sets={"optimizer": "momentum"},
    ),
    "adam_optimizer": message(
        {"learning_rate": _LEARNING_RATE, "epsilon": number(1e-8)}, oneof="optimizer", sets={"optimizer": "adam"}
    ),
    "rms_prop_optimizer": message(
        {
            "learning_rate": _LEARNING_RATE,
            "momentum_optimizer_value": number(0.9),
            "decay": number(0.9, setting="rms_prop_decay"),
            "epsilon": number(1.0),
        },
        oneof="optimizer",
        sets={"optimizer": "rms_prop"},
    ),
    "use_moving_average": flag(True, setting=None, fresh=False),
    "moving_average_decay": number(0.9999, setting="ema_decay"),
}

CHECKPOINT_TYPES = same("detection", "full", "classification")

_TRAIN: Table = {
    "batch_size": whole(32, 1, fresh=16),
    "num_steps": whole(0, 0, fresh=20_000),
    "optimizer": message(_OPTIMIZER, closed=True, required=True, needs_one=True),
    "gradient_clipping_by_norm": number(0.0, fresh=10.0),
    "fine_tune_checkpoint": text(setting=None),
    "fine_tune_checkpoint_version": fixed(
        "enum", "V2", "only checkpoints of TensorFlow 2 are read", choices=("UNKNOWN", "V1", "V2"), fresh="V2"
    ),
    "fine_tune_checkpoint_type": text(choices=CHECKPOINT_TYPES, setting=None, fresh="detection"),
    "from_detection_checkpoint": flag(False, setting=None),
    "load_all_detection_checkpoint_vars": fixed("bool", False, "TensorFlow 2 refuses it too; use type 'full'"),
    "run_fine_tune_checkpoint_dummy_computation": ignored("bool", "weights exist as soon as the model is built"),
    "data_augmentation_options": message(
        {name: message(table, oneof="step") for name, table in AUGMENTATIONS.items()},
        repeated=True,
        closed=True,
        setting="data_augmentation_options",
    ),
    "max_number_of_boxes": whole(100, 1, fresh=100),
    "unpad_groundtruth_tensors": ignored("bool", "fractura does not pad boxes; TensorFlow gives padded ones no weight"),
    "sync_replicas": ignored("bool", _REPLICAS),
    "startup_delay_steps": ignored("float", _REPLICAS),
    "replicas_to_aggregate": ignored("int", _REPLICAS),
    "keep_checkpoint_every_n_hours": ignored("float", _TF1),
    "bias_grad_multiplier": ignored("float", _TF1),
    "freeze_variables": ignored("string", _TF1, repeated=True),
    "update_trainable_variables": ignored("string", _TF1, repeated=True),
    "batch_queue_capacity": ignored("int", _PIPELINE),
    "num_batch_queue_threads": ignored("int", _PIPELINE),
    "prefetch_queue_capacity": ignored("int", _PIPELINE),
    "add_regularization_loss": flag(True, setting=None),
    "merge_multiple_label_boxes": fixed("bool", False, "a box has one class"),
    "use_multiclass_scores": fixed("bool", False, "a box has one class"),
    "retain_original_images": ignored("bool", "it only changes what TensorFlow shows"),
    "summarize_gradients": ignored("bool", "it only changes what TensorFlow shows"),
    "use_bfloat16": ignored("bool", "it only matters on a TPU; see --mixed-precision"),
}

_INPUT: Table = {
    "name": ignored("string", "it only names a folder of TensorBoard files"),
    "label_map_path": text(),
    "tf_record_input_reader": message({"input_path": text(repeated=True, setting="input_paths")}),
    "shuffle": flag(True),
    "num_epochs": ignored(
        "int", "training repeats images until num_steps is reached, evaluation sees them once, as in TensorFlow 2"
    ),
    "sample_1_of_n_examples": whole(1, 1),
    "max_number_of_boxes": ignored("int", "train_config.max_number_of_boxes is used instead"),
    "shuffle_buffer_size": ignored("int", "all images are shuffled, not a window of them"),
    "filenames_shuffle_buffer_size": ignored("int", "all images are shuffled, not files"),
    **{
        name: ignored("int", _PIPELINE)
        for name in (
            "num_readers", "num_parallel_batches", "num_prefetch_batches", "queue_capacity", "min_after_dequeue",
            "read_block_length", "prefetch_size", "num_parallel_map_calls",
        )
    },
    "drop_remainder": ignored("bool", "training batches are always full, and evaluation always covers every image"),
    "num_additional_channels": fixed("int", 0, "the backbone takes three channels"),
    "num_keypoints": ignored("int", _MASKS),
    "external_input_reader": refused("only TFRecord files are read"),
    "sample_from_datasets_weights": refused("all images are shown alike"),
    "expand_labels_hierarchy": fixed("bool", False, "a box has the one class that the file gives it"),
    "load_multiclass_scores": ignored("bool", "it only matters with use_multiclass_scores"),
    "load_context_features": ignored("bool", _CONTEXT),
    "load_context_image_ids": ignored("bool", _CONTEXT),
    "frame_index": ignored("int", "only images are read, not sequences of them"),
    "load_dense_pose": ignored("bool", _MASKS),
    "load_track_id": ignored("bool", _MASKS),
    "load_keypoint_depth_features": ignored("bool", _MASKS),
    "use_keypoint_label_map": ignored("bool", _MASKS),
    "keypoint_type_weight": ignored("float", _MASKS, repeated=True),
    "load_instance_masks": ignored("bool", _MASKS),
    "mask_type": ignored("enum", _MASKS, choices=("DEFAULT", "NUMERICAL_MASKS", "PNG_MASKS")),
    "use_display_name": ignored("bool", "TensorFlow takes names and display names alike, and so does fractura"),
    "include_source_id": ignored("bool", _TF1),
    "input_type": fixed(
        "enum",
        "TF_EXAMPLE",
        "only tf.train.Example is read",
        choices=("INPUT_DEFAULT", "TF_EXAMPLE", "TF_SEQUENCE_EXAMPLE"),
    ),
}  # fmt: skip

_METRIC_SETS = (
    "pascal_voc_detection_metrics", "weighted_pascal_voc_detection_metrics",
    "pascal_voc_instance_segmentation_metrics", "weighted_pascal_voc_instance_segmentation_metrics",
    "precision_at_recall_detection_metrics", "oid_V2_detection_metrics", "oid_challenge_detection_metrics",
    "oid_challenge_segmentation_metrics", "oid_challenge_detection_metrics_2018", "lvis_metrics", "coco_mask_metrics",
    "coco_panoptic_metrics", "coco_keypoint_metrics", "open_images_V2_detection_metrics", "open_images_metrics",
    "pascal_voc_metrics", "weighted_pascal_voc_metrics",
)  # fmt: skip

_EVAL: Table = {
    "metrics_set": text(
        repeated=True,
        choices=same("coco_detection_metrics"),
        idle=dict.fromkeys(_METRIC_SETS, "the COCO metrics are measured; see fractura evaluate for more"),
        setting=None,
        fresh=("coco_detection_metrics",),
    ),
    "batch_size": ignored("int", "images are evaluated one by one; the result is the same", fresh=1),
    "num_visualizations": whole(10, 0),
    "min_score_threshold": number(0.5),
    "max_num_boxes_to_visualize": whole(20, 0),
    "eval_interval_secs": whole(300, 0),
    "use_moving_averages": flag(False),
    "num_examples": ignored("int", "every image is evaluated, as in TensorFlow 2"),
    "max_evals": ignored("int", "TensorFlow 2 does not use it either; see --eval_timeout"),
    "include_metrics_per_category": ignored("bool", "fractura evaluate always reports every class"),
    "retain_original_images": ignored("bool", _SHOWN),
    "visualize_groundtruth_boxes": ignored("bool", _SHOWN),
    "groundtruth_box_visualization_color": ignored("string", _SHOWN),
    "keep_image_id_for_visualization_export": ignored("bool", _SHOWN),
    "retain_original_image_additional_channels": ignored("bool", _SHOWN),
    "skip_scores": ignored("bool", _SHOWN),
    "skip_labels": ignored("bool", _SHOWN),
    "visualization_export_dir": ignored("string", _SHOWN),
    "save_graph": ignored("bool", _TF1),
    "eval_master": ignored("string", _TF1),
    "ignore_groundtruth": ignored("bool", _TF1),
    "use_dummy_loss_in_eval": ignored("bool", _TF1),
    "force_no_resize": fixed("bool", False, "images are resized in evaluation as in training"),
    "skip_predictions_for_unlabeled_class": fixed("bool", False, "every detection counts"),
    "super_categories": refused("metrics by super-category are not computed"),
    "all_metrics_per_category": ignored("bool", "fractura evaluate always reports every class"),
    "image_classes_field_map_empty_to_ones": ignored("bool", _OTHER_METRICS),
    "recall_lower_bound": ignored("float", _OTHER_METRICS),
    "recall_upper_bound": ignored("float", _OTHER_METRICS),
    "eval_instance_masks": ignored("bool", _MASKS),
    "parameterized_metric": refused(_MASKS),
    "keypoint_edge": message({"start": ignored("int", _MASKS), "end": ignored("int", _MASKS)}, repeated=True),
    "export_path": ignored("string", "use fractura detect to write the boxes"),
}

PIPELINE = message(
    {
        "model": MODEL,
        "train_config": message(_TRAIN),
        "train_input_reader": message(_INPUT, fresh=True),
        "eval_config": message(_EVAL),
        "eval_input_reader": message(_INPUT, repeated=True),
        "graph_rewriter": message(
            {
                "quantization": message(
                    {
                        "delay": ignored("int", _TF1),
                        "weight_bits": ignored("int", _TF1),
                        "activation_bits": ignored("int", _TF1),
                        "symmetric": ignored("bool", _TF1),
                    }
                )
            }
        ),
    }
)
"""The outermost message. The settings are those of ``FasterRCNNSettings``, ``TrainSettings``, ``InputReader`` and
``EvalConfig``."""
