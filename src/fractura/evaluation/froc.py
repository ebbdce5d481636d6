"""Free-response ROC: the share of marked boxes found, against false marks per film.

The matching rule, for one film, one class and one overlap:

1. Marks are taken from the best score down (equal scores in the order given).
2. A mark finds the box that is still free and overlaps it most, if that IoU reaches the wanted one. Each box is found
   once, each mark finds one.
3. A mark that finds none but overlaps a ``difficult`` box as much is left out: neither found nor false.
4. Every other mark is false, a second mark on a box already found too.

``difficult`` boxes are not among the boxes to be found. Since marks are taken by score, dropping the marks below some
score changes nothing above it: one matching serves every threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.boxes import Boxes
from fractura.dataset import Dataset, Record

FALSE_MARKS_PER_FILM = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
FOUND, FALSE, LEFT_OUT = 1, 0, -1


@dataclass(frozen=True, eq=False)
class Matching:
    """What became of every mark on a set of films, at one overlap.

    Attributes:
        scores: float32 ``(marks,)``.
        outcome: int8 ``(marks,)``: ``FOUND``, ``FALSE`` or ``LEFT_OUT``.
        films: int64 ``(marks,)``: position of the mark's film.
        labels: int64 ``(marks,)``.
        truths: Boxes to be found, ``difficult`` ones apart.
        film_count: Number of films.
    """

    scores: NDArray[np.float32]
    outcome: NDArray[np.int8]
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

    def sensitivity_at(self, false_marks_per_film: float) -> float | None:
        """Share of boxes found with at most so many false marks a film on average: the best threshold that keeps to it.

        The curve is a staircase; nothing is interpolated. None without films or boxes to be found.
        """
        if not self.truths or not self.film_count:
            return None
        _, found, false = self.curve()
        allowed = np.searchsorted(false, false_marks_per_film * self.film_count, side="right")
        return float(found[allowed - 1] / self.truths) if allowed else 0.0


def match_marks(dataset: Dataset, predictions: Sequence[Boxes], iou: float) -> Matching:
    """Match the marks of every film to its boxes.

    Args:
        dataset: The films with their boxes.
        predictions: One scored ``Boxes`` per record, labels in the data set's order.
        iou: Overlap from which a mark finds a box, above 0 up to 1.
    """
    if not 0 < iou <= 1:
        raise ValueError(f"the overlap must be above 0 and at most 1, not {iou}")
    outcomes = [_match_film(record, marks, iou) for record, marks in zip(dataset.records, predictions, strict=True)]
    return Matching(
        scores=_joined([scores_of(marks) for marks in predictions], np.float32),
        outcome=_joined(outcomes, np.int8),
        films=np.repeat(np.arange(len(predictions)), [len(marks) for marks in predictions]).astype(np.int64),
        labels=_joined([marks.labels for marks in predictions], np.int64),
        truths=sum(int(np.count_nonzero(~record.difficult)) for record in dataset.records),
        film_count=len(dataset),
    )


def _joined(parts: list[NDArray], kind: type) -> NDArray:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)


def scores_of(marks: Boxes) -> NDArray[np.float32]:
    """The scores of predicted boxes, float32 ``(n,)``; a ValueError where there are none."""
    if marks.scores is None:
        raise ValueError("marks to be evaluated need scores")
    return marks.scores


def _match_film(record: Record, marks: Boxes, iou: float) -> NDArray[np.int8]:
    outcome = np.full(len(marks), FALSE, dtype=np.int8)
    if not len(marks) or not len(record.boxes):
        return outcome
    overlap = marks.iou(record.boxes)
    # In float32, as the overlaps are. Only pairs of one class that overlap enough can match; few marks have any.
    possible = (overlap >= np.float32(iou)) & (marks.labels[:, None] == record.boxes.labels[None, :])
    difficult = record.difficult
    outcome[(possible & difficult).any(axis=1)] = LEFT_OUT
    candidates = np.where(possible & ~difficult, overlap, -1.0)
    for mark in np.argsort(-scores_of(marks), kind="stable"):
        box = int(np.argmax(candidates[mark]))
        if candidates[mark, box] >= 0:
            outcome[mark] = FOUND
            candidates[:, box] = -1.0
    return outcome


def film_scores(predictions: Sequence[Boxes]) -> NDArray[np.float32]:
    """The best score on each film, float32 ``(films,)``; 0 where nothing is marked, the lowest a score can be."""
    return np.array([scores_of(marks).max(initial=0.0) for marks in predictions], dtype=np.float32)


def rank_auc(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float | None:
    """Chance that a positive film scores above a negative one, ties counting half; None if either is empty.

    Source: Hanley and McNeil, Radiology 1982;143:29-36.
    """
    if not len(positive) or not len(negative):
        return None
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).sum() / (2 * len(positive) * len(negative)))
