"""The corners of a record's boxes: fractions of the image's sides, in pixels of the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import DataError
from fractura.formats.faults import ROUNDING, box_fault
from fractura.formats.tfrecord.example import Example

EXPECTED = "image/encoded and image/object/bbox/{xmin,ymin,xmax,ymax}, as the Object Detection API reads them"
"""What a record must hold, for hints."""

_BEYOND = 0.1
"""How far outside a corner may lie, as a fraction of the image's side.

TensorFlow stops above 1.1 (core/box_list_ops.py, ``to_absolute_coordinates``) and does not check below 0.
"""


def box_corners(example: Example, width: int, height: int) -> NDArray[np.float32]:
    """float32 ``(n, 4)`` xyxy in pixels of the stored image.

    Raises:
        DataError: The four corners are not as many, or one is not a number.
    """
    columns = [example.floats(f"image/object/bbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise DataError(f"the four corners of its boxes are not as many: {lengths}", hint=EXPECTED)
    if not all(np.isfinite(column).all() for column in columns):
        raise DataError("a corner of a box is not a number", hint="write the file again from the annotations")
    sides = (width, height, width, height)
    return np.stack([to_pixels(column, side) for column, side in zip(columns, sides, strict=True)], axis=1)


def to_pixels(fractions: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Fractions of a side, ``(n,)``, in pixels: on the 1/64 pixel grid where a point of it gives that very fraction."""
    pixels = fractions.astype(np.float64) * side
    on_grid = np.rint(pixels * 64) / 64
    exact = (on_grid / side).astype(np.float32) == fractions
    return np.where(exact, on_grid, pixels).astype(np.float32)


def clip_slightly(xyxy: NDArray[np.float32], width: int, height: int) -> tuple[NDArray[np.float32], int]:
    """Boxes that reach at most a tenth of a side beyond the image, clipped to it; the others as they are.

    Args:
        xyxy: float32 ``(n, 4)`` in pixels.
        width: Of the image.
        height: Of the image.

    Returns:
        float32 ``(n, 4)``, and how many boxes were clipped by more than rounding.
    """
    sides = np.array([width, height, width, height], np.float32)
    clipped = np.clip(xyxy, 0, sides)
    overlap = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    near = (np.abs(xyxy - clipped) <= _BEYOND * sides + ROUNDING).all(axis=1) & overlap
    beyond = near & (np.abs(xyxy - clipped) > ROUNDING).any(axis=1)
    return np.where(near[:, None], clipped, xyxy), int(beyond.sum())


def refuse_boxes(xyxy: NDArray[np.float32], width: int, height: int) -> None:
    """Check that boxes ``(n, 4)``, in pixels of the displayed image, can be used.

    Raises:
        DataError: One has no area or lies outside.
    """
    for number, corners in enumerate(xyxy.tolist(), start=1):
        if problem := box_fault(corners, width, height):
            raise DataError(
                problem,
                place=f"box {number}",
                hint="corners must be fractions of the image's sides, 0 to 1: correct them and write the file again",
            )
