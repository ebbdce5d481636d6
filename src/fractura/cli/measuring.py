"""What the commands that measure share: labelled films in a model's classes, and its marks on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fractura.boxes import Boxes
from fractura.cli import output
from fractura.dataset import Dataset
from fractura.errors import FracturaError
from fractura.inference.model import Model
from fractura.splits import refuse_wrong_split


def read_labelled(data: Path, class_names: Sequence[str]) -> Dataset:
    """Films that may be measured on, with labels in the order of ``class_names``; small problems are said.

    Raises:
        DataError: They cannot be read, have other classes, or are films to train on.
    """
    from fractura.evaluation import align_classes
    from fractura.formats import read_dataset

    problems: list[FracturaError] = []
    dataset = align_classes(read_dataset(data, problems=problems), class_names)
    for problem in problems:
        output.warn(str(problem))
    refuse_wrong_split(dataset, "evaluate", data)  # before the films are looked at: that may take long
    return dataset


def predict(model: Model, dataset: Dataset, views: Sequence[str] | None = None) -> list[Boxes]:
    """The model's marks on every film, with a bar for people; ``views`` as in ``detect_dataset``."""
    from fractura.inference.detect import detect_dataset

    found = detect_dataset(model, dataset, views=views)
    with output.progress(found, description="detecting", total=len(dataset)) as shown:
        return list(shown)
