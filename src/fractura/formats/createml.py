"""CreateML JSON, read and written: a list of images, each with boxes given by middle and size in pixels.

Follows labelImg 1.8.6 libs/create_ml_io.py and Apple's "Building an object detector data source".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError
from fractura.formats.assembly import (
    Faults,
    FoundImage,
    OnError,
    check_class_names,
    fewest_digits,
    gather,
    placed,
    shortest_text,
)
from fractura.formats.coco import image_dirs
from fractura.formats.name_index import ImageIndex
from fractura.formats.text_files import a_dict, a_list, a_number, a_text, json_bytes, read_json
from fractura.formats.voc.serializer import VocObject

_IMAGE_KEYS = ("image", "imagefilename", "filename")
_NOT_CREATEML = "a CreateML file is a list of images, each with 'image' and 'annotations'"


def is_createml(document: Any) -> bool:
    """True if a JSON document is a list of images."""
    return (
        isinstance(document, list)
        and bool(document)
        and isinstance(document[0], dict)
        and any(key in document[0] for key in _IMAGE_KEYS)
    )


def read_createml(
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
    image_dir: Path | None = None,
) -> Dataset:
    """Read a CreateML file. Images without annotations are negative images.

    Args:
        path: The JSON file.
        class_names: In label order; by default the names found, sorted.
        on_error: ``stop`` at the first fault, or ``skip`` that image.
        problems: Collects what was skipped.
        image_dir: Where the images lie; by default below the file's folder.

    Raises:
        DataError: The file is not CreateML, or (``stop``) an entry is not what it must be, an image is missing, a box
            is impossible or a class unknown; names the file, the entry and a hint.
    """
    check_class_names(class_names)
    path = Path(path)
    faults = Faults(on_error)
    try:
        entries = a_list(read_json(path), "the document")
    except DataError as fault:
        raise DataError(fault.problem, file=path, place=fault.place, hint=fault.hint or _NOT_CREATEML) from fault
    index = ImageIndex([image_dir] if image_dir is not None else image_dirs(path))
    found = []
    for number, entry in enumerate(entries):
        place = f"[{number}]"
        try:
            found.append(_image(a_dict(entry, "an image"), index, path, place))
        except DataError as fault:
            faults.add(placed(fault, path, place))
    return gather(
        found,
        root=path,
        class_names=class_names,
        known_names=None,
        faults=faults,
        problems=problems,
        empty="holds no images",
    )


def _image(entry: dict[str, Any], index: ImageIndex, path: Path, place: str) -> FoundImage:
    key = next((key for key in _IMAGE_KEYS if key in entry), "image")
    image = index.find(a_text(entry.get(key), f"its {key}"))
    written = entry.get("annotations", entry.get("annotation"))
    objects, places = [], []
    for number, each in enumerate(a_list([] if written is None else written, "its annotations"), start=1):
        where = f"{place} ({image.name}), box {number}"
        try:
            objects.append(_box(a_dict(each, "a box")))
        except DataError as fault:
            raise placed(fault, path, where) from fault
        places.append(where)
    return FoundImage(image, index.folders[0], path, f"{place} ({image.name})", tuple(objects), tuple(places))


def _box(each: dict[str, Any]) -> VocObject:
    sides = a_dict(each.get("coordinates"), "its coordinates")
    middle_x, middle_y, width, height = (
        a_number(sides.get(key), f"its {key}") for key in ("x", "y", "width", "height")
    )
    return VocObject(a_text(each.get("label"), "its label"), *corners_of(middle_x, middle_y, width, height))


def corners_of(middle_x: float, middle_y: float, width: float, height: float) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    return middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2


def createml_bytes(dataset: Dataset) -> bytes:
    """A data set as one CreateML file, images in the order of the records."""
    return json_bytes(
        [
            {
                "image": record.name,
                "verified": False,
                "annotations": [
                    {"label": dataset.class_names[int(label)], "coordinates": _coordinates(corners)}
                    for corners, label in zip(record.boxes.xyxy, record.boxes.labels, strict=True)
                ],
            }
            for record in dataset
        ]
    )


def _coordinates(corners: NDArray[np.float32]) -> dict[str, float | int]:
    left, top, right, bottom = (shortest_text(value) for value in corners)

    def is_right(values: Sequence[float]) -> bool:
        middle_x, middle_y, width, height = values
        return np.array_equal(np.array(corners_of(middle_x, middle_y, width, height), dtype=np.float32), corners)

    values = fewest_digits(
        [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], is_right, (1, 3, 6, 9, 12)
    )
    if not is_right(values):  # the shortest decimals of the corners do not add up: take the corners themselves
        left, top, right, bottom = (float(value) for value in corners)
        values = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    words = [int(value) if float(value).is_integer() else value for value in values]
    return dict(zip(("x", "y", "width", "height"), words, strict=True))
