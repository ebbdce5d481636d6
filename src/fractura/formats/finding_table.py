"""Tables of findings that name their images without an ending, a row a box: what RSNA's and VinDr's have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, WrittenFacts, gather, images_of
from fractura.formats.faults import Faults, placed
from fractura.formats.table_rows import table_rows
from fractura.formats.text_files import number_in
from fractura.formats.voc.annotation import VocObject


@dataclass(frozen=True)
class FindingRow:
    """What a row says.

    Attributes:
        box: Its box; None if the row says that there is none.
        facts: What else it says of the image.
    """

    box: VocObject | None
    facts: WrittenFacts


def read_findings(
    path: Path,
    image_column: str,
    why: Callable[[Sequence[str]], str | None],
    read_row: Callable[[dict[str, str]], FindingRow],
    options: ReadOptions,
    faults: Faults,
) -> Dataset:
    """Read a table.

    An image without a row with a box is a negative image.

    Args:
        path: The file; its first line names the columns.
        image_column: Which column names the image.
        why: Says why a header is one of such a table; None if it is not.
        read_row: Reads a row, given as text by the names of the columns in lower case.
        options: As for every reader.
        faults: As for every reader.

    Raises:
        DataError: A column is missing, a line is not CSV, or (where ``faults`` stops) a row is not what it must be, or
            its image is missing.
    """
    index = images_of(path, options)
    boxes: dict[Path, list[tuple[str, VocObject]]] = {}
    about: dict[Path, tuple[str, WrittenFacts]] = {}
    bad: set[Path] = set()
    for place, cells in _cells(path, why):
        image: Path | None = None
        try:
            image = index.find(cells.get(image_column, ""))
            row = read_row(cells)
            about.setdefault(image, (place, row.facts))
            boxes.setdefault(image, [])
            if row.box is not None:
                boxes[image].append((place, row.box))
        except DataError as fault:
            if image is not None:
                bad.add(image)  # an image with a box too few would be wrong
            faults.add(placed(fault, path, place), image=image or cells.get(image_column))
    found = [
        FoundImage(
            image,
            index.folders[0],
            path,
            about[image][0],
            tuple(box for _, box in each),
            tuple(place for place, _ in each),
            facts=about[image][1],
        )
        for image, each in boxes.items()
        if image not in bad
    ]
    return gather(found, root=path, options=options, faults=faults, empty="holds no rows", index=index)


def _cells(path: Path, why: Callable[[Sequence[str]], str | None]) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and cells of each row, by the names of the columns in lower case."""
    rows = table_rows(path)
    _, header = next(rows, ("", []))
    if why(header) is None:
        raise DataError(
            "the columns are not those of this format",
            file=path,
            place="line 1",
            hint="the first line must name the columns as the format has them",
        )
    columns = plain_columns(header)
    for place, row in rows:
        if any(row):
            yield place, dict(zip(columns, [*row, *[""] * len(columns)], strict=False))


def plain_columns(header: Sequence[str]) -> list[str]:
    """The names of the columns in lower case."""
    return [title.strip().casefold() for title in header]


def a_cell(cells: dict[str, str], name: str) -> float:
    """The number in a cell.

    Raises:
        DataError: There is none.
    """
    return number_in(cells.get(name, ""), name, "correct the row")
