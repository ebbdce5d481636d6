"""CVAT for images 1.1, read: one XML file with an ``<image>`` for each image, its shapes in pixels.

Format: CVAT's documentation, "CVAT for image". An image without shapes is a negative image. Outlines, masks, ellipses
and turned boxes become the box around them. Classes are in the order of the task's labels where the file has them.
"""

from __future__ import annotations

from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.core.files import read_file
from fractura.formats.assembly import FoundImage, ReadOptions, WrittenFacts, gather, images_of, split_of
from fractura.formats.faults import Faults, located, placed
from fractura.formats.format import FRACTIONS, Evidence, Format
from fractura.formats.image_index import ImageIndex
from fractura.formats.outlines import Corners, box_around, box_around_ellipse, corners_of, note_outlines, turned_corners
from fractura.formats.text_files import a_text, number_in
from fractura.formats.voc.annotation import VocObject
from fractura.formats.voc.xml_source import Element, parse_xml

_LIMIT = 512 * 1024 * 1024
_HEAD = 4096
_EXPORT_AGAIN = "export the task again"
_TRIED = 5
"""XML files of a folder that are examined: CVAT writes one."""
_NO_BOXES = ("polyline", "points", "skeleton", "cuboid")
_SHAPES = ("box", "polygon", "ellipse", "mask", *_NO_BOXES)


def read_cvat(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read CVAT's file.

    Raises:
        DataError: The file is not CVAT for images, or (where ``faults`` stops) a shape is not a box, an image is
            missing or of another size, or a class is unknown; names the file, the line and a hint.
    """
    root = parse_xml(read_file(path, limit=_LIMIT + 1), str(path), limit=_LIMIT).root
    if root.tag != "annotations" or root.all("track"):
        raise DataError(
            "is not CVAT for images" + (": it has tracks, as CVAT for video" if root.all("track") else ""),
            file=path,
            place=f"line {root.line}",
            hint="export the task as 'CVAT for images 1.1'",
        )
    index = images_of(path, options)
    found: list[FoundImage] = []
    outlines = 0
    for element in root.all("image"):
        try:
            each, around = _image(element, index, path)
        except DataError as fault:
            boxes = any(child.tag in _SHAPES for child in element.children)
            faults.add(placed(fault, path, f"line {element.line}"), boxes=boxes)
            continue
        found.append(each)
        outlines += around
    note_outlines(outlines, path, faults)
    names = _names(root)
    used = {box.name for each in found for box in each.objects}
    known = names if used <= set(names) else None
    return gather(found, root=path, options=options, faults=faults, known_names=known, index=index)


def _image(element: Element, index: ImageIndex, path: Path) -> tuple[FoundImage, int]:
    image = index.find(a_text(element.attributes.get("name", ""), "its name"))
    objects, places, outlines = [], [], 0
    for shape in element.children:
        if shape.tag not in _SHAPES:
            continue
        place = f"line {shape.line}"
        with located(path, place):
            name = a_text(shape.attributes.get("label", ""), "its label")
            objects.append(VocObject(name, *_corners(shape)))
        places.append(place)
        outlines += shape.tag != "box" or bool(_number(shape, "rotation", 0.0))
    width, height = (_number(element, key, 0.0) for key in ("width", "height"))
    size = None if not width and not height else (int(width), int(height))
    facts = WrittenFacts(split=split_of(element.attributes.get("subset", "")))
    place = f"line {element.line} ({image.name})"
    tags = tuple(tag.attributes.get("label", "") for tag in element.all("tag"))
    about = (image, index.folders[0], path, place, tuple(objects), tuple(places), size, facts)
    return FoundImage(*about, image_labels=tags), outlines


def _corners(shape: Element) -> Corners:
    degrees = _number(shape, "rotation", 0.0)
    if shape.tag == "box":
        left, top, right, bottom = (_number(shape, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        if not degrees:
            return left, top, right, bottom
        middle = ((left + right) / 2, (top + bottom) / 2)
        return box_around(turned_corners((left, top, right, bottom), degrees, middle))
    if shape.tag == "ellipse":
        x, y, across, down = (_number(shape, key) for key in ("cx", "cy", "rx", "ry"))
        return box_around_ellipse(x, y, across, down, degrees)
    if shape.tag == "mask":
        return corners_of(*(_number(shape, key) for key in ("left", "top", "width", "height")))
    if shape.tag in _NO_BOXES:
        raise DataError(f"<{shape.tag}> is not a box", hint="draw a box around it, or take it out")
    points = [point.split(",") for point in shape.attributes.get("points", "").split(";")]
    if any(len(point) != 2 for point in points):
        raise DataError("its points are not pairs of numbers", hint=_EXPORT_AGAIN)
    return box_around(
        [(number_in(x, "a point", _EXPORT_AGAIN), number_in(y, "a point", _EXPORT_AGAIN)) for x, y in points]
    )


def _number(element: Element, key: str, default: float | None = None) -> float:
    text = element.attributes.get(key)
    if text is None and default is not None:
        return default
    return number_in(text or "", f"its {key}", _EXPORT_AGAIN)


def _names(root: Element) -> tuple[str, ...]:
    """The labels of the task, in its order; of a skeleton's parts none."""
    waiting, names = list(root.all("meta")), []
    while waiting:
        element = waiting.pop(0)
        if element.tag == "labels":
            names += [name.content for label in element.all("label") for name in label.all("name")]
        else:
            waiting = [*element.children, *waiting]
    return tuple(dict.fromkeys(names))


def is_cvat(file: Path) -> bool:
    """True if the root of an XML file is that of CVAT."""
    try:
        with file.open("rb") as stream:
            return b"<annotations" in stream.read(_HEAD)
    except OSError:
        return False


def _find(folder: Path) -> Evidence | None:
    for place in (folder, folder / "annotations"):
        for file in sorted(place.glob("*.xml"))[:_TRIED] if place.is_dir() else ():
            if is_cvat(file):
                return Evidence(file, f"{file.name} has CVAT's list of images")
    return None


CVAT = Format(
    name="cvat",
    title="CVAT for images",
    read=read_cvat,
    plan=None,
    holds=FRACTIONS,
    describes="annotations.xml",
    takes_image_dir=True,
    find=_find,
)
