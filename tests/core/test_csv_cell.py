"""Cells that no spreadsheet runs, and tables made of them."""

import csv
import io

import pytest

from fractura.core.csv_cell import csv_cell, csv_text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1).png", "'=HYPERLINK(1).png"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("wrist=1.png", "wrist=1.png"),
        ("", ""),
        (-0.25, -0.25),
        (3, 3),
        (None, None),
    ],
)
def test_text_that_starts_a_formula_is_marked_as_text(value: object, cell: object) -> None:
    assert csv_cell(value) == cell


def test_a_table_is_read_back_with_its_guarded_cells() -> None:
    text = csv_text(["image", "class", "score"], [["a, b.png", "=1+1", 0.5], ["c.png", None, None]])
    assert list(csv.reader(io.StringIO(text))) == [
        ["image", "class", "score"],
        ["a, b.png", "'=1+1", "0.5"],
        ["c.png", "", ""],
    ]
