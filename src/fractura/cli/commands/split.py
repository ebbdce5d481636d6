"""``fractura split``: images divided into train, validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.cli.options import OnLabelError, names_in

if TYPE_CHECKING:
    from fractura import FolderSplit


def split(
    data: Annotated[
        Path, typer.Argument(help="Labelled images, in any format that fractura reads.", show_default=False)
    ],
    output: Annotated[Path, typer.Argument(help="Folder for the parts: train, val, test.", show_default=False)],
    val: Annotated[float, typer.Option(min=0, max=1, help="Share of the images to validate on.")] = 0.2,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of the images for the final measurement.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another division.")] = 0,
    to: Annotated[Literal["voc", "coco", "yolo", "createml", "csv"], typer.Option(help="Format of the parts.")] = "voc",
    images: Annotated[
        Literal["copy", "link", "none"], typer.Option(help="Copy the images, link to them, or write annotations only.")
    ] = "copy",
    classes: Annotated[
        str | None,
        typer.Option(help="Class names in the order of their ids, as a,b,c.", show_default="as the data has them"),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Divide images that are divided already.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what an earlier split wrote there, unless it was changed.")
    ] = False,
    on_error: OnLabelError = "stop",
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Divide images into train, validation and test: no patient and no picture is in two of them.

    Every part has its share of each class, of images without boxes, of body parts and of sizes. The division is
    recorded in split.json: training and evaluation refuse images of the wrong part.
    """
    from fractura import split_folder

    result = split_folder(
        data,
        output,
        val=val,
        test=test,
        seed=seed,
        to=to,
        images=images,
        class_names=names_in(classes),
        again=again,
        overwrite=overwrite,
        on_error=on_error,
        reporter=out.CONSOLE,
    )
    _say_notes(result, to)
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)


def _say_notes(result: FolderSplit, to: str) -> None:
    for line in result.not_held:
        out.warn(f"{to} has no place for: {line}")
    for note in result.split.notes:
        out.say(f"note: {note}")


def _write(result: FolderSplit) -> None:
    split, rows = result.split, []
    for name in split.shares:
        part = split.part(name)
        rows.append([name, len(part), part.negatives, *part.boxes_by_class.values()])
    columns = ["split", "images", "negative", *split.dataset.class_names]
    out.write_table(columns, rows, numeric=columns[1:])
    out.say(
        f"{split.groups} groups by {split.by}, the largest of {split.largest_group} images; saved in {result.output}"
    )
