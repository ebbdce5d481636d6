"""How much boxes overlap: shared by suppression and by matching."""

from __future__ import annotations

import torch
from torch import Tensor


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of ``(n, 4)`` and ``(m, 4)`` xyxy boxes: ``(n, m)``; 0 where they do not meet."""
    top_left = torch.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = (bottom_right - top_left).clamp_(min=0).prod(dim=2)
    area_first = (first[:, 2:] - first[:, :2]).prod(dim=1)
    area_second = (second[:, 2:] - second[:, :2]).prod(dim=1)
    return torch.where(overlap == 0, 0.0, overlap / (area_first[:, None] + area_second[None, :] - overlap))
