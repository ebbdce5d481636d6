"""``fractura phantom``: make artificial radiographs with known fractures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fractura.cli import output as out

if TYPE_CHECKING:
    from fractura import Dataset


def phantom(
    output: Annotated[Path, typer.Argument(help="Folder to write: OUTPUT/train and OUTPUT/val.")],
    images: Annotated[int, typer.Option(help="Images to train on.")] = 200,
    val_images: Annotated[int, typer.Option(help="Images to validate on; 0 for none.")] = 50,
    seed: Annotated[int, typer.Option(help="The same seed gives the same images.")] = 0,
    short_side: Annotated[int, typer.Option(help="Pixels of an image's short side, about.")] = 384,
    long_side: Annotated[int, typer.Option(help="Pixels of an image's long side, about.")] = 464,
    workers: Annotated[int, typer.Option(help="Processes that draw; 0 for one a processor.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout.")] = False,
) -> None:
    """Make a small data set of artificial radiographs with known fractures, labelled like real ones.

    A little less than half of the images have no fracture, but things that look like one. Images of an earlier run with
    the same settings are kept, so a run can be repeated or extended. Other files are never touched.
    """
    from fractura import make_phantom_splits

    out.say(f"drawing {images + val_images} images …")
    splits = make_phantom_splits(
        output, images=images, val_images=val_images, seed=seed, size=(short_side, long_side), workers=workers
    )
    rows = _rows(splits)
    if json:
        out.write_json({"output": output, "seed": seed, "splits": rows})
    else:
        out.write_rows(rows, numeric=("images", "negatives", "boxes"))


def _rows(splits: Mapping[str, Dataset]) -> list[dict[str, Any]]:
    return [
        {
            "split": split,
            "folder": dataset.root,
            "images": len(dataset),
            "negatives": dataset.negatives,
            "boxes": sum(dataset.boxes_by_class.values()),
        }
        for split, dataset in splits.items()
    ]
