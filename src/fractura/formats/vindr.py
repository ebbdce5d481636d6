"""VinDr's tables of boxes, read: a row a box, an image without a finding in a row without corners.

Format: train.csv of VinDr-CXR (Nguyen et al., Scientific Data 9, 429, 2022) and its siblings VinDr-SpineXR, -PCXR and
-Mammo, whose columns differ in their names. Images are called after ``image_id``. Where several readers (``rad_id``)
examined an image, the boxes of all of them are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import ReadOptions, WrittenFacts, split_of
from fractura.formats.faults import Faults
from fractura.formats.finding_table import FindingRow, a_cell, plain_columns, read_findings
from fractura.formats.format import FRACTIONS, Format
from fractura.formats.voc.annotation import VocObject

_CLASS_COLUMNS = ("class_name", "lesion_type", "finding_categories")
_CORNERS = (("x_min", "y_min", "x_max", "y_max"), ("xmin", "ymin", "xmax", "ymax"))
_NOTHING = ("no finding", "no_finding", "normal")


def read_vindr(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read a table of VinDr.

    Raises:
        DataError: See ``read_findings``.
    """
    readers: set[str] = set()

    def read_row(cells: dict[str, str]) -> FindingRow:
        readers.add(cells.get("rad_id", ""))
        return _row(cells)

    dataset = read_findings(path, "image_id", _why, read_row, options, faults)
    readers.discard("")
    if len(readers) > 1:
        faults.note(
            DataError(
                f"{len(readers)} readers drew boxes (rad_id); those of all of them are kept, also where they overlap",
                file=path,
                hint="keep the rows of one reader if that is not what you want",
            )
        )
    return dataset


def _row(cells: dict[str, str]) -> FindingRow:
    facts = WrittenFacts(split=split_of(cells.get("split", "")))
    name = next((cells[column] for column in _CLASS_COLUMNS if column in cells), "").strip("[]'\" ")
    columns = next(each for each in _CORNERS if set(each) <= cells.keys())
    if name.casefold() in _NOTHING:
        return FindingRow(None, facts)
    if not name:
        raise DataError("a box has no class", hint="write 'No finding' for an image without a box")
    left, top, right, bottom = (a_cell(cells, column) for column in columns)
    return FindingRow(VocObject(name, left, top, right, bottom), facts)


def _why(header: Sequence[str]) -> str | None:
    columns = set(plain_columns(header))
    is_vindr = "image_id" in columns and any(each in columns for each in _CLASS_COLUMNS)
    return "has VinDr's columns" if is_vindr and any(set(each) <= columns for each in _CORNERS) else None


VINDR = Format(
    name="vindr",
    title="VinDr's CSV",
    read=read_vindr,
    plan=None,
    holds=FRACTIONS,
    takes_image_dir=True,
    why_table=_why,
)
