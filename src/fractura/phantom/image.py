"""From bones and flesh to an image: attenuation, beam, scatter, noise, read-out, collimator and marker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fractura.phantom.anatomy import Bone, Limb
from fractura.phantom.fracture import Box, Fracture, Fragment
from fractura.phantom.mimics import Canal, growth_plates
from fractura.phantom.tubes import Array, Tube, paint

BONE = 0.043
"""Attenuation of cortical bone per pixel of an image with a long side of 464."""

FLESH = 0.0040
"""Attenuation of fat per pixel of such an image; muscle has 1.45 of it."""

BLEND = 4
"""Exponent of the norm by which overlapping tubes of flesh are joined."""


@dataclass(frozen=True)
class Field:
    """The part of the image that the beam reaches: a turned rectangle.

    Attributes:
        corners: float ``(4, 2)``, pixels.
        bright: What lies outside reads white (no exposure) instead of black (shuttered after read-out).
        open: The rectangle is larger than the image: nothing is cut.
    """

    corners: np.ndarray
    bright: bool
    open: bool

    def contains(self, box: Box, margin: float) -> bool:
        """Whether a box lies inside by a margin."""
        left, top, right, bottom = box
        points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        edges = np.roll(self.corners, -1, axis=0) - self.corners
        normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
        depth = ((points[None] - self.corners[:, None]) * normals[:, None]).sum(axis=2)
        return bool((depth >= margin).all())


def choose_field(rng: np.random.Generator, width: int, height: int) -> Field:
    """Collimate some images on some sides, slightly askew."""
    inset = np.where(rng.random(4) < 0.3, rng.uniform(0.015, 0.09, 4), -0.2)
    if rng.random() < 0.45:
        inset[:] = -0.2
    left, top, right, bottom = inset[0] * width, inset[1] * height, (1 - inset[2]) * width, (1 - inset[3]) * height
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    angle = rng.normal(0, 0.025)
    middle = np.array([width / 2, height / 2])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Field((corners - middle) @ turn + middle, bool(rng.random() < 0.65), bool((inset < 0).all()))


def _resize(image: Array, width: int, height: int, method: Image.Resampling) -> Array:
    return np.asarray(Image.fromarray(image).resize((width, height), method), dtype=np.float32)


def cloud(rng: np.random.Generator, width: int, height: int, grain: float) -> Array:
    """Smooth noise with unit spread: float32 ``(height, width)``, blobs of about ``grain`` pixels."""
    coarse = rng.standard_normal((max(int(height / grain), 1) + 3, max(int(width / grain), 1) + 3), dtype=np.float32)
    return _resize(coarse, width, height, Image.Resampling.BICUBIC)


def wide_blur(image: Array, sigma: float) -> Array:
    """A broad, cheap blur: shrink, then enlarge smoothly."""
    height, width = image.shape
    small = _resize(image, max(int(width / sigma), 2), max(int(height / sigma), 2), Image.Resampling.BILINEAR)
    return _resize(small, width, height, Image.Resampling.BILINEAR)


def fine_blur(image: Array, sigma: float) -> Array:
    """A Gaussian blur of a pixel or two, edges repeated."""
    reach = max(int(np.ceil(2.5 * sigma)), 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (0, 1):
        pad = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(image, pad, mode="edge")
        size = image.shape[axis]
        image = sum(
            (w * np.take(padded, range(k, k + size), axis=axis) for k, w in enumerate(weights)), np.zeros_like(image)
        )
    return image


def _bone_shade(
    tube: Tube, plates: Sequence[float], canals: Sequence[Canal], scale: float, grain: Array
) -> Callable[[Array, Array], Array]:
    """Attenuation of a whole bone as a function of its local coordinates."""
    rows, columns = grain.shape

    def shade(along: Array, across: Array) -> Array:
        wall, hollow, filling = tube.chords(along, across)
        # Spongy bone is a net of struts: coarse in width, drawn out along the lines of load.
        i = (along * np.float32(0.7 / scale)).astype(np.intp) % rows
        j = (across * np.float32(1.3 / scale)).astype(np.intp) % columns
        value = np.float32(BONE / scale) * (wall + hollow * filling * (1 + np.float32(0.16) * grain[i, j]))
        if plates:
            value = value * growth_plates(along, across, plates, scale)
        for canal in canals:
            value = value * canal.keep(along, across)
        return np.asarray(value, dtype=np.float32)

    return shade


def paint_bone(
    canvas: Array, bone: Bone, fracture: Fracture | None, canals: Sequence[Canal], scale: float, grain: Array
) -> None:
    """Add a bone, whole or in pieces, to the attenuation of the image, in place."""
    whole = _bone_shade(bone.tube, bone.plates, canals, scale, grain)
    cracks = fracture.cracks if fracture is not None else ()

    def cracked(along: Array, across: Array) -> Array:
        value = whole(along, across)
        for crack in cracks:
            value = value * crack.keep(along, across)
        return value

    if fracture is None or not fracture.fragments:
        paint(canvas, bone.tube, cracked)
        return
    for fragment in fracture.fragments:

        def piece(along: Array, across: Array, fragment: Fragment = fragment) -> Array:
            return whole(along, across) * fragment.part(along, across)

        paint(canvas, bone.tube, piece, motion=fragment.motion, span=(fragment.first, fragment.last))


def attenuate(
    rng: np.random.Generator,
    width: int,
    height: int,
    limb: Limb,
    fractures: dict[int, Fracture],
    canals: dict[int, tuple[Canal, ...]],
    scale: float,
) -> Array:
    """Attenuation along the rays: float32 ``(height, width)``; ``fractures`` and ``canals`` by bone index."""
    flesh = np.zeros((height, width), dtype=np.float32)
    for tube in limb.flesh:

        def soft(along: Array, across: Array, tube: Tube = tube) -> Array:
            fat, muscle, density = tube.chords(along, across)
            return (np.float32(FLESH / scale) * (fat + muscle * density)) ** BLEND

        paint(flesh, tube, soft)
    # Neighbouring tubes run into each other like flesh: between the larger of two and their sum.
    flesh = flesh ** np.float32(1 / BLEND)
    flesh *= (
        1
        + np.float32(0.05) * cloud(rng, width, height, 38 * scale)
        + np.float32(0.02) * cloud(rng, width, height, 9 * scale)
    )
    grain = fine_blur(rng.standard_normal((96, 128), dtype=np.float32), 0.7)
    grain /= grain.std()
    bones = np.zeros_like(flesh)
    thickness, calcium = np.float32(rng.uniform(0.75, 1.25)), np.float32(rng.uniform(0.85, 1.15))
    for index, bone in enumerate(limb.bones):
        paint_bone(bones, bone, fractures.get(index), canals.get(index, ()), scale, grain)
    return np.asarray(flesh * thickness + bones * calcium, dtype=np.float32)


def expose(rng: np.random.Generator, attenuation: Array, field: Field, scale: float) -> Array:
    """Beam, scatter, blur, quantum noise and read-out: uint8 ``(height, width)``, bone bright."""
    height, width = attenuation.shape
    beam = np.exp(-attenuation)
    if not field.open:
        mask = Image.new("L", (width, height), 0)
        ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in field.corners], fill=255)
        shadow = fine_blur(np.asarray(mask, dtype=np.float32) / np.float32(255), 1.2 * scale)
        if field.bright:
            beam = beam * (0.02 + 0.98 * shadow)
    # Anode heel: one side of the beam is a little weaker.
    heel = rng.normal(0, 0.05, 2)
    beam *= (1 + heel[0] * np.linspace(-1, 1, width, dtype=np.float32)[None]).astype(np.float32)
    beam *= (1 + heel[1] * np.linspace(-1, 1, height, dtype=np.float32)[:, None]).astype(np.float32)
    beam = fine_blur(beam, rng.uniform(0.55, 0.95) * scale)
    beam += np.float32(rng.uniform(0.02, 0.14)) * wide_blur(beam, 30 * scale)
    noise = rng.standard_normal(beam.shape, dtype=np.float32)
    noise = np.float32(0.6) * noise + np.float32(0.9) * fine_blur(noise, 0.6)
    beam += np.float32(rng.uniform(0.005, 0.018)) * np.sqrt(beam) * noise
    density = -np.log(np.maximum(beam, 0.004))
    # Multi-scale read-out: fine structure is lifted, so soft-tissue edges get their faint halo.
    density += np.float32(rng.uniform(0.0, 0.5)) * (density - wide_blur(density, 9 * scale))
    seen = density[shadow > 0.9] if not field.open else density
    low, high = np.percentile(seen, (2, 99.6))
    low -= rng.uniform(0.02, 0.12) * (high - low)
    shown = np.clip((density - low) / ((high - low) * rng.uniform(0.9, 1.2)), 0, 1) ** rng.uniform(0.75, 1.3)
    floor = rng.uniform(0, 0.12)
    shown = floor + (1 - floor) * shown
    if not field.open and not field.bright:
        shown *= shadow
    return np.asarray(np.rint(shown * 255), dtype=np.uint8)


def stamp(rng: np.random.Generator, image: np.ndarray, boxes: Sequence[Box], scale: float) -> np.ndarray:
    """Burn a side marker into most images, clear of the boxes; returns a new uint8 ``(height, width)``."""
    if rng.random() > 0.7:
        return image
    height, width = image.shape
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    letter = "LR"[int(rng.integers(2))]
    size = int(rng.uniform(11, 18) * scale)
    framed = rng.random() < 0.4
    spots = rng.uniform(0.06, 0.9, (12, 2)) * (width, height)
    for x, y in spots:
        clear = all(x + 2 * size < b[0] or x - size > b[2] or y + 2 * size < b[1] or y - size > b[3] for b in boxes)
        spot = image[int(y) : int(y) + size + 4, int(x) : int(x) + size + 4]
        # Technicians put the marker next to the limb, where the image is dark and even.
        if clear and spot.mean() < 90 and spot.std() < 9:
            if framed:
                draw.rectangle((x - 3, y - 2, x + 0.85 * size, y + 1.25 * size), fill=245)
            draw.text((x, y), letter, fill=10 if framed else 245, font=ImageFont.load_default(size))
            break
    return np.asarray(canvas)
