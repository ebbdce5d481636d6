"""Weighted box fusion: the detections of several views of one image become one set of boxes.

Source: Solovyev, Wang and Gabruseva, "Weighted boxes fusion", 2019, arXiv 1910.13302, section 3. One thing differs: a
view does not count where it cannot see, outside its parts of the image or because a thing is too small in them. What
only a tile of a large image can show thus keeps its score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes, pairwise_iou

SAME_DETECTION_IOU = 0.55
"""Overlap from which two boxes mean one thing; the paper's."""
SAME_DETECTION_SHARE = 0.6
"""Share of the smaller box that two boxes from neighbouring parts have in common if they mean one thing."""
_SEEN_SHARE = 0.9
_SEEN_SIZE = 1 / 40
"""Share of a window's longer side from which a thing in it can be seen; fractures on images that are labelled whole
have more (FracAtlas: 95 of 100 have over 1/25)."""


@dataclass(frozen=True, eq=False)
class ViewResult:
    """What was found in one view of an image.

    Attributes:
        boxes: Scored boxes in pixels of the image.
        windows: float32 ``(k, 4)``: left, top, right, bottom of the parts of the image that were examined.
    """

    boxes: Boxes
    windows: NDArray[np.float32]


def fuse(views: Sequence[ViewResult], iou: float = SAME_DETECTION_IOU) -> Boxes:
    """Fuse what several views found.

    Boxes are taken from the best score down. A box joins the cluster of its class whose fused box it overlaps most, if
    that is by at least ``iou``; else it begins a cluster. A cluster's corners are the mean of its boxes' corners,
    weighted by score. Its score is the mean over the views that see its place, each with its best box in the cluster,
    or 0.

    Args:
        views: One or more.
        iou: Overlap from which boxes mean one thing, 0..1.

    Returns:
        Fused boxes, best first, scores in 0..1.
    """
    boxes = _joined([view.boxes for view in views])
    xyxy, labels, scores = boxes.xyxy, boxes.labels, _scores(boxes)
    view_of = np.repeat(np.arange(len(views)), [len(view.boxes) for view in views])
    count = 0
    # Room for as many clusters as there are boxes: best score of each view, sum of weights, sum of weighted corners.
    best = np.zeros((len(scores), len(views)))
    weights = np.zeros(len(scores))
    sums = np.zeros((len(scores), 4))
    fused = np.zeros((len(scores), 4), dtype=np.float32)
    cluster_labels = np.zeros(len(scores), dtype=np.int64)
    for index in np.argsort(-scores, kind="stable"):
        overlap = pairwise_iou(xyxy[index : index + 1], fused[:count])[0]
        overlap[cluster_labels[:count] != labels[index]] = -1.0
        place = int(overlap.argmax()) if count else 0
        if not count or overlap[place] < iou:
            place, count = count, count + 1
            cluster_labels[place] = labels[index]
        # A box of score 0 has a corner, too: the smallest weight that leaves those of others as they are.
        weight = max(float(scores[index]), np.finfo(np.float32).tiny)
        best[place, view_of[index]] = max(best[place, view_of[index]], scores[index])
        weights[place] += weight
        sums[place] += weight * xyxy[index]
        fused[place] = sums[place] / weights[place]
    seen = np.stack([_sees(view.windows, fused[:count]) for view in views], axis=1)
    # Whoever found a box has seen its place.
    seers = (seen | (best[:count] > 0)).sum(axis=1)
    merged = Boxes(fused[:count], cluster_labels[:count], best[:count].sum(axis=1) / np.maximum(seers, 1))
    return merged.select(np.argsort(-_scores(merged), kind="stable"))


def without_doubles(parts: Sequence[Boxes]) -> Boxes:
    """Merge what overlapping parts of an image show: of boxes from different parts that mean one thing, keep the best.

    Parts see a thing at their common border more or less completely: what counts is the share of the smaller box.
    """
    boxes = _joined(parts)
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    area = boxes.area
    left, kept = np.argsort(-_scores(boxes), kind="stable"), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        top_left = np.maximum(boxes.xyxy[best, :2], boxes.xyxy[left, :2])
        bottom_right = np.minimum(boxes.xyxy[best, 2:], boxes.xyxy[left, 2:])
        shared = np.prod(np.maximum(bottom_right - top_left, 0), axis=1)
        double = shared > SAME_DETECTION_SHARE * np.minimum(area[best], area[left])
        left = left[~(double & (part_of[left] != part_of[best]) & (boxes.labels[left] == boxes.labels[best]))]
    return boxes.select(kept)


def _joined(parts: Sequence[Boxes]) -> Boxes:
    return Boxes(
        np.concatenate([part.xyxy for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([_scores(part) for part in parts]),
    )


def _scores(boxes: Boxes) -> NDArray[np.float32]:
    if boxes.scores is None:
        raise ValueError("boxes to be fused need scores")
    return boxes.scores


def _sees(windows: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether at least one window shows nearly all of each box, and not too small: bool ``(n,)``."""
    top_left = np.maximum(windows[:, None, :2], boxes[None, :, :2])
    bottom_right = np.minimum(windows[:, None, 2:], boxes[None, :, 2:])
    shown = np.prod(np.maximum(bottom_right - top_left, 0), axis=2)
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    longer, window_side = (np.max(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, windows))
    large_enough = longer[None, :] >= _SEEN_SIZE * window_side[:, None]
    seen: NDArray[np.bool_] = ((shown >= _SEEN_SHARE * area) & large_enough).any(axis=0)
    return seen
