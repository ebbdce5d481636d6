"""Bring the classes of a data set into a model's order, by name."""

from __future__ import annotations

from collections.abc import Sequence

from fractura.dataset import Dataset
from fractura.errors import DataError, suggest_name


def align_classes(dataset: Dataset, class_names: Sequence[str]) -> Dataset:
    """The data set with its labels in the order of a model's class names.

    Classes that the model knows and the data lacks are fine; so are names in the data that no box has.

    Raises:
        DataError: A class that has boxes is not among ``class_names``; the nearest right name is given.
    """
    counts = dataset.boxes_by_class
    for name, count in counts.items():
        if count and name not in class_names:
            raise DataError(
                f"{count} boxes are of the class '{name}', which the model does not know",
                file=dataset.root,
                hint=suggest_name(name, class_names),
            )
    return dataset.with_class_names(tuple(class_names))
