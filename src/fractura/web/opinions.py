"""What a model's detections say of an image: how uncertain it is, and where it contradicts the people who drew boxes.

Uncertainty is the margin between the two classes "fracture" and "none" of the detection that is nearest to the
threshold: ``1 - |2p - 1|``, largest over the image's detections (Brust et al., Active Learning for Deep Object
Detection, 2018: 1-vs-2 margin, aggregated by maximum). ``p`` is the score stretched so that the model's threshold lies
at one half. 0 without detections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fractura.core.boxes import pairwise_iou
from fractura.formats.voc.model import VocObject
from fractura.web.detection_cache import Detection, ImageDetections
from fractura.web.folder_index import Opinion

TOUCHING = 0.1
"""IoU from which a detection and a box are about the same place: the loose criterion of the evaluation."""

Kind = Literal["missed_by_human", "missed_by_model", "other_class"]


@dataclass(frozen=True)
class Disagreement:
    """One contradiction.

    Attributes:
        kind: ``missed_by_human``: a detection from the threshold up where there is no box. ``missed_by_model``: a box
            where there is no detection of any score. ``other_class``: a detection from the threshold up on a box of
            another class.
        place: The detection, or the box that the model missed.
    """

    kind: Kind
    place: Detection | VocObject


def uncertainty(detections: Sequence[Detection], threshold: float) -> float:
    """Of an image, 0 to 1; see above."""
    return max((1 - abs(2 * _stretched(detection.score, threshold) - 1) for detection in detections), default=0.0)


def _stretched(score: float, threshold: float) -> float:
    if score < threshold:
        return 0.5 * score / threshold
    return 0.5 + 0.5 * (score - threshold) / (1 - threshold) if threshold < 1 else 0.5


def disagreements(detections: Sequence[Detection], boxes: Sequence[VocObject], threshold: float) -> list[Disagreement]:
    """Where detections and boxes contradict each other; difficult boxes may be missed."""
    overlap = pairwise_iou(
        _corners([detection.corners for detection in detections]), _corners([box.corners for box in boxes])
    )
    touching = overlap >= np.float32(TOUCHING)
    found: list[Disagreement] = []
    for detection, touched in zip(detections, touching, strict=True):
        if detection.score < threshold:
            continue
        names = {boxes[place].name for place in np.flatnonzero(touched).tolist()}
        if not names:
            found.append(Disagreement("missed_by_human", detection))
        elif detection.name not in names:
            found.append(Disagreement("other_class", detection))
    for place, box in enumerate(boxes):
        if not box.difficult and not touching[:, place].any():
            found.append(Disagreement("missed_by_model", box))
    return found


def opinion(found: ImageDetections, boxes: Sequence[VocObject] | None, threshold: float) -> Opinion:
    """The model's opinion of an image.

    Args:
        found: Its detections.
        boxes: What people drew; None on an image that nobody labelled.
        threshold: Of the model.
    """
    return Opinion(
        uncertainty(found.detections, threshold),
        any(detection.score >= threshold for detection in found.detections),
        boxes is not None and bool(disagreements(found.detections, boxes, threshold)),
    )


def _corners(corners: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    return np.array(corners, dtype=np.float32).reshape(-1, 4)
