"""Edit a ``pipeline.config`` for ``fractura configure``; comments and order are preserved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from fractura.core.errors import UsageError
from fractura.core.files import write_atomically
from fractura.formats.protobuf.text_format import Document, Scalar, parse, read_text
from fractura.formats.protobuf.text_format_edit import set_value
from fractura.tensorflow_od.pipeline_reader import PipelineConfig, parse_pipeline_config
from fractura.tensorflow_od.pipeline_schema import MessageField, ValueField
from fractura.tensorflow_od.pipeline_training_fields import PIPELINE
from fractura.tensorflow_od.pipeline_writer import literal, zoo_pipeline


@dataclass(frozen=True, kw_only=True)
class PipelineChanges:
    """What to write into a ``pipeline.config``; None leaves a field as it is.

    Attributes:
        num_classes: As many as the label map has.
        batch_size: Images per step.
        num_steps: Steps of training.
        fine_tune_checkpoint: Path ending in ``ckpt-0``.
        fine_tune_checkpoint_type: What to load from it.
        label_map: Path of the label map, for both training and evaluation.
        train_records: Paths or patterns of the TFRecord files to train on.
        eval_records: Paths or patterns of the TFRecord files to evaluate on.
    """

    num_classes: int | None = None
    batch_size: int | None = None
    num_steps: int | None = None
    fine_tune_checkpoint: str | None = None
    fine_tune_checkpoint_type: Literal["detection", "full", "classification"] | None = None
    label_map: str | None = None
    train_records: tuple[str, ...] = ()
    eval_records: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """One field that was changed: its path joined by dots, and its old (None: it was absent) and new text."""

    field: str
    before: str | None
    after: str


@dataclass(frozen=True)
class Configured:
    """What ``configure_pipeline`` did.

    Attributes:
        file: The file that was written or checked.
        written: False if nothing had to change.
        changes: Fields that were changed.
        config: Its content now.
        notes: For the user.
    """

    file: Path
    written: bool
    changes: tuple[Change, ...]
    config: PipelineConfig
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "file": self.file,
            "written": self.written,
            "changes": [asdict(change) for change in self.changes],
            "without_effect": [
                {"field": each.path, "line": each.line, "reason": each.reason} for each in self.config.without_effect
            ],
            "notes": self.notes,
        }


def edit_pipeline_config(
    text: str, changes: PipelineChanges, file: Path | None = None
) -> tuple[str, tuple[Change, ...]]:
    """Write ``changes`` into ``text``; everything else in it, including comments and order, is preserved.

    Returns:
        The new text, and what changed (without fields that already had the value).

    Raises:
        DataError: The text, before or after, is not a valid ``pipeline.config``.
    """
    document = parse(text, file)
    done: list[Change] = []
    for where, value in _assignments(document, changes):
        path = where.split(".")
        before = _text_at(document, path)
        after = literal(value, _row_at(path), like=before or '"')
        if before == after and len(_fields_at(document, path)) == 1:
            continue
        for _ in range(len(_fields_at(document, path)) - 1):
            document = _without_first(document, path)
        document = set_value(document, path, after)
        done.append(Change(where, before, after))
    parse_pipeline_config(document.text, file)
    return document.text, tuple(done)


def new_pipeline_config(model: str, changes: PipelineChanges) -> str:
    """A new ``pipeline.config`` for fine-tuning one of ``MODELS``, with ``changes`` applied.

    >>> text = new_pipeline_config("faster_rcnn_inception_resnet_v2_640x640", PipelineChanges(label_map="a.txt"))
    >>> edit_pipeline_config(text, PipelineChanges(batch_size=4))[1]
    (Change(field='train_config.batch_size', before='2', after='4'),)

    Defaults are one class, 2 images per step, 20000 steps and type ``detection``. The model's
    settings are those of its zoo configuration; the learning rate is 0.008 at 16 images per step, and in proportion.

    Raises:
        UsageError: There is no such model.
        DataError: A change has an invalid value.
    """
    fresh = zoo_pipeline(model, changes.num_classes or 1, changes.batch_size or 2, changes.num_steps or 20_000)
    return edit_pipeline_config(fresh, changes)[0]


def configure_pipeline(
    config: Path, changes: PipelineChanges, *, new: str | None = None, output: Path | None = None
) -> Configured:
    """Edit a ``pipeline.config``, or write a new one; comments and order are preserved.

    Args:
        config: The file to edit, or with ``new`` to write.
        changes: What to write into it; without any, the file is only checked.
        new: Write a new file for this model of the zoo, one of ``MODELS``.
        output: Write this file instead of ``config``.

    Raises:
        DataError: The file cannot be read or written, or is not a valid ``pipeline.config``.
        UsageError: With ``new``, the file already exists; or there is no such model.
    """
    target = config if output is None else output
    if new is None:
        before: str | None = read_text(config)
        text, done = edit_pipeline_config(before or "", changes, config)
    else:
        if target.exists():
            raise UsageError(f"{target} already exists", hint="leave out --new to edit it, or choose another name")
        before, done = None, ()
        text = new_pipeline_config(new, changes)
    written = text != before or target != config
    parsed = parse_pipeline_config(text, target if new is not None else config)
    unchecked = _refuse_what_training_refuses(parsed)
    if written:
        write_atomically(target, text)
    return Configured(target, written, done, parsed, (*_notes(parsed), *unchecked))


def _refuse_what_training_refuses(config: PipelineConfig) -> tuple[str, ...]:
    """Check what several fields ask for together, as training does; the files that are named are not opened.

    Returns:
        A note if this needs PyTorch, which is not there.
    """
    if find_spec("torch") is None:
        return (
            "without PyTorch (pip install 'fractura[train]') each field is checked, not what they ask for together",
        )
    from fractura.tensorflow_od.pipeline_mapping import detector_settings, start_checkpoint, train_settings

    detector_settings(config)
    train = config.root.section("train_config")
    if train.present:
        start_checkpoint(config)
        missing = {} if train["num_steps"] else {"num_steps": 1}  # a note says so: commands can give it
        train_settings(config, Path("images"), Path("model"), missing)
    return ()


def _notes(config: PipelineConfig) -> tuple[str, ...]:
    train = config.root.section("train_config")
    if not train.present:
        return ("the file has no train_config: it can only be used for exporting",)
    notes = []
    optimizer = train.section("optimizer").chosen()
    schedule = optimizer[1].section("learning_rate").chosen() if optimizer else None
    total = schedule[1]["total_steps"] if schedule and "total_steps" in schedule[1].values else None
    steps, checkpoint = train["num_steps"], train["fine_tune_checkpoint"]
    if not steps:
        notes.append("num_steps is missing or 0: training needs it, here or as --num_train_steps or --num-steps")
    if optimizer and train.section("optimizer")["use_moving_average"]:
        notes.append("use_moving_average is true (its default): model_main_tf2.py needs use_moving_average: false")
    if total is not None and steps and total != steps:
        notes.append(
            f"num_steps is {steps}, but the learning rate falls over total_steps = {total}:"
            + (" it is still high at the end" if total > steps else " it is 0 after that")
        )
    if checkpoint and not checkpoint.rsplit("-", 1)[-1].isdigit():
        notes.append(f"fine_tune_checkpoint '{checkpoint}' should end in ckpt-0, without .index")
    return tuple(notes)


def _assignments(document: Document, changes: PipelineChanges) -> list[tuple[str, Any]]:
    wanted: list[tuple[str, Any]] = [
        ("model.faster_rcnn.num_classes", changes.num_classes),
        ("train_config.batch_size", changes.batch_size),
        ("train_config.num_steps", changes.num_steps),
        ("train_config.fine_tune_checkpoint", changes.fine_tune_checkpoint),
        ("train_config.fine_tune_checkpoint_type", changes.fine_tune_checkpoint_type),
        ("train_input_reader.label_map_path", changes.label_map),
        ("train_input_reader.tf_record_input_reader.input_path", changes.train_records or None),
    ]
    if document.message("eval_input_reader") or changes.eval_records:
        wanted += [
            ("eval_input_reader.label_map_path", changes.label_map),
            ("eval_input_reader.tf_record_input_reader.input_path", changes.eval_records or None),
        ]
    version = "train_config.fine_tune_checkpoint_version"
    if changes.fine_tune_checkpoint and not _text_at(document, version.split(".")):
        wanted.append((version, "V2"))
    return [(where, value) for where, value in wanted if value is not None]


def _row_at(path: Sequence[str]) -> ValueField:
    row: ValueField | MessageField = PIPELINE
    for name in path:
        assert isinstance(row, MessageField)
        row = row.fields[name]
    assert isinstance(row, ValueField)
    return row


def _fields_at(document: Document, path: Sequence[str]) -> list[Any]:
    message = document.message(*path[:-1])
    if message is None:
        return []
    spans = {}
    for field in message.named(path[-1]):
        spans[field.value_start] = field  # the elements of a list share their position
    return list(spans.values())


def _text_at(document: Document, path: Sequence[str]) -> str | None:
    found = _fields_at(document, path)
    if not found or not isinstance(found[-1].value, Scalar):
        return None
    return document.text[found[-1].value_start : found[-1].end]


def _without_first(document: Document, path: Sequence[str]) -> Document:
    """Remove the first of several fields of one name, with its line if nothing else is on it."""
    first, text = _fields_at(document, path)[0], document.text
    line_start, line_stop = text.rfind("\n", 0, first.start) + 1, text.find("\n", first.end)
    line_stop = len(text) if line_stop < 0 else line_stop
    alone = not text[line_start : first.start].strip() and not text[first.end : line_stop].strip(" \t\r,;")
    start, stop = (line_start, line_stop + 1) if alone else (first.start, first.end)
    return parse(text[:start] + text[stop:], document.file)
