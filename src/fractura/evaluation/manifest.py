"""A CSV table about images, one row per image: patients, studies, and columns that divide the images into groups."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, suggest_name
from fractura.evaluation.subgroups import ImageGroup
from fractura.imaging.dicom.demographics import Demographics, age_in_years, sex_term

_IMAGE_COLUMNS = ("image", "filename", "file_name", "image_id", "name")
_FACTS = ("patient", "study", "body_part", "view", "laterality", "device")
"""Columns that fill what the images do not say themselves."""
_AGE, _SEX = ("age", "age_years", "patient_age"), ("sex", "gender", "patient_sex")
"""Columns that say who is on the image."""
_NO_GROUPS = frozenset({"split", "label", "width", "height", "boxes"})
"""Columns that say nothing beyond the annotations."""
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no", ""})
_MOST_GROUPS = 12
"""A column of more different words is free text, not a grouping."""


@dataclass(frozen=True)
class Manifest:
    """What a table says of images.

    Attributes:
        source: The file.
        columns: Its columns, without the one that names the image.
        rows: For each image's file name its cells by column.
    """

    source: Path
    columns: tuple[str, ...]
    rows: dict[str, dict[str, str]]

    def complete(self, dataset: Dataset) -> Dataset:
        """The data set with patient, study, body part, view, laterality and device filled in where an image lacks them.

        Raises:
            DataError: The table knows none of the images.
        """
        if len(dataset) and not any(record.name in self.rows for record in dataset):
            raise DataError(
                f"has no row for any of the images, such as {dataset.records[0].name}",
                file=self.source,
                hint=f"its rows are named like {next(iter(self.rows), 'nothing')}",
            )
        return replace(dataset, records=tuple(self._complete(record) for record in dataset))

    def _complete(self, record: Record) -> Record:
        cells = self.rows.get(record.name, {})
        missing = {name: cells[name] for name in _FACTS if cells.get(name) and getattr(record, name) is None}
        return replace(record, **missing)  # type: ignore[arg-type]  # names and types are those of _FACTS

    def demographics(self, dataset: Dataset) -> list[Demographics]:
        """Age and sex of the person on each image, from columns of such names; nothing where there is none."""
        age, sex = (next((each for each in self.columns if each.lower() in names), "") for names in (_AGE, _SEX))
        rows = [self.rows.get(record.name, {}) for record in dataset]
        return [Demographics(age_in_years(cells.get(age, "")), sex_term(cells.get(sex, ""))) for cells in rows]

    def missing(self, dataset: Dataset) -> int:
        """Images without a row."""
        return sum(record.name not in self.rows for record in dataset)

    def groups(self, dataset: Dataset) -> list[ImageGroup]:
        """The images where a column of 0 and 1 (no and yes) is 1, and those of each word of a column of few words."""
        found = []
        for column in self.columns:
            if column in _FACTS or column in _NO_GROUPS:
                continue
            values = {self.rows[record.name][column] for record in dataset if record.name in self.rows}
            if values <= _YES | _NO:
                found.append(ImageGroup(column, "yes", self._where(dataset, column, _YES.__contains__)))
            elif len(values) <= _MOST_GROUPS and not any(_is_number(value) for value in values):
                found += [
                    ImageGroup(column, value, self._where(dataset, column, value.__eq__))
                    for value in sorted(values - {""})
                ]
        return found

    def without(self, dataset: Dataset, column: str) -> ImageGroup:
        """The images where a column of 0 and 1 is not 1.

        Raises:
            DataError: There is no such column.
        """
        if column not in self.columns:
            raise DataError(f"has no column '{column}'", file=self.source, hint=suggest_name(column, self.columns))
        return ImageGroup("images", f"without {column}", ~self._where(dataset, column, _YES.__contains__))

    def _where(self, dataset: Dataset, column: str, wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
        return np.array(
            [record.name in self.rows and wanted(self.rows[record.name][column]) for record in dataset], dtype=bool
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_manifest(path: Path) -> Manifest:
    """Read a CSV file with a header; the image is named in a column ``image``, ``filename``, ``image_id`` or ``name``.

    Cells are stripped; yes and no are read in any case. If the image's cell is a path, its last part counts.

    Raises:
        DataError: The file cannot be read, names no image column, or has two rows for one image.

    Example:
        ``read_manifest(Path("images.csv")).groups(dataset)`` gives the subgroups that ``evaluate`` takes.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            table = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            "there is no such table"
            if isinstance(error, FileNotFoundError)
            else f"cannot be read as a CSV table: {why}",
            file=path,
            hint=f"give a CSV file in UTF-8 whose first line names the columns, one of them '{_IMAGE_COLUMNS[0]}' with "
            "the images' file names",
        ) from error
    key = next((name for name in _IMAGE_COLUMNS if name in columns), None)
    if key is None:
        raise DataError(
            "has no column that names the image", file=path, hint=f"call it '{_IMAGE_COLUMNS[0]}'; separate with commas"
        )
    others = tuple(name for name in columns if name != key)
    rows: dict[str, dict[str, str]] = {}
    for number, cells in enumerate(table, start=2):
        name = PurePosixPath((cells[key] or "").strip().replace("\\", "/")).name
        if name in rows:
            raise DataError(f"has a second row for {name}", file=path, place=f"row {number}")
        rows[name] = {column: _plain(cells[column]) for column in others}
    return Manifest(path, others, rows)


def _plain(cell: str | None) -> str:
    text = (cell or "").strip()
    return text.lower() if text.lower() in _YES | _NO else text
