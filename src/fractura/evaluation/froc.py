"""Free-response ROC: the share of ground truth boxes found, against false positives per image.

The matching rule, for one image, one class and one criterion:

1. Detections are taken from the best score down (equal scores in the order given).
2. A detection fits a box if their IoU reaches the wanted one; by the criterion ``centre``, if the detection's centre is
   inside the box. It finds the box that is still free and that it overlaps most. Each box is found once, each detection
   finds one.
3. A detection that finds none but fits a ``difficult`` box is ignored: neither a true nor a false positive.
4. Every other detection is a false positive, and so is a second detection on a box already found.

``difficult`` boxes are not among the boxes to be found. Since detections are taken by score, dropping the detections
below some score changes nothing above it: one matching serves every threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.image_score import image_score

TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1
CENTRE = "centre"
IOU_OF = {"iou10": 0.1, "iou30": 0.3, "iou50": 0.5}
"""The overlap that a criterion asks for; ``CENTRE`` asks for none."""


@dataclass(frozen=True, eq=False)
class Matching:
    """What became of every detection on a set of images, by one criterion.

    Attributes:
        scores: float32 ``(detections,)``.
        outcome: int8 ``(detections,)``: ``TRUE_POSITIVE``, ``FALSE_POSITIVE`` or ``IGNORED``.
        box: int64 ``(detections,)``: position on its image of the box that the detection found, else -1.
        images: int64 ``(detections,)``: position of the detection's image.
        labels: int64 ``(detections,)``.
        ground_truths: Boxes to be found, without the ``difficult`` ones.
        image_count: Number of images.
    """

    scores: NDArray[np.float32]
    outcome: NDArray[np.int8]
    box: NDArray[np.int64]
    images: NDArray[np.int64]
    labels: NDArray[np.int64]
    ground_truths: int
    image_count: int

    def at(self, threshold: float) -> tuple[int, int]:
        """Numbers of true and of false positives among the detections that score at least ``threshold``."""
        # In float32, as Boxes.above compares: 0.35 as a double is not 0.35 as a score.
        outcome = self.outcome[self.scores >= np.float32(threshold)]
        return int(np.count_nonzero(outcome == TRUE_POSITIVE)), int(np.count_nonzero(outcome == FALSE_POSITIVE))

    def curve(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Every threshold that makes a difference, highest first, with the numbers of true and false positives at it.

        Detections of one score come together: no threshold can tell them apart.
        """
        order = np.argsort(-self.scores, kind="stable")
        scores = self.scores[order]
        found = np.cumsum(self.outcome[order] == TRUE_POSITIVE)
        false = np.cumsum(self.outcome[order] == FALSE_POSITIVE)
        last = (
            np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, dtype=np.int64)
        )
        return scores[last], found[last].astype(np.int64), false[last].astype(np.int64)


def match_detections(dataset: Dataset, predictions: Sequence[Boxes], criterion: float | str) -> Matching:
    """Match the detections of every image to its boxes.

    Args:
        dataset: The images with their boxes.
        predictions: One scored ``Boxes`` per record, labels in the data set's order.
        criterion: ``iou10``, ``iou30``, ``iou50`` or ``centre``; a number is an IoU, above 0 up to 1.

    Raises:
        ValueError: The IoU is not in that range, or detections have no scores.

    Examples:
        >>> from pathlib import Path
        >>> wrist = Record(image=Path("wrist.png"), width=100, height=100, boxes=Boxes([[10, 10, 50, 50]], [0]))
        >>> found = Boxes([[12, 10, 50, 50], [70, 70, 90, 90]], [0, 0], [0.9, 0.4])
        >>> matching = match_detections(Dataset(class_names=("fracture",), records=(wrist,)), [found], "iou30")
        >>> matching.at(0.5), matching.at(0.3)
        ((1, 0), (1, 1))
    """
    return match_by_criteria(dataset, predictions, [criterion])[0]


def match_by_criteria(
    dataset: Dataset, predictions: Sequence[Boxes], criteria: Sequence[float | str]
) -> list[Matching]:
    """``match_detections`` by several criteria at once."""
    wanted = [_overlap_of(criterion) for criterion in criteria]
    scores = [scores_of(detections) for detections in predictions]
    counts = [len(detections) for detections in predictions]
    outcome = np.full((len(wanted), sum(counts)), FALSE_POSITIVE, dtype=np.int8)
    found = np.full(outcome.shape, -1, dtype=np.int64)
    start = 0
    for record, detections, count in zip(dataset.records, predictions, counts, strict=True):
        if count and len(record.boxes):
            overlap = detections.iou(record.boxes)
            for row, iou in enumerate(wanted):
                _match_image(
                    record,
                    detections,
                    overlap,
                    iou,
                    outcome[row, start : start + count],
                    found[row, start : start + count],
                )
        start += count
    common = {
        "scores": _joined(scores, np.float32),
        "images": np.repeat(np.arange(len(counts)), counts).astype(np.int64),
        "labels": _joined([detections.labels for detections in predictions], np.int64),
    }
    ground_truths = sum(int(np.count_nonzero(~record.difficult)) for record in dataset.records)
    return [
        Matching(**common, outcome=outcome[row], box=found[row], ground_truths=ground_truths, image_count=len(dataset))
        for row in range(len(wanted))
    ]


def _overlap_of(criterion: float | str) -> float | None:
    """The IoU a criterion asks for; None for the centre."""
    if criterion == CENTRE:
        return None
    iou = IOU_OF[criterion] if isinstance(criterion, str) else criterion
    if not 0 < iou <= 1:
        raise ValueError(f"the overlap must be above 0 and at most 1, not {iou}")
    return iou


def _joined(parts: list[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)


def scores_of(detections: Boxes) -> NDArray[np.float32]:
    """The scores of predicted boxes, float32 ``(n,)``; a ValueError where there are none."""
    if detections.scores is None:
        raise ValueError("detections to be evaluated need scores")
    return detections.scores


def _match_image(
    record: Record,
    detections: Boxes,
    overlap: NDArray[np.float32],
    iou: float | None,
    outcome: NDArray[np.int8],
    found: NDArray[np.int64],
) -> None:
    """Write what becomes of one image's detections into ``outcome`` and ``found``.

    They hold ``FALSE_POSITIVE`` and -1 so far.
    """
    possible = fits(record.boxes, detections, overlap, iou)
    difficult = record.difficult
    outcome[(possible & difficult).any(axis=1)] = IGNORED
    candidates = np.where(possible & ~difficult, overlap, -1.0)
    on_a_box = np.flatnonzero((candidates >= 0).any(axis=1))
    for detection in on_a_box[np.argsort(-scores_of(detections)[on_a_box], kind="stable")]:
        box = int(np.argmax(candidates[detection]))
        if candidates[detection, box] >= 0:
            outcome[detection] = TRUE_POSITIVE
            found[detection] = box
            candidates[:, box] = -1.0


def fits(boxes: Boxes, detections: Boxes, overlap: NDArray[np.float32], iou: float | None) -> NDArray[np.bool_]:
    """Which detections fit which boxes of their class: bool ``(detections, boxes)``.

    Args:
        boxes: Boxes people drew.
        detections: Predicted boxes.
        overlap: Their IoU, ``(detections, boxes)``.
        iou: Overlap asked for; None asks for the detection's centre inside the box.
    """
    same_class = detections.labels[:, None] == boxes.labels[None, :]
    if iou is not None:
        return np.asarray((overlap >= np.float32(iou)) & same_class)  # in float32, as the overlaps are
    centre = (detections.xyxy[:, None, :2] + detections.xyxy[:, None, 2:]) / 2
    inside = (centre >= boxes.xyxy[None, :, :2]) & (centre <= boxes.xyxy[None, :, 2:])
    return np.asarray(inside.all(axis=2) & same_class)


def image_scores(predictions: Sequence[Boxes]) -> NDArray[np.float32]:
    """The score of each image, float32 ``(images,)``; see ``fractura.core.image_score``."""
    return np.array([image_score(detections) for detections in predictions], dtype=np.float32)
