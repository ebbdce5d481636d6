"""Tubes: bent limbs of round cross-section, the one shape that bones and soft tissue are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Point = tuple[float, float]

STATIONS_PER_PIXEL = 2
"""How finely a tube's profile is tabulated along its axis."""


@dataclass(frozen=True, eq=False)
class Tube:
    """A tube along a slightly bent axis, with tables of its radii, an entry per half pixel.

    Local coordinates: ``along`` runs from 0 at ``start`` to ``length``; ``across`` the signed distance
    from it.

    Attributes:
        start: Where the axis begins, in pixels of the image.
        heading: Unit vector of the axis.
        length: Pixels.
        outer: float32 ``(n,)``: radius of the outer surface.
        inner: float32 ``(n,)``: radius of the cavity (the marrow of a bone, the muscle of a limb).
        filling: float32 ``(n,)``: density of the cavity's content, where the wall has 1.
        bow: float32 ``(n,)``: sideways offset of the axis.
    """

    start: Point
    heading: Point
    length: float
    outer: Array
    inner: Array
    filling: Array
    bow: Array
    name: str = ""
    reach: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reach", float(self.outer.max() + np.abs(self.bow).max()) + 1.0)

    def station(self, along: Array) -> NDArray[np.intp]:
        """Table positions for ``along``; those outside the tube get the nearest end."""
        return np.clip(np.rint(along * STATIONS_PER_PIXEL), 0, len(self.outer) - 1).astype(np.intp)

    def local(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Image coordinates to ``(along, across)``."""
        dx, dy = x - np.float32(self.start[0]), y - np.float32(self.start[1])
        hx, hy = np.float32(self.heading[0]), np.float32(self.heading[1])
        along = dx * hx + dy * hy
        return along, dy * hx - dx * hy - self.bow[self.station(along)]

    def to_image(self, along: Array, across: Array) -> tuple[Array, Array]:
        """``(along, across)`` to image coordinates."""
        sideways = across + self.bow[self.station(along)]
        hx, hy = self.heading
        return self.start[0] + along * hx - sideways * hy, self.start[1] + along * hy + sideways * hx

    def point(self, along: float, across: float = 0.0) -> Point:
        """One place in image coordinates."""
        x, y = self.to_image(np.array([along], dtype=np.float32), np.array([across], dtype=np.float32))
        return float(x[0]), float(y[0])

    def radius(self, along: float) -> float:
        """Outer radius at one place."""
        return float(self.outer[self.station(np.array(along, dtype=np.float32))])

    def chords(self, along: Array, across: Array) -> tuple[Array, Array, Array]:
        """What a ray meets there: pixels of wall, pixels of cavity, density of the cavity's content."""
        at = self.station(along)
        square = across * across
        inside = (along >= 0) & (along <= self.length)
        whole = np.where(inside, 2 * np.sqrt(np.maximum(self.outer[at] ** 2 - square, 0)), 0)
        hollow = np.minimum(whole, 2 * np.sqrt(np.maximum(self.inner[at] ** 2 - square, 0)))
        return whole - hollow, hollow, self.filling[at]


@dataclass(frozen=True)
class Motion:
    """A rigid move on the image: turn by ``angle`` radians about ``pivot``, then shift."""

    pivot: Point = (0.0, 0.0)
    angle: float = 0.0
    shift: Point = (0.0, 0.0)

    def apply(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Where the points ``(x, y)`` come to lie."""
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        dx, dy = x - np.float32(self.pivot[0]), y - np.float32(self.pivot[1])
        return (
            cos * dx - sin * dy + np.float32(self.pivot[0] + self.shift[0]),
            sin * dx + cos * dy + np.float32(self.pivot[1] + self.shift[1]),
        )

    def undo(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Where the points that now lie at ``(x, y)`` came from."""
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        dx = x - np.float32(self.pivot[0] + self.shift[0])
        dy = y - np.float32(self.pivot[1] + self.shift[1])
        return cos * dx + sin * dy + np.float32(self.pivot[0]), cos * dy - sin * dx + np.float32(self.pivot[1])


def paint(
    canvas: Array,
    tube: Tube,
    shade: Callable[[Array, Array], Array],
    *,
    motion: Motion | None = None,
    span: tuple[float, float] | None = None,
) -> None:
    """Add ``shade(along, across)`` to the canvas, in place, wherever the (moved) tube covers it.

    Args:
        canvas: float32 ``(height, width)``.
        tube: What to paint.
        shade: Attenuation at local coordinates.
        motion: How the tube, or this piece of it, has moved.
        span: Paint from here to there along the axis only.
    """
    first, last = span if span is not None else (0.0, tube.length)
    first, last = max(first, -2.0), min(last, tube.length + 2.0)
    ends = np.array([first, first, last, last], dtype=np.float32)
    sides = np.array([-1, 1, -1, 1], dtype=np.float32) * np.float32(tube.reach)
    hx, hy = tube.heading
    x, y = tube.start[0] + ends * hx - sides * hy, tube.start[1] + ends * hy + sides * hx
    if motion is not None:
        x, y = motion.apply(x, y)
    height, width = canvas.shape
    left, right = max(int(x.min()) - 1, 0), min(int(x.max()) + 3, width)
    top, bottom = max(int(y.min()) - 1, 0), min(int(y.max()) + 3, height)
    if left >= right or top >= bottom:
        return
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    # Pixel centres: a pixel's colour belongs to the middle of its square.
    columns, rows = columns + np.float32(0.5), rows + np.float32(0.5)
    if motion is not None:
        columns, rows = motion.undo(columns, rows)
    along, across = tube.local(columns, rows)
    near = (along > first) & (along < last) & (np.abs(across) < tube.reach)
    window = canvas[top:bottom, left:right]
    window[near] += shade(along[near], across[near]).astype(np.float32)


def profile(
    length: float,
    shaft: float,
    *,
    near_end: float = 1.0,
    far_end: float = 1.0,
    flare: float = 0.16,
    waist: float = 0.0,
    cap: float = 0.9,
) -> Array:
    """Radius along a bone: a shaft that widens towards rounded ends.

    Args:
        length: Pixels.
        shaft: Radius of the shaft, pixels.
        near_end: Radius at the start as a multiple of the shaft's.
        far_end: Radius at the far end as a multiple of the shaft's.
        flare: Share of the length over which an end widens.
        waist: How much thinner the middle is, as a share of the shaft's radius.
        cap: Depth of the rounded ends as a multiple of their radius.

    Returns:
        float32 ``(n,)``, two entries per pixel.
    """
    along = np.arange(int(length * STATIONS_PER_PIXEL) + 1, dtype=np.float32) / STATIONS_PER_PIXEL
    share = along / np.float32(length)
    radius = shaft * (
        1
        - waist * np.sin(np.pi * share) ** 2
        + (near_end - 1) * np.exp(-((share / flare) ** 2))
        + (far_end - 1) * np.exp(-(((1 - share) / flare) ** 2))
    )
    for distance, size in ((along, shaft * near_end), (length - along, shaft * far_end)):
        depth = np.clip(1 - distance / max(cap * size, 1e-3), 0, 1)
        radius = radius * (1 - depth**2.6) ** (1 / 2.6)
    return np.asarray(radius, dtype=np.float32)
