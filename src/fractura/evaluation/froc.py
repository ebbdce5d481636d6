"""Free-response ROC: the share of marked boxes found, against false marks per film.

The matching rule, for one film, one class and one criterion:

1. Marks are taken from the best score down (equal scores in the order given).
2. A mark lies right on a box if their IoU reaches the wanted one; by the criterion ``centre``, if the mark's centre is
   inside the box. It finds the box that is still free and that it overlaps most. Each box is found once, each mark
   finds one.
3. A mark that finds none but lies right on a ``difficult`` box is left out: neither found nor false.
4. Every other mark is false, a second mark on a box already found too.

``difficult`` boxes are not among the boxes to be found. Since marks are taken by score, dropping the marks below some
score changes nothing above it: one matching serves every threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.film_score import film_score

FOUND, FALSE, LEFT_OUT = 1, 0, -1
CENTRE = "centre"
IOU_OF = {"iou10": 0.1, "iou30": 0.3, "iou50": 0.5}
"""The overlap that a criterion asks for; ``CENTRE`` asks for none."""


@dataclass(frozen=True, eq=False)
class Matching:
    """What became of every mark on a set of films, by one criterion.

    Attributes:
        scores: float32 ``(marks,)``.
        outcome: int8 ``(marks,)``: ``FOUND``, ``FALSE`` or ``LEFT_OUT``.
        box: int64 ``(marks,)``: position on its film of the box that the mark found, else -1.
        films: int64 ``(marks,)``: position of the mark's film.
        labels: int64 ``(marks,)``.
        truths: Boxes to be found, ``difficult`` ones apart.
        film_count: Number of films.
    """

    scores: NDArray[np.float32]
    outcome: NDArray[np.int8]
    box: NDArray[np.int64]
    films: NDArray[np.int64]
    labels: NDArray[np.int64]
    truths: int
    film_count: int

    def at(self, threshold: float) -> tuple[int, int]:
        """Numbers of found boxes and of false marks among the marks that score at least ``threshold``."""
        # In float32, as Boxes.above compares: 0.35 as a double is not 0.35 as a score.
        outcome = self.outcome[self.scores >= np.float32(threshold)]
        return int(np.count_nonzero(outcome == FOUND)), int(np.count_nonzero(outcome == FALSE))

    def curve(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Every threshold that makes a difference, best first, with found boxes and false marks at it.

        Marks of one score come together: no threshold can tell them apart.
        """
        order = np.argsort(-self.scores, kind="stable")
        scores = self.scores[order]
        found = np.cumsum(self.outcome[order] == FOUND)
        false = np.cumsum(self.outcome[order] == FALSE)
        last = (
            np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, dtype=np.int64)
        )
        return scores[last], found[last].astype(np.int64), false[last].astype(np.int64)


def match_marks(dataset: Dataset, predictions: Sequence[Boxes], criterion: float | str) -> Matching:
    """Match the marks of every film to its boxes.

    Args:
        dataset: The films with their boxes.
        predictions: One scored ``Boxes`` per record, labels in the data set's order.
        criterion: ``iou10``, ``iou30``, ``iou50`` or ``centre``; a number is an IoU, above 0 up to 1.
    """
    return match_by_criteria(dataset, predictions, [criterion])[0]


def match_by_criteria(
    dataset: Dataset, predictions: Sequence[Boxes], criteria: Sequence[float | str]
) -> list[Matching]:
    """``match_marks`` by several criteria at once."""
    wanted = [_overlap_of(criterion) for criterion in criteria]
    scores = [scores_of(marks) for marks in predictions]
    counts = [len(marks) for marks in predictions]
    outcome = np.full((len(wanted), sum(counts)), FALSE, dtype=np.int8)
    found = np.full(outcome.shape, -1, dtype=np.int64)
    start = 0
    for record, marks, count in zip(dataset.records, predictions, counts, strict=True):
        if count and len(record.boxes):
            overlap = marks.iou(record.boxes)
            for row, iou in enumerate(wanted):
                _match_film(
                    record, marks, overlap, iou, outcome[row, start : start + count], found[row, start : start + count]
                )
        start += count
    common = {
        "scores": _joined(scores, np.float32),
        "films": np.repeat(np.arange(len(counts)), counts).astype(np.int64),
        "labels": _joined([marks.labels for marks in predictions], np.int64),
    }
    truths = sum(int(np.count_nonzero(~record.difficult)) for record in dataset.records)
    return [
        Matching(**common, outcome=outcome[row], box=found[row], truths=truths, film_count=len(dataset))
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


def _joined(parts: list[NDArray], kind: type) -> NDArray:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)


def scores_of(marks: Boxes) -> NDArray[np.float32]:
    """The scores of predicted boxes, float32 ``(n,)``; a ValueError where there are none."""
    if marks.scores is None:
        raise ValueError("marks to be evaluated need scores")
    return marks.scores


def _match_film(
    record: Record,
    marks: Boxes,
    overlap: NDArray[np.float32],
    iou: float | None,
    outcome: NDArray[np.int8],
    found: NDArray[np.int64],
) -> None:
    """Write what becomes of one film's marks into ``outcome`` and ``found``, which hold ``FALSE`` and -1."""
    possible = lies_right(record.boxes, marks, overlap, iou)
    difficult = record.difficult
    outcome[(possible & difficult).any(axis=1)] = LEFT_OUT
    candidates = np.where(possible & ~difficult, overlap, -1.0)
    touching = np.flatnonzero((candidates >= 0).any(axis=1))
    for mark in touching[np.argsort(-scores_of(marks)[touching], kind="stable")]:
        box = int(np.argmax(candidates[mark]))
        if candidates[mark, box] >= 0:
            outcome[mark] = FOUND
            found[mark] = box
            candidates[:, box] = -1.0


def lies_right(boxes: Boxes, marks: Boxes, overlap: NDArray[np.float32], iou: float | None) -> NDArray[np.bool_]:
    """Which marks lie right on which boxes of their class: bool ``(marks, boxes)``.

    Args:
        boxes: Boxes people drew.
        marks: Predicted boxes.
        overlap: Their IoU, ``(marks, boxes)``.
        iou: Overlap asked for; None asks for the mark's centre inside the box.
    """
    same_class = marks.labels[:, None] == boxes.labels[None, :]
    if iou is not None:
        return np.asarray((overlap >= np.float32(iou)) & same_class)  # in float32, as the overlaps are
    centre = (marks.xyxy[:, None, :2] + marks.xyxy[:, None, 2:]) / 2
    inside = (centre >= boxes.xyxy[None, :, :2]) & (centre <= boxes.xyxy[None, :, 2:])
    return np.asarray(inside.all(axis=2) & same_class)


def film_scores(predictions: Sequence[Boxes]) -> NDArray[np.float32]:
    """The score of each film, float32 ``(films,)``; see ``fractura.core.film_score``."""
    return np.array([film_score(marks) for marks in predictions], dtype=np.float32)
