"""A ``pipeline.config`` for a model of ours: the inverse of ``mapping.detector_settings``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractura.core.errors import ModelError
from fractura.formats.protobuf.text_format import parse
from fractura.formats.protobuf.text_format_edit import set_value
from fractura.models.faster_rcnn.settings import FasterRCNNSettings, InceptionResNetV2Settings
from fractura.models.resizer import FixedShapeResizer
from fractura.tensorflow_od.mapping import detector_settings
from fractura.tensorflow_od.pipeline_config import parse_pipeline_config
from fractura.tensorflow_od.pipeline_edit import PipelineChanges, new_pipeline_config
from fractura.tensorflow_od.pipeline_template import MODELS

_SAME = (
    "num_classes", "clip_anchors_to_image", "first_stage_box_predictor_depth", "first_stage_minibatch_size",
    "first_stage_positive_balance_fraction", "first_stage_nms_score_threshold", "first_stage_nms_iou_threshold",
    "first_stage_max_proposals", "first_stage_localization_loss_weight", "first_stage_objectness_loss_weight",
    "initial_crop_size", "second_stage_batch_size", "second_stage_balance_fraction",
    "second_stage_localization_loss_weight", "second_stage_classification_loss_weight",
)  # fmt: skip


def pipeline_config_for(settings: FasterRCNNSettings, training: Mapping[str, Any]) -> str:
    """The text of a ``pipeline.config`` that describes a model.

    Args:
        settings: The architecture; its backbone is Inception ResNet V2.
        training: The training settings on its card; of them ``batch_size`` and ``num_steps`` are written.

    Raises:
        ModelError: TensorFlow has no words for the architecture.
    """
    backbone = settings.feature_extractor
    assert isinstance(backbone, InceptionResNetV2Settings)
    nearest = next(name for name, zoo in MODELS.items() if zoo.batch_norm_trainable == backbone.batch_norm_trainable)
    changes = PipelineChanges(batch_size=training.get("batch_size"), num_steps=training.get("num_steps"))
    document = parse(new_pipeline_config(nearest, changes).replace(nearest, settings.name, 1))
    unwritten = detector_settings(parse_pipeline_config(document.text)).model_dump()
    values = settings.model_dump()
    for path, name in _places():
        if values[name] != unwritten[name]:  # what the template says already, or leaves to the default, stays
            document = set_value(document, ("model", "faster_rcnn", *path), _text(values[name]))
    if values["image_resizer"] != unwritten["image_resizer"]:
        document = set_value(document, ("model", "faster_rcnn", "image_resizer"), _resizer(settings))
    if values["anchors"] != unwritten["anchors"]:
        document = set_value(document, ("model", "faster_rcnn", "first_stage_anchor_generator"), _anchors(settings))
    written = detector_settings(parse_pipeline_config(document.text))
    if written.model_copy(update={"name": settings.name}) != settings:
        theirs, ours = written.model_dump(), settings.model_dump()
        differing = ", ".join(name for name in ours if name != "name" and ours[name] != theirs[name])
        raise ModelError(f"TensorFlow has no words for the model's {differing}", hint="use: fractura export --to onnx")
    return document.text


def _places() -> list[tuple[tuple[str, ...], str]]:
    """Where in ``faster_rcnn`` each single value stands, and its name here."""
    nms = ("second_stage_post_processing", "batch_non_max_suppression")
    predictor = ("second_stage_box_predictor", "mask_rcnn_box_predictor")
    return [
        *(((name,), name) for name in _SAME),
        ((*predictor, "share_box_across_classes"), "share_box_across_classes"),
        ((*nms, "score_threshold"), "second_stage_nms_score_threshold"),
        ((*nms, "iou_threshold"), "second_stage_nms_iou_threshold"),
        ((*nms, "max_detections_per_class"), "max_detections_per_class"),
        ((*nms, "max_total_detections"), "max_total_detections"),
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _message(name: str, values: Mapping[str, Any]) -> str:
    inner = "".join(f"        {key}: {_text(value)}\n" for key, value in values.items())
    return f"{{\n      {name} {{\n{inner}      }}\n    }}"


def _resizer(settings: FasterRCNNSettings) -> str:
    resizer = settings.image_resizer
    if isinstance(resizer, FixedShapeResizer):
        return _message(resizer.kind, {"height": resizer.height, "width": resizer.width})
    return _message(
        resizer.kind,
        {
            "min_dimension": resizer.min_dimension,
            "max_dimension": resizer.max_dimension,
            "pad_to_max_dimension": resizer.pad_to_max_dimension,
        },
    )


def _anchors(settings: FasterRCNNSettings) -> str:
    anchors = settings.anchors
    values: dict[str, Any] = {"scales": list(anchors.scales), "aspect_ratios": list(anchors.aspect_ratios)}
    for name, (value, *_) in {"": anchors.base_sizes, "_stride": anchors.strides, "_offset": anchors.offsets}.items():
        values |= {f"height{name}": int(value), f"width{name}": int(value)}
    return _message("grid_anchor_generator", values)
