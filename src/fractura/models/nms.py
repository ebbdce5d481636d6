"""Greedy non-maximum suppression as a custom operator, so that one definition trains, detects and exports.

The semantics are those of ONNX ``NonMaxSuppression`` and ``tf.image.non_max_suppression``: in order of falling score
(ties: lower index first), a candidate above the score threshold is kept unless a box kept before overlaps it by more
than the IoU threshold.

>>> boxes = torch.tensor([[[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 8.0], [20.0, 20.0, 29.0, 29.0]]])
>>> nms(boxes, torch.tensor([[[0.9, 0.8, 0.7]]]), 0.5, 0.0, 10)
tensor([[0, 0, 0],
        [0, 0, 2]])
"""

from __future__ import annotations

import torch
from torch import Tensor

_BLOCK = 1024


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of ``(n, 4)`` and ``(m, 4)`` xyxy boxes: ``(n, m)``; 0 where they do not overlap.

    >>> iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0], [5.0, 5.0, 6.0, 6.0]]))
    tensor([[0.5000, 0.0000]])
    """
    top_left = torch.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = (bottom_right - top_left).clamp_(min=0).prod(dim=2)
    area_first = (first[:, 2:] - first[:, :2]).prod(dim=1)
    area_second = (second[:, 2:] - second[:, :2]).prod(dim=1)
    return torch.where(overlap == 0, 0.0, overlap / (area_first[:, None] + area_second[None, :] - overlap))


def _suppress_block(overlapping: Tensor) -> Tensor:
    """Which boxes of a score-ordered block survive, given ``overlapping[i, j]`` for i before j.

    Greedy suppression is the only fixed point of keep[j] = no kept i before j overlaps it; iterating from "all kept"
    settles one more rank each round and in practice ends after a few.
    """
    keep = torch.ones(len(overlapping), dtype=torch.bool, device=overlapping.device)
    earlier = overlapping.triu(diagonal=1).to(torch.float32)
    for _ in range(len(overlapping)):
        settled = (keep.to(torch.float32) @ earlier) == 0
        if torch.equal(settled, keep):
            break
        keep = settled
    return keep


def _suppress(boxes: Tensor, scores: Tensor, iou_threshold: float, score_threshold: float, max_output: int) -> Tensor:
    order = torch.sort(scores, descending=True, stable=True).indices
    order = order[scores[order] > score_threshold]
    kept = order[:0]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        if len(kept):
            block = block[~(iou(boxes[kept], boxes[block]) > iou_threshold).any(dim=0)]
        block = block[_suppress_block(iou(boxes[block], boxes[block]) > iou_threshold)]
        kept = torch.cat([kept, block])[:max_output]
        if len(kept) == max_output:
            break
    return kept


@torch.library.custom_op("fractura::nms", mutates_args=())
def nms(
    boxes: Tensor, scores: Tensor, iou_threshold: float, score_threshold: float, max_output_per_class: int
) -> Tensor:
    """Keep the best of overlapping boxes.

    Args:
        boxes: float32 ``(groups, n, 4)``, xyxy.
        scores: float32 ``(groups, classes, n)``.
        iou_threshold: A box that overlaps a better one by more than this is dropped.
        score_threshold: Boxes must score higher than this.
        max_output_per_class: Most boxes kept per group and class.

    Returns:
        int64 ``(m, 3)``: group, class and box index of each kept box, ordered by group, class and falling score.
    """
    boxes, scores = boxes.float(), scores.float()
    chosen = []
    for group in range(scores.shape[0]):
        for label in range(scores.shape[1]):
            kept = _suppress(boxes[group], scores[group, label], iou_threshold, score_threshold, max_output_per_class)
            chosen.append(torch.stack([torch.full_like(kept, group), torch.full_like(kept, label), kept], dim=1))
    return torch.cat(chosen)


@nms.register_fake
def _(boxes: Tensor, scores: Tensor, iou_threshold: float, score_threshold: float, max_output_per_class: int) -> Tensor:
    count = torch.library.get_ctx().new_dynamic_size(
        min=0, max=scores.shape[0] * scores.shape[1] * max_output_per_class
    )
    return boxes.new_empty((count, 3), dtype=torch.int64)
