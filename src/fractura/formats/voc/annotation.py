"""What a Pascal VOC file says: one annotation, and the objects in it.

Follows labelImg 1.8.6 libs/pascal_voc_io.py and libs/labelFile.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
        truncated: Continues outside the image.
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
    """One file. Change it with ``dataclasses.replace``; ``voc_bytes`` then finds what differs from the source.

    Attributes:
        filename: Of the image, as written.
        width: Of the image in pixels, as written; None if the file does not say.
        height: Of the image in pixels, as written; None if the file does not say.
        depth: 1 grey, 3 colour; None if the file does not say.
        objects: In the order of the file.
        folder: Name of the image's folder.
        path: Where the image lay when it was labelled; stale on any other machine and never used to find it.
        database: LabelImg always writes ``Unknown``.
        verified: The reviewer's check mark.
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

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Width and height of the image, as written."""
        return self.width, self.height


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

    Examples:
        >>> labelimg_object("fracture", (0.4, 20.9, 50, 60), width=50, height=80).corners
        (1, 20, 50, 60)
    """
    left, top, right, bottom = (
        int(max(corners[0], 1)),
        int(max(corners[1], 1)),
        int(corners[2]),
        int(corners[3]),
    )
    truncated = bottom == height or top == 1 or right == width or left == 1
    return VocObject(name, left, top, right, bottom, difficult=difficult, truncated=truncated)
