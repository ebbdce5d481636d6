"""Views of an image: whole, mirrored, and in overlapping parts that the model sees enlarged; and several at once.

A detector resizes what it is given to a size of its own, so that a part of an image is seen larger than the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.errors import UsageError, suggest_name
from fractura.inference.fusion import ViewResult, fuse, without_doubles
from fractura.inference.runtimes.runtime import Runtime

WHOLE: tuple[str, ...] = ("whole",)
VIEWS = ("whole", "flipped", "tiles", "flipped_tiles")
"""Names of views; ``tiles=PIXELS`` is one as well: square parts of so many pixels, for images of many."""
TILE_SIZE = 1536
"""Pixels of a tile's side by default."""
SMALLEST_TILE = 128
MOST_PARTS = 400
_GRID = 2
_TILE_SHARE = 0.6
_TILE_OVERLAP = 0.25
_BORDER = 0.02
"""Share of a tile's side within which a box counts as cut by the tile's border."""


@dataclass(frozen=True)
class Part:
    """What the model is shown in one pass.

    Attributes:
        window: Left, top, right, bottom in whole pixels of the image.
        mirrored: Left and right exchanged.
    """

    window: tuple[int, int, int, int]
    mirrored: bool = False

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pixels of this part: uint8 ``(h, w, 3)``."""
        left, top, right, bottom = self.window
        pixels = image[top:bottom, left:right]
        return np.ascontiguousarray(pixels[:, ::-1] if self.mirrored else pixels)

    def shows_some(self, boxes: Boxes) -> bool:
        """Whether the middle of at least one box of the image lies in this part."""
        middles = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / 2
        return bool(((middles >= self.window[:2]) & (middles <= self.window[2:])).all(axis=1).any())

    def place(self, boxes: Boxes) -> Boxes:
        """Boxes in pixels of this part, in pixels of the image."""
        left, top, _, _ = self.window
        turned = self._turn(boxes)
        return Boxes(turned.xyxy + np.array([left, top, left, top], np.float32), boxes.labels, boxes.scores)

    def locate(self, boxes: Boxes) -> Boxes:
        """Boxes in pixels of the image, in pixels of this part."""
        left, top, _, _ = self.window
        moved = Boxes(boxes.xyxy - np.array([left, top, left, top], np.float32), boxes.labels, boxes.scores)
        return self._turn(moved)

    def _turn(self, boxes: Boxes) -> Boxes:
        if not self.mirrored:
            return boxes
        width = self.window[2] - self.window[0]
        left, top, right, bottom = boxes.xyxy.T
        return Boxes(np.stack([width - right, top, width - left, bottom], axis=1), boxes.labels, boxes.scores)


def known_views(views: Sequence[str]) -> tuple[str, ...]:
    """``views`` again, if each of them is one, and once.

    Raises:
        UsageError: There is no such view, it is given twice, or there is none at all.
    """
    for view in views:
        name, _, size = view.partition("=")
        if view not in VIEWS and not (name == "tiles" and size.isdecimal()):
            raise UsageError(f"there is no view '{view}'", hint=suggest_name(view, (*VIEWS, "tiles=1536")))
        if size and int(size) < SMALLEST_TILE:
            raise UsageError(f"tiles of {size} pixels are too small", hint=f"use {SMALLEST_TILE} or more")
    if not views or len(set(views)) < len(views):
        raise UsageError(f"views must be one or more, each once, not {list(views)}", hint=f"choose among {VIEWS}")
    return tuple(views)


def parts_of(view: str, width: int, height: int) -> tuple[Part, ...]:
    """What a view shows the model of an image of ``width`` x ``height`` pixels, one part after the other.

    Raises:
        UsageError: There is no such view, or its tiles are too small for the image.
    """
    known_views([view])
    name, _, size = view.partition("=")
    mirrored = name.startswith("flipped")
    if name in ("whole", "flipped"):
        return (Part((0, 0, width, height), mirrored),)
    if size:
        columns, rows = (_spans(side, int(size)) for side in (width, height))
    else:
        columns, rows = (_shares(side) for side in (width, height))
    count = len(columns) * len(rows)
    if count > MOST_PARTS:
        raise UsageError(
            f"{count} tiles of {size} pixels for an image of {width} x {height}; up to {MOST_PARTS} are allowed",
            hint="choose larger tiles",
        )
    return tuple(Part((left, top, right, bottom), mirrored) for top, bottom in rows for left, right in columns)


def _shares(side: int) -> list[tuple[int, int]]:
    """``_GRID`` stretches that each cover ``_TILE_SHARE`` of a side."""
    length = max(round(_TILE_SHARE * side), 1)
    return [(start, start + length) for start in (round(k * (side - length) / (_GRID - 1)) for k in range(_GRID))]


def _spans(side: int, length: int) -> list[tuple[int, int]]:
    """Stretches of ``length`` pixels, evenly spread over a side, that overlap by ``_TILE_OVERLAP`` or more."""
    if side <= length:
        return [(0, side)]
    steps = math.ceil((side - length) / ((1 - _TILE_OVERLAP) * length))
    return [(start, start + length) for start in (round(k * (side - length) / steps) for k in range(steps + 1))]


def detect_in_views(model: Runtime, image: NDArray[np.uint8], views: Sequence[str] = WHOLE) -> Boxes:
    """All candidates on one image, best first, from all the views together.

    With ``whole`` alone these are exactly the model's; else the views are fused (see ``fusion``).

    Args:
        model: From ``load_model``.
        image: uint8 ``(h, w, 3)``.
        views: Names among ``VIEWS``, or ``tiles=PIXELS``; each once.

    Raises:
        UsageError: A view is unknown, or its tiles are too small for the image.
    """
    height, width = image.shape[:2]
    # Tiles may be as large as the image: what would be seen twice is seen once.
    ways = tuple(dict.fromkeys(parts_of(view, width, height) for view in known_views(views)))
    if ways == (parts_of("whole", width, height),):
        return model.detect(image)
    return fuse([detect_in_parts(model, image, parts) for parts in ways])


def detect_in_parts(model: Runtime, image: NDArray[np.uint8], parts: Sequence[Part]) -> ViewResult:
    """What the parts show; a box that a part's border cuts is left to the parts and views that see it whole."""
    height, width = image.shape[:2]
    found = []
    for part in parts:
        boxes = part.place(model.detect(part.cut(image)))
        found.append(boxes.select(~_cut(boxes, part, width, height)))
    return ViewResult(without_doubles(found), np.array([part.window for part in parts], np.float32))


def _cut(boxes: Boxes, part: Part, width: int, height: int) -> NDArray[np.bool_]:
    """Whether a box reaches a border of the part that is not the image's: bool ``(n,)``."""
    left, top, right, bottom = part.window
    across, down = _BORDER * (right - left), _BORDER * (bottom - top)
    inner = np.array([left > 0, top > 0, right < width, bottom < height])
    edges = np.array([left + across, top + down, right - across, bottom - down])
    past = np.concatenate([boxes.xyxy[:, :2] < edges[:2], boxes.xyxy[:, 2:] > edges[2:]], axis=1)
    reaches: NDArray[np.bool_] = (past & inner).any(axis=1)
    return reaches
