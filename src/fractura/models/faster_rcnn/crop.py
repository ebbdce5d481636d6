"""Cropping regions from a feature map and resampling them to one size.

Follows tensorflow/models research/object_detection utils/spatial_transform_ops.py:25-51, 278-412 (corners aligned,
bilinear, zero outside), which is one grid sample.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def crop_and_resize(features: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Crop ``boxes`` from each map of a batch.

    >>> crop_and_resize(torch.arange(9.0).reshape(1, 1, 3, 3), torch.tensor([[[0.0, 0.0, 1.0, 0.5]]]), size=2)
    tensor([[[[0., 2.],
              [3., 5.]]]])

    Args:
        features: ``(n, channels, height, width)``.
        boxes: float32 ``(n, regions, 4)``: xyxy as fractions of the canvas (0..1).
        size: Side of a crop, in cells.

    Returns:
        ``(n * regions, channels, size, size)``. No gradient reaches the boxes.
    """
    batch, regions = boxes.shape[:2]
    steps = torch.linspace(0, 1, size, device=boxes.device, dtype=boxes.dtype)
    left, top, right, bottom = boxes.detach().unbind(-1)
    y = top[..., None] + steps * (bottom - top)[..., None]
    x = left[..., None] + steps * (right - left)[..., None]
    grid = torch.stack(
        [
            x[:, :, None, :].expand(batch, regions, size, size),
            y[:, :, :, None].expand(batch, regions, size, size),
        ],
        dim=-1,
    )
    # All regions of an image form one tall image: a single call, and no copy of the features per region.
    # float32 under mixed precision, too: half-precision coordinates would be off by whole cells.
    tall = F.grid_sample(
        features.float(),
        (grid * 2 - 1).reshape(batch, regions * size, size, 2),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=True,
    )
    crops = tall.reshape(batch, features.shape[1], regions, size, size).transpose(1, 2)
    return crops.reshape(batch * regions, features.shape[1], size, size)
