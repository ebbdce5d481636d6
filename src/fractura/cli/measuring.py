"""What the commands that measure share: labelled images in a model's classes, and its detections on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output
from fractura.core.errors import FracturaError, UsageError

if TYPE_CHECKING:
    from fractura.core.boxes import Boxes
    from fractura.core.dataset import Dataset
    from fractura.inference.model import Model

Rename = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=CLASS", help="A class of the images, and which of the model's it is; may be repeated."),
]


def read_labelled(data: Path, class_names: Sequence[str], rename: Sequence[str] | None = None) -> Dataset:
    """Images that may be measured on, with labels in the order of ``class_names``; small problems are said.

    Args:
        data: Where they are.
        class_names: The model's.
        rename: Each ``NAME=CLASS``: a class of the images, and which of the model's it is.

    Raises:
        DataError: They cannot be read, have other classes, or are images to train on.
        UsageError: There is no such class to rename.
    """
    from fractura.evaluation import align_classes
    from fractura.formats import read_dataset
    from fractura.quality.splits import refuse_wrong_split

    problems: list[FracturaError] = []
    dataset = read_dataset(data, problems=problems)
    dataset = align_classes(dataset, class_names, renamed=renames(rename), problems=problems)
    for problem in problems:
        output.warn(str(problem))
    refuse_wrong_split(dataset, "evaluate", data)  # before the images are examined: that may take long
    return dataset


def renames(pairs: Sequence[str] | None) -> dict[str, str]:
    """What each ``NAME=CLASS`` says.

    Raises:
        UsageError: One has no equals sign.
    """
    renamed = {}
    for pair in pairs or ():
        name, equals, meant = pair.partition("=")
        if not equals:
            raise UsageError(f"'{pair}' says no class to rename", hint="such as --rename fracture=Fractura")
        renamed[name] = meant
    return renamed


def predict(model: Model, dataset: Dataset, views: Sequence[str] | None = None) -> list[Boxes]:
    """The model's detections on every image, with a bar for people; ``views`` as in ``detect_dataset``."""
    from fractura.inference.detect import detect_dataset

    found = detect_dataset(model, dataset, views=views)
    with output.progress(found, description="detecting", total=len(dataset)) as shown:
        return list(shown)
