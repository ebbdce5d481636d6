"""``pipeline.config`` of the TensorFlow Object Detection API, as typed values and a report on every field.

Defaults that a file does not write are those of the protos (see ``pipeline_schema``). What the values mean is the
business of ``detectors`` and ``training``; here they are only read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fractura.core.errors import DataError, suggest_name
from fractura.formats.protobuf.text_format import Document, parse, read_text
from fractura.tensorflow_od.pipeline_reader import FieldReport, read_augmentation, read_fields
from fractura.tensorflow_od.pipeline_schema import PIPELINE, Effect

FEATURE_EXTRACTORS = ("faster_rcnn_inception_resnet_v2_keras",)
CHECKPOINT_TYPES = ("detection", "full", "classification")
METRICS = ("coco_detection_metrics",)


@dataclass(frozen=True)
class FixedShapeResizer:
    """Every image becomes ``height`` x ``width`` pixels."""

    height: int
    width: int


@dataclass(frozen=True)
class KeepAspectRatioResizer:
    """Every image is scaled into ``min_dimension`` x ``max_dimension`` pixels."""

    min_dimension: int
    max_dimension: int
    pad_to_max_dimension: bool


@dataclass(frozen=True)
class GridAnchors:
    """Anchors: sizes, strides and offsets in pixels, each as (height, width)."""

    base_size: tuple[int, int]
    stride: tuple[int, int]
    offset: tuple[int, int]
    scales: tuple[float, ...]
    aspect_ratios: tuple[float, ...]


@dataclass(frozen=True)
class NonMaximumSuppression:
    """Which boxes are left."""

    score_threshold: float
    iou_threshold: float
    max_detections_per_class: int
    max_total_detections: int


@dataclass(frozen=True)
class FasterRCNNConfig:
    """The ``model`` part; names are those of faster_rcnn.proto."""

    num_classes: int
    image_resizer: FixedShapeResizer | KeepAspectRatioResizer
    feature_extractor: str
    batch_norm_trainable: bool
    anchors: GridAnchors
    clip_anchors_to_image: bool
    first_stage_box_predictor_depth: int
    first_stage_minibatch_size: int
    first_stage_positive_balance_fraction: float
    first_stage_nms_score_threshold: float
    first_stage_nms_iou_threshold: float
    first_stage_max_proposals: int
    first_stage_localization_loss_weight: float
    first_stage_objectness_loss_weight: float
    initial_crop_size: int
    share_box_across_classes: bool
    second_stage_batch_size: int
    second_stage_balance_fraction: float
    second_stage_nms: NonMaximumSuppression
    second_stage_localization_loss_weight: float
    second_stage_classification_loss_weight: float


@dataclass(frozen=True)
class LearningRateSchedule:
    """A learning rate over the steps.

    Attributes:
        kind: ``cosine_decay_learning_rate``, ``constant_learning_rate``, ``exponential_decay_learning_rate`` or
            ``manual_step_learning_rate``.
        settings: Its fields by their proto names; ``schedule`` is a tuple of ``(step, learning_rate)``.
    """

    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimiser.

    Attributes:
        kind: ``momentum_optimizer``, ``adam_optimizer`` or ``rms_prop_optimizer``.
        settings: Its fields by their proto names, without the learning rate.
        learning_rate: The schedule.
        moving_average_decay: Of the averaged weights; None if ``use_moving_average`` is false.
    """

    kind: str
    settings: Mapping[str, float]
    learning_rate: LearningRateSchedule
    moving_average_decay: float | None


@dataclass(frozen=True)
class AugmentationStep:
    """One step of augmentation, in the order of the file: its name and its settings, defaults filled in."""

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class TrainConfig:
    """The ``train_config`` part.

    Attributes:
        num_steps: 0 trains without end.
        gradient_clipping_by_norm: 0 does not clip.
        fine_tune_checkpoint: Path as written (``…/ckpt-0``); empty starts afresh.
        fine_tune_checkpoint_type: ``detection``, ``full`` or ``classification``; where the file names none, what
            TensorFlow takes then.
        max_number_of_boxes: Further boxes of an image are not examined in training.
    """

    batch_size: int
    num_steps: int
    optimizer: OptimizerConfig
    gradient_clipping_by_norm: float
    fine_tune_checkpoint: str
    fine_tune_checkpoint_type: Literal["detection", "full", "classification"]
    data_augmentation_options: tuple[AugmentationStep, ...]
    max_number_of_boxes: int


@dataclass(frozen=True)
class InputReader:
    """Where images come from: paths as written; ``input_paths`` may be patterns."""

    label_map_path: str
    input_paths: tuple[str, ...]
    shuffle: bool
    sample_1_of_n_examples: int


@dataclass(frozen=True)
class EvalConfig:
    """The ``eval_config`` part."""

    metrics_set: tuple[str, ...]
    num_visualizations: int
    min_score_threshold: float
    max_num_boxes_to_visualize: int
    eval_interval_secs: int
    use_moving_averages: bool


@dataclass(frozen=True)
class PipelineConfig:
    """A whole file.

    Attributes:
        model: The detector.
        train_config: None if the file has no such part.
        train_input_reader: Images to train on; None if the file names none.
        eval_config: Defaults if the file has no such part.
        eval_input_readers: Images to evaluate on.
        fields: What became of each field of the file, in its order.
        document: The text itself.
    """

    model: FasterRCNNConfig
    train_config: TrainConfig | None
    train_input_reader: InputReader | None
    eval_config: EvalConfig
    eval_input_readers: tuple[InputReader, ...]
    fields: tuple[FieldReport, ...]
    document: Document

    @property
    def without_effect(self) -> tuple[FieldReport, ...]:
        """Fields that change nothing here, each with its reason."""
        return tuple(field for field in self.fields if field.effect is Effect.NONE)

    @property
    def unknown(self) -> tuple[FieldReport, ...]:
        """Fields that fractura does not know; they are kept when the file is edited."""
        return tuple(field for field in self.fields if field.effect is Effect.UNKNOWN)


def read_pipeline_config(path: Path | str) -> PipelineConfig:
    """Read a ``pipeline.config``.

    Raises:
        DataError: It cannot be read or parsed, or asks for something that is not built; the line is named.
    """
    file = Path(path)
    return parse_pipeline_config(read_text(file), file)


def parse_pipeline_config(text: str, file: Path | None = None) -> PipelineConfig:
    """The same from a text.

    Raises:
        DataError: As ``read_pipeline_config``.
    """
    document = parse(text, file)
    values, reports = read_fields(document, PIPELINE)
    build = _Builder(file)
    readers = tuple(build.input_reader(each) for each in values["eval_input_reader"])
    return PipelineConfig(
        model=build.model(values["model"]),
        train_config=build.train(values["train_config"]) if values["train_config"] else None,
        train_input_reader=build.input_reader(values["train_input_reader"]) if values["train_input_reader"] else None,
        eval_config=build.evaluation(values["eval_config"]),
        eval_input_readers=readers,
        fields=tuple(reports),
        document=document,
    )


class _Builder:
    def __init__(self, file: Path | None) -> None:
        self._file = file

    def _missing(self, what: str, parent: Mapping[str, Any] | None = None) -> DataError:
        place = f"line {parent['@line']}" if parent else None
        return DataError(f"'{what}' is missing", file=self._file, place=place, hint=f"add {what} {{ … }} or its value")

    def _inner(self, parent: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
        for name in path:
            if parent[name] is None:
                raise self._missing(name, parent)
            parent = parent[name]
        return parent

    def _one_of(self, parent: Mapping[str, Any], what: str, names: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
        for name in names:
            if parent.get(name) is not None:
                return name, parent[name]
        raise DataError(
            f"'{what}' is empty",
            file=self._file,
            place=f"line {parent['@line']}",
            hint=f"add one of: {', '.join(names)}",
        )

    def _known(self, value: str, names: tuple[str, ...], field: str, parent: Mapping[str, Any]) -> str:
        if value not in names:
            raise DataError(
                f"{field} '{value}' is not supported",
                file=self._file,
                place=f"line {parent['@lines'].get(field, parent['@line'])}",
                hint=suggest_name(value, names),
            )
        return value

    def model(self, values: Mapping[str, Any] | None) -> FasterRCNNConfig:
        if not values:
            raise self._missing("model")
        rcnn = self._inner(values, "faster_rcnn")
        for name in ("num_classes", "initial_crop_size"):
            if rcnn[name] == 0:
                raise self._missing(name, rcnn)
        extractor = self._inner(rcnn, "feature_extractor")
        nms = self._inner(rcnn, "second_stage_post_processing", "batch_non_max_suppression")
        same = (
            "num_classes", "clip_anchors_to_image", "first_stage_box_predictor_depth", "first_stage_minibatch_size",
            "first_stage_positive_balance_fraction", "first_stage_nms_score_threshold",
            "first_stage_nms_iou_threshold", "first_stage_max_proposals", "first_stage_localization_loss_weight",
            "first_stage_objectness_loss_weight", "initial_crop_size", "second_stage_batch_size",
            "second_stage_balance_fraction", "second_stage_localization_loss_weight",
            "second_stage_classification_loss_weight",
        )  # fmt: skip
        return FasterRCNNConfig(
            image_resizer=self._resizer(self._inner(rcnn, "image_resizer")),
            feature_extractor=self._known(extractor["type"], FEATURE_EXTRACTORS, "type", extractor),
            batch_norm_trainable=extractor["batch_norm_trainable"],
            anchors=self._anchors(self._inner(rcnn, "first_stage_anchor_generator", "grid_anchor_generator")),
            share_box_across_classes=self._inner(rcnn, "second_stage_box_predictor", "mask_rcnn_box_predictor")[
                "share_box_across_classes"
            ],
            second_stage_nms=NonMaximumSuppression(
                nms["score_threshold"],
                nms["iou_threshold"],
                nms["max_detections_per_class"],
                nms["max_total_detections"],
            ),
            **{name: rcnn[name] for name in same},
        )

    def _resizer(self, values: Mapping[str, Any]) -> FixedShapeResizer | KeepAspectRatioResizer:
        kind, found = self._one_of(values, "image_resizer", ("fixed_shape_resizer", "keep_aspect_ratio_resizer"))
        if kind == "fixed_shape_resizer":
            return FixedShapeResizer(found["height"], found["width"])
        return KeepAspectRatioResizer(found["min_dimension"], found["max_dimension"], found["pad_to_max_dimension"])

    def _anchors(self, values: Mapping[str, Any]) -> GridAnchors:
        for name in ("scales", "aspect_ratios"):
            if not values[name]:
                raise self._missing(name, values)
        return GridAnchors(
            (values["height"], values["width"]),
            (values["height_stride"], values["width_stride"]),
            (values["height_offset"], values["width_offset"]),
            values["scales"],
            values["aspect_ratios"],
        )

    def train(self, values: Mapping[str, Any]) -> TrainConfig:
        kind = values["fine_tune_checkpoint_type"]
        if not kind:  # as TensorFlow's config_util.update_fine_tune_checkpoint_type
            kind = "detection" if values["from_detection_checkpoint"] else "classification"
        steps = [read_augmentation(each) for each in values["data_augmentation_options"]]
        return TrainConfig(
            batch_size=values["batch_size"],
            num_steps=values["num_steps"],
            optimizer=self._optimizer(self._inner(values, "optimizer")),
            gradient_clipping_by_norm=values["gradient_clipping_by_norm"],
            fine_tune_checkpoint=values["fine_tune_checkpoint"],
            # type: ignore[arg-type]
            fine_tune_checkpoint_type=self._known(kind, CHECKPOINT_TYPES, "fine_tune_checkpoint_type", values),
            data_augmentation_options=tuple(AugmentationStep(*step) for step in steps if step),
            max_number_of_boxes=values["max_number_of_boxes"],
        )

    def _optimizer(self, values: Mapping[str, Any]) -> OptimizerConfig:
        kind, found = self._one_of(values, "optimizer", ("momentum_optimizer", "adam_optimizer", "rms_prop_optimizer"))
        rates = self._inner(found, "learning_rate")
        rate_kind, rate = self._one_of(
            rates,
            "learning_rate",
            (
                "cosine_decay_learning_rate",
                "constant_learning_rate",
                "exponential_decay_learning_rate",
                "manual_step_learning_rate",
            ),
        )
        settings = {name: value for name, value in rate.items() if not name.startswith("@")}
        if "schedule" in settings:
            settings["schedule"] = tuple((each["step"], each["learning_rate"]) for each in settings["schedule"])
        return OptimizerConfig(
            kind,
            {name: value for name, value in found.items() if name != "learning_rate" and not name.startswith("@")},
            LearningRateSchedule(rate_kind, settings),
            values["moving_average_decay"] if values["use_moving_average"] else None,
        )

    def input_reader(self, values: Mapping[str, Any]) -> InputReader:
        records = values["tf_record_input_reader"]
        return InputReader(
            values["label_map_path"],
            records["input_path"] if records else (),
            values["shuffle"],
            values["sample_1_of_n_examples"],
        )

    def evaluation(self, values: Mapping[str, Any] | None) -> EvalConfig:
        if values is None:
            return EvalConfig((), 10, 0.5, 20, 300, False)
        for metric in values["metrics_set"]:
            self._known(metric, METRICS, "metrics_set", values)
        return EvalConfig(
            values["metrics_set"],
            values["num_visualizations"],
            values["min_score_threshold"],
            values["max_num_boxes_to_visualize"],
            values["eval_interval_secs"],
            values["use_moving_averages"],
        )
