"""The rows of a table in a text file, whatever its columns mean."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.text_files import read_text


def table_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and cells, without blanks around them, of each row; the first is the header.

    Raises:
        DataError: The file cannot be read, or a line is not CSV.
    """
    text = read_text(path)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text), strict=True)
    try:
        for row in rows:
            yield f"line {rows.line_num}", [cell.strip() for cell in row]
    except csv.Error as error:  # what follows may belong to images that were read already
        hint = "correct that line, or export the table again"
        raise DataError(f"is not CSV: {error}", file=path, place=f"line {rows.line_num}", hint=hint) from error


def separator_of(text: str) -> str:
    """A semicolon if the first line of a table has more of them than commas, else a comma."""
    first = text.split("\n", 1)[0]
    return ";" if first.count(";") > first.count(",") else ","
