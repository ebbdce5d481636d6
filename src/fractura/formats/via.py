"""JSON of the VGG Image Annotator (VIA) 1 and 2, read: a project, or the annotations that it exports.

Follows via.js of VIA 2.0.12. An image without regions is a negative image. Outlines, circles and ellipses become the
box around them. The class is the attribute of the regions that is called so (``label``, ``class``, ``name``, …), or the
only one they have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, gather, images_of
from fractura.formats.faults import Faults, located, placed
from fractura.formats.format import FRACTIONS, Format
from fractura.formats.outlines import Corners, box_around, box_around_ellipse, corners_of, note_outlines
from fractura.formats.text_files import a_dict, a_list, a_number, a_text, read_json
from fractura.formats.voc.annotation import VocObject

_METADATA = "_via_img_metadata"
_CLASS_KEYS = ("label", "class", "class_name", "name", "type", "category", "object")
_NO_CLASS = "say the class in an attribute of the regions called 'label', or name the only class"


def read_via(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read VIA's file.

    Where the regions have no attribute and ``options.class_names`` names one class, they are of that class.

    Raises:
        DataError: The file is not VIA's, or (where ``faults`` stops) a region is not a box or has no class, an image is
            missing, or a class is unknown; names the file, the image, the region and a hint.
    """
    document = read_json(path)
    if _why(document) is None:
        raise DataError("is not of VIA 1 or 2", file=path, hint="export the annotations as JSON with VIA 2")
    entries = document.get(_METADATA, document)
    index = images_of(path, options)
    found: list[FoundImage] = []
    outlines = 0
    key = _class_key(entries)
    for entry in entries.values():
        place = f"'{entry.get('filename')}'" if isinstance(entry, dict) else None
        try:
            image = index.find(a_text(a_dict(entry, "an image").get("filename"), "its filename"))
            boxes = []
            for number, region in enumerate(_regions(entry), start=1):
                where = f"{place}, region {number}"
                with located(path, where):
                    each = a_dict(region, "a region")
                    shape = a_dict(each.get("shape_attributes"), "its shape_attributes")
                    boxes.append((where, VocObject(_class_of(each, key, options.class_names), *_corners(shape))))
                outlines += shape.get("name") != "rect"
            objects, places = tuple(box for _, box in boxes), tuple(where for where, _ in boxes)
            found.append(FoundImage(image, index.folders[0], path, place, objects, places))
        except DataError as fault:
            faults.add(placed(fault, path, place), boxes=not isinstance(entry, dict) or bool(entry.get("regions")))
    note_outlines(outlines, path, faults)
    return gather(found, root=path, options=options, faults=faults, index=index)


def _why(document: Any) -> str | None:
    if not isinstance(document, dict) or not document:
        return None
    if isinstance(document.get(_METADATA), dict):
        return "it is a project of VIA"
    entries = document.values()
    is_export = all(isinstance(entry, dict) and "filename" in entry and "regions" in entry for entry in entries)
    return "it has VIA's regions" if is_export else None


def _regions(entry: dict[str, Any]) -> list[Any]:
    """The regions of an image; VIA 1 numbers them."""
    regions = entry.get("regions")
    return list(regions.values()) if isinstance(regions, dict) else a_list(regions, "its regions")


def _class_key(entries: dict[str, Any]) -> str | None:
    """The attribute that says the class: by its name, else the only one."""
    keys: dict[str, None] = {}
    for entry in entries.values():
        regions = entry.get("regions") if isinstance(entry, dict) else None
        if isinstance(regions, dict):
            regions = list(regions.values())
        for region in regions if isinstance(regions, list) else ():
            attributes = region.get("region_attributes") if isinstance(region, dict) else None
            keys |= dict.fromkeys(attributes if isinstance(attributes, dict) else ())
    named = [key for word in _CLASS_KEYS for key in keys if key.strip().casefold() == word]
    return named[0] if named else next(iter(keys)) if len(keys) == 1 else None


def _class_of(region: dict[str, Any], key: str | None, class_names: Sequence[str] | None) -> str:
    if key is None and class_names is not None and len(class_names) == 1:
        return class_names[0]
    attributes = region.get("region_attributes")
    value = attributes.get(key) if isinstance(attributes, dict) and key is not None else None
    if isinstance(value, dict):  # a checkbox: each choice with true or false
        chosen = [name for name, is_set in value.items() if is_set]
        value = chosen[0] if len(chosen) == 1 else None
    if not isinstance(value, str) or not value.strip():
        raise DataError("a region has no class", hint=_NO_CLASS)
    return value.strip()


def _corners(shape: dict[str, Any]) -> Corners:
    def numbers(*keys: str) -> list[float]:
        return [a_number(shape.get(key), f"its {key}") for key in keys]

    kind = shape.get("name")
    if kind == "rect":
        return corners_of(*numbers("x", "y", "width", "height"))
    if kind == "circle":
        x, y, radius = numbers("cx", "cy", "r")
        return box_around_ellipse(x, y, radius, radius)
    if kind == "ellipse":
        x, y, across, down = numbers("cx", "cy", "rx", "ry")
        return box_around_ellipse(x, y, across, down, math.degrees(a_number(shape.get("theta", 0), "its theta")))
    if kind in ("polygon", "polyline"):
        across_all = [a_number(x, "an x") for x in a_list(shape.get("all_points_x"), "its all_points_x")]
        down_all = [a_number(y, "a y") for y in a_list(shape.get("all_points_y"), "its all_points_y")]
        return box_around(list(zip(across_all, down_all, strict=False)))
    raise DataError(f"its shape '{kind}' is not a box", hint="draw a box around it, or take it out")


VIA = Format(
    name="via",
    title="VIA",
    read=read_via,
    plan=None,
    holds=FRACTIONS,
    takes_image_dir=True,
    why_json=_why,
)
