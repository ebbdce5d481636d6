"""From a ``pipeline.config`` to fractura's settings, and from an architecture back to a ``pipeline.config``.

Everything the file asks for is either honoured exactly or refused with its line; the reader reports what has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from fractura.core.errors import DataError, ModelError, UsageError
from fractura.models.faster_rcnn.settings import FasterRCNNSettings
from fractura.tensorflow_od.pipeline_reader import Located, PipelineConfig, Section, parse_pipeline_config
from fractura.tensorflow_od.pipeline_schema import MessageField
from fractura.tensorflow_od.pipeline_writer import new_pipeline
from fractura.training.schedules import learning_rate
from fractura.training.settings import TrainSettings

CheckpointType = Literal["detection", "full", "classification"]


@dataclass(frozen=True, kw_only=True)
class InputReader:
    """Where images come from, with paths as written; ``input_paths`` may be patterns.

    ``field`` is its name in the file.
    """

    field: str
    label_map_path: str
    input_paths: tuple[str, ...]
    shuffle: bool
    sample_1_of_n_examples: int


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """How a checkpoint is evaluated."""

    num_visualizations: int
    min_score_threshold: float
    max_num_boxes_to_visualize: int
    eval_interval_secs: int
    use_moving_averages: bool


def detector_settings(config: PipelineConfig) -> FasterRCNNSettings:
    """The architecture.

    Raises:
        DataError: Anchors that are not square grids of stride 16, or a value out of range.
    """
    found = _settings(config, config.root.section("model"))
    values = _nested(found)
    if not config.root.section("train_config")["add_regularization_loss"]:
        values.pop("first_stage_regularizer", None)
    if not values["use_dropout"]:
        del values["dropout_keep_probability"]  # the zoo's files write one all the same
    try:
        return FasterRCNNSettings(name=_name(values), **values)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        faulty = [each for key, each in found.items() if all(part in place for part in key.split("."))]
        name = faulty[0].name if faulty else ".".join(place)
        where = faulty[0] if faulty else config.root.section("model")
        raise config.refusal(where, f"{name} = {first['input']!r}: {first['msg']}", "correct the value") from error


def _name(values: Mapping[str, Any]) -> str:
    resizer = values["image_resizer"]
    if resizer["kind"] == "fixed_shape_resizer":
        size = f"{resizer['height']}x{resizer['width']}"
    elif resizer["pad_to_max_dimension"]:  # as the zoo's models are called
        size = f"{resizer['min_dimension']}x{resizer['max_dimension']}"
    else:
        size = f"{resizer['min_dimension']}_to_{resizer['max_dimension']}"
    return f"faster_rcnn_{values['feature_extractor']['kind']}_{size}"


def num_classes(config: PipelineConfig) -> Located[int]:
    """How many classes the model has."""
    return config.root.section("model", "faster_rcnn").values["num_classes"]


def train_section(config: PipelineConfig) -> Section:
    """The ``train_config``.

    Raises:
        DataError: The file has none.
    """
    train = config.root.section("train_config")
    if not train.present:
        raise DataError(
            "has no train_config",
            file=config.document.file,
            hint="use a complete file, such as those in the zoo's archives",
        )
    return train


def train_settings(
    config: PipelineConfig, data: Path, output: Path, overrides: Mapping[str, Any] | None = None
) -> TrainSettings:
    """How to train; for ``fine_tune_checkpoint`` see ``start_checkpoint``.

    Args:
        config: The file.
        data: Name of the images in the log of the run.
        output: Folder of the run.
        overrides: ``TrainSettings`` by name that win over the file.

    Raises:
        DataError: The file has no ``train_config``, or asks for an optimiser, schedule or value that is not supported.
        UsageError: ``overrides`` contain an unknown setting or an invalid value.
    """
    train = train_section(config)
    given = dict(overrides or {})
    if not train["num_steps"] and "num_steps" not in given:
        problem = "num_steps is missing or 0, so training would never end"
        raise config.refusal(train.values["num_steps"], problem, "write a number, for example num_steps: 20000")
    model, found = detector_settings(config), _settings(config, train)
    _refuse_too_few_proposals(config, model)
    values = {"data": data, "output": output, "model": model.name, **_nested(found)}
    if not train.section("optimizer")["use_moving_average"]:
        values["ema_decay"] = 0.0
    try:
        asked = TrainSettings.create({**values, "num_steps": values["num_steps"] or 1})
    except UsageError as error:  # the values come from the file, so the error names it
        raise config.refusal(_place(train, found, error), error.problem, "correct it in the file") from error
    _refuse_impossible_schedule(config, found, asked)
    return TrainSettings.create({**values, **given})


def _place(train: Section, found: Mapping[str, Located[Any]], error: UsageError) -> Located[Any] | Section:
    """Where the file has the value that ``TrainSettings`` refuse."""
    assert isinstance(error.__cause__, ValidationError)
    setting, *inner = (str(part) for part in error.__cause__.errors()[0]["loc"])
    listed = [section for section in train.sections.get(setting, ()) if section.chosen() is not None]
    if not listed:
        return found.get(setting, train)
    chosen = listed[int(inner[0])].chosen()
    assert chosen is not None
    return chosen[1].values.get(inner[-1], chosen[1])


def _refuse_too_few_proposals(config: PipelineConfig, model: FasterRCNNSettings) -> None:
    if model.second_stage_batch_size > model.first_stage_max_proposals:
        raise config.refusal(
            config.root.section("model", "faster_rcnn").values["second_stage_batch_size"],
            f"second_stage_batch_size {model.second_stage_batch_size} is more than first_stage_max_proposals "
            f"{model.first_stage_max_proposals}, of which it is a sample",
            "TensorFlow stops as well: lower the one (64 where the file does not say) or raise the other",
        )


def _refuse_impossible_schedule(
    config: PipelineConfig, found: Mapping[str, Located[Any]], asked: TrainSettings
) -> None:
    for lower, upper, problem, hint in (
        ("warmup_steps", "total_steps", "is more than", "warm up for fewer steps"),
        ("warmup_learning_rate", "learning_rate_base", "is higher than", "start the warm-up lower"),
    ):
        counts = lower in found and upper in found and asked.warmup_steps
        if counts and found[lower].value > found[upper].value:
            hint = f"{hint}; TensorFlow refuses it as well"
            raise config.refusal(found[lower], f"{lower} {problem} {upper}", hint)
    try:
        learning_rate(asked, 0)
    except UsageError as error:
        place = found["manual_step.schedule"]
        raise config.refusal(
            place, f"{place.name}: {error.problem}", f"{error.hint}; TensorFlow refuses it as well"
        ) from error


def start_checkpoint(config: PipelineConfig) -> tuple[str, CheckpointType]:
    """``fine_tune_checkpoint`` (a path as written, ``…/ckpt-0``; empty starts afresh) and what to take from it.

    Where the file does not say what, it is what TensorFlow's config_util.update_fine_tune_checkpoint_type takes.
    """
    train = config.root.section("train_config")
    default: CheckpointType = "detection" if train["from_detection_checkpoint"] else "classification"
    kind: CheckpointType = train["fine_tune_checkpoint_type"] or default
    return train["fine_tune_checkpoint"], kind


def input_reader(config: PipelineConfig) -> InputReader | None:
    """The images to train on; None if the file names none."""
    section = config.root.section("train_input_reader")
    return _input_reader(config, section) if section.present else None


def eval_readers(config: PipelineConfig) -> tuple[InputReader, ...]:
    """The images to evaluate on."""
    return tuple(_input_reader(config, section) for section in config.root.sections["eval_input_reader"])


def _input_reader(config: PipelineConfig, section: Section) -> InputReader:
    return InputReader(field=section.path, **_nested(_settings(config, section)))


def eval_config(config: PipelineConfig) -> EvalConfig:
    """How to evaluate: the defaults if the file does not say."""
    return EvalConfig(**_nested(_settings(config, config.root.section("eval_config"))))


def pipeline_config_for(settings: FasterRCNNSettings, training: Mapping[str, Any]) -> str:
    """The text of a ``pipeline.config`` that describes a model: the inverse of ``detector_settings``.

    Args:
        settings: The architecture; its backbone is one that TensorFlow has.
        training: The training settings on its card; of them ``batch_size`` and ``num_steps`` are written.

    Raises:
        ModelError: A ``pipeline.config`` cannot describe the architecture.
    """
    text = new_pipeline(
        settings.name, settings.model_dump(), training.get("batch_size") or 2, training.get("num_steps") or 20_000
    )
    written = detector_settings(parse_pipeline_config(text))
    if written.model_copy(update={"name": settings.name}) != settings:
        theirs, ours = written.model_dump(), settings.model_dump()
        differing = ", ".join(name for name in ours if name != "name" and ours[name] != theirs[name])
        raise ModelError(
            f"a pipeline.config cannot describe the model's {differing}", hint="use: fractura export --to onnx"
        )
    return text


def _settings(config: PipelineConfig, section: Section) -> dict[str, Located[Any]]:
    """The settings that a message stands for, by their dotted names, as its rows say.

    Raises:
        DataError: A field asks for something that is not supported, or two fields of one setting differ.
    """
    found: dict[str, Located[Any]] = {}
    for name, row in section.row.fields.items():
        if isinstance(row, MessageField):
            if not row.repeated:
                found |= _inner_settings(config, row, section.section(name))
            elif row.setting:
                every = [_entry(config, each) for each in section.sections[name]]
                found[row.setting] = Located([each for each in every if each], name, section.line)
            continue
        located = section.values.get(name)
        if located is None:
            continue
        setting = (row.setting or name) if row.setting is not None else None
        same = found.get(setting, located) if setting else located
        if same.value != located.value:
            raise config.refusal(
                same,
                f"{same.name} {same.value} and {name} {located.value} differ, which is not supported",
                "make them equal, as in the zoo's files",
            )
        if row.refusal is not None and located.value != row.default:
            problem = row.refusal.problem.format(name=name, value=located.value)
            raise config.refusal(located, problem, row.refusal.hint)
        if setting:
            found[setting] = same
    return found


def _inner_settings(config: PipelineConfig, row: MessageField, section: Section) -> dict[str, Located[Any]]:
    if row.oneof and not section.present:
        return {}
    if row.refusal is not None:
        problem = row.refusal.problem.format(name=section.path.rpartition(".")[2])
        raise config.refusal(section, problem, row.refusal.hint)
    sets = {setting: Located(value, section.path, section.line) for setting, value in row.sets.items()}
    return sets | _settings(config, section)


def _entry(config: PipelineConfig, section: Section) -> dict[str, Any]:
    """One of several: its settings; where exclusive messages stand in it, the name and the settings of the one there.

    Empty if none of them is there.
    """
    if not any(row.oneof for row in section.row.fields.values()):
        return _nested(_settings(config, section))
    chosen = section.chosen()
    return {} if chosen is None else {"name": chosen[0], **_nested(_settings(config, chosen[1]))}


def _nested(found: Mapping[str, Located[Any]]) -> dict[str, Any]:
    """``anchors.strides.0`` as ``{"anchors": {"strides": [value]}}``."""
    values: dict[str, Any] = {}
    for setting, located in found.items():
        *parts, last = setting.removesuffix(".0").split(".")
        inner = values
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = [located.value] if setting.endswith(".0") else located.value
    return values
