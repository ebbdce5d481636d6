"""A CSV table about images, one row per image: patients, studies, and columns that divide the images into groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, suggest_name
from fractura.evaluation.subgroups import ImageGroup
from fractura.formats.table_rows import table_rows
from fractura.imaging.dicom.demographics import Demographics, age_in_years, sex_term

_IMAGE_COLUMNS = ("image", "filename", "file_name", "image_id", "name", "filestem")
"""``filestem`` is GRAZPEDWRI-DX's: names without their ending, as other tables also have them."""
_FACTS = ("patient", "study", "body_part", "view", "laterality", "device")
"""Columns that fill what the images do not say themselves."""
_FACT_OF = {"patient_id": "patient", "patientid": "patient", "study_id": "study", "bodypart": "body_part"}
"""What other tables call them."""
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
        if len(dataset) and self.missing(dataset) == len(dataset):
            raise DataError(
                f"has no row for any of the images, such as {dataset.records[0].name}",
                file=self.source,
                hint=f"its rows are named like {next(iter(self.rows), 'nothing')}",
            )
        return replace(dataset, records=tuple(self._complete(record) for record in dataset))

    def _complete(self, record: Record) -> Record:
        cells = self._row(record) or {}
        missing = {name: cells[name] for name in _FACTS if cells.get(name) and getattr(record, name) is None}
        return replace(record, **missing)  # type: ignore[arg-type]  # names and types are those of _FACTS

    def demographics(self, dataset: Dataset) -> list[Demographics]:
        """Age and sex of the person on each image, from columns of such names; nothing where there is none."""
        age, sex = (next((each for each in self.columns if each.lower() in names), "") for names in (_AGE, _SEX))
        rows = [self._row(record) or {} for record in dataset]
        return [Demographics(age_in_years(cells.get(age, "")), sex_term(cells.get(sex, ""))) for cells in rows]

    def missing(self, dataset: Dataset) -> int:
        """Images without a row."""
        return sum(self._row(record) is None for record in dataset)

    def groups(self, dataset: Dataset) -> list[ImageGroup]:
        """The images where a column of 0 and 1 (no and yes) is 1, and those of each word of a column of few words."""
        found = []
        for column in self.columns:
            if column in _FACTS or column in _NO_GROUPS:
                continue
            values = {row[column] for row in map(self._row, dataset) if row is not None}
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
        rows = map(self._row, dataset)
        return np.array([row is not None and wanted(row[column]) for row in rows], dtype=bool)

    def _row(self, record: Record) -> dict[str, str] | None:
        return self.rows.get(record.name) or self.rows.get(PurePosixPath(record.name).stem)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def read_manifest(path: Path) -> Manifest:
    """Read a CSV file with a header; the image is named in a column ``image``, ``filename``, ``image_id`` or ``name``.

    Cells are stripped; yes and no are read in any case. If the image's cell is a path, its last part counts; it may
    lack its ending. Cells are separated by commas or semicolons.

    Raises:
        DataError: The file cannot be read or is not CSV, names no image column, or has two rows for one image.

    Example:
        ``read_manifest(Path("images.csv")).groups(dataset)`` gives the subgroups that ``evaluate`` takes.
    """
    table = table_rows(path)
    _, columns = next(table, ("", []))
    key = next((name for name in _IMAGE_COLUMNS if name in columns), None)
    if key is None:
        raise DataError(
            "has no column that names the image", file=path, hint=f"call it '{_IMAGE_COLUMNS[0]}'; separate with commas"
        )
    others = tuple(_FACT_OF.get(name, name) for name in columns if name != key)
    rows: dict[str, dict[str, str]] = {}
    for place, cells in table:
        if not any(cells):
            continue
        row = dict(zip_longest(columns, map(_plain, cells[: len(columns)]), fillvalue=""))
        name = PurePosixPath(row.pop(key).replace("\\", "/")).name
        if name in rows:
            raise DataError(f"has a second row for {name}", file=path, place=place)
        rows[name] = {_FACT_OF.get(column, column): cell for column, cell in row.items()}
    return Manifest(path, others, rows)


def _plain(cell: str) -> str:
    return cell.lower() if cell.lower() in _YES | _NO else cell
