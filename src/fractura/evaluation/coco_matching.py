"""COCO's matching of marks to boxes, for ten strict overlaps, two loose ones and four ranges of size at once.

Follows cocoapi PythonAPI/pycocotools/cocoeval.py:235-313 (``evaluateImg``) and common/maskApi.c (``bbIou``). Boxes
flagged ``difficult`` are COCO's crowd: finding one is neither rewarded nor punished, and a mark that lies mostly inside
one is left out of the count. Two loose overlaps, IoU 0.1 and 0.3, stand beside COCO's ten: a box of 0.4 % of a film is
drawn with more spread than IoU 0.75 forgives.

faster-coco-eval and pycocotools give figures only; resampling films needs what became of every mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record

LOOSE_IOUS = (0.1, 0.3)
STRICT_IOUS = tuple(float(iou) for iou in np.linspace(0.5, 0.95, 10))
IOUS = LOOSE_IOUS + STRICT_IOUS
RANGES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Areas in square pixels of the film as displayed, both ends included."""
MOST_MARKS = 100
"""Marks per film and class that count, best first."""
RIGHT, WRONG, IGNORED = 1, 0, -1

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CocoMatching:
    """What became of every mark by COCO's rule.

    Attributes:
        touching: int64 ``(touching,)``: positions, rising, of the marks that overlap a box of their class at all; all
            others are wrong, or ignored outside the range.
        outcome: int8 ``(ious, ranges, touching)``: ``RIGHT``, ``WRONG`` or ``IGNORED``.
        rank: int64 ``(marks,)``: place among the marks of its film and class, best is 0; from ``MOST_MARKS`` on a mark
            counts nowhere.
        in_range: bool ``(ranges, marks)``: the mark's own area is in the range.
        truths: int64 ``(films, classes, ranges)``: boxes to be found.
    """

    touching: NDArray[np.int64]
    outcome: NDArray[np.int8]
    rank: NDArray[np.int64]
    in_range: NDArray[np.bool_]
    truths: NDArray[np.int64]

    def select(self, marks: NDArray[np.bool_], films: NDArray[np.bool_]) -> CocoMatching:
        """The same of some films and their marks only."""
        kept = marks[self.touching]
        return CocoMatching(
            touching=(np.cumsum(marks) - 1)[self.touching[kept]],
            outcome=self.outcome[:, :, kept],
            rank=self.rank[marks],
            in_range=self.in_range[:, marks],
            truths=self.truths[films],
        )


def match_coco(dataset: Dataset, predictions: Sequence[Boxes]) -> CocoMatching:
    """Match the marks of every film, one scored ``Boxes`` per record, labels in the data set's order."""
    counts = np.array([len(marks) for marks in predictions], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    areas = [_area(_corner_and_size(marks.xyxy)) for marks in predictions]
    in_range = _in_ranges(np.concatenate(areas) if areas else np.zeros(0))
    touching: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    outcomes: list[NDArray[np.int8]] = [np.zeros((len(IOUS), len(RANGES), 0), dtype=np.int8)]
    truths = np.zeros((len(dataset), len(dataset.class_names), len(RANGES)), dtype=np.int64)
    for film, (record, marks) in enumerate(zip(dataset.records, predictions, strict=True)):
        for label in np.unique(record.boxes.labels):
            boxes = _TrueBoxes.of(record, int(label))
            truths[film, label] = np.count_nonzero(~boxes.ignored, axis=1)
            rows = np.flatnonzero(marks.labels == label)
            assert marks.scores is not None
            rows = rows[np.argsort(-marks.scores[rows], kind="stable")][:MOST_MARKS]
            overlap = _overlap(_corner_and_size(marks.xyxy[rows]), boxes)
            near = (overlap >= min(IOUS)).any(axis=1)
            if near.any():
                places = starts[film] + rows[near]
                touching.append(places)
                outcomes.append(_match(boxes, overlap[near], in_range[:, places]))
    places = np.concatenate(touching)
    order = np.argsort(places)
    outcome = np.concatenate(outcomes, axis=2)[:, :, order]
    return CocoMatching(places[order], outcome, _ranks(predictions, counts), in_range, truths)


@dataclass(frozen=True, eq=False)
class _TrueBoxes:
    """The boxes of one class on one film: ``(n, 4)`` corner and size, ``(n,)`` crowd, ``(ranges, n)`` ignored."""

    places: Floats
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_]

    @classmethod
    def of(cls, record: Record, label: int) -> _TrueBoxes:
        chosen = record.boxes.labels == label
        places, crowd = _corner_and_size(record.boxes.xyxy[chosen]), record.difficult[chosen]
        return cls(places, crowd, crowd | ~_in_ranges(_area(places)))


def _match(boxes: _TrueBoxes, overlap: Floats, in_range: NDArray[np.bool_]) -> NDArray[np.int8]:
    """What becomes of one film's marks of one class, best first.

    Args:
        boxes: Of the class.
        overlap: ``(marks, boxes)``.
        in_range: ``(ranges, marks)``.

    Returns:
        int8 ``(ious, ranges, marks)``.
    """
    table = overlap.tolist()
    outcome = np.repeat(np.where(in_range, WRONG, IGNORED).astype(np.int8)[None], len(IOUS), axis=0)
    known: dict[bytes, NDArray[np.int64]] = {}
    for position, ignored in enumerate(boxes.ignored):
        # Boxes to be found come first; the order, and with it the matching, is the same where none or all are ignored.
        order = np.argsort(ignored, kind="stable")
        pattern = ignored.tobytes() if ignored.any() and not ignored.all() else b""
        if pattern not in known:
            known[pattern] = np.array([_assign(table, iou, order.tolist(), boxes.crowd, ignored) for iou in IOUS])
        box = known[pattern]
        outcome[:, position] = np.where(box >= 0, np.where(ignored[box], IGNORED, RIGHT), outcome[:, position])
    return outcome


def _assign(
    table: list[list[float]], iou: float, order: list[int], crowd: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> list[int]:
    """For each mark the box it takes, or -1: the free one it overlaps most, boxes to be found before ignored ones."""
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


def _overlap(marks: Floats, boxes: _TrueBoxes) -> Floats:
    """``(marks, boxes)``: IoU; for a crowd the share of the mark that lies inside."""
    corner = np.maximum(marks[:, None, :2], boxes.places[None, :, :2])
    end = np.minimum(marks[:, None, :2] + marks[:, None, 2:], boxes.places[None, :, :2] + boxes.places[None, :, 2:])
    sides = end - corner
    common = np.where((sides > 0).all(axis=2), sides[..., 0] * sides[..., 1], 0.0)
    own = _area(marks)[:, None]
    whole = np.where(boxes.crowd[None, :], own, own + _area(boxes.places)[None, :] - common)
    return np.divide(common, whole, out=np.zeros_like(common), where=whole > 0)


def _corner_and_size(xyxy: NDArray[np.float32]) -> Floats:
    """COCO's left, top, width, height."""
    corners = xyxy.astype(np.float64)
    return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])


def _area(places: Floats) -> Floats:
    return np.asarray(places[:, 2] * places[:, 3])


def _in_ranges(areas: Floats) -> NDArray[np.bool_]:
    return np.array([(areas >= lowest) & (areas <= highest) for lowest, highest in RANGES.values()])


def _ranks(predictions: Sequence[Boxes], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each mark among those of its film and class."""
    total = int(counts.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    films = np.repeat(np.arange(len(counts)), counts)
    labels = np.concatenate([marks.labels for marks in predictions])
    scores = np.concatenate([marks.scores for marks in predictions if marks.scores is not None])
    order = np.lexsort((-scores, labels, films))
    first = np.append(True, (films[order][1:] != films[order][:-1]) | (labels[order][1:] != labels[order][:-1]))
    begins = np.flatnonzero(first)
    rank = np.empty(total, dtype=np.int64)
    rank[order] = np.arange(total) - np.repeat(begins, np.diff(np.append(begins, total)))
    return rank
