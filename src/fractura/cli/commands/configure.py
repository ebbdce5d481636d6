"""``fractura configure``: write or edit a ``pipeline.config``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fractura.cli import output as out

if TYPE_CHECKING:
    from fractura import Configured


def configure(
    config: Annotated[Path, typer.Argument(help="The pipeline.config to edit, or with --new to write.")],
    new: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Write a fresh file for this Faster R-CNN of the zoo: faster_rcnn_inception_resnet_v2_640x640 or "
            "_1024x1024, or faster_rcnn_resnet50_v1_640x640, _1024x1024 or _800x1333 (or resnet101, resnet152).",
        ),
    ] = None,
    num_classes: Annotated[int | None, typer.Option(min=1, help="As many as the label map has.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images per step.")] = None,
    num_steps: Annotated[int | None, typer.Option(min=1, help="Steps of training.")] = None,
    fine_tune_checkpoint: Annotated[str | None, typer.Option(help="Path ending in ckpt-0.")] = None,
    fine_tune_checkpoint_type: Annotated[
        Literal["detection", "full", "classification"] | None, typer.Option(help="What is taken from it.")
    ] = None,
    label_map: Annotated[str | None, typer.Option(help="Label map, for training and evaluation.")] = None,
    train_record: Annotated[
        list[str] | None, typer.Option(help="TFRecord file or pattern to train on; may be given again.")
    ] = None,
    eval_record: Annotated[
        list[str] | None, typer.Option(help="TFRecord file or pattern to evaluate on; may be given again.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write there instead of over CONFIG.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout.")] = False,
) -> None:
    """Write or edit a pipeline.config of the TensorFlow Object Detection API; comments and order are kept.

    Without any change the file is only checked: what has no effect here, and why, is listed.
    """
    from fractura import PipelineChanges, configure_pipeline

    result = configure_pipeline(
        config,
        PipelineChanges(
            num_classes=num_classes,
            batch_size=batch_size,
            num_steps=num_steps,
            fine_tune_checkpoint=fine_tune_checkpoint,
            fine_tune_checkpoint_type=fine_tune_checkpoint_type,
            label_map=label_map,
            train_records=tuple(train_record or ()),
            eval_records=tuple(eval_record or ()),
        ),
        new=new,
        output=output,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)


def _write(result: Configured) -> None:
    if result.changes:
        rows = [(change.field, change.before, change.after) for change in result.changes]
        out.write_table(("field", "before", "after"), rows)
    for field in result.config.without_effect:
        out.say(f"line {field.line}: {field.path} has no effect: {field.reason}")
    out.warn_all(result.notes)
    out.say(f"written: {result.file}" if result.written else f"{result.file} is unchanged")
