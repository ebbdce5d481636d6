"""CreateML JSON, read and written: a list of images, each with boxes given by middle and size in pixels.

Follows labelImg 1.8.6 libs/create_ml_io.py and Apple's "Building an object detector data source".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, gather, images_of
from fractura.formats.faults import Faults, located, placed
from fractura.formats.format import FACTS, FRACTIONS, Format
from fractura.formats.image_index import ImageIndex
from fractura.formats.json_documents import json_documents
from fractura.formats.numbers import fewest_digits, shortest_decimal, whole_or_float
from fractura.formats.split_file import plan_split_file
from fractura.formats.text_files import a_dict, a_list, a_number, a_text, json_bytes
from fractura.formats.voc.annotation import VocObject
from fractura.formats.writing import PlannedFile, plan_images

_IMAGE_KEYS = ("image", "imagefilename", "filename")
_BOX_KEYS = ("annotations", "annotation")
_NOT_CREATEML = "a CreateML file is a list of images, each with 'image' and 'annotations'"


def read_createml(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read a CreateML file, or a folder of them as LabelImg writes them. Images without annotations are negative.

    Raises:
        DataError: The file is not CreateML, or (where ``faults`` stops) an entry is not what it must be, an image is
            missing, a box is impossible or a class unknown; names the file, the entry and a hint.
    """
    index = images_of(path, options)
    found: list[FoundImage] = []
    unsaid: list[str] = []
    for file, document in json_documents(path, _why, "CreateML", faults):
        for number, entry in enumerate(_entries(document, file)):
            place = f"[{number}]"
            try:
                image = a_dict(entry, "an image")
                if all(image.get(key) is None for key in _BOX_KEYS):
                    unsaid.append(place)
                found.append(_image(image, index, file, place))
            except DataError as fault:
                faults.add(placed(fault, file, place), boxes=_may_have_boxes(entry))
    if unsaid and len(unsaid) == len(found):
        raise DataError(
            "no image has a list 'annotations': it names images, but not what is on them",
            file=path,
            place=unsaid[0],
            hint=_NOT_CREATEML,
        )
    return gather(found, root=path, options=options, faults=faults, index=index)


def _entries(document: Any, file: Path) -> list[Any]:
    try:
        return a_list(document, "the document")
    except DataError as fault:
        raise DataError(fault.problem, file=file, hint=_NOT_CREATEML) from fault


def _may_have_boxes(entry: Any) -> bool:
    return not isinstance(entry, dict) or any(entry.get(key) != [] for key in _BOX_KEYS if key in entry)


def _why(document: Any) -> str | None:
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        return None
    return "it is a list of images" if any(key in document[0] for key in _IMAGE_KEYS) else None


def _image(entry: dict[str, Any], index: ImageIndex, path: Path, place: str) -> FoundImage:
    key = next((key for key in _IMAGE_KEYS if key in entry), "image")
    image = index.find(a_text(entry.get(key), f"its {key}"))
    written = next((entry[key] for key in _BOX_KEYS if key in entry), None)
    objects, places = [], []
    for number, each in enumerate(a_list([] if written is None else written, "its annotations"), start=1):
        where = f"{place} ({image.name}), box {number}"
        with located(path, where):
            objects.append(_box(a_dict(each, "a box")))
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


def plan_createml(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations.json`` with the images next to it, as CreateML wants them."""
    yield PlannedFile("annotations.json", createml_bytes(dataset))
    yield from plan_images(dataset)
    yield from plan_split_file(dataset)


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
    left, top, right, bottom = (shortest_decimal(value) for value in corners)

    def is_right(values: Sequence[float]) -> bool:
        middle_x, middle_y, width, height = values
        return np.array_equal(np.array(corners_of(middle_x, middle_y, width, height), dtype=np.float32), corners)

    values = fewest_digits(
        [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], is_right, (1, 3, 6, 9, 12)
    )
    if not is_right(values):  # the shortest decimals of the corners do not add up: take the corners themselves
        left, top, right, bottom = (float(value) for value in corners)
        values = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    return dict(zip(("x", "y", "width", "height"), map(whole_or_float, values), strict=True))


CREATEML = Format(
    name="createml",
    title="CreateML",
    read=read_createml,
    plan=plan_createml,
    holds=FACTS | FRACTIONS,
    describes="annotations.json",
    takes_image_dir=True,
    file_an_image=True,
    why_json=_why,
)
