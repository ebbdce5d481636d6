"""CSV tables for spreadsheets: text from others never becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

Value = TypeVar("Value")

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""Also behind apostrophes: ``unguarded`` then takes away what was added, and nothing else."""


def csv_cell(value: Value) -> Value | str:
    """A value as a cell that no spreadsheet runs as a formula.

    File and class names come from other people's files, and a spreadsheet evaluates text such as ``=1+1``. Such text
    gets an apostrophe in front, which spreadsheets take as "this is text". Numbers and None stay as they are.

    Source: OWASP, "CSV Injection".

    Args:
        value: A cell of a table.

    Returns:
        The value itself, or the guarded text.

    Examples:
        >>> csv_cell("=1+1")
        "'=1+1"
        >>> csv_cell("wrist.png"), csv_cell(-0.5)
        ('wrist.png', -0.5)
    """
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def unguarded(cell: str) -> str:
    """The text of a cell that ``csv_cell`` may have guarded.

    Examples:
        >>> unguarded("'=1+1"), unguarded("'quoted'")
        ('=1+1', "'quoted'")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""A table as CSV, every cell guarded by ``csv_cell``, lines ended by a line feed.

    Args:
        columns: The header.
        rows: Cells, as many a row as there are columns; None is an empty cell.

    Examples:
        >>> csv_text(["image", "score"], [["=wrist.png", 0.5], ["hand.png", None]])
        "image,score\n'=wrist.png,0.5\nhand.png,\n"
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    return text.getvalue()
