"""The losses of Faster R-CNN for a whole batch at once, which keeps a GPU busy.

``FasterRCNN.losses`` goes through a batch image by image, because images may have any size and any number of boxes. If
all images share one canvas and boxes are padded to one number, the same arithmetic takes a few large operations that
never wait for the device. The two agree up to rounding (suppression stops after a fixed number of rounds, which is
enough in practice).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from fractura.models.detector import Target
from fractura.models.faster_rcnn import box_coder, matching
from fractura.models.faster_rcnn.anchors import clip
from fractura.models.faster_rcnn.losses import IMAGE_LOSS, classification_loss, localization_loss
from fractura.models.faster_rcnn.settings import FasterRCNNSettings

if TYPE_CHECKING:
    from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN

_ROUNDS = 12
"""Rounds of suppression: each settles at least one more rank, in practice nearly all of them."""


@dataclass(frozen=True)
class BatchTargets:
    """The ground truth of a batch.

    Attributes:
        boxes: float32 ``(n, most, 4)``: xyxy in pixels of the canvas; padding is any finite value.
        labels: int64 ``(n, most)``, from 0.
        real: bool ``(n, most)``: which of them are boxes rather than padding.
    """

    boxes: Tensor
    labels: Tensor
    real: Tensor


def padded_targets(settings: FasterRCNNSettings, targets: Sequence[Target]) -> BatchTargets | None:
    """The ground truth of a batch, padded; None if it has weights or ``settings`` do not fit ``batched_losses``."""
    if not _fits(settings) or any(target.weights is not None for target in targets):
        return None
    boxes = pad_sequence([target.boxes for target in targets], batch_first=True)
    labels = pad_sequence([target.labels for target in targets], batch_first=True)
    if not boxes.shape[1]:
        boxes, labels = boxes.new_zeros(len(targets), 1, 4), labels.new_zeros(len(targets), 1)
    counts = torch.tensor([len(target.boxes) for target in targets], device=boxes.device)
    return BatchTargets(boxes, labels, torch.arange(boxes.shape[1], device=boxes.device) < counts[:, None])


def _fits(settings: FasterRCNNSettings) -> bool:
    return bool(
        settings.clip_anchors_to_image and settings.share_box_across_classes and settings.first_stage_pre_nms_top_n
    )


def batched_losses(
    detector: FasterRCNN,
    canvas: Tensor,
    targets: BatchTargets,
    priority: Callable[[int, int, torch.device], Tensor] | None = None,
) -> dict[str, Tensor]:
    """``FasterRCNN.losses`` of images that fill one canvas.

    Args:
        detector: With ``clip_anchors_to_image``, ``first_stage_pre_nms_top_n`` and ``share_box_across_classes``, as the
            small detectors have them.
        canvas: float32 ``(n, 3, h, w)`` of 0..255; both sides a multiple of the backbone's ``canvas_multiple``.
        targets: Ground truth.
        priority: Called with the number of images, the number of candidates and the device; returns float
            ``(images, candidates)`` in 0..1. Candidates with the highest are sampled first; random by default.

    Returns:
        Scalar losses by name.

    Raises:
        ValueError: The detector does not have these settings.
    """
    settings = detector.settings
    if not _fits(settings):
        raise ValueError(f"the losses of {settings.name} cannot be computed for a whole batch at once")
    draw = priority or (lambda images, count, device: torch.rand(images, count, device=device))
    size = (int(canvas.shape[2]), int(canvas.shape[3]))
    features = detector.feature_extractor.proposal_features(canvas)
    codes, logits = detector.predict_first_stage(features)
    anchors = clip(detector.anchors(*size, canvas.device), *size)
    losses = _first_stage(detector, codes, logits, anchors, targets, draw) | detector.regularization_losses()
    if detector.image_head is not None:
        losses[IMAGE_LOSS] = detector.image_head.loss(detector.image_logits(features), targets.real.any(dim=1))
    boxes, real = _propose(detector, codes.detach(), logits.detach(), anchors, size)
    return losses | _second_stage(detector, features[0], boxes, real, targets, size, draw)


def _first_stage(
    detector: FasterRCNN,
    codes: Tensor,
    logits: Tensor,
    anchors: Tensor,
    targets: BatchTargets,
    draw: Callable[[int, int, torch.device], Tensor],
) -> dict[str, Tensor]:
    settings = detector.settings
    candidates = anchors.expand(len(codes), -1, -1)
    overlaps = _masked_overlaps(targets, candidates)
    best, index = overlaps.max(dim=1)
    matches = torch.where(best >= settings.first_stage_matched_threshold, index, matching.IGNORED)
    matches = torch.where(best < settings.first_stage_unmatched_threshold, matching.UNMATCHED, matches)
    favourites = overlaps.argmax(dim=2)
    for position in reversed(range(favourites.shape[1])):
        place = favourites[:, position : position + 1]
        wanted = torch.where(targets.real[:, position : position + 1], position, matches.gather(1, place))
        matches = matches.scatter(1, place, wanted)
    chosen, sampled = _sample(
        matches >= 0,
        matches == matching.UNMATCHED,
        settings.first_stage_minibatch_size,
        settings.first_stage_positive_balance_fraction,
        draw(len(matches), matches.shape[1], codes.device),
    )
    matched = matches.gather(1, chosen)
    positive = sampled & (matched >= 0)
    wanted = _encoded(targets, anchors[chosen], matched)
    localization = localization_loss(_take(codes, chosen), wanted)
    objectness = classification_loss(_take(logits, chosen), positive.long())
    return {
        "RPNLoss/localization_loss": _mean(localization, positive, sampled)
        * settings.first_stage_localization_loss_weight,
        "RPNLoss/objectness_loss": _mean(objectness, sampled, sampled) * settings.first_stage_objectness_loss_weight,
    }


@torch.no_grad()
def _propose(
    detector: FasterRCNN, codes: Tensor, logits: Tensor, anchors: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Proposals ``(n, first_stage_max_proposals, 4)``, best first, and which of them are real."""
    settings = detector.settings
    count = min(settings.first_stage_pre_nms_top_n or len(anchors), len(anchors))
    scores, best = logits.softmax(dim=-1)[..., 1].topk(count, dim=1)
    boxes = box_coder.decode(_take(codes, best), anchors[best])
    overlapping = _overlaps(boxes, boxes) > settings.first_stage_nms_iou_threshold
    earlier = overlapping.triu(diagonal=1).to(torch.float16 if boxes.is_cuda else torch.float32)
    kept = torch.ones_like(scores, dtype=torch.bool)
    for _ in range(_ROUNDS):
        kept = torch.bmm(kept[:, None].to(earlier.dtype), earlier)[:, 0] == 0
    most = settings.first_stage_max_proposals
    kept &= scores > settings.first_stage_nms_score_threshold
    kept &= kept.cumsum(dim=1) <= most
    boxes = clip(boxes, *size)
    kept &= (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])
    scores, order = torch.where(kept, scores, 0.0).topk(min(most, count), dim=1)
    return torch.where((scores > 0)[..., None], _take(boxes, order), 0.0), scores > 0


def _second_stage(
    detector: FasterRCNN,
    features: Tensor,
    boxes: Tensor,
    real: Tensor,
    targets: BatchTargets,
    size: tuple[int, int],
    draw: Callable[[int, int, torch.device], Tensor],
) -> dict[str, Tensor]:
    settings = detector.settings
    if settings.append_groundtruth_boxes:
        boxes, real = torch.cat([targets.boxes, boxes], dim=1), torch.cat([targets.real, real], dim=1)
    best, index = _masked_overlaps(targets, boxes).max(dim=1)
    matches = torch.where(best >= settings.second_stage_matched_threshold, index, matching.UNMATCHED)
    chosen, sampled = _sample(
        real & (matches >= 0),
        real & (matches < 0),
        settings.second_stage_batch_size,
        settings.second_stage_balance_fraction,
        draw(len(matches), matches.shape[1], boxes.device),
    )
    matched = torch.where(sampled, matches.gather(1, chosen), matching.UNMATCHED)
    regions = torch.where(sampled[..., None], _take(boxes, chosen), 0.0)
    codes, logits = detector.predict_second_stage(detector.crop(features, regions, size))
    codes, logits = (each.reshape(*chosen.shape, *each.shape[1:]) for each in (codes, logits))
    positive = matched >= 0
    classes = torch.where(positive, targets.labels.gather(1, matched.clamp(min=0)) + 1, 0)
    localization = localization_loss(codes[:, :, 0], _encoded(targets, regions, matched))
    classification = classification_loss(logits, classes)
    return {
        "BoxClassifierLoss/localization_loss": _mean(localization, positive, sampled)
        * settings.second_stage_localization_loss_weight,
        "BoxClassifierLoss/classification_loss": _mean(classification, sampled, sampled)
        * settings.second_stage_classification_loss_weight,
    }


def _sample(
    positive: Tensor, negative: Tensor, size: int, positive_fraction: float, priority: Tensor
) -> tuple[Tensor, Tensor]:
    """The same choice as ``matching.sample``: int64 ``(n, size)`` candidates, bool ``(n, size)`` which are real."""
    count = positive.shape[1]
    most = min(int(size * positive_fraction), size, count)
    best, place = torch.where(positive, priority, -1.0).topk(most, dim=1)
    # Chosen positives come before all negatives, which fill up what they leave.
    key = torch.where(negative, priority, -1.0).scatter(1, place, torch.where(best >= 0, best + 2, -1.0))
    lost = (best < 0) & negative.gather(1, place)  # a negative that stood in for a positive keeps its turn
    key = key.scatter(1, place, torch.where(lost, priority.gather(1, place), key.gather(1, place)))
    values, chosen = key.topk(min(size, count), dim=1)
    return chosen, values >= 0


def _masked_overlaps(targets: BatchTargets, candidates: Tensor) -> Tensor:
    """IoU ``(n, most, candidates)``; -1 for padding."""
    return torch.where(targets.real[..., None], _overlaps(targets.boxes, candidates), -1.0)


def _overlaps(first: Tensor, second: Tensor) -> Tensor:
    """IoU of ``(n, k, 4)`` and ``(n, m, 4)`` xyxy boxes: ``(n, k, m)``; 0 where they do not meet."""
    width, height = (
        (
            torch.minimum(first[:, :, None, axis + 2], second[:, None, :, axis + 2])
            - torch.maximum(first[:, :, None, axis], second[:, None, :, axis])
        ).clamp_(min=0)
        for axis in (0, 1)
    )
    overlap = width * height
    area_first, area_second = ((each[..., 2:] - each[..., :2]).prod(dim=-1) for each in (first, second))
    union = area_first[:, :, None] + area_second[:, None, :] - overlap
    return torch.where(overlap == 0, 0.0, overlap / union)


def _take(values: Tensor, places: Tensor) -> Tensor:
    """Rows ``(n, k, c)`` of ``(n, m, c)`` at int64 ``(n, k)``."""
    return values.gather(1, places[..., None].expand(-1, -1, values.shape[-1]))


def _encoded(targets: BatchTargets, candidates: Tensor, matched: Tensor) -> Tensor:
    """Codes that each candidate should give; zeros where it matches nothing."""
    codes = box_coder.encode(_take(targets.boxes, matched.clamp(min=0)), candidates)
    return torch.where((matched >= 0)[..., None], codes, 0.0)


def _mean(values: Tensor, counted: Tensor, sampled: Tensor) -> Tensor:
    """Each image's sum over what is counted, per sampled candidate; the mean over images."""
    sums = torch.where(counted, values, 0.0).sum(dim=1)
    return (sums / sampled.sum(dim=1).clamp(min=1)).mean()
