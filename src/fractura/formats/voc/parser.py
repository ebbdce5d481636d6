"""Pascal VOC bytes read into a ``VocAnnotation``; every fault is named with its file, object and line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fractura.core.errors import DataError
from fractura.core.files import read_file
from fractura.formats.flag_words import flag_of
from fractura.formats.voc.annotation import CORNERS, RELABEL, VocAnnotation, VocObject
from fractura.formats.voc.xml_source import MAXIMUM_BYTES, Element, XmlSource, parse_xml

Value = TypeVar("Value")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BOXES = frozenset({"object", "objects", "bndbox", "box", "boxes", "bbox"})


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
    width, height = (attempt(_pixels, size, tag, file) for tag in ("width", "height"))
    depth = attempt(_depth, size, file)
    objects = {i: attempt(_object, each, i, file) for i, each in enumerate(root.all("object"), start=1)}
    good = {number: each for number, each in objects.items() if each is not None}
    if misplaced := _misplaced(root, file):
        faults.append(misplaced)
    verified = root.attributes.get("verified") == "yes"
    annotation = VocAnnotation(
        filename,
        width,
        height,
        depth,
        objects=tuple(good.values()),
        folder=folder,
        path=path,
        database=database,
        verified=verified,
        source=data,
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
    return read_file(path, limit=MAXIMUM_BYTES + 1)


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
    return DataError(problem, file=file, place=f"{place}line {element.line}", hint=RELABEL)


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


def _depth(size: Element | None, file: str) -> int | None:
    """Number of channels; None where the file says none, or something else (24 bits, ``Unspecified``)."""
    found = None if size is None else _one(size, "depth", file, "")
    text = "" if found is None else found.content.strip()
    if not _NUMBER.fullmatch(text) or not float(text).is_integer() or not 0 <= float(text) < 1e6:
        return None
    return int(float(text))


def _flag(parent: Element, tag: str, file: str, place: str) -> bool:
    found = _one(parent, tag, file, place)
    flag = flag_of(None if found is None else found.content)
    if found is not None and flag is None:
        raise _error(found, f"<{tag}> must be 0 or 1, it is {found.content.strip()[:40]!r}", file, place)
    return bool(flag)


def _misplaced(root: Element, file: str) -> DataError | None:
    """The fault of boxes that are not in an ``<object>`` of the root: they would pass for none."""
    waiting = [(child, root) for child in root.children if child.tag != "object"]
    while waiting:
        element, parent = waiting.pop(0)
        if element.tag.casefold() in _BOXES and (element.children or element.content.strip()):
            inside = f"<{parent.tag}>" if parent is not root else "the root"
            looked = f"boxes are looked for in <object> elements right inside <{root.tag}>"
            return _error(element, f"has <{element.tag}> in {inside}; {looked}", file, "")
        waiting.extend((child, element) for child in element.children)
    return None
