"""One Pascal VOC file, exactly as LabelImg writes it.

Reading keeps the file's bytes: saving what was not changed gives them back, and saving a change touches only its own
lines (``patch``). A file written from nothing equals LabelImg's byte for byte, except that LabelImg turns two
spaces in a row into a tab, inside names too; we keep names as they are.

Follows labelImg 1.8.6 libs/pascal_voc_io.py and libs/labelFile.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.formats.voc.xml_source import escape

CORNERS = ("xmin", "ymin", "xmax", "ymax")
RELABEL = "open the image in the labelling tool and draw the box again, or correct the file in a text editor"


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
        truncated: Goes on outside the image.
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
        filename: Of the image, as written.
        width: Of the image in pixels, as written; None if the file does not say.
        height: Of the image in pixels, as written; None if the file does not say.
        depth: 1 grey, 3 colour; None if the file does not say.
        objects: In the order of the file.
        folder: Name of the image's folder.
        path: Where the image lay when it was labelled; stale on any other machine and never used to find it.
        database: LabelImg always writes ``Unknown``.
        verified: The reviewer's detection.
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
                raise DataError("has a corner or score that is no number", place=f"object {number}", hint=RELABEL)
        if self.source is None:
            return _fresh(self).encode("utf-8")
        from fractura.formats.voc.patch import patch_annotation

        return patch_annotation(self)


def labelimg_object(
    name: str, corners: Sequence[float], width: int, height: int, *, difficult: bool = False
) -> VocObject:
    """A drawn box as LabelImg saves it: left and top at least 1, whole pixels, truncated where it touches the border.

    Args:
        name: Class name.
        corners: Left, top, right, bottom in pixels, as drawn.
        width: Of the image.
        height: Of the image.
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
