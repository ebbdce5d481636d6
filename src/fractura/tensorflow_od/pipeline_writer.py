"""Write new ``pipeline.config`` files: the table of fields, filled in with the settings of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractura.core.errors import UsageError, suggest_name
from fractura.formats.protobuf.text_format_edit import quoted
from fractura.models.faster_rcnn.family import FasterRCNNFamily
from fractura.tensorflow_od.pipeline_model_fields import FEATURE_EXTRACTORS
from fractura.tensorflow_od.pipeline_reader import shown
from fractura.tensorflow_od.pipeline_schema import MessageField, ValueField
from fractura.tensorflow_od.pipeline_training_fields import PIPELINE

MODELS = {
    entry.name: entry.architecture
    for entry in FasterRCNNFamily.entries
    if entry.architecture["feature_extractor"]["kind"] in FEATURE_EXTRACTORS.values()
}
"""The zoo's models: settings of ``FasterRCNNSettings``."""


def zoo_pipeline(model: str, num_classes: int, batch_size: int, num_steps: int) -> str:
    """The text of a ``pipeline.config`` for fine-tuning one of ``MODELS``; paths are left open.

    >>> "num_classes: 3" in zoo_pipeline("faster_rcnn_inception_resnet_v2_640x640", 3, 2, 20_000)
    True

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
    return new_pipeline(model, {**MODELS[model], "num_classes": num_classes}, batch_size, num_steps)


def new_pipeline(name: str, model: Mapping[str, Any], batch_size: int, num_steps: int) -> str:
    """The same for any model.

    Args:
        name: Of the model, for the heading.
        model: Settings of ``FasterRCNNSettings``; what is missing is as in the zoo.
        batch_size: Images per step.
        num_steps: Steps of training.
    """
    settings = {
        "model": model,
        "train_config": {
            "batch_size": batch_size,
            "num_steps": num_steps,
            "optimizer": "momentum",
            "learning_rate_schedule": "cosine_decay",
            "learning_rate_base": float(f"{0.008 * batch_size / 16:.6g}"),
            "total_steps": num_steps,
            "warmup_steps": min(1000, num_steps // 20),
            "data_augmentation_options": [{"name": "random_horizontal_flip"}, {"name": "random_adjust_contrast"}],
        },
    }
    parts = [
        _field(part, row, settings.get(part, {}), "")
        for part, row in PIPELINE.fields.items()
        if isinstance(row, MessageField)
    ]
    return (
        f"# {name}, for fine-tuning; written by fractura configure.\n"
        "# Every field is explained in the protos of the TensorFlow Object Detection API.\n\n" + "".join(parts)
    )


def _field(name: str, row: ValueField | MessageField, settings: Mapping[str, Any], indent: str) -> str:
    """A field as ``settings`` have it, or as a fresh file has it; empty if it need not be written."""
    if isinstance(row, ValueField):
        value = None if row.setting is None else _get(settings, row.setting or name)
        value = row.fresh if value is None else value
        if value is None or (row.fresh is None and value == row.default):
            return ""
        return f"{indent}{name}: {literal(value, row)}\n"
    if row.repeated:
        each = settings.get(row.setting, []) if row.setting else []
        return "".join(_braced(name, _field(e["name"], _named(row, e["name"]), e, indent + "  "), indent) for e in each)
    if row.refusal or any(_get(settings, setting) not in (None, value) for setting, value in row.sets.items()):
        return ""
    inner = "".join(_field(*field, settings, indent + "  ") for field in row.fields.items())
    return _braced(name, inner, indent) if inner or row.fresh else ""


def _named(row: MessageField, name: str) -> MessageField:
    """The row of one of several exclusive messages, which is written even if it is empty."""
    inner = row.fields[name]
    assert isinstance(inner, MessageField)
    return MessageField(fields=inner.fields, fresh=True)


def _braced(name: str, inner: str, indent: str) -> str:
    return f"{indent}{name} {{\n{inner}{indent}}}\n"


def _get(settings: Mapping[str, Any], path: str) -> Any:
    found: Any = settings
    for part in path.removesuffix(".0").split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found[0] if path.endswith(".0") and found else found


def literal(value: Any, row: ValueField, like: str = '"') -> str:
    """A value as a file has it; strings with the quotes of ``like``, lists of one without brackets."""
    if isinstance(value, list | tuple):
        each = [literal(item, row, like) for item in value]
        return each[0] if len(each) == 1 else f"[{', '.join(each)}]"
    word = next((theirs for theirs, ours in row.choices.items() if ours == value), value)
    if row.kind == "string":
        return quoted(word, like=like)
    return str(int(value)) if row.kind == "int" else shown(word)
