"""Resizing an image of any size to the detector's canvas, inside the graph.

``legacy_bilinear`` follows ``tf.compat.v1.image.resize_images(BILINEAR, align_corners=False)`` (tensorflow/models
research/object_detection/core/preprocessor.py:3296-3356 and 2979-3091): no half-pixel centres, no antialiasing.
``antialiased`` is the triangle filter of Pillow's BILINEAR: thin fracture lines survive when an image is shrunk.
Both are index or matrix operations on a fixed canvas, so they can be exported with dynamic image sizes.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor


class FixedShapeResizer(BaseModel):
    """Every image becomes ``height`` x ``width``; the aspect ratio is not kept.

    >>> FixedShapeResizer(height=448, width=448).canvas_size(900, 600)
    (448, 448)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["fixed_shape_resizer"] = "fixed_shape_resizer"
    height: PositiveInt
    width: PositiveInt
    antialias: bool = False

    def canvas_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the canvas for a ``height`` x ``width`` image, including padding."""
        return self.height, self.width

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the image on that canvas, without padding."""
        return self.height, self.width


class KeepAspectRatioResizer(BaseModel):
    """The image is scaled to fit ``min_dimension`` x ``max_dimension``, then padded with black at bottom and right.

    >>> KeepAspectRatioResizer(min_dimension=448, max_dimension=448).resized_size(900, 600)
    (448, 299)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["keep_aspect_ratio_resizer"] = "keep_aspect_ratio_resizer"
    min_dimension: PositiveInt
    max_dimension: PositiveInt
    pad_to_max_dimension: bool = False
    antialias: bool = False

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the image on the canvas, without padding."""
        # No branch: a traced graph would have the one that its image took, for images of any shape. The sym_ functions
        # take the sides of a graph, which are symbols; numbers are float32 as in TensorFlow and in exported graphs.
        high, wide = (np.float32(side) if isinstance(side, int) else side for side in (height, width))
        scale = torch.sym_min(  # type: ignore[no-untyped-call]
            self.max_dimension / torch.sym_max(high, wide),  # type: ignore[no-untyped-call]
            self.min_dimension / torch.sym_min(high, wide),  # type: ignore[no-untyped-call]
        )
        # An image far thinner than the canvas keeps one pixel; TensorFlow would fail on an empty image.
        resized = [torch.sym_max(1, round(scale * side)) for side in (high, wide)]  # type: ignore[no-untyped-call]
        return resized[0], resized[1]

    def canvas_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the canvas for a ``height`` x ``width`` image, including padding."""
        if self.pad_to_max_dimension:
            return self.max_dimension, self.max_dimension
        return self.resized_size(height, width)


Resizer = FixedShapeResizer | KeepAspectRatioResizer


def _legacy_axis(length_in: int, length_out: int, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.arange(length_out, device=image.device, dtype=torch.float32) * (length_in / length_out)
    low = source.floor()
    fraction = source - low
    first = low.to(torch.int64)
    return first, torch.clamp(first + 1, max=length_in - 1), fraction


def legacy_bilinear(image: Tensor, height: int, width: int) -> Tensor:
    """``image`` float32 ``(h, w, c)`` to ``(height, width, c)`` as TensorFlow 1 resizes."""
    top, bottom, down = _legacy_axis(image.shape[0], height, image)
    left, right, across = _legacy_axis(image.shape[1], width, image)
    across, down = across[None, :, None], down[:, None, None]
    upper_rows, lower_rows = image[top], image[bottom]
    upper = upper_rows[:, left] + (upper_rows[:, right] - upper_rows[:, left]) * across
    lower = lower_rows[:, left] + (lower_rows[:, right] - lower_rows[:, left]) * across
    return upper + (lower - upper) * down


def _triangle_weights(length_in: int, length_out: int, image: Tensor) -> Tensor:
    scale = length_in / length_out
    # torch.sym_max keeps this traceable when length_in is symbolic.
    support = torch.sym_max(scale, 1.0)  # type: ignore[no-untyped-call]
    centre = (torch.arange(length_out, device=image.device, dtype=torch.float32) + 0.5) * scale
    cell = torch.arange(length_in, device=image.device, dtype=torch.float32) + 0.5
    weights = torch.clamp(1.0 - torch.abs(cell[None, :] - centre[:, None]) / support, min=0.0)
    return weights / weights.sum(dim=1, keepdim=True)


def antialiased(image: Tensor, height: int, width: int) -> Tensor:
    """``image`` float32 ``(h, w, c)`` to ``(height, width, c)`` with the triangle filter of Pillow's BILINEAR."""
    rows = _triangle_weights(image.shape[0], height, image)
    columns = _triangle_weights(image.shape[1], width, image)
    channels_first = image.permute(2, 0, 1)
    # Mixed precision is for the network: pixels of 0..255 stay float32. (A tracer must not see the context.)
    mixed = torch.is_autocast_enabled(image.device.type)
    with torch.autocast(image.device.type, enabled=False) if mixed else nullcontext():
        return (rows @ channels_first @ columns.T).permute(1, 2, 0)


def resize(image: Tensor, resizer: Resizer) -> tuple[Tensor, tuple[int, int]]:
    """Resize one image to the detector's canvas.

    Args:
        image: uint8 or float ``(height, width, 3)``, values 0..255.
        resizer: How to resize it.

    Returns:
        float32 ``(3, canvas_height, canvas_width)``, values 0..255, and the image's (height, width) on it.
    """
    height, width = resizer.resized_size(image.shape[0], image.shape[1])
    canvas_height, canvas_width = resizer.canvas_size(image.shape[0], image.shape[1])
    method = antialiased if resizer.antialias else legacy_bilinear
    resized = method(image.to(torch.float32), height, width).permute(2, 0, 1)
    if (canvas_height, canvas_width) != (height, width):
        resized = torch.nn.functional.pad(resized, (0, canvas_width - width, 0, canvas_height - height))
    return resized, (height, width)
