"""The ratings of a reader study, read from a CSV table: one row a rating of an image, or of a place on it.

Columns: ``reader``, ``modality`` (such as without and with the model), ``image``, ``rating`` (any numbers, the higher
the surer of a fracture); ``x``, ``y``, ``w``, ``h`` (left, top, width, height in pixels) where the row is of a place;
``fractured`` (1 or 0) where no labelled images say which images are fractured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.evaluation.froc import IOU_OF, fits
from fractura.evaluation.measures import Floats, Integers
from fractura.evaluation.metric_names import MAIN_CRITERION
from fractura.formats.table_rows import table_rows
from fractura.formats.text_files import number_in

NOT_FOUND = -np.inf
"""The rating of a lesion that a reader did not localise, and of an image on which nothing was rated."""
_NEEDED = ("reader", "modality", "image", "rating")
_PLACE = ("x", "y", "w", "h")
_KINDS = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
Key = tuple[str, str, str]
"""Modality, reader, image."""


@dataclass(frozen=True, eq=False)
class Localisations:
    """Where readers saw fractures.

    Attributes:
        false: float64 ``(modalities, readers, images)``: the highest rating of a place without a lesion on the image,
            else ``NOT_FOUND``.
        lesions: float64 ``(modalities, readers, lesions)``: the highest rating of a place that finds the lesion, else
            ``NOT_FOUND``.
        image: int64 ``(lesions,)``: position of the lesion's image.
    """

    false: Floats
    lesions: Floats
    image: Integers


@dataclass(frozen=True, eq=False)
class ReaderStudy:
    """Who rated what how: every reader every image with every modality.

    Attributes:
        modalities: In the order of the table; differences are of a later one less an earlier one.
        readers: In the order of the table.
        images: File names.
        fractured: bool ``(images,)``.
        ratings: float64 ``(modalities, readers, images)`` of whole images.
        localisations: None where nobody rated a place.
        left_out: Images of the table that are neither fractured nor normal (difficult boxes only).
    """

    modalities: tuple[str, ...]
    readers: tuple[str, ...]
    images: tuple[str, ...]
    fractured: NDArray[np.bool_]
    ratings: Floats
    localisations: Localisations | None = None
    left_out: tuple[str, ...] = ()


@dataclass(eq=False)
class _Reading:
    """What one reader said of one image with one modality."""

    whole: float | None = None
    has_whole: bool = False
    places: list[tuple[float, float, float, float]] = field(default_factory=list)
    ratings: list[float] = field(default_factory=list)

    @property
    def rating(self) -> float:
        return max(self.ratings, default=NOT_FOUND) if self.whole is None else self.whole


def read_reader_study(path: Path, labelled: Dataset | None = None, *, criterion: str = MAIN_CRITERION) -> ReaderStudy:
    """Read the table of a reader study.

    A row without a place rates the whole image; if its rating is empty, nothing was found there. Where there is no
    rating of the whole image, its highest rating of a place is taken. A place finds the lesion that it fits and
    overlaps most; of several on one lesion the highest rating counts, and places on difficult boxes alone are passed
    over.

    Args:
        path: CSV, separated by commas or semicolons.
        labelled: The images with the boxes taken as true; needed for places, and instead of a column ``fractured``.
        criterion: What "a place fits a lesion" means; one of ``CRITERIA``.

    Raises:
        DataError: The table cannot be read, a reading is missing or there twice, or an image is not known.

    Example:
        ``read_reader_study(Path("study.csv"), read_dataset("consensus")).readers``
    """
    readings: dict[Key, _Reading] = {}
    kinds: dict[str, bool] = {}
    for place, cells in _rows(path):
        try:
            _add(cells, readings, kinds)
        except DataError as error:
            raise DataError(error.problem, file=path, place=place, hint=error.hint) from error
    if not readings:
        raise DataError("has no ratings", file=path)
    modalities, readers, images = (tuple(dict.fromkeys(key[part] for key in readings)) for part in range(3))
    _refuse_gaps(path, readings, modalities, readers, images)
    localised = any(reading.places for reading in readings.values())
    records: dict[str, Record] = {}
    if labelled is not None:
        records = _known(path, images, labelled, kinds)
        kinds = {name: record.is_positive for name, record in records.items()}
    elif localised:
        raise DataError(
            "rates places, but which are fractures is not known",
            file=path,
            hint="give the labelled images, too: --data FOLDER",
        )
    elif len(kinds) < len(images):
        lacking = next(name for name in images if name not in kinds)
        raise DataError(
            f"does not say whether {lacking} is fractured",
            file=path,
            hint="add a column 'fractured' of 1 and 0, or give the labelled images with --data FOLDER",
        )
    kept = tuple(name for name in images if not records or records[name].is_positive or records[name].is_negative)
    fractured = np.array([kinds[name] for name in kept], dtype=bool)
    normal = np.count_nonzero(~fractured)
    if min(len(kept) - normal, normal) < 2:
        raise DataError(
            f"has {len(kept) - normal} fractured and {normal} normal images",
            file=path,
            hint="a reader study needs two or more of each kind",
        )
    table = [[[readings[m, r, name] for name in kept] for r in readers] for m in modalities]
    return ReaderStudy(
        modalities=modalities,
        readers=readers,
        images=kept,
        fractured=fractured,
        ratings=np.array([[[each.rating for each in row] for row in block] for block in table]),
        localisations=_localisations(table, [records[name] for name in kept], criterion) if localised else None,
        left_out=tuple(name for name in images if name not in kept),
    )


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    rows = table_rows(path)
    _, header = next(rows, ("", []))
    columns = [title.strip().casefold() for title in header]
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise DataError(
            f"has no column '{missing[0]}'",
            file=path,
            hint="the first line names the columns: reader,modality,image,rating and, for places, x,y,w,h",
        )
    for place, row in rows:
        if any(row):
            yield place, dict(zip(columns, [*row, *[""] * len(columns)], strict=False))


def _add(cells: Mapping[str, str], readings: dict[Key, _Reading], kinds: dict[str, bool]) -> None:
    image = PurePosixPath(cells["image"].replace("\\", "/")).name
    modality, reader = cells["modality"], cells["reader"]
    if not (modality and reader and image):
        raise DataError("names no reader, no modality or no image", hint="fill in the three cells")
    kind = cells.get("fractured", "").casefold()
    if kind:
        if kind not in _KINDS:
            raise DataError(f"fractured is '{kind}'", hint="write 1 for fractured and 0 for normal images")
        if kinds.setdefault(image, _KINDS[kind]) != _KINDS[kind]:
            raise DataError(f"{image} is fractured in one row and normal in another", hint="correct one of them")
    rating = number_in(cells["rating"], "rating", "correct the row") if cells["rating"] else None
    reading = readings.setdefault((modality, reader, image), _Reading())
    if any(cells.get(name) for name in _PLACE):
        if rating is None:
            raise DataError("rates a place, but has no rating", hint="fill in the cell, or leave out the row")
        x, y, w, h = (number_in(cells.get(name, ""), name, "correct the row") for name in _PLACE)
        if w <= 0 or h <= 0:
            raise DataError("the place has no area", hint="w and h are width and height in pixels, above 0")
        reading.places.append((x, y, x + w, y + h))
        reading.ratings.append(rating)
        return
    if reading.has_whole:
        raise DataError(
            f"{reader} rates {image} with {modality} a second time", hint="leave one row a reader, modality and image"
        )
    reading.whole, reading.has_whole = rating, True


def _refuse_gaps(
    path: Path,
    readings: Mapping[Key, _Reading],
    modalities: tuple[str, ...],
    readers: tuple[str, ...],
    images: tuple[str, ...],
) -> None:
    gaps = [(m, r, i) for m in modalities for r in readers for i in images if (m, r, i) not in readings]
    if gaps:
        modality, reader, image = gaps[0]
        raise DataError(
            f"{len(gaps)} readings are missing, such as that of {image} by {reader} with {modality}",
            file=path,
            hint="every reader reads every image with every modality; where nothing was found, write a row without a "
            "rating",
        )


def _known(path: Path, images: tuple[str, ...], labelled: Dataset, kinds: Mapping[str, bool]) -> dict[str, Record]:
    records = {record.name: record for record in labelled}
    for name in images:
        if name not in records:
            raise DataError(
                f"{name} is not among the labelled images", file=path, hint="use their file names in the column 'image'"
            )
        if name in kinds and kinds[name] == records[name].is_negative:
            raise DataError(
                f"says that {name} is fractured, but it has no box among the labelled images"
                if kinds[name]
                else f"says that {name} is normal, but it has a box among the labelled images",
                file=path,
            )
    return {name: records[name] for name in images}


def _localisations(table: list[list[list[_Reading]]], records: list[Record], criterion: str) -> Localisations:
    counts = [int(np.count_nonzero(~record.difficult)) for record in records]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
    shape = (len(table), len(table[0]))
    false, lesions = np.full((*shape, len(records)), NOT_FOUND), np.full((*shape, starts[-1]), NOT_FOUND)
    for m, block in enumerate(table):
        for r, row in enumerate(block):
            for number, (reading, record) in enumerate(zip(row, records, strict=True)):
                if reading.places:
                    missed, found = _of_image(reading, record, criterion)
                    false[m, r, number] = missed
                    lesions[m, r, starts[number] : starts[number + 1]] = found
    return Localisations(false, lesions, np.repeat(np.arange(len(records)), counts))


def _of_image(reading: _Reading, record: Record, criterion: str) -> tuple[float, Floats]:
    """The highest rating of a place without a lesion, and of each lesion."""
    boxes = Boxes(record.boxes.xyxy, np.zeros(len(record.boxes)))
    places = Boxes(reading.places, np.zeros(len(reading.places)))
    overlap = places.iou(boxes)
    fit = fits(boxes, places, overlap, IOU_OF.get(criterion))
    found = np.full(len(boxes), NOT_FOUND)
    missed = NOT_FOUND
    for place, rating in enumerate(reading.ratings):
        lesions = fit[place] & ~record.difficult
        if lesions.any():
            best = int(np.argmax(np.where(lesions, overlap[place], -1.0)))
            found[best] = max(found[best], rating)
        elif not fit[place].any():
            missed = max(missed, rating)
    return missed, found[~record.difficult]
