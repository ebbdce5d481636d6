"""Write ``pipeline-fields.md`` from the table of fields in the code: python docs/guide/pipeline_fields.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fractura.tensorflow_od.pipeline_kind import OTHER_MODELS
from fractura.tensorflow_od.pipeline_model_fields import FEATURE_EXTRACTORS, OTHER_EXTRACTORS
from fractura.tensorflow_od.pipeline_schema import Effect, MessageField, ValueField
from fractura.tensorflow_od.pipeline_training_fields import PIPELINE

PAGE = Path(__file__).with_name("pipeline-fields.md")
HEADING = """# The fields of a pipeline.config

Every field that the Object Detection API knows for a Faster R-CNN, and what becomes of it here. This page is written
from the table that the program itself reads (`python docs/guide/pipeline_fields.py`); see
[From TensorFlow](from-tensorflow.md) for the rest of the chain.

- **honoured**: it does what it does in TensorFlow.
- **no effect**: it is read, and listed with its line and this reason when it differs from what is in force.
- **only …**: that value is accepted; any other stops with its line.
- **refused**: the file stops with its line.

A name that is not in this table stops as well, with its line and the nearest name. `eval_input_reader` has the fields
of `train_input_reader`.
"""


def rows(message: MessageField, path: str = "") -> Iterator[tuple[str, str]]:
    """Each field with what becomes of it, in the order of the table."""
    for name, row in message.fields.items():
        where = f"{path}.{name}" if path else name
        if where == "eval_input_reader":
            continue
        if isinstance(row, ValueField):
            yield where, _effect(row)
        elif row.refusal is not None:
            yield where, f"refused: {row.refusal.problem.format(name=name, value='…')}"
        elif row.reason and not row.fields:
            yield where, f"refused: {row.reason}"
        else:
            if not row.fields:
                yield where, "honoured"
            yield from rows(row, where)


def _effect(row: ValueField) -> str:
    if row.effect is Effect.NONE:
        return f"no effect: {row.reason}"
    if row.effect is Effect.FIXED:
        shown = str(row.default).lower() if isinstance(row.default, bool) else row.default
        return f"only `{shown}`: {row.reason}"
    if row.refusal is not None:
        return f"honoured within limits: {row.refusal.problem.format(name='it', value='…')}"
    return "honoured"


def page() -> str:
    """The whole page."""
    lines = [HEADING, "## Extractors and models", "", "| name | |", "| --- | --- |"]
    lines += [f"| `{name}` | honoured |" for name in FEATURE_EXTRACTORS]
    lines += [f"| `{name}` | refused: {reason} |" for name, reason in OTHER_EXTRACTORS.items()]
    lines += [f"| `model.{name}` | refused: {what} |" for name, what in OTHER_MODELS.items()]
    for name, row in PIPELINE.fields.items():
        if isinstance(row, MessageField) and row.fields and name != "eval_input_reader":
            lines += ["", f"## {name}", "", "| field | |", "| --- | --- |"]
            lines += [f"| `{where}` | {effect} |" for where, effect in rows(row)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
