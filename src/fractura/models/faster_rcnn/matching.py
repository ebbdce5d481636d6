"""Which anchors and proposals learn from which ground-ground-truth box, and which of them are sampled.

Follows tensorflow/models research/object_detection core/target_assigner.py:411-427, matchers/argmax_matcher.py:133-184
and core/balanced_positive_negative_sampler.py:203-262.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fractura.models.overlap import iou

IGNORED = -2
UNMATCHED = -1


def match(ground_truth: Tensor, candidates: Tensor, *, matched: float, unmatched: float, force: bool) -> Tensor:
    """The ground-ground-truth box that each candidate learns from.

    Args:
        ground truth: ``(n, 4)`` xyxy.
        candidates: ``(m, 4)`` xyxy.
        matched: At this IoU or above a candidate is positive.
        unmatched: Below this IoU it is negative; between the two it is ignored.
        force: Every ground-ground-truth box also takes its best candidate, whatever their IoU.

    Returns:
        int64 ``(m,)``: position in ``ground_truth``, ``UNMATCHED`` or ``IGNORED``.
    """
    if len(ground_truth) == 0:
        return torch.full((len(candidates),), UNMATCHED, dtype=torch.int64, device=candidates.device)
    overlaps = iou(ground_truth, candidates)
    best, index = overlaps.max(dim=0)
    index = torch.where(best >= matched, index, torch.where(best < unmatched, UNMATCHED, IGNORED))
    if force:
        favourites = overlaps.argmax(dim=1)
        # Where two ground-ground-truth boxes claim one candidate the first wins, as argmax over the indicator does in
        # TensorFlow.
        for position in reversed(range(len(ground_truth))):
            index[favourites[position]] = position
    return index


def sample(positive: Tensor, negative: Tensor, *, size: int, positive_fraction: float, priority: Tensor) -> Tensor:
    """Choose a balanced set.

    Args:
        positive: bool ``(m,)``.
        negative: bool ``(m,)``.
        size: How many are wanted in all; negatives fill up what positives leave.
        positive_fraction: Largest share of positives.
        priority: float ``(m,)`` in 0..1: the highest are taken first; random numbers in training.

    Returns:
        bool ``(m,)``: the chosen ones.
    """
    chosen_positive = _take(positive, min(int(size * positive_fraction), size), priority)
    wanted = size - chosen_positive.sum()
    return chosen_positive | _take(negative, wanted, priority)


def _take(mask: Tensor, count: int | Tensor, priority: Tensor) -> Tensor:
    order = torch.where(mask, priority, -1.0).argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return mask & (rank < count)
