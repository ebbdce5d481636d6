"""One CSV: a row a box, with the columns of TensorFlow's tutorial and ours behind them.

``filename,width,height,class,xmin,ymin,xmax,ymax`` is what ``xml_to_csv.py`` writes and ``generate_tfrecord.py`` reads.
Ours are ``difficult,truncated,pose,patient,split,body_part,view,laterality``; they may be missing. A negative image is
a row without class and corners.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, FracturaError
from fractura.formats.assembly import (
    Faults,
    FoundImage,
    ImageFactsWritten,
    OnError,
    check_class_names,
    gather,
    placed,
    split_of,
)
from fractura.formats.coco import image_dirs
from fractura.formats.name_index import ImageIndex
from fractura.formats.text_lines import read_text
from fractura.formats.voc.serializer import CORNERS, VocObject, number_text

COLUMNS = (
    "filename",
    "width",
    "height",
    "class",
    *CORNERS,
    "difficult",
    "truncated",
    "pose",
    "patient",
    "split",
    "body_part",
    "view",
    "laterality",
)
_FACTS = ("patient", "split", "body_part", "view", "laterality")
_OTHER_NAMES = {
    "file": "filename",
    "file_name": "filename",
    "image": "filename",
    "image_path": "filename",
    "path": "filename",
    "label": "class",
    "class_name": "class",
    "x1": "xmin",
    "y1": "ymin",
    "x2": "xmax",
    "y2": "ymax",
}
_NEEDED = ("filename", "class", *CORNERS)
_NEGATIVE_ROW = "leave class and corners empty for an image on which nothing is annotated"


def header_fault(first_line: str) -> str | None:
    """Which needed columns the first line of a CSV lacks; None if it has all."""
    try:
        columns = _columns(next(csv.reader([first_line]), []))
    except csv.Error as error:
        return str(error)
    missing = [name for name in _NEEDED if name not in columns]
    return f"the columns {', '.join(missing)} are missing" if missing else None


def read_csv(
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
    image_dir: Path | None = None,
) -> Dataset:
    """Read a CSV of boxes, separated by commas or semicolons.

    Args:
        path: The file.
        class_names: In label order; by default the names found, sorted.
        on_error: ``stop`` at the first fault, or ``skip`` that image.
        problems: Collects what was skipped.
        image_dir: Where the images lie; by default below the file's folder.

    Raises:
        DataError: A column is missing, or (``stop``) a row is not what it must be, an image is missing or of another
            size, a box is impossible or a class unknown; names the file, the line and a hint.
    """
    check_class_names(class_names)
    path = Path(path)
    text = read_text(path)
    faults = Faults(on_error)
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = _columns(next(rows, []))
    except csv.Error as error:
        raise DataError(f"is not CSV: {error}", file=path, place="line 1", hint="export it again") from error
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise DataError(
            f"the columns {', '.join(missing)} are missing",
            file=path,
            place="line 1",
            hint=f"the first line must name the columns, such as {','.join(COLUMNS[:8])}",
        )
    found = _images(rows, columns, path, ImageIndex([image_dir] if image_dir is not None else image_dirs(path)), faults)
    return gather(
        found,
        root=path,
        class_names=class_names,
        known_names=None,
        faults=faults,
        problems=problems,
        empty="holds no rows",
    )


def _columns(header: Sequence[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for place, title in enumerate(header):
        plain = title.strip().casefold()
        columns.setdefault(_OTHER_NAMES.get(plain, plain), place)
    return columns


def _images(rows: object, columns: dict[str, int], path: Path, index: ImageIndex, faults: Faults) -> list[FoundImage]:
    images: dict[Path, FoundImage] = {}
    boxes: dict[Path, list[tuple[str, VocObject]]] = {}
    bad: set[Path] = set()
    width = max(columns.values()) + 1
    reader: csv._reader = rows  # type: ignore[name-defined, assignment]
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            faults.add(DataError(f"is not CSV: {error}", file=path, place=f"line {reader.line_num}"))
            break
        if row is None:
            break
        if not any(cell.strip() for cell in row):
            continue
        place = f"line {reader.line_num}"
        image = None
        try:
            if len(row) < width:
                raise DataError(f"has {len(row)} cells where {width} belong", hint="is the line cut off?")
            cells = {name: row[column].strip() for name, column in columns.items()}
            image = index.find(cells["filename"])
            _add(images, boxes, image, cells, index.folders[0], path, place)
        except DataError as fault:
            if image is not None:
                bad.add(image)  # an image with a box too few would be wrong
            faults.add(placed(fault, path, place))
    return [_with_boxes(each, boxes[image]) for image, each in images.items() if image not in bad]


def _with_boxes(each: FoundImage, boxes: list[tuple[str, VocObject]]) -> FoundImage:
    return replace(each, objects=tuple(box for _, box in boxes), places=tuple(place for place, _ in boxes))


def _add(
    images: dict[Path, FoundImage],
    boxes: dict[Path, list[tuple[str, VocObject]]],
    image: Path,
    cells: dict[str, str],
    root: Path,
    path: Path,
    place: str,
) -> None:
    size, facts, box = _size(cells), _facts(cells), _box(cells)
    before = images.get(image)
    if before is None:
        images[image] = FoundImage(image, root, path, place, size=size, facts=facts)
        boxes[image] = [] if box is None else [(place, box)]
        return
    if (before.size, before.facts) != (size, facts):
        raise DataError(
            f"says something else of the image {image.name} than {before.place}",
            hint="size, patient and split must be the same in all rows of an image",
        )
    if box is None or not boxes[image]:
        raise DataError(
            f"says that the image {image.name} {'has a box' if box else 'is negative'}, which {before.place} denies",
            hint="keep one row without box, or the rows with boxes",
        )
    boxes[image].append((place, box))


def _size(cells: dict[str, str]) -> tuple[int, int] | None:
    width, height = cells.get("width", ""), cells.get("height", "")
    if not width and not height:
        return None
    sizes = tuple(_number(text, name) for text, name in ((width, "width"), (height, "height")))
    if not all(size.is_integer() for size in sizes):
        raise DataError("width and height must be whole numbers")
    return int(sizes[0]), int(sizes[1])


def _facts(cells: dict[str, str]) -> ImageFactsWritten:
    said = {key: cells.get(key) or None for key in _FACTS}
    if (split := said["split"]) is not None:
        said["split"] = split_of(split)
        if said["split"] is None:
            raise DataError(f"the split '{split}' is not train, val or test")
    return ImageFactsWritten(**said)


def _box(cells: dict[str, str]) -> VocObject | None:
    corners = [cells[name] for name in CORNERS]
    if not cells["class"] and not any(corners):
        return None
    if not cells["class"]:
        raise DataError("a box has no class", hint=_NEGATIVE_ROW)
    left, top, right, bottom = (_number(text, name) for text, name in zip(corners, CORNERS, strict=True))
    return VocObject(
        cells["class"],
        left,
        top,
        right,
        bottom,
        difficult=_flag(cells.get("difficult", ""), "difficult"),
        truncated=_flag(cells.get("truncated", ""), "truncated"),
        pose=cells.get("pose", "") or "Unspecified",
    )


def _number(text: str, name: str) -> float:
    try:
        value = float(text) if text.isascii() and "_" not in text and len(text) < 60 else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e9:
        raise DataError(f"{name} is no number: '{text[:40]}'", hint=_NEGATIVE_ROW)
    return value


def _flag(text: str, name: str) -> bool:
    known = {"": False, "0": False, "false": False, "1": True, "true": True}
    if text.casefold() not in known:
        raise DataError(f"{name} must be 0 or 1, not '{text[:40]}'")
    return known[text.casefold()]


def csv_bytes(dataset: Dataset) -> bytes:
    """A data set as one CSV, images in the order of the records."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in dataset:
        writer.writerows(_rows(record, dataset.class_names))
    return stream.getvalue().encode()


def _rows(record: Record, class_names: Sequence[str]) -> list[list[str]]:
    image = [record.name, str(record.width), str(record.height)]
    facts = [getattr(record, key) or "" for key in _FACTS]
    if record.is_negative:
        return [[*image, "", "", "", "", "", "", "", "", *facts]]
    rows = []
    for corners, label, flags in zip(record.boxes.xyxy, record.boxes.labels, record.flags, strict=True):
        numbers = [number_text(float(str(np.float32(value)))) for value in corners]
        detections = [str(int(flags.difficult)), str(int(flags.truncated)), flags.pose]
        rows.append([*image, class_names[int(label)], *numbers, *detections, *facts])
    return rows
