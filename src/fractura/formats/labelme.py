"""labelme's JSON, read: one file an image, its shapes given by points in pixels.

Follows labelme 5 labelme/label_file.py; X-AnyLabeling and AnyLabeling write the same. An image without shapes is a
negative image. Outlines, circles and turned boxes become the box around them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, gather, images_of, other_image
from fractura.formats.faults import Faults, located, placed
from fractura.formats.format import FRACTIONS, Format
from fractura.formats.image_index import ImageIndex
from fractura.formats.json_documents import json_documents
from fractura.formats.outlines import Corners, box_around, box_around_ellipse, note_outlines
from fractura.formats.text_files import a_dict, a_list, a_number, a_text, a_whole_number
from fractura.formats.voc.annotation import VocObject

_NOT_LABELME = "labelme writes one JSON file an image, with 'shapes' and 'imagePath'"


def read_labelme(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read one file, or a folder of them.

    Raises:
        DataError: A file is not labelme's, or (where ``faults`` stops) a shape is not a box, an image is missing or of
            another size, or a class is unknown; names the file, the shape and a hint.
    """
    index = images_of(path, options)
    found: list[FoundImage] = []
    outlines = 0
    for file, document in json_documents(path, _why, "labelme", faults):
        own = index.own(file)
        try:
            each, around = _image(file, document, index, own)
        except DataError as fault:
            if own is None:
                faults.add(placed(fault, file, None))
                continue
            index.found.add(own)  # no other file may speak for its image instead
            each, around = FoundImage(own, index.folders[0], file, fault=fault), 0
        found.append(each)
        outlines += around
    note_outlines(outlines, path, faults)
    return gather(found, root=path, options=options, faults=faults, index=index)


def _why(document: Any) -> str | None:
    is_labelme = isinstance(document, dict) and "imagePath" in document and isinstance(document.get("shapes"), list)
    return "it has labelme's shapes" if is_labelme else None


def _image(file: Path, document: Any, index: ImageIndex, own: Path | None) -> tuple[FoundImage, int]:
    if _why(document) is None:
        raise DataError("is not labelme's", hint=_NOT_LABELME)
    image = index.match(file, a_text(document["imagePath"], "its imagePath"))
    if image is None:
        raise DataError(
            f"its image '{document['imagePath']}' is not in {index.folders[0]}",
            hint="put the image there under that name, name the images' folder, or take the file out",
        )
    objects, places, outlines = [], [], 0
    for number, shape in enumerate(document["shapes"], start=1):
        place = f"shape {number}"
        with located(file, place):
            each = a_dict(shape, "a shape")
            objects.append(VocObject(a_text(each.get("label"), "its label"), *_corners(each)))
        places.append(place)
        outlines += each.get("shape_type", "polygon") != "rectangle"
    doubt = None if own is None or own == image else other_image(image, own)
    size = _size(document)
    flags = document.get("flags")
    labels = tuple(name for name, is_set in flags.items() if is_set is True) if isinstance(flags, dict) else ()
    about = (image, index.folders[0], file, None, tuple(objects), tuple(places), size)
    return FoundImage(*about, fault=doubt, image_labels=labels), outlines


def _corners(shape: dict[str, Any]) -> Corners:
    kind = shape.get("shape_type", "polygon")
    points = [_point(point) for point in a_list(shape.get("points"), "its points")]
    if kind == "circle" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        return box_around_ellipse(x, y, radius, radius)
    if kind in ("point", "points", "line", "linestrip"):
        raise DataError(f"is a {kind}, which is not a box", hint="draw a box around it, or take it out")
    return box_around(points)


def _point(point: Any) -> tuple[float, float]:
    numbers = [a_number(value, "a number of its points") for value in a_list(point, "a point")]
    if len(numbers) != 2:
        raise DataError(f"a point has {len(numbers)} numbers")
    return numbers[0], numbers[1]


def _size(document: dict[str, Any]) -> tuple[int, int] | None:
    width, height = document.get("imageWidth"), document.get("imageHeight")
    if width is None and height is None:
        return None
    return a_whole_number(width, "its imageWidth"), a_whole_number(height, "its imageHeight")


LABELME = Format(
    name="labelme",
    title="labelme",
    read=read_labelme,
    plan=None,
    holds=FRACTIONS,
    takes_image_dir=True,
    file_an_image=True,
    why_json=_why,
)
