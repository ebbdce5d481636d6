"""``fractura split``: images divided into train, validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.core.errors import FracturaError


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
    on_error: Annotated[Literal["stop", "skip"], typer.Option(help="At an unusable annotation.")] = "stop",
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Divide images into train, validation and test: no patient and no picture is in two of them.

    Every part has its share of each class, of images without boxes, of body parts and of sizes. The division is
    recorded in split.json: training and evaluation refuse images of the wrong part.
    """
    from fractura.formats import read_dataset, write_parts
    from fractura.quality.splits import split_dataset

    problems: list[FracturaError] = []
    names = None if classes is None else out.names_in(classes)
    dataset = read_dataset(data, class_names=names, on_error=on_error, problems=problems)
    for problem in problems:
        out.warn(str(problem))
    with out.image_bar("looking at images") as progress:
        divided = split_dataset(dataset, val=val, test=test, seed=seed, again=again, progress=progress)
    with out.image_bar("writing") as progress:
        not_held = write_parts(
            divided.dataset,
            output,
            to,
            made=divided.made(),
            source=data,
            images=images,
            overwrite=overwrite,
            progress=progress,
        )
    for line in not_held:
        out.warn(f"{to} has no place for: {line}")
    for note in divided.notes:
        out.say(f"note: {note}")
    if json:
        out.write_json({"written": str(output), "not_held": list(not_held), **divided.to_dict()})
        return
    rows = []
    for name in divided.shares:
        part = divided.part(name)
        rows.append([name, len(part), part.negatives, *part.boxes_by_class.values()])
    columns = ["split", "images", "negative", *dataset.class_names]
    out.write_table(columns, rows, numeric=columns[1:])
    out.say(
        f"{divided.groups} groups by {divided.by}, the largest of {divided.largest_group} images; saved in {output}"
    )
