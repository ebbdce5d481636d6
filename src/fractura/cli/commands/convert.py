"""``fractura convert``: labelled images from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.cli.options import ImageDir, OnLabelError, SourceFormat, names_in

if TYPE_CHECKING:
    from fractura import Conversion

Name = Literal["voc", "coco", "yolo", "createml", "csv", "tfrecord"]


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="Folder (Pascal VOC, YOLO, …) or file (COCO or CreateML .json, .csv, data.yaml, TFRecord or pattern).",
            show_default=False,
        ),
    ],
    target: Annotated[Path, typer.Argument(help="Folder to write; for TFRecord the file.", show_default=False)],
    to: Annotated[Name, typer.Option(help="Format to write.", show_default=False)],
    source_format: SourceFormat = None,
    images: Annotated[
        Literal["copy", "link", "none"], typer.Option(help="Copy the images, link to them, or write annotations only.")
    ] = "copy",
    classes: Annotated[
        str | None,
        typer.Option(help="Class names in the order of their ids, as a,b,c.", show_default="as the source has them"),
    ] = None,
    image_dir: ImageDir = None,
    split: Annotated[
        Literal["train", "val", "test"] | None, typer.Option(help="Take the images of this split only.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what an earlier conversion wrote there, unless it was changed.")
    ] = False,
    label_map: Annotated[
        Path | None,
        typer.Option(
            help="Names and ids of the classes. For TFRecord: made, or missing classes are added at its end.",
            show_default="label_map.pbtxt next to TARGET for TFRecord",
        ),
    ] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="Write so many TFRecord files, TARGET-00000-of-…")] = None,
    on_error: OnLabelError = "stop",
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Turn labelled images from one format into another. Images keep their bytes: nothing is encoded again.

    What the new format has no place for is listed. Nothing in SOURCE is changed.
    """
    from fractura import convert

    with out.CONSOLE.progress("converting") as progress:
        done = convert(
            source,
            target,
            to,
            source_format=source_format,
            class_names=names_in(classes),
            images=images,
            image_dir=image_dir,
            split=split,
            overwrite=overwrite,
            on_error=on_error,
            label_map=label_map,
            shards=shards,
            progress=progress,
        )
    _say_notes(done)
    if json:
        out.write_json(done.to_dict())
    else:
        _write(done)


def _say_notes(done: Conversion) -> None:
    out.say(f"read as {done.source_format}: {done.why}")
    for problem in done.problems:
        out.warn(str(problem))
    for line in done.not_held:
        out.warn(f"{done.target_format} has no place for: {line}")


def _write(done: Conversion) -> None:
    for path in done.written:
        out.write_path(path)
    data = done.dataset
    boxes = ", ".join(f"{name} {count}" for name, count in data.boxes_by_class.items())
    out.say(f"{len(data)} images, {data.negatives} of them without boxes; boxes: {boxes}")
