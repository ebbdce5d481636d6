"""Matching anchors and proposals to ground-truth boxes, sampling some of them, and what those should predict.

Follows tensorflow/models research/object_detection core/target_assigner.py:411-427, matchers/argmax_matcher.py:133-184
and core/balanced_positive_negative_sampler.py:203-262.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fractura.models.detector import Target
from fractura.models.faster_rcnn import box_coder
from fractura.models.nms import iou

IGNORED = -2
UNMATCHED = -1


def match(
    ground_truth: Tensor,
    candidates: Tensor,
    *,
    matched: float,
    unmatched: float,
    force: bool,
    weights: Tensor | None = None,
) -> Tensor:
    """Find the ground-truth box that each candidate learns from.

    >>> truth = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    >>> candidates = torch.tensor([[0.0, 0.0, 10.0, 9.0], [0.0, 0.0, 10.0, 5.0], [20.0, 20.0, 30.0, 30.0]])
    >>> match(truth, candidates, matched=0.7, unmatched=0.3, force=False)  # positive, ignored, negative
    tensor([ 0, -2, -1])

    Args:
        ground_truth: Boxes, ``(n, 4)`` xyxy.
        candidates: ``(m, 4)`` xyxy.
        matched: At this IoU or above a candidate is positive.
        unmatched: Below this IoU it is negative; between the two it is ignored.
        force: Every ground-truth box also gets its best candidate, whatever their IoU.
        weights: Of the ground-truth boxes. Those of weight 0 get no best candidate, and candidates that match them are
            ignored.

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
        # If two boxes claim one candidate the first wins, as with TensorFlow's argmax over the indicator.
        for position in reversed(range(len(ground_truth))):
            claimed = favourites[position]
            value = position if weights is None else torch.where(weights[position] > 0, position, index[claimed])
            index[claimed] = value
    if weights is None:
        return index
    return torch.where((index >= 0) & (weights[index.clamp(min=0)] == 0), IGNORED, index)


def sample(positive: Tensor, negative: Tensor, *, size: int, positive_fraction: float, priority: Tensor) -> Tensor:
    """Sample a balanced set.

    Args:
        positive: bool ``(m,)``.
        negative: bool ``(m,)``.
        size: Number to sample; negatives fill the places that positives leave free.
        positive_fraction: Largest share of positives.
        priority: float ``(m,)`` in 0..1: the highest are sampled first; random numbers in training.

    Returns:
        bool ``(m,)``: which ones were sampled.
    """
    chosen_positive = _take(positive, min(int(size * positive_fraction), size), priority)
    wanted = size - chosen_positive.sum()
    return chosen_positive | _take(negative, wanted, priority)


def _take(mask: Tensor, count: int | Tensor, priority: Tensor) -> Tensor:
    order = torch.where(mask, priority, -1.0).argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return mask & (rank < count)


def box_targets(ground_truth: Target, candidates: Tensor, matches: Tensor) -> Tensor:
    """Codes ``(m, 4)`` that candidates ``(m, 4)`` with ``matches`` should predict; zeros without a match."""
    if len(ground_truth.boxes) == 0:
        return torch.zeros_like(candidates)
    codes = box_coder.encode(ground_truth.boxes[matches.clamp(min=0)], candidates)
    return torch.where((matches >= 0)[:, None], codes, 0.0)


def class_targets(ground_truth: Target, matches: Tensor) -> Tensor:
    """Classes int64 ``(m,)`` that candidates with ``matches`` should predict: 0 is background, else label + 1."""
    if len(ground_truth.labels) == 0:
        return torch.zeros_like(matches)
    return torch.where(matches >= 0, ground_truth.labels[matches.clamp(min=0)] + 1, 0)


def loss_weights(ground_truth: Target, matches: Tensor) -> Tensor | float:
    """How much the losses of candidates with ``matches`` count: as their ground-truth box, or 1 without one."""
    if ground_truth.weights is None or len(ground_truth.boxes) == 0:
        return 1.0
    return torch.where(matches >= 0, ground_truth.weights[matches.clamp(min=0)], 1.0)
