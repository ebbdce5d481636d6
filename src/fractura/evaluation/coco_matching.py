"""COCO's matching of detections to boxes, for ten strict overlaps, two loose ones and four ranges of size at once.

Follows cocoapi PythonAPI/pycocotools/cocoeval.py:235-313 (``evaluateImg``) and common/maskApi.c (``bbIou``). Boxes
flagged ``difficult`` are COCO's crowd: finding one is neither rewarded nor punished, and a detection that lies mostly
inside one is not counted. Two loose overlaps, IoU 0.1 and 0.3, are added to COCO's ten: boxes of 0.4% of an image vary
more from reader to reader than IoU 0.75 tolerates.

Why not pycocotools or faster-coco-eval: they give the metrics of one set of images, and matching again for each of a
thousand resamples would take hours. Here every image is matched once, and what became of each detection is kept; the
bootstrap then only weights images (``coco_metrics``). The tests hold the results against pycocotools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.evaluation.froc import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE

LOOSE_IOUS = (0.1, 0.3)
STRICT_IOUS = tuple(float(iou) for iou in np.linspace(0.5, 0.95, 10))
IOUS = LOOSE_IOUS + STRICT_IOUS
RANGES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Areas in square pixels of the image as displayed, both ends inclusive."""
MOST_DETECTIONS = 100
"""Detections per image and class that count, best first."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CocoMatching:
    """What became of every detection by COCO's rule.

    Attributes:
        overlapping: int64 ``(overlapping,)``: positions, in increasing order, of the detections that overlap a box of
            their class at all; all others are false positives, or ignored outside the range.
        outcome: int8 ``(ious, ranges, overlapping)``: ``TRUE_POSITIVE``, ``FALSE_POSITIVE`` or ``IGNORED``.
        rank: int64 ``(detections,)``: place among the detections of its image and class, the best is 0; from
            ``MOST_DETECTIONS`` on, a detection is not counted.
        in_range: bool ``(ranges, detections)``: the detection's own area is in the range.
        ground_truths: int64 ``(images, classes, ranges)``: boxes to be found.
    """

    overlapping: NDArray[np.int64]
    outcome: NDArray[np.int8]
    rank: NDArray[np.int64]
    in_range: NDArray[np.bool_]
    ground_truths: NDArray[np.int64]

    def select(self, detections: NDArray[np.bool_], images: NDArray[np.bool_]) -> CocoMatching:
        """The same of some images and their detections only."""
        kept = detections[self.overlapping]
        return CocoMatching(
            overlapping=(np.cumsum(detections) - 1)[self.overlapping[kept]],
            outcome=self.outcome[:, :, kept],
            rank=self.rank[detections],
            in_range=self.in_range[:, detections],
            ground_truths=self.ground_truths[images],
        )


def match_coco(dataset: Dataset, predictions: Sequence[Boxes]) -> CocoMatching:
    """Match the detections of every image, one scored ``Boxes`` per record, labels in the data set's order."""
    counts = np.array([len(detections) for detections in predictions], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    areas = [_area(_corner_and_size(detections.xyxy)) for detections in predictions]
    in_range = _in_ranges(np.concatenate(areas) if areas else np.zeros(0))
    overlapping: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    outcomes: list[NDArray[np.int8]] = [np.zeros((len(IOUS), len(RANGES), 0), dtype=np.int8)]
    ground_truths = np.zeros((len(dataset), len(dataset.class_names), len(RANGES)), dtype=np.int64)
    for image, (record, detections) in enumerate(zip(dataset.records, predictions, strict=True)):
        for label in np.unique(record.boxes.labels):
            boxes = _GroundTruth.of(record, int(label))
            ground_truths[image, label] = np.count_nonzero(~boxes.ignored, axis=1)
            rows = np.flatnonzero(detections.labels == label)
            assert detections.scores is not None
            rows = rows[np.argsort(-detections.scores[rows], kind="stable")][:MOST_DETECTIONS]
            overlap = _overlap(_corner_and_size(detections.xyxy[rows]), boxes)
            near = (overlap >= min(IOUS)).any(axis=1)
            if near.any():
                places = starts[image] + rows[near]
                overlapping.append(places)
                outcomes.append(_match(boxes, overlap[near], in_range[:, places]))
    places = np.concatenate(overlapping)
    order = np.argsort(places)
    outcome = np.concatenate(outcomes, axis=2)[:, :, order]
    return CocoMatching(places[order], outcome, _ranks(predictions, counts), in_range, ground_truths)


@dataclass(frozen=True, eq=False)
class _GroundTruth:
    """The boxes of one class on one image.

    Attributes:
        places: ``(n, 4)``: left, top, width, height.
        crowd: ``(n,)``: flagged difficult.
        ignored: ``(ranges, n)``: crowd, or not in the range.
    """

    places: Floats
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_]

    @classmethod
    def of(cls, record: Record, label: int) -> _GroundTruth:
        chosen = record.boxes.labels == label
        places, crowd = _corner_and_size(record.boxes.xyxy[chosen]), record.difficult[chosen]
        return cls(places, crowd, crowd | ~_in_ranges(_area(places)))


def _match(boxes: _GroundTruth, overlap: Floats, in_range: NDArray[np.bool_]) -> NDArray[np.int8]:
    """What becomes of one image's detections of one class, best first.

    Args:
        boxes: Of the class.
        overlap: ``(detections, boxes)``.
        in_range: ``(ranges, detections)``.

    Returns:
        int8 ``(ious, ranges, detections)``.
    """
    table = overlap.tolist()
    outcome = np.repeat(np.where(in_range, FALSE_POSITIVE, IGNORED).astype(np.int8)[None], len(IOUS), axis=0)
    known: dict[bytes, NDArray[np.int64]] = {}
    for position, ignored in enumerate(boxes.ignored):
        # Boxes to be found come first; the order, and with it the matching, is the same where none or all are ignored.
        order = np.argsort(ignored, kind="stable")
        pattern = ignored.tobytes() if ignored.any() and not ignored.all() else b""
        if pattern not in known:
            known[pattern] = np.array([_assign(table, iou, order.tolist(), boxes.crowd, ignored) for iou in IOUS])
        box = known[pattern]
        outcome[:, position] = np.where(box >= 0, np.where(ignored[box], IGNORED, TRUE_POSITIVE), outcome[:, position])
    return outcome


def _assign(
    table: list[list[float]], iou: float, order: list[int], crowd: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> list[int]:
    """For each detection the box it takes, or -1: the free one it overlaps most, boxes to be found before ignored
    ones."""
    taken: set[int] = set()
    found = []
    for row in table:
        best, chosen = min(iou, 1 - 1e-10), -1
        for box in order:
            if box in taken and not crowd[box]:
                continue
            if chosen >= 0 and ignored[box] and not ignored[chosen]:
                break
            if row[box] >= best:
                best, chosen = row[box], box
        if chosen >= 0:
            taken.add(chosen)
        found.append(chosen)
    return found


def _overlap(detections: Floats, boxes: _GroundTruth) -> Floats:
    """``(detections, boxes)``: IoU; for a crowd the share of the detection that lies inside."""
    corner = np.maximum(detections[:, None, :2], boxes.places[None, :, :2])
    end = np.minimum(
        detections[:, None, :2] + detections[:, None, 2:], boxes.places[None, :, :2] + boxes.places[None, :, 2:]
    )
    sides = end - corner
    common = np.where((sides > 0).all(axis=2), sides[..., 0] * sides[..., 1], 0.0)
    own = _area(detections)[:, None]
    whole = np.where(boxes.crowd[None, :], own, own + _area(boxes.places)[None, :] - common)
    overlap = np.zeros_like(common)
    np.divide(common, whole, out=overlap, where=whole > 0)
    return overlap


def _corner_and_size(xyxy: NDArray[np.float32]) -> Floats:
    """COCO's left, top, width, height."""
    corners = xyxy.astype(np.float64)
    return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])


def _area(places: Floats) -> Floats:
    return np.asarray(places[:, 2] * places[:, 3])


def _in_ranges(areas: Floats) -> NDArray[np.bool_]:
    return np.array([(areas >= lowest) & (areas <= highest) for lowest, highest in RANGES.values()])


def _ranks(predictions: Sequence[Boxes], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each detection among those of its image and class."""
    total = int(counts.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    images = np.repeat(np.arange(len(counts)), counts)
    labels = np.concatenate([detections.labels for detections in predictions])
    scores = np.concatenate([detections.scores for detections in predictions if detections.scores is not None])
    order = np.lexsort((-scores, labels, images))
    first = np.append(True, (images[order][1:] != images[order][:-1]) | (labels[order][1:] != labels[order][:-1]))
    begins = np.flatnonzero(first)
    rank = np.empty(total, dtype=np.int64)
    rank[order] = np.arange(total) - np.repeat(begins, np.diff(np.append(begins, total)))
    return rank
