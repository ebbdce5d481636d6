"""The appearance of an image in a few numbers: is it inverted, does it show text or metal, does it have a frame?

All are taken from the picture as it is displayed, scaled down to 512 pixels if it is larger, so that an image and its
scaled copy give about the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE, _SMALL_SIDE, _TINY_SIDE = 512, 256, 96
_EDGE = 45  # grey levels between neighbours: writing and metal, hardly ever bone
_BLOCK_HEIGHT, _BLOCK_WIDTH = 8, 16
_BLOCK_EDGES = 0.16  # share of a block's pixels with an edge from left to right; one letter of lead stays below
_EVEN = 6  # grey levels: a frame's lines are more even than any image
_PLATEAU = 0.985  # beyond this share of the range lie collimation and saturation, which have no polarity


@dataclass(frozen=True)
class Traits:
    """Of one image.

    Attributes:
        mean: Mean grey level.
        spread: Grey levels between the 1st and 99th percentile.
        polarity: Above 0 for white bone on black air, below for a negative; exactly opposite for an image turned
            negative. Of 625 FracAtlas images 3 are on the wrong side, none below -1.7.
        writing: Longest run of blocks of 16 x 8 pixels, side by side, as full of edges as writing is.
        metal: Grey levels by which the image's brightest thin parts stand out from their surroundings.
        frame: Share of the shorter side that an even frame takes, all four sides.
        sharpness: Mean step between neighbouring pixels, against the spread.
    """

    mean: float
    spread: float
    polarity: float
    writing: int
    metal: float
    frame: float
    sharpness: float


def image_traits(pixels: NDArray[np.uint8]) -> Traits:
    """Measure an image.

    Args:
        pixels: uint8 ``(h, w, 3)`` as ``read_radiograph`` gives it.
    """
    grey = _reduced(np.ascontiguousarray(pixels[:, :, 1]), _SIDE)
    small = _reduced(grey, _SMALL_SIDE)
    shares = np.cumsum(np.bincount(small.ravel(), minlength=256)) / small.size
    low, high = int(np.searchsorted(shares, 0.01)), int(np.searchsorted(shares, 0.99))
    steps = _steps(grey)
    return Traits(
        float(small.mean()),
        float(high - low),
        _polarity(small, low, high),
        max(_writing(steps), _writing(_steps(small))),
        _metal(small),
        _frame(grey) / min(grey.shape),
        float(steps.mean()) / max(1, high - low),
    )


def _reduced(grey: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image with its longer side at most ``side``; at least one pixel each way."""
    height, width = grey.shape
    if max(height, width) <= side:
        return grey
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))


def _steps(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 ``(h, w - 1)``: grey levels from each pixel to its right neighbour."""
    left, right = grey[:, :-1], grey[:, 1:]
    if left.size == 0:
        return np.zeros((grey.shape[0], 1), dtype=np.uint8)
    steps: NDArray[np.uint8] = np.maximum(left, right) - np.minimum(left, right)
    return steps


def _polarity(grey: NDArray[np.uint8], low: int, high: int) -> float:
    """Air is dark, even, and most of an image; a negative turns all three round."""
    if high <= low:
        return 0.0
    tiny = np.asarray(Image.fromarray(grey).resize((_TINY_SIDE, _TINY_SIDE), Image.Resampling.BOX)).astype(np.float32)
    level = np.clip((tiny - low) / (high - low), 0, 1) * 2 - 1
    around = _box_mean(level)
    spread = np.sqrt(np.maximum(_box_mean(level * level) - around * around, 0))
    kept = np.abs(around) < _PLATEAU
    if int(kept.sum()) < 100:
        kept = np.ones_like(kept)
    levels, spreads = around[kept], spread[kept]
    if float(levels.std()) == 0 or float(spreads.std()) == 0:
        return 0.0
    together = float(np.corrcoef(levels, spreads)[0, 1])
    even = 1 / (spreads + 0.03)
    return together - 2 * float(levels.mean()) - float((even * levels).sum() / even.sum())


def _box_mean(values: NDArray[Any], side: int = 7) -> NDArray[Any]:
    """Mean over a square of 7 x 7 pixels."""
    half = side // 2
    for axis in (0, 1):
        pad = [(half + 1, half) if each == axis else (0, 0) for each in (0, 1)]
        total = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype=np.float64)
        sums = total[side:] - total[:-side] if axis == 0 else total[:, side:] - total[:, :-side]
        values = (sums / side).astype(np.float32)
    return values


def _writing(steps: NDArray[np.uint8]) -> int:
    edges = steps >= _EDGE
    longest = 0
    for offset in (0, _BLOCK_HEIGHT // 2):  # a line of writing may lie across two rows of blocks
        part = edges[offset:]
        rows, columns = part.shape[0] // _BLOCK_HEIGHT, part.shape[1] // _BLOCK_WIDTH
        if rows == 0 or columns == 0:
            continue
        blocks = part[: rows * _BLOCK_HEIGHT, : columns * _BLOCK_WIDTH]
        density = blocks.reshape(rows, _BLOCK_HEIGHT, columns, _BLOCK_WIDTH).mean(axis=(1, 3))
        run = np.zeros(rows, dtype=int)
        for column in (density >= _BLOCK_EDGES).T:
            run = np.where(column, run + 1, 0)
            longest = max(longest, int(run.max()))
    return longest


def _metal(grey: NDArray[np.uint8]) -> float:
    """99th percentile of the white top-hat (11 pixels of 256) over the image's inner part."""
    opened = ~_eroded(~_eroded(grey))
    height, width = grey.shape
    inner = (slice(height // 7, height - height // 7), slice(width // 7, width - width // 7))
    tops = (grey - opened)[inner]
    return float(np.percentile(tops, 99)) if tops.size else 0.0


def _eroded(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Minimum over a square of 11 x 11 pixels, in steps that double."""
    for axis in (0, 1):
        pad = [(5, 5) if each == axis else (0, 0) for each in (0, 1)]
        values = np.pad(grey, pad, mode="edge")
        for step in (1, 2, 4, 3):
            length = values.shape[axis] - step
            one, other = (slice(None, length), slice(step, None))
            values = np.minimum(*((values[one], values[other]) if axis == 0 else (values[:, one], values[:, other])))
        grey = values
    return grey


def _frame(grey: NDArray[np.uint8]) -> int:
    """Lines that are even, and alike, on all four sides; at most a quarter of the image."""
    level = int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    limit = int(min(grey.shape)) // 4
    for depth in range(limit):
        bottom, right = grey.shape[0] - 1 - depth, grey.shape[1] - 1 - depth
        for line in (grey[depth], grey[bottom], grey[:, depth], grey[:, right]):
            inside = line[depth : len(line) - depth]
            if int(inside.max()) > level + _EVEN or int(inside.min()) < level - _EVEN:
                return depth
    return limit
