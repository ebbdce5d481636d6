"""One Pascal VOC file, exactly as LabelImg writes it.

Reading keeps the file's bytes: saving what was not changed gives them back, and saving a change touches only its own
lines (``voc_patch``). A file written from nothing equals LabelImg's byte for byte, except that LabelImg turns two
spaces in a row into a tab, inside names too; we keep names as they are.

Follows labelImg 1.8.6 libs/pascal_voc_io.py and libs/labelFile.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fractura.errors import DataError
from fractura.files import write_atomically
from fractura.formats.xml_source import MAXIMUM_BYTES, Element, XmlSource, escape, parse_xml

CORNERS = ("xmin", "ymin", "xmax", "ymax")
Value = TypeVar("Value")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_FLAGS = {"": False, "0": False, "1": True, "false": False, "true": True}
_RELABEL = "open the film in the labelling tool and draw the box again, or correct the file in a text editor"


@dataclass(frozen=True)
class VocObject:
    """One ``<object>``: corners in pixels, as written (no clipping, no ±1).

    Attributes:
        name: Class name.
        xmin: Left.
        ymin: Top.
        xmax: Right.
        ymax: Bottom.
        difficult: Hard to see.
        truncated: Goes on outside the film.
        pose: Free text.
        score: 0 to 1 for detections, our addition; LabelImg and other readers pass over it.
    """

    name: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool = False
    truncated: bool = False
    pose: str = "Unspecified"
    score: float | None = None

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.xmin, self.ymin, self.xmax, self.ymax


@dataclass(frozen=True)
class VocAnnotation:
    """One file. Change it with ``dataclasses.replace``; ``to_bytes`` then finds what differs from the source.

    Attributes:
        filename: Of the film, as written.
        width: Of the film in pixels, as written; None if the file does not say.
        height: Of the film in pixels, as written; None if the file does not say.
        depth: 1 grey, 3 colour; None if the file does not say.
        objects: In the order of the file.
        folder: Name of the film's folder.
        path: Where the film lay when it was labelled; stale on any other machine and never used to find it.
        database: LabelImg always writes ``Unknown``.
        verified: The reviewer's mark.
        source: The bytes it was read from; None for a new file.
    """

    filename: str | None
    width: int | None
    height: int | None
    depth: int | None = 3
    objects: tuple[VocObject, ...] = ()
    folder: str | None = None
    path: str | None = None
    database: str | None = "Unknown"
    verified: bool = False
    source: bytes | None = field(default=None, repr=False, compare=False)

    def to_bytes(self) -> bytes:
        """The file's bytes: the source's own where nothing changed.

        Raises:
            DataError: A name holds a character that XML cannot carry, or a number is not finite.
        """
        for number, each in enumerate(self.objects, start=1):
            if not all(math.isfinite(value) for value in (*each.corners, each.score or 0)):
                raise DataError("has a corner or score that is no number", place=f"object {number}", hint=_RELABEL)
        if self.source is None:
            return _fresh(self).encode("utf-8")
        from fractura.formats.voc_patch import patch_annotation

        return patch_annotation(self)


def labelimg_object(
    name: str, corners: Sequence[float], width: int, height: int, *, difficult: bool = False
) -> VocObject:
    """A drawn box as LabelImg saves it: left and top at least 1, whole pixels, truncated where it touches the border.

    Args:
        name: Class name.
        corners: Left, top, right, bottom in pixels, as drawn.
        width: Of the film.
        height: Of the film.
        difficult: Hard to see.
    """
    left, top, right, bottom = (
        int(max(corners[0], 1)),
        int(max(corners[1], 1)),
        int(corners[2]),
        int(corners[3]),
    )
    truncated = bottom == height or top == 1 or right == width or left == 1
    return VocObject(name, left, top, right, bottom, difficult=difficult, truncated=truncated)


def parse_voc(data: bytes, file: str) -> VocAnnotation:
    """Read a file's bytes; ``file`` is what errors call it.

    Raises:
        DataError: Not XML, not Pascal VOC, a field missing or not what it must be; names file, line and object.
    """
    return annotation_of(parse_xml(data, file), file, data)


def annotation_of(source: XmlSource, file: str, data: bytes | None) -> VocAnnotation:
    """The annotation in a parsed file; ``data`` are its bytes. See ``parse_voc``."""
    examined = examine_voc(source, file, data)
    if examined.faults:
        raise examined.faults[0]
    return examined.annotation


@dataclass(frozen=True)
class ExaminedVoc:
    """What of a file can be understood, and what cannot.

    Attributes:
        annotation: Without the objects that are at fault; a field at fault is None.
        numbers: Number in the file, from 1, of each of ``annotation.objects``.
        faults: All of them, in the order of the file's fields.
    """

    annotation: VocAnnotation
    numbers: tuple[int, ...]
    faults: tuple[DataError, ...]


def examine_voc(source: XmlSource, file: str, data: bytes | None) -> ExaminedVoc:
    """Read as much of a parsed file as is right, and list every fault.

    Raises:
        DataError: Its root is not ``<annotation>``.
    """
    root = source.root
    if root.tag != "annotation":
        raise DataError(
            f"is not Pascal VOC: its root is <{root.tag}>, not <annotation>",
            file=file,
            place=f"line {root.line}",
            hint="take the file out of the annotations folder",
        )
    faults: list[DataError] = []

    def attempt(read: Callable[..., Value], *arguments: object) -> Value | None:
        try:
            return read(*arguments)
        except DataError as fault:
            faults.append(fault)
            return None

    folder, filename, path = (attempt(_text, root, tag, file) for tag in ("folder", "filename", "path"))
    group = attempt(_one, root, "source", file, "")
    database = None if group is None else attempt(_text, group, "database", file)
    size = attempt(_one, root, "size", file, "")
    width, height, depth = (attempt(_pixels, size, tag, file) for tag in ("width", "height", "depth"))
    objects = {i: attempt(_object, each, i, file) for i, each in enumerate(root.all("object"), start=1)}
    good = {number: each for number, each in objects.items() if each is not None}
    verified = root.attributes.get("verified") == "yes"
    annotation = VocAnnotation(
        filename, width, height, depth, tuple(good.values()), folder, path, database, verified, data
    )
    return ExaminedVoc(annotation, tuple(good), tuple(faults))


def read_voc_file(path: Path) -> VocAnnotation:
    """Read one file; see ``parse_voc`` for the errors."""
    return parse_voc(read_voc_bytes(path), str(path))


def read_voc_bytes(path: Path) -> bytes:
    """A file's bytes; of one that is too large only the first ``MAXIMUM_BYTES + 1``, which ``parse_xml`` refuses.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return stream.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror or error}", file=path, hint="check the path, and that you may read it"
        ) from error


def write_voc_file(annotation: VocAnnotation, path: Path) -> None:
    """Write one file atomically; a file that would not change is left alone.

    Raises:
        DataError: It cannot be written, or a value cannot be put into XML.
    """
    path = Path(path)
    data = annotation.to_bytes()
    if not (path.is_file() and path.read_bytes() == data):
        write_atomically(path, data)


def number_text(value: float) -> str:
    """Whole numbers without a point, others in the shortest form that reads back the same."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def object_lines(each: VocObject) -> list[tuple[int, str]]:
    """The lines of an ``<object>`` as LabelImg orders them, each with its depth below ``<annotation>``'s children."""
    score = [] if each.score is None else [(1, leaf("score", number_text(each.score)))]
    corners = [(2, leaf(tag, number_text(value))) for tag, value in zip(CORNERS, each.corners, strict=True)]
    return [
        (0, "<object>"),
        (1, leaf("name", each.name)),
        (1, leaf("pose", each.pose)),
        (1, leaf("truncated", str(int(each.truncated)))),
        (1, leaf("difficult", str(int(each.difficult)))),
        *score,
        (1, "<bndbox>"),
        *corners,
        (1, "</bndbox>"),
        (0, "</object>"),
    ]


def leaf(tag: str, text: str) -> str:
    """``<tag>text</tag>``, or ``<tag/>`` without text, as lxml writes it."""
    return f"<{tag}>{escape(text)}</{tag}>" if text else f"<{tag}/>"


def _fresh(annotation: VocAnnotation) -> str:
    path = [] if annotation.path is None else [leaf("path", annotation.path)]
    size = [
        "\t" + leaf(tag, str(value))
        for tag in ("width", "height", "depth")
        if (value := getattr(annotation, tag)) is not None
    ]
    database = leaf("database", annotation.database or "")
    lines = [
        leaf("folder", annotation.folder or ""),
        leaf("filename", annotation.filename or ""),
        *path,
        *("<source>", "\t" + database, "</source>"),
        *("<size>", *size, "</size>"),
        "<segmented>0</segmented>",
        *("\t" * depth + text for each in annotation.objects for depth, text in object_lines(each)),
    ]
    verified = ' verified="yes"' if annotation.verified else ""
    return f"<annotation{verified}>\n" + "".join(f"\t{line}\n" for line in lines) + "</annotation>\n"


def _object(element: Element, number: int, file: str) -> VocObject:
    place = f"object {number}, "

    def needed(parent: Element, tag: str) -> Element:
        found = _one(parent, tag, file, place)
        if found is None:
            raise _error(parent, f"<{parent.tag}> has no <{tag}>", file, place)
        return found

    name = needed(element, "name")
    if not name.content.strip():
        raise _error(name, "has an empty <name>", file, place)
    box = needed(element, "bndbox")
    left, top, right, bottom = (_number(needed(box, tag), file, place) for tag in CORNERS)
    score_element = _one(element, "score", file, place)
    score = None if score_element is None else _number(score_element, file, place)
    if score_element is not None and score is not None and not 0 <= score <= 1:
        raise _error(score_element, f"<score> must lie in 0 to 1, it is {score}", file, place)
    pose = _one(element, "pose", file, place)
    return VocObject(
        name.content,
        left,
        top,
        right,
        bottom,
        difficult=_flag(element, "difficult", file, place),
        truncated=_flag(element, "truncated", file, place),
        pose="Unspecified" if pose is None else pose.content,
        score=score,
    )


def _error(element: Element, problem: str, file: str, place: str) -> DataError:
    return DataError(problem, file=file, place=f"{place}line {element.line}", hint=_RELABEL)


def _one(parent: Element, tag: str, file: str, place: str) -> Element | None:
    found = parent.all(tag)
    if len(found) > 1:
        raise _error(found[1], f"<{parent.tag}> has {len(found)} <{tag}>, only one can be right", file, place)
    return found[0] if found else None


def _text(parent: Element, tag: str, file: str) -> str | None:
    found = _one(parent, tag, file, "")
    return None if found is None else found.content


def _number(element: Element, file: str, place: str) -> float:
    text = element.content.strip()
    if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
        raise _error(element, f"<{element.tag}> must be a number, it is {text[:40]!r}", file, place)
    return value


def _pixels(size: Element | None, tag: str, file: str) -> int | None:
    found = None if size is None else _one(size, tag, file, "")
    if found is None or not found.content.strip():
        return None
    value = _number(found, file, "")
    if not value.is_integer() or value < 0:
        raise _error(found, f"<{tag}> must be a whole number of pixels, it is {found.content.strip()!r}", file, "")
    return int(value)


def _flag(parent: Element, tag: str, file: str, place: str) -> bool:
    found = _one(parent, tag, file, place)
    text = "" if found is None else found.content.strip().lower()
    if found is not None and text not in _FLAGS:
        raise _error(found, f"<{tag}> must be 0 or 1, it is {text[:40]!r}", file, place)
    return _FLAGS[text]
