"""What a ``pipeline.config`` means in our words: architecture, training settings, images.

Everything that the file can ask for is taken over exactly or refused with its line; what has no effect is listed by
``pipeline_config``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError, UsageError
from fractura.formats.label_map import read_label_map
from fractura.formats.tfrecord import read_tfrecord
from fractura.models.faster_rcnn.settings import AnchorSettings, FasterRCNNSettings, InceptionResNetV2Settings
from fractura.models.resizer import FixedShapeResizer, KeepAspectRatioResizer
from fractura.tensorflow_od import pipeline_config as words
from fractura.tensorflow_od.pipeline_config import InputReader, PipelineConfig
from fractura.training.settings import TrainSettings

PLACEHOLDER = "PATH_TO_BE_CONFIGURED"
_STRIDE = 16
_RATES = ("cosine_decay_learning_rate", "constant_learning_rate")


def place_of(config: PipelineConfig, path: str) -> str | None:
    """``line 12``: where the field at ``path``, or the first one inside it, stands; None if the file has none."""
    for field in config.fields:
        if field.path == path or field.path.startswith(path + "."):
            return f"line {field.line}"
    return None


def _refusal(config: PipelineConfig, path: str, problem: str, hint: str) -> DataError:
    return DataError(problem, file=config.document.file, place=place_of(config, path), hint=hint)


def detector_settings(config: PipelineConfig) -> FasterRCNNSettings:
    """The architecture.

    Raises:
        DataError: Anchors that are not square grids of stride 16, or a value out of range.
    """
    model = config.model
    same = (
        "num_classes", "clip_anchors_to_image", "first_stage_box_predictor_depth", "first_stage_minibatch_size",
        "first_stage_positive_balance_fraction", "first_stage_nms_score_threshold", "first_stage_nms_iou_threshold",
        "first_stage_max_proposals", "first_stage_localization_loss_weight", "first_stage_objectness_loss_weight",
        "initial_crop_size", "share_box_across_classes", "second_stage_batch_size", "second_stage_balance_fraction",
        "second_stage_localization_loss_weight", "second_stage_classification_loss_weight",
    )  # fmt: skip
    try:
        resizer = _resizer(model.image_resizer)
        return FasterRCNNSettings(
            name=_name(resizer),
            image_resizer=resizer,
            feature_extractor=InceptionResNetV2Settings(batch_norm_trainable=model.batch_norm_trainable),
            anchors=_anchors(config),
            second_stage_nms_score_threshold=model.second_stage_nms.score_threshold,
            second_stage_nms_iou_threshold=model.second_stage_nms.iou_threshold,
            max_detections_per_class=model.second_stage_nms.max_detections_per_class,
            max_total_detections=model.second_stage_nms.max_total_detections,
            **{name: getattr(model, name) for name in same},
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "model"
        message = f"{field} = {first['input']!r}: {first['msg']}"
        raise _refusal(config, f"model.faster_rcnn.{field}", message, "correct the value") from error


def _resizer(wanted: words.FixedShapeResizer | words.KeepAspectRatioResizer) -> Any:
    if isinstance(wanted, words.FixedShapeResizer):
        return FixedShapeResizer(height=wanted.height, width=wanted.width)
    return KeepAspectRatioResizer(
        min_dimension=wanted.min_dimension,
        max_dimension=wanted.max_dimension,
        pad_to_max_dimension=wanted.pad_to_max_dimension,
    )


def _name(resizer: FixedShapeResizer | KeepAspectRatioResizer) -> str:
    if isinstance(resizer, FixedShapeResizer):
        return f"faster_rcnn_inception_resnet_v2_{resizer.height}x{resizer.width}"
    return f"faster_rcnn_inception_resnet_v2_{resizer.min_dimension}_to_{resizer.max_dimension}"


def _anchors(config: PipelineConfig) -> AnchorSettings:
    grid = config.model.anchors
    path = "model.faster_rcnn.first_stage_anchor_generator.grid_anchor_generator"
    for what, (down, across) in (("", grid.base_size), ("_stride", grid.stride), ("_offset", grid.offset)):
        if down != across:
            raise _refusal(
                config,
                f"{path}.height{what}",
                f"height{what} {down} and width{what} {across} differ, which is not built",
                "make them equal, as in the zoo's files",
            )
    if grid.stride[0] != _STRIDE:
        raise _refusal(
            config,
            f"{path}.height_stride",
            f"anchors of stride {grid.stride[0]} are not built",
            "only 16 is: the backbone's",
        )
    return AnchorSettings(
        strides=(grid.stride[0],),
        base_sizes=(float(grid.base_size[0]),),
        offsets=(float(grid.offset[0]),),
        scales=grid.scales,
        aspect_ratios=grid.aspect_ratios,
    )


def train_settings(
    config: PipelineConfig, data: Path, output: Path, overrides: Mapping[str, Any] | None = None
) -> TrainSettings:
    """How to train; ``fine_tune_checkpoint`` is not among it: see ``restoring``.

    Args:
        config: The file.
        data: What the run calls its images.
        output: Folder of the run.
        overrides: ``TrainSettings`` by name that win over the file.

    Raises:
        DataError: The file has no ``train_config``, or asks for an optimiser, schedule or value that is not built.
        UsageError: ``overrides`` hold an unknown setting or an impossible value.
    """
    train = config.train_config
    if train is None:
        raise DataError(
            "has no train_config", file=config.document.file, hint="take a whole file, as the zoo's archives have it"
        )
    given = dict(overrides or {})
    if not train.num_steps and "num_steps" not in given:
        raise _refusal(
            config, "train_config", "num_steps is missing or 0, which would never end", "write num_steps: 20000 or so"
        )
    values = {
        "data": data,
        "output": output,
        "model": detector_settings(config).name,
        "num_steps": train.num_steps,
        "batch_size": train.batch_size,
        "gradient_clipping_by_norm": train.gradient_clipping_by_norm,
        "max_number_of_boxes": train.max_number_of_boxes,
        "ema_decay": train.optimizer.moving_average_decay or 0.0,
        "data_augmentation_options": [{"name": step.name, **step.settings} for step in train.data_augmentation_options],
        **_optimizer(config),
        **_schedule(config),
    }
    try:
        TrainSettings.create({**values, "num_steps": values["num_steps"] or 1})
    except UsageError as error:  # the values come from the file: say so, and where
        raise _refusal(config, "train_config", error.problem, "correct it in the file") from error
    return TrainSettings.create({**values, **given})


def _optimizer(config: PipelineConfig) -> dict[str, Any]:
    assert config.train_config is not None
    optimizer = config.train_config.optimizer
    path = f"train_config.optimizer.{optimizer.kind}"
    if optimizer.kind != "momentum_optimizer":
        raise _refusal(
            config,
            path,
            f"{optimizer.kind} is not built",
            "use momentum_optimizer, as the zoo's files for this model do",
        )
    return {"optimizer": "momentum", "momentum_optimizer_value": optimizer.settings["momentum_optimizer_value"]}


def _schedule(config: PipelineConfig) -> dict[str, Any]:
    assert config.train_config is not None
    optimizer = config.train_config.optimizer
    rate = optimizer.learning_rate
    path = f"train_config.optimizer.{optimizer.kind}.learning_rate.{rate.kind}"
    if rate.kind not in _RATES:
        raise _refusal(
            config, path, f"{rate.kind} is not built", "use cosine_decay_learning_rate or constant_learning_rate"
        )
    if rate.kind == "constant_learning_rate":
        return {
            "learning_rate_schedule": "constant",
            "learning_rate_base": rate.settings["learning_rate"],
            "warmup_steps": 0,
        }
    if rate.settings["hold_base_rate_steps"]:
        raise _refusal(
            config,
            f"{path}.hold_base_rate_steps",
            "holding the base rate after the warm-up is not built",
            "take hold_base_rate_steps out of the file",
        )
    names = ("learning_rate_base", "total_steps", "warmup_learning_rate", "warmup_steps")
    if rate.settings["warmup_steps"] > rate.settings["total_steps"]:
        raise _refusal(
            config, path, "warmup_steps is more than total_steps", "warm up for fewer steps; TensorFlow refuses it, too"
        )
    if rate.settings["warmup_learning_rate"] > rate.settings["learning_rate_base"]:
        raise _refusal(
            config,
            path,
            "warmup_learning_rate is higher than learning_rate_base",
            "start the warm-up lower; TensorFlow refuses it, too",
        )
    return {"learning_rate_schedule": "cosine_decay", **{name: rate.settings[name] for name in names}}


def is_placeholder(reader: InputReader) -> bool:
    """True if the file's paths are still those of the zoo, which lead nowhere."""
    return not reader.input_paths or any(PLACEHOLDER in path for path in (reader.label_map_path, *reader.input_paths))


def class_names(config: PipelineConfig, label_map: Path | str) -> tuple[str, ...]:
    """The name of each of the model's classes; one that the label map leaves out is called ``unused 7``.

    Raises:
        DataError: The label map cannot be read, or has ids above ``num_classes``.
    """
    names = read_label_map(label_map).class_names
    count = config.model.num_classes
    if len(names) > count:
        raise _refusal(
            config,
            "model.faster_rcnn.num_classes",
            f"num_classes is {count}, but the label map {label_map} has ids up to {len(names)}",
            f"write num_classes: {len(names)} (fractura configure --num-classes {len(names)})",
        )
    return (*names, *(f"unused {number}" for number in range(len(names) + 1, count + 1)))


def read_images(
    config: PipelineConfig,
    reader: InputReader,
    field: str,
    *,
    on_error: Any = "stop",
    problems: list[FracturaError] | None = None,
) -> Dataset:
    """The images of one input reader; paths are relative to the working folder, as in TensorFlow.

    Args:
        config: The file.
        reader: Part of it.
        field: Its name, ``train_input_reader`` or ``eval_input_reader``.
        on_error: See ``read_tfrecord``.
        problems: See ``read_tfrecord``.

    Raises:
        DataError: Paths are not filled in, lead nowhere, or what is there cannot be read.
    """
    if is_placeholder(reader):
        what = "input_path" if not reader.input_paths else f"a path that is still {PLACEHOLDER}"
        raise _refusal(
            config,
            field,
            f"{field} has {'no ' if not reader.input_paths else ''}{what}",
            "fractura configure FILE --train-record data.tfrecord --label-map label_map.txt fills it in",
        )
    names = class_names(config, reader.label_map_path) if reader.label_map_path else None
    label_map = read_label_map(reader.label_map_path) if reader.label_map_path else None
    data = read_tfrecord(list(reader.input_paths), label_map, on_error=on_error, problems=problems)
    if names is None:
        found = data.class_names
        if len(found) > config.model.num_classes:
            raise _refusal(
                config,
                "model.faster_rcnn.num_classes",
                f"num_classes is {config.model.num_classes}, but the images have {len(found)} classes",
                f"write num_classes: {len(found)} and name a label_map_path",
            )
        names = (*found, *(f"unused {n}" for n in range(len(found) + 1, config.model.num_classes + 1)))
    data = data.with_class_names(names)
    return replace(data, records=data.records[:: reader.sample_1_of_n_examples])
