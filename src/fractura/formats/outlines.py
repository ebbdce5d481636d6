"""The corners of a shape that another program wrote: a box by its sides, an outline, an ellipse, a turned box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.faults import Faults

Corners = tuple[float, float, float, float]


def box_around(points: Sequence[tuple[float, float]]) -> Corners:
    """Left, top, right, bottom of the box around points.

    Raises:
        DataError: There are not two points that span a box.

    Examples:
        >>> box_around([(3, 8), (9, 2), (5, 5)])
        (3, 2, 9, 8)
    """
    across, down = [x for x, _ in points], [y for _, y in points]
    if not points or min(across) == max(across) or min(down) == max(down):
        raise DataError("has no area: a point or a line is not a box", hint="draw a box around it")
    return min(across), min(down), max(across), max(down)


def corners_of(left: float, top: float, width: float, height: float) -> Corners:
    """Left, top, right, bottom of a box that is given by its upper left corner and its sides."""
    return left, top, left + width, top + height


def box_around_ellipse(x: float, y: float, across: float, down: float, degrees: float = 0.0) -> Corners:
    """The box around an ellipse or circle.

    Args:
        x: Of its middle.
        y: Of its middle.
        across: Half its width, before it is turned.
        down: Half its height.
        degrees: By which it is turned clockwise about its middle.

    Examples:
        >>> box_around_ellipse(10, 20, 4, 2)
        (6.0, 18.0, 14.0, 22.0)
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half_width = math.hypot(across * cosine, down * sine)
    half_height = math.hypot(across * sine, down * cosine)
    return box_around([(x - half_width, y - half_height), (x + half_width, y + half_height)])


def turned_corners(corners: Corners, degrees: float, about: tuple[float, float]) -> list[tuple[float, float]]:
    """The four corners of a box that is turned clockwise.

    Args:
        corners: Left, top, right, bottom, before it is turned.
        degrees: The angle.
        about: The point that stays.
    """
    left, top, right, bottom = corners
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x0, y0 = about
    return [
        (x0 + (x - x0) * cosine - (y - y0) * sine, y0 + (x - x0) * sine + (y - y0) * cosine)
        for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
    ]


def note_outlines(count: int, path: Path, faults: Faults) -> None:
    """Say how many boxes were taken around other shapes, if any."""
    if count:
        faults.note(
            DataError(
                f"{count} shapes are outlines or turned boxes, not boxes: the box around each is taken",
                file=path,
                hint="examine the boxes if that is not what you want",
            )
        )
