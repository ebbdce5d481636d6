"""One phantom image: which of the series it is, and how it comes about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.errors import UsageError
from fractura.phantom.anatomy import Limb, make_limb
from fractura.phantom.fracture import Box, Fracture, Kind, break_bone
from fractura.phantom.image import Field, attenuate, choose_field, expose, stamp
from fractura.phantom.mimics import choose_canals, fold_skin, wear

NEGATIVES = 0.45
"""Share of images without a fracture."""

KIND_SHARES: tuple[tuple[Kind, float], ...] = (("hairline", 0.42), ("displaced", 0.38), ("comminuted", 0.20))

LARGEST = 0.02
"""No box covers more of its image."""

ATTEMPTS = 40


@dataclass(frozen=True)
class Phantom:
    """One synthetic image.

    Attributes:
        pixels: uint8 ``(height, width)``, bone bright.
        boxes: One per fracture, label 0.
        kinds: ``hairline``, ``displaced`` or ``comminuted``, one per box.
    """

    pixels: np.ndarray
    boxes: Boxes
    kinds: tuple[Kind, ...]


def make_phantom(seed: int, index: int, *, stream: int = 0, size: tuple[int, int] = (384, 464)) -> Phantom:
    """Draw one image of the endless series that ``seed`` and ``stream`` name.

    Args:
        seed: 0 to 2**32 - 1.
        index: Number of the image, from 0.
        stream: Series of the same seed that share no image; 0 for training, 1 for validation.
        size: Short and long side in pixels, about: images vary by some percent, and a quarter lie on their side.

    Returns:
        The image; the same for the same arguments, whatever else is drawn.

    Raises:
        UsageError: The image is too small for a fracture.

    Examples:
        >>> phantom = make_phantom(seed=7, index=5)
        >>> phantom.pixels.dtype, len(phantom.boxes), phantom.kinds
        (dtype('uint8'), 1, ('displaced',))
    """
    kind = _first_kind(seed, stream, index)
    for attempt in range(ATTEMPTS):
        phantom = _draw(np.random.default_rng([seed, stream, index, attempt]), kind, size)
        if phantom is not None:
            return phantom
    raise UsageError(
        f"no room for a fracture on an image of {size[0]} x {size[1]} pixels", hint="ask for larger images"
    )


def _first_kind(seed: int, stream: int, index: int) -> Kind | None:
    """Kind of the first fracture of an image; None for an image without one.

    Irrational steps instead of dice: any stretch of images has the shares asked for, yet what an image gets depends on
    its own number only. The steps are those of the plastic number (M. Roberts, "The unreasonable effectiveness of
    quasirandom sequences", 2018), which fill the square of both choices evenly.
    """
    start = np.random.default_rng([seed, stream, 0xF11A]).random(2)
    broken, which = (start + index * np.array([0.7548776662466927, 0.5698402909980532])) % 1
    if broken < NEGATIVES:
        return None
    limits = np.cumsum([share for _, share in KIND_SHARES])
    return KIND_SHARES[min(int(np.searchsorted(limits, which, side="right")), len(KIND_SHARES) - 1)][0]


def _draw(rng: np.random.Generator, kind: Kind | None, size: tuple[int, int]) -> Phantom | None:
    """One try at an image; None if its fracture would not be in sight."""
    short, long = (int(side * rng.uniform(0.94, 1.04)) for side in size)
    width, height = (long, short) if rng.random() < 0.25 else (short, long)
    scale = max(size) / 464
    limb = make_limb(rng, width, height)
    field = choose_field(rng, width, height)
    fractures: dict[int, Fracture] = {}
    if kind is not None:
        fractures = _break(rng, limb, kind, field, (width, height), scale)
        if not fractures:
            return None
    canals = choose_canals(rng, limb.bones, fractures, scale)
    attenuation = attenuate(rng, width, height, limb, fractures, canals, scale)
    fold_skin(rng, attenuation, scale)
    wear(rng, attenuation, limb, scale)
    boxes = [fracture.box for fracture in fractures.values()]
    pixels = stamp(rng, expose(rng, attenuation, field, scale), boxes, scale)
    return Phantom(pixels, Boxes(boxes, [0] * len(boxes)), tuple(fracture.kind for fracture in fractures.values()))


def _break(
    rng: np.random.Generator, limb: Limb, kind: Kind, field: Field, size: tuple[int, int], scale: float
) -> dict[int, Fracture]:
    """Fractures by bone index: one of this kind, and on some images one or two more; none if there is no room."""
    names, shares = zip(*KIND_SHARES, strict=True)
    more = int(rng.choice(3, p=[0.75, 0.2, 0.05]))
    wanted: Sequence[Kind] = [kind, *(names[int(rng.choice(len(names), p=shares))] for _ in range(more))]
    breakable = [index for index, bone in enumerate(limb.bones) if bone.breakable]
    # A hand has many small bones: without weights nearly all fractures would be on them.
    weights = np.array([np.sqrt(limb.bones[index].tube.length) for index in breakable])
    fractures: dict[int, Fracture] = {}
    for number, part in enumerate(wanted):
        for _ in range(15):
            index = int(rng.choice(breakable, p=weights / weights.sum()))
            fracture = break_bone(rng, limb.bones[index], part, scale)
            others = [other.box for other in fractures.values()]
            if index not in fractures and _in_sight(fracture.box, others, field, size, 5 * scale):
                fractures[index] = fracture
                break
        else:
            if number == 0:
                return {}
    return fractures


def _in_sight(box: Box, others: Sequence[Box], field: Field, size: tuple[int, int], margin: float) -> bool:
    """Whether a box lies on the exposed image, is not huge, and touches no other."""
    left, top, right, bottom = box
    width, height = size
    if left < margin or top < margin or right > width - margin or bottom > height - margin:
        return False
    if not field.contains(box, margin) or (right - left) * (bottom - top) > LARGEST * width * height:
        return False
    return all(left > o[2] or right < o[0] or top > o[3] or bottom < o[1] for o in others)
