"""One Pascal VOC file's bytes, exactly as LabelImg writes them.

Saving what was not changed gives the source's bytes back, and saving a change touches only its own lines. The file's
objects are compared with the wanted ones by value. An object that stays is left alone; one that was edited in its place
has the changed fields replaced, so whatever else another tool wrote into it survives; one that was removed loses its
lines; a new one is written in the style of its neighbours.

A file written from nothing equals LabelImg's byte for byte, except that LabelImg turns two spaces in a row into a tab,
inside names too; we keep names as they are. Follows labelImg 1.8.6 libs/pascal_voc_io.py and libs/labelFile.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.formats.numbers import number_text
from fractura.formats.voc.annotation import CORNERS, RELABEL, VocAnnotation, VocObject
from fractura.formats.voc.parser import annotation_of
from fractura.formats.voc.xml_source import Element, Patch, XmlSource, escape, parse_xml

_HEAD = ("folder", "filename", "path", "source", "size", "segmented")  # the order of LabelImg
_SIZE = ("width", "height", "depth")
_VERIFIED = re.compile(r"""(?<=\s)verified\s*=\s*("[^"]*"|'[^']*')""")


def voc_bytes(annotation: VocAnnotation) -> bytes:
    """The file's bytes: the source's own where nothing changed.

    Raises:
        DataError: A name holds a character that XML cannot carry, or a number is not finite.

    Examples:
        >>> print(voc_bytes(VocAnnotation("1.png", 60, 40, 1)).decode().splitlines()[2].strip())
        <filename>1.png</filename>
    """
    for number, each in enumerate(annotation.objects, start=1):
        if not all(math.isfinite(value) for value in (*each.corners, each.score or 0)):
            raise DataError("has a corner or score that is not a number", place=f"object {number}", hint=RELABEL)
    return _fresh(annotation).encode("utf-8") if annotation.source is None else _patched(annotation, annotation.source)


def write_voc_file(annotation: VocAnnotation, path: Path) -> None:
    """Write one file atomically; a file that would not change is left alone.

    Raises:
        DataError: It cannot be written, or a value cannot be put into XML.
    """
    path = Path(path)
    data = voc_bytes(annotation)
    if not (path.is_file() and path.read_bytes() == data):
        write_atomically(path, data)


def _fresh(annotation: VocAnnotation) -> str:
    path = [] if annotation.path is None else [_leaf("path", annotation.path)]
    size = [
        "\t" + _leaf(tag, str(value))
        for tag in ("width", "height", "depth")
        if (value := getattr(annotation, tag)) is not None
    ]
    database = _leaf("database", annotation.database or "")
    lines = [
        _leaf("folder", annotation.folder or ""),
        _leaf("filename", annotation.filename or ""),
        *path,
        *("<source>", "\t" + database, "</source>"),
        *("<size>", *size, "</size>"),
        "<segmented>0</segmented>",
        *("\t" * depth + text for each in annotation.objects for depth, text in _object_lines(each)),
    ]
    verified = ' verified="yes"' if annotation.verified else ""
    return f"<annotation{verified}>\n" + "".join(f"\t{line}\n" for line in lines) + "</annotation>\n"


def _object_lines(each: VocObject) -> list[tuple[int, str]]:
    """The lines of an ``<object>`` as LabelImg orders them, each with its depth below ``<annotation>``'s children."""
    score = [] if each.score is None else [(1, _leaf("score", number_text(each.score)))]
    corners = [(2, _leaf(tag, number_text(value))) for tag, value in zip(CORNERS, each.corners, strict=True)]
    return [
        (0, "<object>"),
        (1, _leaf("name", each.name)),
        (1, _leaf("pose", each.pose)),
        (1, _leaf("truncated", str(int(each.truncated)))),
        (1, _leaf("difficult", str(int(each.difficult)))),
        *score,
        (1, "<bndbox>"),
        *corners,
        (1, "</bndbox>"),
        (0, "</object>"),
    ]


def _leaf(tag: str, text: str) -> str:
    """``<tag>text</tag>``, or ``<tag/>`` without text, as lxml writes it."""
    return f"<{tag}>{escape(text)}</{tag}>" if text else f"<{tag}/>"


@dataclass(frozen=True)
class _Style:
    """White space before a child of ``<annotation>``, and what each further depth adds to it."""

    before: str
    step: str

    def at(self, depth: int) -> str:
        return self.before + self.step * depth if self.before else ""


def _patched(wanted: VocAnnotation, data: bytes) -> bytes:
    """``data``, which ``wanted`` was read from, with the differences to ``wanted`` written into it."""
    title = wanted.filename or "annotation"
    source = parse_xml(data, title)
    current = annotation_of(source, title, data)
    if current == wanted:
        return data
    if source.root.inside == source.root.end:  # <annotation/> has no inside to write into
        source = parse_xml(source.patched([_opened(source)]), title)
    style = _style(source)
    patches = [
        *_verified(source, current, wanted),
        *_head(source, current, wanted, style),
        *_objects(source, current, wanted, style),
    ]
    return source.patched(_joined(patches))


def _opened(source: XmlSource) -> Patch:
    root = source.root
    return Patch(root.inside - 2, root.inside, f">\n</{root.tag}>")


def _style(source: XmlSource) -> _Style:
    """Copied from the file: its line ends, and tabs or spaces."""
    children = source.root.children
    if not children:
        newline = "\r\n" if b"\r\n" in source.text else "\n"
        return _Style(newline + "\t", "\t")
    before = _line_start(source.space_before(children[-1].start))
    inner = [child for child in children if child.children]
    deeper = _line_start(source.space_before(inner[-1].children[0].start)) if inner else ""
    step = deeper[len(before) :] if deeper.startswith(before) else ""
    return _Style(before, step or ("\t" if before else ""))


def _line_start(space: str) -> str:
    """``space`` from its last line break on: blank lines between elements are not repeated."""
    for newline in ("\r\n", "\n"):
        if newline in space:
            return newline + space.rsplit("\n", 1)[1]
    return ""


def _joined(patches: list[Patch]) -> list[Patch]:
    """Insertions at one place as one patch, in the order they were made."""
    together: dict[tuple[int, int], str] = {}
    for patch in patches:
        key = (patch.start, patch.end)
        together[key] = together.get(key, "") + patch.text
    return [Patch(start, end, text) for (start, end), text in together.items()]


def _verified(source: XmlSource, current: VocAnnotation, wanted: VocAnnotation) -> list[Patch]:
    if current.verified == wanted.verified:
        return []
    root = source.root
    tag = source.text[root.start : root.inside].decode("utf-8")
    name_end = root.start + 1 + len(root.tag.encode("utf-8"))
    if "verified" not in root.attributes:
        return [Patch(name_end, name_end, ' verified="yes"')]
    written = _VERIFIED.search(tag)
    assert written is not None  # expat has just read the attribute
    start, end = (root.start + len(tag[:i].encode("utf-8")) for i in written.span())
    if wanted.verified:
        return [Patch(start, end, 'verified="yes"')]
    return [Patch(start - len(source.space_before(start)), end, "")]


def _head(source: XmlSource, current: VocAnnotation, wanted: VocAnnotation, style: _Style) -> list[Patch]:
    patches = []
    for tag in ("folder", "filename", "path"):
        value = getattr(wanted, tag)
        if value != getattr(current, tag):
            patches.append(_set_leaf(source, source.root, tag, value, _HEAD, style.at(0)))
    if current.database != wanted.database:
        patches.append(_set_in_group(source, "source", {"database": wanted.database}, ("database",), style))
    sizes = {tag: getattr(wanted, tag) for tag in _SIZE if getattr(wanted, tag) != getattr(current, tag)}
    if sizes and not source.root.all("size"):
        patches.append(_set_in_group(source, "size", sizes, _SIZE, style))
    elif sizes:
        size = source.root.all("size")[0]
        if size.inside == size.end:
            patches.append(_set_in_group(source, "size", sizes, _SIZE, style))
        else:
            patches += [_set_leaf(source, size, tag, value, _SIZE, style.at(1)) for tag, value in sizes.items()]
    return patches


def _set_in_group(
    source: XmlSource, group: str, values: dict[str, object], order: tuple[str, ...], style: _Style
) -> Patch:
    """Set the one leaf of an existing group, or write the whole group anew."""
    found = source.root.all(group)
    if found and found[0].inside != found[0].end and len(values) == 1:
        [(tag, value)] = values.items()
        return _set_leaf(source, found[0], tag, value, order, style.at(1))
    inside = "".join(style.at(1) + _leaf(tag, str(value)) for tag, value in values.items() if value is not None)
    text = f"<{group}>{inside}{style.at(0)}</{group}>"
    if found:
        return Patch(found[0].start, found[0].end, text)
    place = _place(source.root, group, _HEAD)
    return Patch(place, place, style.at(0) + text)


def _set_leaf(
    source: XmlSource, parent: Element, tag: str, value: object, order: tuple[str, ...], before: str
) -> Patch:
    """Give ``<tag>`` in ``parent`` a value: replaced, written where ``order`` puts it, or taken out with None."""
    found = parent.all(tag)
    if value is None:
        return Patch(found[0].start - len(source.space_before(found[0].start)), found[0].end, "")
    if not found:
        place = _place(parent, tag, order)
        return Patch(place, place, before + _leaf(tag, str(value)))
    element = found[0]
    if element.inside == element.end or element.children:
        return Patch(element.start, element.end, _leaf(tag, str(value)))
    return Patch(element.inside, element.close, escape(str(value)))


def _place(parent: Element, tag: str, order: tuple[str, ...]) -> int:
    """Right behind the last child that ``order`` puts before ``tag``, else first in ``parent``."""
    earlier = order[: order.index(tag)]
    ends = [child.end for child in parent.children if child.tag in earlier]
    return max(ends, default=parent.inside)


def _objects(source: XmlSource, current: VocAnnotation, wanted: VocAnnotation, style: _Style) -> list[Patch]:
    elements = source.root.all("object")
    old, new = list(current.objects), list(wanted.objects)
    patches = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if kind == "replace" and i_end - i == j_end - j:
            for offset in range(i_end - i):
                patches += _edited(source, elements[i + offset], old[i + offset], new[j + offset], style)
            continue
        # Which of several became which cannot be known from the values, so those are written anew.
        patches += [Patch(e.start - len(source.space_before(e.start)), e.end, "") for e in elements[i:i_end]]
        if j_end > j:
            text = "".join(style.at(depth) + line for each in new[j:j_end] for depth, line in _object_lines(each))
            place = _object_place(source, elements, i)
            patches.insert(0, Patch(place, place, text))
    return patches


def _object_place(source: XmlSource, elements: list[Element], index: int) -> int:
    """Where a new object before ``elements[index]`` begins: white space in front of it included."""
    if index < len(elements):
        return elements[index].start - len(source.space_before(elements[index].start))
    children = source.root.children
    if elements:
        return elements[-1].end
    return children[-1].end if children else source.root.inside


def _edited(source: XmlSource, element: Element, old: VocObject, new: VocObject, style: _Style) -> list[Patch]:
    order = ("name", "pose", "truncated", "difficult", "score", "bndbox")
    patches = []
    values: dict[str, object] = {
        "name": new.name,
        "pose": new.pose,
        "truncated": int(new.truncated),
        "difficult": int(new.difficult),
        "score": None if new.score is None else number_text(new.score),
    }
    for tag, value in values.items():
        if getattr(old, tag) != getattr(new, tag):
            patches.append(_set_leaf(source, element, tag, value, order, style.at(1)))
    box = element.all("bndbox")[0]
    for tag in CORNERS:
        if getattr(old, tag) != getattr(new, tag):
            text = number_text(getattr(new, tag))
            patches.append(_set_leaf(source, box, tag, text, CORNERS, style.at(2)))
    return patches
