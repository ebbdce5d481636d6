"""Grid anchors.

Follows tensorflow/models research/object_detection anchor_generators/grid_anchor_generator.py:119-213; one grid per
feature map, each with its own base size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def grid_anchors(
    height: int,
    width: int,
    *,
    stride: int,
    base_size: float,
    scales: tuple[float, ...],
    aspect_ratios: tuple[float, ...],
    offset: float,
) -> Tensor:
    """Anchors of one feature map.

    >>> grid_anchors(1, 2, stride=16, base_size=8.0, scales=(1.0,), aspect_ratios=(1.0,), offset=8.0)
    tensor([[ 4.,  4., 12., 12.],
            [20.,  4., 28., 12.]])

    Args:
        height: Height of the map in cells.
        width: Width of the map in cells.
        stride: Pixels between neighbouring anchors.
        base_size: Side in pixels of the square anchor at scale 1.
        scales: Factors on the side.
        aspect_ratios: Width over height.
        offset: Centre of the first anchor, in pixels.

    Returns:
        float32 ``(height * width * ratios * scales, 4)``: xyxy in pixels, ordered by row, column, aspect ratio, scale.
    """
    shapes = [(s / math.sqrt(r) * base_size, s * math.sqrt(r) * base_size) for r in aspect_ratios for s in scales]
    half = torch.tensor([[-w, -h, w, h] for h, w in shapes], dtype=torch.float32) / 2
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32) * stride + offset,
        torch.arange(width, dtype=torch.float32) * stride + offset,
        indexing="ij",
    )
    centres = torch.stack([x, y, x, y], dim=2)
    return (centres[:, :, None, :] + half[None, None]).reshape(-1, 4)


def clip(boxes: Tensor, height: float, width: float) -> Tensor:
    """``boxes`` ``(..., 4)`` xyxy clipped to ``[0, width] x [0, height]``.

    >>> clip(torch.tensor([-3.0, 5.0, 20.0, 30.0]), height=24, width=16)
    tensor([ 0.,  5., 16., 24.])
    """
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)


def inside(boxes: Tensor, height: float, width: float) -> Tensor:
    """bool ``(n,)``: which boxes lie completely on the canvas."""
    return (boxes[:, 0] >= 0) & (boxes[:, 1] >= 0) & (boxes[:, 2] <= width) & (boxes[:, 3] <= height)
