"""What a model's marks say of a film: how uncertain it is, and where it contradicts the people who drew boxes.

Uncertainty is the margin between the two classes "fracture" and "none" of the mark that is nearest to the threshold:
``1 - |2p - 1|``, largest over the film's marks (Brust et al., Active Learning for Deep Object Detection, 2018: 1-vs-2
margin, aggregated by maximum). ``p`` is the score stretched so that the model's threshold lies at one half. 0 without
marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fractura.core.boxes import pairwise_iou
from fractura.formats.voc.serializer import VocObject
from fractura.web.detection_cache import FilmMarks, Mark
from fractura.web.folder_index import Opinion

TOUCHING = 0.1
"""IoU from which a mark and a box are about the same place: the loose criterion of the evaluation."""

Kind = Literal["missed_by_human", "missed_by_model", "other_class"]


@dataclass(frozen=True)
class Disagreement:
    """One contradiction.

    Attributes:
        kind: ``missed_by_human``: a mark from the threshold up where there is no box. ``missed_by_model``: a box where
            there is no mark of any score. ``other_class``: a mark from the threshold up on a box of another class.
        place: The mark, or the box that the model missed.
    """

    kind: Kind
    place: Mark | VocObject


def uncertainty(marks: Sequence[Mark], threshold: float) -> float:
    """Of a film, 0 to 1; see above."""
    return max((1 - abs(2 * _stretched(mark.score, threshold) - 1) for mark in marks), default=0.0)


def _stretched(score: float, threshold: float) -> float:
    if score < threshold:
        return 0.5 * score / threshold
    return 0.5 + 0.5 * (score - threshold) / (1 - threshold) if threshold < 1 else 0.5


def disagreements(marks: Sequence[Mark], boxes: Sequence[VocObject], threshold: float) -> list[Disagreement]:
    """Where marks and boxes contradict each other; difficult boxes may be missed."""
    overlap = pairwise_iou(_corners([mark.corners for mark in marks]), _corners([box.corners for box in boxes]))
    touching = overlap >= np.float32(TOUCHING)
    found: list[Disagreement] = []
    for mark, touched in zip(marks, touching, strict=True):
        if mark.score < threshold:
            continue
        names = {boxes[place].name for place in np.flatnonzero(touched).tolist()}
        if not names:
            found.append(Disagreement("missed_by_human", mark))
        elif mark.name not in names:
            found.append(Disagreement("other_class", mark))
    for place, box in enumerate(boxes):
        if not box.difficult and not touching[:, place].any():
            found.append(Disagreement("missed_by_model", box))
    return found


def opinion(found: FilmMarks, boxes: Sequence[VocObject] | None, threshold: float) -> Opinion:
    """The model's opinion of a film.

    Args:
        found: Its marks.
        boxes: What people drew; None on a film that nobody labelled.
        threshold: Of the model.
    """
    return Opinion(
        uncertainty(found.marks, threshold),
        any(mark.score >= threshold for mark in found.marks),
        boxes is not None and bool(disagreements(found.marks, boxes, threshold)),
    )


def _corners(corners: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    return np.array(corners, dtype=np.float32).reshape(-1, 4)
