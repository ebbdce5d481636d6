"""Greedy non-maximum suppression as a custom operator, so that one definition trains, detects and exports.

Semantics are those of ONNX ``NonMaxSuppression`` and of ``tf.image.non_max_suppression``: candidates with a score
above the threshold, in order of falling score (ties: lower index first), are kept unless a kept one overlaps them by
more than the IoU threshold.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fractura.models.overlap import iou

_BLOCK = 1024


def _suppress_block(overlapping: Tensor) -> Tensor:
    """Which of a score-ordered block survive one another, given ``overlapping[i, j]`` for i before j.

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
        iou_threshold: A box that overlaps a better kept one by more than this goes.
        score_threshold: Only scores above this take part.
        max_output_per_class: At most so many per group and class.

    Returns:
        int64 ``(m, 3)``: group, class and box index of what is kept, by group, class, falling score.
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
