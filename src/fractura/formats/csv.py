"""One CSV: a row a box, with the columns of TensorFlow's tutorial and ours behind them.

``filename,width,height,class,xmin,ymin,xmax,ymax`` is what ``xml_to_csv.py`` writes and ``generate_tfrecord.py`` reads.
Ours are ``difficult,truncated,pose,patient,split,body_part,view,laterality``; they may be missing. A negative image is
a row without class and corners.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from fractura.core.csv_cell import csv_cell, unguarded
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, WrittenFacts, gather, images_of, split_of
from fractura.formats.faults import Faults, placed
from fractura.formats.flag_words import a_flag
from fractura.formats.format import FACTS, FLAGS, FRACTIONS, Format
from fractura.formats.image_index import ImageIndex
from fractura.formats.numbers import number_text, shortest_decimal
from fractura.formats.table_rows import table_rows
from fractura.formats.text_files import number_in
from fractura.formats.voc.annotation import CORNERS, VocObject
from fractura.formats.writing import PlannedFile, plan_images

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


def read_csv(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read a CSV of boxes, separated by commas or semicolons.

    Raises:
        DataError: A column is missing, a line is not CSV, or (where ``faults`` stops) a row is not what it must be, an
            image is missing or of another size, a box is impossible or a class unknown; names the file, the line and a
            hint.
    """
    rows = table_rows(path)
    _, header = next(rows, ("", []))
    if missing := _missing(header):
        raise DataError(
            f"the columns {', '.join(missing)} are missing",
            file=path,
            place="line 1",
            hint=f"the first line must name the columns, such as {','.join(COLUMNS[:8])}",
        )
    index = images_of(path, options)
    found = _images(rows, _columns(header), path, index, faults)
    return gather(found, root=path, options=options, faults=faults, empty="holds no rows", index=index)


def _why(header: Sequence[str]) -> str | None:
    return None if _missing(header) else "has the columns"


def _missing(header: Sequence[str]) -> list[str]:
    columns = _columns(header)
    return [name for name in _NEEDED if name not in columns]


def _columns(header: Sequence[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for place, title in enumerate(header):
        plain = title.strip().casefold()
        columns.setdefault(_OTHER_NAMES.get(plain, plain), place)
    return columns


def _images(
    rows: Iterator[tuple[str, list[str]]], columns: dict[str, int], path: Path, index: ImageIndex, faults: Faults
) -> list[FoundImage]:
    images: dict[Path, FoundImage] = {}
    boxes: dict[Path, list[tuple[str, VocObject]]] = {}
    bad: set[Path] = set()
    width = max(columns.values()) + 1
    for place, row in rows:
        if not any(row):
            continue
        image, cells = None, dict[str, str]()
        try:
            cells = {name: unguarded(row[column]) for name, column in columns.items() if column < len(row)}
            if "filename" in cells:
                image = index.find(cells["filename"])
            if len(row) < width:
                raise DataError(f"has {len(row)} cells where {width} belong", hint="is the line cut off?")
            assert image is not None  # the row is complete
            _add(images, boxes, image, cells, index.folders[0], path, place)
        except DataError as fault:
            if image is not None:
                bad.add(image)  # an image with a box too few would be wrong
            faults.add(placed(fault, path, place), image=image or cells.get("filename"), boxes=_may_have_box(cells))
    return [_with_boxes(each, boxes[image]) for image, each in images.items() if image not in bad]


def _may_have_box(cells: dict[str, str]) -> bool:
    return any(cells.get(name) for name in ("class", *CORNERS)) or "class" not in cells


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
    sizes = tuple(number_in(text, name, _NEGATIVE_ROW) for text, name in ((width, "width"), (height, "height")))
    if not all(size.is_integer() for size in sizes):
        raise DataError("width and height must be whole numbers")
    return int(sizes[0]), int(sizes[1])


def _facts(cells: dict[str, str]) -> WrittenFacts:
    said = {key: cells.get(key) or None for key in _FACTS}
    if (split := said["split"]) is not None:
        said["split"] = split_of(split)
        if said["split"] is None:
            raise DataError(f"the split '{split}' is not train, val or test")
    return WrittenFacts(**said)


def _box(cells: dict[str, str]) -> VocObject | None:
    corners = [cells[name] for name in CORNERS]
    if not cells["class"] and not any(corners):
        return None
    if not cells["class"]:
        raise DataError("a box has no class", hint=_NEGATIVE_ROW)
    left, top, right, bottom = (
        number_in(text, name, _NEGATIVE_ROW) for text, name in zip(corners, CORNERS, strict=True)
    )
    return VocObject(
        cells["class"],
        left,
        top,
        right,
        bottom,
        difficult=a_flag(cells.get("difficult"), "difficult"),
        truncated=a_flag(cells.get("truncated"), "truncated"),
        pose=cells.get("pose", "") or "Unspecified",
    )


def plan_csv(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations.csv`` and ``images/*``."""
    yield PlannedFile("annotations.csv", csv_bytes(dataset))
    yield from plan_images(dataset, "images/")


def csv_bytes(dataset: Dataset) -> bytes:
    """A data set as one CSV, images in the order of the records."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in dataset:
        writer.writerows([csv_cell(cell) for cell in row] for row in _rows(record, dataset.class_names))
    return stream.getvalue().encode()


def _rows(record: Record, class_names: Sequence[str]) -> list[list[str]]:
    image = [record.name, str(record.width), str(record.height)]
    facts = [getattr(record, key) or "" for key in _FACTS]
    if record.is_negative:
        return [[*image, "", "", "", "", "", "", "", "", *facts]]
    rows = []
    for corners, label, flags in zip(record.boxes.xyxy, record.boxes.labels, record.flags, strict=True):
        numbers = [number_text(shortest_decimal(value)) for value in corners]
        flag_cells = [str(int(flags.difficult)), str(int(flags.truncated)), flags.pose]
        rows.append([*image, class_names[int(label)], *numbers, *flag_cells, *facts])
    return rows


CSV = Format(
    name="csv",
    title="CSV",
    read=read_csv,
    plan=plan_csv,
    holds=FLAGS | FACTS | FRACTIONS,
    describes="annotations.csv",
    takes_image_dir=True,
    why_table=_why,
)
