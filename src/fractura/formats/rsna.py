"""RSNA's table of boxes, read: ``patientId,x,y,width,height,Target``, a row a box or an image without one.

Format: stage_2_train_labels.csv of the RSNA Pneumonia Detection Challenge 2018. Images are called after their patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import ReadOptions, WrittenFacts
from fractura.formats.faults import Faults
from fractura.formats.finding_table import FindingRow, a_cell, plain_columns, read_findings
from fractura.formats.flag_words import a_flag
from fractura.formats.format import FRACTIONS, Format
from fractura.formats.outlines import corners_of
from fractura.formats.voc.annotation import VocObject

_COLUMNS = ("patientid", "x", "y", "width", "height", "target")
_CLASS = "finding"
"""The table does not name its only class."""


def read_rsna(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read RSNA's table. Its class is the only one of ``options.class_names``, else ``finding``.

    Raises:
        DataError: See ``read_findings``.
    """
    names = options.class_names
    name = names[0] if names is not None and len(names) == 1 else _CLASS
    if name == _CLASS:
        faults.note(
            DataError(
                f"the table does not name its class; it is called '{_CLASS}'",
                file=path,
                hint="name the class that is meant",
            )
        )

    def read_row(cells: dict[str, str]) -> FindingRow:
        facts = WrittenFacts(patient=cells["patientid"] or None)
        if not a_flag(cells["target"], "Target"):
            if any(cells[column] for column in _COLUMNS[1:5]):
                raise DataError("has a box, and Target 0", hint="write Target 1, or take the box out")
            return FindingRow(None, facts)
        sides = (a_cell(cells, column) for column in _COLUMNS[1:5])
        return FindingRow(VocObject(name, *corners_of(*sides)), facts)

    return read_findings(path, "patientid", _why, read_row, options, faults)


def _why(header: Sequence[str]) -> str | None:
    return "has RSNA's columns" if set(_COLUMNS) <= set(plain_columns(header)) else None


RSNA = Format(
    name="rsna",
    title="RSNA's CSV",
    read=read_rsna,
    plan=None,
    holds=FRACTIONS,
    takes_image_dir=True,
    why_table=_why,
)
