"""Proposals and detections on the canvas: their types, and how a fixed number of the best is kept.

Follows tensorflow/models research/object_detection meta_architectures/faster_rcnn_meta_arch.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fractura.models.faster_rcnn.anchors import clip


@dataclass(frozen=True)
class Proposals:
    """Regions that may contain an object, best first, padded with zero boxes to a fixed number.

    Attributes:
        boxes: float32 ``(n, regions, 4)``: xyxy in canvas pixels.
        scores: float32 ``(n, regions)``: objectness; 0 in padding.
        count: int64 ``(n,)``: how many are not padding.
    """

    boxes: Tensor
    scores: Tensor
    count: Tensor


@dataclass(frozen=True)
class RegionDetections:
    """Detections of the second stage, best first, padded to ``max_total_detections``.

    Attributes:
        boxes: float32 ``(n, 4)`` xyxy in canvas pixels.
        scores: float32 ``(n,)``; 0 in padding.
        labels: int64 ``(n,)``, from 0.
        regions: int64 ``(n,)``: the proposal that each came from.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    regions: Tensor


def class_scores(logits: Tensor, converter: str) -> Tensor:
    """Scores of the classes, without the background: ``(..., 1 + classes)`` to ``(..., classes)``.

    Follows builders/post_processing_builder.py:122-144.

    >>> class_scores(torch.tensor([[0.0, 2.0]]), "IDENTITY")
    tensor([[2.]])

    Args:
        logits: Background first.
        converter: ``SOFTMAX``, ``SIGMOID`` or ``IDENTITY``.
    """
    if converter == "SOFTMAX":
        logits = logits.softmax(dim=-1)
    elif converter == "SIGMOID":
        logits = logits.sigmoid()
    return logits[..., 1:]


def clip_sort_pad(boxes: Tensor, scores: Tensor, window: tuple[int, int], count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Clip to the window, drop boxes without area, sort best first, pad with zeros to ``count``.

    Returns:
        boxes ``(count, 4)``, scores ``(count,)``, int64 ``(count,)``: positions in the input, -1 in padding.
    """
    boxes = clip(boxes, *window)
    whole = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    scores = torch.cat([torch.where(whole, scores, 0.0), scores.new_zeros(count)])
    scores, order = torch.topk(scores, count)
    boxes = torch.cat([boxes, boxes.new_zeros(count, 4)])[order]
    real = scores > 0
    return torch.where(real[:, None], boxes, 0.0), scores, torch.where(real, order, -1)


def take(values: Tensor, order: Tensor) -> Tensor:
    """``values`` in ``order``; 0 where ``order`` is -1."""
    return torch.cat([values.new_zeros(1), values])[order + 1]
